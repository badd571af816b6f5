// What requests must be like, and what becomes of them.
import {EventEmitter, once} from 'node:events';
import {createServer} from 'node:http';
import {connect} from 'node:net';
import {test} from 'node:test';
import {promisify} from 'node:util';
import {gunzipSync, gzip, gzipSync} from 'node:zlib';
import pg from 'pg';
import {nobody, toNodeHandler} from 'replicache-ext';
import {assert, database, eventually, post, pullOf, pushOf, sleep} from './harness.mjs';

const compress = promisify(gzip);
const db = await database();
const sync = db.sync();

async function refused(status, response, message = /./) {
  const answer = await response;
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.match(text, message);
  return answer;
}

test('a push and a pull', async () => {
  const pushed = await (await sync.push(post(pushOf('Hello!')))).json();
  assert.equal(pushed.applied, 1);
  const {cookie, patch} = await (await sync.pull(post(pullOf()))).json();
  assert.equal(patch.at(-1).value.content, 'Hello!');
  assert.deepEqual((await (await sync.pull(post(pullOf(cookie)))).json()).patch, []);
});

test('another method: 405', async () => {
  for (const [handler, allowed] of [['push', 'POST'], ['pull', 'POST'], ['events', 'GET'], ['lastMutationAt', 'GET, POST'], ['zeroMutate', 'POST']]) {
    const {headers} = await refused(405, sync[handler](new Request('http://localhost/', {method: 'DELETE', headers: {'x-user': 'ann'}})), /wanted/);
    assert.equal(headers.get('Allow'), allowed);
  }
});

test('nobody: 401; an answer of authenticate, returned or thrown, is the answer', async () => {
  for (const none of [null, undefined, '']) await refused(401, db.sync({authenticate: () => none}).push(post(pushOf())));
  await refused(402, db.sync({authenticate: () => new Response('pay', {status: 402})}).push(post(pushOf())), /pay/);
  await refused(402, db.sync({authenticate: () => { throw new Response('pay', {status: 402}); }}).pull(post(pullOf())), /pay/);
  await refused(500, db.sync({authenticate: () => { throw Object.assign(new Error('secret'), {code: 'XX000'}); }}).pull(post(pullOf())), /^try again later$/);
});

test('nobody, who is served: the user is NULL, and only the value that says so does it', async () => {
  const spaces = [];
  const open = db.sync({authenticate: request => request.headers.has('x-token') ? null : nobody, space: (request, user) => (spaces.push(user), '')});
  assert.equal((await (await open.push(post({...pushOf('by nobody'), clientGroupID: 'of nobody'}))).json()).applied, 1);
  const {patch} = await (await open.pull(post(pullOf(null, 'of nobody')))).json();
  assert.ok(patch.some(({value}) => value?.content === 'by nobody'));
  assert.deepEqual(spaces, [null, null]);
  assert.deepEqual(await db.rows(`SELECT user_id FROM replicache.client_group WHERE id = 'of nobody'`), [{user_id: null}]);
  await refused(401, open.pull(post(pullOf(null, 'of nobody'), {headers: {'x-token': 'expired'}})));
  // Whose client group it is counts as ever.
  await refused(403, sync.pull(post(pullOf(null, 'of nobody'))));
  await sync.push(post({...pushOf(), clientGroupID: 'of ann'}));
  await refused(403, open.pull(post(pullOf(null, 'of ann'))));
  for (const other of [Symbol('replicache-ext.nobody'), {}, 0, false, ['ann']]) await refused(401, db.sync({authenticate: () => other}).push(post(pushOf())));
  assert.equal(nobody, Symbol.for('replicache-ext.nobody'), 'another copy of the package has the same');
});

test('a space that is no string: 500, and the log says what is wrong', async () => {
  for (const none of [undefined, null, 7]) {
    const logged = [];
    const lost = db.sync({space: () => none, log: ({message}) => logged.push(message)});
    await refused(500, lost.push(post(pushOf())), /^try again later$/);
    await refused(500, lost.pull(post(pullOf())));
    await refused(500, lost.events(new Request('http://localhost/?user=ann')));
    assert.match(logged.join(), /(.*"space" has given neither.*){3}/);
  }
});

test('a space that the user may not have: 403', async () => {
  const closed = db.sync({space: () => new Response('not yours', {status: 403})});
  await refused(403, closed.push(post(pushOf())), /not yours/);
  await refused(403, closed.pull(post(pullOf())), /not yours/);
  await refused(403, closed.events(new Request('http://localhost/?user=ann')), /not yours/);
});

