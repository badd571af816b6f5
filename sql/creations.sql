-- What came and what went, for clients that want to be told apart what is new, what has changed and what is gone: clock `time`.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA creations;
SET search_path = creations;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
-- The log, and how long it was when it was last looked at.
CREATE TEMPORARY TABLE looked (space text, version bigint);
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT concat_ws(' ', l.space, l.version % 100000, l.what) FROM
        (SELECT space, version, 'came ' || key AS what FROM replicache.creation
         UNION ALL SELECT space, version, concat_ws(' ', 'went', key, relation, identity) FROM replicache.tombstone) l
        WHERE l.version > coalesce((SELECT k.version FROM looked k WHERE k.space = l.space), -1) AND l.space <> 'free' ORDER BY l.space COLLATE "C", l.version, l.what;
    DELETE FROM looked;
    INSERT INTO looked SELECT id, version FROM replicache.space;
END $$;
CREATE FUNCTION triggered() RETURNS SETOF text LANGUAGE sql AS
$$ SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = '~replicache_created' ORDER BY 1 $$;

CREATE TABLE note (id text PRIMARY KEY DEFAULT 'generated', owner text, body text);

-- The trigger is there when the table is tracked with a space column and exposed: in either order, until one of it ends.
SELECT replicache.expose_crud('note');
SELECT triggered();
SELECT replicache.track_table('note');
SELECT triggered();
SELECT replicache.track_table('note', space => 'owner');
SELECT triggered();
SELECT replicache.track_table('note', space => 'owner');
SELECT replicache.expose_crud('note', ARRAY['insert']);
SELECT triggered();
SELECT replicache.hide_crud('note');
SELECT triggered();
SELECT replicache.expose_crud('note', name => 'NOTE');
SELECT triggered();
SELECT replicache.untrack_table('note');
SELECT triggered();
SELECT replicache.track_table('note');
SELECT replicache.expose_crud('note');
SELECT triggered();
SELECT replicache.track_table('note', 'n/{id}', space => 'owner');
SELECT replicache.track_table('note');
SELECT triggered();
SELECT replicache.track_table('note', 'n/{id}', space => 'owner');
SELECT triggered();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '~replicache_created';

SELECT replicache.create_space('ann', 'time'), replicache.create_space('bob', 'time'), replicache.create_space('counted', 'counter'), replicache.create_space('free', 'transaction');
UPDATE replicache.space SET version = 10000000000000 WHERE clock = 'time';
INSERT INTO looked SELECT id, 10000000000000 FROM replicache.space;

-- Rows come: each is logged, with its version.
INSERT INTO note VALUES ('a', 'ann'), ('b', 'ann'), ('c', 'bob');
INSERT INTO note (owner) VALUES ('ann');
SELECT look();
SELECT id, version FROM note ORDER BY owner, version;
COPY note (id, owner, body) FROM STDIN (DELIMITER ',');
d,ann,copied
e,bob,copied
\.
SELECT look();
-- They change: that is nobody's creation.
UPDATE note SET body = 'changed';
SELECT look();
-- An upsert is one only when the row is new.
INSERT INTO note VALUES ('a', 'ann', 'upsert'), ('f', 'ann', 'upsert') ON CONFLICT (id) DO UPDATE SET body = excluded.body;
INSERT INTO note VALUES ('a', 'ann', 'nothing'), ('g', 'ann', 'nothing') ON CONFLICT DO NOTHING;
SELECT look();
-- Rows go, and come back.
DELETE FROM note WHERE id IN ('a', 'c');
INSERT INTO note VALUES ('a', 'ann', 'again');
SELECT look();
BEGIN;
DELETE FROM note WHERE id = 'a';
INSERT INTO note VALUES ('a', 'ann', 'and again');
COMMIT;
SELECT look();
-- Another key: one goes, the other comes. Another space: the same, in both. Both.
UPDATE note SET id = 'h' WHERE id = 'g';
SELECT look();
UPDATE note SET owner = 'bob' WHERE id = 'h';
SELECT look();
UPDATE note SET owner = 'ann', id = 'i' WHERE id = 'h';
SELECT look();
UPDATE note SET id = CASE id WHEN 'i' THEN 'j' ELSE 'k' END WHERE id IN ('i', 'f');
SELECT look();
-- An UPDATE of the key that leaves it as it is.
UPDATE note SET id = id, body = 'same' WHERE id = 'k';
SELECT look();
-- Rolled back.
BEGIN;
SAVEPOINT s;
INSERT INTO note VALUES ('l', 'ann');
DELETE FROM note WHERE id = 'k';
ROLLBACK TO s;
INSERT INTO note VALUES ('m', 'ann');
COMMIT;
SELECT look();
-- Other clocks log nothing; a row that moves is logged where it counts.
INSERT INTO note VALUES ('n', 'counted'), ('o', 'free'), ('p', 'new');
UPDATE note SET id = 'n2' WHERE id = 'n';
UPDATE note SET id = 'o2' WHERE id = 'o';
SELECT look();
SELECT count(*), count(relation), count(identity) FROM replicache.tombstone WHERE space IN ('counted', 'free');
UPDATE note SET owner = 'ann' WHERE id = 'n2';
UPDATE note SET owner = 'counted' WHERE id = 'm';
SELECT look();
DELETE FROM note WHERE id IN ('m', 'o2');
SELECT count(*) FROM replicache.creation WHERE space NOT IN ('ann', 'bob');

