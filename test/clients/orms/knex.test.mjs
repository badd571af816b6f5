// Knex: a query builder with migrations that are written by hand.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import Knex from 'knex';
import {Database, task, whole} from './harness.mjs';

describe('Knex', () => {
  let database, knex;
  before(async () => {
    database = await Database.create('knex');
    knex = Knex({client: 'pg', connection: database.connection, pool: {min: 0, max: 2}});
  });
  after(async () => {
    await knex?.destroy();
    await database?.drop();
  });

  test('inserts, updates, upserts and deletes', async () => {
    const {seen} = database;
    const [row] = await database.seen(task('a', 'one'), () => knex('task').insert({id: 'a', title: 'one'}).returning('*'));
    assert.deepEqual({...row, row_version: 0}, {id: 'a', title: 'one', done: false, lock: 1, row_version: 0});
    assert.equal(Number(row.row_version), await database.head());  // what RETURNING gives is what the trigger has set
    await database.seen({...task('b', 'two'), ...task('c', 'three')}, () => knex.batchInsert('task', [{id: 'b', title: 'two'}, {id: 'c', title: 'three'}]));
    await database.seen(task('a', 'uno'), () => knex('task').where({id: 'a'}).update({title: 'uno'}));
    await database.seen({...task('a', 'one'), ...task('d', 'four')}, () => knex('task').insert([{id: 'a', title: 'one'}, {id: 'd', title: 'four'}]).onConflict('id').merge());
    await database.seen({}, () => knex('task').insert({id: 'a', title: 'never'}).onConflict('id').ignore());
    await database.seen({b: null}, () => knex('task').where({id: 'b'}).del());
  });

  test('a whole row that is read and written again, with the old version', async () => {
    const row = await knex('task').where({id: 'c'}).first();
    await knex('task').where({id: 'c'}).update({done: true});
    await database.seen(task('c', 'drei'), () => knex('task').where({id: 'c'}).update({...row, title: 'drei'}));
    await database.seen(task('e', 'five'), () => knex('task').insert({...row, id: 'e', title: 'five'}));
    await database.seen(task('f', 'six'), () => knex('task').insert({id: 'f', title: 'six', row_version: null}));
  });

  test('the version as an optimistic lock', async () => {
    const {row_version} = await knex('task').where({id: 'c'}).first();
    const save = title => knex('task').where({id: 'c', row_version}).update({title});
    assert.equal(await save('first'), 1);
    assert.equal(await save('second'), 0);
    assert.equal((await knex('task').where({id: 'c'}).first()).title, 'first');
  });

  test('a transaction that is rolled back is not seen', async () => {
    await database.seen({}, () => knex.transaction(async transaction => {
      await transaction('task').where({id: 'a'}).update({title: 'never'});
      await transaction.rollback();
    }).catch(() => {}));
  });

  test('migrations: the schema builder leaves the rest of the table alone', async () => {
    const migrations = [
      {name: '1', up: knex => knex.raw(`SELECT replicache.track_table('task', version => 'row_version', columns => '{id,title,done}')`), down: knex => knex.raw(`SELECT replicache.untrack_table('task')`)},
      {name: '2', up: knex => knex.schema.alterTable('task', table => table.string('note')), down: knex => knex.schema.alterTable('task', table => table.dropColumn('note'))},
    ];
    const config = {migrationSource: {getMigrations: async () => migrations, getMigrationName: ({name}) => name, getMigration: async migration => migration}};
    await knex.migrate.latest(config);
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('a', 'after'), () => knex('task').where({id: 'a'}).update({title: 'after', note: 'x'}));
    await knex.migrate.down(config);
    assert.deepEqual(await database.tracking(), whole);
  });
});
