// Zero's own processors on `pg` against zero_push and zero_queries, on two databases: the answers must be the same, byte for byte,
// and so must what is in the tables. Where we differ on purpose, `wanted` says why.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {after, before, beforeEach, test} from 'node:test';
import {ApplicationError, createBuilder, createSchema, json, number, relationships, string, boolean, table} from '@rocicorp/zero';
import {handleMutateRequest, handleQueryRequest} from '@rocicorp/zero/server';
import {zeroNodePg} from '@rocicorp/zero/server/adapters/pg';
import pg from 'pg';
import {randomOf} from '../../random.mjs';
import {pushBodies, pushBodiesWithTwo, queryBodies, texts} from './bodies.mjs';

const long = Boolean(process.env.CHECK_LONG);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const tables = await readFile(new URL('oracle.sql', import.meta.url), 'utf8');

/** Where zero_push differs from the reference on purpose. `body` changes what the reference gets, `answer` what it has answered. */
const wanted = [
  {
    why: 'Row changes are refused as such. It does not matter which: nobody looks at their args.',
    body: body => ({...body, mutations: body.mutations.map(one => (one?.type === 'crud' && Array.isArray(one.args) ? {...one, args: [{ops: []}]} : one))}),
  },
  {
    why: 'A cleanup deletes results of the client group that it comes from, and not of others.',
    body: body => ({...body, mutations: body.mutations.map(one => (isCleanup(one) && one.args?.[0]?.clientGroupID !== body.clientGroupID ? {...one, args: []} : one))}),
  },
  {
    why: 'The id of a mutation is a whole number that a double holds exactly. The reference compares all others, and writes what the database makes of them.',
    answer(body, answer) {
      if (answer.reason === 'parse') return answer;
      const index = body.mutations?.findIndex(({id}) => !Number.isSafeInteger(id) || id < 0);
      if (!(index >= 0)) return answer;
      const {id} = body.mutations[index];
      const message = `Failed to parse push body: mutations.${index}.id: expected an unsigned integer${/^\d+$/.test(id) ? ' up to 9007199254740991' : ''}, got ${id}`;
      return {kind: 'PushFailed', origin: 'server', reason: 'parse', message, mutationIDs: [], details: {name: 'TypeError'}};
    },
  },
  {
    why: 'The reference quotes the name of the schema itself, and refuses some that the database would look for.',
    answer: (body, answer, schema) =>
      ({...answer, ...(answer.message && {message: answer.message.replace(/Postgres identifiers must .*/, `relation "${schema}.clients" does not exist`)})}),
  },
];
const isCleanup = mutation => mutation?.type === 'custom' && mutation.name === '_zero_cleanupResults';

class Side {
  constructor(name) {
    this.name = `zero_oracle_${name}_${process.pid}`;
  }

  async create(extra = '') {
    await maintain(`CREATE DATABASE ${this.name}`);
    this.pool = new pg.Pool({database: this.name, max: 1});
    this.pool.on('error', () => {});
    await this.pool.query(`${tables}; ${extra}`);
  }

  async drop() {
    await this.pool?.end();
    await maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
  }

  clear() {
    return this.pool.query('DELETE FROM zero_0.clients; DELETE FROM zero_0.mutations; DELETE FROM item; UPDATE tick SET n = 0');
  }

  /** All that the tables have, as text. */
  async content() {
    const {rows} = await this.pool.query({rowMode: 'array', text: `
      SELECT kind, line FROM (
      SELECT 'client' AS kind, concat_ws(' ', "clientGroupID", "clientID", "lastMutationID", "userID") AS line FROM zero_0.clients UNION ALL
      SELECT 'mutation', concat_ws(' ', "clientGroupID", "clientID", "mutationID", result::text) FROM zero_0.mutations UNION ALL
      SELECT 'item', concat_ws(' ', id, title, n) FROM item UNION ALL
      SELECT 'tick', n::text FROM tick
      ) AS content ORDER BY kind, line COLLATE "C"`});
    return rows.map(row => row.join(': '));
  }
}

