-- What is done to tracked tables behind the extension's back: it is noticed, or pulls fail with a hint.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_faults;
SET search_path = tracking_faults;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
\set pull 'SELECT try($$SELECT replicache.pull_since(NULL)$$);'

-- Every trigger, dropped, disabled, or left to replicas.
CREATE TABLE a (id int PRIMARY KEY, x text);
SELECT replicache.track_table('a');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'a'::regclass ORDER BY tgname;
CREATE FUNCTION without(name text, how text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format(how, name);
    result := try('SELECT replicache.pull_since(NULL)');
    PERFORM replicache.retrack('a');
    PERFORM replicache.pull_since(NULL);
    RETURN result;
END $$;
SELECT without(tgname, how) FROM pg_trigger, unnest('{DROP TRIGGER %I ON a,ALTER TABLE a DISABLE TRIGGER %I,ALTER TABLE a ENABLE REPLICA TRIGGER %I}'::text[]) how
    WHERE tgrelid = 'a'::regclass ORDER BY tgname, how;
ALTER TABLE a ENABLE ALWAYS TRIGGER "~replicache_moved";
:pull
-- Also a client for which there is nothing new learns it.
SELECT replicache.pull_since(NULL) ->> 'cookie' AS cookie \gset
ALTER TABLE a DISABLE TRIGGER "~replicache_stamp";
SELECT replicache.pull_since(:cookie);
-- What was written meanwhile is told when they are enabled again.
INSERT INTO a VALUES (100, 'unseen');
ALTER TABLE a ENABLE TRIGGER "~replicache_stamp";
SELECT replicache.pull_since(:cookie) -> 'patch';
DELETE FROM a;
SELECT replicache.pull_since(NULL) ->> 'cookie' AS cookie \gset
CREATE TRIGGER mine AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE a DISABLE TRIGGER mine, ENABLE TRIGGER mine;
DROP TRIGGER mine ON a;
SELECT replicache.pull_since(:cookie)::text = format('{"cookie":%s,"lastMutationIDChanges":{},"patch":[]}', :cookie);
-- Of a partition.
CREATE TABLE p (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
SELECT replicache.track_table('p');
ALTER TABLE p1 DISABLE TRIGGER "~replicache_deleted";
:pull
ALTER TABLE p1 ENABLE TRIGGER "~replicache_deleted";
:pull
-- Other protocols say so, too.
CREATE TABLE note (id int PRIMARY KEY, owner text NOT NULL);
SELECT replicache.track_table('note', space => 'owner'), replicache.expose_crud('note');
ALTER TABLE note DISABLE TRIGGER ALL;
SELECT try($$SELECT replicache.sync_pull(-1, 'ann')$$);
DROP TABLE note;

-- Partitions that are created inside CREATE SCHEMA.
CREATE SCHEMA tracking_faults_sub CREATE TABLE p2 PARTITION OF tracking_faults.p FOR VALUES IN (2) CREATE TABLE p3 PARTITION OF tracking_faults.p FOR VALUES IN (3);
INSERT INTO p VALUES (1, 1), (2, 2), (3, 3);
SELECT * FROM sync();
TRUNCATE tracking_faults_sub.p2;
SELECT * FROM sync();
DROP TABLE tracking_faults_sub.p3;
SELECT * FROM sync();
SELECT partitions FROM replicache.tracked_table WHERE relation = 'p'::regclass;
-- A partition that is detached, or dropped, while event triggers are off.
SET session_replication_role = replica;
ALTER TABLE p DETACH PARTITION tracking_faults_sub.p2;
RESET session_replication_role;
:pull
SELECT replicache.retrack('p');
:pull
CREATE TABLE p4 PARTITION OF p FOR VALUES IN (4);
SET session_replication_role = replica;
DROP TABLE p4;
CREATE TABLE p5 PARTITION OF p FOR VALUES IN (5);
RESET session_replication_role;
SELECT regexp_replace(try($$SELECT replicache.pull_since(NULL)$$), '\d{3,}', 'OID', 'g');
SELECT replicache.retrack('p');
:pull
DROP SCHEMA tracking_faults_sub CASCADE;

-- A table that is dropped while event triggers are off can be set up again, and clients drop its rows.
INSERT INTO a VALUES (1, 'x');
SELECT replicache.expose_crud('a');
SELECT * FROM sync();
SET session_replication_role = replica;
DROP TABLE a;
RESET session_replication_role;
SELECT regexp_replace(try($$SELECT replicache.pull_since(NULL)$$), '\d{3,}', 'OID', 'g');
CREATE TABLE a (id int PRIMARY KEY, x text);
BEGIN;
SELECT replicache.expose_crud('a');
SELECT * FROM sync();
ROLLBACK;
SELECT count(replicache.untrack_table(relation)) FROM replicache.tracked_table WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = relation);
SELECT * FROM sync();
SELECT replicache.track_table('a');
SELECT replicache.expose_crud('a');
SELECT replicache.powersync_upload('{"client_id":"d", "batch":[{"op_id":1, "op":"PUT", "type":"a", "id":"1", "data":{"x":"q"}}]}') #>> '{results,0,status}';
SELECT relation, exists(SELECT FROM pg_class c WHERE c.oid = relation) FROM replicache.tracked_table ORDER BY 1;
SELECT * FROM sync();

-- A table that is swapped by renaming.
BEGIN;
CREATE TABLE a_new (LIKE a INCLUDING ALL);
INSERT INTO a_new SELECT * FROM a;
ALTER TABLE a RENAME TO a_old;
:pull
ALTER TABLE a_new RENAME TO a;
:pull
SELECT try('DROP TABLE a_old');
SELECT replicache.untrack_table('a_old');
DROP TABLE a_old;
SELECT replicache.track_table('a', version => 'version');
SELECT * FROM sync();
ROLLBACK;
-- Or if the new one is none of ours.
ALTER TABLE a RENAME TO b;
:pull
CREATE TABLE a (id int PRIMARY KEY);
:pull
SELECT replicache.retrack('b');
:pull
ALTER TABLE a RENAME TO c;
CREATE SCHEMA tracking_faults_sub;
ALTER TABLE b SET SCHEMA tracking_faults_sub;
:pull
SELECT * INTO b FROM c;
:pull
DROP TABLE b;
:pull
ALTER TABLE tracking_faults_sub.b SET SCHEMA tracking_faults;
-- A view that has got the name may well be of the table.
ALTER TABLE b RENAME TO base;
CREATE VIEW b AS SELECT * FROM base;
ANALYZE base;
:pull
BEGIN;
DROP VIEW b;
CREATE VIEW b AS SELECT * FROM c;
DROP TABLE base;
ROLLBACK;
DROP VIEW b;
ALTER TABLE base RENAME TO b;
-- Two tracked tables may swap their names.
SELECT replicache.track_table('c', key => 'c/{id}');
ALTER TABLE b RENAME TO d;
ALTER TABLE c RENAME TO b;
:pull
DROP TABLE d;
:pull

-- A table that a crash would empty, or a partition. It may have happened.
CREATE TABLE u (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE u1 PARTITION OF u FOR VALUES IN (1);
SELECT replicache.track_table('u');
INSERT INTO u VALUES (1, 1);
SELECT replicache.pull_since(NULL) ->> 'cookie' AS cookie \gset
ALTER TABLE u1 SET UNLOGGED;
:pull
ALTER TABLE u1 SET LOGGED;
SELECT replicache.pull_since(:cookie) -> 'patch' -> 0;
DROP TABLE u;
ALTER TABLE b SET UNLOGGED;
:pull
ALTER TABLE b SET LOGGED;
:pull

-- A key that is not unique any more.
CREATE TABLE k (id int PRIMARY KEY, code text NOT NULL UNIQUE);
SELECT replicache.track_table('k', key => 'k/{code}');
ALTER TABLE k DROP CONSTRAINT k_code_key;
:pull
CREATE UNIQUE INDEX ON k (code, id);
:pull
CREATE UNIQUE INDEX ON k (code);
:pull

-- Tables that are restored without the registry: the triggers say so, or where nothing is tracked, the pull.
CREATE TABLE restored (id int PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
CREATE TRIGGER "~replicache_stamp" BEFORE INSERT OR UPDATE ON restored FOR EACH ROW EXECUTE FUNCTION replicache.on_change('version', '', 'restored/{id}');
SELECT try('INSERT INTO restored VALUES (1)');
SELECT count(replicache.untrack_table(relation)) FROM replicache.tracked_table;
INSERT INTO restored VALUES (1, 7);
TABLE restored;
:pull
SELECT replicache.track_table('restored', version => 'version');
:pull

-- A dump of version 0.2.0 knows neither names nor partitions.
CREATE TABLE q (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1);
SELECT replicache.track_table('q');
CREATE TEMP TABLE dumped AS SELECT relation, key, value, space_column, deleted_column, version_column FROM replicache.tracked_table;
DELETE FROM replicache.tracked_table;
INSERT INTO replicache.tracked_table (relation, key, value, space_column, deleted_column, version_column) TABLE dumped;
SELECT relation, table_name, partitions FROM replicache.tracked_table ORDER BY relation::text;
DROP TABLE dumped, q;

-- A drop of anything else leaves the registries alone.
CREATE FUNCTION invalidated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE WARNING '% of %', TG_OP, TG_TABLE_NAME; RETURN NULL; END$$;
CREATE TRIGGER t AFTER DELETE OR UPDATE ON replicache.tracked_table FOR EACH STATEMENT EXECUTE FUNCTION invalidated();
CREATE TRIGGER t AFTER DELETE OR UPDATE ON replicache.exposed_table FOR EACH STATEMENT EXECUTE FUNCTION invalidated();
CREATE TEMP TABLE elsewhere (a int);
DROP TABLE elsewhere;
CREATE TABLE elsewhere (a int);
DROP TABLE elsewhere;
DROP TABLE restored;

SET client_min_messages = error;
DROP SCHEMA tracking_faults CASCADE;
DROP SCHEMA tracking_faults_sub CASCADE;
DROP EXTENSION replicache_ext;
