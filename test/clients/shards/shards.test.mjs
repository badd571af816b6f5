// The router and the shards of examples/cluster/shards: where requests go, what fails with which error, and that nothing is lost or done twice.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {statusOf} from 'replicache-ext';
import {example as documented} from '../../example.mjs';
import {closing, control, example, pool, run, skip} from './harness.mjs';
import './moves.mjs'; // its tests, on the same servers

const {end, forget, query: routed, router: routerUrl, poolOf, shards: shardUrls} = await import(new URL('routing.mjs', example));
const [router, directory] = [pool(routerUrl), pool(routerUrl, 'postgres')];
const owners = shardUrls.map(url => pool(url, 'postgres'));
closing({end});

const apply = 'SELECT replicache.apply_push($1, $2, $3) AS answer';
const say = (client, id, content) => JSON.stringify({pushVersion: 1, clientGroupID: `group of ${client}`, mutations: [{clientID: client, id, name: 'say', args: {content}}]});
const pullOf = client => JSON.stringify({pullVersion: 1, clientGroupID: `group of ${client}`, cookie: null});
const ask = async (database, sql, ...values) => (await database.query(sql, values)).rows[0].answer;
const code = promise => promise.then(() => 'no error', error => error.code);

/** The name of a space that is not used yet, and belongs to this shard. */
async function nameOn(shard, prefix = 'room/') {
  for (;;) {
    const name = prefix + randomUUID();
    if (await ask(directory, 'SELECT shard.of_space($1) AS answer', name) === shard) return name;
  }
}

/** A new user whose requests belong to this shard. */
const userOn = async shard => (await nameOn(shard, 'user/')).slice('user/'.length);

/** The number of the shard to which the backend's pool leads. */
const numberOf = async space => Number((await ask(await poolOf(space), 'SELECT current_database() AS answer')).replace('shard', ''));

/** On which shards the query gives a row. */
async function where(sql, ...values) {
  const found = await Promise.all(owners.map(async owner => (await owner.query(sql, values)).rows.length));
  return found.flatMap((rows, shard) => (rows ? [shard] : []));
}
const saidOn = content => where('SELECT FROM message WHERE content = $1', content);

test('both ways of routing find the same shard, and both shards are used', {skip}, async () => {
  const spaces = ['', 'a', 'A', 'room/é', '\u{1f600}', ' ', ...Array.from({length: 300}, () => `room/${randomUUID()}`)];
  const {rows} = await router.query('SELECT space, shard.of_space(space) AS shard FROM unnest($1::text[]) space', [spaces]);
  for (const {space, shard} of rows) assert.equal(await numberOf(space), shard, space);
  assert.equal(rows.length, spaces.length);
  for (const shard of [0, 1]) assert.ok(rows.filter(row => row.shard === shard).length > 100);
});

test('the few lines of docs/cluster.md route as well', {skip}, async () => {
  const apps = await Promise.all([0, 1].map(async shard => poolOf(await nameOn(shard))));
  for (const shard of [0, 1]) {
    const content = randomUUID();
    const values = {directory, pools: apps, body: say(randomUUID(), 1, content), user: 'ann', space: await nameOn(shard)};
    const [{apply_push: answer}] = await documented('docs/cluster.md', '### Routing in the backend', values, 'rows');
    assert.equal(answer.applied, 1);
    assert.deepEqual(await saidOn(content), [shard]);
  }
});

test('the functions of the router are those of the extension', {skip}, async () => {
  const sql = `SELECT proname, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result FROM pg_proc
      WHERE pronamespace = 'replicache'::regnamespace AND proname = ANY ($1) ORDER BY 1`;
  const names = (await directory.query(`SELECT proname FROM pg_proc WHERE pronamespace = 'replicache'::regnamespace`)).rows.map(({proname}) => proname);
  const entries = ['apply_push', 'powersync_upload', 'pull', 'pull_for', 'pull_since', 'sync_pull', 'sync_push', 'zero_push', 'zero_queries'];
  assert.deepEqual(names.sort(), entries);
  assert.deepEqual((await directory.query(sql, [names])).rows, (await owners[0].query(sql, [names])).rows);
});

