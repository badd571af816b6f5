import assert from 'node:assert/strict';
import {converge, key, scenario, settle, view} from './harness.mjs';

scenario('what one client creates, changes and deletes reaches another', {}, async ({database, open}) => {
  const [alice, bob] = [open(), open()];

  await alice.mutate.putNote({id: 'n1', body: 'first'});
  await alice.mutate.putNote({id: 'n2', body: 'zweite – ☃ "quoted"\n\\'});
  assert.deepEqual(await converge(database, alice, bob), {
    'note/n1': {id: 'n1', body: 'first', count: 0},
    'note/n2': {id: 'n2', body: 'zweite – ☃ "quoted"\n\\', count: 0},
  });

  await bob.mutate.putNote({id: 'n1', body: 'changed'});
  await bob.mutate.deleteNote({id: 'n2'});
  assert.deepEqual(await converge(database, bob, alice), {'note/n1': {id: 'n1', body: 'changed', count: 0}});

  await alice.mutate.putNote({id: 'n2', body: 'again'});
  assert.equal((await converge(database, alice, bob))['note/n2'].body, 'again');
});

scenario('a mutation that changes no row is confirmed', {}, async ({database, open}) => {
  const client = open();
  await client.mutate.putNote({id: 'n', body: 'same'});
  await converge(database, client);
  await client.mutate.putNote({id: 'n', body: 'same'});
  await client.mutate.deleteNote({id: 'never there'});
  await converge(database, client);
});

scenario('composite keys, and keys with a slash or a percent sign', {}, async ({database, open}) => {
  const [alice, bob] = [open(), open()];
  const cells = [
    {sheet: 'a/b', name: 'c', value: 1},
    {sheet: 'a', name: 'b/c', value: {nested: [1, null, 'x/y']}},
    {sheet: 'a%2Fb', name: 'c', value: null},
    {sheet: '100%', name: '%/%', value: 'text'},
    {sheet: '', name: '', value: false},
  ];
  for (const cell of cells) await alice.mutate.putCell(cell);
  await alice.mutate.putNote({id: 'n/1%', body: 'a note'});
  await converge(database, alice, bob);
  assert.deepEqual(Object.keys(await view(bob)).sort(),
    ['cell//', 'cell/100%25/%25%2F%25', 'cell/a%252Fb/c', 'cell/a%2Fb/c', 'cell/a/b%2Fc', 'note/n%2F1%25']);

  await bob.mutate.deleteCell({sheet: 'a/b', name: 'c'});
  await bob.mutate.deleteNote({id: 'n/1%'});
  await bob.mutate.putCell({...cells[1], value: 'changed'});
  const truth = await converge(database, bob, alice);
  assert.equal(Object.keys(truth).length, cells.length - 1);
  assert.equal(truth['cell/a/b%2Fc'].value, 'changed');
});

scenario('what other sessions write in SQL appears', {}, async ({database, open}) => {
  const client = open();
  await client.mutate.putNote({id: 'mine', body: 'mine'});
  await converge(database, client);

  await database.rows(`INSERT INTO note SELECT 'n' || i, 'from SQL' FROM generate_series(1, 100) AS i`);
  assert.equal(Object.keys(await converge(database, client)).length, 101);
  await database.rows(`UPDATE note SET body = 'changed' WHERE id IN ('mine', 'n1')`);
  assert.equal((await converge(database, client))['note/mine'].body, 'changed');
  await database.rows(`UPDATE note SET id = 'renamed/' || id WHERE id IN ('n1', 'n2')`);
  assert.equal((await converge(database, client))[key('note', 'renamed/n1')].body, 'changed');
  await database.rows(`DELETE FROM note WHERE id LIKE 'n%'`);
  assert.equal(Object.keys(await converge(database, client)).length, 3);
  await database.rows('TRUNCATE note');
  assert.deepEqual(await converge(database, client), {});
});

scenario('a rolled back write is not seen', {}, async ({database, open}) => {
  const client = open();
  await client.mutate.putNote({id: 'n', body: 'stays'});
  await converge(database, client);
  const session = await database.owner.connect();
  try {
    await session.query(`BEGIN; UPDATE note SET body = 'gone'; INSERT INTO note VALUES ('m', 'gone'); ROLLBACK`);
  } finally {
    session.release();
  }
  assert.deepEqual(await converge(database, client), {'note/n': {id: 'n', body: 'stays', count: 0}});
});

scenario('a softly deleted row leaves the clients and stays in the table', {}, async ({database, open}) => {
  const [alice, bob] = [open(), open()];
  await alice.mutate.putTask({id: 't1', title: 'to be done'});
  await alice.mutate.putTask({id: 't2', title: 'to be dropped'});
  await converge(database, alice, bob);

  await bob.mutate.deleteTask({id: 't2'});
  assert.deepEqual(await converge(database, bob, alice), {'task/t1': {id: 't1', title: 'to be done'}});
  assert.deepEqual(await database.rows('SELECT id, deleted FROM task ORDER BY id'),
    [{id: 't1', deleted: false}, {id: 't2', deleted: true}]);
  const late = open();
  await settle(late);
  assert.deepEqual(Object.keys(await view(late)), ['task/t1']);

  await alice.mutate.putTask({id: 't2', title: 'after all'});
  assert.equal((await converge(database, alice, bob, late))['task/t2'].title, 'after all');
});
