// The functions of docs/postgrest.md behind what PostgREST sends, and the real client.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {after, before, describe, test} from 'node:test';
import {PostgrestClient} from '@supabase/postgrest-js';
import {supabasePull, supabasePush} from '../../../examples/supabase.mjs';
import {eventually, roles, shows, Site} from './harness.mjs';
import {PostgREST, token} from './postgrest.mjs';

const secret = 'a secret of at least 32 characters';
const bearer = (sub, more) => `Bearer ${token({role: roles.authenticated, sub, ...more}, secret)}`;
let serial = 0;
const push = (...bodies) => ({pushVersion: 1, clientGroupID: `group ${++serial}`, mutations: bodies.map((body, i) =>
  ({clientID: `client ${serial}`, id: i + 1, name: 'putNote', args: {id: `note ${serial}.${i}`, body}}))});
const pull = () => ({pullVersion: 1, clientGroupID: `group ${++serial}`, cookie: null});

let site, rest;
async function start(name, wanted) {
  site = await Site.start(name, wanted);
  rest = new PostgREST(site.authenticator, {secret, anonymous: roles.anon, schema: 'api'});
  await rest.listen();
}
async function stop() {
  await rest?.close();
  await site?.stop();
}

async function post(name, body, authorization = bearer('ann')) {
  const response = await fetch(`${rest.url}/rpc/${name}`, {method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: {'Content-Type': 'application/json', ...(authorization && {Authorization: authorization})}});
  return {status: response.status, retry: response.headers.get('Retry-After'), answer: await response.json()};
}

async function refused(expected, ...request) {
  const {status, answer} = await post(...request);
  assert.equal(status, expected, JSON.stringify(answer));
  return answer;
}

