// The published client: a database on disk, changes without a network, uploads with the connector of examples/powersync
// that succeed, fail and get lost; in the end both sides have the same rows. PowerSync's service, which would bring
// changes of others down to the client, takes no part in uploads.
import assert from 'node:assert/strict';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {test} from 'node:test';
import {PowerSyncDatabase, Schema, Table, column} from '@powersync/node';
import {uploadData} from '../../../examples/powersync/connector.mjs';
import {example} from '../../example.mjs';
import {useBackend, uuid} from './harness.mjs';

const backend = useBackend();

const options = {trackPrevious: true, trackMetadata: true};
const schema = new Schema({
  lists: new Table({name: column.text}, options),
  // A number that SQLite keeps as a real, JSON that it keeps as text.
  todos: new Table({list_id: column.text, description: column.text, completed: column.integer, priority: column.real, tags: column.text}, options),
  // Calls: they go to the queue of uploads only.
  mutator_calls: new Table({name: column.text, args: column.text}, {insertOnly: true}),
});

/** A client of `user` in a directory of its own. */
class Device {
  user = `user-${uuid()}`;
  lose = {};  // how many of the next requests, or answers, get lost
  answers = [];

  async open() {
    this.directory ??= await mkdtemp(join(tmpdir(), 'powersync.'));
    this.database = new PowerSyncDatabase({
      schema,
      database: {dbFilename: 'client.db', dbLocation: this.directory, implementation: {type: 'node:sqlite'}, readWorkerCount: 1},
    });
    await this.database.waitForReady();
    this.id = await this.database.getClientId();
  }

  async close() {
    await this.database?.close();
    if (this.directory) await rm(this.directory, {recursive: true});
  }

  run = (sql, ...parameters) => this.database.execute(sql, parameters);
  insertList = (id, name) => this.run('INSERT INTO lists (id, name) VALUES (?, ?)', id, name);
  renameList = (id, name) => this.run('UPDATE lists SET name = ? WHERE id = ?', name, id);

  /** What waits to be uploaded, transaction by transaction. */
  async queue() {
    return (await this.database.getCrudBatch(1000))?.crud.map(entry => entry.toJSON()) ?? [];
  }

  post = async body => {
    if (this.lose.requests > 0 && this.lose.requests--) throw new Error('no network');
    const {status, text} = await backend.post(body, {user: this.user});
    if (this.lose.answers > 0 && this.lose.answers--) throw new Error('the answer was lost');
    if (status !== 200) throw new Error(`${status}: ${text}`);
    const answer = JSON.parse(text);
    this.answers.push(...answer.results.map(result => result.status));
    return answer;
  };

  upload = () => uploadData(this.database, this.post);

  /** An upload that fails, and leaves the queue as it is. */
  async failToUpload(why) {
    const queue = await this.queue();
    assert.ok(queue.length > 0);
    await assert.rejects(this.upload(), why);
    assert.deepEqual(await this.queue(), queue);
  }

  /** Nothing waits, and both sides have the same rows; gives them. */
  async same() {
    assert.deepEqual(await this.queue(), []);
    const lists = await this.database.getAll('SELECT id, name FROM lists ORDER BY id');
    assert.deepEqual(lists, await backend.rows('SELECT id, name FROM lists WHERE owner_id = $1 ORDER BY id', this.user));
    const local = await this.database.getAll('SELECT id, list_id, description, completed, priority, tags FROM todos ORDER BY id');
    const todos = local.map(({tags, ...row}) => ({...row, tags: JSON.parse(tags ?? '[]')}));
    assert.deepEqual(todos, await backend.rows(`SELECT t.id, list_id, description, completed::int, priority, tags FROM todos t JOIN lists l ON l.id = list_id
      WHERE owner_id = $1 ORDER BY t.id`, this.user));
    return {lists, todos};
  }
}

function scenario(title, run) {
  test(title, {timeout: 60_000}, async t => {
    t.mock.method(console, 'warn', () => {});  // of what was rejected
    const device = new Device();
    try {
      await device.open();
      await run(device, console.warn.mock);
    } finally {
      await device.close();
    }
  });
}