-- Clients' changes: row by row, together, and as one upload.
SELECT replicache.powersync_upload('{"transactions":[{"crud":[{"op":"PUT","type":"note","id":"u1","data":{"owner":"ann"}},{"op":"PUT","type":"note","id":"u2","data":{"owner":"ann"}},{"op":"PUT","type":"note","id":"u1","data":{"body":"again"}}]},
    {"crud":[{"op":"DELETE","type":"note","id":"u2"}]}, {"crud":[{"op":"PATCH","type":"note","id":"u1","data":{"body":"patched"}}]}]}');
SELECT look();

-- Hidden, nothing is logged but what goes.
SELECT replicache.hide_crud('note');
INSERT INTO note VALUES ('q', 'ann');
UPDATE note SET id = 'r' WHERE id = 'q';
DELETE FROM note WHERE id = 'r';
SELECT look();
SELECT replicache.expose_crud('note');
INSERT INTO note VALUES ('q', 'ann');
SELECT look();
-- untrack_table leaves tombstones of all rows, in time spaces with what they were.
SELECT replicache.untrack_table('note');
SELECT look();

-- Identity: the primary key, whatever the template and the types; or the template's columns where there is none.
CREATE TABLE line (owner uuid, "order" int, "at ""all""" timestamp, label varchar NOT NULL UNIQUE, PRIMARY KEY ("order", "at ""all""", owner));
SET replicache.default_clock = 'time';
SELECT replicache.track_table('line', 'line/{label}', space => 'owner');
SELECT replicache.expose_crud('line');
INSERT INTO line VALUES ('00000000-0000-0000-0000-00000000000a', 7, '2026-01-02 03:04:05', 'it''s "one"/%');
SELECT count(*) FROM look();
UPDATE line SET label = 'two';
SELECT key, relation, identity FROM replicache.tombstone WHERE key LIKE 'line/%' ORDER BY version;
SELECT key FROM replicache.creation WHERE key LIKE 'line/%' ORDER BY version;
ALTER TABLE line DROP CONSTRAINT line_pkey;
DELETE FROM line;
SELECT key, relation, identity FROM replicache.tombstone WHERE key LIKE 'line/%' ORDER BY version DESC LIMIT 1;
DROP TABLE line;

-- Partitions: all rows are the partitioned table's.
CREATE TABLE part (id int, owner text, n int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 (n int, owner text, id int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE part_2a PARTITION OF part_2 FOR VALUES FROM (100) TO (150);
SELECT replicache.track_table('part', space => 'owner'), replicache.expose_crud('part');
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM (200) TO (300);
SELECT triggered();
SELECT count(*) > 0 FROM look();
INSERT INTO part VALUES (1, 'ann'), (101, 'ann'), (201, 'ann');
SELECT look();
UPDATE part SET id = id + 1;
SELECT look();
DELETE FROM part WHERE id < 200;
SELECT look();
-- … a row that moves to another partition has gone and come.
UPDATE part SET id = 3, n = 1 WHERE id = 202;
SELECT look();
-- … a partition that is exposed by itself.
SELECT replicache.expose_crud('part_1'), replicache.hide_crud('part_1');
SELECT triggered();
ALTER TABLE part DETACH PARTITION part_3;
SELECT replicache.hide_crud('part');
SELECT triggered();

-- untrack_table takes it along.
SELECT replicache.expose_crud('part');
SELECT replicache.untrack_table('part');
SELECT triggered();

-- DROP EXTENSION, too.
SELECT replicache.track_table('part', space => 'owner');
SELECT triggered();
SET client_min_messages = error;
DROP EXTENSION replicache_ext;
SELECT triggered();
DROP SCHEMA creations CASCADE;
