// PowerSync, Zero and lastMutationAt. The clients of these protocols are in test/clients.
import {test} from 'node:test';
import {nobody} from 'replicache-ext';
import {assert, database, post} from './harness.mjs';

const db = await database();
const sync = db.sync();
const at = (query, request) => new Request(`http://localhost/x?${query}`, request);

test('PowerSync: an upload', async () => {
  await db.rows(`CREATE TABLE todo (id uuid PRIMARY KEY, title text NOT NULL); SELECT replicache.expose_crud('todo')`);
  const batch = [{op_id: 1, tx_id: 1, op: 'PUT', type: 'todo', id: '44f26acb-9a4b-4b12-8d3f-7b8f1c2d3e4f', data: {title: 'Milk'}}];
  const answer = await sync.powersyncUpload(post({client_id: 'device', batch}));
  assert.deepEqual([answer.status, await answer.json()], [200, {results: [{status: 'success'}]}]);
  const refused = await sync.powersyncUpload(post('{'));
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).message, /JSON|json/);
  assert.match((await sync.powersyncUpload(post('', {headers: {'Content-Type': 'text/plain'}}))).headers.get('Content-Type'), /^application\/json/);
});

test('Zero: a mutation, a query, and an error', async () => {
  await db.rows(`CREATE SCHEMA zero_0;
    CREATE TABLE zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
    CREATE TABLE zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"))`);
  const push = {clientGroupID: 'g', pushVersion: 1, requestID: 'r', timestamp: 0, mutations: [
    {type: 'custom', id: 1, clientID: 'c', name: 'createMessage', timestamp: 0, args: [{id: 'zero', content: 'by Zero'}]}]};
  const pushed = await sync.zeroMutate(at('schema=zero_0&appID=zero', post(push)));
  assert.deepEqual([pushed.status, await pushed.json()], [200, {kind: 'MutateResponse', mutations: [{id: {clientID: 'c', id: 1}, result: {}}], userID: 'ann'}]);
  assert.equal((await db.rows(`SELECT FROM message WHERE content = 'by Zero'`)).length, 1);
  const queried = await sync.zeroQuery(post(['transform', [{id: 'q', name: 'unknown', args: []}]]));
  assert.equal(queried.status, 200);
  assert.match(await queried.text(), /unknown/);
  // Whatever the database raises is an outage for zero-cache.
  assert.deepEqual([(await sync.zeroMutate(at('schema=zero_0&appID=zero', post('{')))).status, (await sync.zeroQuery(post('{'))).status], [503, 503]);
  assert.equal((await sync.zeroMutate(post(push, {headers: {'Content-Type': 'text/plain'}}))).status, 415);
});

test('lastMutationAt: a push, a pull, and what is refused', async () => {
  await db.rows(`CREATE TABLE note (id text PRIMARY KEY DEFAULT gen_random_uuid(), user_id text NOT NULL, title text NOT NULL);
    SELECT replicache.track_table('note', space => 'user_id');
    SELECT replicache.expose_crud('note', name => 'NOTE', columns => '{"title":"title"}')`);
  const pushed = await sync.lastMutationAt(at('lastMutationAt=-1', post({mutations: [{type: 'CREATE', resource: 'NOTE', data: {title: 'Milk'}}]})));
  assert.equal(pushed.status, 200);
  const {data} = await pushed.json();
  assert.equal(pushed.headers.get('X-Mutation-At'), String(data.lastMutationAt));
  const get = query => sync.lastMutationAt(at(query, {headers: {'x-user': 'ann'}}));
  const pulled = await get('mutationsSince=-1&resources=NOTE');
  assert.equal((await pulled.json()).data.mutations[0].data.title, 'Milk');
  const behind = await sync.lastMutationAt(at('lastMutationAt=-1', post({mutations: []})));
  assert.deepEqual([behind.status, (await behind.json()).success], [409, false]);
  for (const [query, message] of [['', 'Missing mutationsSince'], ['mutationsSince=x', 'Invalid mutationsSince'], ['mutationsSince=-1&limit=0', 'Invalid limit'],
    ['mutationsSince=-1&metadataOnly=1', 'Invalid metadataOnly'], ['mutationsSince=-1&resources=', 'Invalid resources'], ['mutationsSince=-1&page=0', 'Invalid page']]) {
    const refused = await get(query);
    assert.deepEqual([refused.status, await refused.json()], [422, {success: false, error: {code: 'ValidationError', message}}]);
  }
  const nobody = await sync.lastMutationAt(new Request('http://localhost/?mutationsSince=-1'));
  assert.deepEqual([nobody.status, (await nobody.json()).error.code], [401, 'UnauthorizedError']);
});

test('nobody, who is served: the user is NULL, but lastMutationAt wants one', async () => {
  const open = db.sync({authenticate: () => nobody});
  const push = {clientGroupID: 'out', pushVersion: 1, requestID: 'r', timestamp: 0, mutations: [
    {type: 'custom', id: 1, clientID: 'out', name: 'createMessage', timestamp: 0, args: [{id: 'out', content: 'by nobody'}]}]};
  const pushed = await open.zeroMutate(at('schema=zero_0&appID=zero', post(push)));
  assert.deepEqual(await pushed.json(), {kind: 'MutateResponse', mutations: [{id: {clientID: 'out', id: 1}, result: {}}], userID: null});
  const queried = await open.zeroQuery(post(['transform', [{id: 'q', name: 'unknown', args: []}]]));
  assert.deepEqual([queried.status, (await queried.json()).userID], [200, null]);
  const batch = [{op_id: 1, tx_id: 1, op: 'PUT', type: 'todo', id: '44f26acb-9a4b-4b12-8d3f-7b8f1c2d3e50', data: {title: 'Salt'}}];
  const uploaded = await open.powersyncUpload(post({client_id: 'of nobody', batch}));
  assert.deepEqual([uploaded.status, await uploaded.json()], [200, {results: [{status: 'success'}]}]);
  assert.equal((await open.lastMutationAt(new Request('http://localhost/?mutationsSince=-1'))).status, 401);
  assert.equal((await open.lastMutationAt(at('lastMutationAt=-1', post({mutations: []})))).status, 401);
});
