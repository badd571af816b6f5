// Next itself, with CHECK_LONG: its packages have 370 MB, and a build takes a minute. It is the server that one deploys, `next build` and `next start`: `next dev`
// compiles a route when it is asked for, and loads modules again, so that no two runs are alike.
import assert from 'node:assert/strict';
import {execFile, spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {after, before, describe, test} from 'node:test';
import {promisify} from 'node:util';
import {eventually} from '../../../node/test/harness.mjs';
import {behaves, database, pushBody} from './suite.mjs';

const directory = new URL('next/', import.meta.url);
const next = ['node_modules/next/dist/bin/next'];

describe('Next', {skip: !process.env.CHECK_LONG && 'set CHECK_LONG'}, () => {
  let db, server, url;

  before(async () => {
    db = await database(`next_test_${process.pid}`);
    const options = {cwd: directory, env: {...process.env, PGDATABASE: db.pool.options.database, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production'}};
    await promisify(execFile)(process.execPath, [...next, 'build'], options);  // with its check of the types
    server = spawn(process.execPath, [...next, 'start', '-H', '127.0.0.1', '-p', '0'], {...options, stdio: ['ignore', 'pipe', 'inherit']});
    let said = '';
    server.stdout.setEncoding('utf8').on('data', text => said += text);
    const [, origin] = await eventually(async () => /(http:\/\/127\.0\.0\.1:[1-9]\d*)[^]*Ready/.exec(said) ?? assert.fail(said), 60_000);
    url = `${origin}/api`;
  });

  behaves(() => url, () => db.pool);  // its pages leave first

  const streams = [];

  after(async () => {
    for (const stream of streams) stream.end.abort();
    if (server?.exitCode === null) {
      server.kill('SIGKILL');  // it would wait for its connections
      await once(server, 'exit');
    }
    await db?.drop();
  });

  const push = headers => fetch(`${url}/push`, {method: 'POST', body: pushBody(), headers: {'Content-Type': 'application/json', ...headers}});

  /** A stream of events, with what has come. */
  async function open(page = randomUUID(), user = 'ann') {
    const end = new AbortController();
    const response = await fetch(`${url}/events?page=${page}`, {headers: {'x-user': user}, signal: end.signal});
    const stream = {response, end, read: ''};
    streams.push(stream);
    stream.done = (async () => {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) stream.read += text;
    })().catch(() => {});
    return stream;
  }

  test('a lock that cannot be had: 503, to be tried again', async () => {
    const blocker = await db.pool.connect();
    try {
      await blocker.query('BEGIN; LOCK TABLE message');
      const answer = await push({'x-user': 'ann'});
      assert.deepEqual([answer.status, answer.headers.get('Retry-After'), (await answer.json()).halted.code], [503, '1', '55P03']);
    } finally {
      await blocker.query('ROLLBACK');
      blocker.release();
    }
    assert.equal((await push({'x-user': 'ann'})).status, 200);
  });

  test('nobody, who is served, and another method', async () => {
    assert.equal((await push({'x-nobody': ''})).status, 200);
    assert.equal((await push({})).status, 401);
    assert.equal((await fetch(`${url}/push`)).status, 405);
  });

  test('a stream that is given up leaves its place to another', async () => {
    let refused;
    for (let i = 0; i <= 8 && !refused; i++) {
      const {response} = await open();
      if (response.status !== 200) refused = response;
    }
    assert.deepEqual([refused.status, refused.headers.get('Retry-After')], [503, '1']);
    streams[0].end.abort();
    await streams[0].done;
    await eventually(async () => assert.equal((await open()).response.status, 200));
  });

  test('events come at once, and are not held back by compression', async () => {
    while (streams.length) streams.pop().end.abort();
    const stream = await eventually(async () => {
      const opened = await open();
      assert.equal(opened.response.status, 200);
      return opened;
    });
    await eventually(async () => assert.match(stream.read, /^retry: \d+\n/));
    await push({'x-user': 'ann'});
    await eventually(async () => assert.match(stream.read, /data: pull\n\n/), 2_000);
  });
});
