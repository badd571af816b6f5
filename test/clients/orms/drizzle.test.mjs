// Drizzle: its queries, and drizzle-kit pull and push.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {promisify} from 'node:util';
import {pushSchema} from 'drizzle-kit/api';
import {and, eq, sql} from 'drizzle-orm';
import {drizzle} from 'drizzle-orm/node-postgres';
import {bigint, boolean, index, integer, pgTable, text} from 'drizzle-orm/pg-core';
import {Database, task, whole} from './harness.mjs';

const columns = {id: text().primaryKey(), title: text().notNull(), done: boolean().notNull().default(false), lock: integer().notNull().default(1)};
const bare = pgTable('task', columns);
// What is written for the column of the extension, and its index.
const tasks = pgTable('task', {...columns, rowVersion: bigint('row_version', {mode: 'number'}).notNull().default(0)}, table => [index('task_row_version_idx').on(table.rowVersion)]);

describe('Drizzle', () => {
  let database, db, directory;
  before(async () => {
    database = await Database.create('drizzle');
    db = drizzle(database.pool);
    directory = await mkdtemp(join(import.meta.dirname, 'node_modules/.drizzle-'));  // where the generated files find drizzle-orm
  });
  after(async () => {
    await database?.drop();
    if (directory) await rm(directory, {recursive: true});
  });

  /** Run drizzle-kit with the schema in a file. */
  async function kit(command, schema, ...options) {
    const config = join(directory, 'drizzle.config.json');
    await writeFile(config, JSON.stringify({dialect: 'postgresql', out: join(directory, 'out'), schema, dbCredentials: {...database.connection, ssl: false}}));
    const {stdout, stderr} = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'node_modules/drizzle-kit/bin.cjs'), command, `--config=${config}`, ...options], {timeout: 60_000, cwd: directory});
    return stdout + stderr;
  }

  test('inserts, updates, upserts and deletes, with the column declared or not', async () => {
    for (const table of [bare, tasks]) {
      const [row] = await database.seen(task('a', 'one'), () => db.insert(table).values({id: 'a', title: 'one'}).returning());
      if (table === tasks) assert.equal(row.rowVersion, await database.head());
      await database.seen({...task('b', 'two'), ...task('c', 'three')}, () => db.insert(table).values([{id: 'b', title: 'two'}, {id: 'c', title: 'three'}]));
      await database.seen(task('a', 'uno'), () => db.update(table).set({title: 'uno'}).where(eq(table.id, 'a')));
      await database.seen({...task('a', 'eins'), ...task('d', 'vier')}, () => db.insert(table).values([{id: 'a', title: 'eins'}, {id: 'd', title: 'vier'}])
        .onConflictDoUpdate({target: table.id, set: {title: sql`excluded.title`}}));
      await database.seen({a: null, b: null, c: null, d: null}, () => db.delete(table));
    }
  });

  test('optimistic locking, by a column of its own or by the version', async () => {
    await db.insert(tasks).values({id: 'a', title: 'one'});
    const [{lock, rowVersion}] = await db.select().from(tasks);
    const save = (condition, title) => db.update(tasks).set({title, lock: lock + 1}).where(and(eq(tasks.id, 'a'), condition)).returning({id: tasks.id});
    assert.equal((await save(eq(tasks.lock, lock), 'first')).length, 1);
    assert.equal((await save(eq(tasks.lock, lock), 'second')).length, 0);
    assert.equal((await save(eq(tasks.rowVersion, rowVersion), 'third')).length, 0);
  });

  test('drizzle-kit pull writes a schema with which push changes nothing', async () => {
    await kit('pull');
    const schema = join(directory, 'out/schema.ts');
    const text = await readFile(schema, 'utf8');
    assert.match(text, /rowVersion: bigint\("row_version".*\.notNull\(\)/);
    assert.match(text, /task_row_version_idx/);
    assert.doesNotMatch(text, /tombstone|mutation_error/);  // the schema replicache is not its business
    assert.match(await kit('push', schema, '--force'), /No changes detected/);
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('a', 'after push'), () => db.update(tasks).set({title: 'after push'}).where(eq(tasks.id, 'a')));
  });

  // The same as the command, in this process.
  async function push(table) {
    const {statementsToExecute, apply} = await pushSchema({table}, db);
    await apply();
    return statementsToExecute.join('\n');
  }

  test('a schema that is written by hand', async () => {
    assert.equal(await push(tasks), '');
    const more = pgTable('task', {...columns, note: text(), rowVersion: bigint('row_version', {mode: 'number'}).notNull().default(0)}, table => [index('task_row_version_idx').on(table.rowVersion)]);
    assert.match(await push(more), /^ALTER TABLE "task" ADD COLUMN "note" text;?$/);
    assert.deepEqual(await database.tracking(), whole);
  });

  test('without the column, push drops it, and writes fail until track_table has brought it back', async () => {
    assert.match(await push(bare), /DROP COLUMN "row_version"/);
    const {column, triggers} = await database.tracking();
    assert.deepEqual({column, triggers}, {column: 0, triggers: whole.triggers});
    await assert.rejects(database.sql(`UPDATE task SET title = 'x'`), {code: '42703'});
    await database.sql(`SELECT replicache.track_table('task', version => 'row_version', columns => '{id,title,done}')`);
    assert.deepEqual(await database.tracking(), whole);
  });
});
