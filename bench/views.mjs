// Pulls of what a user may see, as permissions and rows change: private tables side by side with what one writes by hand.
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {create, flag, progress, quick, rotated, Samples, seconds, Session, settle} from './driver.mjs';
import {xLabel} from './report.mjs';
import {openEntries, openInMemory, openOurs, setUpByHand} from './view_contenders.mjs';

const PRIVATE = 'private';
const LIST = 1_000; // documents in a list
const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, ...(flag('LONG') ? [1_000_000] : [])];
const lists = 1 + (quick ? 20 : 1_000);
const userOf = (size) => `user ${size}`;
/** Rounds, and pulls in each round, for about the same time at each size. */
const rounds = (size) => (quick ? 3 : size > 100_000 ? 3 : 7);
const pullsIn = (size) => Math.max(1, Math.round((quick ? 20_000 : 100_000) / size));

const ways = {
  [PRIVATE]: "SELECT replicache.track_table('doc', version => 'version', private => true)",
  parts: `SELECT replicache.track_table('doc', version => 'version', part => 'list_id', parts => $$SELECT s.list_id FROM share s WHERE s.user_id = replicache.current_user_id()$$)`,
  'not private': "SELECT replicache.track_table('doc', version => 'version')",
};
const databaseOf = (way) => `bench_views_${way.replace(/\W+/g, '_')}`;

/** A database for each way to track the table, all with the same rows. */
async function setUp() {
  progress(`views: ${lists * LIST} documents`);
  const template = await create('bench_views', ['views', 'views_by_hand']);
  await template.sql(`SELECT fill_lists(${lists})`);
  for (const size of sizes) await template.sql(`INSERT INTO share SELECT '${userOf(size)}', n FROM generate_series(1, ${size / LIST}) n`);
  await template.client.query(setUpByHand);
  await settle(template, ['doc', 'share']);
  await template.close();
  const databases = new Map();
  for (const [way, track] of Object.entries(ways)) {
    const maintenance = await Session.open('postgres');
    await maintenance.sql(`CREATE DATABASE ${databaseOf(way)} TEMPLATE bench_views`);
    await maintenance.close();
    const session = await Session.open(databaseOf(way));
    await session.sql(track);
    if (way === 'parts') await session.sql('CREATE INDEX ON doc (list_id, version)');
    await settle(session, ['doc', 'share']);
    databases.set(way, session);
  }
  return databases;
}

/** Seconds that the processes of server and backend have spent computing. */
const cpuOf = ({session}) => session.cpu() + (({user, system}) => (user + system) / 1e6)(process.cpuUsage());

/** Measures a pull of all, from their states. Undoes what it has written. The answers that they will go on from. */
async function compare(group, {size, pulls, contenders, states, expected}) {
  const user = userOf(size);
  const timed = async (contender, times) => {
    const state = states.get(contender);
    let time = 0;
    let cpu = 0;
    let answer;
    for (let i = 0; i < times; i++) {
      const undo = contender.writes && group.writes;
      if (undo) await contender.session.sql('BEGIN');
      const before = cpuOf(contender);
      time += await seconds(async () => { answer = await contender.pull(user, state); });
      cpu += cpuOf(contender) - before;
      if (undo) await contender.session.sql('ROLLBACK');
      contender.forget?.([...states.values()]);
    }
    return {time: (time / times) * 1000, cpu: (cpu / times) * 1000, answer};
  };
  for (const contender of contenders) {
    const {answer} = await timed(contender, Math.min(pulls, 8));
    const {puts, dels} = contender.read(answer);
    if (puts !== expected.puts || dels !== expected.dels) throw new Error(`${group.title}, ${size}: ${contender.name} sent ${puts} puts and ${dels} dels`);
  }
  for (let round = 0; round < rounds(size); round++) {
    for (const contender of rotated(contenders, round)) {
      progress(`${group.title}, ${size} visible, round ${round + 1}: ${contender.name}`);
      const {time, cpu} = await timed(contender, pulls);
      group.samples.add(contender.name, size, time);
      group.cpuSamples.add(contender.name, size, cpu);
    }
  }
}

/** Each makes this pull once, for good. */
async function advance(contenders, size, states) {
  for (const contender of contenders) {
    states.set(contender, contender.read(await contender.pull(userOf(size), states.get(contender))).state);
    contender.forget?.([...states.values()]);
  }
}

