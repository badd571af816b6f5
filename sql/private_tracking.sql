-- Writes to private tables, and to tables with parts: which spaces change, and which tombstones are left.
CREATE EXTENSION replicache_ext;
SET replicache.poke_mode = transaction; -- so that the pokes come at once
CREATE SCHEMA private_tracking;
SET search_path = private_tracking, public;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE doc (id int PRIMARY KEY, space text NOT NULL, title text, gone boolean);
SELECT replicache.create_space(clock, clock) FROM unnest('{counter,time,transaction}'::text[]) clock;

-- What has changed since the last look: spaces whose version or floor has risen, tombstones, and creations. The clock `transaction` has no version.
CREATE TABLE seen AS SELECT id, version, floor FROM replicache.space;
CREATE FUNCTION look() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
        SELECT concat_ws(' ', s.id, CASE WHEN s.version > n.version THEN 'changed' END, CASE WHEN s.floor > n.floor THEN 'floor raised' END)
        FROM replicache.space s LEFT JOIN seen n USING (id)
        WHERE (s.version, s.floor) IS DISTINCT FROM (n.version, n.floor) AND s.clock <> 'transaction' ORDER BY s.id COLLATE "C";
    RETURN QUERY SELECT concat_ws(' ', '  went', space, key, 'part ' || part, relation, identity) FROM replicache.tombstone ORDER BY space COLLATE "C", version, key;
    RETURN QUERY SELECT concat_ws(' ', '  came', space, key) FROM replicache.creation ORDER BY space COLLATE "C", version, key;
    DELETE FROM replicache.tombstone;
    DELETE FROM replicache.creation;
    DELETE FROM seen;
    INSERT INTO seen SELECT id, version, floor FROM replicache.space;
END $$;

-- Private: deletions, moves and other keys leave no tombstone. The spaces change, the old one and the new one.
SELECT replicache.expose_crud('doc');
SELECT replicache.track_table('doc', space => 'space', private => true);
SELECT look();
SELECT tgname FROM pg_trigger WHERE tgrelid = 'doc'::regclass AND NOT tgisinternal ORDER BY 1;
INSERT INTO doc SELECT n, clock FROM generate_series(1, 4) n, unnest('{counter}'::text[]) clock;
INSERT INTO doc SELECT 10 + n, clock FROM generate_series(1, 4) n, unnest('{time}'::text[]) clock;
INSERT INTO doc SELECT 20 + n, clock FROM generate_series(1, 4) n, unnest('{transaction}'::text[]) clock;
SELECT look();
DELETE FROM doc WHERE id IN (1, 11, 21);
SELECT look();
UPDATE doc SET id = id + 100 WHERE id IN (2, 12, 22);
SELECT look();
UPDATE doc SET space = 'counter' WHERE id IN (13, 23);
SELECT look();
UPDATE doc SET space = 'time' WHERE id = 3;
SELECT look();
UPDATE doc SET title = 'x' WHERE id = 4;
SELECT look();
UPDATE doc SET title = 'x' WHERE id = 4;
SELECT look();
DELETE FROM doc WHERE id = 0;
SELECT look();
-- Every row has a version that its space has reached.
SELECT d.id FROM doc d JOIN replicache.space s ON s.id = d.space WHERE d.version > s.version AND s.clock <> 'transaction';
-- One command deletes, another one inserts the same key.
BEGIN;
DELETE FROM doc WHERE id = 4;
INSERT INTO doc VALUES (4, 'counter');
COMMIT;
SELECT look();
INSERT INTO doc VALUES (4, 'counter') ON CONFLICT (id) DO UPDATE SET space = 'time';
SELECT look();
MERGE INTO doc USING (VALUES (4)) v(id) ON doc.id = v.id WHEN MATCHED THEN DELETE;
SELECT look();

-- Deletions poke.
LISTEN replicache;
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
DELETE FROM doc WHERE id = 103;
DELETE FROM doc WHERE id = 102;
\o
UNLISTEN replicache;
SELECT look();

-- Soft deletion.
SELECT replicache.track_table('doc', space => 'space', deleted => 'gone', private => true);
SELECT look();
INSERT INTO doc VALUES (5, 'counter'), (6, 'counter');
SELECT look();
UPDATE doc SET gone = true WHERE id = 5;
SELECT look();
DELETE FROM doc WHERE id = 5;
SELECT look();

