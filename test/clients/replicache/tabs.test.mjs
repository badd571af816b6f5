import assert from 'node:assert/strict';
import {converge, eventually, mutators, persisted, scenario, settle, view} from './harness.mjs';

const forked = {...mutators, brandNew: async () => {}};

scenario('two tabs of one group see what each other does', {}, async ({database, backend, open}) => {
  const tabs = [open({name: 'tabs'}), open({name: 'tabs'})];
  assert.equal(await tabs[0].clientGroupID, await tabs[1].clientGroupID);

  await Promise.all(tabs.flatMap(tab => [tab.mutate.countUp({id: 'both'}), tab.mutate.countUp({id: tab.clientID})]));
  const truth = await converge(database, ...tabs);
  assert.equal(truth['note/both'].count, 2);
  assert.equal(Object.keys(truth).length, 3);

  const confirmed = backend.pulls.filter(pull => pull.answer).map(pull => pull.answer.lastMutationIDChanges);
  for (const tab of tabs) assert.ok(confirmed.some(changes => changes[tab.clientID] === 2));
});

scenario('two tabs that push the same mutations at once apply them once', {}, async ({database, backend, open}) => {
  const [first, second] = [open({name: 'tabs'}), open({name: 'tabs'})];
  await settle(first, second);

  backend.offline = true;
  for (let i = 0; i < 3; i++) await first.mutate.countUp({id: 'n'});
  await eventually(async () => assert.equal((await second.experimentalPendingMutations()).length, 3));

  await backend.forget();
  backend.meet('push', 2);
  backend.offline = false;
  assert.equal((await converge(database, first, second))['note/n'].count, 3);

  const [a, b] = backend.pushes;
  assert.deepEqual(a.body.mutations, b.body.mutations);
  assert.deepEqual([a.answer, b.answer].map(({applied, skipped}) => ({applied, skipped})).sort((x, y) => y.applied - x.applied),
    [{applied: 3, skipped: 0}, {applied: 0, skipped: 3}]);
});

scenario('a fork starts from the cookie of the old group', {}, async ({database, backend, open}) => {
  const old = open({name: 'forked'});
  const saved = persisted(old);
  for (const id of ['kept', 'changed', 'deleted before', 'deleted after']) await old.mutate.putNote({id, body: 'old'});
  await converge(database, old);
  await saved;
  await old.close();
  await database.rows(`DELETE FROM note WHERE id = 'deleted before'`);

  await backend.forget();
  const fork = open({name: 'forked', mutators: forked});
  assert.notEqual(await fork.clientGroupID, await old.clientGroupID);
  assert.equal(Object.keys(await view(fork)).length, 4, 'the fork brings the old view along');
  await converge(database, fork);
  assert.ok(backend.pulls[0].body.cookie !== null);
  assert.deepEqual(backend.pulls[0].answer.patch, [{op: 'del', key: 'note/deleted before'}]);

  await database.rows(`DELETE FROM note WHERE id = 'deleted after'`);
  await database.rows(`UPDATE note SET body = 'new' WHERE id = 'changed'`);
  assert.deepEqual(await converge(database, fork), {
    'note/kept': {id: 'kept', body: 'old', count: 0},
    'note/changed': {id: 'changed', body: 'new', count: 0},
  });
  await fork.mutate.putNote({id: 'kept', body: 'from the fork'});
  assert.equal((await converge(database, fork))['note/kept'].body, 'from the fork');
});

for (const [what, change] of [['set of mutators', {mutators: forked}], ['schema version', {schemaVersion: '2'}]])
  scenario(`a client with another ${what} delivers what its predecessor left behind`, {}, async ({database, backend, open}) => {
    const old = open({name: 'recovered'});
    await old.mutate.countUp({id: 'n'});
    await Promise.all([persisted(old), converge(database, old)]);
    backend.offline = true;
    const saved = persisted(old);
    await old.mutate.countUp({id: 'n'});
    await old.mutate.countUp({id: 'n'});
    await saved;
    await old.close();

    backend.offline = false;
    await backend.forget();
    const successor = open({name: 'recovered', ...change});
    await eventually(async () => assert.equal((await converge(database, successor))['note/n'].count, 3));
    assert.equal(backend.pushes[0].body.clientGroupID, await old.clientGroupID);
    assert.equal(backend.pushes[0].body.schemaVersion, '');
    assert.notEqual(await successor.clientGroupID, await old.clientGroupID);
  });

scenario('what three groups did offline converges', {}, async ({database, backend, open}) => {
  const clients = [open(), open(), open()];
  await clients[0].mutate.putNote({id: 'shared', body: 'start'});
  await clients[0].mutate.putNote({id: 'contested', body: 'start'});
  await converge(database, ...clients);

  backend.offline = true;
  const [a, b, c] = clients;
  for (const client of clients) {
    await client.mutate.countUp({id: 'shared'});
    await client.mutate.putNote({id: `of ${client.name}`, body: 'mine'});
  }
  await a.mutate.deleteNote({id: 'contested'});
  await b.mutate.putNote({id: 'contested', body: 'b'});
  await c.mutate.countUp({id: 'contested'});
  await c.mutate.putCell({sheet: 's', name: 'x', value: 'c'});
  await a.mutate.putCell({sheet: 's', name: 'x', value: 'a'});

  backend.offline = false;
  const truth = await converge(database, ...clients);
  assert.equal(truth['note/shared'].count, 3);
  for (const client of clients) assert.equal(truth[`note/of ${client.name}`].body, 'mine');
});
