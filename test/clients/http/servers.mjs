// The README's server and the examples', each in front of a database of its own.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {cp, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import pg from 'pg';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const text = path => readFile(join(root, path), 'utf8');

// The blocks of code of the README: those in SQL, and its server.
const readme = await text('README.md');
const blocks = language => Array.from(readme.matchAll(new RegExp('^```' + language + '\\n([^]*?)^```$', 'gm')), ([, code]) => code);
export const readmeServer = blocks('js').find(code => code.startsWith('// server.mjs'));

const replicacheRequest = {profileID: 'p', schemaVersion: ''};
const create = group => ({...replicacheRequest, pushVersion: 1, clientGroupID: group, mutations: [
  {clientID: randomUUID(), id: 1, name: 'createMessage', timestamp: 0, args: {id: randomUUID(), sender: 'Ann', content: 'Hello', ord: 1}}]});
const createList = group => ({...create(group), mutations: [
  {clientID: randomUUID(), id: 1, name: 'createList', timestamp: 0, args: {id: randomUUID(), name: 'x'}}]});
const pull = {...replicacheRequest, pullVersion: 1, cookie: null};

// call: the SQL function behind `path`; push: a request that writes something new. `malformed` is the status of what is malformed.
const replicache = {call: 'apply_push(json, text)', returns: 'json', push: create, pull, malformed: 400};
const packaged = {...replicache, call: 'apply_push(json, text, text)'};  // which passes a space

const kinds = {
  'the server of the README': {...replicache, path: () => '/push', pullPath: '/pull', as: user => ({'X-User': user}), code: readmeServer, schema: blocks('sql').slice(0, 2).join('')},
  'examples/replicache': {...packaged, path: () => '/api/push', pullPath: '/api/pull', as: user => ({Cookie: `user=${user}`}), role: 'chat', authenticates: true},
  'examples/todo': {
    ...packaged, push: createList, path: () => '/api/push', pullPath: '/api/pull', as: user => ({Cookie: `user=${user}`}), role: 'todo_web', authenticates: true,
    lock: 'LOCK TABLE list IN SHARE MODE', // its clock takes no lock of its own
  },
  'examples/powersync': {
    call: 'powersync_upload(json, text)', returns: 'json', malformed: 400, role: 'todo_app', authenticates: true,
    path: () => '/api/data', as: user => ({Authorization: `Bearer ${user}`}),
    push: client_id => ({client_id, batch: [{op_id: 1, tx_id: 1, op: 'PUT', type: 'lists', id: randomUUID(), data: {name: 'x'}}]}),
  },
  'examples/last_mutation_at': {
    call: 'sync_push(json, bigint, text)', returns: 'TABLE (status integer, mutation_at bigint, body json)', malformed: 422, role: 'notes_app', authenticates: true,
    path: () => '/v1/sync?lastMutationAt=-1', as: user => ({Authorization: `Bearer ${user}`}),
    push: () => ({mutations: [{type: 'CREATE', resource: 'NOTE', data: {title: 'x'}}]}),
  },
};

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address();
  server.close();
  return port;
}

async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

export class Server {
  static async start(title, number) {
    const server = new Server();
    Object.assign(server, kinds[title], {title, name: `http_test_${process.pid}_${number}`});
    await server.create();
    return server;
  }

