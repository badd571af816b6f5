-- collect_garbage(): idle clients, groups, tombstones and errors go; whoever comes back is told so.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA garbage;
SET search_path = garbage;
\set ECHO none
\i sql/include/cookies.sql
\set ECHO all
CREATE TABLE item (id text PRIMARY KEY, space text NOT NULL DEFAULT '');
SELECT replicache.track_table('item', key => '{id}', space => 'space');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO garbage.item VALUES (id, replicache.current_space())';
SELECT replicache.register_mutator('add', 'add(text)');
CREATE FUNCTION push(client text, mutation bigint, item text, grp text DEFAULT 'g', space text DEFAULT '') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'schemaVersion', '', 'profileID', 'p',
        'clientGroupID', grp, 'mutations', json_build_array(json_build_object(
        'clientID', client, 'id', mutation, 'name', 'add', 'args', json_build_object('id', item), 'timestamp', 1))), space => space)
$$;
CREATE FUNCTION pull(cookie json, grp text DEFAULT 'g', space text DEFAULT '') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.pull(json_build_object('pullVersion', 1, 'schemaVersion', '', 'profileID', 'p', 'clientGroupID', grp, 'cookie', cookie), space => space)
$$;
-- As if a year had passed since everything that is there.
CREATE PROCEDURE a_year_passes() LANGUAGE sql AS $$
    UPDATE replicache.client SET last_seen = last_seen - interval '1 year';
    UPDATE replicache.tombstone SET at = at - interval '1 year';
    UPDATE replicache.mutation_error SET at = at - interval '1 year';
$$;

-- It removes rows of published tables, too.
SET client_min_messages = error;  -- of wal_level
CREATE PUBLICATION everything FOR ALL TABLES;
RESET client_min_messages;

-- Nothing to do.
SELECT replicache.collect_garbage('0', dry_run => true);
SELECT replicache.collect_garbage('0');

-- The client group g has an idle client and one that is not.
SELECT push('idle', 1, 'a') ->> 'version', push('idle', 2, 'b') ->> 'version', push('alone', 1, 'c', 'g of one') ->> 'version';
SELECT push('idle', 3, 'a') #>> '{rejected,0,code}' AS rejected;
DELETE FROM item WHERE id = 'a';
DELETE FROM item WHERE id = 'b';
CALL a_year_passes();
SELECT push('busy', 1, 'd') ->> 'version', push('busy', 2, 'd') #>> '{rejected,0,code}' AS rejected;
DELETE FROM item WHERE id = 'd';
SELECT replicache.collect_garbage('1 month', dry_run => true);
SELECT replicache.collect_garbage('1 month');
SELECT id FROM replicache.client;
SELECT id FROM replicache.client_group;
SELECT key, version FROM replicache.tombstone;
SELECT client_id, mutation_id FROM replicache.mutation_error;
SELECT id, version, floor, collected FROM replicache.space;
-- Again: nothing left.
SELECT replicache.collect_garbage('1 month');

-- Who has not seen the deletion of b gets everything, who has gets a delta.
SELECT pull(cookie(3)) -> 'patch' AS has_not, pull(cookie(4)) -> 'patch' AS has;
SELECT replicache.pull_since(3) -> 'patch' AS has_not, replicache.pull_since(4) -> 'patch' AS has;

-- The forgotten client is not taken for a new one: its mutations may be applied already.
SELECT push('idle', 1, 'a'), push('idle', 4, 'e'), push('alone', 1, 'c', 'g of one'), push('alone', 1, 'c', 'another');
SELECT replicache.apply_push('{"pushVersion":0, "clientID":"idle", "schemaVersion":"", "mutations":[{"id":1, "name":"add", "args":{"id":"f"}}]}');
SELECT replicache.pull(format('{"pullVersion":0, "clientID":"alone", "lastMutationID":1, "cookie":%s}', cookie(4))::json);
-- What other clients have pushed along with it stands.
SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"g", "mutations":[
    {"clientID":"busy", "id":3, "name":"add", "args":{"id":"g"}}, {"clientID":"idle", "id":1, "name":"add", "args":{"id":"a"}}, {"clientID":"busy", "id":4, "name":"add", "args":{"id":"h"}}]}');
SELECT id, last_mutation_id FROM replicache.client;
SELECT id FROM item ORDER BY id;
-- A new client of its group, and of a group that was forgotten, is one.
SELECT push('new', 1, 'i') ->> 'applied', push('newer', 1, 'j', 'g of one') ->> 'applied';

-- In one transaction with writes.
BEGIN;
DELETE FROM item WHERE id = 'g';
SELECT replicache.collect_garbage('0');
DELETE FROM item WHERE id = 'i';
SELECT push('late', 1, 'k') ->> 'applied';
SELECT replicache.collect_garbage('0');
SELECT push('late', 2, 'l');
COMMIT;
SELECT version, floor, collected FROM replicache.space;
SELECT pull(cookie(8)) #>> '{patch,0,op}' AS has_not, pull(cookie(9)) -> 'patch' AS has;
SELECT count(*) FROM replicache.client;
-- Rolled back, it did nothing.
DELETE FROM item WHERE id = 'c';
BEGIN;
SAVEPOINT s;
SELECT replicache.collect_garbage('0');
ROLLBACK TO s;
DELETE FROM item WHERE id = 'j';
SELECT replicache.collect_garbage('0');
ROLLBACK;
SELECT pull(cookie(9)) -> 'patch';

