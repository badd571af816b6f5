// Eight writers and four pullers at once. Whatever a puller has been sent equals the tables as its snapshot has them, at
// every moment, and agrees with the lastMutationIDs: a pull misses nothing, and shows nothing too early. With every clock.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';

const duration = Number(process.env.STRESS_MS ?? 6000);
const rooms = ['r0', 'r1'];
const pushersPerRoom = 2;

const schema = `
  CREATE EXTENSION replicache_ext;
  CREATE TABLE note (id int PRIMARY KEY, n int NOT NULL, room text NOT NULL);
  CREATE TABLE soft (id int PRIMARY KEY, n int NOT NULL, room text NOT NULL, gone boolean NOT NULL DEFAULT false);
  CREATE TABLE progress (client text PRIMARY KEY, last bigint NOT NULL, applied int NOT NULL, room text NOT NULL);
  SELECT replicache.track_table('note', space => 'room');
  SELECT replicache.track_table('soft', space => 'room', deleted => 'gone');
  SELECT replicache.track_table('progress', space => 'room');
  -- What its client's lastMutationID has reached stands in the data, too, and how many mutations that took.
  CREATE FUNCTION step(id int, n int, remove boolean, fail boolean) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO progress VALUES (replicache.current_client_id(), replicache.current_mutation_id(), 1, replicache.current_space())
      ON CONFLICT (client) DO UPDATE SET last = excluded.last, applied = progress.applied + 1;
    IF remove THEN
      DELETE FROM note x WHERE x.id = step.id AND room = replicache.current_space();
    ELSE
      INSERT INTO note VALUES (step.id, step.n, replicache.current_space()) ON CONFLICT ON CONSTRAINT note_pkey DO UPDATE SET n = excluded.n
        WHERE note.room = excluded.room;
    END IF;
    IF fail THEN RAISE 'on purpose'; END IF;
  END $$;
  SELECT replicache.register_mutator('step', 'step(int, int, boolean, boolean)');`;

const failing = id => id > 0 && id % 5 === 0;
const int = n => Math.floor(Math.random() * n);
const again = new Set(['40P01', '40001']);  // spaces taken in different orders: whoever loses tries again

const open = [];

async function connect(database) {
  // Deadlocks are part of the plan: spaces are taken in different orders.
  const client = new pg.Client({database, options: '-c deadlock_timeout=20ms'});
  await client.connect();
  open.push(client);
  return client;
}

// Runs statements in a transaction, and rolls back now and then. True if it committed.
async function transaction(client, work) {
  await client.query('BEGIN');
  try {
    await work();
    const commit = Math.random() > 0.2;
    await client.query(commit ? 'COMMIT' : 'ROLLBACK');
    return commit;
  } catch (error) {
    await client.query('ROLLBACK');
    if (!again.has(error.code)) throw error;
    return false;
  }
}

async function pushForever(database, room, group, until, counts) {
  const client = await connect(database);
  const rival = await connect(database);
  for (let next = 1; Date.now() < until;) {
    const size = 1 + int(4);
    const mutations = Array.from({length: size}, (_, i) => ({clientID: group, id: next + i, name: 'step',
      args: {id: int(60), n: int(1000), remove: Math.random() < 0.3, fail: failing(next + i)}}));
    const body = JSON.stringify({pushVersion: 1, clientGroupID: group, mutations});
    const push = connection => transaction(connection, () => connection.query('SELECT replicache.apply_push($1, NULL, $2)', [body, room]));
    const twice = Math.random() < 0.1;  // the same push from two servers at once
    const [first, second] = await Promise.all([push(client), twice && push(rival)]);
    if (!first && !second) continue;
    if (Math.random() > 0.1) next += size;  // else the answer was lost, and the same comes again
    counts.pushes++;
  }
}

async function writeForever(database, until, counts) {
  const client = await connect(database);
  const statements = [
    () => client.query('INSERT INTO note VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET n = excluded.n, room = excluded.room', [int(60), int(1000), rooms[int(2)]]),
    () => client.query('DELETE FROM note WHERE id = $1', [int(60)]),
    () => client.query('UPDATE note SET id = $2 WHERE id = $1 AND NOT EXISTS (SELECT FROM note WHERE id = $2)', [int(60), 60 + int(60)]),
    () => client.query('INSERT INTO soft VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET n = excluded.n, gone = NOT soft.gone', [int(40), int(1000), rooms[int(2)]]),
    () => client.query('UPDATE soft SET room = $2 WHERE id = $1', [int(40), rooms[int(2)]]),
  ];
  while (Date.now() < until) {
    const committed = await transaction(client, async () => {
      for (let i = int(3); i >= 0; i--) {
        await client.query('SAVEPOINT s');
        try {
          await statements[int(statements.length)]();
          await client.query(Math.random() < 0.2 ? 'ROLLBACK TO s' : 'RELEASE s');
        } catch (error) {
          if (error.code !== '23505') throw error;
          await client.query('ROLLBACK TO s');
        }
        if (Math.random() < 0.2) await sleep(int(5));
      }
    });
    if (committed) counts.writes++;
  }
}

