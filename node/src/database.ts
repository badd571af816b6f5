// Queries: what is tried again, what a request that was given up still costs, and which server is asked.
import {connect as connectTo} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ClientConfig, PoolClient} from 'pg';

/** A query whose rows are arrays of text. */
export interface ArrayQuery {
  text: string;
  values: unknown[];
  rowMode: 'array';
}

/** What is needed of a `pg.Pool`. Anything else with a `query` will do, such as a pool of several servers. */
export interface Database {
  query(query: ArrayQuery): Promise<{rows: any[][]}>;
  /** With it, a pull whose client has gone is cancelled. */
  connect?(): Promise<PoolClient>;
  /** How the session that listens connects, unless `listen` says otherwise. */
  options?: ClientConfig;
  /** With these, what happens to a session that is idle is logged, if nobody else listens for the pool's errors. */
  listenerCount?(event: 'error'): number;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

export type Row = (string | null)[];

/** A serialization failure or a deadlock has undone everything: once more, a few times. */
export async function retrying<Result>(work: () => Promise<Result>, tries = 3): Promise<Result> {
  for (; ; tries--) {
    try {
      return await work();
    } catch (error) {
      if (tries === 1 || !/^40(001|P01)$/.test((error as {code?: string}).code ?? '')) throw error;
    }
  }
}

/** The rows that a call gives. It runs to its end, even if the client goes: what has arrived here is to be done. */
export async function write(database: Database, text: string, values: unknown[]): Promise<Row[]> {
  return retrying(async () => (await database.query({text, values, rowMode: 'array'})).rows);
}

/** The rows that a call gives. If the client goes, it waits no longer for a connection, and the query is cancelled. */
export async function read(database: Database, text: string, values: unknown[], signal: AbortSignal): Promise<Row[]> {
  const query: ArrayQuery = {text, values, rowMode: 'array'};
  return retrying(async () => {
    signal.throwIfAborted();
    if (!database.connect) return (await database.query(query)).rows;
    const client = await connection(database.connect(), signal);
    let cancelled = false, over = false, unsure = false;
    // The query fails, too. But an error that nobody hears would end the process.
    client.on('error', ignore);
    // PostgreSQL drops a cancellation that comes while it reads the next message of the same query. So it is sent until the query has ended.
    const cancel = async () => {
      cancelled = true;
      for (let pause = 50; !over; pause = Math.min(2 * pause, 2_000)) {
        cancelQuery(client);
        await sleep(pause, undefined, {ref: false});
      }
    };
    signal.addEventListener('abort', cancel, {once: true});
    try {
      signal.throwIfAborted();
      return (await client.query(query)).rows;
    } catch (error) {
      // What the server has said is its last word. If the driver says something, such as that it has waited long enough, the query may still run.
      unsure = !/^[0-9A-Z]{5}$/.test((error as {code?: string}).code ?? '');
      if (unsure) void cancelForSure(client);
      throw error;
    } finally {
      over = true;
      signal.removeEventListener('abort', cancel);
      // A cancellation may still be on its way: no other query may follow on this connection.
      client.release(cancelled || unsure);
      if (!cancelled && !unsure) client.removeListener('error', ignore); // the pool listens again
    }
  });
}

const ignore = (): void => {};

// A connection of the pool. Who has gone does not take it.
async function connection(connecting: Promise<PoolClient>, signal: AbortSignal): Promise<PoolClient> {
  let leave = () => {};
  const gone = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, {once: true});
  });
  try {
    return await Promise.race([connecting, gone]);
  } catch (error) {
    connecting.then(client => client.release(), () => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

// The query of a connection that is given up: nobody hears when it has ended.
async function cancelForSure(session: PoolClient): Promise<void> {
  for (const pause of [0, 100, 1_000]) {
    await sleep(pause, undefined, {ref: false});
    cancelQuery(session);
  }
}

// As libpq cancels: over a connection of its own, with the key of the session, which works through pgbouncer, too. It needs no
// TLS: the key is all that it says, and who hears it can cancel this query. If it fails, the query runs to its end.
function cancelQuery(session: PoolClient): void {
  const {host, port, processID, secretKey} = session as unknown as {host: string; port: number; processID: number; secretKey: number};
  // A driver other than pg's own may not say what it takes.
  if (typeof host !== 'string' || ![port, processID, secretKey].every(Number.isInteger)) return;
  const request = Buffer.alloc(16);
  [16, 80877102, processID, secretKey].forEach((word, i) => request.writeInt32BE(word, 4 * i));
  const socket = host.startsWith('/') ? connectTo(`${host}/.s.PGSQL.${port}`) : connectTo(port, host);
  socket.on('error', () => {}).setTimeout(5_000, () => socket.destroy()).end(request);
}
