// Connections, the chat workload, and what every measurement shares.
import {readFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import pg from 'pg';

export const flag = (name) => !['', '0', undefined].includes(process.env[name]);
export const quick = flag('QUICK');

// Results as the server sends them: no contender pays for parsing what it does not read.
const raw = {getTypeParser: () => (text) => text};

export class Session {
  /** address: {host, port}, if not those of the PG* variables */
  static async open(database, address = {}) {
    const session = new Session();
    session.database = database;
    session.client = new pg.Client({database, types: raw, ...address});
    await session.client.connect();
    return session;
  }

  /** A prepared statement; its rows. */
  async run(name, text, values) {
    return (await this.client.query({name, text, values, rowMode: 'array'})).rows;
  }

  /** Whatever else; the first value of the first row. */
  async sql(text) {
    const result = await this.client.query({text, rowMode: 'array'});
    return result.rows?.[0]?.[0];
  }

  /** Seconds that the server's process has spent computing for this session: what other programs do to the machine shows less. */
  cpu() {
    return Number(readFileSync(`/proc/${this.client.processID}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  }

  close() {
    return this.client.end();
  }
}

/** A database of its own, with these scripts of bench/sql run in it; a session there. */
export async function create(database, scripts, settings = []) {
  const maintenance = await Session.open('postgres');
  await maintenance.sql(`CREATE DATABASE ${database}`);
  for (const setting of settings) await maintenance.sql(`ALTER DATABASE ${database} SET ${setting}`);
  await maintenance.close();
  const session = await Session.open(database);
  for (const script of scripts) await session.client.query(await readFile(new URL(`sql/${script}.sql`, import.meta.url), 'utf8'));
  return session;
}

const content = 'The quick brown fox jumps over the lazy dog, and then it has a look at what the others in the room have written to it. ';

/** The arguments of createMessage number n; those that fail violate a CHECK. */
export const args = (prefix, n, fails) => ({id: `${prefix}${String(n).padStart(9, '0')}`, sender: 'Ann', content: content + n, ord: fails ? -1 : n});

/** Bodies of pushes, as they come over HTTP. `first` is the client's first mutation. */
export function bodies({group, client, prefix = 'm', batch, pushes, first = 1, failing = 0, name = 'createMessage'}) {
  const result = [];
  for (let push = 0, n = first; push < pushes; push++) {
    const mutations = [];
    for (let i = 0; i < batch; i++, n++) {
      const fails = Math.floor((n * failing) / 100) > Math.floor(((n - 1) * failing) / 100);
      mutations.push({id: n, name, args: args(prefix, n, fails), timestamp: 118.537055 + n, clientID: client});
    }
    result.push(JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: group, mutations, pushVersion: 1, schemaVersion: ''}));
  }
  return result;
}

let serial = 0;
/** A client that never was before. */
export const newClient = () => {
  serial++;
  return {group: `group-8f1b5c2e-${serial}`, client: `client-4d7a9e3b-${serial}`};
};

/** Seconds that it takes. */
export async function seconds(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** The value that this share of them does not exceed. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Samples by contender and x, in the order in which they first came. */
export class Samples {
  series = new Map();

  add(contender, x, value) {
    if (!this.series.has(contender)) this.series.set(contender, new Map());
    const points = this.series.get(contender);
    if (!points.has(x)) points.set(x, []);
    points.get(x).push(value);
  }

  /** [{contender, points: [{x, median, low, high, samples}]}]; low and high are quantiles, at first the extremes */
  summary(share = 0) {
    return [...this.series].map(([contender, points]) => ({
      contender,
      points: [...points].map(([x, values]) => ({
        x, median: median(values), low: quantile(values, share), high: quantile(values, 1 - share), samples: values.length,
      })),
    }));
  }
}

/** The list, starting elsewhere in each round, so that no contender always follows the same one. */
export const rotated = (list, round) => list.map((_, i) => list[(i + round) % list.length]);

/** The state of all tables and caches from which every sample starts. */
export async function settle(session, tables, {truncate = []} = {}) {
  if (truncate.length) await session.sql(`TRUNCATE ${truncate.join(', ')}`);
  await session.sql(`VACUUM (ANALYZE) ${tables.join(', ')}`);
  await session.sql('CHECKPOINT');
}

export const progress = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
