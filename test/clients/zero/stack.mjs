// A database, a backend in this process, zero-cache in another one, and real clients; `useStack` puts them up for a file's tests.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import net from 'node:net';
import {basename, join} from 'node:path';
import {after, before} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import {WebSocket} from 'ws';

// Node 20 has none; the client takes this one when it is loaded. A connection that fails must not end the process.
globalThis.WebSocket = class extends WebSocket {
  constructor(...parameters) {
    super(...parameters);
    this.on('error', () => {});
  }
};
const {boolean, createBuilder, createSchema, defineMutator, defineMutators, defineQueries, defineQuery, number, string, table, Zero} = await import('@rocicorp/zero');

/** Why zero-cache cannot run here, if so: what `skip` of a test says. */
export const skip = process.env.NO_NAMESPACES ?? false;

const cli = fileURLToPath(new URL('out/zero/src/cli.js', new URL('../../../', import.meta.resolve('@rocicorp/zero'))));
const schemaText = await readFile(new URL('schema.sql', import.meta.url), 'utf8');

export const schema = createSchema({
  tables: [
    table('item').columns({id: string(), title: string(), owner: string().optional(), n: number()}).primaryKey('id'),
    table('todo').columns({id: string(), text: string(), done: boolean()}).primaryKey('id'),
  ],
});
const builder = createBuilder(schema);

/** The mutators as the client plays them; `schema.sql` has what the server makes of them. */
const count = async ({tx, args: {id}}) => {
  const item = await tx.run(builder.item.where('id', id).one());
  await tx.mutate.item.upsert({id, title: item?.title ?? 'counted', owner: item?.owner ?? null, n: (item?.n ?? 0) + 1});
};
const put = ({tx, args: {id, title}}) => tx.mutate.item.upsert({id, title, n: 0});
export const mutators = defineMutators({
  item: {
    put: defineMutator(put),
    add: defineMutator(({tx, args: {id, title}}) => tx.mutate.item.insert({id, title, n: 0})),
    delete: defineMutator(({tx, args: {id}}) => tx.mutate.item.delete({id})),
    count: defineMutator(count),
    refuse: defineMutator(({tx, args: {id}}) => put({tx, args: {id, title: 'refused'}})),
    answer: defineMutator(count),
    flaky: defineMutator(count),
    nowhere: defineMutator(async () => {}),
  },
  todo: {
    insert: defineMutator(({tx, args}) => tx.mutate.todo.insert({done: false, ...args})),
    update: defineMutator(({tx, args}) => tx.mutate.todo.update(args)),
    upsert: defineMutator(({tx, args}) => tx.mutate.todo.upsert({done: false, ...args})),
    delete: defineMutator(({tx, args}) => tx.mutate.todo.delete(args)),
  },
});

export const queries = defineQueries({
  item: {
    all: defineQuery(() => builder.item.orderBy('id', 'asc')),
    titled: defineQuery(({args: {titles, limit = 100}}) => builder.item.where('title', 'IN', titles).limit(limit).orderBy('id', 'asc')),
    mine: defineQuery(() => builder.item.orderBy('id', 'asc')),
    of: defineQuery(({args: {owner}}) => builder.item.where('owner', owner).orderBy('id', 'asc')),
    nowhere: defineQuery(() => builder.item),
  },
  todo: {all: defineQuery(() => builder.todo.orderBy('id', 'asc'))},
});

/** A database of its own; `owner` is the superuser, `app` what a backend connects as. */
export class Database {
  name = `zero_${basename(process.argv[1]).replace(/\W.*/, '')}_${process.pid}`;