// What lastMutationAt and Zero want on a shard.
const forOthers = `
  CREATE TABLE IF NOT EXISTS diary (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner text NOT NULL DEFAULT replicache.current_user_id(), content text);
  SELECT replicache.track_table('diary', space => 'owner'), replicache.expose_crud('diary', columns => '{"content":"content"}')
      WHERE NOT EXISTS (SELECT FROM replicache.tracked_table WHERE relation = 'diary'::regclass);
  CREATE SCHEMA IF NOT EXISTS zero_0;
  CREATE TABLE IF NOT EXISTS zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
  CREATE TABLE IF NOT EXISTS zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"));
  GRANT USAGE ON SCHEMA zero_0 TO web;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, zero_0 TO web`;

for (const shard of [0, 1]) {
  test(`pushes and pulls of a space on shard ${shard}`, {skip}, async () => {
    const [space, client] = [await nameOn(shard), randomUUID()];
    const [first, second] = [`first ${client}`, `second ${client}`];
    assert.equal((await ask(router, apply, say(client, 1, first), 'ann', space)).applied, 1);
    assert.equal((await ask(await poolOf(space), apply, say(client, 2, second), 'ann', space)).applied, 1);
    assert.equal((await ask(router, apply, say(client, 2, second), 'ann', space)).skipped, 1);
    assert.deepEqual([await saidOn(first), await saidOn(second)], [[shard], [shard]]);

    const contents = ({patch}) => patch.filter(({op}) => op === 'put').map(({value}) => [value.author, value.content]).sort();
    const expected = [['ann', first], ['ann', second]];
    for (const database of [router, await poolOf(space)]) {
      const pulled = await ask(database, 'SELECT replicache.pull($1, $2, $3) AS answer', pullOf(client), 'ann', space);
      assert.deepEqual([contents(pulled), pulled.lastMutationIDChanges], [expected, {[client]: 2}]);
      assert.deepEqual(contents(await ask(database, `SELECT replicache.pull_for($1, 'null', $2, 'ann') AS answer`, [`group of ${client}`], space)), expected);
      assert.deepEqual(contents(await ask(database, 'SELECT replicache.pull_since(0, space => $1) AS answer', space)), expected);
    }
  });

  test(`uploads and pushes of a user on shard ${shard}`, {skip}, async () => {
    const [painter, reader, player] = [await userOn(shard), await userOn(shard), await userOn(shard)];
    for (const owner of owners) await owner.query(forOthers);

    const upload = {client_id: painter, batch: [{op_id: 1, tx_id: 1, op: 'PUT', type: 'note', id: randomUUID(), data: {content: painter}}]};
    for (const database of [router, await poolOf(`user/${painter}`)])
      assert.deepEqual(await ask(database, 'SELECT replicache.powersync_upload($1, $2) AS answer', JSON.stringify(upload), painter), {results: [{status: 'success'}]});
    assert.deepEqual(await where('SELECT FROM note WHERE content = $1', painter), [shard]);

    const create = JSON.stringify({mutations: [{type: 'CREATE', resource: 'diary', data: {content: reader}}]});
    const [{status, mutation_at}] = (await router.query('SELECT * FROM replicache.sync_push($1, -1, $2)', [create, reader])).rows;
    assert.equal(status, 200);
    const pulled = (await router.query('SELECT * FROM replicache.sync_pull(-1, $1, page_limit => 10)', [reader])).rows;
    assert.deepEqual(pulled.map(row => [row.mutation_at, row.body.data.mutations.map(({data}) => data.content)]), [[mutation_at, [reader]]]);
    assert.deepEqual(await where('SELECT FROM diary WHERE content = $1', reader), [shard]);

    const mutation = {type: 'custom', id: 1, clientID: player, name: 'say', args: [{content: player}], timestamp: 1};
    const zero = {clientGroupID: player, mutations: [mutation], pushVersion: 1, schemaVersion: 1, timestamp: 1, requestID: 'r'};
    const {kind, mutations} = await ask(router, `SELECT replicache.zero_push($1, 'zero_0', 'zero', $2) AS answer`, JSON.stringify(zero), player);
    assert.deepEqual([kind, mutations.map(({result}) => result)], ['MutateResponse', [{}]]);
    assert.deepEqual(await saidOn(player), [shard]);
    assert.equal((await ask(router, `SELECT replicache.zero_queries('["transform",[]]', $1) AS answer`, player)).userID, player);
  });
}