scenario('what was done offline arrives, transaction by transaction', async device => {
  const [l, a, b, gone] = [uuid(), uuid(), uuid(), uuid()];
  await device.database.writeTransaction(async tx => {
    await tx.execute('INSERT INTO lists (id, name) VALUES (?, ?)', [l, 'groceries']);
    for (const id of [a, b])
      await tx.execute('INSERT INTO todos (id, list_id, description, completed, priority, tags) VALUES (?, ?, ?, 0, 2, ?)', [id, l, 'milk', '["a","b, c"]']);
  });
  await device.insertList(gone, 'nothing');
  await device.run('UPDATE todos SET completed = 1, priority = NULL, tags = ? WHERE id = ?', JSON.stringify(['“ü”', '{}']), a);
  await device.run('UPDATE todos SET priority = 7.0 WHERE id = ?', b);
  await device.renameList(l, 'groceries');  // to what it is
  await device.run('DELETE FROM lists WHERE id = ?', gone);
  assert.equal(new Set((await device.queue()).map(entry => entry.tx_id)).size, 6);

  await device.upload();
  assert.deepEqual(device.answers, Array(6).fill('success'));
  const {lists, todos} = await device.same();
  assert.equal(lists.length, 1);
  assert.deepEqual(todos.map(({completed, priority}) => [completed, priority]).sort(), [[0, 7], [1, null]]);
});

scenario('a change comes with what was before, and with its metadata; rejected, all of that is on record', async device => {
  const l = uuid();
  await device.run('INSERT INTO lists (id, name, _metadata) VALUES (?, ?, ?)', l, 'one', 'made on a train');
  await device.run('UPDATE lists SET name = ?, _metadata = ? WHERE id = ?', '', 'by accident', l);
  const queue = await device.queue();
  const [{op_id: first, tx_id}] = queue;
  assert.deepEqual(queue, [
    {op_id: first, op: 'PUT', type: 'lists', id: l, tx_id, data: {name: 'one'}, old: undefined, metadata: 'made on a train'},
    {op_id: first + 1, op: 'PATCH', type: 'lists', id: l, tx_id: tx_id + 1, data: {name: ''}, old: {name: 'one'}, metadata: 'by accident'},
  ]);
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'fatal_error']);
  const [, change] = JSON.parse(JSON.stringify(queue));
  assert.deepEqual(await backend.rejected(device.id), [{user_id: device.user, sqlstate: '23514', name: 'lists.update', args: {crud: [change]}}]);
});

scenario('what the database rejects is on record whole, and blocks nothing', async (device, warnings) => {
  const [l, t] = [uuid(), uuid()];
  await device.insertList(l, 'groceries');
  await device.database.writeTransaction(async tx => {
    await tx.execute('UPDATE lists SET name = ? WHERE id = ?', ['food', l]);
    await tx.execute('INSERT INTO todos (id, list_id, description, completed, priority) VALUES (?, ?, ?, 0, 10)', [t, l, 'milk']);
  });
  const poison = (await device.queue()).slice(1);
  await device.insertList(uuid(), 'behind it');

  await device.upload();
  assert.deepEqual(device.answers, ['success', 'fatal_error', 'success']);
  assert.equal(warnings.callCount(), 1);
  assert.match(warnings.calls[0].arguments[0], /priority/);
  assert.deepEqual(await device.queue(), []);
  assert.deepEqual((await backend.rows('SELECT name FROM lists WHERE owner_id = $1 ORDER BY 1', device.user)).map(row => row.name), ['behind it', 'groceries']);
  const [{sqlstate, args}, ...others] = await backend.rejected(device.id);
  assert.deepEqual([sqlstate, args.crud, others], ['23514', JSON.parse(JSON.stringify(poison)), []]);

  // The user puts it right, with the record at hand.
  await device.run('DELETE FROM todos WHERE id = ?', t);
  await device.run('INSERT INTO todos (id, list_id, description, completed, priority) VALUES (?, ?, ?, 0, 9)', uuid(), l, 'milk');
  await device.renameList(l, 'food and drink');
  await device.upload();
  assert.equal((await device.same()).todos.length, 1);
});

