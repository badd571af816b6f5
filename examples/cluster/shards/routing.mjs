// Routing without PL/Proxy: the backend asks the directory once for each space, and has a pool for each shard.
import pg from 'pg';
import {listen} from 'replicache-ext';

/** How to connect to the directory and to the shards, as the role web. */
export const router = process.env.ROUTER;
export const shards = (process.env.SHARDS ?? '').split(' ');

const [directory, ...pools] = [router, ...shards].map(connectionString => new pg.Pool({connectionString, max: 5, connectionTimeoutMillis: 5_000}));
for (const pool of [directory, ...pools]) pool.on('error', () => {}); // a session that ended while it was idle: the next query gets another one

const known = new Map(); // the shards of spaces that were asked for

/** The pool of the shard that has a space. */
export async function poolOf(space) {
  if (!known.has(space)) {
    const sql = 'SELECT shard.of_space($1) AS shard, EXISTS (SELECT FROM shard.exception WHERE space = $1 AND on_the_move) AS moves';
    const {rows: [{shard, moves}]} = await directory.query(sql, [space]);
    if (moves) throw Object.assign(new Error('the space is on the move to another shard'), {code: 'RE001'});
    known.set(space, pools[shard]);
  }
  return known.get(space);
}

/**
 * Sends a query to the shard that has the space. A shard says by RE004 that a space is on its way, or has moved: the client comes again,
 * and the directory is asked again.
 */
export async function query(space, text, values) {
  const away = reason => reason?.code === 'RE004' && known.delete(space);
  try {
    const result = await (await poolOf(space)).query(text, values);
    away(result.rows[0]?.answer?.halted); // a push
    return result;
  } catch (error) {
    away(error);
    throw error;
  }
}

/** Asks anew from now on. The directory says when it has changed. */
export const forget = () => known.clear();
export const followDirectory = () => listen({connect: {connectionString: router}}, forget);

/** Calls `poke` with each poke of each shard. A session listens to each of them. */
export function pokes(poke) {
  for (const connectionString of shards) listen({connect: {connectionString}}, poke);
}

export const end = () => Promise.all([directory, ...pools].map(pool => pool.end()));