async function maintain(statement) {
  const client = new pg.Client();
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

const reference = new Side('reference');
const ours = new Side('ours');
let provider;
before(async () => {
  await reference.create();
  await ours.create(`
    CREATE EXTENSION replicache_ext;
    SELECT replicache.register_mutator(name, function) FROM (VALUES
        ('item.put', 'item_put(text, text)'::regprocedure), ('item.add', 'item_add(text, text)'), ('item.count', 'item_count(text)'),
        ('item.delete', 'item_delete(text)'), ('item.fail', 'item_fail(text, text)'), ('tick', 'tick()')) AS mutator (name, function)`);
  provider = zeroNodePg(createSchema({tables: [table('item').columns({id: string()}).primaryKey('id')]}), reference.pool);
});
beforeEach(() => Promise.all([reference, ours].map(side => side.clear())));
after(() => Promise.all([reference.drop(), ours.drop()]));

/** The mutators of the reference: what an application would write for the same functions. */
const functions = {
  'item.put': ['item_put', 'id', 'title'],
  'item.add': ['item_add', 'id', 'title'],
  'item.count': ['item_count', 'id'],
  'item.delete': ['item_delete', 'id'],
  'item.fail': ['item_fail', 'id', 'way'],
  tick: ['tick'],
};

/** The message of an error is the app's, and what the function says in DETAIL are its details. */
function applicationError(error) {
  const {code, detail, message} = error;
  const said = /^[[{]/.test(detail ?? '') ? JSON.parse(detail) : code === 'P0001' ? detail : {name: 'error'};
  return new ApplicationError(message, {details: said});
}

async function handler(transact, mutation) {
  let data;
  const answer = await transact(async (tx, name, args) => {
    const [call, ...parameters] = functions[name.replaceAll('|', '.')] ?? [];
    if (!call) throw new ApplicationError(`unknown mutator "${name.replaceAll('|', '.')}"`, {details: {name: 'error'}});
    const list = parameters.map((parameter, n) => `${parameter} => $${n + 1}`).join(', ');
    try {
      const {rows} = await tx.dbTransaction.wrappedTransaction.query(`SELECT ${call}(${list}) AS result`, parameters.map(parameter => args[parameter]));
      if (rows[0].result !== '' && rows[0].result !== null) data = rows[0].result;
    } catch (error) {
      throw applicationError(error);
    }
  });
  return data === undefined || answer.result.error ? answer : {...answer, result: {data}};
}

/** What zero_push is to answer: what the reference answers, but for what is wanted otherwise. */
async function expected(text, {schema = 'zero_0', appID = 'zero', userID = 'ann'} = {}) {
  const body = JSON.parse(text);
  const query = Object.fromEntries(Object.entries({schema, appID}).filter(([, value]) => value !== null));
  let given = body;
  for (const {body: change} of wanted) if (change && Array.isArray(given?.mutations)) given = change(given);
  let answer = await silently(() => handleMutateRequest({dbProvider: provider, body: given, query, userID, handler, logLevel: 'error'}));
  for (const {answer: change} of wanted) if (change) answer = change(body, answer, schema);
  return JSON.stringify(answer);
}

/** The reference writes to the console whatever goes wrong. */
async function silently(run) {
  const {error, warn} = console;
  console.error = console.warn = () => {};
  try {
    return await run();
  } finally {
    Object.assign(console, {error, warn});
  }
}

async function answersOfOurs(texts, {schema = 'zero_0', appID = 'zero', userID = 'ann'} = {}) {
  const {rows} = await ours.pool.query(
    'SELECT replicache.zero_push(body::json, $2, $3, $4)::text AS answer FROM unnest($1::text[]) WITH ORDINALITY AS request (body, n) ORDER BY n',
    [texts, schema, appID, userID]);
  return rows.map(row => row.answer);
}

async function answerOfOurs(text, options) {
  return (await answersOfOurs([text], options))[0];
}

async function sameContent(message) {
  assert.deepEqual(await ours.content(), await reference.content(), message);
}

/** Both get the request, and must give the same answer. */
async function same(body, options, message) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await expected(text, options);
  assert.equal(await answerOfOurs(text, options), answer, `${message ?? ''}\n${text}`);
}

let groups = 0;
const group = () => `g${++groups}`;
const custom = (clientID, id, name, args) => ({type: 'custom', id, clientID, name, args: args === undefined ? [] : [args], timestamp: 7});
const cleanup = (clientID, ...args) => ({type: 'custom', id: 0, clientID, name: '_zero_cleanupResults', args, timestamp: 7});
const crud = (clientID, id) => ({type: 'crud', id, clientID, name: '_zero_crud', args: [{ops: []}], timestamp: 7});
const push = (clientGroupID, ...mutations) => ({clientGroupID, mutations, pushVersion: 1, timestamp: 8, requestID: 'r1'});

test('each case of the contract', async () => {
  const g = group();
  const put = (id, title = 'one') => custom('k1', id, 'item.put', {id: 'a', title});
  await same(push(g));
  await same(push(g, put(1)));
  await same(push(g, put(1)), {}, 'a replay');
  await same(push(g, put(1), put(2), custom('k1', 3, 'item|put', {id: 'b', title: 'two'})));
  await same(push(g, custom('k1', 4, 'item.count', {id: 'a'}), custom('k1', 5, 'tick')));
  await same(push(g, put(6), put(9), put(10)), {}, 'a gap: what comes before stands');
  await same(push(g, custom('k2', 3, 'tick')), {}, 'a client that is not known');
  await same(push(g, custom('k2', 1, 'tick'), custom('k3', 1, 'tick'), custom('k2', 2, 'tick'), put(7), custom('k3', 2, 'tick')), {}, 'several clients');
  await same(push(g, put(8, ''), put(9)), {}, 'an error of the database');
  await same(push(g, custom('k1', 10, 'nope.x', {}), custom('k1', 11, 'nope|y', {}), put(12)));
  await same({...push(g, put(13)), pushVersion: 2});
  await same({...push(g, put(13), crud('k1', 14)), pushVersion: 0});
  await same(push(g, put(13), crud('k1', 14), put(15)), {}, 'row changes: what comes before stands');
  await same(push(g, crud('k1', 14)));
  await same(push(g, put(14)), {userID: null});
  await same(push(g, put(15)), {userID: ''});
  await same(push(g, put(16)), {userID: 'é"'});
  for (const missing of [{schema: null}, {appID: null}, {schema: null, appID: null}]) {
    await same(push(g, put(17), put(18)), missing);
    await same(push(g), missing);
    await same({...push(g), pushVersion: 2}, missing);
    await same('{"clientGroupID":1}', missing);
  }
  for (const schema of ['nosuch_0', 'public', 'pg_catalog', '', 'Zero_0', 'zero_0"', 'zéro']) {
    await same(push(g, put(17), put(18)), {schema});
    await same(push(g, put(17), crud('k1', 18)), {schema});
    await same(push(g, crud('k1', 17), put(18)), {schema});
    await same(push(g), {schema});
    await same(push(g, cleanup('k1', {clientGroupID: g, clientID: 'k1', upToMutationID: 8})), {schema});
    await same(push(g, cleanup('k1', {clientGroupID: g, clientID: 'k1', upToMutationID: 8}), put(17)), {schema});
  }
  await same(push(g, put(17)), {appID: 'another'}, 'the name of the app does not count');
  await sameContent();
});

test('errors in all ways, and their details', async () => {
  const g = group();
  const ways = ['plain', 'text', 'object', 'array', 'number', 'code', 'code object', 'strange', 'long', 'division', 'cast', 'null', 'check', 'key', 'nonsense'];
  let id = 0;
  for (const way of ways) {
    await same(push(g, custom('k1', ++id, 'item.fail', {id: 'f', way})), {}, way);
    await same(push(g, custom('k1', ++id, 'item.count', {id: 'f'}), custom('k1', ++id, 'item.fail', {id: 'f', way}), custom('k1', ++id, 'item.count', {id: 'f'})), {}, way);
  }
  await same(push(g, ...ways.map(way => custom('k1', ++id, 'item.fail', {id: 'f', way}))), {}, 'all of them fail');
  await sameContent();
});

test('names and texts of all kinds', async () => {
  const strange = ['', ' ', "'", '"', '\\', '/', 'é', '😀', '\u2028', '\n\t\u0001\u007f', '$1', '%s', 'a'.repeat(3000)];
  for (const text of strange) {
    const g = `g${text}`;
    await same(push(g, custom(`k${text}`, 1, 'item.put', {id: text, title: `t${text}`}), custom(`k${text}`, 2, 'item.fail', {id: text, way: 'plain'})));
    await same(push(g, custom(`k${text}`, 2, 'tick'), custom(`k${text}`, 4, 'tick')));
    await same(push(g, custom(`k${text}`, 3, `item.${text}`, {})));
    await same(push(text, custom(text, 1, 'tick')));
    await same({...push(text, custom(text, 2, 'tick')), [`x${text}`]: text, requestID: text});
  }
  await sameContent();
});

test('cleanup', async () => {
  const [g, h] = [group(), group()];
  const fill = side => side.pool.query(`
    INSERT INTO zero_0.mutations
    SELECT client[1], client[2], id, '{"error":"app","message":"no"}' FROM (VALUES (ARRAY['${g}', 'k1']), (ARRAY['${g}', 'k2']), (ARRAY['${h}', 'k1'])) AS known (client), generate_series(1, 4) AS id`);
  const arg = {clientGroupID: g, clientID: 'k1', upToMutationID: 2};
  const other = {...arg, clientGroupID: h};
  const args = [
    [arg],
    [{...arg, type: 'single'}],
    [{...arg, upToMutationID: 1e9}],
    [other],
    [{type: 'bulk', clientGroupID: h, clientIDs: ['k1']}],
    [{type: 'bulk', clientGroupID: g, clientIDs: ['k1']}],
    [{type: 'bulk', clientGroupID: g, clientIDs: ['k2', 'k1', 'k7']}],
    [arg, {type: 'bulk', clientGroupID: g, clientIDs: ['k2']}],
    [{...arg, clientID: 'nobody'}],
    [{...arg, upToMutationID: 0}],
    [{...arg, upToMutationID: -1}],
    [{...arg, extra: 1}],
    [{...arg, type: 'Single'}],
    [{...arg, type: null}],
    [{...arg, type: 'bulk'}],
    [{...arg, type: 'bulk', clientIDs: ['k2']}],
    [{...arg, type: 'single', clientIDs: ['k2']}],
    [{...arg, clientIDs: ['k2']}],
    [{type: 'bulk', clientGroupID: g, clientIDs: []}],
    [{type: 'bulk', clientGroupID: g, clientIDs: 'k1'}],
    [{type: 'bulk', clientGroupID: g, clientIDs: ['k1', 1]}],
    [{type: 'bulk', clientGroupID: g, clientIDs: [null]}],
    [{type: 'bulk', clientGroupID: g}],
    [{...arg, clientGroupID: 1}],
    [{...arg, clientID: 1}],
    [{...arg, upToMutationID: '2'}],
    [{...arg, upToMutationID: null}],
    [{...arg, upToMutationID: 1.5}],
    [{...arg, upToMutationID: 1e30}],
    [{clientGroupID: g, clientID: 'k1'}],
    [{clientID: 'k1', upToMutationID: 2}],
    [{clientGroupID: g, upToMutationID: 2}],
    [], [null], ['k1'], [1], [[]], [[arg]], [{}],
  ];
  for (const list of args) {
    for (const others of [[], [custom('k3', 1, 'tick'), cleanup('k2', ...list)]]) {
      await Promise.all([reference, ours].map(side => side.clear().then(() => fill(side))));
      await same(push(g, cleanup('k1', ...list), ...others));
      await sameContent(JSON.stringify(list));
    }
  }
  // Before a gap, a row change and a wrong version.
  await same(push(g, cleanup('k1', arg), custom('k3', 99, 'tick')));
  await same(push(g, cleanup('k1', arg), crud('k3', 99)));
  await same({...push(g, cleanup('k1', arg)), pushVersion: 3});
  await same(push(g, {...cleanup('k1', arg), id: 1.5}, {...cleanup('k1', arg), id: -1}), {}, 'its id does not count');
  await sameContent();
});

test(`malformed bodies, each fault alone and by twos, seed ${seed}`, async () => {
  const {chance} = randomOf(seed);
  const list = [...texts(pushBodies()), ...texts(pushBodiesWithTwo()).filter(() => long || chance(10))];
  const failures = [];
  for (let from = 0; from < list.length; from += 400) {
    const part = list.slice(from, from + 400);
    const answers = await answersOfOurs(part).catch(async () => {
      const one = [];
      for (const text of part) one.push(await answerOfOurs(text).catch(error => `${error.code} ${error.message}`));
      return one;
    });
    for (const [n, text] of part.entries()) {
      const answer = await expected(text);
      if (answers[n] !== answer) failures.push({text, expected: answer, actual: answers[n]});
    }
  }
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} of ${list.length} differ`);
  await sameContent();
});

test(`random batches, seed ${seed}`, async () => {
  const {below, pick, weigh, chance} = randomOf(seed);
  const known = [group(), group()];
  const next = new Map();  // of a group's client: the id that is due
  for (let n = 0; n < (long ? 20_000 : 200); n++) {
    const g = pick(known);
    const mutations = [];
    const due = new Map();
    let stopped = false;
    for (let count = weigh([[5, 1], [3, 2], [3, 5], [1, 12], [1, 0]]); count > 0; count--) {
      const k = pick(['k1', 'k2', 'k3']);
      const key = `${g} ${k}`;
      const expected = due.get(key) ?? next.get(key) ?? 1;
      const [kind, id] = weigh([[60, ['due', expected]], [10, ['old', Math.max(1, expected - 1 - below(3))]], [2, ['gap', expected + 1 + below(3)]], [1, ['crud', expected]], [8, ['cleanup', 0]]]);
      if (kind === 'cleanup') {
        const upToMutationID = below(expected + 1);
        mutations.push(cleanup(k, pick([{clientGroupID: g, clientID: k, upToMutationID}, {type: 'single', clientGroupID: g, clientID: k, upToMutationID}, {type: 'bulk', clientGroupID: g, clientIDs: [k, 'k1']}, {type: 'bulk'}, null])));
        continue;
      }
      if (kind === 'crud') mutations.push(crud(k, id));
      else
        mutations.push(custom(k, id, ...weigh([
          [5, ['item.put', {id: `i${below(5)}`, title: `t${below(100)}`}]],
          [2, ['item|count', {id: `i${below(5)}`}]],
          [2, ['item.add', {id: `i${below(8)}`, title: 'added'}]],
          [2, ['item.delete', {id: `i${below(8)}`}]],
          [2, ['item.fail', {id: `i${below(5)}`, way: pick(['plain', 'object', 'division', 'null', 'key'])}]],
          [1, ['item.put', {id: 'i1', title: ''}]],
          [1, ['tick', {}]],
          [1, ['tock', {}]],
        ])));
      stopped ||= kind === 'crud' || id > expected;
      if (!stopped && id === expected) due.set(key, expected + 1);
    }
    const options = chance(3) ? {schema: 'nosuch_0'} : {userID: pick(['ann', null])};
    const body = push(g, ...mutations);
    const version = chance(2) ? 2 : 1;
    await same({...body, pushVersion: version}, options, `seed ${seed}, batch ${n}`);
    if (version === 1 && !options.schema) for (const [key, id] of due) next.set(key, id);
    if (n % 20 === 0) await sameContent(`seed ${seed}, batch ${n}`);
  }
  await sameContent();
});

// The queries of an application: tables and columns have other names in the database, and rows belong to one another.
const task = table('task').from('item').columns({id: string(), title: string(), count: number().from('n'), open: boolean(), data: json().optional()}).primaryKey('id');
const tag = table('tag').columns({id: string(), taskID: string().from('item_id'), text: string()}).primaryKey('id');
const schema = createSchema({
  tables: [task, tag],
  relationships: [
    relationships(task, ({many}) => ({tags: many({sourceField: ['id'], destField: ['taskID'], destSchema: tag})})),
    relationships(tag, ({one}) => ({task: one({sourceField: ['taskID'], destField: ['id'], destSchema: task})})),
  ],
});
const builder = createBuilder(schema);
const queries = {
  all: () => builder.task,
  ordered: () => builder.task.orderBy('title', 'desc').orderBy('id', 'asc').limit(10),
  equal: ({a}) => builder.task.where('title', a),
  compare: ({a, b, c}) => builder.task.where('count', '>', a).where('count', '<=', b).where('title', 'ILIKE', c),
  either: ({a, b, user}) => builder.task.where(({or, and, cmp, not}) => or(cmp('title', a), and(cmp('title', '!=', b), not(cmp('open', true))), cmp('title', 'IS', user))),
  list: ({a}) => builder.task.where('title', 'NOT IN', a),
  limited: ({a}) => builder.task.limit(a),
  one: ({a}) => builder.task.where('id', a).one(),
  after: ({a, b}) => builder.task.orderBy('title', 'asc').start({id: a, title: b}),
  related: ({a}) => builder.task.related('tags', tags => tags.where('text', 'LIKE', a).orderBy('text', 'asc').limit(3)).whereExists('tags'),
  deep: ({a}) => builder.tag.whereExists('task', task => task.where('title', a).whereExists('tags', tags => tags.where('text', a))).related('task'),
  absent: ({a}) => builder.task.where(({not, exists}) => not(exists('tags', tags => tags.where('text', a)))),
  whole: ({whole}) => builder.task.where('title', whole),
  mine: ({user}) => builder.task.where('title', user),
};

/** The reference's own answer with marks for the arguments, and the marks made into those of a template. */
async function template(name) {
  const marks = {a: 'mark-a', b: 'mark-b', c: 'mark-c', whole: 'mark-whole', user: 'mark-user'};
  const numbers = {a: 7771, b: 7772};
  const given = {...marks, ...(name === 'compare' && numbers), ...(name === 'limited' && {a: 7771}), ...(name === 'list' && {a: ['mark-a']})};
  const {queries: [{ast}]} = await handleQueryRequest({schema, body: ['transform', [{id: 'q', name, args: []}]], handler: () => queries[name](given)});
  return JSON.stringify(ast)
    .replaceAll('["mark-a"]', '{"$arg":"a"}')
    .replaceAll(/"mark-([abc])"/g, '{"$arg":"$1"}')
    .replaceAll(/777([12])/g, (_, n) => `{"$arg":"${' ab'[n]}"}`)
    .replaceAll('"mark-whole"', '{"$arg":null}')
    .replaceAll('"mark-user"', '{"$user":true}');
}

/** The same from both: an answer with queries, or why there is none. */
async function sameQueries(body, {userID = 'ann'} = {}) {
  const text = JSON.stringify(body);
  const answer = await silently(() => handleQueryRequest({schema, body: JSON.parse(text), userID, logLevel: 'error', handler: (name, args) => {
    if (name === 'made') {
      const {title, way} = args;
      const failures = {
        text: 'as "you" can see', object: {field: 'title', at: [1, 2.5, null, true, 'é\n']}, code: {name: 'error'},
      };
      if (way === 'plain') throw new Error(`no ${title} here`);
      if (failures[way]) throw new ApplicationError(`no ${title} here`, {details: failures[way]});
      if (way === 'division') throw new ApplicationError('division by zero', {details: {name: 'error'}});
      return builder.task.where('title', title);
    }
    return queries[name]({...(typeof args === 'object' && args), whole: args, user: userID});
  }}));
  const {rows} = await ours.pool.query('SELECT replicache.zero_queries($1, $2)::text AS answer', [text, userID]);
  assert.equal(rows[0].answer, JSON.stringify(answer), text);
}

test('queries: the same ASTs from templates and functions', async () => {
  for (const name of Object.keys(queries)) await ours.pool.query('SELECT replicache.register_query($1, $2)', [name, await template(name)]);
  await ours.pool.query(`SELECT replicache.register_query('made', function => 'items_titled(text, text)')`);
  const query = (name, ...args) => ({id: `q${name}`, name, args});
  const one = (name, ...args) => sameQueries(['transform', [query(name, ...args)]]);
  for (const user of ['ann', '', 'é"\\\n\u0001😀', null]) {
    await sameQueries(['transform', []], {userID: user});
    await sameQueries(['transform', [query('mine'), query('mine', null), query('mine', {a: 1}), query('either', {a: 'x', b: 'y'})]], {userID: user});
  }
  for (const name of ['all', 'ordered']) for (const args of [[], [null], [{}], [{a: 1}], [1, 2]]) await one(name, ...args);
  for (const name of ['equal', 'one', 'related', 'deep', 'absent'])
    for (const a of ['x', '', 'é"\\/\n\u0001\u007f\u2028😀', 'a'.repeat(3000), '{"$arg":"b"}', '$arg']) await one(name, {a});
  for (const a of [true, false, 0, -1, 1.5, 12345678901]) await one('equal', {a, b: 'not wanted'});
  for (const [a, b] of [[1, 2], [-1, 0.5], [0, 9007199254740991]]) await one('compare', {a, b, c: '%x_'});
  for (const a of [[], ['x'], ['x', 1, true], ['']]) await one('list', {a});
  for (const a of [0, 1, 100]) await one('limited', {a});
  await one('after', {a: 'x', b: 'y'});
  for (const whole of ['x', '', 1, true]) await one('whole', whole);
  for (const way of ['plain', 'text', 'object', 'code', 'division', null]) await one('made', {title: 'red "é"', way});
  await one('made', {title: 'red'});
  await sameQueries(['transform', [query('all'), query('made', {title: 'x', way: 'plain'}), query('equal', {a: 1}), query('all')]]);
  const everything = Object.keys(queries).filter(name => !['compare', 'list', 'limited'].includes(name)).map(name => query(name, {a: 'x', b: 'y', c: 'z'}));
  await sameQueries(['transform', everything.filter(({name}) => name !== 'whole')]);
});

test('queries: malformed bodies', async () => {
  const failures = [];
  for (const text of texts(queryBodies())) {
    const body = JSON.parse(text);
    const handler = name => { throw new ApplicationError(`unknown query "${name}"`, {details: {name: 'error'}}); };
    const answer = await silently(() => handleQueryRequest({schema, body, userID: 'ann', logLevel: 'error', handler}));
    const actual = await ours.pool.query('SELECT replicache.zero_queries($1, $2)::text AS answer', [text, 'ann'])
      .then(({rows}) => rows[0].answer, ({code, message}) => `${code} ${message}`);
    const expected = JSON.stringify(answer);
    if (actual !== expected) failures.push({text, expected, actual});
  }
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} differ`);
});
