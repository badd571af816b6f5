// A database of the test's own, with the quick start of the README in it, and handlers in front of it.
import {once} from 'node:events';
import {Agent, createServer, request} from 'node:http';
import {after} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import assert from 'node:assert/strict';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';

let number = 0;

/** A database with a table `message`, in the space '' unless `spaces`. It is gone after the tests of the file. */
export async function database({spaces = false} = {}) {
  const name = `package_test_${process.pid}_${++number}`;
  const maintain = async statement => {
    const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await maintain(`CREATE DATABASE ${name}`);
  const pool = new pg.Pool({database: name, max: 5, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
  pool.on('error', () => {});
  const ended = [];
  after(async () => {
    for (const end of ended.reverse()) await end();
    await pool.end();
    await maintain(`DROP DATABASE ${name} WITH (FORCE)`);
  });
  await pool.query(`
    CREATE EXTENSION replicache_ext;
    CREATE TABLE message (id text PRIMARY KEY, room text NOT NULL DEFAULT '', content text NOT NULL);
    SELECT replicache.track_table('message'${spaces ? `, space => 'room'` : ''});
    CREATE FUNCTION create_message(id text, content text) RETURNS void LANGUAGE sql
        AS 'INSERT INTO message VALUES (id, replicache.current_space(), content)';
    SELECT replicache.register_mutator('createMessage', 'create_message(text, text)')`);

  return {
    name, pool,
    rows: async (sql, ...values) => (await pool.query(sql, values)).rows,

    /** Handlers. The user is the header `x-user`, or the parameter `user`. */
    sync(options = {}) {
      const userOf = request => request.headers.get('x-user') ?? new URL(request.url).searchParams.get('user');
      const sync = createSync({pool, authenticate: userOf, log: () => {}, ...options});
      ended.push(() => sync.close());
      return sync;
    },

    /** A server with these handlers, by path. Gives its URL. */
    async serve(handlers) {
      const server = createServer((request, response) => {
        const handler = handlers[request.url.split('?')[0]];
        if (handler) toNodeHandler(handler)(request, response);
        else response.writeHead(404).end();
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      ended.push(() => new Promise(resolve => {
        server.close(resolve);
        server.closeAllConnections();
      }));
      return `http://127.0.0.1:${server.address().port}`;
    },
    later: end => ended.push(end),
  };
}

let id = 0;

/** A push of one message. */
export const pushOf = (content = 'Hello', args = {}) => ({pushVersion: 1, schemaVersion: '', profileID: 'p', clientGroupID: 'g',
  mutations: [{clientID: `c${++id}`, id: 1, name: 'createMessage', timestamp: 0, args: {id: `m${id}`, content, ...args}}]});

export const pullOf = (cookie = null, clientGroupID = 'g') => ({pullVersion: 1, schemaVersion: '', profileID: 'p', clientGroupID, cookie});

/** A request of ann, with a body that is JSON. */
export const post = (body, {headers, ...rest} = {}) => new Request('http://localhost/x', {
  method: 'POST', headers: {'Content-Type': 'application/json', 'x-user': 'ann', ...headers}, duplex: 'half',
  body: typeof body === 'object' && !(body instanceof Uint8Array) && !(body instanceof ReadableStream) ? JSON.stringify(body) : body, ...rest});

/** The status of a POST with a large body, over a connection of its own. It may be answered before the body has been read. */
export function statusOfLarge(url, headers, body) {
  const agent = new Agent({keepAlive: true});
  return new Promise((resolve, reject) => {
    request(url, {method: 'POST', headers, agent}, response => resolve(response.statusCode)).on('error', reject).end(body);
  }).finally(() => agent.destroy());
}

export async function eventually(check, patience = 10_000) {
  for (const end = Date.now() + patience; ; await sleep(10)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/** Read a stream of events. `events` are those that have come, as {id, event, data}. */
export function reading(response) {
  const events = [];
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const done = (async () => {
    for (let rest = ''; ;) {
      const {done, value} = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const field = name => block.split('\n').filter(line => line.startsWith(`${name}: `)).map(line => line.slice(name.length + 2)).join('\n');
        events.push({id: field('id'), event: field('event'), data: field('data'), block});
      }
    }
  })().catch(() => {});
  return {events, done, cancel: () => reader.cancel()};
}

export {assert, sleep};
