-- DDL on tracked tables: what is followed, and what gives a clear error until track_table is called again.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_ddl;
SET search_path = tracking_ddl;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE n (id int PRIMARY KEY, body text);
SELECT replicache.track_table('n');
INSERT INTO n VALUES (1, 'one');
CREATE TABLE other (id int PRIMARY KEY);
SELECT replicache.track_table('other');
INSERT INTO other VALUES (1);
SELECT * FROM sync();

-- ADD COLUMN: in the value at once, and in all of them after resync.
ALTER TABLE n ADD extra text DEFAULT 'x';
UPDATE n SET body = 'ONE';
INSERT INTO n (id, body, extra) VALUES (2, 'two', NULL);
SELECT * FROM sync();
INSERT INTO n (id, body) VALUES (3, 'three');
SELECT count(*) FROM sync();
ALTER TABLE n ADD "Late" boolean;
SELECT replicache.resync('n');
SELECT * FROM sync();
-- DROP COLUMN, RENAME of a column that only the default value has, SET NOT NULL, DEFAULT, ALTER TYPE.
ALTER TABLE n DROP "Late", DROP extra;
ALTER TABLE n RENAME body TO text;
ALTER TABLE n ALTER text TYPE varchar(10), ALTER text SET DEFAULT 'd';
SELECT replicache.resync('n');
SELECT * FROM sync();
INSERT INTO n (id) VALUES (4);
DELETE FROM n WHERE id = 3;
SELECT * FROM sync();
ALTER TABLE n ALTER text DROP DEFAULT, ALTER text TYPE json USING to_json(text);
SELECT replicache.resync('n');
SELECT * FROM sync();

-- A key column: RENAME gives an error, in writes and pulls, until track_table is called again.
ALTER TABLE n RENAME id TO nr;
SELECT try($$INSERT INTO n VALUES (5, '5')$$);
SELECT try($$UPDATE n SET text = '5' WHERE nr = 1$$);
SELECT try($$DELETE FROM n WHERE nr = 1$$);
SELECT try($$SELECT replicache.pull_since(0)$$);
SELECT replicache.track_table('n');
INSERT INTO n VALUES (5, '5');
SELECT * FROM sync();
ALTER TABLE n RENAME nr TO id;
SELECT replicache.track_table('n', 'n/{id}');
SELECT count(*) FROM sync();
-- … the version column, too.
ALTER TABLE n RENAME version TO v;
SELECT try($$INSERT INTO n VALUES (6, '6')$$);
SELECT try($$SELECT replicache.pull_since(0)$$);
ALTER TABLE n RENAME v TO version;
INSERT INTO n VALUES (6, '6');
SELECT * FROM sync();
ALTER TABLE n DROP version;
SELECT try($$INSERT INTO n VALUES (7, '7')$$);
SELECT try($$SELECT replicache.pull_since(0)$$);
SELECT replicache.track_table('n');
INSERT INTO n VALUES (7, '7');
SELECT * FROM sync() AS line WHERE line !~ '->';
-- … which untrack_table does without.
ALTER TABLE n RENAME id TO nr;
SELECT replicache.untrack_table('n');
ALTER TABLE n RENAME nr TO id;
SELECT * FROM sync();
SELECT replicache.track_table('n');
SELECT count(*) FROM sync();
-- … ALTER TYPE and DROP of a key column.
SELECT split_part(try($$ALTER TABLE n ALTER id TYPE bigint$$), E'\n', 1);
SELECT split_part(try($$ALTER TABLE n DROP id$$), ' because', 1);
SELECT * FROM sync();
SELECT replicache.untrack_table('n');
ALTER TABLE n ALTER id TYPE bigint;
SELECT replicache.track_table('n');
SELECT count(*) FROM sync();
ALTER TABLE n DROP id CASCADE;
SELECT try($$INSERT INTO n VALUES ('8')$$);
SELECT try($$SELECT replicache.pull_since(0)$$);
SELECT try($$SELECT replicache.track_table('n')$$);
SELECT try($$SELECT replicache.untrack_table('n')$$);
SELECT * FROM sync();
DROP TABLE n;
-- … DROP NOT NULL: a row without a key is refused.
CREATE TABLE n (id int NOT NULL UNIQUE, body text);
SELECT replicache.track_table('n', 'n/{id}');
ALTER TABLE n ALTER id DROP NOT NULL;
INSERT INTO n VALUES (1, 'one');
SELECT try('INSERT INTO n VALUES (NULL, 2)');
SELECT try('UPDATE n SET id = NULL');
SELECT * FROM sync();
DROP TABLE n;

