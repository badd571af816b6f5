// The functions of docs/postgrest.md behind PostGraphile 4, and the real client.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {after, before, describe, test} from 'node:test';
import postgraphile from 'postgraphile';
import {graphqlPull, graphqlPush} from '../../../examples/graphql.mjs';
import {eventually, roles, shows, Site} from './harness.mjs';
import {token} from './postgrest.mjs';

const secret = 'a secret of at least 32 characters';
const jwt = (sub, more) => token({role: roles.authenticated, aud: 'postgraphile', sub, ...more}, secret);

describe('PostGraphile 4', () => {
  let site, server, url;
  before(async () => {
    site = await Site.start('postgraphile', sql => !/auth\.uid/.test(sql));
    const options = {jwtSecret: secret, pgDefaultRole: roles.anon, bodySizeLimit: '1mb', extendedErrors: ['errcode'], disableQueryLog: true};
    server = createServer(postgraphile.postgraphile(site.authenticator, 'graph', options)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${server.address().port}/graphql`;
  });
  after(async () => {
    server?.closeAllConnections();
    server?.close();
    await site?.stop();
  });

  const open = (user, getToken = () => jwt(user)) => site.open({pusher: graphqlPush(url, getToken), puller: graphqlPull(url, getToken)});
  const pusher = (user, more) => graphqlPush(url, () => jwt(user, more));
  const puller = (user, more) => graphqlPull(url, () => jwt(user, more));
  const push = (group, ...ids) => ({pushVersion: 1, clientGroupID: group, mutations: ids.map(id => ({clientID: `of ${group}`, id, name: 'putNote', args: {id: `${group} ${id}`, body: 'x'}}))});

  test('the real client', async () => {
    const [ann, tab, bob] = [open('ann'), open('ann'), open('bob')];
    await ann.mutate.putNote({id: 'a', body: 'of Ann'});
    await bob.mutate.putNote({id: 'b', body: 'of Bob'});
    await shows(ann, [['a', 'ann', 'of Ann']]);
    await shows(tab, [['a', 'ann', 'of Ann']]);
    await shows(bob, [['b', 'bob', 'of Bob']]);
    await site.sql(`UPDATE app.note SET body = 'by psql' WHERE id = 'a'`);
    await shows(tab, [['a', 'ann', 'by psql']]);
    await bob.mutate.putNote({id: 'a', body: 'of Bob'});
    await shows(bob, [['b', 'bob', 'of Bob']]);
  });

  test('errors of GraphQL become statuses', async () => {
    const status = async (answer, expected) => assert.equal((await answer).httpRequestInfo.httpStatusCode, expected, JSON.stringify(await answer));
    await status(pusher('ann')(push('g', 1)), 200);
    await status(pusher('bob')(push('g', 2)), 403);
    await status(puller('bob')({pullVersion: 1, clientGroupID: 'g', cookie: null}), 403);
    await status(pusher('ann')({pushVersion: 1}), 400);
    await status(pusher(undefined)(push('h', 1)), 401);
    await status(pusher('ann', {exp: 1})(push('h', 1)), 401);
    await status(pusher('ann', {role: roles.anon})(push('h', 1)), 403);
    await status(pusher('ann')(push('g', 2, 4)), 503);  // halted, and 2 is there
    assert.deepEqual((await site.sql(`SELECT id FROM app.note WHERE id LIKE 'g %' ORDER BY id`)).map(({id}) => id), ['g 1', 'g 2']);
    await status(pusher('ann')({...push('g', 3), more: 'x'.repeat(2 ** 20)}), 413);
    const other = await site.owner.connect();
    await other.query(`BEGIN; SELECT FROM replicache.space WHERE id = '' FOR UPDATE`);
    await site.sql(`ALTER ROLE ${roles.authenticator} SET lock_timeout = '50ms'`);
    await site.authenticator.query(`SET lock_timeout = '50ms'`);
    await status(pusher('ann')(push('g', 3)), 503);
    await other.query('ROLLBACK');
    other.release();
    const {response} = await pusher('ann')(push('unknown', 7));
    assert.deepEqual(response, {error: 'ClientStateNotFound'});
  });

  test('numbers of a push are not rounded; those of an answer are', async () => {
    await site.sql(`CREATE FUNCTION app.put_big(id text, n numeric) RETURNS void LANGUAGE sql AS $$ INSERT INTO app.note (id, body) VALUES (id, n::text) $$;
      SELECT replicache.register_mutator('putBig', 'app.put_big(text, numeric)'); CREATE TABLE app.big (id int PRIMARY KEY, n numeric); GRANT SELECT ON app.big TO PUBLIC;
      SELECT replicache.track_table('app.big'); INSERT INTO app.big VALUES (1, 12345678901234567890.5)`);
    const ask = async (query, request) => (await (await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/json', Authorization: `Bearer ${jwt('ann')}`},
      body: JSON.stringify({query, variables: {request}})})).json()).data;
    await ask('mutation ($request: JSON!) { applyPush(input: {request: $request}) { json } }',
      '{"pushVersion":1,"clientGroupID":"big","mutations":[{"clientID":"big","id":1,"name":"putBig","args":{"id":"big","n":98765432109876543210.25}}]}');
    assert.deepEqual(await site.sql(`SELECT body FROM app.note WHERE id = 'big'`), [{body: '98765432109876543210.25'}]);
    assert.match((await ask('query ($request: JSON!) { pull(request: $request) }', '{"pullVersion":1,"clientGroupID":"big","cookie":null}')).pull, /12345678901234567000/);
    await site.sql(`SELECT replicache.untrack_table('app.big')`);
  });

  test('a private table that a STABLE function pulls', async () => {
    await site.sql(`CREATE TABLE app.line (id int PRIMARY KEY); GRANT SELECT ON app.line TO PUBLIC;
      SELECT replicache.track_table('app.line', private => true); INSERT INTO app.line SELECT generate_series(1, 5000)`);
    const {response, httpRequestInfo} = await puller('ann')({pullVersion: 1, clientGroupID: 'lines', cookie: null});
    assert.equal(httpRequestInfo.httpStatusCode, 200, httpRequestInfo.errorMessage);
    assert.ok(response.patch.length > 5000);
    assert.notDeepEqual(await site.sql('SELECT FROM replicache.view_record'), []);
    const again = await puller('ann')({pullVersion: 1, clientGroupID: 'lines', cookie: response.cookie});
    assert.deepEqual(again.response.patch, []);
  });
});
