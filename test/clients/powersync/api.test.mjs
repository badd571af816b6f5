// The contract of PowerSync's write API, over HTTP.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {test} from 'node:test';
import {useBackend, uuid} from './harness.mjs';

const backend = useBackend();
const {post, accept, rows} = Object.fromEntries(['post', 'accept', 'rows'].map(name => [name, (...args) => backend[name](...args)]));

const put = (table, id, op_data) => ({op: 'PUT', table, id, op_data});
const patch = (table, id, op_data) => ({op: 'PATCH', table, id, op_data});
const remove = (table, id) => ({op: 'DELETE', table, id});
const list = (id, name = 'list') => put('lists', id, {name});
const statuses = ({results}) => results.map(result => result.status);

const name = async id => (await rows('SELECT name FROM lists WHERE id = $1', id))[0]?.name;
const everything = () => rows('SELECT (SELECT json_agg(l ORDER BY id) FROM lists l) AS lists, (SELECT json_agg(t ORDER BY id) FROM todos t) AS todos');
const errors = async () => (await rows('SELECT count(*)::int AS n FROM replicache.mutation_error'))[0].n;

/** Nothing may have been applied, or put on record. */
async function untouched(work) {
  const before = [await everything(), await errors()];
  const result = await work();
  assert.deepEqual([await everything(), await errors()], before);
  return result;
}

const good = () => ({crud: [list(uuid())]});
for (const [what, body] of [
  ['an empty body', ''],
  ['something that is not JSON', '{"transactions":['],
  ['{}', {}],
  ['no transactions', {transactions: []}],
  ['51 transactions', {transactions: Array.from({length: 51}, good)}],
  ['an unknown op behind good ones', {transactions: [good(), {crud: [list(uuid()), {...list(uuid()), op: 'POKE'}]}]}],
  ['an entry without op', {transactions: [good(), {crud: [{table: 'lists', id: uuid(), op_data: {name: 'x'}}]}]}],
  ['data that is not an object', {transactions: [good(), {crud: [put('lists', uuid(), [1])]}]}],
  ['a batch that is not an array', {batch: {}}],
])
  test(`${what}: 400, and nothing is applied`, () => untouched(async () => {
    assert.equal((await post(body)).status, 400);
  }));

test('50 transactions are taken', async () => {
  assert.equal((await post({transactions: Array.from({length: 50}, good)})).results.length, 50);
});

test('nobody: 401', () => untouched(async () => {
  assert.equal((await post({transactions: [good()]}, {user: null})).status, 401);
}));

test('PUT, PATCH and DELETE, with values as SQLite has them', async () => {
  const [l, t] = [uuid(), uuid()];
  await accept([list(l, 'groceries'), put('todos', t, {list_id: l, description: 'milk', completed: 0, priority: 2.0, tags: '["a","b, c"]'})]);
  await accept([patch('todos', t, {completed: 1, priority: null})], [patch('lists', l, {name: 'food'})]);
  assert.deepEqual(await rows('SELECT description, completed, priority, tags FROM todos WHERE id = $1', t),
    [{description: 'milk', completed: true, priority: null, tags: ['a', 'b, c']}]);
  assert.deepEqual(await rows('SELECT name, owner_id FROM lists WHERE id = $1', l), [{name: 'food', owner_id: 'ann'}]);
  await accept([remove('todos', t)]);
  assert.deepEqual(await rows('SELECT FROM todos WHERE id = $1', t), []);
});

test('a PUT of a row that is there keeps what it leaves out', async () => {
  const [l, t] = [uuid(), uuid()];
  await accept([list(l), put('todos', t, {list_id: l, description: 'milk', priority: 3})]);
  await accept([put('todos', t, {completed: 1})]);
  assert.deepEqual(await rows('SELECT description, completed, priority FROM todos WHERE id = $1', t), [{description: 'milk', completed: true, priority: 3}]);
});

