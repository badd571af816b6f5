import assert from 'node:assert/strict';
import {dropDatabase} from 'replicache';
import {converge, deferred, eventually, mutators, persisted, scenario, settle, view} from './harness.mjs';

const non200 = (kind, status) => new RegExp(`Got a non 200 response doing ${kind}: ${status}`);

scenario('a rejected mutation rolls back on the client and blocks nothing', {rejects: ['refuse']}, async ({database, backend, open}) => {
  const client = open();
  await client.mutate.putNote({id: 'n', body: 'stays'});
  await converge(database, client);

  backend.offline = true;
  await client.mutate.countUp({id: 'before'});
  await client.mutate.refuse({id: 'n'});
  await client.mutate.refuse({id: 'new'});
  await client.mutate.countUp({id: 'after'});
  assert.equal((await view(client))['note/n'].count, 1, 'optimistically done');
  assert.ok('note/new' in await view(client));
  backend.offline = false;
  const {clientID} = client;
  const clientGroupID = await client.clientGroupID;
  assert.deepEqual(await converge(database, client), {
    'note/n': {id: 'n', body: 'stays', count: 0},
    'note/before': {id: 'before', body: '', count: 1},
    'note/after': {id: 'after', body: '', count: 1},
  });

  const rejected = backend.pushes.flatMap(push => push.answer?.rejected ?? []);
  assert.deepEqual(rejected.map(({clientID, id, name, code, message, hint}) => ({clientID, id, name, code, message, hint})), [
    {clientID, id: 3, name: 'refuse', code: '23514', message: 'note n is refused', hint: 'Try another.'},
    {clientID, id: 4, name: 'refuse', code: '23514', message: 'note new is refused', hint: 'Try another.'},
  ]);
  const recorded = await database.rows('SELECT * FROM replicache.mutation_error ORDER BY mutation_id');
  assert.deepEqual(recorded.map(row => [row.client_group_id, row.client_id, Number(row.mutation_id), row.name, row.args, row.sqlstate, row.message, row.hint]), [
    [clientGroupID, clientID, 3, 'refuse', {id: 'n'}, '23514', 'note n is refused', 'Try another.'],
    [clientGroupID, clientID, 4, 'refuse', {id: 'new'}, '23514', 'note new is refused', 'Try another.'],
  ]);
});

scenario('only rejected mutations: confirmed and rolled back all the same', {rejects: ['refuse']}, async ({database, open}) => {
  const client = open();
  await client.mutate.refuse({id: 'n'});
  assert.deepEqual(await converge(database, client), {});
  await client.mutate.refuse({id: 'n'});
  assert.deepEqual(await converge(database, client), {});
});

scenario('a mutator that the server does not know blocks nothing', {rejects: ['fromTheFuture']}, async ({database, open}) => {
  const client = open({mutators: {...mutators, fromTheFuture: tx => tx.set('note/future', 'x')}});
  await client.mutate.countUp({id: 'n'});
  await client.mutate.fromTheFuture({any: ['thing']});
  await client.mutate.countUp({id: 'n'});
  assert.deepEqual(await converge(database, client), {'note/n': {id: 'n', body: '', count: 2}});
  assert.deepEqual(await database.rows('SELECT client_id, mutation_id::integer, name FROM replicache.mutation_error'),
    [{client_id: client.clientID, mutation_id: 2, name: 'fromTheFuture'}]);
});

scenario('a temporary error is tried again, and applied once', {log: [non200('push', 503)]}, async ({database, backend, open}) => {
  const client = open();
  await database.rows('INSERT INTO outage VALUES (now())');
  await client.mutate.countUp({id: 'before'});
  await client.mutate.countUpIfPossible({id: 'n'});
  await client.mutate.countUp({id: 'after'});

  const attempts = async () => Number((await database.rows('SELECT last_value FROM attempt'))[0].last_value);
  await eventually(async () => assert.ok(await attempts() >= 3));
  await client.pull({now: true});
  assert.deepEqual(Object.keys(await database.truth()), ['note/before'], 'what came before stands, what came after waits');
  // The answer to the pull may take a moment to be taken in.
  await eventually(async () => assert.deepEqual((await client.experimentalPendingMutations()).map(({id}) => id), [2, 3]));
  const {halted} = backend.pushes.at(-2).answer;
  assert.deepEqual({...halted, message: undefined},
    {clientID: client.clientID, id: 2, reason: 'temporary', name: 'countUpIfPossible', code: 'RE001', message: undefined, detail: null, hint: null, defect: false});

  await database.rows('DELETE FROM outage');
  assert.deepEqual(Object.values(await converge(database, client)).map(({count}) => count), [1, 1, 1]);
  assert.deepEqual(await database.rows('SELECT * FROM replicache.mutation_error'), []);
});

