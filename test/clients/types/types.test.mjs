// The modules that replicache-ext types makes: they compile with programs that use them, wrong programs do not, and the clients run on them.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';
import {build, Database, schema, types, Workshop} from './workshop.mjs';

let database, workshop;

before(async () => {
  build();
  workshop = new Workshop();
  database = await Database.create('types', schema);
  await database.owner.query(`SELECT replicache.grant_usage('${database.role}'); GRANT USAGE ON SCHEMA app TO ${database.role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON card, app.seat TO ${database.role}`);
});
after(async () => {
  await database?.drop();
  workshop?.remove();
});

/** Makes a module, and compiles it with a program. */
async function make(option, module, program, name) {
  const {status, out, err} = await database.types(...option);
  assert.deepEqual({status, err}, {status: 0, err: ''});
  workshop.write(module, out);
  if (program) workshop.copy(program, name);
  return out;
}

test('Replicache: a program compiles, a wrong one does not, and the client syncs by it', async () => {
  const text = await make([], 'sync.ts', 'program.replicache.ts', 'replicache.ts');
  assert.equal((await database.types()).out, text, 'twice the same');
  assert.match(text, /^\/\/ Made by `replicache-ext types`/);
  assert.match(text, /\/\*\*\n \* A card\.\n \* With two lines\.\n \*\/\nexport type Card = /);
  assert.match(text, /  \/\*\* What it says\. \*\/\n  title: string;/);
  assert.equal(workshop.compile('replicache.ts'), '');
  const {run} = await workshop.import('replicache.js');
  const request = sql => async body => {
    const {rows} = await database.app.query(sql, [JSON.stringify(body)]);
    return {response: rows[0].answer.patch ? rows[0].answer : undefined, httpRequestInfo: {httpStatusCode: 200, errorMessage: ''}};
  };
  const id = '6f1c3a52-7a5c-4a53-9d0a-0c7c86d1a001';
  const seen = await run({pusher: request(`SELECT replicache.apply_push($1, 'ann') AS answer`), puller: request(`SELECT replicache.pull($1, 'ann') AS answer`)}, id);
  const card = {id, title: 'Oat milk', mood: 'sad', tags: ['a', null], home: {street: 'Elm/St', number: 7}, doc: null, amount: 0, big: 9007199254740991, done: true, due: null, bytes: null, code: 8};
  const seat = {venue: 'Pier 3/4', row: 1, note: 'x', what: 'X'};
  assert.deepEqual(seen, {card, seats: [seat], street: 'Elm/St', tag: 'a', row: 1, seat});
  // The server has it, too: nothing was left to the client's own mutators.
  assert.deepEqual((await database.owner.query('SELECT title, mood, done, (home).number, big FROM card')).rows, [{title: 'Oat milk', mood: 'sad', done: true, number: 7, big: '9007199254740991'}]);
  assert.deepEqual((await database.owner.query('SELECT name, message FROM replicache.mutation_error')).rows, []);
});

test('PowerSync: a program compiles, and an upload takes the columns of the schema', async () => {
  await make(['--powersync'], 'powersync_schema.ts', 'program.powersync.ts', 'powersync.ts');
  assert.equal(workshop.compile('powersync.ts'), '');
  const {AppSchema} = await workshop.import('powersync.js');
  AppSchema.validate();
  assert.deepEqual(Object.keys(AppSchema.props), ['seat', 'card', 'mutator_calls']);
  assert.deepEqual([AppSchema.props.mutator_calls.insertOnly, AppSchema.props.card.insertOnly], [true, false]);
  const columns = Object.fromEntries(AppSchema.props.card.columns.map(({name, type}) => [name, type]));
  assert.deepEqual(columns, {title: 'TEXT', mood: 'TEXT', tags: 'TEXT', home: 'TEXT', doc: 'TEXT', amount: 'TEXT', big: 'INTEGER', is_done: 'INTEGER', due: 'TEXT', code: 'INTEGER'});
  const value = {title: 'Tea', mood: 'ok', amount: '12.50', is_done: 1, due: '2026-01-01T00:00:00Z'};
  const call = {name: 'putCard', args: JSON.stringify({id: '6f1c3a52-7a5c-4a53-9d0a-0c7c86d1a003', title: 'Coffee'})};
  const {rows} = await database.app.query('SELECT replicache.powersync_upload($1) AS answer', [JSON.stringify({crud: [
    {op: 'PUT', type: 'card', id: '6f1c3a52-7a5c-4a53-9d0a-0c7c86d1a002', data: value}, {op: 'PUT', type: 'mutator_calls', id: '1', data: call}]})]);
  assert.deepEqual(rows[0].answer, {results: [{status: 'success'}]});
  assert.deepEqual((await database.owner.query(`SELECT title, done, amount FROM card WHERE id::text ~ '00[23]$' ORDER BY id`)).rows, [{title: 'Tea', done: true, amount: '12.50'}, {title: 'Coffee', done: false, amount: '0.00'}]);
});