-- RENAME and SET SCHEMA of the table, RENAME of its schema: keys stay as they are.
CREATE SCHEMA tracking_ddl_2;
CREATE TABLE n (id int PRIMARY KEY, body text);
SELECT replicache.track_table('n');
INSERT INTO n VALUES (1, 'one');
SELECT count(*) FROM sync();
ALTER TABLE n RENAME TO note;
INSERT INTO note VALUES (2, 'two');
DELETE FROM note WHERE id = 1;
SELECT * FROM sync();
ALTER TABLE note SET SCHEMA tracking_ddl_2;
INSERT INTO tracking_ddl_2.note VALUES (3, 'three');
SELECT * FROM sync();
ALTER SCHEMA tracking_ddl_2 RENAME TO tracking_ddl_3;
INSERT INTO tracking_ddl_3.note VALUES (4, 'four');
SELECT * FROM sync();
SELECT relation, key FROM replicache.tracked_table ORDER BY key;
-- … a new table of the old name could have the same keys; after track_table, no more.
CREATE TABLE n (id int PRIMARY KEY);
SELECT try($$SELECT replicache.track_table('n')$$);
SELECT replicache.track_table('tracking_ddl_3.note');
SELECT replicache.track_table('n');
INSERT INTO n VALUES (1);
SELECT * FROM sync();

-- DROP TABLE, DROP SCHEMA: the entries vanish. Rolled back: nothing.
BEGIN;
DROP TABLE n;
ROLLBACK;
BEGIN;
SAVEPOINT s;
DROP TABLE n, other;
ROLLBACK TO s;
COMMIT;
UPDATE n SET id = 2;
SELECT * FROM sync();
DROP TABLE n;
SELECT * FROM sync();
SELECT try($$SELECT replicache.resync('n')$$);
SELECT count(*) FROM replicache.tracked_table WHERE relation NOT IN (SELECT oid FROM pg_class);
DROP SCHEMA tracking_ddl_3 CASCADE;
SELECT * FROM sync();
BEGIN;
CREATE TABLE brief (id int PRIMARY KEY);
SELECT replicache.track_table('brief');
INSERT INTO brief VALUES (1);
DROP TABLE brief;
COMMIT;
SELECT * FROM sync() AS line WHERE line !~ '->';
CREATE ROLE regress_replicache_ddl;
GRANT CREATE, USAGE ON SCHEMA tracking_ddl TO regress_replicache_ddl;
SET ROLE regress_replicache_ddl;
CREATE TABLE owned (id int PRIMARY KEY);
RESET ROLE;
SELECT replicache.track_table('owned');
SET ROLE regress_replicache_ddl;
INSERT INTO owned VALUES (1);
DROP TABLE owned;
CREATE TABLE untracked (id int PRIMARY KEY);
ALTER TABLE untracked ADD body text;
DROP TABLE untracked;
CREATE TEMP TABLE brief (id int);
DROP TABLE brief;
RESET ROLE;
DROP OWNED BY regress_replicache_ddl;
SELECT * FROM sync() AS line WHERE line !~ '->';
DROP ROLE regress_replicache_ddl;
SELECT relation FROM replicache.tracked_table;

