// Private views: what is shared appears, what is revoked disappears, in tabs, forks and windows.
import assert from 'node:assert/strict';
import {eventually, persisted, scenario, settle, view} from './harness.mjs';

const mutators = {
  putDoc: (tx, doc) => tx.set(`doc/${doc.id}`, doc),
  showList: async () => {},
  putNote: (tx, note) => tx.set(`note/${note.id}`, {count: 0, ...note}),
};
const forked = {...mutators, brandNew: async () => {}};

/** Lists of docs; alice has list 1. `size`: how many docs a list has. 60 of them do not fit into a cookie. */
async function docs(database, {size = 3, options = 'private => true'} = {}) {
  for (const sql of [
    'CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list))',
    'CREATE TABLE doc (id text PRIMARY KEY, list int NOT NULL)',
    'CREATE TABLE shown (owner text, list int, PRIMARY KEY (owner, list))',
    `INSERT INTO doc SELECT format('%s-%s-', list, n) || repeat(md5(n::text), 2), list FROM generate_series(1, 4) list, generate_series(1, ${size}) n`,
    "INSERT INTO share VALUES ('alice', 1), ('bob', 4)",
    'ALTER TABLE doc ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY shared ON doc USING (list = ANY (ARRAY(SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id())))',
    'GRANT SELECT ON share TO PUBLIC; GRANT ALL ON doc, shown TO PUBLIC',
    `SELECT replicache.track_table('doc', ${options})`,
    "CREATE FUNCTION put_doc(id text, list int) RETURNS void LANGUAGE sql AS 'INSERT INTO doc VALUES (id, list)'",
    "CREATE FUNCTION show_list(list int) RETURNS void LANGUAGE sql AS 'INSERT INTO shown VALUES (replicache.current_user_id(), list)'",
    "SELECT replicache.register_mutator('putDoc', 'put_doc(text, int)'), replicache.register_mutator('showList', 'show_list(int)')",
  ]) await database.rows(sql);
}
const grant = (database, list) => database.rows("INSERT INTO share VALUES ('alice', $1)", list);
const revoke = (database, list) => database.rows("DELETE FROM share WHERE user_id = 'alice' AND list = $1", list);

/** Settle, and see that every client shows what alice may see. */
async function exact(database, clients, condition = "list IN (SELECT list FROM share WHERE user_id = 'alice')") {
  await settle(...clients);
  const truth = {};
  for (const doc of await database.rows(`SELECT id, list FROM doc WHERE ${condition}`)) truth[`doc/${doc.id}`] = doc;
  for (const note of await database.rows('SELECT id, body, count FROM note')) truth[`note/${note.id}`] = note;
  for (const client of clients)
    await eventually(async () => {
      await client.pull({now: true});
      assert.deepEqual(await view(client), truth);
    }, 5_000);
  return Object.keys(truth).filter(key => key.startsWith('doc/')).length;
}
// A pull may be on its way: it has no answer yet.
const operations = pulls => pulls.flatMap(({answer}) => (answer?.patch ?? []).map(({op}) => op));

