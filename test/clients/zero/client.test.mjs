// The published client, through zero-cache, against the backend in stack.mjs.
import assert from 'node:assert/strict';
import {afterEach, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {testsBeside} from './beside.mjs';
import {eventually, lost, mutators, queries, reconnecting, skip, until, useStack, watch} from './stack.mjs';

// The publication keeps the versions from Zero's clients. The name of the app is that of its schema.
const stack = useStack({
  settings: {ZERO_APP_ID: 'shop', ZERO_APP_PUBLICATIONS: 'shop'},
  prepare: database => database.rows('CREATE PUBLICATION shop FOR TABLE item (id, title, owner, n), todo (id, text, done)'),
});
const {backend, database, open, close} = stack;
const ok = {type: 'success'};
let serial = 0;
const id = () => `i${++serial}`;
const item = key => database.rows('SELECT title, owner, n FROM item WHERE id = $1', key).then(rows => rows[0]);
const pending = promise => Promise.race([promise, sleep(300, 'pending')]);

/** What stands in Zero's table of results. */
const results = () => database.rows('SELECT "mutationID"::integer AS id, result FROM shop_0.mutations');

// Every SQL error that the backend has seen is one that the test has asked for.
const expected = [];
afterEach(() => {
  assert.deepEqual(backend.errors.splice(0).map(({code, message}) => `${code} ${message}`), expected.splice(0));
});

test('a mutation succeeds, and its row comes back', {skip}, async () => {
  const client = open();
  const key = id();
  const all = watch(client, queries.item.all());
  const {client: local, server} = client.mutate(mutators.item.put({id: key, title: 'first'}));
  assert.deepEqual(await local, ok);
  assert.deepEqual(await server, ok);
  await eventually(() => assert.equal(all.rows.find(row => row.id === key)?.owner, 'ann'));
  assert.deepEqual(await item(key), {title: 'first', owner: 'ann', n: 0});
  const [push] = backend.pushes.filter(({kind}) => kind === 'mutate');
  assert.deepEqual(push.answer, {kind: 'MutateResponse', mutations: [{id: {clientID: client.clientID, id: 1}, result: {}}], userID: 'ann'});
  await close(client);
});

test('an error of the app reaches the client with its details, is undone, and is forgotten once the client knows it', {skip}, async () => {
  const client = open();
  const key = id();
  const all = watch(client, queries.item.all());
  const {client: local, server} = client.mutate(mutators.item.refuse({id: key}));
  assert.deepEqual(await local, ok);
  assert.deepEqual(await server, {type: 'error', error: {type: 'app', message: `item ${key} is refused`, details: {field: 'title', id: key}}});
  await eventually(() => assert.equal(all.rows.find(row => row.id === key), undefined));
  assert.equal(await item(key), undefined);
  await eventually(async () => assert.deepEqual(await results(), []));
  assert.deepEqual(
    await database.rows('SELECT name, args, user_id FROM replicache.mutation_error WHERE client_id = $1', client.clientID),
    [{name: 'item.refuse', args: {id: key}, user_id: 'ann'}]);
  assert.deepEqual(await client.mutate(mutators.item.put({id: key, title: 'after'})).server, ok);  // it goes on
  await close(client);
});

test('an error of the database is an error of the app', {skip}, async () => {
  const [client, other] = [open(), open({user: 'bob'})];
  const key = id();
  assert.deepEqual(await other.mutate(mutators.item.add({id: key, title: 'theirs'})).server, ok);
  const refused = message => ({type: 'error', error: {type: 'app', message, details: {name: 'error'}}});
  // This client does not have the row, and so it finds nothing wrong.
  assert.deepEqual(await client.mutate(mutators.item.add({id: key, title: 'mine'})).server, refused('duplicate key value violates unique constraint "item_pkey"'));
  assert.deepEqual(
    await client.mutate(mutators.item.put({id: key, title: ''})).server,
    refused('new row for relation "item" violates check constraint "item_title_check"'));
  assert.deepEqual(await item(key), {title: 'theirs', owner: 'bob', n: 0});
  const answers = JSON.stringify(backend.pushes.map(({answer}) => answer));
  assert.doesNotMatch(answers, /already exists|Failing row/, 'no details of the database');
  await close(client, other);
});

test('a mutator that nobody has registered is an error of the app', {skip}, async () => {
  const client = open();
  const {error} = await client.mutate(mutators.item.nowhere()).server;
  assert.equal(error.type, 'app');
  assert.equal(error.message, 'unknown mutator "item.nowhere"');
  await close(client);
});

test('a mutator answers with data', {skip}, async () => {
  const client = open();
  const key = id();
  for (const n of [1, 2]) {
    assert.deepEqual(await client.mutate(mutators.item.answer({id: key})).server, ok);
    const {answer} = backend.pushes.findLast(({kind, answer}) => kind === 'mutate' && answer.mutations.length);
    assert.deepEqual(answer.mutations, [{id: {clientID: client.clientID, id: n}, result: {data: {id: key, n}}}]);
  }
  await close(client);
});

test('clients that read, modify and write at once lose no update', {skip}, async () => {
  const clients = [open({group: 'counters'}), open({group: 'counters'}), open(), open({user: 'bob'})];
  const key = id();
  const views = clients.map(client => watch(client, queries.item.all()));
  const sent = clients.flatMap(client => Array.from({length: 8}, () => client.mutate(mutators.item.count({id: key})).server));
  for (const answer of await Promise.all(sent)) assert.deepEqual(answer, ok);
  assert.equal((await item(key)).n, 32);
  for (const view of views) await eventually(() => assert.equal(view.rows.find(row => row.id === key)?.n, 32));
  await close(...clients);
});

test('many mutations arrive in their order', {skip}, async () => {
  const client = open();
  const key = id();
  const sent = [];
  for (let n = 1; n <= 60; n++) sent.push(client.mutate(n % 7 ? mutators.item.put({id: key, title: `${n}`}) : mutators.item.refuse({id: key})).server);
  const kinds = (await Promise.all(sent)).map(({type}) => type);
  assert.deepEqual(kinds, Array.from({length: 60}, (_, n) => ((n + 1) % 7 ? 'success' : 'error')));
  assert.equal((await item(key)).title, '60');
  assert.equal(await database.value('SELECT "lastMutationID"::integer FROM shop_0.clients WHERE "clientID" = $1', client.clientID), 60);
  await eventually(async () => assert.deepEqual(await results(), []));
  await close(client);
});

for (const status of [401, 403])
  test(`a token that is refused with ${status}: the mutation waits for a new one`, {skip}, async () => {
    const [old, middle, last] = [1, 2, 3].map(n => `ann:${status}:${n}`);
    const client = open({auth: old});
    await until(client, 'connected');
    const key = id();
    backend.refused.set(old, status).set(middle, status);
    const {server} = client.mutate(mutators.item.count({id: key}));
    await until(client, 'needs-auth');
    assert.equal(await pending(server), 'pending');
    await client.connection.connect({auth: middle});  // no better
    await until(client, 'needs-auth');
    assert.equal(await pending(server), 'pending');
    assert.equal(await item(key), undefined);
    await client.connection.connect({auth: last});
    assert.deepEqual(await server, ok);
    assert.deepEqual(await item(key), {title: 'counted', owner: 'ann', n: 1});
    await close(client);
  });

test('a backend that takes the client for somebody else: it must log in again', {skip}, async () => {
  const client = open({auth: 'ann:1'});
  await until(client, 'connected');
  const key = id();
  backend.identify = token => (token === 'ann:1' ? 'bob' : 'ann');
  try {
    const {server} = client.mutate(mutators.item.count({id: key}));
    await until(client, 'needs-auth');
    assert.equal(await pending(server), 'pending');
    await client.connection.connect({auth: 'ann:2'});
    assert.deepEqual(await server, ok);
    assert.equal((await item(key)).n, 1, 'done once, for whomever');
  } finally {
    backend.identify = token => token.replace(/:.*/, '');
  }
  await close(client);
});

test('a client that is not logged in', {skip}, async () => {
  const client = open({user: null, auth: null});
  const key = id();
  assert.deepEqual(await client.mutate(mutators.item.put({id: key, title: 'nobody’s'})).server, ok);
  assert.deepEqual(await item(key), {title: 'nobody’s', owner: null, n: 0});
  assert.equal(backend.pushes.findLast(({kind}) => kind === 'mutate').answer.userID, null);
  await close(client);
});

for (const [what, how] of [['no answer', lost], ['status 503', 503]])
  test(`what the backend has done counts once: ${what}`, {skip}, async () => {
    const client = open();
    await until(client, 'connected');
    const [key, other] = [id(), id()];
    backend.spoil('mutate', how, 2);
    const sent = [mutators.item.count({id: key}), mutators.item.refuse({id: other}), mutators.item.count({id: key})].map(call => client.mutate(call).server);
    const [first, second, third] = await Promise.all(sent);
    assert.deepEqual([first, third], [ok, ok]);
    assert.equal(second.error.message, `item ${other} is refused`);
    assert.equal((await item(key)).n, 2);
    const ids = backend.sent().filter(({clientID}) => clientID === client.clientID).map(mutation => mutation.id);
    assert.ok(ids.length >= 5, `sent again: ${ids}`);
    await close(client);
  });

/** The next attempts of item.flaky fail, as many as that. */
async function outage(failures) {
  await database.rows('SELECT setval($1, 1, false)', 'attempt');
  await database.rows('UPDATE outage SET failures = $1', failures);
}

test('temporary errors: tried again inside, then by zero-cache, and the client sees none of it', {skip}, async () => {
  const client = open();
  await until(client, 'connected');
  for (const [failures, requests] of [[2, 1], [5, 2]]) {
    const key = id();
    await outage(failures);
    backend.pushes.length = 0;
    assert.deepEqual(await client.mutate(mutators.item.flaky({id: key})).server, ok);
    assert.equal((await item(key)).n, 1);
    assert.equal(backend.sent().length, requests);
    assert.equal(await database.value(`SELECT last_value::integer FROM attempt`), failures + 1);
  }
  expected.push('RE001 out of order');
  await close(client);
});

test('temporary errors that last: the connection fails, and after a reconnect the mutation is done once', {skip}, async () => {
  const client = open();
  await until(client, 'connected');
  const key = id();
  await outage(1_000_000);
  const {server} = client.mutate(mutators.item.flaky({id: key}));
  await until(client, 'error');
  const {type, error} = await server;
  assert.deepEqual([type, error.type], ['error', 'zero']);
  assert.equal(await item(key), undefined);
  await outage(0);
  const before = backend.pushes.length;
  await reconnecting(client, async () => assert.equal((await item(key))?.n, 1, `the backend has seen ${JSON.stringify(backend.pushes.slice(before))}`));
  assert.deepEqual(await client.mutate(mutators.item.count({id: key})).server, ok);
  assert.equal((await item(key)).n, 2);
  assert.equal(await database.value('SELECT count(*)::integer FROM replicache.mutation_error WHERE client_id = $1', client.clientID), 0);
  expected.push(...Array(backend.errors.length).fill('RE001 out of order'));
  assert.ok(backend.errors.length >= 2);
  await close(client);
});

test('a batch that takes longer than replicache.push_time is done in parts', {skip}, async () => {
  await database.owner.query(`ALTER ROLE zero_app IN DATABASE ${database.name} SET replicache.push_time = '40ms'`);
  const settings = ['-c role=zero_app', '-c replicache.push_time=40ms'].join(' ');
  const {options} = database.app.options;
  database.app.options.options = settings;
  backend.pushes.length = 0;
  try {
    await Promise.all(database.app._idle.map(({client}) => client.end()));  // whose successors have the new setting
    const client = open();
    await until(client, 'connected');
    const key = id();
    for (let n = 0; n < 12; n++) client.mutate(mutators.item.count({id: key}));
    await reconnecting(client, async () => assert.equal((await item(key))?.n, 12));
    assert.deepEqual(await client.mutate(mutators.item.count({id: key})).server, ok);
    assert.equal((await item(key)).n, 13);
    const halted = backend.pushes.filter(({answer}) => answer?.halted);
    assert.ok(halted.length > 0);
    for (const {status, answer} of halted) assert.deepEqual([status, answer.halted.reason], [503, 'temporary']);
    await close(client);
  } finally {
    database.app.options.options = options;
    await Promise.all(database.app._idle.map(({client}) => client.end()));
  }
});

test('clients see what others do, those of their group and all others', {skip}, async () => {
  const clients = [open({group: 'shared'}), open({group: 'shared'}), open(), open({user: 'bob'})];
  const views = clients.map(client => watch(client, queries.item.all()));
  const groups = await Promise.all(clients.map(client => client.clientGroupID));
  assert.equal(new Set(groups).size, 3);
  for (const [n, client] of clients.entries()) {
    const key = id();
    assert.deepEqual(await client.mutate(mutators.item.put({id: key, title: `by ${n}`})).server, ok);
    for (const view of views) await eventually(() => assert.equal(view.rows.find(row => row.id === key)?.title, `by ${n}`));
    assert.deepEqual(await clients.at(n - 1).mutate(mutators.item.delete({id: key})).server, ok);
    for (const view of views) await eventually(() => assert.equal(view.rows.find(row => row.id === key), undefined));
  }
  await close(...clients);
});

test('queries: by template and by function, with arguments and the user', {skip}, async () => {
  const [ann, bob] = [open({user: 'ann'}), open({user: 'bob'})];
  await database.owner.query('DELETE FROM item');
  for (const [client, key, title] of [[ann, 'q1', 'red'], [ann, 'q2', 'blue'], [bob, 'q3', 'red'], [bob, 'q4', 'green']])
    assert.deepEqual(await client.mutate(mutators.item.put({id: key, title})).server, ok);
  const expectRows = async (client, query, ...ids) => {
    const view = watch(client, query);
    await eventually(() => assert.equal(view.state, 'complete'));
    await eventually(() => assert.deepEqual(view.rows.map(row => row.id), ids));
    view.end();
  };
  // What it has already got in another query may not count.
  const [fresh, other] = [open({user: 'ann'}), open({user: 'bob'})];
  await expectRows(fresh, queries.item.mine(), 'q1', 'q2');
  await expectRows(other, queries.item.of({owner: 'bob'}), 'q3', 'q4');
  const third = open({user: 'ann'});
  await expectRows(third, queries.item.titled({titles: ['red', 'green']}), 'q1', 'q3', 'q4');
  await expectRows(third, queries.item.titled({titles: ['red', 'green'], limit: 2}), 'q1', 'q3');
  await expectRows(third, queries.item.titled({titles: []}));
  await close(ann, bob, fresh, other, third);
});

test('queries: an error reaches the client, and the others go on', {skip}, async () => {
  const client = open();
  const [theirs, unknown, all] = [queries.item.of({owner: 'bob'}), queries.item.nowhere(), queries.item.all()].map(query => watch(client, query));
  await eventually(() => assert.equal(all.state, 'complete'));
  for (const [view, message] of [
    [theirs, 'the items of bob are none of your business'],
    [unknown, 'unknown query "item.nowhere"'],
  ]) {
    await eventually(() => assert.equal(view.state, 'error'));
    assert.deepEqual([view.error.error, view.error.message], ['app', message]);
  }
  assert.deepEqual(theirs.error.details, {owner: 'bob'});
  await close(client);
});

test('rows of an exposed table are written without a mutator of one’s own', {skip}, async () => {
  const client = open();
  const all = watch(client, queries.todo.all());
  const [a, b] = [id(), id()];
  const both = keys => all.rows.filter(row => keys.includes(row.id)).map(({id, text, done}) => [id, text, done]);
  assert.deepEqual(await client.mutate(mutators.todo.insert({id: a, text: 'milk'})).server, ok);
  assert.deepEqual(await client.mutate(mutators.todo.upsert({id: b, text: 'tea', done: true})).server, ok);
  assert.deepEqual(await client.mutate(mutators.todo.update({id: a, done: true})).server, ok);
  await eventually(() => assert.deepEqual(both([a, b]), [[a, 'milk', true], [b, 'tea', true]]));
  assert.deepEqual(await client.mutate(mutators.todo.upsert({id: b, text: 'coffee', done: false})).server, ok);
  assert.deepEqual(await client.mutate(mutators.todo.delete({id: a})).server, ok);
  await eventually(() => assert.deepEqual(both([a, b]), [[b, 'coffee', false]]));
  assert.deepEqual(await database.rows('SELECT id, text, done FROM todo'), [{id: b, text: 'coffee', done: false}]);
  const other = open({user: 'bob'});
  const {error} = await other.mutate(mutators.todo.insert({id: b, text: 'twice'})).server;
  assert.equal(error.type, 'app');
  await close(client, other);
});

testsBeside(stack);
