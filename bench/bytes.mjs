// What pushes, rows and sessions take of WAL, disk and memory. No times: a busy machine does not change these figures. docs/scale.md uses them.
import {readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, Samples} from './driver.mjs';
import {xLabel} from './report.mjs';

const spaces = quick ? 1_000 : 10_000;
const pushes = 1_000; // of each kind whose WAL is measured
const pulled = 10_000;
const pull = 'SELECT replicache.pull($1, $2, $3)::text';
const request = ({group}, cookie = null) => JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: group, cookie, pullVersion: 1, schemaVersion: ''});
const group = (name, title, unit, x, samples) => (
  {file: 'bytes', name, title, unit, x, better: 'lower', plain: true, series: samples.summary(), order: [...samples.series.keys()]});

/** Bytes of WAL that the work writes, those of the worker that sends the pokes among them. */
async function walOf(session, work) {
  const start = await session.sql('SELECT pg_current_wal_insert_lsn()');
  await work();
  await sleep(200); // for the worker
  return Number(await session.sql(`SELECT pg_current_wal_insert_lsn() - '${start}'::pg_lsn`));
}

async function pageImages(session, on) {
  await session.sql(`ALTER SYSTEM SET full_page_writes = ${on}`);
  await session.sql('SELECT pg_reload_conf()');
  await sleep(200);
  await session.sql('CHECKPOINT'); // it is in force from here on
}

/** The clients of a workload: each with the pushes that it still has to send. */
const clientsOf = (count, prefix, batch, each) => Array.from({length: count}, (_, i) => {
  const client = newClient();
  return {...client, space: `space-${i}`, bodies: bodies({...client, prefix: `${prefix}${i}-`, batch, pushes: each})};
});

/** One push of each client. */
async function pushAll(contender, clients) {
  for (const client of clients) await contender.push(contender.session, client.bodies.shift(), client.space);
}

async function wal(contender, scattered) {
  const samples = new Samples();
  for (const batch of [1, 10, 100]) {
    progress(`bytes, WAL of pushes of ${batch}`);
    const each = pushes / Math.max(1, batch / 10);
    const [one] = clientsOf(1, `one${batch}-`, batch, each + 1);
    const many = clientsOf(each, `many${batch}-`, batch, 3);
    await pageImages(contender.session, 'off');
    await pushAll(contender, [one]); // the first push of a client writes more
    await pushAll(contender, many);
    samples.add('one space', batch, await walOf(contender.session, async () => { while (one.bodies.length) await pushAll(contender, [one]); }) / each);
    samples.add('a space each', batch, await walOf(contender.session, () => pushAll(contender, many)) / each);
    await contender.settle(); // it ends with a checkpoint
    await pageImages(contender.session, 'on');
    samples.add('a space each, right after a checkpoint', batch, await walOf(contender.session, () => pushAll(contender, many)) / each);
  }
  samples.add('the same, a page each', 1, scattered);
  return group('bytes-wal', 'WAL of a push', 'bytes', 'mutations per push', samples);
}

/** Bytes on disk, indexes included, per row; and the WAL of pushes after a checkpoint that have no page in common, since their spaces are far apart. */
async function disk(contender) {
  const samples = new Samples();
  const {session} = contender;
  const size = async (table) => Number(await session.sql(`SELECT pg_total_relation_size('${table}')`));
  const rowsOf = async (table) => Number(await session.sql(`SELECT count(*) FROM ${table}`));
  const perRow = async (table, work) => {
    await contender.settle();
    const before = [await size(table), await rowsOf(table)];
    await work();
    await contender.settle();
    return (await size(table) - before[0]) / (await rowsOf(table) - before[1]);
  };
  const bookkeeping = ['replicache.space', 'replicache.client_group', 'replicache.client'];
  const clients = clientsOf(spaces, 'd', 1, 12);
  progress('bytes, disk');
  const before = await Promise.all([...bookkeeping, 'message'].map(size));
  await pushAll(contender, clients);
  await contender.settle();
  for (const [i, table] of [...bookkeeping, 'message'].entries()) samples.add(table, 'new', (await size(table) - before[i]) / spaces);
  for (let i = 0; i < 10; i++) await pushAll(contender, clients);
  await contender.settle();
  for (const [i, table] of bookkeeping.entries()) samples.add(table, 'after ten more pushes to each space', (await size(table) - before[i]) / spaces);
  await pageImages(session, 'on');
  const apart = clients.filter((_, i) => i % 50 === 0);
  const scattered = await walOf(session, () => pushAll(contender, apart)) / apart.length;
  samples.add('replicache.tombstone', 'new', await perRow('replicache.tombstone', () => session.sql('DELETE FROM message')));
  samples.add('replicache.mutation_error', 'new', await perRow('replicache.mutation_error', async () => {
    for (const body of bodies({...newClient(), prefix: 'e', batch: 100, pushes: 100, failing: 100})) await contender.push(session, body, 'space-0');
  }));
  return [group('bytes-disk', 'Disk per row, with its indexes', 'bytes', `of ${xLabel(spaces)} rows`, samples), scattered];
}

