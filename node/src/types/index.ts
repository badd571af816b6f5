// replicache-ext types: types for clients, from the database.
import pg from 'pg';
import type {Description} from './description.js';
import {powersyncModule} from './powersync.js';
import {replicacheModule} from './replicache.js';
import {templatesOf, type Ast} from './templates.js';
import {zeroModule} from './zero.js';

export const summary = 'prints types for clients, made from the database';

const usage = `usage: replicache-ext types [--powersync | --zero] [URL]

Prints a TypeScript module, made from replicache.describe() of the database.

  (no option)   for Replicache: MutatorArgs, Mutators, createMutators, Entries, and helpers for keys and scans
  --powersync   for PowerSync: AppSchema
  --zero        for Zero: schema, QueryArgs, createQueries, and the templates as queries of the client

URL: postgres://user@host/database. Without it, PGHOST, PGUSER, PGDATABASE and so on say where the database is. The module has what this
role may use.
`;

const formats: Record<string, (description: Description, templates: Map<string, Ast>) => string> = {
  '': replicacheModule,
  '--powersync': powersyncModule,
  '--zero': zeroModule,
};

export async function run(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const options = args.filter(arg => arg.startsWith('-'));
  const urls = args.filter(arg => !arg.startsWith('-'));
  const format = Object.hasOwn(formats, options[0] ?? '') ? formats[options[0] ?? ''] : undefined;
  if (!format || options.length > 1 || urls.length > 1) {
    process.stderr.write(usage);
    return 2;
  }
  try {
    process.stdout.write(format(...(await describe(urls[0], format === zeroModule))));
    return 0;
  } catch (error) {
    process.stderr.write(`replicache-ext types: ${message(error)}\n`);
    return 1;
  }
}

async function describe(url: string | undefined, withTemplates: boolean): Promise<[Description, Map<string, Ast>]> {
  const client = new pg.Client(url === undefined ? {} : {connectionString: url});
  client.on('error', () => {}); // the query fails, too
  await client.connect();
  try {
    const {rows} = await client.query<{description: Description}>('SELECT replicache.describe() AS description');
    const description = rows[0]!.description;
    if (description.format !== 1) throw new Error(`replicache.describe() has the format ${description.format}: install a newer version of this package`);
    return [description, withTemplates ? await templatesOf(client, description) : new Map()];
  } finally {
    await client.end();
  }
}

function message(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError && error.message === '' ? error.errors.map(message).join(', ') : error.message;
  const hint = hints[(error as {code?: string}).code ?? ''];
  return hint === undefined ? inner : `${inner}\n${hint}`;
}

const hints: Record<string, string> = {
  '3F000': 'Call CREATE EXTENSION replicache_ext in this database, or name another one.',
  '42883': 'replicache.describe() came with version 0.6.0: call ALTER EXTENSION replicache_ext UPDATE.',
  '42501': 'Call replicache.grant_usage for this role, or connect as another one.',
};
