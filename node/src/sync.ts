import {Fanout} from './fanout.js';
import {makeHandler} from './handler.js';
import {Listener, type Poke} from './listen.js';
import type {Handler, Nobody, SyncOptions, User} from './options.js';
import * as others from './others.js';
import {Replica} from './replica.js';
import {events, pull, push, type Parts} from './replicache.js';

/** The handlers of a backend. Use those of your protocol; the others cost nothing. */
export interface Sync {
  /** Replicache: `POST`, the push. */
  push: Handler;
  /** Replicache: `POST`, the pull. A page sends its id as the header `X-Page`. */
  pull: Handler;
  /**
   * Replicache: `GET`, a stream of server-sent events, for the space. A page sends its id as the parameter `page`. It pulls when it opens its
   * first stream, and at each event `message`. An event `answer` has two lines of data: what `rep.poke` takes, without the patch, and the patch.
   */
  events: Handler;
  /** PowerSync: `POST`, what a client uploads. */
  powersyncUpload: Handler;
  /** lastMutationAt: `GET` and `POST` of `/v1/sync`. */
  lastMutationAt: Handler;
  /** Zero: `POST`, the mutate endpoint. */
  zeroMutate: Handler;
  /** Zero: `POST`, the query endpoint. */
  zeroQuery: Handler;
  /** End the streams of a user (null: of all who are nobody), or of a space, or of both together. The pages come again, and are asked again who they are. */
  disconnect(which: {user?: string | null; space?: string}): void;
  /** Listen no longer, and end all streams. The pools stay as they are. */
  close(): Promise<void>;
}

/** Make the handlers. Nothing connects before the first request. */
export function createSync<Who extends string | Nobody = string>(given: SyncOptions<Who>): Sync {
  const log = given.log ?? ((error: unknown, what: string) => console.error(`replicache-ext: ${what}: ${error instanceof Error ? error.message : error}`));
  const {limit = 16 * 1024 * 1024} = given;
  const options = {...given, limit, log} as SyncOptions<string | Nobody> & {limit: number; log: typeof log};
  const {pool, channel = 'replicache', events: {answers = true, pause = 0, heartbeat = 25_000, age = 15 * 60_000, streams = 10_000} = {}} = options;

  // A session that ends while it is idle, as when the server restarts, is an error of its pool. If nobody heard it, it would end the process.
  for (const database of [pool, options.replica])
    if (database?.listenerCount?.('error') === 0) database.on?.('error', error => log(error, 'pool'));

  const fanout = new Fanout({database: pool, answers, pause, heartbeat, age, streams, log});
  const replica = new Replica(pool, options.replica);
  const listener = new Listener({connect: options.listen ?? pool.options ?? {}, channel, log}, (poke: Poke) => {
    replica.poke(poke);
    fanout.poke(poke);
  });

  const parts: Parts = {options, fanout, replica, listen: () => listener.start()};
  const handler = (runs: Record<string, (parts: Parts, request: Request, user: User) => Promise<Response>>, manners?: typeof others.zeroManners): Handler =>
    makeHandler(options, Object.fromEntries(Object.entries(runs).map(([method, run]) => [method, (request, user) => run(parts, request, user)])), manners);

  const opens = handler({GET: events});
  return {
    push: handler({POST: push}),
    pull: handler({POST: pull}),
    events: request => fanout.arrive(request, () => opens(request)),
    powersyncUpload: handler({POST: others.powersyncUpload}, others.powersyncManners),
    lastMutationAt: handler({GET: others.lastMutationAtPull, POST: others.lastMutationAtPush}, others.lastMutationAtManners),
    zeroMutate: handler({POST: others.zeroMutate}, others.zeroManners),
    zeroQuery: handler({POST: others.zeroQuery}, others.zeroManners),
    disconnect: which => fanout.disconnect(which),
    close: async () => {
      fanout.close();
      await listener.close();
    },
  };
}
