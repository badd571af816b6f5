// The fan-out of the chat: one query for many pages, with the page's own code, and a network that fails.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {deferred, eventually, persisted, view} from './harness.mjs';
import {siteScenario} from './site.mjs';

/** Wait until every page shows what the tables hold, with nothing pending. Nobody pulls here but the pages themselves. */
function shown(database, pages) {
  return eventually(async () => {
    const truth = await database.truth();
    for (const page of pages) {
      assert.deepEqual(await view(page), truth);
      assert.deepEqual(await page.experimentalPendingMutations(), []);
    }
  }, 10_000);
}

const write = (database, body) => database.rows(`INSERT INTO note VALUES ('n', $1) ON CONFLICT (id) DO UPDATE SET body = excluded.body`, body);

/** Write without a notification. */
const whisper = (database, body) => database.rows(`WITH x AS MATERIALIZED (SELECT set_config('replicache.poke_channel', '', true))
  UPDATE note SET body = $1 FROM x WHERE id = 'n'`, body);

/** Wait until no page asks for anything any more, and forget what was asked. */
async function quiet(site) {
  const asked = () => site.requests.length + site.queries.length;
  for (let before = -1; before !== asked(); await sleep(100)) before = asked();
  site.requests.length = site.queries.length = 0;
}

/** Open pages in seven browsers. */
async function windows(database, site, count = 10) {
  await write(database, 'is pulled first');
  const pages = Array.from({length: count}, (_, i) => site.page({name: `browser ${i % 7}`}));
  await shown(database, pages);
  await quiet(site);
  return pages;
}

siteScenario('a change is read once, however many pages are open, and none of them pulls', {}, async ({database, site}) => {
  const cookies = [];
  site.event = async data => void (data !== 'pull' && cookies.push(JSON.parse(data.split('\n')[0]).baseCookie));
  const pages = await windows(database, site);
  for (const body of ['one', 'two', 'a "quoted"\nline']) {
    await write(database, body);
    await shown(database, pages);
    assert.deepEqual(site.requests, []);
    assert.equal(site.queries.length, 1);
    assert.equal(new Set(site.queries[0][0]).size, 7);
    const asked = JSON.parse(site.queries[0][1]);
    await quiet(site);
    if (body !== 'one') continue;
    // They have pulled one after the other. The cookie that was given last stands for all.
    const lsns = cookies.map(({lsn}) => parseInt(lsn.split('/')[1], 16));
    assert.ok(new Set(lsns).size > 1);
    assert.equal(parseInt(asked.lsn.split('/')[1], 16), Math.max(...lsns));
  }
});

siteScenario('mutations of several groups are confirmed without a pull, rejected ones, too', {}, async ({database, site}) => {
  const pages = await windows(database, site);
  await Promise.all(pages.flatMap((page, i) => [
    page.mutate.countUp({id: 'n'}), page.mutate.countUp({id: `own ${i}`}), page.mutate.refuse({id: 'n'}), page.mutate.countUp({id: 'n'})]));
  await shown(database, pages);
  assert.equal((await database.truth())['note/n'].count, 20);
  assert.ok(site.requests.every(path => path === '/api/push'), site.requests.join());
});

siteScenario('changes during a query share the next one', {}, async ({database, site}) => {
  const pages = await windows(database, site);
  const {promise, resolve} = deferred();
  site.query = async query => {
    const result = await query();
    await promise;
    return result;
  };
  for (let i = 0; i < 10; i++) await write(database, `change ${i}`);
  await pages[0].mutate.countUp({id: 'n'});
  await eventually(async () => assert.deepEqual(site.requests, ['/api/push']));
  await sleep(100);
  resolve();
  await shown(database, pages);
  assert.equal(site.queries.length, 2);
  assert.deepEqual(site.requests, ['/api/push']);
});

