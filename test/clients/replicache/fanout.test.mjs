// The fan-out of the chat: one query for many pages, with the page's own code, and a network that fails.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
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
  for (let before = -1; before !== asked() || site.unanswered > 0; await sleep(400)) before = asked();
  site.requests.length = site.queries.length = 0;
}

/**
 * Open pages, each in a browser of its own: a tab may take over what another tab has kept, before its event comes, and then pulls.
 * If there are fewer `first`, these have pulled at another position in the WAL than the rest.
 */
async function windows(database, site, count = 10, first = count) {
  await write(database, 'is pulled first');
  const pages = [];
  for (const end of new Set([first, count])) {
    if (pages.length > 0) await database.rows(`SELECT pg_logical_emit_message(true, '', 'moves on')`);
    while (pages.length < end) pages.push(site.page({name: `browser ${pages.length}`}));
    await shown(database, pages);
  }
  await eventually(async () => assert.ok(site.streams.size >= count));
  await quiet(site);
  return pages;
}

/** A page without Replicache: its stream, and pulls with the cookie null. */
async function raw(site, user = 'alice', clientGroupID = randomUUID()) {
  const id = randomUUID();
  const socket = connect(new URL(site.url).port, '127.0.0.1');
  socket.write(`GET /api/poke?page=${id} HTTP/1.0\r\nuser: ${user}\r\n\r\n`);
  let read = '', cookie = null;
  socket.on('data', data => read += data);
  socket.on('error', () => {});
  await eventually(async () => assert.match(read, /retry/));
  return {
    socket,
    events: () => read.split('\r\n\r\n')[1].replace(/^id: .*\n/gm, '').split('\n\n').slice(1, -1),
    async pull(as = user) {
      const body = JSON.stringify({pullVersion: 1, schemaVersion: '', profileID: '', clientGroupID, cookie});
      const answer = await (await fetch(`${site.url}/api/pull`, {method: 'POST', headers: {user: as, 'X-Page': id, 'Content-Type': 'application/json'}, body})).json();
      cookie = answer.cookie ?? cookie;
      return answer;
    },
    close: () => socket.destroy(),
  };
}

siteScenario('a change is read once, however many pages are open, and none of them pulls', {}, async ({database, site}) => {
  const cookies = [];
  site.event = async data => void (data !== 'pull' && cookies.push(JSON.parse(data.split('\n')[0]).baseCookie));
  const pages = await windows(database, site, 10, 1);
  for (const body of ['one', 'two', 'a "quoted"\nline']) {
    await write(database, body);
    await shown(database, pages);
    assert.deepEqual(site.requests, []);
    assert.equal(site.queries.length, 1);
    assert.equal(site.queries[0][0].length, 10);
    const asked = JSON.parse(site.queries[0][1]);
    await quiet(site);
    if (body !== 'one') continue;
    // They have pulled one after the other. The cookie that was given last stands for all.
    const lsns = cookies.map(({lsn}) => parseInt(lsn.split('/')[1], 16));
    assert.ok(new Set(lsns).size > 1);
    assert.equal(parseInt(asked.lsn.split('/')[1], 16), Math.max(...lsns));
  }
});

siteScenario('tabs of one browser are one group for the query', {}, async ({database, site}) => {
  const tabs = [1, 2, 3].map(() => site.page({name: 'browser'}));
  await write(database, 'is pulled');
  await shown(database, tabs);
  await eventually(async () => assert.ok(site.streams.size >= 3));
  await quiet(site);
  await write(database, 'is sent');
  await shown(database, tabs);
  assert.deepEqual(site.queries[0][0], [await tabs[0].clientGroupID]);
});

siteScenario('mutations of several groups are confirmed without a pull, rejected ones, too', {}, async ({database, site}) => {
  const pages = await windows(database, site);
  const confirmed = new Set();
  site.event = async data => void confirmed.add(JSON.parse(data.split('\n')[0]).pullResponse.cookie.confirmed);
  await Promise.all(pages.flatMap((page, i) => [
    page.mutate.countUp({id: 'n'}), page.mutate.countUp({id: `own ${i}`}), page.mutate.refuse({id: 'n'}), page.mutate.countUp({id: 'n'})]));
  await shown(database, pages);
  assert.equal((await database.truth())['note/n'].count, 20);
  assert.ok(site.requests.every(path => path === '/api/push'), site.requests.join());
  for (const page of pages) {
    const request = {pullVersion: 1, schemaVersion: '', profileID: '', clientGroupID: await page.clientGroupID, cookie: null};
    const [{pulled}] = await database.rows(`SELECT replicache.pull($1, 'alice') -> 'cookie' ->> 'confirmed' AS pulled`, JSON.stringify(request));
    assert.ok(confirmed.has(pulled));
  }
});

