// A database, modules that replicache-ext makes of it, and the compiler.
import {spawn, spawnSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const cli = join(root, 'node/dist/cli.js');

/** Compiles the package, unless it is compiled: other tests run it at the same time. */
export function build() {
  const sources = readdirSync(join(root, 'node/src'), {recursive: true}).map(name => statSync(join(root, 'node/src', name)).mtimeMs);
  if (existsSync(cli) && statSync(cli).mtimeMs > Math.max(...sources)) return;
  const {status, stdout} = spawnSync(process.execPath, [join(root, 'node/node_modules/typescript/bin/tsc'), '-p', join(root, 'node')], {encoding: 'utf8'});
  if (status !== 0) throw new Error(stdout);
}

/** A database of its own, and a role that may push to it and pull from it. */
export class Database {
  static async create(name, sql) {
    const database = new Database();
    database.name = `${name}_${process.pid}`;
    database.role = `${database.name}_app`;
    await database.maintain(`CREATE DATABASE ${database.name}`, `CREATE ROLE ${database.role} LOGIN`);
    database.owner = new pg.Pool({database: database.name, max: 2});
    database.app = new pg.Pool({database: database.name, user: database.role, max: 4});
    try {
      await database.owner.query(sql);
    } catch (error) {
      await database.drop();
      throw error;
    }
    return database;
  }

  async maintain(...statements) {
    const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async drop() {
    await Promise.all([this.owner.end(), this.app.end()]);
    await this.maintain(`DROP DATABASE ${this.name} WITH (FORCE)`, `DROP ROLE ${this.role}`);
  }

  /** What replicache-ext types prints: {status, out, err}. */
  async types(...args) {
    return types({PGDATABASE: this.name, PGUSER: this.role}, ...args);
  }
}

export function types(env, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'types', ...args], {env: {...process.env, ...env}});
    let out = '', err = '';
    child.stdout.setEncoding('utf8').on('data', text => (out += text));
    child.stderr.setEncoding('utf8').on('data', text => (err += text));
    child.on('error', reject).on('close', status => resolve({status, out, err}));
  });
}

const options = {
  strict: true, noEmitOnError: false, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.asynciterable.d.ts'],
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, skipLibCheck: true, types: [],
};
const parsed = new Map(); // of libraries: each is read once

/** A folder with sources, and the packages that they import. */
export class Workshop {
  path = mkdtempSync(join(tmpdir(), 'replicache-types-'));

  constructor() {
    writeFileSync(join(this.path, 'package.json'), '{"type":"module"}');
    const packages = {
      replicache: 'types/node_modules/replicache',
      '@rocicorp/zero': 'zero/node_modules/@rocicorp/zero',
      '@powersync/common': 'powersync/node_modules/@powersync/common',
    };
    for (const [name, place] of Object.entries(packages)) {
      const target = join(here, '..', place);
      if (!existsSync(target)) throw new Error(`${target} is missing: call npm ci in test/clients/${place.split('/')[0]}`);
      mkdirSync(dirname(join(this.path, 'node_modules', name)), {recursive: true});
      symlinkSync(target, join(this.path, 'node_modules', name));
    }
  }

  /** Puts a file of this folder there, as another name. */
  copy(file, name) {
    copyFileSync(join(here, file), join(this.path, name));
  }

  write(name, text) {
    writeFileSync(join(this.path, name), text);
  }

  /** Compiles as tsc --strict does. The complaints, one a line. */
  compile(...files) {
    const host = ts.createCompilerHost(options);
    const {getSourceFile} = host;
    host.getSourceFile = (name, ...rest) => {
      if (name.startsWith(this.path) && !name.includes('node_modules')) return getSourceFile.call(host, name, ...rest);
      if (!parsed.has(name)) parsed.set(name, getSourceFile.call(host, name, ...rest));
      return parsed.get(name);
    };
    const program = ts.createProgram(files.map(file => join(this.path, file)), options, host);
    const {diagnostics} = program.emit();
    return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({file, start, messageText}) =>
      `${file ? `${file.fileName.slice(this.path.length + 1)}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : ''}${ts.flattenDiagnosticMessageText(messageText, '\n')}`).join('\n');
  }

  /** What a compiled module exports. */
  import(name) {
    return import(join(this.path, name));
  }

  remove() {
    rmSync(this.path, {recursive: true});
  }
}

export const schema = readFileSync(join(here, 'schema.sql'), 'utf8');
