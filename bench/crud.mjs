// Rows that clients write themselves, to exposed tables: pushes and uploads by size, and an upload of 1000 changes.
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples} from './driver.mjs';
import {clocked, groups, warmUpOf} from './push.mjs';
import {changes, expectMade, uploads} from './powersync.mjs';

const rounds = quick ? 2 : 4; // fewer than elsewhere: there are many tables to fill

// More than all changes that follow: these are the rows that there are to change. Statements that look for a row are to be planned for
// a large table: a plan for an empty one reads it from end to end, by hand as in ours.
const rows = 30_000;

/** A table with these rows and no others, and a client that nobody knows yet. */
async function begin(contender) {
  await contender.settle({empty: true});
  await contender.fill(rows, 'b');
  return newClient();
}

const batches = [1, 10, 100, 1000].map((batch) => ({
  batch, warmUp: warmUpOf(batch), count: {1: 600, 10: 3000, 100: 8000, 1000: 12000}[batch] / batch / (quick ? 4 : 1),
}));

/** One kind of change, by size. In each round every contender has a table that the sizes share: each changes other rows of it. */
async function bySize({kind, names, name, ...group}) {
  const contenders = [];
  for (const name of names) contenders.push(await Contender.get(name));
  const [rates, costs] = [new Samples(), new Samples()];
  for (let round = 0; round < rounds; round++) {
    const clients = new Map();
    for (const contender of contenders) clients.set(contender, await begin(contender));
    let first = 1;
    for (const {batch, warmUp, count} of batches) {
      for (const contender of rotated(contenders, round)) {
        progress(`${name}, round ${round + 1} of ${rounds}: ${contender.name}, batch ${batch}`);
        // No checkpoint now: after one, the first change of each page is a copy of the whole page in the log.
        await contender.session.sql('VACUUM (ANALYZE) message');
        const client = clients.get(contender);
        const all = contender.mutation
          ? bodies({...client, batch, first, pushes: warmUp + count, name: contender.mutation})
          : uploads({...client, batch, first, count: warmUp + count, change: changes[kind], apart: contender.apart});
        const {rate, cpu} = await clocked(contender, all, {warmUp, batch});
        await expectMade(contender, kind, first - 1 + all.length * batch, rows);
        rates.add(contender.name, batch, rate);
        costs.add(contender.name, batch, cpu);
      }
      first += (warmUp + count) * batch;
    }
  }
  return groups({name, contenders, what: 'change', ...group}, rates, costs)
    .map((figures) => ({...figures, chart: 'lines', logX: true, logY: true}));
}

export const crud = async () => [
  ...await bySize({
    name: 'crud-insert', title: 'Pushes of rows to insert', x: 'mutations per push', kind: 'put', names: ['ours, message.insert', 'set, message.insert'],
  }),
  ...await bySize({
    name: 'crud-put', title: 'Uploads of new rows', x: 'changes per upload', kind: 'put', names: ['ours, PUT', 'ours, PUT, a transaction each', 'set, PUT'],
  }),
  ...await bySize({
    name: 'crud-patch', title: 'Uploads that change rows', x: 'changes per upload', kind: 'patch', names: ['ours, PATCH', 'set, PATCH'],
  }),
  ...await bySize({
    name: 'crud-delete', title: 'Uploads that delete rows', x: 'changes per upload', kind: 'delete',
    names: ['ours, DELETE', 'ours, DELETE, tombstones', 'set, DELETE', 'set, DELETE, for good'],
  }),
];

export async function upload() {
  const batch = 1000;
  const warmUp = 1;
  const names = ['ours, upload', 'node, upload'];
  const contenders = [];
  for (const name of names) contenders.push(await Contender.get(name));
  const [rates, costs] = [new Samples(), new Samples()];
  for (let round = 0; round < rounds; round++) {
    for (const [x, kind] of [['new rows', 'put'], ['50 % PUT, 40 % PATCH, 10 % DELETE', 'mixed']]) {
      for (const contender of rotated(contenders, round)) {
        progress(`upload, round ${round + 1} of ${rounds}: ${contender.name}, ${x}`);
        const count = warmUp + (contender.slow ? 2 : 10) / (quick ? 2 : 1);
        const client = await begin(contender);
        await contender.session.sql('VACUUM (ANALYZE) message');
        const all = uploads({...client, batch, count, change: changes[kind]});
        const {rate, cpu} = await clocked(contender, all, {warmUp, batch});
        await expectMade(contender, kind, all.length * batch, rows);
        rates.add(contender.name, x, rate);
        costs.add(contender.name, x, cpu);
      }
    }
  }
  return groups({name: 'upload', title: 'Uploads of 1 000 changes', x: 'what is uploaded', contenders, what: 'change'}, rates, costs)
    .map((figures) => ({...figures, chart: 'bars'}));
}