siteScenario('a page that takes an event while its pull is on the way pulls again', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  const held = deferred(), asked = deferred();
  site.before = async () => {
    asked.resolve();
    await held.promise;
  };
  page.pull({now: true}).catch(() => {});
  await asked.promise;
  await write(database, 'by an event');
  await shown(database, [page]);
  // The answer has this, too. The page drops it, and no notification comes any more.
  await whisper(database, 'by the pull');
  held.resolve();
  await shown(database, [page]);
});

siteScenario('a change that comes while a pull is answered is not missed', {}, async ({database, site}) => {
  const [page, other] = await windows(database, site, 2);
  const held = deferred(), answered = deferred();
  site.after = async path => {
    if (path !== '/api/pull') return;
    answered.resolve();
    await held.promise;
  };
  page.pull({now: true}).catch(() => {});
  await answered.promise;
  await write(database, 'meanwhile');
  await shown(database, [other]);
  held.resolve();
  await shown(database, [page, other]);
});

siteScenario('a lost event is made up for by the next, and one that is late or doubled does no harm', {}, async ({database, site}) => {
  const pages = await windows(database, site);
  let number = 0;
  site.event = async () => ++number % 3 > 0;
  await write(database, 'lost by some');
  await sleep(200);
  site.event = async () => {};
  await write(database, 'comes to all');
  await shown(database, pages);
  assert.ok(site.requests.length < 10, `${site.requests.length} have pulled`);

  await quiet(site);
  const late = deferred();
  site.event = () => late.promise;
  await write(database, 'late');
  await sleep(100);
  site.event = async () => {};
  await write(database, 'overtakes');
  await shown(database, pages);
  late.resolve();
  await quiet(site);
  await shown(database, pages);
});

for (const [what, query] of [
  ['the cookie is of another history', async () => ({rows: [{cookie: null}]})],
  ['the answer is long', async query => ({rows: [{...(await query()).rows[0], more: true}]})],
  ['the query fails', async () => Promise.reject(new pg.DatabaseError('it fails', 0, 'error'))],
]) {
  siteScenario(`pages are asked to pull when ${what}`, {}, async ({database, site}) => {
    const pages = await windows(database, site);
    site.query = query;
    await write(database, 'must be pulled');
    await shown(database, pages);
    assert.equal(site.requests.length, 10);
    await quiet(site);
    site.query = query => query();
    await write(database, 'is sent again');
    await shown(database, pages);
    await write(database, 'once');
    await shown(database, pages);
    assert.deepEqual(site.requests, []);
  });
}

siteScenario('a table without a common view is pulled', {}, async ({database, site}) => {
  const pages = await windows(database, site, 3);
  await database.rows(`CREATE TABLE doc (id text PRIMARY KEY, owner text NOT NULL); GRANT SELECT ON doc TO PUBLIC;
    ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON doc USING (owner = replicache.current_user_id());
    SELECT replicache.track_table('doc', private => true)`);
  await database.rows(`INSERT INTO doc VALUES ('a', 'alice'), ('b', 'bob')`);
  await eventually(async () => {
    for (const page of pages) assert.deepEqual(Object.keys(await view(page)), ['doc/a', 'note/n']);
  });
});

siteScenario('pages go on after a cut, after a restart, and from an old cookie', {}, async ({database, site}) => {
  const saved = site.page({name: 'old'});
  const written = persisted(saved);
  await saved.mutate.putNote({id: 'old', body: 'old'});
  await written;
  await saved.close();

  const pages = await windows(database, site);
  site.cut();
  await write(database, 'while nobody listened');
  await shown(database, pages);
  await quiet(site);
  site.restart();
  await write(database, 'while the server was away');
  await shown(database, pages);

  await database.rows(`DELETE FROM note WHERE id = 'old'`);
  pages.push(site.page({name: 'old'}));
  await shown(database, pages);
  await quiet(site);
  for (const body of ['brings them together', 'is read once']) {
    site.queries.length = 0;
    await write(database, body);
    await shown(database, pages);
  }
  assert.deepEqual([site.requests, site.queries.length], [[], 1]);
});