test('errors of a shard keep their SQLSTATE, detail and hint', {skip}, async () => {
  const [space, client] = [await nameOn(1), randomUUID()];
  await ask(router, apply, say(client, 1, client), 'ann', space);
  await assert.rejects(ask(router, apply, say(client, 2, client), 'bob', space), error => {
    assert.deepEqual([error.code, statusOf(error)], ['42501', 403]);
    assert.match(error.message, /\[shard1\] REMOTE ERROR: client group .* belongs to another user/);
    assert.match(error.detail, /Nothing was processed/);
    assert.match(error.hint, /Pass the user that the client group belongs to/);
    return true;
  });
  assert.equal(await code(ask(router, apply, '{}', 'ann', space)), '22023');
  assert.equal(await code(ask(router, apply, say(client, 2, client), 'ann', null)), '22004');
  assert.equal(await code(router.query('SELECT replicache.sync_pull(-1, NULL)')), '22004');
  assert.equal((await ask(router, apply, say(client, 2, ''), 'ann', space)).rejected[0].code, '23514');

  // The limits of the role on the shard hold.
  const holder = await owners[1].connect();
  await holder.query('BEGIN; UPDATE replicache.space SET version = version');
  try {
    assert.equal(await code(ask(router, apply, say(client, 3, client), 'ann', space)), '55P03');
  } finally {
    holder.release(true);
  }
});

test('a push is the only thing that a transaction of the router does', {skip}, async t => {
  const [space, client] = [await nameOn(0), randomUUID()];
  const session = await router.connect();
  t.after(() => session.release(true));
  let id = 0;
  const push = () => ask(session, apply, say(client, ++id, `${client} ${id}`), 'ann', space);
  const refusedAs = async (...statements) => {
    for (const statement of statements) await session.query(statement);
    const error = await push().then(() => undefined, error => error);
    await session.query('ROLLBACK');
    assert.deepEqual(await saidOn(`${client} ${id}`), []);
    id--;
    return error?.code;
  };
  assert.equal(await refusedAs('BEGIN READ ONLY'), '25006');
  assert.equal(await refusedAs('BEGIN', 'SELECT pg_current_xact_id()'), '25001');
  assert.equal(await code(session.query(`${apply.replace('$1', '$1::json')}, replicache.apply_push($1, $2, $3)`, [say(client, 1, client), 'ann', space])), '25001');
  // The first of the two was done.
  assert.deepEqual([await saidOn(client), id++], [[0], 0]);

  await session.query('BEGIN');
  await push();
  assert.equal(await code(push()), '25001');
  await session.query('ROLLBACK');
  assert.deepEqual([await saidOn(`${client} 2`), await saidOn(`${client} 3`)], [[0], []], 'what was pushed stays');
  id--;
  assert.equal((await push()).applied, 1);
});

