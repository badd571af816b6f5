-- Spaces: each has a history of its own; rows belong to the space that a column names.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA spaces;
SET search_path = spaces;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- create_space.
SELECT try($$SELECT replicache.create_space('room')$$);
SELECT try($$SELECT replicache.create_space('room')$$);
SELECT try($$SELECT replicache.create_space('room', 'counter')$$);
SELECT try($$SELECT replicache.create_space('other', 'sundial')$$);
SELECT try($$SELECT replicache.create_space('other', '')$$);
SELECT try($$SELECT replicache.create_space('other', 'COUNTER')$$);
SELECT try($$SELECT replicache.create_space(NULL)$$);
SELECT try($$SELECT replicache.create_space('other', NULL)$$);
SELECT try($$SELECT replicache.create_space(repeat('x', 1001))$$);
SELECT try($$SELECT replicache.create_space(repeat('é', 501))$$);
SELECT try($$SELECT replicache.create_space(repeat('é', 500))$$);
SELECT length(id), clock, version, floor FROM replicache.space ORDER BY 1;
-- … a space that nobody has written to is empty, known or not.
SELECT replicache.pull_since(NULL, NULL, 'room');
SELECT replicache.pull_since(0, NULL, 'unknown');
SELECT replicache.pull_since(1, NULL, 'unknown');

-- Rows of many spaces.
CREATE TABLE m (id int PRIMARY KEY, room text, body text);
INSERT INTO m VALUES (1, 'a', 'before'), (2, 'b', 'before');
SELECT replicache.track_table('m', space => 'room', value => 'to_json(body)');
SELECT * FROM sync('a');
SELECT * FROM sync('b');
SELECT * FROM sync('c');
SELECT * FROM sync();
INSERT INTO m VALUES (3, 'a', 'x'), (4, 'c', 'x');
SELECT * FROM sync('a');
SELECT * FROM sync('b');
SELECT * FROM sync('c');
-- … each version counts one transaction of one space.
BEGIN;
UPDATE m SET body = 'y' WHERE room = 'a';
UPDATE m SET body = 'z' WHERE room IN ('a', 'c');
COMMIT;
UPDATE m SET body = 'z' WHERE room = 'c';
SELECT * FROM sync('a');
SELECT * FROM sync('b');
SELECT * FROM sync('c');
SELECT id, room, version FROM m ORDER BY id;
-- … a row that changes its space, its key, or both.
UPDATE m SET room = 'b' WHERE id = 3;
SELECT * FROM sync('a');
SELECT * FROM sync('b');
UPDATE m SET id = 5 WHERE id = 3;
SELECT * FROM sync('a');
SELECT * FROM sync('b');
UPDATE m SET room = 'c', id = 6 WHERE id = 5;
SELECT * FROM sync('b');
SELECT * FROM sync('c');
-- … and back, within one transaction and in two.
BEGIN;
UPDATE m SET room = 'a' WHERE id = 6;
UPDATE m SET room = 'c' WHERE id = 6;
COMMIT;
SELECT * FROM sync('a');
SELECT * FROM sync('c');
UPDATE m SET room = 'a' WHERE id = 6;
UPDATE m SET room = 'c', body = 'back' WHERE id = 6;
SELECT * FROM sync('a');
SELECT * FROM sync('c');
-- … to a space that is new. Deletes. The space ''.
UPDATE m SET room = 'new "1"/%' WHERE id = 6;
SELECT * FROM sync('c');
SELECT * FROM sync('new "1"/%');
DELETE FROM m WHERE id IN (2, 6);
UPDATE m SET room = '' WHERE id = 4;
SELECT * FROM sync('b');
SELECT * FROM sync('c');
SELECT * FROM sync('new "1"/%');
SELECT * FROM sync();
-- … none, or too long.
SELECT try($$INSERT INTO m VALUES (7, NULL, 'x')$$);
SELECT try($$UPDATE m SET room = NULL WHERE id = 1$$);
SELECT try($$INSERT INTO m VALUES (7, repeat('x', 1001), 'x')$$);
SELECT try($$UPDATE m SET room = repeat('é', 501) WHERE id = 1$$);
INSERT INTO m VALUES (7, repeat('x', 1000), 'x');
SELECT * FROM sync(repeat('x', 1000));
SELECT * FROM sync('a');
-- … rows that had none before the table was tracked are in no view, until they get one.
CREATE TABLE homeless (id int PRIMARY KEY, room text);
INSERT INTO homeless VALUES (1, NULL), (2, NULL), (3, repeat('x', 1001));
SELECT try($$SELECT replicache.track_table('homeless', space => 'room')$$);
DELETE FROM homeless WHERE id = 3;
SELECT replicache.track_table('homeless', space => 'room', value => 'to_json(room)');
UPDATE homeless SET room = room;
SELECT try($$UPDATE homeless SET id = 3 WHERE id = 1$$);
UPDATE homeless SET room = 'home' WHERE id = 1;
DELETE FROM homeless WHERE id = 2;
SELECT * FROM sync('home');
SELECT * FROM homeless;
DROP TABLE homeless;
SELECT * FROM sync('home');
-- … savepoints that roll back: in a space that is new, and in one that is not.
BEGIN;
SAVEPOINT s;
INSERT INTO m VALUES (8, 'late', 'lost');
UPDATE m SET room = 'late' WHERE id = 1;
ROLLBACK TO s;
INSERT INTO m VALUES (9, 'a', 'kept');
COMMIT;
SELECT * FROM sync('late');
SELECT * FROM sync('a');
SELECT count(*) FROM replicache.space WHERE id = 'late';
BEGIN;
SAVEPOINT s;
INSERT INTO m VALUES (8, 'late', 'lost');
ROLLBACK TO s;
INSERT INTO m VALUES (8, 'late', 'kept');
COMMIT;
SELECT * FROM sync('late');
-- TRUNCATE, untrack_table, resync, DROP: every space of the table.
SELECT replicache.resync('m');
SELECT * FROM sync('a');
SELECT * FROM sync('late');
TRUNCATE m;
SELECT * FROM sync('a');
SELECT * FROM sync('late');
INSERT INTO m VALUES (1, 'a', 'one'), (2, 'b', 'two');
SELECT * FROM sync('a');
BEGIN;
DROP TABLE m;
ROLLBACK;
DROP TABLE m;
SELECT * FROM sync('a');