const order = cookie => cookie.order ?? cookie;

async function pullForever(database, room, group, until, counts) {
  const client = await connect(database);
  const view = new Map();
  let cookie = null;
  let last = 0;
  for (let done = false; !done; await sleep(int(10))) {
    done = Date.now() > until;
    // One snapshot for the pull and for what it must equal.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const {rows: [{answer}]} = await client.query('SELECT replicache.pull($1, NULL, $2) AS answer',
      [JSON.stringify({pullVersion: 1, clientGroupID: group, cookie}), room]);
    const {rows} = await client.query(`
      SELECT 'note/' || id AS key, json_build_object('id', id, 'n', n, 'room', room) AS value FROM note WHERE room = $1
      UNION ALL SELECT 'soft/' || id, json_build_object('id', id, 'n', n, 'room', room) FROM soft WHERE room = $1 AND NOT gone
      UNION ALL SELECT 'progress/' || client, json_build_object('client', client, 'last', last, 'applied', applied, 'room', room) FROM progress WHERE room = $1`, [room]);
    await client.query('COMMIT');

    const same = JSON.stringify(answer.cookie) === JSON.stringify(cookie);
    assert.ok(cookie === null || same || order(answer.cookie) > order(cookie), 'the cookie went back');
    if (same) assert.deepEqual([answer.patch, answer.lastMutationIDChanges], [[], {}]);
    cookie = answer.cookie;
    for (const {op, key, value} of answer.patch) {
      if (op === 'clear') view.clear();
      else if (op === 'del') view.delete(key);
      else view.set(key, value);
    }
    const expected = new Map(rows.map(({key, value}) => [key, value]));
    assert.deepEqual(new Map([...view].sort()), new Map([...expected].sort()), `the view of ${group} is not what the tables hold`);
    const id = answer.lastMutationIDChanges[group] ?? last;
    assert.ok(id >= last, 'a lastMutationID went back');
    last = id;
    const reached = failing(last) ? last - 1 : last;
    assert.equal(view.get(`progress/${group}`)?.last ?? 0, reached, 'data and lastMutationID disagree');
    assert.equal(view.get(`progress/${group}`)?.applied ?? 0, reached - Math.floor(reached / 5), 'a mutation was lost, or applied twice');
    counts.pulls++;
  }
}

for (const clock of ['counter', 'transaction', 'time']) {
  test(`clock ${clock}: what was pulled equals the tables at every moment, while eight write`, async t => {
    const database = `replicache_stress_${clock}_${process.pid}`;
    const maintenance = await connect(process.env.PGDATABASE ?? 'postgres');
    await maintenance.query(`CREATE DATABASE ${database}`);
    try {
      await maintenance.query(`ALTER DATABASE ${database} SET replicache.default_clock = '${clock}'`);
      const owner = await connect(database);
      await owner.query(schema);
      const counts = {pushes: 0, writes: 0, pulls: 0};
      const until = Date.now() + duration;
      const groups = rooms.flatMap(room => Array.from({length: pushersPerRoom}, (_, i) => [room, `${room}-${i}`]));
      const ends = await Promise.allSettled([
        ...groups.map(([room, group]) => pushForever(database, room, group, until, counts)),
        ...Array.from({length: 4}, () => writeForever(database, until, counts)),
        ...groups.map(([room, group]) => pullForever(database, room, group, until, counts)),
      ]);
      for (const {reason} of ends) if (reason) throw reason;
      t.diagnostic(JSON.stringify(counts));
      for (const [what, n] of Object.entries(counts)) assert.ok(n > 50, `only ${n} ${what}`);
      assert.deepEqual((await owner.query('SELECT DISTINCT clock FROM replicache.space')).rows, [{clock}]);
    } finally {
      await Promise.all(open.splice(0).map(client => client !== maintenance && client.end()));
      await maintenance.query(`DROP DATABASE ${database}`);
      await maintenance.end();
    }
  });
}
