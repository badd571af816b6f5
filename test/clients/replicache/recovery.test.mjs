// What docs/guides/client.md says: what a client sees when the server refuses it, and which of its changes are lost.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {dropDatabase} from 'replicache';
import {createSync, toNodeHandler} from 'replicache-ext';
import {example} from '../../example.mjs';
import {converge, deferred, eventually, mutators, persisted, scenario, view} from './harness.mjs';

/** What a page does when the server refuses it. */
function recover(rep, page) {
  rep.getAuth = () => page.login(); // a new token, or null if the user does not log in now
  rep.onClientStateNotFound = async () => {
    page.show(await rep.experimentalPendingMutations()); // these are lost
    page.reload();
  };
  rep.onUpdateNeeded = reason => page.offerReload(reason);
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Remove a user's data from the device. What cannot be sent in time is lost: does the user agree? */
async function logOut(rep, agree, {patience = 5_000, ...options} = {}) {
  const pending = async () => (await rep.experimentalPendingMutations()).length > 0;
  for (const end = Date.now() + patience; await pending() && Date.now() < end; await sleep(100)) {
    await rep.push({now: true}).catch(() => {});
    await rep.pull({now: true}).catch(() => {});
  }
  if (await pending() && !await agree()) return false;
  await rep.close();
  await dropDatabase(rep.idbName, options);
  return true;
}

const memory = {kvStore: 'mem'};
const pendingIn = async rep => (await rep.experimentalPendingMutations()).map(({name}) => name);

/** A backend over HTTP that knows users by their tokens. */
async function serve(database) {
  const users = new Map();
  const sync = createSync({pool: database.app, authenticate: request => users.get(request.headers.get('authorization')) ?? null, log: () => {}});
  const statuses = [];
  const server = createServer((request, response) => {
    response.on('finish', () => statuses.push(response.statusCode));
    toNodeHandler(request.url === '/push' ? sync.push : sync.pull)(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await sync.close();
  };
  return {users, statuses, close, options: {pusher: undefined, puller: undefined, pushURL: `${url}/push`, pullURL: `${url}/pull`}};
}

scenario('the set-up: a store for each user, and for each schemaVersion', {}, async ({database, open}) => {
  const server = await serve(database);
  try {
    server.users.set('token', 'ann');
    const opened = [];
    function Replicache(options) {
      opened.push(open({auth: 'token', ...options, ...server.options}));
      return opened.at(-1);
    }
    const reloads = [];
    const page = {login: () => 'token', offerReload: ({type}) => reloads.push(type)};
    await example('docs/guides/client.md', '## Set it up', {Replicache, mutators, recover, page, user: {id: 'ann', token: 'token'}});
    const [rep] = opened;
    await rep.mutate.countUp({id: 'n'});
    await converge(database, rep);
    await example('docs/guides/schema.md', '## Rename a column', {Replicache, mutators, userID: 'app of ann'});
    await converge(database, ...opened);
    assert.equal(opened[1].name, rep.name);
    assert.notEqual(opened[1].idbName, rep.idbName);
    await eventually(async () => assert.deepEqual(reloads, ['NewClientGroup']));
  } finally {
    await server.close();
  }
});

scenario('401: the client asks for a new token and sends again', {log: [/401/]}, async ({database, open}) => {
  const server = await serve(database);
  try {
    server.users.set('token 1', 'ann');
    const rep = open({...server.options, auth: 'token 1'});
    await rep.mutate.countUp({id: 'n'});
    await converge(database, rep);

    let logins = 0;
    recover(rep, {login: async () => {
      logins++;
      server.users.set('token 2', 'ann');
      return 'token 2';
    }});
    server.users.delete('token 1'); // it has expired
    await rep.mutate.countUp({id: 'n'});
    assert.equal((await converge(database, rep))['note/n'].count, 2);
    assert.ok(logins > 0);  // a push and a pull that go out together each ask
    assert.equal(rep.auth, 'token 2');
  } finally {
    await server.close();
  }
});

scenario('401 without a login: nothing is lost', {log: [/401/]}, async ({database, open}) => {
  const server = await serve(database);
  try {
    const rep = open({...server.options, auth: 'expired'});
    let asked = 0;
    recover(rep, {login: () => {
      asked++;
      return null;
    }});
    await rep.mutate.countUp({id: 'n'});
    await eventually(() => assert.ok(asked >= 2));
    assert.deepEqual(await pendingIn(rep), ['countUp']);
    server.users.set('expired', 'ann');
    assert.equal((await converge(database, rep))['note/n'].count, 1);
  } finally {
    await server.close();
  }
});

scenario('403: another user with the name of the first one', {log: [/403/]}, async ({database, open}) => {
  const server = await serve(database);
  try {
    server.users.set('of ann', 'ann').set('of bob', 'bob');
    const ann = open({...server.options, name: 'app', auth: 'of ann'});
    await ann.mutate.countUp({id: 'by ann'});
    await Promise.all([persisted(ann), converge(database, ann)]);
    await ann.close();

    const bob = open({...server.options, name: 'app', auth: 'of bob'}); // wrong: the name is that of Ann's data
    assert.deepEqual(Object.keys(await view(bob)), ['note/by ann'], 'he sees what she has left on the device');
    await bob.mutate.countUp({id: 'by bob'});
    await eventually(() => assert.ok(server.statuses.includes(403)));
    assert.deepEqual(await pendingIn(bob), ['countUp']);
    await bob.close();

    const own = open({...server.options, name: 'app of bob', auth: 'of bob'}); // right: a name for each user
    assert.deepEqual(await view(own), {});
    await own.mutate.countUp({id: 'by bob'});
    assert.deepEqual(Object.keys(await converge(database, own)).sort(), ['note/by ann', 'note/by bob']);
  } finally {
    await server.close();
  }
});

/** Let the server accept these schema versions only. */
async function accept(database, versions) {
  await database.rows(`ALTER DATABASE ${database.name} SET replicache.schema_versions = '${versions}'`);
  await database.disconnect();
  await database.connect();
}

scenario('VersionNotSupported: the page gets the new app, and what the old one had not sent is lost', {}, async ({database, backend, open}) => {
  const old = open({name: 'app', schemaVersion: '1'});
  await old.mutate.countUp({id: 'sent'});
  await Promise.all([persisted(old), converge(database, old)]);
  backend.offline = true;
  const saved = persisted(old);
  await old.mutate.countUp({id: 'not sent'});
  await saved;

  await accept(database, '2');
  const told = deferred();
  recover(old, {offerReload: told.resolve});
  backend.offline = false;
  old.pull().catch(() => {});
  assert.deepEqual(await told.promise, {type: 'VersionNotSupported', versionType: 'schema'});
  await old.close();

  await backend.forget();
  const updated = open({name: 'app', schemaVersion: '2'});
  await eventually(() => assert.ok(backend.pushes.some(({answer}) => answer?.error === 'VersionNotSupported'), 'it tries to send what is left'));
  assert.deepEqual(Object.keys(await converge(database, updated)), ['note/sent']);
  await updated.close();

  await accept(database, '1, 2'); // too late
  await backend.forget();
  assert.deepEqual(Object.keys(await converge(database, open({name: 'app', schemaVersion: '2'}))), ['note/sent']);
  await sleep(200);
  assert.ok(backend.pushes.every(({body}) => body.schemaVersion === '2'), 'the old group is given up');
});

scenario('a release that is taken back: the old app sends what the new one has left', {}, async ({database, backend, open}) => {
  const first = open({name: 'app', schemaVersion: '1'});
  await first.mutate.countUp({id: 'first'});
  await Promise.all([persisted(first), converge(database, first)]);
  await first.close();

  const updated = open({name: 'app', schemaVersion: '2'});
  await updated.mutate.countUp({id: 'sent by the new app'});
  await Promise.all([persisted(updated), converge(database, updated)]);
  backend.offline = true;
  const saved = persisted(updated);
  await updated.mutate.countUp({id: 'left by the new app'});
  await saved;
  await updated.close();
  backend.offline = false;

  const back = open({name: 'app', schemaVersion: '1'});
  assert.ok('note/first' in await view(back), 'it has its store of before');
  await eventually(async () => assert.deepEqual(Object.keys(await converge(database, back)).sort(),
    ['note/first', 'note/left by the new app', 'note/sent by the new app']));
});

scenario('ClientStateNotFound: what is pending is lost, but the page can keep it', {log: [/Client state not found on server/]}, async ({database, open, backend}) => {
  const rep = open({name: 'app'});
  await rep.mutate.countUp({id: 'sent'});
  await Promise.all([persisted(rep), converge(database, rep)]);
  backend.offline = true;
  await rep.mutate.countUp({id: 'pending'});
  await database.rows(`UPDATE replicache.client SET last_seen = now() - interval '91 days'`);
  await database.rows(`SELECT replicache.collect_garbage('90 days')`);

  let lost;
  const reloaded = deferred();
  recover(rep, {show: mutations => { lost = mutations; }, reload: reloaded.resolve});
  backend.offline = false;
  rep.push().catch(() => {});
  await reloaded.promise;
  assert.deepEqual(lost.map(({name, args}) => [name, args]), [['countUp', {id: 'pending'}]]);
  await rep.close();

  const fresh = open({name: 'app'});
  assert.notEqual(await fresh.clientGroupID, await rep.clientGroupID);
  assert.deepEqual(Object.keys(await converge(database, fresh)), ['note/sent']);
  await fresh.mutate.countUp({id: 'sent'});
  assert.equal((await converge(database, fresh))['note/sent'].count, 2);
});

scenario('a tab with another version of the app asks the others to reload', {}, async ({open}) => {
  const old = open({name: 'app'});
  const told = deferred();
  recover(old, {offerReload: told.resolve});
  await old.mutate.countUp({id: 'n'});
  await persisted(old);
  open({name: 'app', mutators: {...mutators, brandNew: async () => {}}});
  assert.deepEqual(await told.promise, {type: 'NewClientGroup'});
});

scenario('a log-out sends what it can, and asks before it drops the rest; the next client pulls everything', {}, async ({database, open, backend}) => {
  const rep = open({name: 'app'});
  await rep.mutate.countUp({id: 'sent'});
  assert.equal(await logOut(rep, () => assert.fail('nothing is pending'), memory), true);
  assert.deepEqual(Object.keys(await database.truth()), ['note/sent']);

  const again = open({name: 'app'});
  await converge(database, again);
  backend.offline = true;
  await again.mutate.countUp({id: 'not sent'});
  assert.equal(await logOut(again, () => false, {...memory, patience: 300}), false);
  assert.deepEqual(await pendingIn(again), ['countUp']);
  assert.equal(await logOut(again, () => true, {...memory, patience: 300}), true);
  await backend.forget();
  const fresh = open({name: 'app'});
  assert.deepEqual(await view(fresh), {});
  backend.offline = false;
  assert.deepEqual(Object.keys(await converge(database, fresh)), ['note/sent']);
  assert.equal(backend.pulls[0].body.cookie, null);
});

scenario('a change is on the disk about a second after it was made', {}, async ({database, open, backend}) => {
  backend.offline = true;
  const closed = open({name: 'app'});
  await closed.mutate.countUp({id: 'closed at once'});
  await closed.close();

  const waits = open({name: 'app'});
  const saved = persisted(waits);
  await waits.mutate.countUp({id: 'closed later'});
  await saved;
  await waits.close();

  backend.offline = false;
  const next = open({name: 'app'});
  await eventually(async () => assert.deepEqual(Object.keys(await converge(database, next)), ['note/closed later']));
  assert.deepEqual(await view(next), await database.truth());
});
