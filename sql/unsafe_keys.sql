-- Two rows with one key, for a while. When one of them goes, clients must keep the other one.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA unsafe_keys;
SET search_path = unsafe_keys;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
CREATE TABLE seen (cookie json);
INSERT INTO seen VALUES (NULL);
-- What a client gets with its next pull.
CREATE FUNCTION again() RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', (SELECT cookie FROM seen)));
BEGIN
    UPDATE seen SET cookie = answer -> 'cookie';
    RETURN answer -> 'patch';
END $$;
CREATE TABLE low (id int PRIMARY KEY, v text, CONSTRAINT apart CHECK (id < 10));
CREATE TABLE high (id int PRIMARY KEY, v text, CONSTRAINT apart CHECK (id >= 10));
SELECT replicache.track_table('low', 'h/{id}'), replicache.track_table('high', 'h/{id}');
INSERT INTO high VALUES (20, 'twenty');
SELECT again();
-- The constraint goes and comes back. In between there is a twin in the other table.
ALTER TABLE low DROP CONSTRAINT apart;
INSERT INTO low VALUES (20, 'wrong');
SELECT try('SELECT again()');
DELETE FROM low;
ALTER TABLE low ADD CONSTRAINT apart CHECK (id < 10);
SELECT again();
SELECT again();
-- The same in one transaction, in which no pull fails.
BEGIN;
ALTER TABLE low DROP CONSTRAINT apart;
INSERT INTO low VALUES (20, 'wrong');
DELETE FROM low;
ALTER TABLE low ADD CONSTRAINT apart CHECK (id < 10);
COMMIT;
SELECT again();
-- A constraint that is dropped and made again by one command keeps rows apart all the time.
ALTER TABLE low DROP CONSTRAINT apart, ADD CONSTRAINT apart CHECK (id < 9);
SELECT again();
-- Without the unique index the twin is in the same table.
BEGIN;
ALTER TABLE high DROP CONSTRAINT high_pkey;
INSERT INTO high VALUES (20, 'wrong');
DELETE FROM high WHERE v = 'wrong';
ALTER TABLE high ADD PRIMARY KEY (id);
COMMIT;
SELECT again();
-- With another unique index, it may go.
CREATE UNIQUE INDEX other ON high (id);
DROP INDEX other;
ALTER TABLE high ADD COLUMN n int;
SELECT again();
-- A key must not go from a private table to another one: the answer has their deletions in different places.
CREATE TABLE mine (id int PRIMARY KEY, v text, CHECK (id >= 9 AND id < 10));
SELECT try($$SELECT replicache.track_table('mine', 'h/{id}', private => true)$$);
SELECT try($$SELECT replicache.track_table('mine', 'h/{id}')$$);
SELECT try($$SELECT replicache.track_table('low', 'h/{id}', private => true)$$);
-- A column that is missing is told as such.
ALTER TABLE mine RENAME COLUMN id TO id2;
SELECT replicache.pull_since(0);
ALTER TABLE mine RENAME COLUMN id2 TO id;
-- A deferrable index lets twins be there within a transaction.
CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, v text);
\set VERBOSITY verbose
SELECT replicache.track_table('late');
\set VERBOSITY default
SELECT try($$SELECT replicache.track_table('late', 'late/{id}')$$);
CREATE UNIQUE INDEX at_once ON late (id);
SELECT try($$SELECT replicache.track_table('late')$$);
-- A table that was tracked before, or whose other index goes: check() tells.
DROP INDEX at_once;
SELECT again() IS NULL;
SELECT code, object, finding, hint FROM replicache.check() WHERE object = 'unsafe_keys.late' \gx
DROP SCHEMA unsafe_keys CASCADE;
DROP EXTENSION replicache_ext;