/** Bytes of WAL that the server's process writes for one pull. */
async function walOf(contender, size, state) {
  const {session} = contender;
  await session.sql('BEGIN');
  const [[plan]] = (await session.client.query({text: `EXPLAIN (ANALYZE, WAL, FORMAT JSON) ${contender.statement(userOf(size), state)}`, rowMode: 'array'})).rows;
  await session.sql('ROLLBACK');
  return JSON.parse(plan)[0].Plan['WAL Bytes'];
}

const collectRubbish = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
})();
function usedMemory() {
  collectRubbish();
  return process.memoryUsage().heapUsed;
}

const pullGroup = (title, writes) => ({
  name: `views-${title.toLowerCase().replace(/\W+/g, '-')}`, title, unit: 'ms', better: 'lower', x: 'rows that the user may see', writes,
  samples: new Samples(), cpuSamples: new Samples(),
});

async function measureSize(size, databases, groups, contenders) {
  const {first, nothing, some, list, wal} = groups;
  const user = userOf(size);
  const each = async (sql) => {
    for (const session of databases.values()) await session.sql(sql);
  };
  const states = new Map();
  const exact = contenders.filter(({name}) => name !== 'not private');
  const ofSql = contenders.filter(({statement}) => statement);

  for (const contender of contenders) await contender.reset?.();
  await compare(first, {size, pulls: Math.max(1, Math.round(pullsIn(size) / 10)), contenders, states, expected: {puts: size, dels: 0}});
  await advance(contenders, size, states);
  await compare(nothing, {size, pulls: pullsIn(size), contenders, states, expected: {puts: 0, dels: 0}});
  for (const contender of ofSql) wal.samples.add(contender.name, `nothing changed, ${xLabel(size)}`, await walOf(contender, size, states.get(contender)));

  await each("UPDATE doc SET done = NOT done WHERE id IN (SELECT id FROM doc WHERE list_id = 1 ORDER BY id LIMIT 100)");
  await compare(some, {size, pulls: Math.max(1, Math.round(pullsIn(size) / 2)), contenders, states, expected: {puts: 100, dels: 0}});
  for (const contender of ofSql) wal.samples.add(contender.name, `100 rows changed, ${xLabel(size)}`, await walOf(contender, size, states.get(contender)));
  await advance(contenders, size, states);

  await each(`UPDATE share SET list_id = 0 WHERE user_id = '${user}' AND list_id = ${size / LIST}`);
  await compare(list, {size, pulls: Math.max(1, Math.round(pullsIn(size) / 4)), contenders: exact, states, expected: {puts: LIST, dels: LIST}});
  for (const contender of ofSql.filter((c) => exact.includes(c))) {
    wal.samples.add(contender.name, `list exchanged, ${xLabel(size)}`, await walOf(contender, size, states.get(contender)));
  }
  await each(`UPDATE share SET list_id = ${size / LIST} WHERE user_id = '${user}' AND list_id = 0`);
  for (const session of databases.values()) await settle(session, ['doc', 'share']);
}

/** Bytes for each row that a user may see, for many users with different views. */
async function storage(databases, contenders) {
  const users = quick ? 5 : 20;
  const ofUser = quick ? 1 : 10; // lists
  const rows = users * ofUser * LIST;
  const samples = new Samples();
  const x = `${users} users with ${xLabel(ofUser * LIST)} rows each`;
  for (const session of databases.values()) {
    await session.sql(`INSERT INTO share SELECT 'storage ' || u, u + l * ${quick ? 3 : 37} FROM generate_series(1, ${users}) u, generate_series(0, ${ofUser - 1}) l`);
  }
  for (const contender of contenders.filter(({name}) => name !== 'not private')) {
    progress(`views: storage of ${contender.name}`);
    const {session} = contender;
    if (contender.forget) {
      contender.forget([]);
      const before = usedMemory();
      for (let user = 1; user <= users; user++) await contender.pull(`storage ${user}`);
      samples.add(contender.name, x, (usedMemory() - before) / rows);
      contender.forget([]);
      continue;
    }
    const tables = contender.reset ? ['view_entry'] : ['replicache.view_record', 'replicache.client_view'];
    const owner = contender.reset ? session : databases.get(contender.name);
    await owner.sql(`TRUNCATE ${tables.join(', ')}`);
    for (let user = 1; user <= users; user++) {
      if (contender.reset) await session.sql(`SELECT pull_entries('storage ${user}', 'storage ${user}')`);
      else await session.sql(`SELECT replicache.pull('{"pullVersion":1, "clientGroupID":"storage ${user}", "cookie":null}', 'storage ${user}')`);
    }
    samples.add(contender.name, x, Number(await owner.sql(`SELECT ${tables.map((table) => `pg_total_relation_size('${table}')`).join(' + ')}`)) / rows);
    await owner.sql(`TRUNCATE ${tables.join(', ')}`);
  }
  return {name: 'views-storage', title: 'What is stored about a client', unit: 'bytes per row that its user may see', better: 'lower', x: 'in the database, or in memory (node)', samples};
}

