// One session that LISTENs, for the whole process. docs/pokes.md says what it hears.
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import type {Client, ClientConfig} from 'pg';

/** What has changed: a space with its newest version, or, with null, any space. */
export interface Poke {
  space: string | null;
  version?: number;
}

export interface ListenOptions {
  /** How to connect: to the primary, and not through a transaction pool. A function gives a client that is not connected yet. */
  connect: ClientConfig | (() => Client);
  channel: string;
  log: (error: unknown, what: string) => void;
}

/** A session that is not answered for so long is dead. */
const patience = 10_000;

export class Listener {
  #options: ListenOptions;
  #hear: (poke: Poke) => void;
  #end = new AbortController();
  #running: Promise<void> | undefined;

  /** `hear` is told what has changed. When the session begins, and whenever it is back, that is everything. */
  constructor(options: ListenOptions, hear: (poke: Poke) => void) {
    this.#options = options;
    this.#hear = hear;
  }

  /** Begin, unless it has begun. */
  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const {signal} = this.#end;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#session(() => {
          failures = 0;
          this.#hear({space: null});
        });
      } catch (error) {
        if (!signal.aborted) this.#options.log(error, 'LISTEN');
      }
      // A second or so at first, and at most half a minute. Not all backends come at once.
      const pause = Math.min(500 * 2 ** failures, 15_000) * (1 + Math.random());
      await sleep(pause, undefined, {signal}).catch(() => {});
    }
  }

  // Returns or throws when the session has ended.
  async #session(begun: () => void): Promise<void> {
    const {connect, channel} = this.#options;
    const {signal} = this.#end;
    const client = typeof connect === 'function' ? connect() : new pg.Client({keepAlive: true, connectionTimeoutMillis: patience, ...connect, ...passwordOf(connect)});
    client.on('notification', ({payload}) => this.#hear(read(payload)));
    client.on('error', () => {});
    try {
      // Ended by the server, by the network, or by close().
      const ended = once(client, 'end', {signal});
      ended.catch(() => {});
      await Promise.race([ended, client.connect()]);
      await Promise.race([ended, answered(client.query(`LISTEN ${client.escapeIdentifier(channel)}`))]);
      begun();
      // A peer that is gone without a word is noticed by asking it.
      for (let over = false; !over;) {
        over = await Promise.race([ended.then(() => true), sleep(30_000, false, {ref: false})]);
        if (!over) await answered(client.query('SELECT 1'));
      }
    } finally {
      client.end().catch(() => {});
    }
  }
}

// A pool hides the password in its options, so that it is in no dump of them.
const passwordOf = ({password}: ClientConfig): ClientConfig => (password === undefined ? {} : {password});

async function answered(query: Promise<unknown>): Promise<void> {
  query.catch(() => {});
  const late = new AbortController();
  const silence = sleep(patience, undefined, {ref: false, signal: late.signal}).then(() => {
    throw Object.assign(new Error('the session that listens does not answer'), {code: '08006'});
  });
  silence.catch(() => {});
  await Promise.race([query, silence]).finally(() => late.abort());
}

// What somebody else has sent on this channel may mean anything.
function read(payload: string | undefined): Poke {
  try {
    const {space, version} = JSON.parse(payload ?? '') as Poke;
    return typeof space === 'string' ? {space, ...(typeof version === 'number' && {version})} : {space: null};
  } catch {
    return {space: null};
  }
}

/**
 * Call `hear` whenever something has changed, or may have changed: for backends that do more with pokes than the handler `events`.
 * The session reconnects by itself. When it begins, and whenever it is back, `hear` is told `{space: null}`.
 */
export function listen(options: Partial<ListenOptions> & Pick<ListenOptions, 'connect'>, hear: (poke: Poke) => void): {close(): Promise<void>} {
  const log = (error: unknown, what: string) => console.error(`replicache-ext: ${what}: ${error instanceof Error ? error.message : error}`);
  const listener = new Listener({channel: 'replicache', log, ...options}, hear);
  listener.start();
  return listener;
}
