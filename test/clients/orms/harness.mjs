// A database with a tracked table, and what clients learn of it.
import assert from 'node:assert/strict';
import pg from 'pg';

async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

export class Database {
  /** With the table task, whose version column is called row_version, because ORMs have a use for "version" of their own. */
  static async create(title, version = 'row_version') {
    const database = new Database();
    database.name = `orm_${title.toLowerCase()}_${process.pid}`;
    await maintain(`CREATE DATABASE ${database.name}`);
    database.pool = new pg.Pool({database: database.name, max: 4});
    database.pool.on('error', () => {});
    await database.sql(`CREATE EXTENSION replicache_ext;
      CREATE TABLE task (id text PRIMARY KEY, title text NOT NULL, done boolean NOT NULL DEFAULT false, lock integer NOT NULL DEFAULT 1)`);
    await database.sql(`SELECT replicache.track_table('task', version => $1, columns => '{id,title,done}')`, version);
    database.version = version;
    return database;
  }

  /** What pg wants to know. */
  get connection() {
    return {host: process.env.PGHOST ?? 'localhost', port: Number(process.env.PGPORT ?? 5432), user: process.env.PGUSER ?? process.env.USER, database: this.name};
  }

  sql = async (sql, ...parameters) => (await this.pool.query(sql, parameters)).rows;

  async head() {
    return Number((await this.sql(`SELECT coalesce(max(version), 0) AS version FROM replicache.space WHERE id = ''`))[0].version);
  }

  /** Do something, and see that clients learn of it: of these keys, with these values, or null for a deleted row. */
  async seen(expected, work) {
    const before = await this.head();
    const result = await work();
    const [{answer}] = await this.sql('SELECT replicache.pull_since($1) AS answer', before);
    const patch = Object.fromEntries(answer.patch.map(({op, key, value}) => [op === 'clear' ? op : key.replace('task/', ''), op === 'put' ? value : null]));
    assert.deepEqual(patch, expected);
    for (const row of await this.sql(`SELECT id, ${this.version} AS version FROM task WHERE id = ANY($1)`, Object.keys(expected)))
      assert.ok(Number(row.version) > before, `version of ${row.id}`);
    return result;
  }

  /** What makes the table a tracked one. */
  async tracking() {
    return {
      faults: (await this.sql(`SELECT value::int FROM replicache.status() WHERE topic = 'tracking_faults'`))[0].value,
      triggers: (await this.sql(`SELECT tgname FROM pg_trigger WHERE tgrelid = 'task'::regclass AND tgenabled = 'O' AND NOT tgisinternal ORDER BY 1`)).map(({tgname}) => tgname),
      column: (await this.sql(`SELECT attname FROM pg_attribute WHERE attrelid = 'task'::regclass AND attname = $1`, this.version)).length,
      index: (await this.sql(`SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE indrelid = 'task'::regclass AND attname = $1`, this.version)).length,
    };
  }

  async drop() {
    await this.pool.end();
    await maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
  }
}

export const whole = {faults: 0, triggers: ['~replicache_deleted', '~replicache_lock', '~replicache_moved', '~replicache_stamp', '~replicache_truncated'], column: 1, index: 1};
export const task = (id, title, done = false) => ({[id]: {id, title, done}});