siteScenario('nobody takes part in the stream of another user', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  await page.mutate.countUp({id: 'n'});
  await shown(database, [page]);
  const id = randomUUID(), streams = new AbortController();
  const body = {pullVersion: 1, schemaVersion: '', profileID: '', clientGroupID: await page.clientGroupID, cookie: null};
  const streamed = await fetch(`${site.url}/api/poke?page=${id}`, {headers: {user: 'eve'}, signal: streams.signal});
  const ask = user => fetch(`${site.url}/api/pull`, {method: 'POST', headers: {user, 'X-Page': id}, body: JSON.stringify(body)});
  assert.equal((await ask('eve')).status, 500); // 42501
  assert.equal((await ask('alice')).status, 200);
  await write(database, 'is not sent to Eve');
  await shown(database, [page]);
  await sleep(50);
  const reader = streamed.body.getReader();
  let read = '';
  while (!read.includes('data: ')) read += Buffer.from((await reader.read()).value);
  assert.equal(read, 'retry: 1000\n\ndata: pull\n\n');
  streams.abort();
});

siteScenario('a page that reads slowly is asked to pull later', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  const id = randomUUID(), streams = [];
  const {stream} = site.fanout;
  site.fanout.stream = (request, response) => {
    streams.push(response);
    stream(request, response);
  };
  const socket = connect(new URL(site.url).port, '127.0.0.1');
  socket.write(`GET /api/poke?page=${id} HTTP/1.1\r\nHost: x\r\nuser: alice\r\n\r\n`);
  await once(socket, 'readable');
  await fetch(`${site.url}/api/pull`, {method: 'POST', headers: {user: 'alice', 'X-Page': id},
    body: JSON.stringify({pullVersion: 1, schemaVersion: '', profileID: '', clientGroupID: randomUUID(), cookie: null})});
  const big = 'x'.repeat(1_000_000);
  for (let i = 0; i < 30; i++) {
    await write(database, `${i} ${big}`);
    await shown(database, [page]);
  }
  assert.ok(streams[0].writableLength < 3_000_000, `${streams[0].writableLength}`);
  let end = '';
  socket.on('data', data => end = (end + data).slice(-100));
  await eventually(async () => assert.match(end, /data: pull\s*$/));
  socket.destroy();
});

for (let seed = 1; seed <= 3; seed++) {
  siteScenario(`whatever gets lost, late or doubled, all pages show the same in the end: ${seed}`, {}, async ({database, site}) => {
    const pages = await windows(database, site, 8);
    const chance = share => Math.random() < share;
    const mishap = async () => {
      await sleep(Math.random() * 20);
      if (chance(0.1)) throw new Error('lost');
    };
    site.before = site.after = mishap;
    site.event = async () => {
      await sleep(Math.random() * 20);
      return !chance(0.2);
    };
    site.query = async query => {
      await sleep(Math.random() * 10);
      if (chance(0.05)) throw new Error('lost');
      return query();
    };
    for (let i = 0; i < 100; i++) {
      const page = pages[Math.floor(Math.random() * pages.length)];
      if (chance(0.6)) await page.mutate[chance(0.1) ? 'refuse' : 'countUp']({id: `n${i % 9}`});
      else if (chance(0.5)) await write(database, `change ${i}`);
      else await database.rows('DELETE FROM note WHERE id = $1', `n${i % 9}`);
      if (chance(0.1)) page.pull({now: true}).catch(() => {});
      if (chance(0.05)) site.cut(() => chance(0.3));
      if (chance(0.01)) site.restart();
      await sleep(Math.random() * 20);
    }
    site.before = site.after = site.event = async () => {};
    site.query = query => query();
    await sleep(100);
    await write(database, 'the end');
    await shown(database, pages);
  });
}