  async create() {
    await this.#maintain(`CREATE DATABASE ${this.name}`, 'DO $$ BEGIN CREATE ROLE zero_app; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$');
    this.owner = new pg.Pool({database: this.name, max: 3});
    this.app = new pg.Pool({database: this.name, max: 20, options: '-c role=zero_app'});
    for (const pool of [this.owner, this.app]) pool.on('error', () => {});
    await this.owner.query(schemaText);
    await this.owner.query(`
      GRANT SELECT, INSERT, UPDATE, DELETE ON item, todo TO zero_app;
      GRANT SELECT ON outage TO zero_app;
      GRANT USAGE ON SEQUENCE attempt TO zero_app;
      SELECT replicache.grant_usage('zero_app')`);
  }

  /** Zero's own tables may be written as every backend writes them. */
  grant(name = 'zero_0') {
    return this.owner.query(`
      GRANT USAGE ON SCHEMA ${name} TO zero_app;
      GRANT SELECT, INSERT, UPDATE ON ${name}.clients TO zero_app;
      GRANT SELECT, INSERT, DELETE ON ${name}.mutations TO zero_app`);
  }

  /** The rows that `sql` gives, as the owner sees them. */
  async rows(sql, ...parameters) {
    return (await this.owner.query(sql, parameters)).rows;
  }

  async value(sql, ...parameters) {
    const [row] = await this.rows(sql, ...parameters);
    return row && Object.values(row)[0];
  }

  async #maintain(...statements) {
    const client = new pg.Client();
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async drop() {
    await Promise.all([this.owner?.end(), this.app?.end()]);
    // zero-cache's slots hold the database, and its processes may live a moment longer than they seem to.
    const slots = 'FROM pg_replication_slots WHERE database = current_database()';
    const cleaner = new pg.Client({database: this.name});
    await cleaner.connect();
    try {
      for (let tries = 0; (await cleaner.query(`SELECT ${slots}`)).rows.length && tries < 100; tries++, await sleep(50)) {
        await cleaner.query(`SELECT pg_terminate_backend(active_pid) ${slots} AND active`);
        await cleaner.query(`SELECT pg_drop_replication_slot(slot_name) ${slots} AND NOT active`).catch(() => {});
      }
    } finally {
      await cleaner.end();
    }
    await this.#maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
  }
}

/** Listen on this port, or on one that nobody has; gives the port. */
async function listen(server, port = 0) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** PostgreSQL's socket as a port, which is all that zero-cache can connect to. */
class Relay {
  #server = net.createServer(inner => {
    const outer = net.connect(join(process.env.PGHOST, `.s.PGSQL.${process.env.PGPORT}`));
    this.#sockets.add(inner).add(outer);
    for (const [from, to] of [[inner, outer], [outer, inner]]) {
      from.pipe(to).on('error', () => {});
      from.on('close', () => (to.destroy(), this.#sockets.delete(from)));
    }
  });
  #sockets = new Set();

