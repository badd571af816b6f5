// A database of its own with the schema of examples/powersync, and that example's server in front of it.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {after, before} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';

const example = new URL('../../../examples/powersync/', import.meta.url);
const schema = await readFile(new URL('schema.sql', example), 'utf8');

async function maintain(statement) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

class Backend {
  name = `powersync_test_${process.pid}`;

  async create() {
    this.newRole = (await maintain(`SELECT FROM pg_roles WHERE rolname = 'todo_app'`)).length === 0;
    await maintain(`CREATE DATABASE ${this.name}`);
    this.owner = new pg.Pool({database: this.name, max: 4});
    this.owner.on('error', () => {});
    await this.owner.query(schema);
    await this.start();
  }

  async start(env = {}) {
    this.server = spawn(process.execPath, ['server.mjs'], {
      cwd: example,
      env: {...process.env, PGUSER: 'todo_app', PGDATABASE: this.name, PORT: 0, ...env},
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = createInterface({input: this.server.stdout});
    const [line] = await Promise.race([once(lines, 'line'), once(this.server, 'exit').then(() => assert.fail('the server does not start'))]);
    this.url = line.replace(/^powersync: /, '');
  }

  async stop() {
    const exit = once(this.server, 'exit');
    this.server.kill();
    await exit;
  }

  async drop() {
    if (this.server?.exitCode === null && this.server.signalCode === null) await this.stop();
    await this.owner?.end();
    await maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
    if (this.newRole) await maintain('DROP ROLE IF EXISTS todo_app');
  }

  /** The rows that `sql` gives, as the owner sees them. */
  async rows(sql, ...parameters) {
    return (await this.owner.query(sql, parameters)).rows;
  }

  /** Post a request: an object, or the text of it. */
  async post(body, {user = 'ann'} = {}) {
    const response = await fetch(`${this.url}/api/data`, {
      method: 'POST',
      headers: {'Content-Type': 'application/json', ...(user && {Authorization: `Bearer ${user}`})},
      signal: AbortSignal.timeout(10_000),  // whoever waits for a lock is to be told so
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return {status: response.status, text, results: response.status === 200 ? JSON.parse(text).results : undefined};
  }

  /** Post one transaction, or several, which must all succeed. */
  async accept(...transactions) {
    const {status, text, results} = await this.post({transactions: transactions.map(crud => ({crud}))});
    assert.equal(status, 200, text);
    assert.deepEqual(results, transactions.map(() => ({status: 'success'})));
  }

  /** Do something while another session, in a transaction, has done `sql`. It commits once `work` has ended, or calls `commit`. */
  async while(sql, parameters, work) {
    const other = await this.owner.connect();
    try {
      await other.query('BEGIN');
      await other.query(sql, parameters);
      let open = true;
      const commit = async () => open && ((open = false), await other.query('COMMIT'));
      const result = await work(commit);
      await commit();
      return result;
    } finally {
      other.release(true);
    }
  }

  /** Do something while `sql` is in force, which `undo` undoes. */
  async during(sql, undo, work) {
    await this.rows(sql);
    try {
      return await work();
    } finally {
      await this.rows(undo);
    }
  }

  /** Do something while the call that uploads is missing: an error that is not the client's. */
  outOfOrder(work) {
    return this.during('ALTER FUNCTION replicache.powersync_upload RENAME TO gone', 'ALTER FUNCTION replicache.gone RENAME TO powersync_upload', work);
  }

  /** Until the server's session waits for a lock. */
  async blocked() {
    for (let i = 0; i < 1000; i++, await sleep(2))
      if ((await this.rows(`SELECT FROM pg_stat_activity WHERE datname = $1 AND usename = 'todo_app' AND wait_event_type = 'Lock'`, this.name)).length) return;
    assert.fail('nobody waits for a lock');
  }

  /** What is on record as rejected of a client: the changes as it sent them. */
  async rejected(client) {
    return this.rows('SELECT user_id, sqlstate, name, args FROM replicache.mutation_error WHERE client_id = $1 ORDER BY error_id', client);
  }
}

/** A backend for the tests of a file. */
export function useBackend() {
  const backend = new Backend();
  before(() => backend.create());
  after(() => backend.drop());
  return backend;
}

export const uuid = () => randomUUID();