for (const [what, size] of [['a small view, in the cookie', 3], ['a large view, in a record', 60]]) {
  scenario(`what is shared appears and what is revoked disappears: ${what}`, {}, async ({database, backend, open}) => {
    await docs(database, {size});
    const client = open({mutators});
    assert.equal(await exact(database, [client]), size);
    await grant(database, 2);
    assert.equal(await exact(database, [client]), 2 * size);
    await backend.forget();
    await revoke(database, 1);
    assert.equal(await exact(database, [client]), size);
    assert.equal(operations(backend.pulls).filter(op => op === 'del').length, size);
    assert.ok(!operations(backend.pulls).includes('clear'));
    await revoke(database, 2);
    assert.equal(await exact(database, [client]), 0);
    assert.equal((await database.rows('SELECT FROM replicache.view_record')).length > 0, size > 3);
  });

  scenario(`a fork by changed mutators keeps its data: ${what}`, {}, async ({database, backend, open}) => {
    await docs(database, {size});
    const old = open({name: 'forked', mutators});
    const saved = persisted(old);
    await old.mutate.putNote({id: 'n', body: 'b'});
    await exact(database, [old]);
    await saved;
    await old.close();
    await grant(database, 2);
    await database.rows(`DELETE FROM doc WHERE id LIKE '1-1-%'`);

    await backend.forget();
    const fork = open({name: 'forked', mutators: forked});
    assert.notEqual(await fork.clientGroupID, await old.clientGroupID);
    assert.equal(Object.keys(await view(fork)).length, size + 1, 'the fork brings the old view along');
    await exact(database, [fork]);
    assert.ok(backend.pulls[0].body.cookie !== null);
    assert.ok(!operations(backend.pulls).includes('clear'));
    assert.deepEqual(operations(backend.pulls).sort(), ['del', ...Array(size).fill('put')]);
    await revoke(database, 1);
    assert.equal(await exact(database, [fork]), size);
  });

  scenario(`two tabs that pull at once, while lists come and go: ${what}`, {}, async ({database, backend, open}) => {
    await docs(database, {size});
    const tabs = [open({name: 'tabs', mutators}), open({name: 'tabs', mutators})];
    await exact(database, tabs);
    const steps = [() => grant(database, 2), () => revoke(database, 1), () => grant(database, 3), () => grant(database, 1), () => revoke(database, 3)];
    for (const [i, step] of steps.entries()) {
      await tabs[i % 2].mutate.putNote({id: `n${i}`, body: String(i)});
      await step();
      backend.meet('pull', 2);
      await Promise.all(tabs.map(tab => tab.pull({now: true}).catch(() => {})));
      backend.before = async () => {};
      await exact(database, tabs);
    }
    // Higher orders are newer: the lastMutationIDs that they come with do not fall.
    const cookies = backend.pulls.filter(({answer}) => answer).map(({answer}) => answer).sort((a, b) => a.cookie.order - b.cookie.order);
    const last = {};
    for (const {lastMutationIDChanges} of cookies)
      for (const [id, number] of Object.entries(lastMutationIDChanges)) {
        assert.ok(number >= (last[id] ?? 0), `${id} falls to ${number}`);
        last[id] = number;
      }
  });
}

scenario('a client whose record is gone starts from scratch, and keeps what is pending', {}, async ({database, backend, open}) => {
  await docs(database, {size: 60});
  const client = open({mutators});
  await exact(database, [client]);
  await backend.forget();
  await database.rows('DELETE FROM replicache.view_record');
  await grant(database, 2);
  await client.mutate.putDoc({id: '2-mine', list: 2});
  assert.equal(await exact(database, [client]), 121);
  assert.equal(operations(backend.pulls).filter(op => op === 'clear').length, 1);
  await revoke(database, 1);
  assert.equal(await exact(database, [client]), 61);
});

scenario('a window follows a mutation', {}, async ({database, open}) => {
  const filter = 't.list IN (SELECT w.list FROM shown w WHERE w.owner = replicache.current_user_id())';
  await docs(database, {size: 60, options: `filter => $$${filter}$$`});
  const client = open({mutators});
  const shown = "list IN (SELECT list FROM share WHERE user_id = 'alice') AND list IN (SELECT list FROM shown WHERE owner = 'alice')";
  assert.equal(await exact(database, [client], shown), 0);
  await client.mutate.showList({list: 1});
  assert.equal(await exact(database, [client], shown), 60);
  await client.mutate.showList({list: 2});  // which alice may not see
  assert.equal(await exact(database, [client], shown), 60);
  await grant(database, 2);
  assert.equal(await exact(database, [client], shown), 120);
  await database.rows('DELETE FROM shown WHERE list = 1');
  assert.equal(await exact(database, [client], shown), 60);
});

scenario('a table with parts: lists come and go', {}, async ({database, backend, open}) => {
  await docs(database, {size: 60, options: "part => 'list', parts => $$SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id()$$"});
  const client = open({mutators});
  await exact(database, [client]);
  await grant(database, 2);
  assert.equal(await exact(database, [client]), 120);
  await client.mutate.putDoc({id: '2-mine', list: 2});
  await database.rows(`UPDATE doc SET list = 3 WHERE id LIKE '1-1-%'; DELETE FROM doc WHERE id LIKE '2-2-%'`);
  assert.equal(await exact(database, [client]), 119);
  await backend.forget();
  await revoke(database, 1);
  assert.equal(await exact(database, [client]), 60);
  assert.ok(!operations(backend.pulls).includes('clear'));
  assert.deepEqual(await database.rows('SELECT FROM replicache.view_record'), []);
});