test('a space can be on another shard than its hash says, and on the move', {skip}, async () => {
  const user = await userOn(0);
  const [space, client] = [await nameOn(0), randomUUID()];
  await directory.query('INSERT INTO shard.exception VALUES ($1, 1), ($2, 1)', [space, `user/${user}`]);
  forget();
  assert.deepEqual([await numberOf(space), await numberOf(`user/${user}`), await ask(router, 'SELECT shard.of_space($1) AS answer', space)], [1, 1, 1]);
  await ask(router, apply, say(client, 1, client), 'ann', space);
  await ask(await poolOf(space), apply, say(client, 2, `${client} 2`), 'ann', space);
  assert.deepEqual([await saidOn(client), await saidOn(`${client} 2`)], [[1], [1]]);

  await directory.query('UPDATE shard.exception SET on_the_move = true WHERE space = ANY ($1)', [[space, `user/${user}`]]);
  forget();
  const writes = [
    () => ask(router, apply, say(client, 3, client), 'ann', space),
    async () => ask(await poolOf(space), apply, say(client, 3, client), 'ann', space),
    () => ask(router, 'SELECT replicache.powersync_upload($1, $2) AS answer', '{"batch":[]}', user),
    () => ask(router, 'SELECT status AS answer FROM replicache.sync_push($1, -1, $2)', '{"mutations":[]}', user),
    () => ask(router, `SELECT replicache.zero_push($1, 'zero_0', 'zero', $2) AS answer`, '{}', user),
  ];
  for (const write of writes) await assert.rejects(write, error => assert.deepEqual([error.code, statusOf(error)], ['RE001', 503]) ?? true);
  assert.equal((await ask(router, 'SELECT replicache.pull($1, $2, $3) AS answer', pullOf(client), 'ann', space)).lastMutationIDChanges[client], 2);

  await directory.query('UPDATE shard.exception SET on_the_move = false');
  forget();
  assert.equal((await writes[0]()).applied, 1);
});

test('only the application role gets to the shards, and it cannot change the directory', {skip}, async () => {
  await directory.query('CREATE ROLE stranger LOGIN');
  const stranger = pool(routerUrl, 'stranger');
  assert.equal(await code(ask(stranger, apply, '{}', 'ann', '')), '42501');
  await directory.query('GRANT USAGE ON SCHEMA replicache, shard TO stranger; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache, shard TO stranger; GRANT SELECT ON ALL TABLES IN SCHEMA shard TO stranger');
  assert.equal(await code(ask(stranger, apply, '{}', 'ann', '')), '42501');
  assert.equal(await code(router.query('UPDATE shard.slot SET shard = 0')), '42501');
  assert.equal(await code(router.query(`INSERT INTO shard.exception VALUES ('', 0)`)), '42501');
  const {rows} = await owners[0].query('SELECT DISTINCT usename FROM pg_stat_activity WHERE usename IS NOT NULL');
  assert.ok(rows.some(({usename}) => usename === 'web') && !rows.some(({usename}) => usename === 'stranger'));
});

/** Runs a script that has routing.mjs as `it`. `until` waits until what it has printed is as wanted. */
function start(t, script) {
  const child = spawn(process.execPath, ['-e', `import('${new URL('routing.mjs', example)}').then(async it => { ${script} })`], {stdio: ['ignore', 'pipe', 'inherit']});
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', text => (printed += text));
  t.after(() => child.kill() && once(child, 'exit'));
  return async function until(condition) {
    for (let i = 0; !condition(printed); i++) {
      assert.ok(i < 6000 && child.exitCode === null, `printed: ${printed}`);
      await sleep(10);
    }
  };
}

test('pokes come from both shards', {skip}, async t => {
  const spaces = [await nameOn(0), await nameOn(1)];
  const until = start(t, 'it.pokes(poke => console.log(JSON.stringify(poke)))');
  await until(printed => printed.split('{"space":null}').length === 3); // it listens to both
  for (const space of spaces) await ask(router, apply, say(space, 1, space), 'ann', space);
  await until(printed => spaces.every(space => printed.includes(`{"space":"${space}","version":1}`)));
});