test('another type or encoding: 415', async () => {
  for (const type of ['text/plain', 'application/jsonx', 'application/json; charset=utf-16', 'multipart/form-data'])
    await refused(415, sync.push(post(pushOf(), {headers: {'Content-Type': type}})), /application\/json is wanted/);
  const {headers} = await refused(415, sync.push(post(pushOf(), {headers: {'Content-Encoding': 'br'}})), /gzip/);
  assert.equal(headers.get('Accept-Encoding'), 'gzip');
});

test('a body that is too large: 413, compressed or not, said or not', async () => {
  const small = db.sync({limit: 1_000});
  await refused(413, small.push(post(pushOf('x'.repeat(1_000)))), /1000 bytes/);
  await refused(413, small.push(post(pushOf(), {headers: {'Content-Length': '1001'}})));
  let sent = 0;
  const endless = new ReadableStream({pull: controller => controller.enqueue(new Uint8Array(100).fill(32)) ?? sent++});
  await refused(413, small.push(post(endless)));
  assert.ok(sent < 50, `it has read ${sent} pieces`);

  // 64 MB in 64 kB: refused when 16 MiB have come out, without the rest.
  const bomb = await compress(Buffer.alloc(64 * 2 ** 20, 32));
  assert.ok(bomb.length < 100_000);
  await refused(413, sync.push(post(bomb, {headers: {'Content-Encoding': 'gzip'}})), /16777216 bytes/);
});

test('a limit that is undefined is the default', async () => {
  await refused(413, db.sync({limit: undefined}).push(post(Buffer.alloc(17 * 2 ** 20, 32))));
});

test('a stream of gzip that gives nothing: 413', async () => {
  const nothing = gzipSync('');
  let sent = 0;
  const endless = new ReadableStream({async pull(controller) {
    await sleep(0);
    if (sent++ < 20_000) controller.enqueue(nothing);
    else controller.close();
  }});
  await refused(413, db.sync({limit: 10_000}).push(post(endless, {headers: {'Content-Encoding': 'gzip'}})), /10000 bytes/);
  assert.ok(sent < 2_000, `it has read ${sent} pieces`);
});

test('headers as long as Node takes them are read in no time', async () => {
  await sync.push(post(pushOf('long '.repeat(1_000))));
  const [ones, zeros, spaces] = ['1', '0', ' '].map(character => character.repeat(7_000));
  const begun = performance.now();
  assert.equal((await sync.pull(post(pullOf(), {headers: {'Accept-Encoding': `gzip;q=0.${ones}${zeros}x`}}))).headers.get('Content-Encoding'), null);
  assert.equal((await sync.pull(post(pullOf(), {headers: {'Accept-Encoding': `gzip${spaces}x,`.repeat(2)}}))).headers.get('Content-Encoding'), null);
  for (const type of [`application/json${spaces}${spaces}x`, `application/json;charset${spaces}=${spaces}x`]) await refused(415, sync.push(post(pushOf(), {headers: {'Content-Type': type}})));
  assert.ok(performance.now() - begun < 2_000, `${performance.now() - begun} ms`);
});

test('a body that is compressed', async () => {
  const answer = await sync.push(post(await compress(JSON.stringify(pushOf())), {headers: {'Content-Encoding': 'gzip'}}));
  assert.equal((await answer.json()).applied, 1);
  await refused(400, sync.push(post(pushOf(), {headers: {'Content-Encoding': 'gzip'}})), /cannot be read/);
  const half = (await compress(JSON.stringify(pushOf()))).subarray(0, -20);
  await refused(400, sync.push(post(half, {headers: {'Content-Encoding': 'gzip'}})), /cannot be read/);
});

test('bytes that are no UTF-8: 400', async () => {
  await refused(400, sync.push(post(Buffer.from([0x22, 0xff, 0x22]))), /cannot be read/);
});

test('answers are compressed for clients that accept it, when it is worth it', async () => {
  await sync.push(post(pushOf('long '.repeat(1_000))));
  const pull = (accept, of = sync) => of.pull(post(pullOf(), {headers: accept === undefined ? {} : {'Accept-Encoding': accept}}));
  const but = text => text.replace(/"lsn":"[^"]*"/, '"lsn":…');  // the server writes WAL of its own at any time
  const whole = but(await (await pull()).text());
  for (const accept of ['gzip', 'br, gzip;q=0.5', 'deflate , GZIP ; q=1.0']) {
    const answer = await pull(accept);
    assert.equal(answer.headers.get('Content-Encoding'), 'gzip', accept);
    assert.equal(answer.headers.get('Vary'), 'Accept-Encoding');
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.ok(bytes.length < whole.length / 5);
    assert.equal(Number(answer.headers.get('Content-Length')), bytes.length);
    assert.equal(but(gunzipSync(bytes).toString()), whole);
  }
  for (const accept of [undefined, 'br', 'gzip;q=0', 'xgzip', 'gzip;q=0.000'])
    assert.equal((await pull(accept)).headers.get('Content-Encoding'), null, `${accept}`);
  assert.equal((await pull('gzip', db.sync({gzip: false}))).headers.get('Content-Encoding'), null);
  const short = await sync.push(post(pushOf(), {headers: {'Accept-Encoding': 'gzip'}}));
  assert.equal(short.headers.get('Content-Encoding'), null);
});

