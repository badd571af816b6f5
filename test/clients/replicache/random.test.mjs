import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import {converge, scenario} from './harness.mjs';

const operations = 1000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Mulberry32: numbers in [0, 1) that depend on nothing but the seed. */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const log = [/Got a non 200 response doing push: 500/, /Got a non 200 response doing pull: 500/];

scenario(`${operations} random operations of five clients end in what the tables hold`, {log, rejects: ['refuse']}, async (world, t) => {
  t.diagnostic(`SEED=${seed}`);
  const {database} = world;
  const [random, chance] = [generator(seed), generator(seed + 1)];
  const pick = choices => choices[Math.floor(random() * choices.length)];

  // Two groups of two tabs and one of one; every client has a line of its own, which fails now and then.
  const clients = ['a', 'a', 'b', 'b', 'c'].map(name => {
    const backend = world.connect(database);
    const fail = async () => {
      if (chance() < 0.03) throw new Error('the line is bad');
    };
    backend.before = backend.after = fail;
    return {backend, replicache: world.open({name, backend})};
  });

  const rows = ['x', 'y/z', '50%', 'w'];
  const issued = {};
  const actions = [
    ({mutate}) => mutate.putNote({id: pick(rows), body: `body ${random()}`}),
    ({mutate}) => mutate.deleteNote({id: pick(rows)}),
    ({mutate}) => mutate.putCell({sheet: pick(rows), name: pick(rows), value: random() < 0.5 ? {random: random()} : null}),
    ({mutate}) => mutate.deleteCell({sheet: pick(rows), name: pick(rows)}),
    ({mutate}) => mutate.putTask({id: pick(rows), title: `title ${random()}`}),
    ({mutate}) => mutate.deleteTask({id: pick(rows)}),
    ({mutate}) => mutate.refuse({id: pick(rows)}),
    ({mutate}) => {
      const id = `counter ${Math.floor(random() * 3)}`;
      issued[id] = (issued[id] ?? 0) + 1;
      return mutate.countUp({id});
    },
    ({mutate}) => {
      issued.any = (issued.any ?? 0) + 1;
      return mutate.countUp({id: 'any'});
    },
    () => database.rows('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body', pick(rows), `SQL ${random()}`),
    () => database.rows('DELETE FROM cell WHERE sheet = $1', pick(rows)),
  ];

  for (let i = 0; i < operations; i++) {
    const client = pick(clients);
    if (random() < 0.05) client.backend.offline = !client.backend.offline;
    if (random() < 0.1) client.replicache.pull().catch(() => {});
    if (random() < 0.1) await sleep(random() * 10);
    await pick(actions)(client.replicache);
  }

  for (const {backend} of clients) backend.offline = false;
  const truth = await converge(database, ...clients.map(({replicache}) => replicache));
  for (const [id, count] of Object.entries(issued)) assert.equal(truth[`note/${id}`].count, count, `each countUp of ${id} once`);
});