test('Zero: a program compiles, and the columns are what zero-cache sends', async () => {
  await make(['--zero'], 'zero_schema.ts', 'program.zero.ts', 'zero.ts');
  assert.equal(workshop.compile('zero.ts'), '');
  const {schema: made, query} = await workshop.import('zero.js');
  assert.deepEqual(Object.keys(made.tables).sort(), ['card', 'seat']);
  assert.equal(made.tables.seat.serverName, 'app.seat');
  assert.deepEqual([made.tables.card.primaryKey, made.tables.seat.primaryKey], [['id'], ['venue', 'row']]);
  assert.equal(made.tables.card.columns.is_done.serverName, 'done');
  assert.ok(query);
  const {dataTypeToZqlValueType} = await workshop.import('node_modules/@rocicorp/zero/out/zero-cache/src/types/pg-data-type.js');
  const {rows} = await database.owner.query(`SELECT attname, format_type(CASE typtype WHEN 'd' THEN typbasetype ELSE t.oid END, NULL) AS type, typtype = 'e' AS is_enum, typelem <> 0 AND typlen = -1 AS is_array, attnotnull
    FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = 'card'::regclass AND attnum > 0 AND attname <> 'version'`);
  const theirs = Object.fromEntries(rows.map(r => [r.attname, [dataTypeToZqlValueType(r.type, r.is_enum, r.is_array), !r.attnotnull]]).filter(([, [type]]) => type));
  const ours = Object.fromEntries(Object.entries(made.tables.card.columns).map(([name, {serverName, type, optional}]) => [serverName ?? name, [type, optional]]));
  assert.deepEqual(ours, theirs);
});

test('Zero: the client makes of a template what the server makes of it', async t => {
  const zero = await workshop.import('node_modules/@rocicorp/zero/out/zero/src/zero.js');
  const internal = path => workshop.import(`node_modules/@rocicorp/zero/out/${path}.js`);
  const [{asQueryInternals}, {mapAST}, {clientToServer}] = await Promise.all([internal('zql/src/query/query-internals'), internal('zero-protocol/src/ast'), internal('zero-schema/src/name-mapper')]);
  const {schema: made, queries} = await workshop.import('zero.js');
  const {templates} = await workshop.import('zero_schema.js');
  assert.deepEqual(Object.keys(templates), ['card.after', 'card.by', 'card.ids', 'card.mine', 'card.seated', 'card.since', 'card.titled']);
  // The request that the client sends for a query, and the ASTs that both make of it, with the names of the database.
  const both = async request => {
    const query = asQueryInternals(request.query.fn({args: request.args, ctx: {userID: 'ann'}}));
    const {name, args} = query.customQueryID;
    const {rows} = await database.app.query(`SELECT replicache.zero_queries($1, 'ann') #> '{queries,0}' AS answer`, [JSON.stringify(['transform', [{id: 'a', name, args}]])]);
    const plain = ast => JSON.parse(JSON.stringify(mapAST(ast, {tableName: name => name, columnName: (_, name) => name, columns: (_, names) => names})));
    assert.ok(rows[0].answer.ast, JSON.stringify(rows[0].answer));
    assert.deepEqual(JSON.parse(JSON.stringify(mapAST(query.ast, clientToServer(made.tables)))), plain(rows[0].answer.ast), name);
    return rows[0].answer.ast;
  };
  const {card} = queries;
  for (const request of [card.by({mood: 'sad'}), card.by({mood: 'ok', but: true, limit: 3}), card.by({mood: 'ok', but: null}), card.mine(), card.since(), card.since({}), card.since({due: 7}),
    card.titled({'the text': '%x', title: "it's"}), card.ids([]), card.ids(['a', 'b']), card.after({id: 'a'}), card.seated({row: 2})]) await both(request);
  assert.equal((await both(card.by({mood: 'sad'}))).limit, 100);

  // And on the rows of a client, without a server.
  const put = zero.defineMutators({card: zero.defineMutator(({tx, args}) => tx.mutate.card.insert(args)), seat: zero.defineMutator(({tx, args}) => tx.mutate.seat.insert(args))});
  const client = new zero.Zero({schema: made, mutators: put, userID: 'ann', context: {userID: 'ann'}, cacheURL: null, kvStore: 'mem', logSink: {log() {}}});
  t.after(() => client.close());
  const row = (id, title, mood, is_done, due) => ({id, title, mood, is_done, due, amount: 1});
  for (const args of [row('a', 'ann', 'sad', false, 1), row('b', "it's", 'sad', true, 5), row('c', 'Pier', 'ok', false, 9)]) await client.mutate(put.card(args)).client;
  await client.mutate(put.seat({venue: 'Pier', row: 3})).client;
  const ids = async request => (await client.run(request)).map(({id}) => id).join();
  const seen = [];
  for (const request of [card.by({mood: 'sad'}), card.by({mood: 'sad', but: true}), card.by({mood: 'sad', limit: 1}), card.mine(), card.since(), card.since({due: 5}), card.titled({'the text': 'O%', title: 'x'}), card.titled({'the text': 'x', title: 'ann'}),
    card.ids(['a', 'c']), card.after({id: 'a'}), card.seated({row: 2}), card.seated({row: 3}), card.from({mood: 'ok'})]) seen.push(await ids(request));
  assert.deepEqual(seen, ['b,a', 'a', 'b', 'a', 'a,b,c', 'b,c', 'b,c', 'a,b', 'a,c', 'b,c', 'c', '', 'c']);
});

