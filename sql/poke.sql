-- Pokes: one NOTIFY per transaction and space that changed, on commit. (PIDs are cut off; the shell collects the output, so that it does not mix with psql's.)
CREATE EXTENSION replicache_ext;
SET replicache.poke_mode = transaction; -- so that the pokes come at once
\set SHOW_CONTEXT never
CREATE SCHEMA poke;
SET search_path = poke, public;

CREATE TABLE item (id text PRIMARY KEY, v int DEFAULT 0);
CREATE TABLE spaced (id int PRIMARY KEY, room text NOT NULL);
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO poke.item VALUES (id) $$;
CREATE FUNCTION add_to(id int, room text) RETURNS void LANGUAGE sql AS $$ INSERT INTO poke.spaced VALUES (id, room) $$;
CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO item VALUES ('failed'); RAISE EXCEPTION 'failed' USING ERRCODE = code; END $$;
SELECT replicache.register_mutator('add', 'add(text)'), replicache.register_mutator('add to', 'add_to(int,text)'), replicache.register_mutator('fail', 'fail(text)');
CREATE FUNCTION push(client text, id int, name text, args json DEFAULT NULL, space text DEFAULT '') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', json_build_array(json_build_object('id', id, 'name', name, 'args', args))), NULL, space) $$;
LISTEN replicache;
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
-- Tracking, and other set-up that makes clients pull everything, pokes.
SELECT 'track';
SELECT replicache.track_table('item'), replicache.track_table('spaced', space => 'room');
-- A push: applied, rejected.
SELECT 'applied', push('a', 1, 'add', '{"id":"a"}');
SELECT 'rejected', push('a', 2, 'add', '{"id":"a"}');
SELECT 'in a space of its own', push('b', 1, 'add to', '{"id":1,"room":"one"}', 'one');
SELECT 'into another space', push('b', 2, 'add to', '{"id":2,"room":"two"}', 'one');
-- Not: skipped, out of order, halted at once, forgotten, nothing at all, raised.
SELECT 'skipped', push('a', 2, 'add', '{"id":"a"}');
SELECT 'out of order', push('a', 4, 'add', '{"id":"a"}');
SELECT 'halted', push('a', 3, 'fail', '{"code":"RE001"}');
SELECT 'forgotten', push('c', 2, 'add', '{"id":"a"}');
SELECT 'empty', replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[]}');
SELECT 'empty, new space', replicache.apply_push('{"pushVersion":0,"clientID":"n","mutations":[]}', NULL, 'new');
SELECT 'pull', replicache.pull_since(4);
\o
SELECT 'raised', push('a', 3, 'fail', '{"code":"40001"}');
SELECT 'malformed', replicache.apply_push('{"pushVersion":1}');
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
-- A halt behind an applied one does poke.
SELECT 'halted later', replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[{"id":3,"name":"add","args":{"id":"b"}},{"id":4,"name":"fail","args":{"code":"RE001"}}]}');
-- Direct writes; not when nothing changes.
INSERT INTO item VALUES ('d');
UPDATE item SET v = v;
UPDATE item SET v = 1 WHERE false;
DELETE FROM item WHERE id = 'd';
INSERT INTO spaced VALUES (3, 'one'), (4, 'two'), (5, 'three'), (6, 'one');
UPDATE spaced SET room = 'one' WHERE id = 5;
TRUNCATE item;
-- Once per transaction and space, on commit, with all that the transaction did.
BEGIN;
INSERT INTO item VALUES ('e');
SELECT 'in between', push('a', 4, 'add', '{"id":"f"}');
INSERT INTO spaced VALUES (7, 'one');
SAVEPOINT s;
SELECT 'in between', push('a', 5, 'add', '{"id":"g"}');
INSERT INTO spaced VALUES (8, 'two');
ROLLBACK TO s;
UPDATE item SET v = 2;
SELECT 'before commit';
COMMIT;
BEGIN;
INSERT INTO item VALUES ('again');
SELECT 'tracked again', replicache.track_table('item');
COMMIT;
-- Not when it is rolled back, nor what a savepoint rolled back.
BEGIN;
INSERT INTO item VALUES ('h');
SELECT 'rolled back', push('a', 5, 'add', '{"id":"i"}');
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO item VALUES ('h');
ROLLBACK TO s;
COMMIT;
BEGIN;
SAVEPOINT s;
INSERT INTO item VALUES ('h');
ROLLBACK TO s;
INSERT INTO item VALUES ('i');
COMMIT;
SELECT 'end of rollbacks';
-- The payload is JSON whatever the space is called, and it fits.
SELECT 'odd', length(push('o' || n, 1, 'no such', NULL, s)::text) FROM unnest(ARRAY['it''s', '"', '\', E'\n', '😀', '{"space":"x"}', '; DROP']) WITH ORDINALITY o(s, n);
\o | (notes=$(sed 's/ received from .*//; s/\(\\u0001\)\{1000\}/(1000 of them)/'); printf "%s\n" "$notes")
SELECT 'long', push('q', 1, 'no such', NULL, repeat(E'\x01', 1000))->'version';
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
-- The channel.
LISTEN "Other Channel";
SET replicache.poke_channel = 'Other Channel';
INSERT INTO item VALUES ('j');
SET replicache.poke_channel = '';
INSERT INTO item VALUES ('k');
SELECT 'off', push('a', 5, 'add', '{"id":"l"}');
SET replicache.poke_channel = 'nobody listens';
INSERT INTO item VALUES ('m');
RESET replicache.poke_channel;
INSERT INTO item VALUES ('n');
BEGIN;
SET LOCAL replicache.poke_channel = 'Other Channel';
INSERT INTO item VALUES ('o');
COMMIT;
INSERT INTO item VALUES ('p');
-- Without names: once per transaction, whatever spaces have changed, also in a savepoint.
SET replicache.poke_names = off;
SELECT 'nameless', push('a', 6, 'no such');
INSERT INTO spaced VALUES (11, 'one'), (12, 'two');
BEGIN;
INSERT INTO item VALUES ('q');
SAVEPOINT s;
INSERT INTO spaced VALUES (13, 'three');
RELEASE s;
SELECT 'in between', push('a', 7, 'no such'), push('b', 3, 'no such', NULL, 'one');
TRUNCATE item;
COMMIT;
BEGIN;
INSERT INTO item VALUES ('r');
ROLLBACK;
UPDATE item SET v = v;
SET replicache.poke_channel = '';
INSERT INTO item VALUES ('s');
RESET replicache.poke_channel;
RESET replicache.poke_names;
INSERT INTO item VALUES ('t');
\o
UNLISTEN *;
SELECT version FROM replicache.space WHERE id = '';

SET client_min_messages = error;
DROP SCHEMA poke CASCADE;
DROP EXTENSION replicache_ext;
