// A database, a backend in one process, and real clients; `scenario` makes a test out of them.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {Replicache} from 'replicache';

const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8');
const role = `replicache_test_${process.pid}`;
let serial = 0;

/** Run SQL in the database that one connects to by default. */
async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A database of its own. `owner` is the superuser; `app` what a backend connects as. */
class Database {
  name = `${role}_${++serial}`;

  static async create(template) {
    const database = new Database();
    await maintain(`CREATE DATABASE ${database.name}` + (template ? ` TEMPLATE ${template.name}` : ''));
    await database.connect();
    if (!template) {
      await database.owner.query(schema);
      await database.owner.query(`
        DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT SELECT, INSERT, UPDATE, DELETE ON note, cell, task TO ${role};
        GRANT SELECT ON outage TO ${role};
        GRANT USAGE ON SEQUENCE attempt TO ${role};
        SELECT replicache.grant_usage('${role}')`);
    }
    return database;
  }

  async connect() {
    this.owner = new pg.Pool({database: this.name, max: 3});
    this.app = new pg.Pool({database: this.name, max: 8, options: `-c role=${role}`});
    // A terminated idle connection is no news while databases are being dropped.
    for (const pool of [this.owner, this.app]) pool.on('error', () => {});
  }

  async disconnect() {
    await Promise.all([this.owner.end(), this.app.end()]);
  }

  /** What the database looks like now, to be returned to later. */
  async backup() {
    await this.disconnect();
    const copy = await Database.create(this);
    await this.connect();
    return copy;
  }

  /** Drop the extension with all that it knows, and set it up again. */
  async recreate() {
    const setUp = schema.split(';\n').filter(statement => /^\s*(CREATE EXTENSION|SELECT replicache\.)/.test(statement));
    await this.owner.query(`DROP EXTENSION replicache_ext CASCADE; ALTER TABLE note DROP COLUMN version; ALTER TABLE cell DROP COLUMN version; ALTER TABLE task DROP COLUMN version`);
    for (const statement of [...setUp, `SELECT replicache.grant_usage('${role}')`]) await this.owner.query(statement);
  }

  /** The rows that `sql` gives, as the owner sees them. */
  async rows(sql, ...parameters) {
    return (await this.owner.query(sql, parameters)).rows;
  }

  /** The client view that the tables ask for, computed without the extension. */
  async truth() {
    const view = {};
    for (const row of await this.rows('SELECT id, body, count FROM note')) view[key('note', row.id)] = row;
    for (const row of await this.rows('SELECT sheet, name, value FROM cell')) view[key('cell', row.sheet, row.name)] = row;
    for (const row of await this.rows('SELECT id, title FROM task WHERE NOT deleted')) view[key('task', row.id)] = row;
    return view;
  }
}

/**
 * What an application's server does, without HTTP. The hooks `before` and `after` a request may wait or throw; what `after`
 * throws is an answer that got lost on its way.
 */
class Backend {
  offline = false;
  user = 'alice';
  space = '';
  before = async (kind, body) => {};
  after = async (kind, body, answer) => {};
  pushes = [];
  pulls = [];
  errors = [];
  #running = 0;

  constructor(database) {
    this.database = database;
  }

  /** Forget the requests so far. What is still on its way ends first: its answer belongs to them. */
  async forget() {
    await eventually(() => assert.equal(this.#running, 0));
    this.pushes.length = this.pulls.length = 0;
  }

  pusher = body => this.#request('push', 'SELECT replicache.apply_push($1, $2, $3) AS answer', body, this.pushes);
  puller = body => this.#request('pull', 'SELECT replicache.pull($1, $2, $3) AS answer', body, this.pulls);

  async #request(kind, sql, body, log) {
    if (this.offline) throw new Error('offline');
    const entry = {body};
    log.push(entry);
    this.#running++;
    try {
      await this.before(kind, body);
      entry.answer = (await this.database.app.query(sql, [JSON.stringify(body), this.user, this.space])).rows[0].answer;
      await this.after(kind, body, entry.answer);
    } catch (error) {
      if (error instanceof pg.DatabaseError) this.errors.push(error);
      return {httpRequestInfo: {httpStatusCode: error.status ?? 500, errorMessage: error.message}};
    } finally {
      this.#running--;
    }
    const {answer} = entry;
    if (answer.halted) return {httpRequestInfo: {httpStatusCode: 503, errorMessage: answer.halted.reason}};
    const response = kind === 'pull' || answer.error ? answer : undefined;
    return {response, httpRequestInfo: {httpStatusCode: 200, errorMessage: ''}};
  }

  /** Let no request of this kind go on before `count` of them have come. */
  meet(expected, count) {
    let come = 0;
    const {promise, resolve} = deferred();
    this.before = async kind => {
      if (kind !== expected) return;
      if (++come === count) resolve();
      await promise;
    };
  }

  /** Lose the next answer to a request of this kind. */
  loseNext(expected) {
    this.after = async kind => {
      if (kind !== expected) return;
      this.after = async () => {};
      throw new Error('the answer was lost');
    };
  }
}

/** The mutators as the client plays them; `schema.sql` has what the server makes of them. */
export const mutators = {
  putNote: async (tx, {id, body}) => {
    const note = await tx.get(key('note', id));
    await tx.set(key('note', id), {id, count: 0, ...note, body});
  },
  deleteNote: (tx, {id}) => tx.del(key('note', id)),
  countUp: async (tx, {id}) => {
    const note = (await tx.get(key('note', id))) ?? {id, body: '', count: 0};
    await tx.set(key('note', id), {...note, count: note.count + 1});
  },
  putCell: (tx, cell) => tx.set(key('cell', cell.sheet, cell.name), cell),
  deleteCell: (tx, {sheet, name}) => tx.del(key('cell', sheet, name)),
  putTask: (tx, task) => tx.set(key('task', task.id), task),
  deleteTask: (tx, {id}) => tx.del(key('task', id)),
  refuse: (tx, {id}) => mutators.countUp(tx, {id}),
  countUpIfPossible: (tx, {id}) => mutators.countUp(tx, {id}),
};

/** Everything a scenario uses, to be checked and put away together. */
class World {
  #databases = [];
  #backends = [];
  #clients = [];
  #log = [];