  async start() {
    this.port = await listen(this.#server);
  }

  stop() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * An application's backend: it says who the user is, calls one function, and answers with its result. The hooks `before` and
 * `after` a request may wait, or throw: a status to answer, or `lost`, which closes the connection.
 */
class Backend {
  before = async (kind, body, user) => {};
  after = async (kind, body, answer) => {};
  pushes = [];
  errors = [];
  identify = token => token.replace(/:.*/, '');  // who a token is of; several are of the same user
  refused = new Map();  // by token: the status

  constructor(database) {
    this.database = database;
    this.server = createServer((request, response) => this.#serve(request, response));
  }

  async start() {
    this.port = await listen(this.server);
    this.url = `http://127.0.0.1:${this.port}`;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  async #serve(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const {pathname, searchParams} = new URL(request.url, this.url);
    const kind = pathname.slice(1);
    const entry = {kind, body: JSON.parse(text)};
    this.pushes.push(entry);
    const answer = (status, body) => {
      entry.status = status;
      response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
    };
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (this.refused.has(token)) return answer(this.refused.get(token), {error: 'refused'});
    const user = token === undefined ? null : this.identify(token);
    try {
      await this.before(kind, entry.body, user);
      entry.answer = await this.call(kind, text, searchParams, user);
      await this.after(kind, entry.body, entry.answer);
    } catch (error) {
      if (error === lost) return request.socket.destroy();
      if (error instanceof pg.DatabaseError) this.errors.push(error);
      else if (typeof error !== 'number' && !/^Connection terminated/.test(error.message)) console.error(error);
      return answer(typeof error === 'number' ? error : 503, {error: error.message});
    }
    answer(entry.answer.halted ? 503 : 200, entry.answer);
  }

  async call(kind, text, parameters, user) {
    const [sql, values] =
      kind === 'mutate'
        ? ['SELECT replicache.zero_push($1, $2, $3, $4) AS answer', [text, parameters.get('schema'), parameters.get('appID'), user]]
        : ['SELECT replicache.zero_queries($1, $2) AS answer', [text, user]];
    return (await this.database.app.query(sql, values)).rows[0].answer;
  }

  /** Let the next requests of this kind, `times` of them, end like that once they have been served. */
  spoil(kind, how, times = 1) {
    this.after = async (what, body) => {
      if (what !== kind || isCleanup(body)) return;
      if (--times === 0) this.after = async () => {};
      throw how;
    };
  }

  /** The mutations that were sent, without those of zero-cache itself. */
  sent() {
    return this.pushes.filter(({kind, body}) => kind === 'mutate' && !isCleanup(body)).flatMap(({body}) => body.mutations);
  }
}

const isCleanup = body => body.mutations?.some(({name}) => name === '_zero_cleanupResults');

/** What a hook throws to close the connection without an answer. */
export const lost = new Error('the answer was lost');

/** zero-cache, in processes of its own. */
class Cache {
  #log = '';

  constructor(database, relay, backend, settings) {
    Object.assign(this, {database, relay, backend, settings});
  }

  async start() {
    this.directory ??= await mkdtemp(join(process.env.PGHOST, 'cache.'));
    this.port ??= await twoPorts();
    this.url = `http://127.0.0.1:${this.port}`;
    // Each of its processes leads a group of its own. In a namespace, all of them end together.
    this.process = spawn('unshare', ['--pid', '--fork', '--kill-child', process.execPath, cli], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        ZERO_UPSTREAM_DB: `postgres://postgres@127.0.0.1:${this.relay.port}/${this.database.name}`,
        ZERO_REPLICA_FILE: join(this.directory, 'replica.db'),
        ZERO_PORT: String(this.port),
        ZERO_MUTATE_URL: `${this.backend.url}/mutate`,
        ZERO_QUERY_URL: `${this.backend.url}/query`,
        ZERO_NUM_SYNC_WORKERS: '1',
        ZERO_ADMIN_PASSWORD: 'x',
        ZERO_LOG_LEVEL: 'info',
        DO_NOT_TRACK: '1',
        NODE_ENV: 'development',
        ...this.settings,
      },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.setEncoding('utf8').on('data', text => (this.#log += text));
    for (const deadline = Date.now() + 120_000; ; await sleep(100)) {
      assert.ok(this.process.exitCode === null && Date.now() < deadline, `zero-cache does not start: ${this.#faults()}`);
      if (await fetch(`${this.url}/keepalive`).then(answer => answer.ok, () => false)) return;
    }
  }

  /** Why it ended, as far as it says so. A report may cut the middle of a long log. */
  #faults() {
    const lines = this.#log.split('\n').map(line => line.slice(0, 300));
    const faults = lines.filter(line => /error|exit/i.test(line));
    return [`exit code ${this.process.exitCode}`, ...(faults.length ? faults : lines).slice(-8)].join('\n');
  }

  /** End it at once, as a power cut does. */
  async kill() {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'close');  // of the last process that could write to its output
    this.process.kill('SIGKILL');
    await gone;
  }

  async stop() {
    await this.kill();
    if (this.directory) await rm(this.directory, {recursive: true, force: true});
  }
}

/**
 * A port whose next one is free as well: zero-cache takes both. It is one that the kernel gives to nobody, or a connection that
 * zero-cache itself opens while it starts could take the next one.
 */
async function twoPorts() {
  const [lowest] = (await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')).split(/\s/);
  for (;;) {
    const port = 11_000 + 2 * Math.floor((Math.random() * (lowest - 11_000)) / 2); // fetch refuses some below 11000
    const [first, second] = [net.createServer(), net.createServer()];
    const free = await Promise.all([listen(first, port), listen(second, port + 1)]).then(() => true, () => false);
    await Promise.all([first, second].map(server => new Promise(resolve => server.close(resolve))));
    if (free) return port;
  }
}

/** Everything that a file of tests needs. */
class Stack {
  #clients = [];

  constructor(settings) {
    this.database = new Database();
    this.relay = new Relay();
    this.backend = new Backend(this.database);
    this.cache = new Cache(this.database, this.relay, this.backend, settings);
  }

  async start(prepare) {
    await this.database.create();
    await prepare?.(this.database);
    await Promise.all([this.relay.start(), this.backend.start()]);
    await this.cache.start();
    await this.database.grant(`${this.cache.settings.ZERO_APP_ID ?? 'zero'}_0`);
  }

  async stop() {
    await Promise.all(this.#clients.map(client => client.close().catch(() => {})));
    await this.cache.stop();
    this.backend.stop();
    this.relay.stop();
    await this.database.drop();
  }

  /** A client of `user`, in a group of its own unless `group` names one. */
  open = ({user = 'ann', auth = user, group = randomUUID(), ...options} = {}) => {
    const client = new Zero({
      cacheURL: this.cache.url,
      schema,
      mutators,
      userID: user,
      auth,
      storageKey: group,
      kvStore: 'mem',
      logLevel: 'error',
      logSink: {log: () => {}},
      ...options,
    });
    this.#clients.push(client);
    return client;
  };

  close = async (...clients) => {
    this.#clients = this.#clients.filter(client => !clients.includes(client));
    await Promise.all(clients.map(client => client.close()));
  };
}

/** A stack for the tests of a file. `prepare` sees the database before zero-cache does. */
export function useStack({settings = {}, prepare} = {}) {
  const stack = new Stack(settings);
  if (!skip) {
    before(() => stack.start(prepare));
    after(() => stack.stop());
  }
  return stack;
}

/** A query that stays on; `rows` is what the client sees now. */
export function watch(client, query) {
  const view = client.materialize(query);
  let rows, state, error;
  view.addListener((data, kind, failure) => {
    rows = structuredClone(data);
    state = kind;
    error = failure;
  });
  return {
    get rows() { return rows; },
    get state() { return state; },
    get error() { return error; },
    end: () => view.destroy(),
  };
}

/** Try until it holds, for a while. */
export async function eventually(check, patience = 30_000) {
  for (const deadline = Date.now() + patience; ; await sleep(10)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Until the connection of a client is in this state. */
export function until(client, name, patience) {
  return eventually(() => assert.equal(client.connection.state.current.name, name), patience);
}

/**
 * Until it holds, for a client whose connection has failed or will. An application has to connect again each time: the new connection may fail, too. If it does not
 * come to hold, the error says what became of the connection.
 */
export async function reconnecting(client, check, patience) {
  const seen = [];
  const unsubscribe = client.connection.state.subscribe(({name, reason}) => seen.push(reason ? `${name}: ${reason}` : name));
  try {
    return await eventually(async () => {
      if (client.connection.state.current.name === 'error') await client.connection.connect();
      return await check();
    }, patience);
  } catch (error) {
    error.message += `\nThe connection is ${client.connection.state.current.name}, after: ${seen.join(', ') || 'nothing'}`;
    throw error;
  } finally {
    unsubscribe();
  }
}
