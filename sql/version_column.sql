-- The version column: a column of the application's is left alone, and what a new one means is said.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA version_column;
SET search_path = version_column;
\set SHOW_CONTEXT never

-- A new one.
CREATE TABLE a (id int PRIMARY KEY, x text);
SELECT replicache.track_table('a');
SELECT col_description('a'::regclass, 3);
-- It is known again, also after untrack_table and in a copy of the table.
SELECT replicache.track_table('a', key => 'b/{id}');
SELECT replicache.untrack_table('a');
SELECT replicache.track_table('a');
CREATE TABLE a2 (LIKE a INCLUDING ALL);
SELECT replicache.track_table('a2');
-- Named otherwise, it stays so until another is named.
SELECT replicache.track_table('a', version => 'v');
SELECT replicache.track_table('a', key => 'b/{id}');
SELECT version_column FROM replicache.tracked_table WHERE relation = 'a'::regclass;
SELECT replicache.retrack('a');
SELECT key, version_column FROM replicache.tracked_table WHERE relation = 'a'::regclass;

-- One of the application's.
CREATE TABLE doc_version (id int PRIMARY KEY, doc int NOT NULL, version bigint NOT NULL, UNIQUE (doc, version));
INSERT INTO doc_version VALUES (1, 7, 1), (2, 7, 2);
SELECT replicache.track_table('doc_version');
\echo :LAST_ERROR_SQLSTATE
TABLE doc_version;
SELECT replicache.track_table('doc_version', version => 'row_version');
INSERT INTO doc_version (id, doc, version) VALUES (3, 7, 3), (4, 8, 1);
SELECT replicache.pull_since(NULL) -> 'patch' -> 1;
-- Taken when it is named; of another type, refused.
CREATE TABLE mine (id int PRIMARY KEY, version bigint NOT NULL);
SELECT replicache.track_table('mine', version => 'version');
CREATE TABLE text_version (id int PRIMARY KEY, version text);
SELECT replicache.track_table('text_version');
SELECT replicache.track_table('text_version', version => 'version');

-- Values from which versions could pass 2^53 are refused before anything changes: also in partitions.
CREATE TABLE big (id int PRIMARY KEY, version bigint NOT NULL);
INSERT INTO big VALUES (1, 4503599627370496);
SELECT replicache.track_table('big', version => 'version');
SELECT replicache.pull('{"pullVersion":1, "clientGroupID":"g", "cookie":null}') ->> 'cookie' AS cookie \gset
SELECT (:'cookie'::json ->> 'order')::bigint > 4503599627370496, replicache.pull(format('{"pullVersion":1, "clientGroupID":"g", "cookie":%s}', :'cookie')::json)::text = format('{"cookie":%s,"lastMutationIDChanges":{},"patch":[]}', :'cookie');
CREATE FUNCTION refused(n bigint) RETURNS text LANGUAGE plpgsql AS $$BEGIN
    EXECUTE format('CREATE TABLE big_%1$s (id int PRIMARY KEY, version bigint)', abs(n % 1000));
    EXECUTE format('INSERT INTO big_%s VALUES (1, %L)', abs(n % 1000), n);
    PERFORM replicache.track_table(('big_' || abs(n % 1000))::regclass, version => 'version');
    RETURN 'taken';
EXCEPTION WHEN numeric_value_out_of_range THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT n, refused(n) FROM unnest('{4503599627370497,9007199254740995,9223372036854775807,-9223372036854775808}'::bigint[]) n;
SELECT count(*) FROM replicache.space;
CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
SELECT replicache.track_table('p');
CREATE TABLE p1 (id int PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
INSERT INTO p1 VALUES (1, 9223372036854775807);
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);
\echo :LAST_ERROR_SQLSTATE
-- Behind our back.
UPDATE replicache.space SET version = 9007199254740990 WHERE id = '';
INSERT INTO a VALUES (1);
INSERT INTO a VALUES (2);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM replicache.space WHERE id = '';
UPDATE replicache.space SET version = 1 WHERE id = '';
SELECT replicache.create_space('timed', 'time');
CREATE TABLE t (id int PRIMARY KEY, space text NOT NULL);
SELECT replicache.track_table('t', space => 'space');
UPDATE replicache.space SET version = 9007199254740990 WHERE id = 'timed';
INSERT INTO t VALUES (1, 'timed');
INSERT INTO t VALUES (2, 'timed');
SELECT version FROM replicache.space WHERE id = 'timed';

UPDATE replicache.space SET version = 1;

SET client_min_messages = error;
DROP SCHEMA version_column CASCADE;
DROP EXTENSION replicache_ext;
