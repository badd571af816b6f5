// What happens while clients work: tables come and go, answers get lost, sessions and zero-cache itself are killed. In the end,
// every mutation that a client has taken is done once, in its order, and all see the same rows.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {createBuilder, createSchema, defineMutator, defineMutators, defineQueries, defineQuery, number, string, table} from '@rocicorp/zero';
import {randomOf} from '../../random.mjs';
import {eventually, lost, mutators, queries, schema, skip, until, useStack, watch} from './stack.mjs';

const stack = useStack();
const {backend, cache, database, open, close} = stack;
const ok = {type: 'success'};
const long = Boolean(process.env.CHECK_LONG);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** A schema that has one table more, and what belongs to it. */
function extended(...columns) {
  const extra = table('extra').columns({id: string(), body: string(), ...Object.fromEntries(columns.map(name => [name, number()]))}).primaryKey('id');
  const bigger = createSchema({tables: [...Object.values(schema.tables).map(one => ({build: () => one, schema: one})), extra]});
  const builder = createBuilder(bigger);
  return {
    schema: bigger,
    mutators: defineMutators({extra: {insert: defineMutator(({tx, args}) => tx.mutate.extra.insert(args)), update: defineMutator(({tx, args}) => tx.mutate.extra.update(args))}}),
    all: defineQueries({extra: {all: defineQuery(() => builder.extra.orderBy('id', 'asc'))}}).extra.all(),
  };
}