scenario('a locked row: the changes stay in the queue, and are sent again', async device => {
  const [l, other] = [uuid(), uuid()];
  await device.insertList(l, 'one');
  await device.upload();
  await device.renameList(l, 'two');
  await device.insertList(other, 'behind it');
  await backend.while('SELECT FROM lists WHERE id = $1 FOR UPDATE', [l], () => device.failToUpload(/lock timeout/));
  assert.deepEqual(await backend.rejected(device.id), []);
  assert.deepEqual(await backend.rows('SELECT FROM lists WHERE id = $1', other), []);
  await device.upload();
  await device.same();
});

scenario('a trigger that says “not now”: likewise', async device => {
  await backend.rows(`CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed for today' USING ERRCODE = 'RE001'; END $$`);
  await device.insertList(uuid(), 'one');
  await backend.during('CREATE TRIGGER later BEFORE INSERT ON lists FOR EACH ROW EXECUTE FUNCTION later()', 'DROP TRIGGER later ON lists',
    () => device.failToUpload(/closed for today/));
  await device.upload();
  assert.deepEqual(await backend.rejected(device.id), []);
  await device.same();
});

scenario('a server that is out of order, or not there: nothing leaves the queue', async device => {
  const l = uuid();
  await device.insertList(l, 'one');
  await device.renameList(l, '');  // would be rejected
  await device.renameList(l, 'three');
  await backend.outOfOrder(() => device.failToUpload(/^Error: 500/));
  await backend.stop();
  try {
    await device.failToUpload(/fetch failed/);
  } finally {
    await backend.start();
  }
  device.lose.requests = 1;
  await device.failToUpload(/no network/);
  assert.deepEqual(await backend.rejected(device.id), []);
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'fatal_error', 'success']);
  await device.same();
});

scenario('a lost answer: the changes are sent again, and not applied twice', async device => {
  const [l, other] = [uuid(), uuid()];
  await device.insertList(l, 'one');
  device.lose.answers = 1;
  await device.failToUpload(/the answer was lost/);
  assert.equal((await backend.rows('SELECT FROM lists WHERE id = $1', l)).length, 1);

  // Meanwhile somebody deletes the list: that stands.
  await backend.rows('DELETE FROM lists WHERE id = $1', l);
  await device.insertList(other, 'two');
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'success']);
  assert.deepEqual(await backend.rows('SELECT id FROM lists WHERE owner_id = $1', device.user), [{id: other}]);
  await device.run('DELETE FROM lists WHERE id = ?', l);  // as the service would
  await device.upload();
  await device.same();
});

scenario('a lost answer of a rejection: it is rejected again, and on record once', async device => {
  const l = uuid();
  await device.insertList(l, 'one');
  await device.upload();
  await device.renameList(l, '');
  device.lose.answers = 1;
  await device.failToUpload(/the answer was lost/);
  await backend.during('ALTER TABLE lists DROP CONSTRAINT lists_name_check', `ALTER TABLE lists ADD CHECK (name <> '') NOT VALID`, () => device.upload());
  assert.deepEqual(device.answers, ['success', 'fatal_error']);
  assert.equal((await backend.rejected(device.id)).length, 1);
  await device.renameList(l, 'two');
  await device.upload();
  await device.same();
});

scenario('a client that ends before it has the answer goes on where it was', async device => {
  const l = uuid();
  await device.insertList(l, 'one');
  await device.renameList(l, 'two');
  device.lose.answers = 1;
  await device.failToUpload(/the answer was lost/);
  const [queue, id] = [await device.queue(), device.id];
  await device.database.close();
  await device.open();
  assert.deepEqual([await device.queue(), device.id], [queue, id]);
  await backend.rows(`UPDATE lists SET name = 'since' WHERE id = $1`, l);
  await device.renameList(l, 'three');
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'success', 'success']);
  await device.same();
});