  async create() {
    await maintain(`CREATE DATABASE ${this.name}`, `CREATE ROLE ${this.name} LOGIN`);
    this.owner = new pg.Pool({database: this.name, max: 4});
    this.owner.on('error', () => {});
    // Under a role of its own, so that other tests may have theirs.
    const schema = this.schema ?? await text(`${this.title}/schema.sql`);
    await this.rows(this.role ? schema.replace(new RegExp(`\\b${this.role}\\b(?! text)`, 'g'), this.name) : schema);
    // A copy, with what is beside it.
    this.directory = await mkdtemp(join(tmpdir(), 'replicache-http.'));
    const directory = join(this.directory, 'server');
    await cp(join(root, this.code ? 'examples/replicache' : this.title), directory, {recursive: true, filter: path => !path.endsWith('node_modules')});
    await cp(join(root, 'examples/serve.mjs'), join(this.directory, 'serve.mjs'));
    await symlink(join(root, this.code ? 'examples/replicache' : this.title, 'node_modules'), join(directory, 'node_modules'));
    if (this.code) await writeFile(join(directory, 'server.mjs'), this.code);
    const port = await freePort();
    const env = {...process.env, PGDATABASE: this.name, PORT: String(port), ...(this.role && {PGUSER: this.name})};
    this.process = spawn(process.execPath, ['server.mjs'], {cwd: directory, env, stdio: 'ignore'});
    this.ended = once(this.process, 'exit');
    this.url = `http://127.0.0.1:${port}`;
    for (let i = 0; !await fetch(this.url).then(() => true, () => false); ++i) {
      assert.ok(i < 600 && this.process.exitCode === null, 'the server does not start');
      await sleep(50);
    }
  }

  async drop() {
    this.process?.kill();
    await this.ended;
    await this.owner?.end();
    await maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`, `DROP ROLE IF EXISTS ${this.name}`);
    if (this.directory) await rm(this.directory, {recursive: true});
  }

  /** The rows that `sql` gives, as the owner sees them. */
  async rows(sql, ...parameters) {
    return (await this.owner.query(sql, parameters)).rows;
  }

  /** Post a body: text, or what is to be JSON. Who waits longer than half a minute was never told to go. */
  async post(body, {user = randomUUID(), headers = {'Content-Type': 'application/json'}, path = this.path()} = {}) {
    const response = await fetch(this.url + path, {
      method: 'POST', headers: {...headers, ...(user && this.as(user))}, signal: AbortSignal.timeout(30_000),
      body: typeof body === 'object' && !(body instanceof Uint8Array) ? JSON.stringify(body) : body,
    }).catch(error => {
      throw new Error(`${error.message}: ${error.cause}`, {cause: error.cause});  // fetch hides what has happened
    });
    return {status: response.status, headers: response.headers, type: response.headers.get('Content-Type'), text: await response.text()};
  }

  /** Post a push that is fine. */
  fine(options) {
    return this.post(this.push(randomUUID()), options);
  }

  /** Do something while another session, in a transaction, has done `sql`. */
  async while(sql, parameters, work) {
    const other = await this.owner.connect();
    try {
      await other.query('BEGIN');
      await other.query(sql, parameters);
      return await work();
    } finally {
      other.release(true);
    }
  }

  /** Do something while the SQL function fails with `sqlstate`, the first `times`. Returns what `work` does, and how often the function was called. */
  async failing(sqlstate, times, work) {
    const name = this.call.split('(')[0];
    const [{real}] = await this.rows(`SELECT oid::regprocedure::text AS real FROM pg_proc WHERE pronamespace = 'replicache'::regnamespace AND proname = $1`, name);
    const args = this.call.match(/\w+(?=[,)])/g).map((_, i) => `$${i + 1}`).join(', ');
    const answer = this.returns === 'json' ? `RETURN replicache.the_real(${args})` : `RETURN QUERY SELECT * FROM replicache.the_real(${args})`;
    await this.rows(`
      CREATE SEQUENCE calls;
      GRANT USAGE ON SEQUENCE calls TO PUBLIC;
      ALTER FUNCTION ${real} RENAME TO the_real;
      CREATE FUNCTION replicache.${this.call} RETURNS ${this.returns} LANGUAGE plpgsql AS $$
      BEGIN
          IF nextval('calls') <= ${times} THEN RAISE EXCEPTION 'it fails' USING ERRCODE = '${sqlstate}'; END IF;
          ${answer};
      END $$`);
    try {
      const result = await work();
      const [{calls}] = await this.rows('SELECT last_value::int AS calls FROM calls');
      return {...result, calls};
    } finally {
      await this.rows(`DROP FUNCTION replicache.${this.call}; ALTER FUNCTION ${real.replace(name, 'the_real')} RENAME TO ${name}; DROP SEQUENCE calls`);
    }
  }
}

export const titles = Object.keys(kinds);
