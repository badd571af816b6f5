import type {Client, ClientConfig} from 'pg';
import type {Database} from './database.js';

type Awaitable<T> = T | Promise<T>;

/**
 * What `authenticate` gives for those who are logged out, if they are to be served: the user is NULL for the database. Only this very value
 * says so. null and undefined, as a lookup gives that has failed, are answered with 401.
 */
export const nobody: unique symbol = Symbol.for('replicache-ext.nobody'); // the same in each copy of this package, for bundlers make several
export type Nobody = typeof nobody;

/** A user as the database is told. null: nobody, who is served. */
export type User = string | null;

/** `Who`: whom `authenticate` lets in. */
export interface SyncOptions<Who extends string | Nobody = string> {
  /** The pool of the primary: a `pg.Pool`. Set `lock_timeout` and `connectionTimeoutMillis` in it (docs/operations.md, Waiting). */
  pool: Database;

  /**
   * Who is asking? The id of the user, or null (or an empty id), which is answered with 401, or `nobody`, who is served without a user. A
   * Response, returned or thrown, is the answer. The body of the request belongs to the handler: do not read it.
   */
  authenticate: (request: Request) => Awaitable<Who | null | Response>;

  /**
   * The space that the user pushes to, pulls from and hears of, if the user may. Otherwise a Response, such as one with 403.
   * It must not come from the client unchecked. `user` is null for `nobody`. Default: the space `''`.
   */
  space?: (request: Request, user: Who extends Nobody ? null : Who) => Awaitable<string | Response>;

  /** A pool of read replicas, for pulls. What a replica cannot answer, and what it does not have yet, the primary answers. */
  replica?: Database;

  /**
   * How the session that listens for pokes connects. It must lead to the primary, and not through a transaction pool. A function gives
   * a client that is not connected yet. Default: as `pool` connects.
   */
  listen?: ClientConfig | (() => Client);

  /** The channel of the pokes: the setting `replicache.poke_channel`. Default: `replicache`. */
  channel?: string;

  /** The largest body of a request, in bytes after decompression. Default: 16 MiB. */
  limit?: number;

  /** Whether answers from 1 400 bytes on are compressed with gzip, for clients that accept it. Default: true. */
  gzip?: boolean;

  /** Settings of `events`. */
  events?: {
    /** Whether pages are sent what has changed. false: they are told to pull. Default: true. */
    answers?: boolean;
    /** The pause between two queries for the pages of one space, in milliseconds. Changes in between share one. Default: 0. */
    pause?: number;
    /** The pause between two comments in a stream, in milliseconds. Less than the idle timeout of your proxy. Default: 25 000. */
    heartbeat?: number;
    /**
     * How long a stream lives, in milliseconds. Then the page opens another one, and `authenticate` and `space` are asked again: so this
     * is how long somebody who may not see a space any more hears of it. `disconnect` is quicker. Default: 15 minutes.
     */
    age?: number;
    /** How many streams may be open in this process at once. One more is answered with 503. Default: 10 000. */
    streams?: number;
  };

  /** Told of each error that is answered with a 5xx, or that concerns no request. `what` is a path, `LISTEN`, `pull_for` or `pool`. Default: console.error. */
  log?: (error: unknown, what: string) => void;
}

/** A handler in the form of the Fetch API: of Hono, of Next's route handlers, of Deno, of `toNodeHandler`. */
export type Handler = (request: Request) => Promise<Response>;

/** How protocols differ: their status for an error, and the answer that says it. */
export interface Manners {
  status(error: unknown): number;
  refuse(status: number, message: string, headers: Record<string, string>): Response;
}
