// Django and Rails: the statements that Django 3.2.25 and Active Record 6.1.7 have sent to a tracked table, as they wrote them into their logs.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {Database, task, whole} from './harness.mjs';

/** Send each statement, and see what clients learn of it. */
async function replay(database, statements) {
  for (const [sql, parameters, expected, count] of statements) {
    const {rowCount} = await database.seen(expected, () => database.pool.query(sql, parameters));
    assert.equal(rowCount, count, sql);
  }
}

describe('Django', () => {
  let database;
  before(async () => (database = await Database.create('django')));
  after(() => database?.drop());

  test('a model without the column', () => replay(database, [
    [`INSERT INTO "task" ("id", "title", "done", "lock") VALUES ('a', 'one', false, 1)`, [], task('a', 'one'), 1],  // create()
    [`UPDATE "task" SET "title" = 'two', "done" = false, "lock" = 1 WHERE "task"."id" = 'a'`, [], task('a', 'two'), 1],  // save()
    [`INSERT INTO "task" ("id", "title", "done", "lock") VALUES ('b', 'b', false, 1), ('c', 'c', false, 1)`, [], {...task('b', 'b'), ...task('c', 'c')}, 2],  // bulk_create()
    [`UPDATE "task" SET "title" = CAST(CASE WHEN ("task"."id" = 'b') THEN 'b2' WHEN ("task"."id" = 'c') THEN 'c2' ELSE NULL END AS text) WHERE "task"."id" IN ('b', 'c')`, [],
      {...task('b', 'b2'), ...task('c', 'c2')}, 2],  // bulk_update()
    [`INSERT INTO "task" ("id", "title", "done", "lock") VALUES ('b', 'b', false, 1) ON CONFLICT DO NOTHING`, [], {}, 0],  // bulk_create(ignore_conflicts=True)
    [`SELECT "task"."id", "task"."title", "task"."done", "task"."lock" FROM "task" WHERE "task"."id" = 'b' LIMIT 21 FOR UPDATE`, [], {}, 1],  // update_or_create()
    [`UPDATE "task" SET "title" = 'y', "lock" = ("task"."lock" + 1) WHERE ("task"."id" = 'a' AND "task"."lock" = 1)`, [], task('a', 'y'), 1],  // update() as an optimistic lock
    [`UPDATE "task" SET "title" = 'z', "lock" = ("task"."lock" + 1) WHERE ("task"."id" = 'a' AND "task"."lock" = 1)`, [], {}, 0],
    [`DELETE FROM "task" WHERE "task"."id" = 'c'`, [], {c: null}, 1],  // delete()
  ]));

  test('a model that inspectdb has written: the column has no default there', async () => {
    await replay(database, [
      [`INSERT INTO "task" ("id", "title", "done", "lock", "row_version") VALUES ('d', 'd', false, 1, NULL)`, [], task('d', 'd'), 1],  // create()
      [`UPDATE "task" SET "title" = 'b3', "done" = false, "lock" = 1, "row_version" = 6 WHERE "task"."id" = 'b'`, [], task('b', 'b3'), 1],  // save(): the whole row, with an old version
    ]);
    assert.deepEqual(await database.tracking(), whole);
  });
});

describe('Rails', () => {
  let database;
  before(async () => (database = await Database.create('rails')));
  after(() => database?.drop());

  test('models', () => replay(database, [
    ['INSERT INTO "task" ("id", "title", "lock") VALUES ($1, $2, $3) RETURNING "id"', ['a', 'one', 0], task('a', 'one'), 1],  // create!
    ['SELECT "task".* FROM "task" WHERE "task"."id" = $1 LIMIT $2', ['a', 1], {}, 1],  // find
    ['UPDATE "task" SET "title" = $1, "lock" = $2 WHERE "task"."id" = $3 AND "task"."lock" = $4', ['two', 1, 'a', 0], task('a', 'two'), 1],  // update!, with locking_column
    ['UPDATE "task" SET "title" = $1, "lock" = $2 WHERE "task"."id" = $3 AND "task"."lock" = $4', ['three', 1, 'a', 0], {}, 0],  // StaleObjectError
    [`INSERT INTO "task" ("id","title") VALUES ('b', 'b') ON CONFLICT  DO NOTHING RETURNING "id"`, [], task('b', 'b'), 1],  // insert_all
    [`INSERT INTO "task" ("id","title") VALUES ('b', 'b2'), ('c', 'c') ON CONFLICT ("id") DO UPDATE SET "title"=excluded."title" RETURNING "id"`, [], {...task('b', 'b2'), ...task('c', 'c')}, 2],  // upsert_all
    ['UPDATE "task" SET "title" = $1, "lock" = COALESCE("lock", 0) + $2 WHERE "task"."id" = $3', ['z', 1, 'b'], task('b', 'z'), 1],  // update_all
    ['INSERT INTO "task" ("id", "title", "lock", "row_version") VALUES ($1, $2, $3, $4) RETURNING "id"', ['d', 'z', 1, 7], task('d', 'z'), 1],  // dup, with the version of the other row
    ['DELETE FROM "task" WHERE "task"."id" = $1', ['c'], {c: null}, 1],  // delete_all
  ]));

  test('schema.rb has the column and its index, but not the triggers: track_table is called again', async () => {
    // create_table "task", id: :text, force: :cascade
    await database.sql(`DROP TABLE IF EXISTS "task" CASCADE; CREATE TABLE "task" ("id" text NOT NULL PRIMARY KEY, "title" text NOT NULL, "done" boolean DEFAULT FALSE NOT NULL,
      "lock" integer DEFAULT 1 NOT NULL, "row_version" bigint DEFAULT 0 NOT NULL); CREATE INDEX "task_row_version_idx" ON "task" ("row_version")`);
    assert.deepEqual((await database.tracking()).triggers, []);
    await database.sql(`SELECT replicache.track_table('task', version => 'row_version', columns => '{id,title,done}')`);
    assert.deepEqual(await database.tracking(), whole);
    await database.seen(task('e', 'e'), () => database.sql(`INSERT INTO task VALUES ('e', 'e')`));
  });
});