test('a backend that routes by itself hears that the directory has changed', {skip}, async t => {
  const space = await nameOn(0);
  const until = start(t, `
    it.followDirectory();
    for (;; await new Promise(resolve => setTimeout(resolve, 20)))
      console.log((await (await it.poolOf('${space}')).query('SELECT current_database() AS name')).rows[0].name)`);
  await until(printed => printed.split('shard0').length > 10);
  await directory.query('INSERT INTO shard.exception VALUES ($1, 1)', [space]);
  await until(printed => printed.includes('shard1'));
});

test('a shard that is down fails its own spaces only', {skip}, async () => {
  const [up, down, client] = [await nameOn(0), await nameOn(1), randomUUID()];
  let id = 0;
  await control(1, 'stop', '-m', 'fast');
  for (const _ of [1, 2, 3]) {
    assert.equal((await ask(router, apply, say(client, ++id, client), 'ann', up)).applied, 1);
    const error = await ask(router, apply, say(`${client} of 1`, 1, client), 'ann', down).then(() => undefined, error => error);
    assert.ok(error?.code === '57P01' || /^(08|XX000)/.test(error?.code) && /^PL\/Proxy/.test(error.message), error?.message);
    assert.equal((await ask(await poolOf(up), apply, say(client, ++id, client), 'ann', up)).applied, 1);
    await assert.rejects(ask(await poolOf(down), apply, say(`${client} of 1`, 1, client), 'ann', down), error => statusOf(error) === 503);
  }
  await control(1, 'start');
  for (const database of [router, await poolOf(down)])
    for (;;) {
      const answer = await ask(database, apply, say(`${client} of 1`, 1, client), 'ann', down).catch(() => sleep(10));
      if (answer) break;
    }
  assert.equal((await owners[1].query('SELECT FROM message WHERE content = $1', [client])).rows.length, 1);
});

const pull = 'SELECT replicache.pull($1, $2, $3) AS answer';

test('while a space moves and after it, clients are told to come again, or notice nothing', {skip}, async () => {
  const [space, client] = [await nameOn(0), randomUUID()];
  let [id, cookie, seen] = [0, null, 0];
  // Through the router in the same session all the time, and by a backend that remembers where the space was.
  const sessions = new pg.Pool({connectionString: routerUrl, max: 1});
  closing(sessions);
  const ways = [(...query) => ask(sessions, ...query), async (text, ...values) => (await routed(space, text, values)).rows[0].answer];
  const outcome = async promise => {
    try {
      const answer = await promise;
      if (!answer.halted) return answer;
      assert.deepEqual([answer.halted.code, answer.halted.reason, answer.applied], ['RE004', 'temporary', 0]);
    } catch (error) {
      assert.deepEqual([error.code, statusOf(error)], ['RE004', 503], error.message);
    }
    return 'again';
  };
  const pushes = [], pulls = [];
  const look = async () => {
    for (const way of ways) {
      const pushed = await outcome(way(apply, say(client, id + 1, `${client} ${id + 1}`), 'ann', space));
      if (pushed !== 'again') id += pushed.applied;
      pushes.push(pushed.applied ?? pushed);
      const pulled = await outcome(way(pull, JSON.stringify({...JSON.parse(pullOf(client)), cookie}), 'ann', space));
      pulls.push(pulled.patch ? 'answered' : pulled);
      if (pulled === 'again') continue;
      if (cookie) assert.ok(pulled.patch.every(({op}) => op === 'put'), 'no complete pull');
      seen += pulled.patch.filter(({op}) => op === 'put').length;
      cookie = pulled.cookie;
    }
  };
  await look();
  const steps = {hold: ['again', 'answered'], copy: ['again', 'answered'], close: ['again', 'again'], directory: ['again', 'answered'], release: [1, 'answered'], delete: [1, 'answered']};
  for (const [step, expected] of Object.entries(steps)) {
    // A backend that has not heard of the new directory asks the old shard once more, and then the directory.
    if (step === 'directory') await poolOf(space);
    assert.equal((await run('./move', ['shard1', space], {MOVE_STOP_AFTER: step})).status, 137, step);
    pushes.length = pulls.length = 0;
    if (step === 'directory') assert.equal(await outcome(ways[1](pull, pullOf(client), 'ann', space)), 'again');
    await look();
    assert.deepEqual([pushes, pulls], expected.map(it => [it, it]), step);
  }
  assert.deepEqual([id, seen, await where('SELECT FROM message WHERE content LIKE $1', `${client} %`)], [6, 6, [1]]);
});

