-- ALTER COLUMN … TYPE of the columns that a table is tracked by: it just works, and clients follow.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA types;
SET search_path = types, public;
\i sql/include/tracking.sql
CREATE FUNCTION triggers(relation regclass) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE tgname = '~replicache_moved' AND (tgrelid = relation OR tgrelid IN (SELECT relid FROM pg_partition_tree(relation))) ORDER BY 1
$$;

-- The key, whose text stays.
CREATE TABLE a (id serial PRIMARY KEY, x text);
SELECT replicache.track_table('a');
INSERT INTO a (x) VALUES ('one'), ('two');
SELECT sync();
ALTER TABLE a ALTER COLUMN id TYPE bigint;
SELECT sync();
INSERT INTO a VALUES (3000000000, 'big');
UPDATE a SET id = 3 WHERE id = 1;
DELETE FROM a WHERE id = 2;
SELECT sync();
SELECT triggers('a');
-- Its text changes, and a value, too; with other changes in the same command, and in a transaction that writes.
BEGIN;
INSERT INTO a VALUES (4, 'four');
ALTER TABLE a ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text USING 'k/' || id, ALTER COLUMN x TYPE json USING to_json(x), ADD y int;
UPDATE a SET id = 'k/five', y = 5 WHERE id = 'k/4';
COMMIT;
SELECT sync();
UPDATE a SET id = 'moved' WHERE id = 'k/3';
SELECT sync();
-- Undone.
BEGIN;
ALTER TABLE a ALTER COLUMN id TYPE varchar(20);
ROLLBACK;
SELECT try($$ALTER TABLE a ALTER COLUMN id TYPE int USING 1 / 0$$);
UPDATE a SET id = 'again' WHERE id = 'moved';
SELECT sync();
SELECT triggers('a');
-- What cannot be a key, or a space, is refused.
SELECT try($$ALTER TABLE a ALTER COLUMN id TYPE float8 USING length(id)$$);
CREATE TABLE s (id int PRIMARY KEY, room int NOT NULL, n int);
SELECT replicache.track_table('s', space => 'room/{room}');
INSERT INTO s VALUES (1, 7, 1), (2, 8, 2);
SELECT sync('room/7');
SELECT sync('room/7a');   -- of a client that is early
SELECT try($$ALTER TABLE s ALTER COLUMN room TYPE jsonb USING to_jsonb(room)$$);
ALTER TABLE s ALTER COLUMN room TYPE text USING room || 'a';
SELECT sync('room/7');
SELECT sync('room/7a');
UPDATE s SET room = '8a' WHERE id = 1;
SELECT sync('room/7a');
SELECT sync('room/8a');
ALTER TABLE s ALTER COLUMN n TYPE text USING n || '!';   -- of the value only: clients keep the old ones until…
SELECT count(*) > 0 AS keep FROM sync('room/8a') l WHERE l ~ 'CLIENT';
SELECT replicache.resync('s');
SELECT sync('room/8a');
-- Partitions, and triggers that fire always.
CREATE TABLE p (id int, part int, PRIMARY KEY (id, part)) PARTITION BY RANGE (part);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
SELECT replicache.track_table('p');
ALTER TABLE p ENABLE ALWAYS TRIGGER "~replicache_moved", ENABLE ALWAYS TRIGGER "~replicache_deleted";
INSERT INTO p VALUES (1, 1), (2, 11);
SELECT count(*) FROM sync();
ALTER TABLE p ALTER COLUMN id TYPE bigint;
SELECT triggers('p');
UPDATE p SET id = id + 2;
SELECT sync();
-- A column that was renamed before: it is for track_table to give the trigger back.
BEGIN;
ALTER TABLE s RENAME room TO place;
ALTER TABLE s ALTER COLUMN place TYPE varchar(30);
SELECT replicache.track_table('s', space => 'room/{place}');
COMMIT;
SELECT triggers('s');
UPDATE s SET place = 'x' WHERE id = 1;
SELECT sync('room/8a');
-- A trigger that somebody has dropped does not come back unnoticed.
DROP TRIGGER "~replicache_moved" ON s;
ALTER TABLE s ALTER COLUMN place TYPE text, ALTER COLUMN n TYPE int USING 1;
SELECT triggers('s');
SELECT try($$SELECT replicache.pull_since(NULL)$$);
SELECT replicache.retrack('s');
-- Not the owner; no such table; none that is tracked; a table in use.
CREATE ROLE types_other;
GRANT USAGE ON SCHEMA types TO types_other;
SET ROLE types_other;
SELECT try($$ALTER TABLE a ALTER COLUMN id TYPE varchar(20)$$);
RESET ROLE;
SELECT triggers('a');
SELECT try($$ALTER TABLE nope ALTER COLUMN id TYPE varchar(20)$$);
ALTER TABLE IF EXISTS nope ALTER COLUMN id TYPE varchar(20);
SELECT try($$ALTER TABLE cookie ALTER COLUMN space TYPE varchar(20)$$);
CREATE FUNCTION alter_it() RETURNS int LANGUAGE plpgsql AS $$BEGIN ALTER TABLE a ALTER COLUMN id TYPE varchar(30); RETURN 1; END$$;
SELECT try($$SELECT alter_it() FROM a$$);
SELECT sync() ~ 'CLIENT' AS diverged GROUP BY 1;
-- While event triggers are off, PostgreSQL refuses it; then the table is untracked meanwhile.
SET session_replication_role = replica;
SELECT try($$ALTER TABLE a ALTER COLUMN id TYPE varchar(30)$$);
RESET session_replication_role;
SELECT replicache.untrack_table('a');
ALTER TABLE a ALTER COLUMN id TYPE varchar(30);
SELECT replicache.track_table('a');
SELECT sync() ~ 'CLIENT' AS diverged GROUP BY 1;

-- Of a table from which a tracked one inherits, it is refused, too.
CREATE TABLE base (id int, x text);
CREATE TABLE derived (PRIMARY KEY (id)) INHERITS (base);
SELECT replicache.track_table('derived');
INSERT INTO derived VALUES (1, 'one');
SELECT sync() ~ 'CLIENT' AS diverged GROUP BY 1;
SELECT try($$ALTER TABLE base ALTER COLUMN id TYPE bigint$$);
BEGIN;
SELECT replicache.untrack_table('derived');
ALTER TABLE base ALTER COLUMN id TYPE bigint;
SELECT replicache.track_table('derived');
COMMIT;
UPDATE derived SET id = 3000000000;
SELECT line FROM sync() line WHERE line ~ 'derived|CLIENT';

DROP SCHEMA types CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE types_other;
