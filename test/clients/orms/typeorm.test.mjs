// TypeORM: entities, optimistic locking, and the synchronisation of schemas.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {DataSource, EntitySchema} from 'typeorm';
import {Database, task, whole} from './harness.mjs';

const columns = {id: {type: 'text', primary: true}, title: {type: 'text'}, done: {type: 'boolean', default: false}, lock: {type: 'integer', version: true}};
// What is written for the column of the extension. Its index is declared by its name.
const rowVersion = {type: 'bigint', default: 0, select: false, insert: false, update: false};
const declared = new EntitySchema({name: 'Task', tableName: 'task', columns: {...columns, row_version: rowVersion}, indices: [{name: 'task_row_version_idx', columns: ['row_version']}]});
const bare = new EntitySchema({name: 'Bare', tableName: 'task', columns});

describe('TypeORM', () => {
  let database, tasks;
  const sources = [];
  const connect = async (entity, options) => {
    const {user: username, ...connection} = database.connection;
    const source = await new DataSource({type: 'postgres', username, ...connection, entities: [entity], ...options}).initialize();
    sources.push(source);
    return source;
  };
  const pending = async source => (await source.driver.createSchemaBuilder().log()).upQueries.map(({query}) => query);
  before(async () => {
    database = await Database.create('typeorm');
    // The default of TypeORM for a version column; it belongs to the entity, not to the extension.
    await database.sql('ALTER TABLE task ALTER COLUMN lock DROP DEFAULT');
    tasks = (await connect(declared)).getRepository('Task');
  });
  after(async () => {
    for (const source of sources) await source.destroy();
    await database?.drop();
  });

  test('inserts, updates, upserts and deletes', async () => {
    const row = await database.seen(task('a', 'one'), () => tasks.save({id: 'a', title: 'one'}));
    assert.deepEqual(await tasks.findOneBy({id: 'a'}), {id: 'a', title: 'one', done: false, lock: 1});  // not selected
    await database.seen({...task('b', 'two'), ...task('c', 'three')}, () => tasks.insert([{id: 'b', title: 'two'}, {id: 'c', title: 'three'}]));
    await database.seen(task('a', 'uno'), () => tasks.save({...row, title: 'uno'}));
    await database.seen(task('a', 'un'), () => tasks.update({id: 'a'}, {title: 'un'}));
    await database.seen({...task('a', 'eins'), ...task('d', 'vier')}, () => tasks.upsert([{id: 'a', title: 'eins'}, {id: 'd', title: 'vier'}], ['id']));
    await database.seen({b: null}, () => tasks.delete('b'));
    await database.seen({d: null}, async () => tasks.remove(await tasks.findOneBy({id: 'd'})));
  });

  test('optimistic locking has a column of its own', async () => {
    const {lock} = await tasks.findOneBy({id: 'c'});
    await database.seen(task('c', 'first'), async () => tasks.save({...await tasks.findOneBy({id: 'c'}), title: 'first'}));
    const find = version => tasks.manager.transaction(manager => manager.getRepository('Task').findOne({where: {id: 'c'}, lock: {mode: 'optimistic', version}}));
    await assert.rejects(find(lock), /optimistic lock/i);
    assert.equal((await find(lock + 1)).title, 'first');
  });

  test('the synchronisation of schemas leaves what is declared alone', async () => {
    // The comment of the column goes, once. Nothing needs it.
    assert.deepEqual(await pending(sources[0]), ['COMMENT ON COLUMN "task"."row_version" IS NULL']);
    const source = await connect(declared, {synchronize: true});
    assert.deepEqual(await pending(source), []);
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('a', 'after sync'), () => source.getRepository('Task').update({id: 'a'}, {title: 'after sync'}));
  });

  test('an entity without the column: inserts work, but the synchronisation would drop column and index', async () => {
    const source = await connect(bare);
    await database.seen(task('e', 'five'), () => source.getRepository('Bare').save({id: 'e', title: 'five'}));
    const queries = await pending(source);
    assert.ok(queries.some(query => /DROP COLUMN "row_version"/.test(query)), queries.join('\n'));
    assert.ok(queries.some(query => /DROP INDEX .*task_row_version_idx/.test(query)), queries.join('\n'));
    assert.deepEqual(await database.tracking(), whole);
  });

  test('…unless the entity is not synchronised', async () => {
    const source = await connect(new EntitySchema({name: 'Kept', tableName: 'task', synchronize: false, columns}), {synchronize: true});
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('e', 'sixth'), () => source.getRepository('Kept').update({id: 'e'}, {title: 'sixth'}));
  });
});
