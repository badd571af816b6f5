-- A space moves to another server: here, to another database. test/tap/move.pl does it with real ones, under load.
CREATE DATABASE regress_replicache_move;
\set ECHO none
\set QUIET on
\o /dev/null
\i sql/include/move.sql
\c regress_replicache_move
\i sql/include/move.sql
\c contrib_regression
SET search_path = app, public;
\o
\set ECHO all

-- Three spaces, one for each clock.
SELECT replicache.create_space('b', 'counter');
SELECT replicache.create_space('t', 'time');
SELECT replicache.create_space('x', 'transaction');
INSERT INTO list VALUES ('b-l', 'b', 'one'), ('t-l', 't', 'one'), ('x-l', 'x', 'one'), ('other', 'other', 'stays');
SELECT count(push(b, i)) FROM unnest('{b,t,x}'::text[]) b, generate_series(1, 3) i;
SELECT count(push(b, 1)) FROM unnest('{b,t,x}'::text[]) b;
DELETE FROM card WHERE id ~ '2$';
SELECT push('b', 4)->>'version' IS NOT NULL AS pushed, push('b', 9)->'halted'->>'reason' AS halted;
SELECT bookkeeping('b');

-- What a client has.
SELECT replicache.powersync_upload('{"client_id":"up","batch":[{"op_id":1,"tx_id":1,"op":"PUT","type":"list","id":"up","data":{"board":"other"}}]}');
SELECT pull('b', NULL)->'cookie' AS b, pull('t', NULL)->'cookie' AS t, pull('x', NULL)->'cookie' AS x \gset old_
DELETE FROM card WHERE id = 'b3';
INSERT INTO list VALUES ('late', 't', 'late'), ('gone', 'other', 'gone');
DELETE FROM list WHERE id = 'gone';
UPDATE replicache.tombstone SET at = now() - interval '1 year';

-- A publication of all tables refuses no deletion of a move.
SET client_min_messages = error;  -- of wal_level
CREATE PUBLICATION everything FOR ALL TABLES;
RESET client_min_messages;