test('tables come and go while mutations go on', {skip}, async () => {
  const client = open();
  await until(client, 'connected');
  let sent = 0;
  let stop = false;
  const work = (async () => {
    while (!stop) {
      sent++;
      assert.deepEqual(await client.mutate(mutators.item.count({id: 'ddl'})).server, ok);
    }
  })();
  const sql = statements => database.owner.query(statements);
  try {
    for (const round of [1, 2]) {
      await sql(`CREATE TABLE extra (id text PRIMARY KEY, body text NOT NULL)`);
      await sql(`SELECT replicache.track_table('extra')`);
      await sql(`SELECT replicache.expose_crud('extra')`);
      await sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON extra TO zero_app`);
      await sql(`SELECT replicache.register_query('extra.all', '{"table":"extra","orderBy":[["id","asc"]]}')`);
      const first = extended();
      let other = open({user: 'bob', schema: first.schema, mutators: first.mutators});
      let view = watch(other, first.all);
      assert.deepEqual(await other.mutate(first.mutators.extra.insert({id: 'e1', body: `round ${round}`})).server, ok);
      await eventually(() => assert.deepEqual([view.state, view.rows.map(row => row.body)], ['complete', [`round ${round}`]]));

      await sql(`ALTER TABLE extra ADD COLUMN size integer NOT NULL DEFAULT 5`);
      await close(other);
      const second = extended('size');
      other = open({user: 'bob', schema: second.schema, mutators: second.mutators});
      view = watch(other, second.all);
      await eventually(() => assert.deepEqual(view.rows.map(({id, size}) => [id, size]), [['e1', 5]]));
      assert.deepEqual(await other.mutate(second.mutators.extra.update({id: 'e1', size: 6})).server, ok);
      await eventually(() => assert.deepEqual(view.rows.map(({id, size}) => [id, size]), [['e1', 6]]));
      assert.ok((await database.value(`SELECT version FROM extra`)) > 0);

      await sql(`SELECT replicache.hide_crud('extra')`);
      const {error} = await other.mutate(second.mutators.extra.update({id: 'e1', size: 7})).server;
      assert.equal(error.message, 'unknown mutator "extra.update"');
      await close(other);
      if (round === 1) {
        await sql(`SELECT replicache.untrack_table('extra')`);
        await sql('DROP TABLE extra');
      } else {
        // Both kinds of event triggers see it: ours forgets the table.
        await sql('DROP TABLE extra');
        assert.deepEqual(await database.rows(`SELECT FROM replicache.tracked_table WHERE relation::text = 'extra'`), []);
      }
      await sql(`SELECT replicache.unregister_query('extra.all')`);
    }
  } finally {
    stop = true;
    await work;
  }
  const view = watch(client, queries.item.all());
  await eventually(() => assert.equal(view.rows.find(({id}) => id === 'ddl')?.n, sent));
  assert.equal(await database.value(`SELECT n FROM item WHERE id = 'ddl'`), sent);
  assert.deepEqual(backend.errors.map(({message}) => message), []);
  await close(client);
});

/** A client, and what the rows that only it writes must be. Its counters are shared. */
class Player {
  rows = new Map();
  accepted = 0;
  connections = 0;

  constructor(name, random, counters, ...options) {
    Object.assign(this, {name, random, counters});
    this.client = open(...options);
    this.id = this.client.clientID;
    this.client.connection.state.subscribe(({name}) => {
      if (name === 'connected') this.connections++;
    });
  }

  get state() {
    return this.client.connection.state.current.name;
  }

  /** Mutate once, if the client takes it. Resolves to a promise of the server's answer, in an array: it is not waited for. */
  async step() {
    if (this.state === 'error' || this.state === 'needs-auth') await this.client.connection.connect();
    const {below, pick, weigh} = this.random;
    const id = `${this.name}${below(4)}`;
    const title = `t${below(1000)}`;
    const counter = pick(['shared1', 'shared2']);
    const counted = this.counters.get(counter) ?? 0;
    const count = key => () => {
      const {title: before = 'counted', n = 0} = this.rows.get(key) ?? {};
      this.rows.set(key, {title: before, n: n + 1});
    };
    const [call, effect, message] = weigh([
      [4, [mutators.item.put({id, title}), () => this.rows.set(id, {n: 0, ...this.rows.get(id), title})]],
      [4, [mutators.item.count({id: counter}), () => this.counters.set(counter, counted + 1)]],
      [3, [mutators.item.count({id}), count(id)]],
      [2, [mutators.item.answer({id}), count(id)]],
      [2, [mutators.item.refuse({id}), () => {}, `item ${id} is refused`]],
      [2, [mutators.item.delete({id}), () => this.rows.delete(id)]],
      [1, [mutators.item.nowhere(), () => {}, 'unknown mutator "item.nowhere"']],
    ]);
    const connections = this.connections;
    const {client: local, server} = this.client.mutate(call);
    const taken = await local;
    // Without a connection the client takes nothing. What it has taken, it sends when it can.
    if (taken.type === 'error') {
      assert.equal(taken.error.type, 'zero');
      return [];
    }
    this.accepted++;
    effect();
    return [server.then(answer => {
      if (answer.error?.type === 'zero') return;  // nothing is known
      // Zero's client calls it a success if the poke with the error was lost with the connection: onConnected() in mutation-tracker.ts.
      if (!answer.error && this.connections > connections) return;
      assert.equal(answer.error?.message, message);
    }).catch(error => (this.failure ??= error))];
  }
}

async function history(seed) {
  await database.owner.query('DELETE FROM item');
  const random = randomOf(seed);
  const {below, pick, chance} = random;
  const counters = new Map();
  const players = [
    new Player('a', random, counters, {group: `h${seed}`}),
    new Player('b', random, counters, {group: `h${seed}`}),
    new Player('c', random, counters, {user: 'bob'}),
  ];
  const views = players.map(({client}) => watch(client, queries.item.all()));
  await Promise.all(players.map(({client}) => until(client, 'connected')));
  const killed = [];
  const killSession = () => database.value(`
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = current_user AND datname = current_database() AND query LIKE '%zero\\_push%' AND state = 'active' AND pid <> pg_backend_pid()`);
  backend.before = async kind => {
    if (kind === 'mutate' && chance(8)) throw 503;
    if (kind === 'mutate' && chance(10)) setTimeout(() => killed.push(killSession()), below(12));
    if (chance(10)) await sleep(below(30));
  };
  backend.after = async kind => {
    if (kind !== 'mutate' || !chance(25)) return;
    spoilt++;
    throw pick([lost, 503]);
  };
  let spoilt = 0;
  const steps = 120;
  const outage = below(steps - 40) + 20;
  let restart;
  for (let n = 0; n < steps; n++) {
    const [server] = await pick(players).step();
    if (n < outage || n > outage + 15) await Promise.race([server ?? sleep(50), sleep(below(300))]);  // or else they all come in one push
    if (n === outage) {
      await cache.kill();
      restart = cache.start();
    }
    if (n === outage + 15) await restart;
  }
  assert.ok(spoilt > 0);
  await Promise.all(killed);
  backend.before = backend.after = async () => {};

  // Everybody comes back, and everything that was taken arrives.
  const expected = Object.fromEntries([...counters].map(([key, n]) => [key, {title: 'counted', n}]));
  for (const player of players) Object.assign(expected, Object.fromEntries(player.rows));
  await eventually(async () => {
    for (const {client, state} of players.map(player => ({client: player.client, state: player.state})))
      if (state === 'error' || state === 'needs-auth') await client.connection.connect();
    const done = await database.rows('SELECT "clientID" AS id, "lastMutationID"::integer AS n FROM zero_0.clients');
    for (const {id, accepted} of players) assert.equal(done.find(row => row.id === id)?.n ?? 0, accepted);
  }, 60_000);
  const rows = await database.rows('SELECT id, title, n FROM item');
  assert.deepEqual(Object.fromEntries(rows.map(({id, title, n}) => [id, {title, n}]).sort()), Object.fromEntries(Object.entries(expected).sort()));
  for (const view of views)
    await eventually(() => assert.deepEqual(Object.fromEntries(view.rows.map(({id, title, n}) => [id, {title, n}])), Object.fromEntries(Object.entries(expected).sort())), 60_000);
  for (const {failure} of players) assert.ifError(failure);
  // Errors of SQL were those of killed sessions.
  const strange = backend.errors.splice(0).filter(({code}) => code !== '57P01');
  assert.deepEqual(strange.map(({code, message}) => `${code} ${message}`), []);
  await close(...players.map(({client}) => client));
}

for (let n = 0; n < (long ? 30 : 1); n++)
  test(`a history like no other, seed ${seed + n}`, {skip}, () => history(seed + n));