-- Two tables in one space, another without a space column: that one is in ''.
CREATE TABLE m (id int PRIMARY KEY, room text);
CREATE TABLE o (room text, id int, PRIMARY KEY (room, id));
CREATE TABLE e (id int PRIMARY KEY);
SELECT replicache.track_table('m', space => 'room');
SELECT replicache.track_table('o', space => 'room');
SELECT replicache.track_table('e');
DELETE FROM cookie;
DELETE FROM entry;
SELECT count(*) FROM sync('a');
SELECT count(*) FROM sync();
BEGIN;
INSERT INTO m VALUES (1, 'a'), (2, '');
INSERT INTO o VALUES ('a', 1), ('b', 1);
INSERT INTO e VALUES (1);
COMMIT;
SELECT * FROM sync('a') AS line WHERE line !~ '->';
SELECT * FROM sync() AS line WHERE line !~ '->';
SELECT * FROM patch(replicache.pull_since(NULL, NULL, 'b'));
DROP TABLE m, o, e;

-- Types of space columns: the text is that of the value. What is read as the same value names the same space, see space_texts.
CREATE TABLE i (id int PRIMARY KEY, s smallint, i int, b bigint, u uuid, v varchar(5));
INSERT INTO i VALUES (1, -5, 42, 9223372036854775807, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'x '), (2, 0, 0, 0, '00000000-0000-0000-0000-000000000000', '');
CREATE FUNCTION ids(space text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(value, ',' ORDER BY key), 'none') FROM patch(replicache.pull_since(NULL, NULL, space)) WHERE op = 'put'
$$;
SELECT replicache.track_table('i', space => 's', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['-5', '0', '-05', '-5.0', '- 5', ' -5', '-5 ', '+0', '00', '-0', '', 'x', '65531', '4294967291', '0x0']) space;
SELECT replicache.track_table('i', space => 'i', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['42', '0', '042', '42e0', '4294967338', '']) space;
SELECT replicache.track_table('i', space => 'b', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['9223372036854775807', '0', '9223372036854775808', '18446744073709551616', '99999999999999999999999999', '']) space;
SELECT replicache.track_table('i', space => 'u', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', 'a0eebc999c0b4ef8bb6d6bb9bd380a11',
    '00000000-0000-0000-0000-000000000000', '0', '', 'x']) space;
SELECT replicache.track_table('i', space => 'v', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['x ', 'x', '', ' ']) space;
-- … injection and case.
SELECT space, ids(space) FROM unnest(ARRAY[$$' OR true --$$, $$x'; DROP TABLE i; --$$, '%', 'X ']) space;
DROP TABLE i;
SELECT try($$CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)$$) IS NOT NULL;
SELECT CASE WHEN to_regcollation('spaces.insensitive') IS NULL THEN 'C' ELSE 'insensitive' END AS collation \gset
CREATE TABLE c (id int PRIMARY KEY, room text COLLATE :"collation");
SELECT replicache.track_table('c', space => 'room', value => 'to_json(id)');
INSERT INTO c VALUES (1, 'Room'), (2, 'room');
SELECT space, ids(space) FROM unnest(ARRAY['Room', 'room', 'ROOM']) space;
SELECT * FROM sync('room') AS line WHERE line !~ '->';
UPDATE c SET room = 'room' WHERE id = 1;
SELECT * FROM sync('room');
DROP TABLE c;

-- The clock of spaces that come into being on first use.
SET replicache.default_clock = 'sundial';
SHOW replicache.default_clock;

-- Rows that leave their spaces, because the table is tracked without them: the next pull of each space is complete.
CREATE TABLE leaving (id int PRIMARY KEY, room text NOT NULL);
SELECT replicache.track_table('leaving', space => 'room');
INSERT INTO leaving VALUES (1, 'left');
SELECT version AS left_at FROM replicache.space WHERE id = 'left' \gset
SELECT replicache.pull_since(NULL, NULL, 'left') -> 'patch' AS before;
SELECT replicache.track_table('leaving', space => NULL);
SELECT replicache.pull_since(:left_at, NULL, 'left') -> 'patch' AS after;
SELECT replicache.untrack_table('leaving');

-- A superuser who deletes the bookkeeping under a transaction's feet gets an error, not a crash.
CREATE TABLE felt (id int PRIMARY KEY);
SELECT replicache.track_table('felt');
BEGIN;
UPDATE felt SET id = id;
DELETE FROM replicache.space WHERE id = '';
SELECT try('INSERT INTO felt VALUES (1)');
ROLLBACK;

DROP SCHEMA spaces CASCADE;
DROP EXTENSION replicache_ext;
