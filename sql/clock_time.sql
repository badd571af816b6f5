-- The clock `time`: versions are milliseconds since 1970, one for each change. Ahead of the clock they count on: most of this is in
-- the year 2286, where the numbers are the same every time.
CREATE EXTENSION replicache_ext;
SET replicache.poke_mode = transaction; -- so that the pokes come at once
CREATE SCHEMA clock_time;
SET search_path = clock_time;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set cookies :srcdir '/sql/include/cookies.sql'
\set ECHO none
\i :helpers
\i :cookies
\set ECHO all
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql AS $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;
CREATE FUNCTION head(of text DEFAULT '') RETURNS bigint LANGUAGE sql AS $$ SELECT version FROM replicache.space WHERE id = of $$;

CREATE TABLE item (id text PRIMARY KEY, v int CHECK (v < 99) DEFAULT 0);
CREATE TABLE spaced (id int PRIMARY KEY, room text NOT NULL, v int);
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE sql AS
$$ INSERT INTO clock_time.item VALUES (id, v) ON CONFLICT (id) DO UPDATE SET v = excluded.v $$;
CREATE FUNCTION twice(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO clock_time.item VALUES (id || '1'), (id || '2') $$;
CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO item VALUES ('failed'); RAISE 'failed' USING ERRCODE = code; END $$;
CREATE FUNCTION current(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO clock_time.item VALUES (id || replicache.current_version()) $$;
SELECT replicache.register_mutator(name, function) FROM (VALUES ('put', 'put(text, int)'::regprocedure), ('twice', 'twice(text)'), ('fail', 'fail(text)'), ('fail first', 'fail(text)'),
    ('current', 'current(text)')) m (name, function);
CREATE FUNCTION m(id bigint, name text, args json) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('clientID', 'c', 'id', id, 'name', name, 'args', args) $$;
CREATE FUNCTION push(VARIADIC mutations json[]) RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations', mutations), 'ann') $$;
CREATE FUNCTION pull(since bigint) RETURNS text LANGUAGE sql AS
$$ SELECT plain(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', cookie(since)), 'ann'))::text $$;

-- Settings and create_space. Without history the head is -1; clients see an empty space, as with any clock.
SET replicache.default_clock = 'time';
SHOW replicache.default_clock;
SELECT try($$SELECT replicache.create_space('room', 'time')$$);
SELECT try($$SELECT replicache.create_space('room', 'time')$$);
SELECT try($$SELECT replicache.create_space('other', 'Time')$$);
SELECT id, clock, version, floor FROM replicache.space;
SELECT replicache.pull_since(NULL, NULL, 'room');
SELECT replicache.pull_since(0, NULL, 'room');
SELECT replicache.pull_since(1, NULL, 'room');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"none","mutations":[]}', NULL, 'room');
SELECT id, clock, version, floor FROM replicache.space;

-- Now. A space that comes into being by a write gets the clock, too.
SELECT now_ms() AS before \gset
SELECT replicache.track_table('item'), replicache.track_table('spaced', space => 'room');
SELECT clock, version = floor, version BETWEEN :before AND now_ms() + 1 FROM replicache.space WHERE id = '';
SELECT pg_sleep(0.01), now_ms() AS before \gset
INSERT INTO item VALUES ('a'), ('b');
SELECT pg_sleep(0.01), now_ms() AS between \gset
UPDATE item SET v = 1 WHERE id = 'a';
SELECT id, version >= :before, version < :between, version <= now_ms() FROM item ORDER BY version;
-- … at that moment, not at the start of the transaction or statement.
BEGIN;
SELECT pg_sleep(0.02);
INSERT INTO item SELECT 'slow' || n FROM generate_series(1, 3) n WHERE pg_sleep(0.01) IS NOT NULL;
SELECT min(version) - 20 >= floor(extract(epoch FROM now()) * 1000), max(version) - min(version) >= 20 FROM item WHERE id LIKE 'slow%';
COMMIT;
SELECT count(*) FROM sync();
SELECT cookie = head() FROM cookie;
DELETE FROM item;
SELECT * FROM sync() AS line WHERE line !~ '->';

-- The clock has gone back.
UPDATE replicache.space SET version = 10000000000000 WHERE id = '';
SELECT count(*) FROM sync();
SELECT * FROM sync();
-- Every row, in order; what does not change keeps its version.
INSERT INTO item VALUES ('b'), ('a'), ('c');
SELECT id, version FROM item ORDER BY version;
SELECT head();
UPDATE item SET v = CASE id WHEN 'a' THEN 5 ELSE v END;
INSERT INTO item VALUES ('a', 6), ('d', 6) ON CONFLICT (id) DO UPDATE SET v = excluded.v;
COPY item (id) FROM STDIN;
e
f
\.
UPDATE item SET v = v;
UPDATE item SET id = 'g' WHERE id = 'f';
DELETE FROM item WHERE id IN ('b', 'c');
SELECT id, version FROM item ORDER BY version;
SELECT key, version FROM replicache.tombstone WHERE version > 10000000000000 ORDER BY version;
SELECT head();
SELECT * FROM sync();

-- One write of the space's row, whatever a transaction does; and none when it changed nothing.
CREATE FUNCTION written(of text DEFAULT '') RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295) THEN 'now' ELSE 'before' END FROM replicache.space WHERE id = of $$;
BEGIN;
INSERT INTO item SELECT 'n' || n FROM generate_series(1, 100) n;
SELECT head(), written();
SELECT push(m(1, 'put', '{"id":"p","v":1}'));
SELECT head(), written();
COMMIT;
SELECT head();
SELECT xmin AS writer FROM replicache.space WHERE id = '' \gset
BEGIN;
UPDATE item SET v = v;
SAVEPOINT s;
INSERT INTO item VALUES ('s');
ROLLBACK TO s;
COMMIT;
SELECT xmin = :'writer' FROM replicache.space WHERE id = '';
SELECT * FROM sync() LIMIT 1;

-- Savepoints: no version is given twice, not even those of rows that are gone.
UPDATE replicache.space SET version = 10000000000000 WHERE id = 'room';
BEGIN;
SAVEPOINT s;
INSERT INTO spaced VALUES (1, 'room', 1), (2, 'room', 1);
SELECT max(version) FROM spaced;
ROLLBACK TO s;
INSERT INTO spaced VALUES (3, 'room', 1);
SAVEPOINT t;
INSERT INTO spaced VALUES (4, 'room', 1);
ROLLBACK TO t;
SAVEPOINT t;
INSERT INTO spaced VALUES (5, 'room', 1);
RELEASE t;
INSERT INTO spaced VALUES (6, 'new', 1);
COMMIT;
SELECT id, version FROM spaced WHERE room = 'room' ORDER BY version;
SELECT head('room'), head('new') = (SELECT version FROM spaced WHERE room = 'new');
BEGIN;
SAVEPOINT s;
INSERT INTO spaced VALUES (7, 'room', 1);
ROLLBACK TO s;
COMMIT;
SELECT head('room');
-- … a floor that is raised in one, and the row that is written once more after it.
BEGIN;
INSERT INTO spaced VALUES (7, 'room', 1);
SAVEPOINT s;
SELECT replicache.resync('spaced');
ROLLBACK TO s;
INSERT INTO spaced VALUES (8, 'room', 1);
SAVEPOINT s;
SELECT replicache.resync('spaced');
RELEASE s;
SAVEPOINT s;
SELECT replicache.resync('spaced');
ROLLBACK TO s;
INSERT INTO spaced VALUES (9, 'room', 1);
COMMIT;
SELECT version, floor FROM replicache.space WHERE id = 'room';
SELECT id, version FROM spaced WHERE id >= 7 ORDER BY version;

-- Pushes: the client's number has a version of its own, the last.
SELECT push(m(2, 'twice', '{"id":"t"}'), m(3, 'put', '{"id":"p","v":2}'));
SELECT id, version FROM item WHERE version > 10000000000118 ORDER BY version;
SELECT version FROM replicache.client;
SELECT pull(10000000000118);
SELECT pull(10000000000121);
SELECT pull(10000000000122);
-- … rejected, skipped, halted, unknown to the server; what is not applied does not move the head.
SELECT push(m(4, 'put', '{"id":"q","v":99}')) ->> 'version';
SELECT push(m(4, 'put', '{"id":"q","v":99}')) ->> 'version', push(m(6, 'put', '{"id":"q","v":99}')) ->> 'version';
SELECT push(m(5, 'fail', '{"code":"RE001"}')) ->> 'version';
SELECT head(), pull(10000000000122);
SELECT push(m(5, 'put', '{"id":"h","v":1}'), m(6, 'fail first', '{"code":"RE001"}')) ->> 'version';  -- which runs the one before it twice
SELECT head(), pull(10000000000123);
-- … current_version() is the head from before.
SELECT push(m(6, 'current', '{"id":"current "}'), m(7, 'current', '{"id":"current, too "}')) ->> 'version';
SELECT id, version FROM item WHERE id LIKE 'cur%' ORDER BY version;
-- … mixed with direct writes.
BEGIN;
INSERT INTO item VALUES ('w1');
SELECT push(m(8, 'put', '{"id":"w2","v":1}')) ->> 'version';
SAVEPOINT s;
SELECT push(m(9, 'put', '{"id":"w3","v":1}')) ->> 'version';
ROLLBACK TO s;
INSERT INTO item VALUES ('w4');
SELECT push(m(9, 'put', '{"id":"w5","v":1}')) ->> 'version';
COMMIT;
SELECT id, version FROM item WHERE id LIKE 'w%' ORDER BY version;
SELECT head(), version FROM replicache.client;
-- … replay.
SELECT replicache.register_mutator('put', 'clock_time.put(text, int)');
ALTER TABLE item DROP CONSTRAINT item_v_check;
SELECT replicache.replay(error_id) ->> 'mutation_id' FROM replicache.mutation_error;
SELECT id, version FROM item WHERE id = 'q';
SELECT count(*) > 0 FROM sync();

-- A pull in the same transaction sees what was done before it, and goes on from there.
BEGIN;
SELECT * FROM sync();
INSERT INTO item VALUES ('o1'), ('o2');
SELECT * FROM sync();
INSERT INTO item VALUES ('o3');
DELETE FROM item WHERE id = 'o1';
SELECT * FROM sync();
SELECT * FROM sync();
SAVEPOINT s;
INSERT INTO item VALUES ('o4');
SELECT replicache.pull_since(10000000000144);
ROLLBACK TO s;
INSERT INTO item VALUES ('o5');
SELECT * FROM sync();
SELECT replicache.resync('item');
SELECT count(*) > 100 FROM sync() AS line WHERE line = 'clear' OR line LIKE 'put%';
COMMIT;
SELECT * FROM sync();
SELECT version = cookie FROM replicache.space s, cookie c WHERE s.id = '' AND c.space = '';
-- … also where the statement has brought another space into being before its last change.
BEGIN;
INSERT INTO spaced VALUES (801, 'born now', 0), (802, 'room', 0);
SELECT replicache.pull_since(head('room'), NULL, 'room') -> 'patch';
ROLLBACK;
-- … a snapshot from before the changes does not see them, nor that there will be any: the next one gets them.
BEGIN;
INSERT INTO item VALUES ('x1');
SELECT * FROM sync();
WITH w AS (INSERT INTO item VALUES ('x2'), ('x3')) SELECT replicache.pull_since(cookie) FROM cookie WHERE space = '';
SELECT head() AS old \gset
DECLARE early CURSOR FOR SELECT replicache.pull_since(:old), replicache.pull_since(cookie) FROM cookie WHERE space = '';
INSERT INTO item VALUES ('x4');
FETCH early;
SELECT * FROM sync();
COMMIT;
SELECT * FROM sync();
-- … one that fires for each row, in the middle of the statement.
CREATE TABLE heard (n serial, line text);
CREATE FUNCTION listen() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO heard (line) SELECT line FROM sync() line WHERE line !~ '->'; RETURN NEW; END $$;
CREATE TRIGGER listen BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION listen();
INSERT INTO item VALUES ('y1'), ('y2'), ('y3');
SELECT line FROM heard ORDER BY n;
DROP TRIGGER listen ON item;
SELECT * FROM sync();
-- … deferred triggers write after everything else.
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO item VALUES ('late ' || NEW.id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 'z1') EXECUTE FUNCTION late();
INSERT INTO item VALUES ('z1');
SELECT * FROM sync();
DROP TRIGGER late ON item;
-- … and in REPEATABLE READ.
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO item VALUES ('r1');
SELECT * FROM sync();
INSERT INTO item VALUES ('r2');
SELECT * FROM sync();
COMMIT;
SELECT * FROM sync();

-- Pokes: one for each space, with the last version.
LISTEN replicache;
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
BEGIN;
INSERT INTO item VALUES ('poke 1'), ('poke 2');
SELECT 'push', push(m(10, 'put', '{"id":"poke 3","v":1}')) ->> 'version';
SAVEPOINT s;
INSERT INTO spaced VALUES (99, 'room', 1);
UPDATE item SET v = 9 WHERE id = 'poke 1';
ROLLBACK TO s;
SELECT 'committed';
COMMIT;
INSERT INTO spaced VALUES (100, 'room', 1);
BEGIN;
INSERT INTO item VALUES ('poke 4');
ROLLBACK;
SET replicache.poke_channel = '';
INSERT INTO item VALUES ('poke 4');
RESET replicache.poke_channel;
SELECT 'end';
\o
UNLISTEN *;

-- Everything again: TRUNCATE, a table that goes away and one that comes.
SELECT * FROM sync() LIMIT 1;
TRUNCATE item;
SELECT * FROM sync();
INSERT INTO item VALUES ('1'), ('2');
SELECT * FROM sync();
SELECT replicache.untrack_table('item');
SELECT * FROM sync();
UPDATE item SET version = 10000000001000;
SELECT replicache.track_table('item');
SELECT * FROM sync();
UPDATE item SET v = 1 WHERE id = '1';
SELECT * FROM sync();
CREATE TABLE gone (id int PRIMARY KEY);
SELECT replicache.track_table('gone');
DROP TABLE gone;
SELECT * FROM sync();

-- Rows move between spaces of different clocks.
SELECT replicache.create_space('counted', 'counter');
INSERT INTO spaced VALUES (200, 'counted', 1);
SELECT head('room');
UPDATE spaced SET room = 'room' WHERE id = 200;
SELECT version FROM spaced WHERE id = 200;
SELECT space, version, key FROM replicache.tombstone WHERE key = 'spaced/200';
UPDATE spaced SET room = 'counted' WHERE id = 200;
SELECT version FROM spaced WHERE id = 200;
SELECT space, version, key FROM replicache.tombstone WHERE key = 'spaced/200' ORDER BY space;

-- A new epoch: above everything, and below it nobody gets a delta. Spaces that come later, too.
BEGIN;
INSERT INTO item VALUES ('epoch');
SELECT head() AS old \gset
SELECT replicache.new_epoch();
INSERT INTO item VALUES ('after');
COMMIT;
SELECT version - :old AS version, floor - :old AS floor FROM replicache.space WHERE id = '';
SELECT count(*) FROM replicache.client;
SELECT replicache.pull_since(:old + 1) -> 'patch' -> 0;
SELECT replicache.pull_since(:old + 2);
SELECT replicache.new_epoch();
SELECT replicache.create_space('empty', 'time');
SELECT version, floor - extract(epoch FROM at) * 1000 BETWEEN 0 AND 1, floor <= now_ms() + 1 FROM replicache.space, replicache.epoch
    WHERE id = 'empty' ORDER BY number DESC LIMIT 1;
SELECT floor - 1 AS lost FROM replicache.space WHERE id = 'empty' \gset
SELECT replicache.pull_since(NULL, NULL, 'empty'), replicache.pull_since(0, NULL, 'empty');
SELECT replicache.pull_since(:lost, NULL, 'empty');
INSERT INTO spaced VALUES (300, 'empty', 1);
SELECT version > :lost + 1, version <= now_ms() + 1 FROM spaced WHERE id = 300;
SELECT replicache.pull_since(:lost, NULL, 'empty') -> 'patch';
UPDATE replicache.space SET version = -1, floor = 10000000000000 WHERE id = 'empty';
INSERT INTO spaced VALUES (301, 'empty', 1);
SELECT version FROM spaced WHERE id = 301;

-- Two-phase commit.
SET replicache.poke_channel = '';
SELECT setting::int > 0 AS prepares FROM pg_settings WHERE name = 'max_prepared_transactions' \gset
BEGIN;
INSERT INTO spaced VALUES (400, 'empty', 1), (401, 'empty', 1);
\if :prepares
PREPARE TRANSACTION 'clock time';
\endif
SELECT head('empty');
\if :prepares
COMMIT PREPARED 'clock time';
\else
COMMIT;
\endif
SELECT head('empty');
-- A pull in a transaction that may write no more.
BEGIN;
INSERT INTO item VALUES ('only');
SET TRANSACTION READ ONLY;
SELECT replicache.pull_since(head()) -> 'patch';
COMMIT;
-- A superuser who deletes the bookkeeping under a transaction's feet gets an error at the end, and no half of it.
BEGIN;
INSERT INTO item VALUES ('felt');
DELETE FROM replicache.space WHERE id = '';
COMMIT;
SELECT count(*) FROM item WHERE id = 'felt';

-- DROP EXTENSION in a transaction that has changed something.
BEGIN;
INSERT INTO item VALUES ('last');
DROP SCHEMA clock_time CASCADE;
DROP EXTENSION replicache_ext;
CREATE EXTENSION replicache_ext;
COMMIT;
DROP EXTENSION replicache_ext;