test('PATCH of nothing, PATCH and DELETE of a row that is not there: success', async () => {
  const l = uuid();
  await accept([list(l)]);
  await untouched(() => accept([patch('lists', l, {})], [patch('lists', uuid(), {})], [patch('lists', uuid(), {name: 'x'})], [remove('lists', uuid())]));
});

test('a transaction that fails leaves nothing, and says which change failed, and why', async () => {
  const [mine, other, theirs] = [uuid(), uuid(), uuid()];
  await accept([list(mine, 'mine')]);
  await post({transactions: [{crud: [list(theirs)]}]}, {user: 'bob'});
  for (const [code, sqlstate, change] of [
    ['NOT_NULL_VIOLATION', '23502', put('lists', other, {})],
    ['CHECK_VIOLATION', '23514', patch('lists', mine, {name: ''})],
    ['UNIQUE_VIOLATION', '23505', list(theirs)],
    ['INVALID_DATA', '22P02', put('todos', other, {list_id: mine, description: 'x', priority: 'high'})],
    ['INVALID_DATA', '22P02', list('not a uuid')],
    ['SCHEMA_MISMATCH', '42703', patch('lists', mine, {colour: 'red'})],
    ['SCHEMA_MISMATCH', '42P01', put('secrets', other, {})],
    ['UNAUTHORIZED', '42501', put('lists', other, {name: 'x', owner_id: 'bob'})],
  ]) {
    const before = await everything();
    const {status, results} = await post({transactions: [{crud: [patch('lists', mine, {name: 'changed'}), list(uuid()), change]}]});
    assert.equal(status, 200);
    const [{status: verdict, message, failed_operation: failed}] = results;
    assert.deepEqual([verdict, failed?.error_code, failed?.operation_index], ['fatal_error', code, 2], message);
    assert.equal(failed.details.table, change.table);
    assert.equal(failed.details.id, change.id);
    assert.equal(failed.details.sqlstate, sqlstate, message);
    assert.ok(message.length > 0 && failed.message === message);
    assert.deepEqual(await everything(), before);
  }
});

/** The error codes that docs/powersync.md lists: their words, and the SQLSTATEs or classes of each. */
async function documented() {
  const text = await readFile(new URL('../../../docs/powersync.md', import.meta.url), 'utf8');
  const [, section] = /### Error codes\n([^]*?)\n## /.exec(text);
  const lines = section.matchAll(/^\| `([A-Z_]+)` \| ([^|]*) \|/gm);
  return new Map(Array.from(lines, ([, code, states]) => [code, states]));
}