  async start() {
    this.database = await Database.create();
    this.#databases.push(this.database);
    this.backend = this.connect(this.database);
  }

  connect = database => {
    const backend = new Backend(database);
    this.#backends.push(backend);
    return backend;
  };

  backup = async () => {
    const copy = await this.database.backup();
    this.#databases.push(copy);
    return copy;
  };

  /** A database as new as the first one was. */
  another = async () => {
    const database = await Database.create();
    this.#databases.push(database);
    return database;
  };

  /** Open a client; within a scenario, two of the same name are two tabs. */
  open = ({name = `client-${++serial}`, backend = this.backend, ...options} = {}) => {
    const client = new Replicache({
      name: `${this.database.name} ${name}`,
      mutators,
      kvStore: 'mem',
      pullInterval: null,
      pushDelay: 0,
      requestOptions: {minDelayMs: 5, maxDelayMs: 50},
      logLevel: 'info',
      logSinks: [{log: (level, context, ...words) => this.#log.push(`${level}: ${words.map(String).join(' ')}`)}],
      pusher: backend.pusher,
      puller: backend.puller,
      ...options,
    });
    client.onClientStateNotFound = () => {};
    this.#clients.push(client);
    return client;
  };

  /** Fail on anything logged, rejected or raised that was not expected, and on anything to be logged that was not. */
  check(log, rejects) {
    const errors = this.#backends.flatMap(backend => backend.errors).map(error => `${error.code} ${error.message}`);
    assert.deepEqual(errors, [], 'SQL errors');
    const rejected = this.#backends.flatMap(backend => backend.pushes).flatMap(push => push.answer?.rejected ?? []);
    assert.deepEqual(rejected.filter(({name}) => !rejects.includes(name)), [], 'rejected mutations');
    const unexpected = this.#log.filter(line => !log.some(pattern => pattern.test(line)));
    assert.deepEqual(unexpected, [], 'unexpected messages in the log of the client');
    for (const pattern of log)
      assert.ok(this.#log.some(line => pattern.test(line)), `${pattern} is missing in the log of the client`);
  }

  async stop() {
    await Promise.all(this.#clients.filter(client => !client.closed).map(client => client.close()));
    await Promise.all(this.#databases.map(database => database.disconnect()));
    await maintain(
      ...this.#databases.map(database => `DROP DATABASE IF EXISTS ${database.name} WITH (FORCE)`),
      `DROP ROLE IF EXISTS ${role}`);
  }
}

/** Define a test. `log`: what its clients are expected to log, and must. `rejects`: mutators that may be rejected. */
export function scenario(title, {log = [], rejects = []}, run) {
  test(title, async t => {
    const world = new World();
    const done = new AbortController();
    const overdue = async () => {
      await sleep(60_000, undefined, {signal: done.signal});
      throw new Error('the scenario does not come to an end');
    };
    try {
      await world.start();
      await Promise.race([run(world, t), overdue()]);
      world.check(log, rejects);
    } finally {
      done.abort();
      await world.stop();
    }
  });
}

/** The key of an entry; what separates its parts is encoded within them. */
export function key(...parts) {
  return parts.map(part => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/');
}

export async function view(client) {
  return Object.fromEntries(await client.query(tx => tx.scan().entries().toArray()));
}

/** Try until it holds, for a while. */
export async function eventually(check, patience = 20_000) {
  for (const deadline = Date.now() + patience; ; await sleep(10)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Push and pull until nothing is pending in any of the clients. */
export function settle(...clients) {
  return eventually(async () => {
    for (const request of ['push', 'pull'])
      await Promise.all(clients.map(client => client[request]({now: true}).catch(() => {})));
    for (const client of clients) assert.deepEqual(await client.experimentalPendingMutations(), []);
  });
}

/** Settle, and see that every client shows what the tables hold. Gives what that is. */
export async function converge(database, ...clients) {
  await settle(...clients);
  const truth = await database.truth();
  for (const client of clients)
    await eventually(async () => {
      await client.pull({now: true});
      assert.deepEqual(await view(client), truth);
    }, 2_000);
  return truth;
}

/** Wait until a client has written its state to where its other tabs and its successors find it. */
export async function persisted(client) {
  const channel = new BroadcastChannel(`replicache-on-persist:${client.name}`);
  const {promise, resolve} = deferred();
  channel.onmessage = ({data}) => data.clientID === client.clientID && resolve();
  await promise;
  channel.close();
}

export function deferred() {
  let resolve, reject;
  const promise = new Promise((...functions) => ([resolve, reject] = functions));
  return {promise, resolve, reject};
}
