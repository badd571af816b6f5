// The table of docs/http.md, for every server that there is.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {connect} from 'node:net';
import {after, before, describe, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {statusOfLarge} from '../../../node/test/harness.mjs';
import {readmeServer, Server, text, titles} from './servers.mjs';

const page = await text('docs/http.md').catch(() => '');

/** status → its SQLSTATEs, as the table of the page lists them. A class stands for one of its states. */
function documented() {
  const [, section] = /## Which SQLSTATE is which status\n([^]*?)\n## /.exec(page);
  return new Map(Array.from(section.matchAll(/^\| (\d{3}) \| ([^|]*) \|/gm), ([, status, states]) =>
    [Number(status), states.match(/\b[0-9A-Z]{5}\b|\bclass [0-9A-Z]{2}\b/g)?.map(state => state.replace(/^class (..)$/, '$1006'))]));
}

test('the README has the statuses of the package', async () => {
  const [, code] = /const statuses[^=]*= \[\n([^]*?)\];/.exec(await text('node/src/http.ts'));
  const [, readme] = /const statuses = \{(.*)\};/.exec(readmeServer);
  assert.deepEqual(readme.split(', '), Array.from(code.matchAll(/\[(\d+), (.*)\],/g), ([, status, states]) => `${status}: ${states}`));
});

titles.forEach((title, number) => describe(title, () => {
  let server;
  before(async () => server = await Server.start(title, number));
  after(() => server?.drop());

  async function refused(expected, body, options) {
    const {status, text} = await server.post(body, options);
    assert.equal(status, expected, text);
  }

  test('what is fine: 200, as JSON', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
      const {status, type: given, text} = await server.fine({headers: {'Content-Type': type}});
      assert.equal(status, 200, text);
      assert.match(given, /^application\/json\b/);
      JSON.parse(text);
    }
  });

  test('what is no request', async () => {
    const good = JSON.stringify(server.push(randomUUID()));
    for (const body of ['', '{', good.slice(0, -1), good.slice(0, good.length / 2), `${good}x`, '[]', 'null', '{}', `${good.slice(0, -1)},"x":"\0"}`,
      '['.repeat(100_000), good.replace(/"(clientGroupID|client_id|type)":"[^"]*"/, '"$1":"\\u0000"')])
      await refused(server.malformed, body);
    // Bytes that are not of the encoding: Node puts U+FFFD there, and what is left of it is fine.
    assert.ok([200, server.malformed].includes((await server.post(Buffer.concat([Buffer.from(good.slice(0, -2)), Buffer.from([0xff]), Buffer.from(good.slice(-2))]))).status));
  });

  test('no Content-Type, or another: 415', async () => {
    const body = server.push(randomUUID());
    const bytes = Buffer.from(JSON.stringify(body));
    await refused(415, bytes, {headers: {}});
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=x-unknown', ''])
      await refused(415, bytes, {headers: {'Content-Type': type}});
    assert.equal((await server.post(body)).status, 200);  // nothing has been processed
  });

  test('a body that is too large: 413', async () => {
    // Each over a connection of its own: one that has been idle for 5 s may be closed while fetch sends.
    const large = length => statusOfLarge(server.url + server.path(), {'Content-Type': 'application/json', ...server.as(randomUUID())},
      JSON.stringify(server.push(randomUUID())) + ' '.repeat(length));
    assert.equal(await large(17 * 2 ** 20), 413);
    assert.equal(await large(15 * 2 ** 20), 200);
  });

  test('a request that is broken off: nothing happens', async () => {
    for (const end of ['destroy', 'resetAndDestroy']) {
      const {hostname, port} = new URL(server.url);
      const socket = connect(Number(port), hostname);
      const headers = Object.entries({...server.as('ann'), 'Content-Type': 'application/json'}).map(([name, value]) => `${name}: ${value}\r\n`).join('');
      await new Promise(resolve => socket.write(`POST ${server.path()} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 1000\r\n\r\n{"push`, resolve));
      await sleep(50);
      socket[end]();
    }
    assert.equal((await server.fine()).status, 200);
  });

  test('nobody: 401', async t => {
    if (!server.authenticates) return t.skip('anybody may');
    await refused(401, server.push(randomUUID()), {user: null});
  });

  test('what is somebody else’s, or not granted: 403', async () => {
    if (server.pullPath) {
      const group = randomUUID();
      assert.equal((await server.post(server.push(group), {user: 'ann'})).status, 200);
      await refused(403, server.push(group), {user: 'bob'});
      await refused(403, {...server.pull, clientGroupID: group}, {user: 'bob', path: server.pullPath});
    }
    if (!server.role) return;
    await server.rows(`REVOKE USAGE ON SCHEMA replicache FROM ${server.name}`);
    await refused(403, server.push(randomUUID()));
    await server.rows(`GRANT USAGE ON SCHEMA replicache TO ${server.name}`);
  });

  test('every SQLSTATE of the documentation has its status', async () => {
    const listed = documented();
    assert.deepEqual([...listed.keys()], [400, 403, 503, 500]);
    assert.equal(listed.get(500), undefined);
    listed.set(500, ['XX000', 'XX001', '22012', '22003', '23505', '28000', '3D000', '42P01', '42883', '54000', '55000', 'P0001', 'RE002']);
    for (const [expected, states] of listed)
      for (const state of states) {
        const {status, headers, text} = await server.failing(state, 1000, () => server.fine());
        assert.equal(status, expected === 400 ? server.malformed : expected, `${state}: ${text}`);
        assert.equal(headers.get('Retry-After'), status === 503 ? '1' : null, state);
        assert.equal(text.includes('it fails'), status < 500, `${state}: ${text}`);  // what is amiss within is told to nobody
      }
  });

  test('a serialization failure or a deadlock is tried again, a few times', async () => {
    for (const state of ['40001', '40P01']) {
      for (const times of [1, 2]) {
        const {status, calls} = await server.failing(state, times, () => server.fine());
        assert.deepEqual([status, calls], [200, times + 1]);
      }
      const {status, calls} = await server.failing(state, 1000, () => server.fine());
      assert.deepEqual([status, calls], [503, 3]);
    }
    const {status, calls} = await server.failing('55P03', 1, () => server.fine());
    assert.deepEqual([status, calls], [503, 1]);
  });

  test('whoever waits for a lock is told to come again, and the others go on', async () => {
    // More than the pool has connections, and somebody who wants nothing of what is locked.
    const crowd = 12;
    const users = Array.from({length: crowd}, (_, i) => title === 'examples/last_mutation_at' ? 'ann' : `user-${i}`);
    let lock, other, group = () => randomUUID();
    if (server.pullPath) {
      assert.equal((await server.fine()).status, 200);
      lock = [server.lock ?? `SELECT FROM replicache.space WHERE id = '' FOR UPDATE`];
      other = () => server.post({...server.pull, clientGroupID: randomUUID()}, {path: server.pullPath});
    } else if (title === 'examples/powersync') {
      lock = [`INSERT INTO replicache.upload_client (client_id, user_id, last_number, last_seen) SELECT 'device', 'user-' || i, 0, now() FROM generate_series(0, $1) i`, crowd - 1];
      group = () => 'device';
      other = () => server.fine();
    } else {
      await server.rows(`SELECT replicache.create_space('ann', 'time')`);
      lock = [`SELECT FROM replicache.space WHERE id = 'ann' FOR UPDATE`];
      other = () => server.fine({user: 'bob'});
    }
    const pushes = users.map(user => [server.push(group()), {user}]);
    const send = () => pushes.map(([body, options]) => server.post(body, options));
    await server.while(lock[0], lock.slice(1), async () => {
      const answers = Promise.all(send());
      answers.catch(() => {});  // awaited below, unless something is amiss before
      await sleep(100);
      assert.equal((await other()).status, 200);
      for (const {status, headers, text} of await answers) {
        assert.equal(status, 503, text);
        assert.ok(headers.get('Retry-After'));
      }
    });
    // Nothing of it was marked, so the same go well once the lock is gone; of those on one head, the first.
    const after = (await Promise.all(send())).map(({status}) => status).sort();
    assert.deepEqual(after, title === 'examples/last_mutation_at' ? [200, ...Array(crowd - 1).fill(409)] : Array(crowd).fill(200));
  });

  test('connections that are gone, and none to be had', async () => {
    await Promise.all(Array.from({length: 5}, () => server.fine()));
    const terminate = `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND backend_type = 'client backend'`;
    await server.rows(terminate);
    for (let i = 0; ; ++i, await sleep(20)) {
      const {status} = await server.fine();
      if (status === 200) break;
      assert.equal(status, 503);
      assert.ok(i < 100);
    }
    if (!server.role) return;  // no limit binds a superuser
    await server.rows(`ALTER ROLE ${server.name} CONNECTION LIMIT 0`);
    await server.rows(terminate);
    await sleep(100);
    const {status, text} = await server.fine();
    assert.equal(status, 503, text);  // 53300
    await server.rows(`ALTER ROLE ${server.name} CONNECTION LIMIT -1`);
    assert.equal((await server.fine()).status, 200);
  });

  test('a push that was halted: 503, with the answer', async t => {
    if (!server.pullPath) return t.skip('nothing is halted in this protocol');
    await server.rows(`CREATE FUNCTION later() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed' USING ERRCODE = 'RE001'; END $$`);
    await server.rows(`SELECT replicache.register_mutator('later', 'later()')`);
    const push = server.push(randomUUID());
    push.mutations.push({...push.mutations[0], id: 2, name: 'later', args: {}});
    const {status, headers, text} = await server.post(push);
    assert.deepEqual([status, headers.get('Retry-After')], [503, '1']);
    const {applied, halted} = JSON.parse(text);
    assert.deepEqual([applied, halted.code], [1, 'RE001']);
  });

  test('a pull of a row that only looks as if something were halted: 200', async t => {
    if (!server.pullPath) return t.skip('this protocol has none');
    await server.rows(`CREATE TABLE doc (id text PRIMARY KEY, body json); SELECT replicache.track_table('doc')`);
    await server.rows(`INSERT INTO doc VALUES ('d', '{"halted":{}}'); GRANT SELECT ON doc TO PUBLIC`);
    const {status, text} = await server.post({...server.pull, clientGroupID: randomUUID()}, {path: server.pullPath});
    assert.equal(status, 200);
    assert.match(text, /"halted":\s*\{\}/);
  });
}));