test('errors: their status, what they say, and what is logged', async () => {
  const logged = [];
  const log = (error, what) => logged.push([error.code, what]);
  const failing = code => db.sync({log, pool: {query: async () => { throw Object.assign(new Error('it fails'), {code}); }}});
  for (const [code, status, says] of [['22P02', 400, 'it fails'], ['42501', 403, 'it fails'], ['55P03', 503, 'try again later'],
    ['ECONNREFUSED', 503, 'try again later'], [undefined, 503, 'try again later'], ['42P01', 500, 'try again later']]) {
    logged.length = 0;
    const answer = await failing(code).push(post(pushOf()));
    assert.deepEqual([answer.status, await answer.text(), answer.headers.get('Retry-After')], [status, says, status === 503 ? '1' : null]);
    assert.deepEqual(logged, status < 500 ? [] : [[code, '/x']]);
  }
  assert.equal((await failing('42P01').zeroMutate(post({}))).status, 503);
  assert.equal((await failing('22P02').lastMutationAt(post({}, {}))).status, 422);
  assert.deepEqual(await (await failing('22P02').powersyncUpload(post({}))).json(), {message: 'it fails'});
});

test('the status that an error brings along counts only if it is one of errors', async () => {
  const failing = (status, message = 'it fails') => db.sync({authenticate: () => { throw Object.assign(new Error(message), {status}); }});
  await refused(429, failing(429).push(post(pushOf())), /it fails/);
  for (const status of [200, 302, 0, 600, 404.5, 'failed', null]) {
    await refused(503, failing(status).push(post(pushOf())), /^try again later$/);
    await refused(503, failing(status).zeroMutate(post({})), /^try again later$/);
  }
});

test('a serialization failure is tried again, three times in all', async () => {
  for (const [failures, status] of [[2, 200], [3, 503]]) {
    let calls = 0;
    const pool = {query: query => ++calls > failures ? db.pool.query(query) : Promise.reject(Object.assign(new Error(), {code: '40001'}))};
    assert.equal((await db.sync({pool}).push(post(pushOf()))).status, status);
    assert.equal(calls, 3);
  }
});

