// What every framework must do with the handlers, with the published client: what one writes, the other is sent.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {after, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {gzipSync} from 'node:zlib';
import pg from 'pg';
import {Replicache} from 'replicache';
import {eventually, statusOfLarge} from '../../../node/test/harness.mjs';

/** A database with messages and a mutator. `drop` it in the end. */
export async function database(name) {
  const maintain = async statement => {
    const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await maintain(`CREATE DATABASE ${name}`);
  const pool = new pg.Pool({database: name, max: 5, lock_timeout: 60_000, connectionTimeoutMillis: 5_000}).on('error', () => {});
  await pool.query(`
    CREATE EXTENSION replicache_ext;
    CREATE TABLE message (id text PRIMARY KEY, content text NOT NULL);
    SELECT replicache.track_table('message');
    CREATE FUNCTION create_message(id text, content text) RETURNS void LANGUAGE sql AS 'INSERT INTO message VALUES (id, content)';
    SELECT replicache.register_mutator('createMessage', 'create_message(text, text)')`);
  return {pool, drop: async () => {
    await pool.end();
    await maintain(`DROP DATABASE ${name} WITH (FORCE)`);
  }};
}

/** The body of a push of one message. */
export const pushBody = () => JSON.stringify({pushVersion: 1, schemaVersion: '', profileID: 'p', clientGroupID: randomUUID(), mutations: [
  {clientID: randomUUID(), id: 1, name: 'createMessage', timestamp: 0, args: {id: randomUUID(), content: 'x'}}]});

/** Tests of a server. `url` gives where its /push, /pull and /events are, and `pool` is of its database. Both are known when the tests run. */
export function behaves(url, pool) {
  const closing = [];
  after(() => Promise.all(closing.map(close => close())));

  /** A page, as node/README.md says. `pulls` counts its pulls. */
  function open() {
    const page = randomUUID(), end = new AbortController(), seen = {pulls: 0, pulling: 0, answers: 0};
    const post = async (path, body) => {
      const response = await fetch(url() + path, {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': 'application/json', 'x-user': 'ann', 'X-Page': page}});
      return {httpRequestInfo: {httpStatusCode: response.status, errorMessage: response.ok ? '' : await response.text()}, response: response.ok ? await response.json() : undefined};
    };
    const rep = new Replicache({
      name: page, kvStore: 'mem', licenseKey: 'l00000000000000000000000000000000', logSinks: [], pullInterval: null, pushDelay: 1,
      mutators: {createMessage: (tx, args) => tx.set(`message/${args.id}`, args)},
      puller: body => {
        seen.pulls++;
        seen.pulling++;
        return post('/pull', body).finally(() => seen.pulling--);
      },
      pusher: async body => ({httpRequestInfo: (await post('/push', body)).httpRequestInfo}),
    });
    const stream = (async () => {
      const response = await fetch(`${url()}/events?page=${page}`, {headers: {'x-user': 'ann'}, signal: end.signal});
      assert.equal(response.headers.get('Content-Type'), 'text/event-stream');
      rep.pull();
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const events = (rest + text).split('\n\n');
        rest = events.pop();
        for (const event of events) {
          const lines = event.split('\n').filter(line => line.startsWith('data: ')).map(line => line.slice(6));
          if (event.includes('event: answer')) {
            const [poke, patch] = lines.map(line => JSON.parse(line));
            poke.pullResponse.patch = patch;
            await rep.poke(poke).then(() => seen.answers++, () => rep.pull());
          } else if (lines[0] === 'pull') rep.pull();
        }
      }
    })().catch(error => assert.ok(end.signal.aborted, error));
    closing.push(async () => {
      end.abort();
      await stream;
      await rep.close();
    });
    return {rep, seen};
  }

  const contents = ({rep}) => rep.query(async tx => (await tx.scan({prefix: 'message/'}).values().toArray()).map(({content}) => content).sort());

  test('what one writes, the other is sent', async () => {
    const [ann, ben] = [open(), open()];
    const first = randomUUID(), long = 'long '.repeat(10_000);
    await ann.rep.mutate.createMessage({id: randomUUID(), content: first});
    await eventually(async () => assert.ok((await contents(ben)).includes(first)));
    await eventually(async () => assert.deepEqual(await ann.rep.experimentalPendingMutations(), []));
    let pulls;
    do {
      ({pulls} = ben.seen);
      await sleep(500);
    } while (ben.seen.pulls !== pulls || ben.seen.pulling > 0);  // it has everything
    await ann.rep.mutate.createMessage({id: randomUUID(), content: long});
    await eventually(async () => assert.ok((await contents(ben)).includes(long)));
    await eventually(async () => assert.deepEqual(await ann.rep.experimentalPendingMutations(), []));
    assert.equal(ben.seen.pulls, pulls, 'it did not pull');
    assert.ok(ben.seen.answers >= 1);
    assert.deepEqual(await contents(ann), await contents(ben));
  });

  const push = (body, headers) => fetch(`${url()}/push`, {method: 'POST', body, headers: {'Content-Type': 'application/json', 'x-user': 'ann', ...headers}});

  test('statuses, limits, gzip', async () => {
    assert.equal((await push(pushBody())).status, 200);
    assert.equal((await push('{')).status, 400);
    assert.equal((await push(pushBody(), {'Content-Type': 'text/plain'})).status, 415);
    // Each over a connection of its own: one that has been idle for 5 s may be closed while fetch sends.
    const large = (body, headers) => statusOfLarge(`${url()}/push`, {'Content-Type': 'application/json', 'x-user': 'ann', ...headers}, body);
    assert.equal(await large(Buffer.alloc(17 * 2 ** 20, 32)), 413);
    assert.equal(await large(gzipSync(Buffer.alloc(17 * 2 ** 20, 32)), {'Content-Encoding': 'gzip'}), 413);
    assert.equal((await push(gzipSync(pushBody()), {'Content-Encoding': 'gzip'})).status, 200);
    const nobody = await fetch(`${url()}/push`, {method: 'POST', body: pushBody(), headers: {'Content-Type': 'application/json'}});
    assert.equal(nobody.status, 401);
    const pull = {pullVersion: 1, schemaVersion: '', profileID: 'p', clientGroupID: randomUUID(), cookie: null};
    const answer = await fetch(`${url()}/pull`, {method: 'POST', body: JSON.stringify(pull), headers: {'Content-Type': 'application/json', 'x-user': 'ann'}});
    assert.equal(answer.headers.get('Content-Encoding'), 'gzip');  // fetch accepts it
    assert.ok((await answer.json()).patch.length > 1);
  });

  test('a pull that is given up leaves no query behind', async () => {
    const blocker = await pool().connect();
    await blocker.query('BEGIN; LOCK TABLE message');
    const pulling = () => pool().query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%replicache.pull(%' AND pid <> pg_backend_pid()`);
    try {
      const gone = new AbortController();
      const pull = {pullVersion: 1, schemaVersion: '', profileID: 'p', clientGroupID: randomUUID(), cookie: null};
      const asked = fetch(`${url()}/pull`, {method: 'POST', body: JSON.stringify(pull), headers: {'Content-Type': 'application/json', 'x-user': 'ann'}, signal: gone.signal});
      await eventually(async () => assert.equal((await pulling()).rowCount, 1));
      gone.abort();
      await assert.rejects(asked);
      await eventually(async () => assert.equal((await pulling()).rowCount, 0));  // lock_timeout is a minute
    } finally {
      await blocker.query('ROLLBACK');
      blocker.release();
    }
  });
}