scenario('the whole queue in one request: one answer for each transaction, and none is split', async device => {
  const [l, t] = [uuid(), uuid()];
  await device.insertList(l, 'groceries');
  await device.database.writeTransaction(async tx => {
    await tx.execute('UPDATE lists SET name = ? WHERE id = ?', ['food', l]);
    await tx.execute('INSERT INTO todos (id, list_id, description, completed, priority) VALUES (?, ?, ?, 0, 10)', [t, l, 'milk']);
  });
  await device.run('DELETE FROM todos WHERE id = ?', t);
  const batch = await device.database.getCrudBatch(100);
  const request = JSON.stringify({client_id: device.id, on_error: 'skip', batch: batch.crud});
  const {results} = await device.post(request);
  assert.deepEqual(results.map(result => result.status), ['success', 'fatal_error', 'success']);
  assert.equal(results[1].failed_operation.operation_index, 1);
  assert.deepEqual((await device.post(request)).results, results);
  await batch.complete();
  assert.deepEqual(await backend.rows('SELECT name FROM lists WHERE id = $1', l), [{name: 'groceries'}]);
  await device.renameList(l, 'drink');
  await device.upload();
  await device.same();
});

scenario('mutators are called by rows of an insert-only table, in their place among the other changes', async (device, warnings) => {
  await backend.rows(`CREATE FUNCTION add_todos(list uuid, descriptions text[], priority int DEFAULT 5) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO todos (id, list_id, description, priority) SELECT gen_random_uuid(), list, d, add_todos.priority FROM unnest(descriptions) d;
    IF (SELECT count(*) FROM todos WHERE list_id = list) > 3 THEN RAISE 'the list is full' USING ERRCODE = 'check_violation'; END IF; END $$`);
  await backend.rows(`SELECT replicache.register_mutator('addTodos', 'add_todos(uuid, text[], int)'), replicache.register_mutator_queue()`);
  const l = uuid();
  const call = (tx, name, args) => tx.execute('INSERT INTO mutator_calls (id, name, args) VALUES (uuid(), ?, ?)', [name, args ? JSON.stringify(args) : null]);
  await device.database.writeTransaction(async tx => {
    await tx.execute('INSERT INTO lists (id, name) VALUES (?, ?)', [l, 'groceries']);
    await call(tx, 'addTodos', {list: l, descriptions: ['milk', '“ü”, {"}']});
  });
  await device.database.writeTransaction(async tx => {
    await tx.execute('UPDATE lists SET name = ? WHERE id = ?', ['food', l]);
    await call(tx, 'addTodos', {list: l, descriptions: ['bread', 'salt']});
  });
  await call(device.database, 'noSuch');
  await call(device.database, 'addTodos', {list: l, descriptions: ['bread'], priority: 1});
  assert.deepEqual(await device.database.getAll('SELECT * FROM mutator_calls'), []);
  const queue = JSON.parse(JSON.stringify(await device.queue()));
  assert.equal(queue.length, 6);

  device.lose.answers = 1;
  await device.failToUpload(/the answer was lost/);
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'fatal_error', 'fatal_error', 'success']);
  assert.deepEqual(warnings.calls.map(({arguments: [warning]}) => warning), ['rejected: the list is full', 'rejected: unknown mutator "noSuch"']);
  assert.deepEqual(await backend.rows('SELECT name, description, priority FROM todos JOIN lists l ON l.id = list_id WHERE l.id = $1 ORDER BY description COLLATE "C"', l), [
    {name: 'groceries', description: 'bread', priority: 1},
    {name: 'groceries', description: 'milk', priority: 5},
    {name: 'groceries', description: '“ü”, {"}', priority: 5},
  ]);
  assert.deepEqual((await backend.rejected(device.id)).map(({sqlstate, name, args}) => [sqlstate, name, args.crud]),
    [['23514', 'addTodos', queue.slice(2, 4)], ['42883', 'noSuch', queue.slice(4, 5)]]);

  // The list has become longer, on the server.
  await backend.rows('DELETE FROM todos WHERE description = $1', 'bread');
  await backend.rows(`CREATE OR REPLACE FUNCTION add_todos(list uuid, descriptions text[], priority int DEFAULT 5) RETURNS void LANGUAGE sql AS $$
    INSERT INTO todos (id, list_id, description) SELECT gen_random_uuid(), list, unnest(descriptions) $$`);
  await backend.rows(`SELECT replicache.replay(error_id) FROM replicache.mutation_error WHERE name = 'addTodos' AND client_id = $1`, device.id);
  assert.deepEqual(await backend.rows('SELECT name, count(*)::int FROM todos JOIN lists l ON l.id = list_id WHERE l.id = $1 GROUP BY 1', l), [{name: 'food', count: 4}]);
});