const running = () => db.rows(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%replicache.pull(%' AND pid <> pg_backend_pid()`).then(([{n}]) => n);

test('a pull whose client has gone is cancelled, and one that waits for a connection does not wait', async () => {
  const patient = new pg.Pool({database: db.name, max: 5});  // without lock_timeout, nothing else ends these pulls
  db.later(() => patient.end());
  const waiting = db.sync({pool: patient});
  const blocker = await db.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE message');
  try {
    const gone = new AbortController();
    // More than there are connections. All of them wait for the lock, or for each other.
    const pulls = Array.from({length: 8}, () => waiting.pull(post(pullOf(), {signal: gone.signal})));
    await sleep(200);
    gone.abort();
    const late = sleep(10_000, {status: 'none'}, {ref: false});
    for (const pull of pulls) assert.equal((await Promise.race([pull, late])).status, 499);
    await eventually(async () => assert.equal(await running(), 0));
  } finally {
    await blocker.query('ROLLBACK');
    blocker.release();
  }
  assert.equal((await waiting.pull(post(pullOf()))).status, 200);
});

test('a push whose client has gone is done', async () => {
  const gone = new AbortController();
  const blocker = await db.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE message');
  const push = sync.push(post(pushOf('to the end'), {signal: gone.signal}));
  await sleep(200);
  gone.abort();
  await blocker.query('ROLLBACK');
  blocker.release();
  await push;
  assert.equal((await db.rows(`SELECT FROM message WHERE content = 'to the end'`)).length, 1);
});

test('a connection that is lost during a pull: 503, and the process lives', async () => {
  let client;
  const pool = {query: query => db.pool.query(query), connect: async () => client = await db.pool.connect()};
  const lost = db.sync({pool});
  const blocker = await db.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE message');
  const pull = lost.pull(post(pullOf()));
  await eventually(async () => assert.equal(await running(), 1));
  client.connection.stream.destroy(new Error('the network is gone'));
  assert.equal((await pull).status, 503);
  await blocker.query('ROLLBACK');
  blocker.release();
  assert.equal((await lost.pull(post(pullOf()))).status, 200);
  assert.equal(client.listenerCount('error'), 1, 'nothing piles up at a client of the pool');
});

test('a pull that the driver has waited for long enough: its connection serves nobody else, and its query ends', async () => {
  const impatient = new pg.Pool({database: db.name, max: 1, query_timeout: 300});
  db.later(() => impatient.end());
  const late = db.sync({pool: impatient});
  const blocker = await db.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE message');
  try {
    await refused(503, late.pull(post(pullOf())));
    assert.equal((await impatient.query('SELECT 1 AS one')).rows[0].one, 1);
    await eventually(async () => assert.equal(await running(), 0));  // no timeout of the server would end it
  } finally {
    await blocker.query('ROLLBACK');
    blocker.release();
  }
});

test('a session that ends in a pool whose errors nobody hears is logged', async () => {
  const pool = new pg.Pool({database: db.name, max: 1});
  db.later(() => pool.end());
  const logged = [];
  const sync = db.sync({pool, replica: pool, log: (error, what) => logged.push(what)});
  const [{pid}] = (await pool.query('SELECT pg_backend_pid() AS pid')).rows;
  await db.rows('SELECT pg_terminate_backend($1)', pid);
  await eventually(async () => assert.deepEqual(logged, ['pool']));
  assert.equal((await sync.pull(post(pullOf()))).status, 200);
});

test('a pull over another driver, which cannot be cancelled, runs to its end', async () => {
  const done = new EventEmitter();
  const client = Object.assign(new EventEmitter(), {query: () => once(done, 'done').then(() => ({rows: [['{}', null]]})), release: () => {}});
  const gone = new AbortController();
  const pull = db.sync({pool: {query: () => assert.fail(), connect: async () => client}}).pull(post(pullOf(), {signal: gone.signal}));
  await sleep(50);
  gone.abort();
  await sleep(50);
  done.emit('done');
  await pull;
});

test('TRACE, of which the Fetch API makes no request: 405, as any other method', async () => {
  const {port} = new URL(await db.serve({'/push': sync.push, '/lastMutationAt': sync.lastMutationAt}));
  for (const [path, allowed] of [['/push', 'POST'], ['/lastMutationAt', 'GET, POST']]) {
    const socket = connect(port, '127.0.0.1');
    let read = '';
    socket.on('data', text => read += text);
    socket.write(`TRACE ${path} HTTP/1.1\r\nHost: x\r\nx-user: ann\r\nCookie: secret\r\n\r\n`);
    await eventually(async () => assert.match(read, /wanted/), 4_000);
    assert.match(read, /^HTTP\/1\.1 405 /);
    assert.match(read, new RegExp(`^allow: ${allowed}\r$`, 'mi'));
    assert.doesNotMatch(read, /secret/);
    // CONNECT never comes to a handler: Node ends the connection.
    const tunnel = connect(port, '127.0.0.1');
    tunnel.write(`CONNECT ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(tunnel.resume(), 'close');
    assert.equal(tunnel.bytesRead, 0);
    socket.destroy();
  }
});

test('after a body that is too large, the connection takes the next request', async () => {
  const {port} = new URL(await db.serve({'/push': db.sync({limit: 100_000}).push}));
  const socket = connect(port, '127.0.0.1');
  let read = '';
  socket.on('data', text => read += text);
  const head = 'POST /push HTTP/1.1\r\nHost: x\r\nx-user: ann\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${(2 ** 22).toString(16)}\r\n${' '.repeat(2 ** 22)}\r\n0\r\n\r\n`);
  const body = JSON.stringify(pushOf());
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  await eventually(async () => assert.deepEqual(read.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413', 'HTTP/1.1 200']), 4_000);
  socket.destroy();
});

test('an answer that fails on its way ends the connection, even if the client reads nothing', async () => {
  let fail;
  const body = new ReadableStream({start: controller => {
    for (let i = 0; i < 32; i++) controller.enqueue(new Uint8Array(2 ** 20));
    fail = () => controller.error(new Error('given up'));
  }});
  let response;
  const server = createServer((request, answer) => toNodeHandler(async () => new Response(body))(request, response = answer));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect(server.address().port, '127.0.0.1');
  socket.on('error', () => {}).pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  try {
    await eventually(async () => assert.ok(response?.writableNeedDrain));
    fail();
    await eventually(async () => assert.ok(response.destroyed));
  } finally {
    socket.destroy();
    server.close();
  }
});