-- TRUNCATE, untracking, and any change of the options: floors rise, and no key is noted.
TRUNCATE doc;
SELECT look();
INSERT INTO doc VALUES (1, 'counter'), (2, 'time');
SELECT look();
SELECT replicache.track_table('doc', space => 'space', filter => 'title IS NULL');
SELECT look();
SELECT replicache.track_table('doc', space => 'space');
SELECT look();
SELECT tgname FROM pg_trigger WHERE tgrelid = 'doc'::regclass AND tgname = '~replicache_created';
DELETE FROM doc WHERE id = 2;
SELECT look();
SELECT replicache.track_table('doc', space => 'space', private => true);
SELECT tgname FROM pg_trigger WHERE tgrelid = 'doc'::regclass AND tgname = '~replicache_created';
SELECT look();
SELECT replicache.untrack_table('doc');
SELECT look();
SELECT replicache.track_table('doc', space => 'space', private => true);
SELECT count(*) > 0 FROM look();
SELECT replicache.resync('doc');
SELECT look();
DROP TABLE doc;
SELECT look();

-- No space column.
CREATE TABLE plain (id int PRIMARY KEY, title text);
SELECT replicache.track_table('plain', private => true);
INSERT INTO plain VALUES (1), (2);
SELECT count(*) > 0 FROM look();
DELETE FROM plain WHERE id = 1;
SELECT look();
UPDATE plain SET id = 3;
SELECT look();
SELECT replicache.untrack_table('plain');
SELECT look();
DROP TABLE plain;