-- Clock transaction.
SELECT replicache.create_space('free', 'transaction');
INSERT INTO item VALUES ('t1', 'free'), ('t2', 'free'), ('t3', 'free');
SELECT pull(NULL, space => 'free') -> 'cookie' AS first \gset
DELETE FROM item WHERE id = 't1';
CALL a_year_passes();
SELECT pull(:'first', space => 'free') -> 'patch';
SELECT pull(NULL, space => 'free') -> 'cookie' AS second \gset
DELETE FROM item WHERE id = 't2';
SELECT replicache.collect_garbage('1 month', dry_run => true);
SELECT replicache.collect_garbage('1 month');
SELECT pull(:'first', space => 'free') -> 'patch' AS first, pull(:'second', space => 'free') -> 'patch' AS second;
SELECT collected AS seen FROM replicache.space WHERE id = 'free' \gset
SELECT replicache.pull_since(:seen - 1, NULL, 'free') -> 'patch' AS less, replicache.pull_since(:seen, NULL, 'free') -> 'patch' AS all;
-- From another database, by a dump: a transaction that is yet to come here. No cookie is from there.
UPDATE replicache.tombstone SET version = (pg_current_xact_id()::text::bigint) + 1000000 WHERE key = 't2';
SELECT replicache.collect_garbage('1 month', dry_run => true);
SELECT replicache.collect_garbage('1 month');
SELECT pull(:'second', space => 'free') -> 'patch' AS second;
UPDATE replicache.space SET collected = (pg_current_xact_id()::text::bigint) + 1000000 WHERE id = 'free';
SELECT pull(:'second', space => 'free') -> 'patch' AS second;
-- What this transaction deletes is not from there.
BEGIN;
DELETE FROM item WHERE id = 't3';
SELECT replicache.collect_garbage('1 month');
SELECT pull(:'second', space => 'free') -> 'patch' AS second;
COMMIT;

-- Clock time. lastMutationAt cannot tell a client to start afresh, so tombstones of its tables stay.
CREATE TABLE note (id text PRIMARY KEY, user_id text NOT NULL);
CREATE TABLE other (id text PRIMARY KEY, user_id text NOT NULL);
SELECT replicache.create_space('ann', 'time');
SELECT replicache.track_table('note', space => 'user_id'), replicache.track_table('other', space => 'user_id'), replicache.expose_crud('note', name => 'NOTE');
INSERT INTO note VALUES ('n', 'ann');
INSERT INTO other VALUES ('o', 'ann');
SELECT pull(NULL, space => 'ann') -> 'cookie' AS seen \gset
SELECT :'seen'::json -> 'version' AS before \gset
DELETE FROM note;
DELETE FROM other;
CALL a_year_passes();
SELECT replicache.collect_garbage('1 month', dry_run => true);
SELECT replicache.collect_garbage('1 month');
SELECT key, relation FROM replicache.tombstone WHERE space = 'ann';
SELECT s.version = s.collected AS by_that_of_other, s.version > t.version AS note_is_older FROM replicache.space s, replicache.tombstone t WHERE s.id = 'ann' AND t.space = 'ann';
SELECT body #>> '{data,mutations,0,type}' FROM replicache.sync_pull(:before, 'ann');
SELECT pull(:'seen', space => 'ann') -> 'patch';

-- Errors that are tracked themselves.
SELECT replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', value => 'json_build_object(''name'', name)', space => 'space');
SELECT push('c', 1, 'k') #>> '{rejected,0,code}' AS rejected;
CALL a_year_passes();
SELECT replicache.collect_garbage('1 month');
SELECT key LIKE 'error/%' AS error FROM replicache.tombstone WHERE space = '';
SELECT replicache.untrack_table('replicache.mutation_error');

-- Refused.
SELECT replicache.collect_garbage(NULL);
SELECT replicache.collect_garbage('-1 day');
SELECT replicache.collect_garbage('1000000 years');
BEGIN READ ONLY;
SELECT replicache.collect_garbage('1 day');
ROLLBACK;
-- A dry run writes and locks nothing. It counts what others use at the moment, too.
BEGIN READ ONLY;
SELECT replicache.collect_garbage('0', dry_run => true)::text = replicache.collect_garbage('0', views => '1 day', dry_run => true)::text AS same;
SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'replicache.%' AND mode <> 'AccessShareLock';
ROLLBACK;
SELECT replicache.collect_garbage('1 day', dry_run => NULL);
SELECT replicache.collect_garbage(NULL, dry_run => true);
SELECT replicache.collect_garbage('-1 day', dry_run => true);
SELECT replicache.collect_garbage('1 day', '-1 day', true);
CREATE FUNCTION clean() RETURNS void LANGUAGE sql AS $$ SELECT replicache.collect_garbage('0') $$;
CREATE FUNCTION look() RETURNS void LANGUAGE sql AS $$ SELECT replicache.collect_garbage('0', dry_run => true) $$;
SELECT replicache.register_mutator('clean', 'clean()'), replicache.register_mutator('look', 'look()');
SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"x", "mutations":[{"clientID":"x", "id":1, "name":"clean", "args":{}}, {"clientID":"x", "id":2, "name":"look", "args":{}}]}') -> 'rejected';
CREATE ROLE nobody_of_garbage;
SET ROLE nobody_of_garbage;
SELECT replicache.collect_garbage('1 day');
SELECT replicache.collect_garbage('1 day', dry_run => true);
RESET ROLE;
DROP ROLE nobody_of_garbage;

DROP PUBLICATION everything;
DROP EXTENSION replicache_ext;
DROP SCHEMA garbage CASCADE;