-- Only a held space can be exported, and only a space that is here can be held.
SELECT outcome(call) FROM unnest('{"replicache.hold_space('''')", "replicache.export_space(''b'')", "replicache.export_space(''none'')", "replicache.hold_space(''none'')", "replicache.hold_space(NULL)",
    "replicache.release_space(''none'')", "replicache.export_space(''b'', NULL)", "replicache.import_space(NULL)", "replicache.import_space(''[]'')",
    "replicache.import_space(''{\"format\":2,\"space\":\"b\",\"move\":\"m\",\"clock\":\"counter\"}'')", "replicache.close_space(''b'', ''m'')", "replicache.close_space(''none'', ''m'')"}'::text[]) call;
-- To close a space is the only thing that its transaction does with it.
BEGIN;
INSERT INTO list VALUES ('last', 'other', 'last');
SELECT outcome($$replicache.close_space('other', replicache.hold_space('other'))$$);
ROLLBACK;
SELECT replicache.hold_space('b') AS b, replicache.hold_space('t') AS t, replicache.hold_space('x') AS x \gset move_
SELECT replicache.hold_space('b') = :'move_b' AS same;

-- Writers do not know of it before the commit.
BEGIN;
SELECT replicache.release_space('b');
SELECT length(replicache.hold_space('b'));
SELECT outcome($$replicache.export_space('b')$$);
ROLLBACK;

-- Pushes are halted, other writes raise an error, pulls go on.
SELECT push('b', 5)::jsonb #- '{version}' AS push;
SELECT outcome($$replicache.apply_push('{"pushVersion":1,"clientGroupID":"g-b","mutations":[]}', 'ann', 'b')$$);
INSERT INTO card VALUES ('new', 'b-l', 'b');
SELECT outcome($$replicache.powersync_upload('{"batch":[{"op":"PUT","type":"list","id":"up","data":{"board":"b"}}]}', 'ann')$$);
DELETE FROM card WHERE id = 'b1';
UPDATE card SET id = 'b7' WHERE id = 'b1';
TRUNCATE card;
SELECT json_array_length(pull('b', :'old_b')->'patch') AS changes;
-- Garbage of other spaces is collected.
SELECT replicache.collect_garbage('1 day')->'tombstones' AS tombstones;
-- A move that is given up.
SELECT replicache.release_space('b'), replicache.release_space('b');
SELECT push('b', 5)::jsonb -> 'applied' AS applied;
SELECT replicache.hold_space('b') AS b \gset move_

-- What goes. Parents come first.
SELECT json_array_elements(replicache.export_space('b')->'tables')::jsonb - 'definition' AS tables;
SELECT "table", removal FROM replicache.space_tables('b');
SELECT replicache.space_tables(NULL);
-- Clients of uploads belong to users, or to nobody.
SELECT u, json_array_length(replicache.export_space('b', u)->'upload_clients') AS clients FROM (VALUES ('{ann}'::text[]), ('{NULL}'), ('{}')) v(u);
SELECT replicache.export_space('b') AS b, replicache.export_space('t') AS t, replicache.export_space('x') AS x \gset space_
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT outcome($$replicache.export_space('x')$$);
ROLLBACK;
SELECT json_agg(l) AS lists FROM list l WHERE board IN ('b', 't', 'x') \gset
SELECT json_agg(c) AS cards FROM card c WHERE board IN ('b', 't', 'x') \gset
SELECT bookkeeping(b) FROM unnest('{b,t,x}'::text[]) b WHERE b = 'b';

-- The other server.
\c regress_replicache_move
SET search_path = app, public;
INSERT INTO replicache.forgotten_client VALUES ('c-b');
BEGIN;
SELECT replicache.import_space(:'space_b'), replicache.import_space(:'space_b') AS again;
ROLLBACK;
SELECT count(*) FROM replicache.space;
-- A table that is not tracked here; one that clients see in another way; rows that are there already.
BEGIN;
SELECT replicache.untrack_table('card');
SELECT app.outcome(format('replicache.import_space(%L)', :'space_b'));
ROLLBACK;
BEGIN;
SELECT replicache.track_table('card', space => 'board', value => $$jsonb_build_object('new', t.id)$$);
SELECT replicache.import_space(:'space_b');
INSERT INTO list SELECT * FROM json_populate_recordset(NULL::list, :'lists') WHERE board = 'b';
INSERT INTO card (id, list, board, n, version) OVERRIDING SYSTEM VALUE SELECT id, list, board, n, version FROM json_populate_recordset(NULL::card, :'cards') WHERE board = 'b';
SELECT pull('b', :'old_b')->'patch'->0->>'op' AS first;
ROLLBACK;
BEGIN;
INSERT INTO list VALUES ('left', 'b', 'left');
DELETE FROM replicache.space WHERE id = 'b';
SELECT app.outcome(format('replicache.import_space(%L)', :'space_b'));
ROLLBACK;
-- A client group that is here in another space.
BEGIN;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g-b","mutations":[{"clientID":"c","id":1,"name":"put","args":{}}]}', 'ann', 'elsewhere') -> 'rejected' IS NOT NULL AS pushed;
SELECT space FROM replicache.client_group WHERE id = 'g-b';
SELECT app.outcome(format('replicache.import_space(%L)', :'space_b'));
ROLLBACK;
-- A table that is missing here. It is not tracked there any more, but rows of it were deleted before.
SELECT app.outcome(format('replicache.import_space(%L)', jsonb_set(:'space_b', '{tombstones,0,relation}', '"app.gone"')));
-- What changes in the same transaction is a change.
BEGIN;
SELECT replicache.import_space(:'space_b');
INSERT INTO list SELECT * FROM json_populate_recordset(NULL::list, :'lists') WHERE board = 'b';
UPDATE list SET title = 'changed';
SELECT pull('b', :'old_b')->'patch' AS patch;
ROLLBACK;

BEGIN;
SELECT replicache.import_space(:'space_b'), replicache.import_space(:'space_t'), replicache.import_space(:'space_x');
INSERT INTO list SELECT * FROM json_populate_recordset(NULL::list, :'lists');
INSERT INTO card (id, list, board, n, version) OVERRIDING SYSTEM VALUE SELECT id, list, board, n, version FROM json_populate_recordset(NULL::card, :'cards');
COMMIT;
SELECT bookkeeping('b');
-- The same move again.
SELECT replicache.import_space(:'space_b');
-- It is held here, too.
SELECT push('b', 6)::jsonb -> 'halted' ->> 'code' AS code;
INSERT INTO card VALUES ('new', 'b-l', 'b');
-- Clients go on with their cookies: a delta, and no clear. With the clock transaction, they get everything.
SELECT b, pull(b, c)->'patch'->0->>'op' AS first, json_array_length(pull(b, c)->'patch') AS changes, pull(b, c)->'lastMutationIDChanges' AS ids
FROM (VALUES ('b', :'old_b'::json), ('t', :'old_t'), ('x', :'old_x')) o(b, c);
SELECT pull('b', :'old_b')->'patch' AS patch;

-- The old server lets it go, and says so.
\c contrib_regression
SET search_path = app, public;
SELECT outcome($$replicache.close_space('b', 'another')$$);
SELECT replicache.close_space('b', :'move_b'), replicache.close_space('t', :'move_t'), replicache.close_space('x', :'move_x');
SELECT replicache.close_space('b', :'move_b');
SELECT outcome(call) FROM unnest('{"replicache.close_space(''b'', ''m'')", "app.pull(''b'', NULL)", "replicache.pull_since(0, ''g-b'', ''b'')", "replicache.hold_space(''b'')",
    "replicache.export_space(''b'')", "replicache.release_space(''b'')", "replicache.create_space(''b'')"}'::text[]) call;
SELECT push('b', 6)::jsonb -> 'halted' AS halted;
INSERT INTO card VALUES ('new', 'b-l', 'b');
UPDATE card SET id = 'b7' WHERE id = 'b1';
-- What it has left can be deleted, without a trace.
DELETE FROM card WHERE board IN ('b', 't', 'x');
DELETE FROM list WHERE board IN ('b', 't', 'x');
SELECT bookkeeping('b');
SELECT count(*) FROM replicache.tombstone;
SELECT id FROM replicache.space ORDER BY id;
SELECT id FROM replicache.moved_space ORDER BY id;
TRUNCATE card;

-- The new one lets writers in. Versions go on.
\c regress_replicache_move
SET search_path = app, public;
SELECT replicache.release_space('b'), replicache.release_space('t'), replicache.release_space('x');
SELECT push('b', 5)->>'skipped' AS skipped, push('b', 6)->>'version' AS version, push('t', 4)->>'applied' AS applied, push('x', 4)->>'applied' AS applied;
SELECT pull('b', :'old_b')->'patch' AS patch;
-- A cookie of the old server from after the move is of another history.
SELECT pull('b', (:'old_b'::jsonb || '{"version":1000}')::json)->'patch'->0->>'op' AS first;

-- And back again: cookies of both servers are good.
SELECT pull('b', :'old_b')->'cookie' AS b \gset new_
SELECT replicache.hold_space('b') AS b \gset move_
SELECT replicache.export_space('b', '{ann}') AS b \gset space_
SELECT json_agg(l) AS lists FROM list l WHERE board = 'b' \gset
SELECT json_agg(c) AS cards FROM card c WHERE board = 'b' \gset
INSERT INTO replicache.mutation_error (space, client_group_id, client_id, mutation_id, name, sqlstate, message) VALUES ('b', 'g-b', 'c-b', 1, 'put', 'P0001', 'refused');
SELECT replicache.export_space('b', '{ann}') AS with_error \gset space_
\c contrib_regression
SET search_path = app, public;
-- Errors get new ids. If clients see them, they get everything.
BEGIN;
SELECT replicache.track_table('replicache.mutation_error', space => 'space', key => 'error/{error_id}');
SELECT replicache.import_space(:'space_with_error');
SELECT pull('b', :'new_b')->'patch'->0->>'op' AS first;
ROLLBACK;
BEGIN;
SELECT replicache.import_space(:'space_b');
INSERT INTO list SELECT * FROM json_populate_recordset(NULL::list, :'lists');
INSERT INTO card (id, list, board, n, version) OVERRIDING SYSTEM VALUE SELECT id, list, board, n, version FROM json_populate_recordset(NULL::card, :'cards');
-- A row without a version of its space is a change.
INSERT INTO list VALUES ('added', 'b', 'added');
COMMIT;
SELECT pull('b', :'new_b')->'patch' AS patch, json_array_length(pull('b', :'old_b')->'patch') AS changes, pull('b', :'old_b')->'patch'->0->>'op' AS first;
SELECT replicache.release_space('b');
SELECT id FROM replicache.moved_space ORDER BY id;
-- A space of that name is here.
\c regress_replicache_move
SELECT replicache.close_space('b', :'move_b');
\c contrib_regression
SELECT app.outcome(format('replicache.import_space(%L)', :'space_b'));

-- Clients with a private view get one complete pull: the seals of their cookies are those of the old server.
\c regress_replicache_move
SET client_min_messages = warning;
CREATE TABLE app.own (id text PRIMARY KEY, board text NOT NULL);
SELECT replicache.track_table('app.own', space => 'board', private => true);
\c contrib_regression
SET client_min_messages = warning;
CREATE TABLE app.own (id text PRIMARY KEY, board text NOT NULL);
SELECT replicache.track_table('app.own', space => 'board', private => true);
INSERT INTO app.own VALUES ('o1', 'p');
SELECT app.pull('p', NULL) -> 'cookie' AS p \gset old_
SELECT json_array_length(app.pull('p', :'old_p') -> 'patch') AS changes;
SELECT replicache.hold_space('p') AS p \gset move_
SELECT replicache.export_space('p') AS p \gset space_
\c regress_replicache_move
BEGIN;
SELECT replicache.import_space(:'space_p');
INSERT INTO app.own VALUES ('o1', 'p');
COMMIT;
SELECT replicache.release_space('p');
SELECT app.pull('p', :'old_p') -> 'cookie' AS p, app.pull('p', :'old_p') -> 'patch' AS patch \gset new_
SELECT p ->> 'op' AS op, p ->> 'key' AS key FROM json_array_elements(:'new_patch') p;
INSERT INTO app.own VALUES ('o2', 'p');
SELECT p ->> 'op' AS op, p ->> 'key' AS key FROM json_array_elements(app.pull('p', :'new_p') -> 'patch') p;
\c contrib_regression
DROP PUBLICATION everything;
SET client_min_messages = warning;
DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA app CASCADE;
DROP DATABASE regress_replicache_move;