/** What a server's process has for itself: not what it shares with others. kB. */
const memoryOf = ({client}) => Number(/^Pss_Anon: *(\d+)/m.exec(readFileSync(`/proc/${client.processID}/smaps_rollup`, 'utf8'))[1]);

async function memory(contender) {
  const samples = new Samples();
  progress('bytes, memory');
  const session = await contender.open();
  await session.sql('SELECT 1');
  const note = (what) => samples.add('a session', what, memoryOf(session));
  const client = newClient();
  const [small, large] = [1, 1_000].map((batch) => bodies({...client, prefix: `m${batch}-`, batch, pushes: 1, first: batch === 1 ? 1 : 2})[0]);
  note('new');
  await contender.push(session, small, 'memory');
  await session.run('pull', pull, [request(client), 'ann', 'memory']);
  note('after a push and a pull');
  await contender.push(session, large, 'memory');
  note('after a push of 1 000');
  await session.sql(`INSERT INTO message (id, sender, content, ord, space) SELECT 'memory' || n, 'Ann', repeat('x', 122), n, 'memory' FROM generate_series(1, ${pulled}) n`);
  await session.run('pull', pull, [request(client), 'ann', 'memory']);
  note(`after a pull of ${xLabel(pulled)} rows`);
  await session.close();
  return group('bytes-memory', 'Memory of a session', 'kB', 'session', samples);
}

/** How long requests and answers are. */
async function messages(contender) {
  const samples = new Samples();
  const {session} = contender;
  const [client] = clientsOf(1, 'w', 1, 3);
  const ask = async (sql, values) => (await session.run(sql.slice(0, 40), sql, values))[0][0];
  const pullOf = (cookie) => ask(pull, [request(client, cookie), 'ann', client.space]);
  const note = (what, text, per = 1) => samples.add(what, 'bytes', Buffer.byteLength(text) / per);
  await session.sql('TRUNCATE message');
  note('request of a push of one mutation', client.bodies[0]);
  note('its answer', await ask('SELECT replicache.apply_push($1, $2, $3)::text', [client.bodies.shift(), 'ann', client.space]));
  const {cookie} = JSON.parse(await pullOf(null));
  note('request of a pull', request(client, cookie));
  note('its answer, nothing changed', await pullOf(cookie));
  await session.sql(`INSERT INTO message (id, sender, content, ord, space) VALUES ('w-other', 'Ann', repeat('x', 122), 1, '${client.space}')`);
  note('its answer, one changed row', await pullOf(cookie));
  await session.sql(`INSERT INTO message (id, sender, content, ord, space) SELECT 'wide' || n, 'Ann', repeat('x', 122), n, '${client.space}' FROM generate_series(1, 1000) n`);
  note('its answer, everything, per row', await pullOf(null), 1002);
  return group('bytes-messages', 'Messages', 'bytes', 'message', samples);
}

export async function bytes() {
  const contender = await Contender.get('ours, space column');
  const [sizes, scattered] = await disk(contender);
  return [sizes, await wal(contender, scattered), await memory(contender), await messages(contender)];
}
