// Cookies that are not of the server's history: a client gets out by itself, whatever it holds, and so do its other tabs.
import assert from 'node:assert/strict';
import {converge, deferred, eventually, persisted, scenario, view} from './harness.mjs';

const notFound = /Client state not found on server/;

/** A client that has pulled from another backend, which has given it this cookie; `move` brings it to ours. */
async function visitor(world, name, cookie) {
  let moved = false;
  const old = {op: 'put', key: 'note/old', value: {id: 'old', body: 'elsewhere', count: 0}};
  const elsewhere = body => ({response: {cookie, lastMutationIDChanges: {}, patch: body.cookie === null ? [old] : []}, httpRequestInfo: {httpStatusCode: 200, errorMessage: ''}});
  const client = world.open({name, puller: (...request) => (moved ? world.backend.puller(...request) : elsewhere(...request))});
  await eventually(async () => assert.ok((await view(client))['note/old']));
  return {client, move: () => { moved = true; }};
}

const cookies = [0, 1, 7, 1.5, 1e6, 4294967296, Date.now(), 9007199254740991, 1e300, '', '7', 'v1', '2026-11-28T12:00:00Z', 'ÿ', '\u{1f600}', '\uffff\uffff', {order: 3}, {order: 1e12, cvr: 'x'}, {order: 'abc', a: [1]},
  {order: 5, version: 5, lsn: '0/16B3748', origin: '0123456789abcdef-fedcba9876543210-1'}];
scenario('a client of another backend gets everything, and then changes', {}, async world => {
  const {database, backend} = world;
  await database.rows(`INSERT INTO note VALUES ('a', 'x'), ('b', 'y')`);
  const visitors = await Promise.all(cookies.map((cookie, i) => visitor(world, `visitor ${i}`, cookie)));
  visitors.forEach(({move}) => move());
  const clients = visitors.map(({client}) => client);
  await converge(database, ...clients);
  await backend.forget();
  await database.rows(`UPDATE note SET body = 'changed' WHERE id = 'a'`);
  await database.rows(`DELETE FROM note WHERE id = 'b'`);
  for (const client of clients) await client.mutate.countUp({id: client.name.split(' ').pop()});
  await converge(database, ...clients);
  assert.ok(backend.pulls.every(({answer}) => answer?.patch[0]?.op !== 'clear'), 'deltas from here on');
  assert.equal((await database.rows('SELECT count(*) FROM note WHERE count = 1'))[0].count, String(cookies.length));
});

scenario('two tabs of another backend agree, whichever moves first', {}, async world => {
  const {database} = world;
  await database.rows(`INSERT INTO note VALUES ('a', 'x')`);
  const [first, second] = await Promise.all([visitor(world, 'tabs', 1000), visitor(world, 'tabs', 1000)]);
  assert.equal(await first.client.clientGroupID, await second.client.clientGroupID);
  first.move();
  await converge(database, first.client);
  await database.rows(`INSERT INTO note VALUES ('b', 'y')`);
  second.move();
  await converge(database, second.client, first.client);
  for (const {client} of [first, second]) await client.mutate.countUp({id: 'both'});
  assert.equal((await converge(database, first.client, second.client))['note/both'].count, 2);
});

/** Tabs that have confirmed mutations, and wrote their state to disk. */
async function settled({database, open}, ...names) {
  const tabs = names.map(name => open({name}));
  const saved = Promise.all(tabs.map(persisted));
  for (const tab of tabs) for (const id of ['both', tab.clientID]) await tab.mutate.countUp({id});
  await converge(database, ...tabs);
  await saved;
  return tabs;
}

/** What pages do that are told to start afresh: reload. */
async function reload({open}, tabs) {
  const asked = deferred();
  for (const tab of tabs) tab.onClientStateNotFound = asked.resolve;
  tabs[0].pull({now: true}).catch(() => {});
  await asked.promise;
  await Promise.all(tabs.map(tab => tab.close()));
  return tabs.map(() => open({name: 'tabs'}));
}

scenario('a database that was made anew: tabs start afresh by themselves', {log: [notFound]}, async world => {
  const {backend, another} = world;
  const tabs = await settled(world, 'tabs', 'tabs');
  const anew = await another();
  await anew.rows(`INSERT INTO note VALUES ('new', 'x')`);
  backend.database = anew;
  const reloaded = await reload(world, tabs);
  await Promise.all(reloaded.map(tab => tab.mutate.countUp({id: 'after'})));
  assert.equal((await converge(anew, ...reloaded))['note/after'].count, 2);
});

scenario('a database that was made anew: tabs that have only read see it at once, and can write', {}, async ({database, backend, open, another}) => {
  await database.rows(`INSERT INTO note VALUES ('old', 'x')`);
  const tabs = [open({name: 'tabs'}), open({name: 'tabs'})];
  await converge(database, ...tabs);
  backend.database = await another();
  await converge(backend.database, ...tabs);
  await Promise.all(tabs.map(tab => tab.mutate.countUp({id: 'after'})));
  assert.equal((await converge(backend.database, ...tabs))['note/after'].count, 2);
});

scenario('the extension was dropped and created again under the same tables', {log: [notFound]}, async world => {
  const {database} = world;
  const tabs = await settled(world, 'tabs', 'tabs');
  await database.rows(`DELETE FROM note WHERE id = 'both'`);
  await database.recreate();
  await database.rows(`INSERT INTO note VALUES ('new', 'x')`);
  for (let i = 0; i < 20; i++) await database.rows(`UPDATE note SET body = '${i}'`);
  await converge(database, ...await reload(world, tabs));
});

scenario('a restore of the same state: what was pending is delivered, once', {}, async world => {
  const {database, backend, backup} = world;
  const tabs = await settled(world, 'tabs', 'tabs');
  backend.offline = true;
  await tabs[0].mutate.countUp({id: 'both'});
  const copy = await backup();
  backend.database = copy;
  backend.offline = false;
  assert.equal((await converge(copy, ...tabs))['note/both'].count, 3);
  await tabs[1].mutate.countUp({id: 'both'});
  assert.equal((await converge(copy, ...tabs))['note/both'].count, 4);
});

scenario('a restore of an older state: tabs start afresh by themselves', {log: [notFound]}, async world => {
  const {database, backend, backup} = world;
  const tabs = await settled(world, 'tabs', 'tabs');
  const copy = await backup();
  const saved = persisted(tabs[0]);
  await tabs[0].mutate.countUp({id: 'lost'});
  await converge(database, ...tabs);
  await saved;
  backend.database = copy;
  // The restored server gets past all that the lost history has given out.
  for (let i = 0; i < 20; i++) await copy.rows(`UPDATE note SET body = '${i}'`);

  const reloaded = await reload(world, tabs);
  await Promise.all(reloaded.map(tab => tab.mutate.countUp({id: 'after'})));
  const truth = await converge(copy, ...reloaded);
  assert.equal(truth['note/after'].count, 2);
  assert.equal(truth['note/lost'], undefined);
});
