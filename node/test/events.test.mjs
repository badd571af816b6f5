// The stream of events. What it sends to pages of the real client is tested in test/clients/replicache/fanout.test.mjs.
import {EventEmitter, once} from 'node:events';
import {connect, createServer} from 'node:net';
import {test} from 'node:test';
import pg from 'pg';
import {nobody} from 'replicache-ext';
import {assert, database, eventually, post, pullOf, pushOf, reading, sleep} from './harness.mjs';

/** Wait until a stream ends. */
const ends = done => Promise.race([done, sleep(10_000, undefined, {ref: false}).then(() => assert.fail('it is still there'))]);

const db = await database({spaces: true});
const space = request => new URL(request.url).searchParams.get('space') ?? '';
const open = (sync, {page = 'p', user = 'ann', space = '', last} = {}) =>
  sync.events(new Request(`http://localhost/?user=${user}&page=${page}&space=${space}`, {headers: last ? {'Last-Event-ID': last} : {}}));
const write = (room, content) => db.rows(`INSERT INTO message VALUES (gen_random_uuid(), $1, $2)`, room, content);
const listening = async () => (await db.rows(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' OR query = 'SELECT 1'`)).map(({pid}) => pid);
const pages = ({events}) => events.filter(({data}) => data === 'pull').length;

test('a poke reaches the pages of its space, and of no other', async () => {
  const sync = db.sync({space});
  const [a, b] = [reading(await open(sync, {page: 1, space: 'Room A'})), reading(await open(sync, {page: 2, space: 'room b'}))];
  await eventually(async () => assert.deepEqual([pages(a), pages(b)], [1, 1]));  // it has begun to listen
  await write('room a', 'x');  // written otherwise
  await eventually(async () => assert.deepEqual([pages(a), pages(b)], [2, 1]));
  await db.rows(`NOTIFY replicache, '{"space":null}'`);
  await eventually(async () => assert.deepEqual([pages(a), pages(b)], [3, 2]));
  await db.rows(`NOTIFY replicache, 'something else'`);
  await eventually(async () => assert.deepEqual([pages(a), pages(b)], [4, 3]));
  await a.cancel();
  await sync.close();
  await b.done;
});

test('what has changed is sent to the pages of a space, with a user each where users see different rows', async () => {
  await db.rows(`CREATE TABLE doc (id text PRIMARY KEY, room text NOT NULL, owner text NOT NULL);
    SELECT replicache.track_table('doc', space => 'room', private => true)`);
  const queries = [];
  const pool = {query: query => (query.text.includes('pull_for') && queries.push(query.values), db.pool.query(query))};
  const sync = db.sync({space, pool, listen: {database: db.name}});
  const users = ['ann', 'ben', 'ann'];
  const streams = [];
  for (const [i, user] of users.entries()) streams.push(reading(await open(sync, {page: i, user, space: 'room c'})));
  await eventually(async () => streams.forEach(stream => assert.equal(pages(stream), 1)));
  for (const [i, user] of users.entries()) {
    const request = post(pullOf(null, `group of ${user}`), {headers: {'x-user': user, 'X-Page': i}});
    await (await sync.pull(new Request('http://localhost/?space=room c', request))).json();
  }
  queries.length = 0;
  await write('room c', 'to all');
  await eventually(async () => streams.forEach(({events}) => assert.match(events.at(-1).data, /to all/)));
  // First for all, which is refused. The pages of a user have pulled by themselves, so they may be at different places.
  assert.deepEqual(queries[0].slice(2), ['room c', null]);
  assert.deepEqual([...new Set(queries.slice(1).map(([groups, , , user]) => `${groups} ${user}`))].sort(), ['group of ann ann', 'group of ben ben']);
  queries.length = 0;
  await write('room c', 'again');
  await eventually(async () => streams.forEach(({events}) => assert.match(events.at(-1).data, /again/)));
  assert.deepEqual([...new Set(queries.map(([, , , user]) => user))].sort(), ['ann', 'ben']);
  assert.ok(streams.every(stream => pages(stream) === 1), 'nobody was told to pull');
});

test('a page of one user is no page of another, whatever they are called', async () => {
  const sync = db.sync({space});
  const stream = reading(await open(sync, {user: 'a b', page: 'c', space: 'room f'}));
  await eventually(async () => assert.equal(pages(stream), 1));
  for (const [user, page] of [['a', 'b c'], ['a b', 'd'], ['a b', 'c" "']])
    await (await sync.pull(new Request('http://localhost/?space=room f', post(pullOf(null, `group of ${user}`), {headers: {'x-user': user, 'X-Page': page}})))).json();
  await write('room f', 'not by an answer');
  await eventually(async () => assert.equal(pages(stream), 2));
  assert.ok(stream.events.every(({event}) => event === ''));
});

test('pages are told to pull when they may have missed something while they were away', async () => {
  const sync = db.sync({space});
  const first = reading(await open(sync, {space: 'room d'}));
  await eventually(async () => assert.equal(pages(first), 1));
  const {id} = first.events.at(-1);
  await first.cancel();

  await write('another room', 'x');
  const watch = reading(await open(sync, {page: 'w', space: 'room d'}));
  await sleep(50);
  const nothing = reading(await open(sync, {space: 'room d', last: id}));
  await sleep(50);
  assert.equal(pages(nothing), 0, 'nothing has happened in this space');
  await nothing.cancel();

  await write('room d', 'x');
  await eventually(async () => assert.equal(pages(watch), 1));
  const missed = reading(await open(sync, {space: 'room d', last: id}));
  await eventually(async () => assert.equal(pages(missed), 1));
  for (const last of ['0a1b2c3d.1', 'garbage']) {  // of another process, of nobody
    const other = reading(await open(sync, {page: last, space: 'room d', last}));
    await eventually(async () => assert.equal(pages(other), 1));
  }
});

test('the session that listens comes back, and pages are told that something may have changed', async () => {
  const sync = db.sync({space});
  const stream = reading(await open(sync));
  await eventually(async () => assert.equal(pages(stream), 1));
  for (let times = 2; times < 4; times++) {
    const pids = await listening();
    assert.ok(pids.length >= 1);
    await db.rows('SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) pid', pids);
    await eventually(async () => assert.equal(pages(stream), times));
  }
  await write('', 'after that');
  await eventually(async () => assert.equal(pages(stream), 4));
});

test('the session that listens has the password of the pool', async () => {
  const server = createServer(socket => socket.on('error', () => {}).on('data', data => {
    if (data[0] === 0) socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));  // the startup: a password is wanted
    else server.emit('password', data.toString('utf8', 5, data.length - 1));
  }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const pool = new pg.Pool({host: '127.0.0.1', port: server.address().port, password: 'secret'});
  const sync = db.sync({space, pool});
  const password = once(server, 'password');
  const stream = reading(await open(sync));
  const closed = once(server, 'close');
  try {
    assert.deepEqual(await Promise.race([password, sleep(4_000, 'no password')]), ['secret']);
  } finally {
    server.close();
    await sync.close();
    await stream.done;
    await closed;
  }
});

test('a session that does not answer the LISTEN is given up', async () => {
  const logged = [];
  const client = Object.assign(new EventEmitter(), {connect: async () => {}, query: () => new Promise(() => {}), end: async () => {}, escapeIdentifier: name => name});
  const sync = db.sync({space, listen: () => client, log: ({message}, what) => logged.push(`${what}: ${message}`)});
  await (await open(sync)).body.cancel();
  await eventually(async () => assert.deepEqual(logged, ['LISTEN: the session that listens does not answer']), 15_000);
});

test('disconnect ends the streams of a space, however it is written, and none opens after close', async () => {
  const sync = db.sync({space});
  const [stream, other] = [reading(await open(sync, {page: 1, space: 'ROOM g'})), reading(await open(sync, {page: 2, space: 'room h'}))];
  sync.disconnect({space: 'room G'});
  await ends(stream.done);
  await eventually(async () => assert.equal(pages(other), 1));
  await sync.close();
  await other.done;
  const late = reading(await open(sync));
  await ends(late.done);
});

test('who is disconnected while a stream is asked for hears nothing', async () => {
  let go;
  const asked = new Promise(resolve => go = resolve);
  const sync = db.sync({space: () => asked});
  const [ann, ben] = [open(sync), open(sync, {user: 'ben'})];
  await sleep(20);
  sync.disconnect({user: 'ann'});  // authenticated already
  go('room j');
  const stream = reading(await ann), other = reading(await ben);
  await ends(stream.done);
  await eventually(async () => assert.equal(pages(other), 1));
  assert.equal(pages(stream), 0);
});

test('no more streams than may be open: 503. A page that comes again takes the place that it has', async () => {
  const sync = db.sync({space, events: {streams: 2}});
  const streams = [reading(await open(sync, {page: 1})), reading(await open(sync, {page: 2}))];
  const refused = await open(sync, {page: 3});
  assert.deepEqual([refused.status, refused.headers.get('Retry-After')], [503, '1']);
  streams.push(reading(await open(sync, {page: 2})));
  await streams[1].done;
  await streams[0].cancel();
  const next = await open(sync, {page: 3});
  assert.equal(next.status, 200);
  assert.equal((await open(sync, {page: 4})).status, 503);
  await next.body.cancel();
  assert.equal((await open(sync, {page: 4})).status, 200);
});

test('a stream whose request is aborted ends, even if nobody cancels it, and none opens for a request that was', async () => {
  const sync = db.sync({space, events: {streams: 1}});
  const [gone, before] = [new AbortController(), new AbortController()];
  const ask = (page, signal) => sync.events(new Request(`http://localhost/?user=ann&page=${page}`, {signal}));
  const stream = reading(await ask(1, gone.signal));
  gone.abort();
  await ends(stream.done);
  before.abort();
  assert.equal((await ask(2, before.signal)).status, 499);
  assert.equal((await ask(3, new AbortController().signal)).status, 200);
});

test('nobody, who is served, hears of changes, and is disconnected by null', async () => {
  const who = request => new URL(request.url).searchParams.get('user') || nobody;
  const sync = db.sync({space, authenticate: who});
  const [out, ann] = [reading(await open(sync, {user: '', space: 'room k'})), reading(await open(sync, {space: 'room k'}))];
  const pull = (user, group) => sync.pull(new Request(`http://localhost/?user=${user}&space=room k`, post(pullOf(null, group), {headers: {'X-Page': 'p'}}))).then(answer => answer.json());
  await eventually(async () => assert.deepEqual([pages(out), pages(ann)], [1, 1]));
  await Promise.all([pull('', 'out'), pull('ann', 'of ann in k')]);
  // The table doc is private, so what users see is asked for each. For nobody there is no such answer.
  await write('room k', 'x');
  await eventually(async () => assert.match(ann.events.at(-1).data, /"x"/));
  await eventually(async () => assert.equal(pages(out), 2));
  sync.disconnect({user: null});
  await ends(out.done);
  await write('room k', 'y');
  await eventually(async () => assert.match(ann.events.at(-1).data, /"y"/));
  await ann.cancel();
});

test('comments come in between, a stream ends in time, and disconnect ends it at once', async () => {
  const sync = db.sync({space, events: {heartbeat: 50, age: 400}});
  const old = reading(await open(sync, {page: 1}));
  const [ann, ben] = [reading(await open(sync, {page: 2})), reading(await open(sync, {page: 3, user: 'ben'}))];
  sync.disconnect({user: 'ben'});
  await ben.done;
  await old.done;
  await ann.done;
  assert.ok(old.events.filter(({block}) => block === ':').length >= 3);
  sync.disconnect({space: ''});
});

test('who reads slowly is sent little, and told to pull when it has read that', async () => {
  const sync = db.sync({space, events: {answers: false}});
  const response = await open(sync, {space: 'room e'});  // read by nobody
  const watch = reading(await open(sync, {page: 'w', space: 'room e'}));
  await eventually(async () => assert.equal(pages(watch), 1));
  for (let i = 0; i < 5_000; i += 50)
    await db.rows(`SELECT pg_notify('replicache', json_build_object('space', 'room e', 'version', $1::int + i)::text) FROM generate_series(1, 50) i`, i);
  await eventually(async () => assert.equal(pages(watch), 5_001));
  const slow = reading(response);
  await eventually(async () => assert.ok(pages(slow) > 0));
  await sleep(200);
  assert.ok(pages(slow) < 4_000, `${pages(slow)} events`);
  assert.equal(slow.events.at(-1).id, watch.events.at(-1).id, 'the last thing it hears is that it should pull now');
});

test('a stream that takes nothing for two minutes is given up, with what waits in it', async t => {
  const sync = db.sync({space, events: {answers: false, heartbeat: 50}});
  const response = await open(sync, {space: 'room i'});  // read by nobody
  const watch = reading(await open(sync, {page: 'w', space: 'room i'}));
  await eventually(async () => assert.equal(pages(watch), 1));
  for (let i = 0; i < 4; i++) await db.rows(`SELECT pg_notify('replicache', json_build_object('space', 'room i', 'version', $1 * 1000 + i)::text) FROM generate_series(1, 1000) i`, i);
  await eventually(async () => assert.equal(pages(watch), 4_001));
  const now = Date.now;
  t.mock.method(Date, 'now', () => now() + 125_000);
  await sleep(200);
  t.mock.restoreAll();
  await assert.rejects(response.body.getReader().read(), /nobody reads/);
});

test('2 000 connections: a change is read once, and reaches all of them', async t => {
  const count = 2_000, pulling = 400;  // the others hear that they should pull
  const queries = [];
  const pool = {query: query => (query.text.includes('pull_for') && queries.push(query.values), db.pool.query(query))};
  const sync = db.sync({space, pool, listen: {database: db.name}});
  const url = await db.serve({'/events': sync.events, '/pull': sync.pull});
  const {port} = new URL(url);
  const sockets = [];
  db.later(() => sockets.forEach(({socket}) => socket.destroy()));
  const connected = i => new Promise((resolve, reject) => {
    const page = {read: '', socket: connect(port, '127.0.0.1')};
    sockets.push(page);
    page.socket.on('error', reject).setEncoding('latin1').on('data', text => {
      page.read += text;
      if (page.read.includes('retry')) resolve();
    });
    page.socket.write(`GET /events?user=ann&page=${i}&space=big HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
  for (let i = 0; i < count; i += 200) await Promise.all(Array.from({length: 200}, (_, k) => connected(i + k)));
  await eventually(async () => assert.match(sockets[0].read, /data: pull/));  // it listens
  const pull = i => fetch(`${url}/pull?space=big`, {method: 'POST', body: JSON.stringify(pullOf(null, `g${i % 50}`)),
    headers: {'Content-Type': 'application/json', 'x-user': 'ann', 'X-Page': i}}).then(answer => answer.text());
  for (let i = 0; i < pulling; i += 50) await Promise.all(Array.from({length: 50}, (_, k) => pull(i + k)));

  await sleep(100);
  queries.length = 0;
  sockets.forEach(page => page.read = '');
  const before = process.memoryUsage().rss;
  const begun = performance.now();
  for (let i = 1; i <= 5; i++) {
    await write('big', `change ${i}`);
    await eventually(async () => sockets.forEach(({read}, page) =>
      assert.ok(page < pulling ? read.includes(`change ${i}`) : read.split('data: pull').length > i)), 20_000);
  }
  t.diagnostic(`5 changes to ${count} pages: ${Math.round(performance.now() - begun)} ms, memory +${Math.round((process.memoryUsage().rss - before) / 2 ** 20)} MB`);
  assert.ok(queries.length <= 10, `${queries.length} queries`);
  assert.ok(sockets.slice(0, pulling).every(({read}) => !read.includes('data: pull')), 'none of those was told to pull');
});