test('every error code of the documentation is given, for the SQLSTATE that it names, and no other is', async () => {
  await rows(`CREATE TABLE odds (id int PRIMARY KEY, n smallint, name varchar(5), span int4range, twice int GENERATED ALWAYS AS (n * 2) STORED,
    EXCLUDE USING gist (span WITH &&))`);
  await rows('CREATE TABLE labels (id int PRIMARY KEY, odd int REFERENCES odds, name text UNIQUE)');
  await rows('CREATE TABLE fixed (id int PRIMARY KEY)');
  await rows(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not so negative'; END $$`);
  await rows('CREATE TRIGGER refuse BEFORE INSERT ON odds FOR EACH ROW WHEN (NEW.n < -9) EXECUTE FUNCTION refuse()');
  await rows(`CREATE FUNCTION secret() RETURNS void LANGUAGE sql AS ''; REVOKE EXECUTE ON FUNCTION secret() FROM PUBLIC`);
  await rows(`SELECT replicache.expose_crud('odds', conflict => 'reject_stale'), replicache.expose_crud('fixed', '{insert}'),
    replicache.expose_crud('labels'), replicache.register_mutator_queue(),
    replicache.register_mutator('secret', 'secret()')`);
  await rows(`GRANT SELECT, INSERT, UPDATE ON odds, labels TO todo_app`);
  await rows(`INSERT INTO odds VALUES (1, 1, 'one', '[1,3)')`);
  await rows(`INSERT INTO labels VALUES (0, 1, 'one')`);
  const mine = uuid();
  await accept([list(mine, 'mine')]);
  const call = name => put('mutator_calls', 'c', {name});
  const given = new Map();
  for (const [code, sqlstate, change] of [
    ['NOT_NULL_VIOLATION', '23502', put('lists', uuid(), {})],
    ['FOREIGN_KEY_VIOLATION', '23503', put('labels', 1, {odd: 9})],
    ['UNIQUE_VIOLATION', '23505', put('labels', 1, {name: 'one'})],
    ['CHECK_VIOLATION', '23514', list(uuid(), '')],
    ['CONSTRAINT_VIOLATION', '23P01', put('odds', 2, {span: '[2,5)'})],
    ['INVALID_DATA', '22P02', put('odds', 2, {n: 'many'})],
    ['INVALID_DATA', '22003', put('odds', 2, {n: 40_000})],
    ['INVALID_DATA', '22003', put('odds', 2, {n: 1e300})],
    ['INVALID_DATA', '22001', put('odds', 2, {name: 'too long'})],
    ['INVALID_DATA', '22023', patch('odds', 1, {n: 2})],  // without previous values
    ['UNAUTHORIZED', '42501', put('lists', uuid(), {name: 'x', owner_id: 'bob'})],
    ['UNAUTHORIZED', '42501', remove('labels', 0)],
    ['UNAUTHORIZED', '42501', remove('fixed', 1)],
    ['UNAUTHORIZED', '42501', call('secret')],
    ['SCHEMA_MISMATCH', '42P01', put('secrets', 1, {})],
    ['SCHEMA_MISMATCH', '42703', put('odds', 2, {colour: 'red'})],
    ['SCHEMA_MISMATCH', '42703', put('odds', 2, {twice: 4})],
    ['SCHEMA_MISMATCH', '42883', call('noSuchMutator')],
    ['CONFLICT', 'RE002', {...patch('odds', 1, {n: 2}), previous_values: {n: 0}}],
    ['UNCLASSIFIED_ERROR', 'P0001', put('odds', 2, {n: -10})],
  ]) {
    const {text, results} = await post({transactions: [{crud: [change]}]});
    const failed = results?.[0].failed_operation;
    assert.deepEqual([failed?.error_code, failed?.details.sqlstate], [code, sqlstate], text);
    given.set(code, [...(given.get(code) ?? []), sqlstate]);
  }
  const listed = await documented();
  assert.deepEqual([...given.keys()].sort(), [...listed.keys()].sort());
  for (const [code, states] of listed) {
    // A whole class, such as 22, or single ones; what has no number is whatever is left.
    const named = states.match(/\b[0-9A-Z]{5}\b|\bclass [0-9A-Z]{2}\b/g) ?? [];
    for (const sqlstate of given.get(code))
      assert.ok(named.length === 0 || named.some(name => name === sqlstate || name === `class ${sqlstate.slice(0, 2)}`), `${code}: ${sqlstate} is not of ${states}`);
  }
});

test('behind a failure nothing is tried, unless told to skip', async () => {
  const ids = [uuid(), uuid(), uuid(), uuid()];
  const [a, b, c, d] = ids;
  const present = async () => (await rows('SELECT id FROM lists WHERE id = ANY ($1)', ids)).map(({id}) => id).sort();
  const request = {transactions: [{crud: [list(a)]}, {crud: [list(b), list(c, '')]}, {crud: [list(d)]}]};
  assert.deepEqual(statuses(await post(request)), ['success', 'fatal_error', 'not_attempted']);
  assert.deepEqual(await present(), [a]);
  assert.deepEqual(statuses(await post({...request, on_error: 'skip'})), ['success', 'fatal_error', 'success']);
  assert.deepEqual(await present(), [a, d].sort());
});

// A request whose effect is seen when it is applied twice: it would undo what was done since.
function device() {
  const [client_id, a, b] = [uuid(), uuid(), uuid()];
  const batch = [[1, a, 'first'], [2, b, ''], [3, a, 'second']].map(([n, id, name]) => ({op_id: n, tx_id: n, op: 'PUT', type: 'lists', id, data: {name}}));
  return {client_id, a, body: {client_id, on_error: 'skip', batch}};
}

test('an upload that comes again is answered as before, and not applied again', async () => {
  const {client_id, a, body} = device();
  const first = await post(body);
  assert.deepEqual(statuses(first), ['success', 'fatal_error', 'success']);
  assert.deepEqual((await backend.rejected(client_id)).map(({sqlstate, args}) => [sqlstate, args]), [['23514', {crud: [body.batch[1]]}]]);
  await rows(`UPDATE lists SET name = 'since' WHERE id = $1`, a);
  assert.deepEqual(await untouched(() => post(body)), first);
  // Together with what is new.
  const more = {...body, batch: [...body.batch, {op_id: 9, tx_id: 4, op: 'PATCH', type: 'lists', id: a, data: {name: 'new'}}]};
  assert.deepEqual((await post(more)).results, [...first.results, {status: 'success'}]);
  assert.equal(await name(a), 'new');
});

test('a checkpoint is stored with the writes, for the client and its user, and never goes down', async () => {
  const {client_id, a, body} = device();
  const stored = async () => (await rows('SELECT user_id, checkpoint::int FROM replicache.upload_client WHERE client_id = $1 ORDER BY user_id', client_id))
    .map(({user_id, checkpoint}) => [user_id, checkpoint]);
  const next = (op_id, checkpoint) => post({client_id, checkpoint, batch: [{op_id, op: 'PATCH', type: 'lists', id: a, data: {}}]});
  await post(body);
  assert.deepEqual(await stored(), [['ann', null]]);
  // Also with changes that were processed before.
  assert.deepEqual((await post({...body, checkpoint: 7})).results, (await post(body)).results);
  assert.deepEqual(await stored(), [['ann', 7]]);
  await next(10, 5);
  await next(11);
  await next(12, null);
  assert.deepEqual(await stored(), [['ann', 7]]);
  await next(13, 8);
  assert.deepEqual(await stored(), [['ann', 8]]);
  await post({...body, checkpoint: 3}, {user: 'bob'});
  assert.deepEqual(await stored(), [['ann', 8], ['bob', 3]]);
  for (const checkpoint of [-1, 1.5, 'x', {}]) assert.equal((await next(14, checkpoint)).status, 400);
  await backend.outOfOrder(() => next(14, 9));
  assert.deepEqual(await stored(), [['ann', 8], ['bob', 3]]);
});

test('an upload that comes several times at once is applied once', async () => {
  const {client_id, a, body} = device();
  await rows('CREATE TABLE written (id uuid)');
  await rows(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO written VALUES (NEW.id); RETURN NEW; END $$`);
  const answers = await backend.during('CREATE TRIGGER note BEFORE INSERT OR UPDATE ON lists FOR EACH ROW EXECUTE FUNCTION note()', 'DROP TRIGGER note ON lists',
    () => Promise.all(Array.from({length: 6}, () => post(body))));
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  assert.deepEqual(statuses(answers[0]), ['success', 'fatal_error', 'success']);
  assert.equal((await rows('SELECT FROM written WHERE id = $1', a)).length, 2);
  assert.equal((await backend.rejected(client_id)).length, 1);
});

test('what belongs to others is neither seen, changed nor added to', async () => {
  const [l, t] = [uuid(), uuid()];
  await accept([list(l, 'of ann'), put('todos', t, {list_id: l, description: 'of ann'})]);
  const as = (user, ...crud) => post({on_error: 'skip', transactions: crud.map(change => ({crud: [change]}))}, {user});
  const before = await everything();
  // Rows that are not seen are not there.
  assert.deepEqual(statuses(await as('bob', patch('lists', l, {name: 'x'}), remove('lists', l), patch('todos', t, {description: 'x'}), remove('todos', t))),
    ['success', 'success', 'success', 'success']);
  assert.deepEqual(statuses(await as('bob', list(l, 'x'), put('todos', t, {list_id: l, description: 'x'}),
    put('todos', uuid(), {list_id: l, description: 'x'}), put('lists', uuid(), {name: 'x', owner_id: 'ann'}))), Array(4).fill('fatal_error'));
  // A row that is one's own is not given away.
  assert.deepEqual(statuses(await as('ann', patch('lists', l, {owner_id: 'bob'}))), ['fatal_error']);
  assert.deepEqual(await everything(), before);
});

test('the id of somebody else’s client blocks nothing', async () => {
  const {client_id, body} = device();
  await post(body);
  const id = uuid();
  const {results} = await post({client_id, batch: [{op_id: 1, tx_id: 1, ...list(id, 'of bob')}]}, {user: 'bob'});
  assert.deepEqual(results, [{status: 'success'}]);
  assert.equal(await name(id), 'of bob');
});

const later = (a, b) => [
  {op_id: 1, tx_id: 1, op: 'PUT', type: 'lists', id: b, data: {name: 'before'}},
  {op_id: 2, tx_id: 1, op: 'PATCH', type: 'lists', id: a, data: {name: 'mine'}},
  {op_id: 3, tx_id: 2, op: 'PATCH', type: 'lists', id: b, data: {name: 'after'}},
];

/** For now: nothing stands, nothing is on record, nothing behind it is tried; sent again, all of it is applied. */
async function retried(a, b, attempt) {
  const body = {client_id: uuid(), on_error: 'skip', batch: later(a, b)};
  const before = await errors();
  const {status, text, results} = await attempt(body);
  assert.equal(status, 200, text);
  assert.deepEqual(results.map(result => result.status), ['retryable_error', 'not_attempted'], text);
  assert.ok(results[0].retry_after_ms > 0 && results[0].message);
  assert.deepEqual([await name(b), await errors()], [undefined, before]);
  assert.deepEqual((await post(body)).results, [{status: 'success'}, {status: 'success'}]);
  assert.deepEqual([await name(a), await name(b)], ['mine', 'after']);
}

test('a row that stays locked is for later', async () => {
  const [a, b] = [uuid(), uuid()];
  await accept([list(a)]);
  await retried(a, b, body => backend.while('SELECT FROM lists WHERE id = $1 FOR UPDATE', [a], () => post(body)));
});

test('a serialization failure is for later', async () => {
  const [a, b] = [uuid(), uuid()];
  await accept([list(a)]);
  await backend.stop();
  await backend.start({PGOPTIONS: '-c default_transaction_isolation=repeatable\\ read'});
  try {
    await retried(a, b, body => backend.while(`UPDATE lists SET name = 'theirs' WHERE id = $1`, [a], async commit => {
      const answer = post(body);
      await backend.blocked();
      await commit();
      return answer;
    }));
  } finally {
    await backend.stop();
    await backend.start();
  }
});

test('an outage is no verdict: 500, and everything stays to be sent again', async () => {
  const {a, body} = device();
  const {status} = await untouched(() => backend.outOfOrder(() => post(body)));
  assert.equal(status, 500);
  assert.deepEqual(statuses(await post(body)), ['success', 'fatal_error', 'success']);
  assert.equal(await name(a), 'second');
});

test('a role that may not upload: 403', () => untouched(async () => {
  const {status} = await backend.during('REVOKE USAGE ON SCHEMA replicache FROM todo_app', 'GRANT USAGE ON SCHEMA replicache TO todo_app',
    () => post({transactions: [good()]}));
  assert.equal(status, 403);
}));
