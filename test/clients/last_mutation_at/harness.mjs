// What the tests talk to. SYNC_BACKEND=server: a database of its own with the schema of examples/last_mutation_at, and that
// example's server in front of it. Otherwise the model.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {after, before} from 'node:test';
import pg from 'pg';
import {Model} from './model.mjs';

const example = new URL('../../../examples/last_mutation_at/', import.meta.url);

async function maintain(statement) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

const byIdentity = (a, b) => (a.identity < b.identity ? -1 : 1);
const row = (resource, id, data) => ({identity: `${resource} ${id ?? JSON.stringify([data.chapter, data.verse])}`, data});

class ModelBackend {
  model = new Model();
  send = this.model.send;

  create() {}
  drop() {}

  async state(user) {
    return [...this.model.space(user).rows.values()].map(({resource, id, data}) => row(resource, id, data)).sort(byIdentity);
  }
}

class ServerBackend {
  isServer = true;
  name = `last_mutation_at_test_${process.pid}`;

  async create() {
    this.newRole = (await maintain(`SELECT FROM pg_roles WHERE rolname = 'notes_app'`)).length === 0;
    await maintain(`CREATE DATABASE ${this.name}`);
    this.owner = new pg.Pool({database: this.name, max: 4});
    this.owner.on('error', () => {});
    await this.owner.query(await readFile(new URL('schema.sql', example), 'utf8'));
    this.server = spawn(process.execPath, ['server.mjs'], {
      cwd: example,
      env: {...process.env, PGUSER: 'notes_app', PGDATABASE: this.name, PORT: 0},
      stdio: ['ignore', 'pipe', process.env.SYNC_VERBOSE ? 'inherit' : 'ignore'],
    });
    const lines = createInterface({input: this.server.stdout});
    const [line] = await Promise.race([once(lines, 'line'), once(this.server, 'exit').then(() => assert.fail('the server does not start'))]);
    this.url = line.replace(/^sync: /, '');
  }

  async drop() {
    if (this.server?.exitCode === null && this.server.signalCode === null) {
      const exit = once(this.server, 'exit');
      this.server.kill();
      await exit;
    }
    await this.owner?.end();
    await maintain(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
    if (this.newRole) await maintain('DROP ROLE IF EXISTS notes_app');
  }

  /** The rows that `sql` gives, as the owner sees them. */
  async rows(sql, ...parameters) {
    return (await this.owner.query(sql, parameters)).rows;
  }

  send = user => async (method, query, body) => {
    const response = await fetch(`${this.url}/v1/sync?${new URLSearchParams(query)}`, {
      method,
      headers: {...(user && {Authorization: `Bearer ${user}`}), ...(body && {'Content-Type': 'application/json'})},
      signal: AbortSignal.timeout(10_000),
      body: typeof body === 'object' ? JSON.stringify(body) : body,
    });
    const at = response.headers.get('X-Mutation-At');
    const answer = {status: response.status, mutationAt: at === null ? undefined : Number(at), text: await response.text()};
    try {
      return {...answer, body: JSON.parse(answer.text)};
    } catch {
      return answer;
    }
  };

  async state(user) {
    const notes = await this.rows('SELECT id, ref, title, body FROM note WHERE user_id = $1', user);
    const sessions = await this.rows('SELECT chapter, verse, seconds FROM reading_session WHERE user_id = $1', user);
    return [...notes.map(({id, ...data}) => row('NOTE', id, data)), ...sessions.map(data => row('READING_SESSION', undefined, data))].sort(byIdentity);
  }
}

/** A backend for the tests of a file. */
export function useBackend() {
  const backend = process.env.SYNC_BACKEND === 'server' ? new ServerBackend() : new ModelBackend();
  before(() => backend.create());
  after(() => backend.drop());
  return backend;
}

let users = 0;
export const newUser = () => `user-${process.pid}-${++users}`;

/** What a client has, in the form of a backend's state. */
export const held = client => ['NOTE', 'READING_SESSION']
  .flatMap(resource => client.list(resource).map(({id, data}) => row(resource, resource === 'NOTE' ? id : undefined, data)))
  .sort(byIdentity);

export const keys = {READING_SESSION: ['chapter', 'verse']};

/** The same numbers on every run. */
export function randomOf(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = n => next() % n;
  return {below, pick: array => array[below(array.length)], chance: percent => below(100) < percent};
}