-- Columns of value expressions: PostgreSQL's own error, until track_table is called again.
CREATE TABLE expr (id int PRIMARY KEY, body text);
CREATE FUNCTION shown(text) RETURNS json LANGUAGE sql AS 'SELECT to_json($1)';
SELECT replicache.track_table('expr', value => 'tracking_ddl.shown(body)');
INSERT INTO expr VALUES (1, 'one');
SELECT count(*) FROM sync();
ALTER TABLE expr RENAME body TO text;
INSERT INTO expr VALUES (2, 'two');
SELECT split_part(try('SELECT replicache.pull_since(0)'), E'\n', 1);
ALTER TABLE expr RENAME text TO body;
SELECT * FROM sync();
ALTER TABLE expr ALTER body TYPE bigint USING id;
SELECT split_part(try('SELECT replicache.pull_since(0)'), E'\n', 1);
ALTER TABLE expr ALTER body TYPE text;
DROP FUNCTION shown(text);
SELECT split_part(try('SELECT replicache.pull_since(0)'), E'\n', 1);
CREATE FUNCTION shown(text) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(upper($1))';
INSERT INTO expr VALUES (3, 'jsonb');
SELECT * FROM patch(replicache.pull_since(0)) WHERE key ~ 'expr' ORDER BY key;
DROP FUNCTION shown(text);
CREATE FUNCTION shown(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
SELECT split_part(try('SELECT replicache.pull_since(0)'), E'\n', 1);
DROP TABLE expr;

-- The deleted column goes, or changes its type.
CREATE TABLE soft (id int PRIMARY KEY, gone boolean);
SELECT replicache.track_table('soft', deleted => 'gone');
ALTER TABLE soft RENAME gone TO removed;
SELECT try('SELECT replicache.pull_since(0)');
ALTER TABLE soft RENAME removed TO gone;
ALTER TABLE soft DROP gone;
SELECT try('SELECT replicache.pull_since(0)');
SELECT replicache.track_table('soft');
SELECT count(*) FROM sync();
-- VACUUM FULL, CLUSTER, REINDEX and table rewrites change no version.
INSERT INTO soft VALUES (1), (2);
SELECT count(*) FROM sync();
VACUUM FULL soft;
CLUSTER soft USING soft_pkey;
REINDEX TABLE soft;
ALTER TABLE soft ADD made timestamptz DEFAULT clock_timestamp();
ALTER TABLE soft DROP made;
SELECT * FROM sync();
-- Trying to lose the triggers.
SELECT try('DROP TRIGGER "~replicache_stamp" ON soft; SELECT replicache.track_table(''soft'')');
UPDATE soft SET id = id + 10;
SELECT * FROM sync() AS line WHERE line !~ '->';
-- Set-up is transactional, like all DDL: pulls of the same session follow.
CREATE TABLE undo (id int PRIMARY KEY);
INSERT INTO undo VALUES (1);
BEGIN;
SELECT replicache.track_table('undo');
SELECT key FROM patch(replicache.pull_since(0)) WHERE key ~ 'undo';
ROLLBACK;
INSERT INTO undo VALUES (2);
SELECT key FROM patch(replicache.pull_since(0)) WHERE key ~ 'undo';
SELECT count(*) FROM pg_attribute WHERE attrelid = 'undo'::regclass AND attnum > 0;
BEGIN;
SAVEPOINT s;
SELECT replicache.track_table('undo');
ROLLBACK TO s;
SELECT replicache.track_table('undo', 'redo/{id}');
INSERT INTO undo VALUES (3);
COMMIT;
SELECT * FROM sync();
BEGIN;
SELECT replicache.untrack_table('undo');
ROLLBACK;
INSERT INTO undo VALUES (4);
SELECT * FROM sync();
-- Triggers of one's own that write into another tracked table, at commit; and exception blocks.
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
SELECT replicache.track_table('log', value => 'to_json(what)');
SELECT count(*) FROM sync();
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO tracking_ddl.log (what) VALUES (tg_op); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER log AFTER INSERT ON undo DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log();
BEGIN;
INSERT INTO undo VALUES (5);
INSERT INTO undo VALUES (6);
COMMIT;
SELECT * FROM sync();
DO $$
BEGIN
    FOR i IN 1..6 LOOP
        BEGIN
            INSERT INTO tracking_ddl.log (what) VALUES (i);
            IF i % 2 = 0 THEN RAISE 'even'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$;
SELECT * FROM sync();

DROP SCHEMA tracking_ddl CASCADE;
DROP EXTENSION replicache_ext;