const coveringIndex = 'CREATE INDEX doc_view ON doc (list_id) INCLUDE (id, version)';
const shared = 'SELECT s.list_id FROM share s WHERE s.user_id = replicache.current_user_id()';
/** Ways to write the same policy. */
const policies = [
  ['`= ANY (ARRAY(SELECT …))`, covering index', `list_id = ANY (ARRAY(${shared}))`],
  ['`= ANY (ARRAY(SELECT …))`, index on `list_id` alone', `list_id = ANY (ARRAY(${shared}))`, 'CREATE INDEX doc_view ON doc (list_id)'],
  ['`IN (SELECT …)`', `list_id IN (${shared})`],
  ['`EXISTS (SELECT …)`', `EXISTS (${shared} AND s.list_id = doc.list_id)`],
  ['a function: `is_member(list_id)`', 'is_member(list_id)'],
];

async function policyForms(session, contender) {
  const samples = new Samples();
  const user = userOf(sizes[0]);
  await session.sql(`CREATE FUNCTION is_member(list int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT EXISTS (${shared} AND s.list_id = list)'`);
  for (const [name, condition, index = coveringIndex] of policies) {
    progress(`views: policy ${name}`);
    await session.sql('DROP INDEX doc_view');
    await session.sql(index);
    await session.sql('DROP POLICY shared ON doc');
    await session.sql(`CREATE POLICY shared ON doc USING (${condition})`);
    await settle(session, ['doc']);
    let state;
    const slow = await seconds(async () => { ({state} = contender.read(await contender.pull(user, null))); }) > 2;
    for (let i = 0; i < (slow ? 0 : 2); i++) await contender.pull(user, state);
    for (let round = 0; round < (slow ? 1 : 5); round++) {
      samples.add(name, 'ms', (await seconds(async () => {
        if (contender.read(await contender.pull(user, state)).puts) throw new Error('the policy is not the same');
      })) * 1000);
    }
  }
  return {
    name: 'views-policies', title: `A private pull that finds nothing: ${xLabel(sizes[0])} rows of ${xLabel(lists * LIST)} are visible, by the form of the policy`, unit: 'ms',
    better: 'lower', x: 'policy', samples, order: policies.map(([name]) => name),
  };
}

export async function views() {
  const databases = await setUp();
  const contenders = [];
  for (const way of Object.keys(ways)) contenders.push(await openOurs(databaseOf(way), way));
  contenders.splice(2, 0, await openInMemory(databaseOf(PRIVATE)), await openEntries(databaseOf(PRIVATE)));
  const groups = {
    nothing: pullGroup('Nothing changed', false), some: pullGroup('100 rows changed', true),
    list: pullGroup('A list of 1 000 rows exchanged for another', true), first: pullGroup('First pull', true),
    wal: {name: 'views-wal', title: 'WAL written by a pull', unit: 'bytes', better: 'lower', x: 'pull', plain: true, samples: new Samples()},
  };
  for (const size of sizes) {
    const takePart = contenders.filter(({name}) => size <= 100_000 || !name.startsWith('plpgsql'));
    await measureSize(size, databases, groups, takePart);
  }
  const {wal, ...pulls} = groups;
  const cpu = Object.values(pulls).map(({cpuSamples, ...group}) => ({...group, name: `${group.name}-cpu`, title: `${group.title}, CPU time of server and backend`, samples: cpuSamples}));
  const result = [...Object.values(pulls), ...cpu, wal, await storage(databases, contenders), await policyForms(databases.get(PRIVATE), contenders[0])];
  for (const {session} of contenders) await session.close();
  for (const session of databases.values()) await session.close();
  return result.map(({samples, cpuSamples, writes, ...group}) => ({file: 'views', order: contenders.map(({name}) => name), ...group, series: samples.summary()}));
}