test('make move', {skip}, async () => {
  const [space, client] = [await nameOn(0), randomUUID()];
  const move = (TO, SPACE = space, more = {}) => run('make', ['-s', 'move', `SPACE=${SPACE}`, `TO=${TO}`], {PROGRESS: '0.02', ...more});
  await ask(router, apply, say(client, 1, client), 'ann', space);
  const {cookie} = await ask(router, pull, pullOf(client), 'ann', space);
  await owners[0].query(`INSERT INTO message (room, author, content) SELECT substr($1, 6), 'ann', n::text FROM generate_series(1, 60000) n`, [space]);

  const {status, out, err} = await move('shard1');
  assert.equal(status, 0, out + err);
  assert.match(out, /: copied to the new server: 60001 rows in \d+\.\d s\n/);
  const lines = err.trim().split('\n').map(line => line.slice(space.length).match(/^: (\d+) %, (\d+) of 60001 rows, (\d+) rows\/s$/)?.slice(1).map(Number));
  assert.ok(lines.length > 0 && lines.every(Boolean), err);
  for (const [i, [percent, rows, rate]] of lines.entries())
    assert.ok(percent === Math.floor(rows / 600.01) && rows <= 60001 && (rows === 0 || rate > 0) && (i === 0 || rows >= lines[i - 1][1]), err);
  assert.deepEqual([await ask(directory, 'SELECT shard.of_space($1) AS answer', space), await saidOn(client)], [1, [1]]);
  const pulled = await ask(router, pull, JSON.stringify({...JSON.parse(pullOf(client)), cookie}), 'ann', space);
  assert.deepEqual([pulled.patch.length, pulled.patch[0].op], [60000, 'put']);
  assert.equal((await ask(router, apply, say(client, 2, `${client} 2`), 'ann', space)).applied, 1);

  // Once more, after a call that was cut off, and back.
  const again = await move('1');
  assert.deepEqual([again.status, again.err], [0, '']);
  assert.match(again.out, /: has moved before, nothing is left to do\n.*: is on shard 1\n$/);
  assert.notEqual((await move('0', space, {MOVE_STOP_AFTER: 'directory'})).status, 0);
  assert.equal((await ask(router, apply, say(client, 3, `${client} 3`), 'ann', space)).halted.code, 'RE004');
  assert.match((await move('0')).out, /: released on the new server\n.*: 60002 rows deleted on the old server\n.*: is on shard 0\n$/);
  assert.equal((await ask(router, apply, say(client, 3, `${client} 3`), 'ann', space)).applied, 1);
  assert.deepEqual([await saidOn(client), await saidOn(`${client} 3`)], [[0], [0]]);

  for (const [to, name, expected] of [['shard7', space, /^the router has no shard 7$/m], ['', space, /^  move SHARD SPACE…/m], ['0', await nameOn(0), /: shard 0 has no space of this name$/m], ['1', await nameOn(0), /: the old server has no space of this name$/m]]) {
    const refused = await move(to, name);
    assert.notEqual(refused.status, 0);
    assert.match(refused.err, expected);
  }
});

test('no server has crashed', {skip}, async () => {
  for (const name of ['router', 'shard0', 'shard1'])
    assert.doesNotMatch(await readFile(`${process.env.SERVERS}/${name}.log`, 'utf8'), /was terminated by signal|PANIC: |TRAP: /);
});