describe('PostgREST', () => {
  before(() => start('postgrest', sql => !/auth\.uid|SCHEMA graph/.test(sql)));
  after(stop);

  test('the real client, with URLs and a token only', async () => {
    const open = (user, options) => site.open({auth: bearer(user), pushURL: `${rest.url}/rpc/push`, pullURL: `${rest.url}/rpc/pull`, ...options});
    const [ann, tab, bob] = [open('ann'), open('ann'), open('bob')];
    await ann.mutate.putNote({id: 'a', body: 'of Ann'});
    await bob.mutate.putNote({id: 'b', body: 'of Bob'});
    await shows(ann, [['a', 'ann', 'of Ann']]);
    await shows(tab, [['a', 'ann', 'of Ann']]);
    await shows(bob, [['b', 'bob', 'of Bob']]);
    await site.sql(`UPDATE app.note SET body = 'by psql' WHERE id = 'a'`);
    await shows(tab, [['a', 'ann', 'by psql']]);
    // Nobody overwrites a note of somebody else; the attempt is rejected, and its client told.
    await bob.mutate.putNote({id: 'a', body: 'of Bob'});
    await shows(bob, [['b', 'bob', 'of Bob']]);
    assert.deepEqual(await site.sql('SELECT sqlstate, user_id FROM replicache.mutation_error'), [{sqlstate: '42501', user_id: 'bob'}]);
    assert.deepEqual([...new Set(rest.requests.map(({name, mode, status}) => `${name} ${mode} ${status}`))].sort(), ['pull READ ONLY 200', 'push READ WRITE 200']);

    // A token that has expired is a 401, and the client asks for another one.
    const late = site.open({auth: bearer('ann', {exp: 1}), pushURL: `${rest.url}/rpc/push`, pullURL: `${rest.url}/rpc/pull`});
    late.getAuth = () => bearer('ann');
    await shows(late, [['a', 'ann', 'by psql']]);
    assert.ok(rest.requests.some(({status}) => status === 401));
  });

  test('what is halted is 503, and what came before it stays', async () => {
    const body = push('one', 'two');
    body.mutations[1].id = 3;
    const {status, retry, answer} = await post('push', body);
    assert.deepEqual([status, retry, answer.applied, answer.halted.reason], [503, '1', 1, 'outOfOrder']);
    assert.deepEqual(await site.sql('SELECT body FROM app.note WHERE id = $1', body.mutations[0].args.id), [{body: 'one'}]);
    assert.equal((await post('push', push('three'))).status, 200);  // the settings of the answer ended with the transaction
  });

  test('who may not', async () => {
    const body = push('of Ann');
    assert.equal((await post('push', body)).status, 200);
    await refused(403, 'push', body, bearer('bob'));
    await refused(403, 'pull', {...pull(), clientGroupID: body.clientGroupID}, bearer('bob'));
    for (const [name, request] of [['push', push('x')], ['pull', pull()]]) {
      await refused(401, name, request, null);
      await refused(401, name, request, bearer(undefined));
      await refused(401, name, request, bearer('ann') + 'x');
      await refused(401, name, request, 'Bearer nonsense');
    }
    for (const name of ['apply_push', 'fail', 'user_id', 'put_note']) await refused(404, name, push('x'));
  });

  test('what is no request', async () => {
    for (const body of ['', '{', '[]', '{}', '{"pushVersion":1}', JSON.stringify(push('x')).replace('group', '\\u0000')]) await refused(400, 'push', body);
    await refused(400, 'pull', {pullVersion: 1});
  });

  test('each SQLSTATE of docs/http.md has its status', async () => {
    const text = await readFile(new URL('../../../docs/http.md', import.meta.url), 'utf8');
    const [, section] = /## Which SQLSTATE is which status\n([^]*?)\n## /.exec(text);
    const listed = Array.from(section.matchAll(/^\| (\d{3}) \| ([^|]*) \|/gm), ([, status, states]) => [Number(status), states.match(/\b[0-9A-Z]{5}\b|(?<=class )[0-9A-Z]{2}\b/g) ?? []]);
    assert.deepEqual(listed.map(([status]) => status), [400, 403, 503, 500]);
    listed.find(([status]) => status === 500)[1].push('XX000', '22012', '23505', '42P01', '42883', '54000', '55000', 'P0001', 'RE002');
    for (const [name, types] of [['push', 'replicache.apply_push(json, text, text)'], ['pull', 'replicache.pull(json, text, text)']]) {
      const real = types.split('(')[0];
      await site.sql(`ALTER FUNCTION ${types} RENAME TO the_real`);
      try {
        for (const [status, states] of listed)
          for (const state of states) {
            await site.sql(`CREATE OR REPLACE FUNCTION ${real}(json, text, text DEFAULT '') RETURNS json LANGUAGE plpgsql
              AS $$ BEGIN RAISE 'it fails' USING ERRCODE = '${state.length === 2 ? `${state}006` : state}'; END $$`);
            const {status: given, retry, answer} = await post(name, name === 'push' ? push('x') : pull());
            assert.deepEqual([given, retry, answer.message], [status, status === 503 ? '1' : null, status < 500 ? 'it fails' : 'try again later'], `${name} ${state}`);
          }
      } finally {
        await site.sql(`DROP FUNCTION ${real}; ALTER FUNCTION replicache.the_real RENAME TO ${real.split('.')[1]}`);
      }
    }
  });

  test('the settings of the role are those of the request', async () => {
    await site.sql(`SELECT replicache.create_space('')`).catch(() => {});
    await site.sql(`ALTER ROLE ${roles.authenticated} SET lock_timeout = '50ms'`);
    const other = await site.owner.connect();
    await other.query(`BEGIN; SELECT FROM replicache.space WHERE id = '' FOR UPDATE`);
    const {status, retry} = await post('push', push('x'));
    assert.deepEqual([status, retry], [503, '1']);
    await other.query('ROLLBACK');
    other.release();
    await site.sql(`ALTER ROLE ${roles.authenticated} RESET lock_timeout`);

    // A push that would take too long ends at half of the time, with what it has done.
    await site.sql(`ALTER ROLE ${roles.authenticated} SET statement_timeout = '3s';
      CREATE FUNCTION app.slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(0.3)'; SELECT replicache.register_mutator('slow', 'app.slow()')`);
    const long = push(...Array(20).fill(''));
    for (const mutation of long.mutations) Object.assign(mutation, {name: 'slow', args: {}});
    const halted = await post('push', long);
    assert.deepEqual([halted.status, halted.answer.halted?.code], [503, 'RE003'], JSON.stringify(halted.answer));
    assert.ok(halted.answer.applied >= 1 && halted.answer.applied < 8, JSON.stringify(halted.answer));
    await site.sql(`ALTER ROLE ${roles.authenticated} RESET statement_timeout`);
  });

  test('a private table that is pulled by a STABLE function', async () => {
    await site.sql(`CREATE TABLE app.line (id int PRIMARY KEY); GRANT SELECT ON app.line TO ${roles.authenticated};
      SELECT replicache.track_table('app.line', private => true); INSERT INTO app.line SELECT generate_series(1, 5000)`);
    assert.equal((await refused(503, 'pull', pull())).code, '25006');
    await site.sql('ALTER FUNCTION api.pull(json) VOLATILE');
    const {status, answer} = await post('pull', pull());
    assert.deepEqual([status, answer.patch.filter(({key}) => key?.startsWith('line/')).length], [200, 5000]);
    await site.sql(`ALTER FUNCTION api.pull(json) STABLE; SELECT replicache.untrack_table('app.line'); DROP TABLE app.line`);
  });
});

