// A database with the SQL of docs/postgrest.md, and real clients.
import {readFile} from 'node:fs/promises';
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {Replicache} from 'replicache';

const page = await readFile(new URL('../../../docs/postgrest.md', import.meta.url), 'utf8');
// What psql alone understands, and the page's own requests, are not set-up.
const blocks = Array.from(page.matchAll(/^(?:<!-- setup\n([^]*?)-->|```sql\n([^]*?)```)$/gm), ([, hidden, shown]) => hidden ?? shown).filter(sql => !/^BEGIN/.test(sql));
const names = ['anon', 'authenticated', 'authenticator'];

// Roles belong to the whole server, so those of a test have names of their own.
const own = name => `${name}_${process.pid}`;
const renamed = sql => names.reduce((sql, name) => sql.replace(new RegExp(`\\b${name}\\b`, 'g'), own(name)), sql);

export const roles = Object.fromEntries(names.map(name => [name, own(name)]));

async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

export class Site {
  #clients = [];
  log = [];

  /** With the blocks of the page that `wanted` takes, in their order. */
  static async start(name, wanted = () => true) {
    const site = new Site();
    site.name = `${name}_${process.pid}`;
    await maintain(`CREATE DATABASE ${site.name}`);
    site.owner = new pg.Pool({database: site.name, max: 4});
    for (const sql of blocks.filter(wanted)) await site.sql(renamed(sql));
    site.authenticator = new pg.Pool({database: site.name, user: roles.authenticator, max: 8});
    for (const pool of [site.owner, site.authenticator]) pool.on('error', () => {});
    return site;
  }

  sql = async (sql, ...parameters) => (await this.owner.query(sql, parameters)).rows;

  open(options) {
    const client = new Replicache({
      name: `${this.name} ${this.#clients.length}`, kvStore: 'mem', pullInterval: null, pushDelay: 0, requestOptions: {minDelayMs: 5, maxDelayMs: 50},
      mutators: {putNote: (tx, {id, body}) => tx.set(`note/${id}`, {id, body}), later: () => {}},
      logSinks: [{log: (level, context, ...words) => this.log.push(`${level}: ${words.map(String).join(' ')}`)}],
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async stop() {
    await Promise.all(this.#clients.map(client => client.close()));
    await Promise.all([this.owner, this.authenticator].map(pool => pool.end()));
    await maintain(`DROP DATABASE ${this.name} WITH (FORCE)`, ...Object.values(roles).map(role => `DROP ROLE IF EXISTS ${role}`));
  }
}

export const view = async client => (await client.query(tx => tx.scan().toArray())).map(({id, owner, body}) => [id, owner, body]);

export async function eventually(check) {
  for (const deadline = Date.now() + 20_000; ; await sleep(10)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Wait until the client has nothing to send, and shows these notes. */
export const shows = (client, notes) => eventually(async () => {
  await client.pull({now: true}).catch(() => {});
  assert.deepEqual(await client.experimentalPendingMutations(), []);
  assert.deepEqual(await view(client), notes);
});