scenario('two clients of two users on one server do not meet', async device => {
  const other = new Device();
  try {
    await other.open();
    const l = uuid();
    await device.insertList(l, 'mine');
    await device.upload();
    // It has somehow learnt the id.
    await other.insertList(l, 'stolen');
    await other.renameList(l, 'stolen again');
    await other.run('DELETE FROM lists WHERE id = ?', l);
    await other.insertList(uuid(), 'my own');
    await other.upload();
    assert.deepEqual(other.answers, ['fatal_error', 'success', 'success', 'success']);
    assert.equal((await other.same()).lists.length, 1);
    assert.deepEqual((await device.same()).lists, [{id: l, name: 'mine'}]);
  } finally {
    await other.close();
  }
});

scenario('200 changes over a network that loses requests and answers', async device => {
  const random = n => Math.floor(Math.random() * n);
  const lists = Array.from({length: 8}, uuid);
  const todos = Array.from({length: 30}, uuid);
  const pick = ids => ids[random(ids.length)];
  const writes = [
    tx => tx.execute('INSERT INTO lists (id, name) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM lists WHERE id = ?1)', [pick(lists), `list ${random(1000)}`]),
    tx => tx.execute('UPDATE lists SET name = ? WHERE id = ?', [`renamed ${random(1000)}`, pick(lists)]),
    tx => tx.execute(`INSERT INTO todos (id, list_id, description, completed, priority, tags) SELECT ?1, id, ?2, 0, ?3, ?4 FROM lists
      WHERE NOT EXISTS (SELECT 1 FROM todos WHERE id = ?1) ORDER BY id LIMIT 1`, [pick(todos), `todo ${random(1000)}`, 1 + random(9), JSON.stringify([`${random(9)}`])]),
    tx => tx.execute('UPDATE todos SET completed = ?, priority = ? WHERE id = ?', [random(2), random(3) ? 1 + random(9) : null, pick(todos)]),
    tx => tx.execute('UPDATE todos SET tags = ? WHERE list_id = ?', [JSON.stringify(['all', random(9).toString()]), pick(lists)]),
    tx => tx.execute('DELETE FROM todos WHERE id = ?', [pick(todos)]),
  ];
  let failures = 0;
  for (let i = 0; i < 200; i++) {
    await device.database.writeTransaction(async tx => {
      for (let n = random(3); n >= 0; n--) await pick(writes)(tx);
    });
    if (random(4)) continue;
    device.lose = {requests: random(2), answers: random(3)};
    await device.upload().catch(() => failures++);
  }
  device.lose = {};
  await device.upload();
  assert.ok(failures > 10);
  assert.deepEqual(await backend.rejected(device.id), []);
  assert.ok((await device.same()).todos.length > 0);
});

scenario('the call that docs/powersync.md shows', async device => {
  await backend.rows(`CREATE FUNCTION raise_priority(id uuid, n int DEFAULT 1) RETURNS void LANGUAGE sql
    AS 'UPDATE todos t SET priority = priority + n WHERE t.id = raise_priority.id'`);
  await backend.rows(`SELECT replicache.register_mutator('raisePriority', 'raise_priority(uuid, int)'), replicache.register_mutator_queue()`);
  const [l, id] = [uuid(), uuid()];
  await device.insertList(l, 'groceries');
  await device.run('INSERT INTO todos (id, list_id, description, completed, priority) VALUES (?, ?, ?, 0, 3)', id, l, 'milk');
  const table = await example('docs/powersync.md', 'the table keeps no rows', {Table, column, db: device.database, id}, 'mutator_calls');
  const local = new Schema({mutator_calls: table}).toJSON().tables[0];
  assert.deepEqual(local, device.database.schema.toJSON().tables.find(({name}) => name === 'mutator_calls'));
  await device.upload();
  assert.deepEqual(device.answers, ['success', 'success', 'success']);
  assert.deepEqual(await backend.rows('SELECT priority FROM todos WHERE id = $1', id), [{priority: 5}]);
});