siteScenario('line breaks in a json column do no harm', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  await database.rows(`CREATE TABLE memo (id text PRIMARY KEY, data json); GRANT SELECT ON memo TO PUBLIC; SELECT replicache.track_table('memo')`);
  await write(database, 'is pulled or sent');
  await shown(database, [page]);
  await quiet(site);
  await database.rows(`INSERT INTO memo VALUES ('m', E'{"a":\\n\\n[1,\\r\\n2]}')`);
  await eventually(async () => assert.deepEqual((await view(page))['memo/m']?.data, {a: [1, 2]}));
  assert.deepEqual(site.requests, []);
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

for (const where of ['before', 'during']) {
  siteScenario(`a page that takes an event ${where} its pull pulls again`, {}, async ({database, site}) => {
    const [page] = await windows(database, site, 1);
    const held = deferred(), asked = deferred();
    site[where] = async () => {
      asked.resolve();
      await held.promise;
    };
    page.pull({now: true}).catch(() => {});
    await asked.promise;
    await write(database, 'by an event');
    if (where === 'before') await shown(database, [page]);
    else await sleep(100);
    // The answer has this, too. If the page has taken the event, it drops the answer, and no notification comes any more.
    await whisper(database, 'by the pull');
    held.resolve();
    await shown(database, [page]);
  });
}

siteScenario('a page that has pulled during a query is left alone', {}, async ({database, site}) => {
  const [page, other] = await windows(database, site, 2);
  const held = deferred();
  site.query = async query => {
    const result = await query();
    await held.promise;
    return result;
  };
  await write(database, 'is pulled by one');
  await eventually(async () => assert.equal(site.queries.length, 1));
  page.pull({now: true}).catch(() => {});
  await shown(database, [page]);
  held.resolve();
  await shown(database, [page, other]);
  await sleep(100);
  assert.deepEqual(site.requests, ['/api/pull']);
  await quiet(site);
  await write(database, 'comes to both');
  await shown(database, [page, other]);
  assert.deepEqual([site.requests, site.queries.length], [[], 1]);
});

siteScenario('a pull that was overtaken by another does not count', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  const stranger = await raw(site);
  await stranger.pull();
  const held = deferred(), asked = deferred();
  site.during = async () => {
    asked.resolve();
    await held.promise;
  };
  const late = stranger.pull();
  await asked.promise;
  site.during = async () => {};
  const {cookie} = await stranger.pull();
  await whisper(database, 'only the late one has it');
  held.resolve();
  assert.ok((await late).cookie.order > cookie.order);
  await write(database, 'comes by an event');
  await shown(database, [page]);
  await eventually(async () => assert.deepEqual(JSON.parse(stranger.events().at(-1).split('\n')[1].slice(6)).baseCookie, cookie));
  stranger.close();
});

siteScenario('what a page was sent last is not forgotten when a pull fails', {}, async ({database, site}) => {
  const stranger = await raw(site);
  await stranger.pull();
  await write(database, 'comes by an event');
  await eventually(async () => assert.match(stranger.events().at(-1), /^event: answer/));
  site.during = async () => Promise.reject(new Error('it fails'));
  await assert.rejects(stranger.pull());
  site.during = async () => {};
  await stranger.pull();
  await eventually(async () => assert.equal(stranger.events().at(-1), 'data: pull'));
  stranger.close();
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
  ['the cookie is of another history', async () => ({rows: [[null]]})],
  ['the answer is long', async query => ({rows: [[...(await query()).rows[0].slice(0, -1), 'true']]})],
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
  const eve = await raw(site, 'eve', await page.clientGroupID);
  await assert.rejects(eve.pull());
  await eve.pull('alice');
  await write(database, 'is not sent to Eve');
  await shown(database, [page]);
  await eventually(async () => assert.deepEqual(eve.events(), ['data: pull']));
  eve.close();
});

siteScenario('a page that reads slowly is asked to pull later', {}, async ({database, site}) => {
  const [page] = await windows(database, site, 1);
  const slow = await raw(site);
  await slow.pull();
  slow.socket.pause();
  const big = 'x'.repeat(1_000_000);
  for (let i = 0; i < 30; i++) {
    await write(database, `${i} ${big}`);
    await shown(database, [page]);
  }
  const [{writableLength}] = [...site.streams].sort((a, b) => b.writableLength - a.writableLength);
  assert.ok(writableLength < 3_000_000, `${writableLength}`);
  slow.socket.resume();
  await eventually(async () => assert.equal(slow.events().at(-1), 'data: pull'));
  assert.ok(slow.events().length < 20, `${slow.events().length} events`);
  assert.equal(slow.events().filter(event => event === 'data: pull').length, 1);
  slow.close();
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