describe('Supabase', () => {
  const [ann, bob] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
  before(() => start('supabase', sql => !/SCHEMA graph/.test(sql)));
  after(stop);

  const open = user => {
    const supabase = new PostgrestClient(rest.url, {headers: {apikey: 'public', Authorization: bearer(user)}});
    return site.open({pusher: supabasePush(supabase), puller: supabasePull(supabase)});
  };

  test('the real client, through the library of Supabase', async () => {
    const clients = [open(ann), open(bob)];
    await clients[0].mutate.putNote({id: 'a', body: 'of Ann'});
    await clients[1].mutate.putNote({id: 'b', body: 'of Bob'});
    await shows(clients[0], [['a', ann, 'of Ann']]);
    await shows(clients[1], [['b', bob, 'of Bob']]);
    assert.deepEqual(await site.sql('SELECT id, owner FROM app.note ORDER BY id'), [{id: 'a', owner: ann}, {id: 'b', owner: bob}]);
  });

  test('what is halted, and what goes wrong, is sent again', async () => {
    await site.sql(`CREATE FUNCTION app.later() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      IF NOT EXISTS (SELECT FROM app.note WHERE id = 'open') THEN RAISE 'closed' USING ERRCODE = 'RE001'; END IF; END $$;
      SELECT replicache.register_mutator('later', 'app.later()')`);
    const client = open(ann);
    await client.mutate.later({});
    await eventually(() => assert.ok(rest.requests.some(({status}) => status === 503)));
    assert.equal((await client.experimentalPendingMutations()).length, 1);
    await site.sql(`INSERT INTO app.note VALUES ('open', $1, 'x')`, ann);
    await shows(client, [['a', ann, 'of Ann'], ['open', ann, 'x']]);
  });

  test('a client group that the server has forgotten starts afresh', async () => {
    const client = open(ann);
    await client.mutate.putNote({id: 'c', body: 'kept'});
    await shows(client, [['a', ann, 'of Ann'], ['c', ann, 'kept'], ['open', ann, 'x']]);
    let told = 0;
    client.onClientStateNotFound = () => told++;
    await site.sql('SELECT replicache.new_epoch()');
    await client.mutate.putNote({id: 'd', body: 'lost'});
    await eventually(() => assert.ok(told > 0));  // by the push, and by a pull that was under way
  });
});