scenario('a push that fails before it is read is sent again', {log: [non200('push', 500)]}, async ({database, backend, open}) => {
  const client = open();
  let refusals = 2;
  backend.before = async kind => {
    if (kind === 'push' && refusals-- > 0) throw new Error('the server is down');
  };
  await client.mutate.countUp({id: 'n'});
  assert.equal((await converge(database, client))['note/n'].count, 1);
});

scenario('a push whose answer is lost is applied once', {log: [non200('push', 500)], rejects: ['refuse']}, async ({database, backend, open}) => {
  const client = open();
  await settle(client);
  backend.loseNext('push');
  await client.mutate.countUp({id: 'n'});
  await client.mutate.refuse({id: 'n'});
  await client.mutate.countUp({id: 'n'});
  assert.equal((await converge(database, client))['note/n'].count, 2);
  assert.equal((await database.rows('SELECT FROM replicache.mutation_error')).length, 1);
  // The client may have converged by a pull, while the push that it sent again is still on its way.
  await eventually(() => assert.ok(backend.pushes.reduce((sum, push) => sum + push.answer.skipped, 0) >= 1, 'it was sent again'));
});

scenario('a pull whose answer is lost is answered again', {log: [non200('pull', 500)]}, async ({database, backend, open}) => {
  const client = open();
  await settle(client);
  backend.loseNext('pull');
  await client.mutate.countUp({id: 'n'});
  assert.equal((await converge(database, client))['note/n'].count, 1);
});

/** Push, pull and persist something that the backup taken before it does not know. */
async function outrun({database, backend, open, backup}) {
  const client = open({name: 'tab'});
  await client.mutate.putNote({id: 'in the backup', body: 'x'});
  await converge(database, client);
  const copy = await backup();
  const saved = persisted(client);
  for (const id of ['lost 1', 'lost 2', 'lost 3']) {
    await client.mutate.putNote({id, body: 'x'});
    await converge(database, client);
  }
  await saved;
  // Before the switch: a pull that is under way may be the first to hear of it, and then the client asks for no more.
  const asked = deferred();
  client.onClientStateNotFound = asked.resolve;
  backend.database = copy;
  return {client, copy, asked};
}

/** What a page does that is told to start afresh, by default (reload) or after it dropped its data. */
async function startAfresh(world, {client, asked}, drop) {
  await client.mutate.putNote({id: 'in the backup', body: 'never arrives'});
  client.pull().catch(() => {});
  await asked.promise;
  await client.close();
  if (drop) await dropDatabase(client.idbName, {kvStore: 'mem'});
  return world.open({name: 'tab'});
}

const notFound = /Client state not found on server|Got a non 200 response doing push: 503/;

// The client forks a new group from what it has on disk, the cookie from the future included: hence the drop.
scenario('after a restore, a client that drops its data starts afresh', {log: [notFound]}, async world => {
  const {copy, ...tab} = await outrun(world);
  const fresh = await startAfresh(world, tab, true);
  assert.deepEqual(Object.keys(await converge(copy, fresh)), ['note/in the backup']);
  await fresh.mutate.countUp({id: 'n'});
  assert.equal((await converge(copy, fresh))['note/n'].count, 1);
});

scenario('after a restore and new_epoch, a client recovers by reloading', {log: [notFound]}, async world => {
  const {copy, ...tab} = await outrun(world);
  await copy.rows('SELECT replicache.new_epoch()');
  const fresh = await startAfresh(world, tab, false);
  assert.deepEqual(Object.keys(await converge(copy, fresh)), ['note/in the backup']);
  await fresh.mutate.countUp({id: 'n'});
  assert.equal((await converge(copy, fresh))['note/n'].count, 1);
});