test('a changed function changes the type', async () => {
  await database.owner.query(`SELECT replicache.unregister_mutator('putCard'); DROP FUNCTION put_card;
    CREATE FUNCTION put_card(id uuid, heading text, mood mood) RETURNS void LANGUAGE sql AS 'INSERT INTO public.card (id, title, mood) VALUES (id, heading, mood)';
    SELECT replicache.register_mutator('putCard', 'put_card'::regproc)`);
  await make([], 'sync.ts', 'program.replicache.ts', 'replicache.ts');
  const complaints = workshop.compile('replicache.ts');
  assert.match(complaints, /replicache\.ts:6: Property 'title' does not exist on type/);
  assert.match(complaints, /replicache\.ts:24: .* 'title' does not exist in type '\{ id: string; heading: string; mood: Mood; \}'/);
  await database.owner.query('ALTER TABLE card RENAME COLUMN tags TO labels');
  await make([], 'sync.ts');
  assert.match(workshop.compile('replicache.ts'), /'tags' does not exist in type 'Card'|Property 'tags' does not exist/);
});

test('so does a changed query', async () => {
  await database.owner.query(`SELECT replicache.unregister_query('card.from'); DROP FUNCTION cards_from;
    CREATE FUNCTION cards_from(feeling mood, minimum bigint) RETURNS json STABLE LANGUAGE sql AS $$SELECT '{"table":"card"}'::json$$;
    SELECT replicache.register_query('card.from', function => 'cards_from(mood, bigint)'), replicache.unregister_query('card.ids'),
      replicache.register_query('card.since', '{"table":"card", "where":{"type":"simple", "op":">=", "left":{"type":"column", "name":"title"}, "right":{"type":"literal", "value":{"$arg":"due", "default":""}}}}')`);
  const text = await make(['--zero'], 'zero_schema.ts', 'program.zero.ts', 'zero.ts');
  const complaints = workshop.compile('zero.ts');
  const line = sought => readFileSync(new URL('program.zero.ts', import.meta.url), 'utf8').split('\n').findIndex(line => line.includes(sought)) + 1;
  assert.ok(complaints.includes(`zero.ts:${line("'card.from': ({args: {mood, minimum")}: Property 'mood' does not exist`), complaints);
  assert.ok(complaints.includes(`zero.ts:${line('since({due: 1})')}: Type 'number' is not assignable to type 'string'`), complaints);
  assert.ok(complaints.includes(`zero.ts:${line("card.ids(['a'])")}: Property 'ids' does not exist`), complaints);
  assert.match(text, /  'card\.from': \{\n    feeling: Mood;\n    minimum: number \| string;\n  \};/);
  // What the client cannot have is said.
  for (const [name, fault] of [['card.by.mood', 'left out: Zero cannot'], ['card.seats', 'no member of templates: it has related rows'], ['elsewhere', 'no member of templates: its table is not']])
    assert.ok(text.includes(`// '${name}' is ${fault}`), name);
  assert.match(text, /elsewhere: \{\n    n: number;\n    x: Operand;/);
});

test('what a role may not use is left out', async () => {
  await database.owner.query(`REVOKE ALL ON app.seat FROM ${database.role}; REVOKE EXECUTE ON FUNCTION clear, anything FROM PUBLIC; REVOKE DELETE ON card FROM ${database.role}`);
  const text = await make([], 'sync.ts');
  assert.doesNotMatch(text, /Seat|clear|card\.delete/);
  assert.match(text, /card\.update/);
  const zero = await make(['--zero'], 'zero_schema.ts');
  assert.doesNotMatch(zero, /anything/);
  assert.match(zero, /'card\.seated': \{\n    row: Operand;/);
  assert.match(zero, /'card\.seated' is no member of templates/);
});

test('wrong calls say what is wrong', async () => {
  await database.owner.query('REVOKE EXECUTE ON FUNCTION replicache.describe FROM ' + database.role);
  const [nonsense, both, many, help, none, refused, nowhere, url] = await Promise.all([types({}, '--nonsense'), types({}, '--zero', '--powersync'), types({}, 'a', 'b'), types({}, '--help'),
    types({PGDATABASE: 'template1'}), database.types(), types({PGHOST: '/nonsense', PGPORT: '1'}), types({PGDATABASE: 'nonsense'}, `postgres:///${database.name}?host=${process.env.PGHOST}`)]);
  for (const {status, err} of [nonsense, both, many]) assert.deepEqual([status, err.split(' [')[0]], [2, 'usage: replicache-ext types']);
  assert.deepEqual([help.status, help.err], [0, '']);
  assert.match(help.out, /--powersync/);
  assert.deepEqual([none.status, none.out], [1, '']);
  assert.match(none.err, /schema "replicache" does not exist\nCall CREATE EXTENSION/);
  assert.match(refused.err, /permission denied for function describe\nCall replicache\.grant_usage/);
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.err, /^replicache-ext types: .*ENOENT/);
  assert.equal(url.status, 0, url.err);
});

test('no name or comment gets out of its place', async t => {
  const nasty = [`*/ globalThis.injected = 1; /*`, `'; globalThis.injected = 1; '`, '`${globalThis.injected = 1}`', `"; globalThis.injected = 1; "`, '\n globalThis.injected = 1;\n//', '\\', "\\'",
    '\u2028globalThis.injected = 1', '__proto__', 'constructor', 'default', 'class', '1st', 'a b', 'ünï', '日本', '', ' ', 'Entries', 'readonly', 'tx', '{{x}}', '${string}', 'await', 'undefined'];
  const quoted = name => `"${name.replaceAll('"', '""')}"`, text = value => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  const names = nasty.filter(name => name !== '');
  const columns = names.filter(name => name !== '{{x}}');
  const all = nasty.map(text).join(', ');
  const nastyQuery = (name, column) => ({table: 'odd', where: {type: 'and', conditions: [{type: 'simple', op: '=', left: {type: 'column', name: column}, right: {type: 'literal', value: {$arg: name, default: nasty[0]}}},
    {type: 'simple', op: 'IN', left: {type: 'column', name: column}, right: {type: 'literal', value: [...names, {$arg: 'other'}]}}]}});
  const odd = await Database.create('types_odd', `CREATE EXTENSION replicache_ext;
    CREATE TYPE ${quoted(`${nasty[0]} type`)} AS ENUM (${all});
    CREATE TYPE pair AS (${names.map(name => `${quoted(name)} ${quoted(`${nasty[0]} type`)}`).join(', ')});
    COMMENT ON TYPE pair IS ${text(nasty[0])};
    CREATE TABLE odd (id text PRIMARY KEY, pair pair, ${columns.map(name => `${quoted(name)} text`).join(', ')});
    ${columns.map((name, i) => `COMMENT ON COLUMN odd.${quoted(name)} IS ${text(nasty[i])};`).join('\n')}
    COMMENT ON TABLE odd IS ${text(`${nasty[0]}\n${nasty[4]}`)};
    SELECT replicache.track_table('odd'), replicache.expose_crud('odd', name => ${text(`${nasty[1]}!`)});
    ${names.filter(name => !/[{}]/.test(name)).map(name => `CREATE TABLE ${quoted(name)} (id text PRIMARY KEY, "${'id '}" bytea); SELECT replicache.track_table(${text(quoted(name))}), replicache.expose_crud(${text(quoted(name))});`).join('\n')}
    CREATE TABLE plain (a text, b text, PRIMARY KEY (a, b)); SELECT replicache.track_table('plain', key => ${text('`${{globalThis.injected = 1}}`/*/ \\{{' + "'/{a}/{b}")}
      ); CREATE TABLE bare (id text PRIMARY KEY); SELECT replicache.track_table('bare', key => '{id}');
    CREATE TABLE apart (id bytea PRIMARY KEY); SELECT replicache.expose_crud('apart');
    CREATE FUNCTION f(${columns.map(name => `${quoted(name)} pair DEFAULT NULL`).join(', ')}) RETURNS void LANGUAGE sql AS '';
    COMMENT ON FUNCTION f IS ${text(nasty[0])};
    ${names.map(name => `SELECT replicache.register_mutator(${text(name)}, 'f'::regproc);`).join('\n')}
    ${names.filter(name => !name.includes('|')).map((name, i) => `SELECT replicache.register_query(${text(name)}, ${text(JSON.stringify(nastyQuery(name, columns[i % columns.length])))});`).join('\n')}
    SELECT replicache.register_query('bad', ${text(JSON.stringify({table: nasty[1], alias: nasty[0], [nasty[4]]: 1}))});
    SELECT replicache.register_mutator_queue(${text('q */')})`);
  t.after(() => odd.drop());
  const made = {};
  for (const [name, ...option] of [['replicache'], ['powersync', '--powersync'], ['zero', '--zero']]) {
    const {out, err, status} = await types({PGDATABASE: odd.name}, ...option);
    assert.deepEqual({err, status}, {err: '', status: 0});
    workshop.write(`odd_${name}.ts`, out);
    assert.equal(workshop.compile(`odd_${name}.ts`), '', name);
    made[name] = await workshop.import(`odd_${name}.js`);
  }
  assert.equal(globalThis.injected, undefined);
  const {AppSchema} = made.powersync;
  assert.deepEqual(AppSchema.props[`${nasty[1]}!`].columns.map(({name}) => name).sort(), ['pair', ...columns].sort());
  assert.deepEqual(Object.keys(AppSchema.props).sort(), ['apart', 'bare', 'plain', 'q */', `${nasty[1]}!`, ...names.filter(name => !/[{}]/.test(name))].sort());
  assert.deepEqual(Object.keys(made.zero.schema.tables[`${nasty[1]}!`].columns).sort(), ['id', ...columns].sort());
  assert.equal(made.replicache.plainKey({a: 'x/y', b: '50%'}), "`${globalThis.injected = 1}`/*/ \\{'/x%2Fy/50%25");
  workshop.write('use.ts', `import type {MutatorArgs, Entries} from './odd_replicache.js';
    export const args: MutatorArgs[${JSON.stringify(nasty[0])}] = {${JSON.stringify(nasty[1])}: {${JSON.stringify(nasty[2])}: ${JSON.stringify(nasty[4])}, constructor: null}, constructor: null};
    export const entry = (odd: Entries['odd/1']): string | null => odd[${JSON.stringify(nasty[5])}];`);
  assert.equal(workshop.compile('use.ts'), '');
  const {createQueries, templates} = made.zero;
  const asked = names.filter(name => name !== '__proto__');
  assert.deepEqual(Object.keys(templates).sort(), [...asked].sort());
  const queries = createQueries(templates);
  for (const name of asked) assert.equal(name.split('.').reduce((node, step) => node[step], queries)({other: 'x'}).query.queryName, name);
  assert.equal(globalThis.injected, undefined);
});

test('the examples of docs/typescript.md', async t => {
  const text = readFileSync(new URL('../../../docs/typescript.md', import.meta.url), 'utf8');
  const blocks = kind => [...text.matchAll(new RegExp('^```' + kind + '\\n([^]*?)^```', 'gm'))].map(([, block]) => block);
  const documented = await Database.create('types_docs', `CREATE EXTENSION replicache_ext; ${blocks('sql').slice(0, 2).join('\n')}`);
  t.after(() => documented.drop());
  const {out} = await types({PGDATABASE: documented.name});
  const [excerpt, program, queryArgs, queryProgram] = blocks('ts');
  for (const part of excerpt.trim().split('\n\n')) assert.ok(out.includes(part), part);
  workshop.write('documented.ts', out);
  workshop.write('program.ts', `import {Replicache} from 'replicache';\nimport {cardKey, createMutators, scanCard, type Card} from './documented.js';\n${program}\nexport const typed: Card[] = cards;`);
  const zero = await types({PGDATABASE: documented.name}, '--zero');
  assert.ok(zero.out.includes(queryArgs), zero.out);
  workshop.write('documented_zero.ts', zero.out);
  workshop.write('program_zero.ts', `import {Zero, type Row} from '@rocicorp/zero';\nimport {createQueries, schema, templates, zql} from './documented_zero.js';\n${queryProgram}\nexport const typed: Row<typeof schema.tables.card>[] = sad;\nexport {view};`);
  assert.equal(workshop.compile('program.ts', 'program_zero.ts'), '');
});
