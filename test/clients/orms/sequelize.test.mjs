// Sequelize: models, optimistic locking, and sync({alter: true}).
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {DataTypes, OptimisticLockError, Sequelize} from 'sequelize';
import {Database, task, whole} from './harness.mjs';

const columns = {id: {type: DataTypes.TEXT, primaryKey: true}, title: {type: DataTypes.TEXT, allowNull: false}, done: {type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false}};
const options = {tableName: 'task', timestamps: false, version: 'lock'};
// What is written for the column of the extension: so that sync does not drop it, and that statements leave it out.
const rowVersion = {type: DataTypes.BIGINT, allowNull: false, defaultValue: Sequelize.literal('0')};

describe('Sequelize', () => {
  let database, sequelize, Task;
  const log = [];
  before(async () => {
    database = await Database.create('sequelize');
    const {user: username, ...connection} = database.connection;
    sequelize = new Sequelize({dialect: 'postgres', username, ...connection, pool: {max: 2}, logging: sql => log.push(sql)});
    Task = sequelize.define('Task', {...columns, row_version: rowVersion}, options);
  });
  after(async () => {
    await sequelize?.close();
    await database?.drop();
  });

  test('a model without the column', async () => {
    const Bare = sequelize.define('Bare', columns, options);
    await database.seen(task('x', 'one'), () => Bare.create({id: 'x', title: 'one'}));
    await database.seen(task('x', 'two'), async () => (await Bare.findByPk('x')).update({title: 'two'}));
    await database.seen(task('x', 'three'), () => Bare.upsert({id: 'x', title: 'three'}));
    await database.seen({x: null}, async () => (await Bare.findByPk('x')).destroy());
  });

  test('a model with it', async () => {
    const row = await database.seen(task('a', 'one'), () => Task.create({id: 'a', title: 'one'}));
    assert.equal(Number(row.row_version), await database.head());
    await database.seen({...task('b', 'two'), ...task('c', 'three')}, () => Task.bulkCreate([{id: 'b', title: 'two'}, {id: 'c', title: 'three'}]));
    await database.seen(task('a', 'uno'), () => row.update({title: 'uno'}));
    await database.seen(task('a', 'eins'), () => Task.upsert({id: 'a', title: 'eins'}));
    await database.seen(task('d', 'four'), () => Task.upsert({id: 'd', title: 'four'}));
    await database.seen({b: null}, () => Task.destroy({where: {id: 'b'}}));
  });

  test('optimistic locking has a column of its own', async () => {
    const [first, second] = [await Task.findByPk('c'), await Task.findByPk('c')];
    await database.seen(task('c', 'first'), () => first.update({title: 'first'}));
    await database.seen(task('c', 'again'), () => first.update({title: 'again'}));
    await assert.rejects(second.update({title: 'second'}), OptimisticLockError);
  });

  test('…and cannot use that of the extension: the second save of an object fails', async () => {
    const Wrong = sequelize.define('Wrong', columns, {...options, version: 'row_version'});
    const row = await Wrong.findByPk('c');
    await row.update({title: 'one'});
    await database.sql(`UPDATE task SET title = 'somebody else' WHERE id = 'a'`);
    await row.update({title: 'two'}).catch(() => {});
    await assert.rejects(row.update({title: 'three'}), OptimisticLockError);
  });

  test('sync({alter: true}) keeps what is declared', async () => {
    await Task.sync({alter: true});
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('a', 'after sync'), async () => (await Task.findByPk('a')).update({title: 'after sync'}));
  });

  test('sync({alter: {drop: false}}) keeps it without a declaration', async () => {
    await sequelize.define('Kept', columns, options).sync({alter: {drop: false}});
    assert.deepEqual(await database.tracking(), whole);
  });

  test('sync({alter: true}) drops it without a declaration; track_table brings it back', async () => {
    await sequelize.define('Dropped', columns, options).sync({alter: true});
    assert.equal((await database.tracking()).column, 0);
    await assert.rejects(database.sql(`UPDATE task SET title = 'x'`), {code: '42703'});
    await database.sql(`SELECT replicache.track_table('task', version => 'row_version', columns => '{id,title,done}')`);
    assert.deepEqual(await database.tracking(), whole);
  });
});