-- Partitions: attached, detached, dropped, truncated, and a row that moves to another one.
CREATE TABLE event (id int, day int, space text NOT NULL, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
CREATE TABLE event_1 PARTITION OF event FOR VALUES IN (1);
CREATE TABLE event_2 PARTITION OF event FOR VALUES IN (2);
CREATE TABLE event_3 (id int NOT NULL, day int NOT NULL, space text NOT NULL, version bigint NOT NULL DEFAULT 0);
SELECT replicache.track_table('event', space => 'space', private => true);
INSERT INTO event VALUES (1, 1, 'counter'), (2, 1, 'counter'), (3, 2, 'counter'), (4, 2, 'time');
INSERT INTO event_3 VALUES (5, 3, 'counter');
SELECT count(*) > 0 FROM look();
UPDATE event SET day = 2 WHERE id = 1;
SELECT look();
DELETE FROM event_1 WHERE id = 2;
SELECT look();
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES IN (3);
SELECT look();
DELETE FROM event WHERE id = 5;
SELECT look();
ALTER TABLE event DETACH PARTITION event_3;
SELECT look();
TRUNCATE event_1;
SELECT look();
DROP TABLE event_2;
SELECT look();
SELECT replicache.untrack_table('event');
SELECT look();
DROP TABLE event, event_3;

-- Parts: a tombstone has the part, in the form of a space. A row that gets another part is gone from the old one.
CREATE TABLE todo (id int PRIMARY KEY, space text NOT NULL, list uuid, title text, gone boolean);
SELECT replicache.expose_crud('todo');
SELECT replicache.track_table('todo', space => 'space', part => 'list', parts => 'SELECT list FROM private_tracking.todo');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'todo'::regclass AND tgname ~ '~replicache_(moved|created)' ORDER BY tgname;
INSERT INTO todo SELECT n, 'counter', '{AAAAAAAA-0000-0000-0000-00000000000A}' FROM generate_series(1, 5) n;
INSERT INTO todo SELECT 10 + n, 'time', '{AAAAAAAA-0000-0000-0000-00000000000A}' FROM generate_series(1, 5) n;
INSERT INTO todo SELECT 20 + n, 'transaction', '{AAAAAAAA-0000-0000-0000-00000000000A}' FROM generate_series(1, 5) n;
SELECT count(*) > 0 FROM look();
DELETE FROM todo WHERE id IN (1, 11, 21);
SELECT look();
UPDATE todo SET list = 'bbbbbbbb-0000-0000-0000-00000000000b' WHERE id IN (2, 12, 22);
SELECT look();
UPDATE todo SET space = 'counter', list = NULL WHERE id IN (13, 23);
SELECT look();
-- A row without a part: no client has it.
DELETE FROM todo WHERE id = 23;
UPDATE todo SET id = 113 WHERE id = 13;
SELECT look();
UPDATE todo SET list = 'bbbbbbbb-0000-0000-0000-00000000000b' WHERE id = 113;
SELECT look();
UPDATE todo SET id = 103 WHERE id = 3;
SELECT look();
UPDATE todo SET title = 'x' WHERE id = 4;
SELECT look();
UPDATE todo SET list = upper(list::text)::uuid, title = 'y' WHERE id = 4;
SELECT look();
-- The row has a new version, too, so it comes to the new part.
SELECT version = (SELECT s.version FROM replicache.space s WHERE s.id = 'counter') FROM todo WHERE id = 4;
-- Soft deletion.
SELECT replicache.track_table('todo', space => 'space', deleted => 'gone', part => 'list', parts => 'SELECT list FROM private_tracking.todo');
SELECT count(*) > 0 FROM look();
UPDATE todo SET gone = true WHERE id = 4;
SELECT look();
UPDATE todo SET list = 'bbbbbbbb-0000-0000-0000-00000000000b' WHERE id = 4;
SELECT look();
TRUNCATE todo;
SELECT look();
INSERT INTO todo VALUES (1, 'counter', 'aaaaaaaa-0000-0000-0000-00000000000a');
SELECT count(*) > 0 FROM look();
-- Untracking raises floors: the keys of one part are not for the users of another.
SELECT replicache.untrack_table('todo');
SELECT look();

-- Parts of other types, and a partitioned table.
CREATE TABLE item (id int, part int, name varchar(9), twice text GENERATED ALWAYS AS ('~' || name) STORED, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE item_1 PARTITION OF item FOR VALUES IN (1);
CREATE TABLE item_2 PARTITION OF item FOR VALUES IN (2, -3);
SELECT replicache.track_table('item', key => 'i/{id}/{part}', part => 'part', parts => 'SELECT 1');
INSERT INTO item VALUES (1, 1, 'a'), (2, 2, 'b'), (3, -3, 'c'), (4, 2, 'd');
SELECT count(*) > 0 FROM look();
DELETE FROM item WHERE id = 3;
UPDATE item SET part = 2 WHERE id = 1;
UPDATE item SET part = -3 WHERE id = 2;
SELECT look();
SELECT replicache.track_table('item', key => 'i/{id}/{part}', part => 'name', parts => $$SELECT 'x'$$);
SELECT count(*) > 0 FROM look();
UPDATE item SET name = 'A' WHERE id = 1;
UPDATE item SET name = NULL WHERE id = 2;
SELECT look();
SELECT replicache.track_table('item', key => 'i/{id}/{part}', part => 'twice', parts => $$SELECT 'x'$$);
SELECT count(*) > 0 FROM look();
UPDATE item SET name = 'D' WHERE id = 4;
DELETE FROM item WHERE id = 4;
SELECT look();
-- The part column changes its type, its name, and goes.
SELECT replicache.track_table('item', key => 'i/{id}/{part}', part => 'name', parts => $$SELECT 'x'$$);
ALTER TABLE item DROP COLUMN twice;
SELECT count(*) > 0 FROM look();
ALTER TABLE item ALTER name TYPE text;
SELECT look();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'item'::regclass AND tgname = '~replicache_moved';
UPDATE item SET name = 'B' WHERE id = 1;
SELECT look();
SET client_min_messages = error;
ALTER TABLE item RENAME name TO title;
SET client_min_messages = warning;
SELECT try('UPDATE item SET title = NULL');
SELECT try($$SELECT replicache.retrack('item')$$);
SELECT replicache.track_table('item', key => 'i/{id}/{part}', part => 'title', parts => $$SELECT 'x'$$);
SELECT try('ALTER TABLE item DROP COLUMN title');
SELECT try('ALTER TABLE item ALTER title TYPE json USING NULL');

\set VERBOSITY terse
DROP SCHEMA private_tracking CASCADE;
DROP EXTENSION replicache_ext CASCADE;
