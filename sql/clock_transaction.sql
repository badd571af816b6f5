-- The clock `transaction`: changes carry the id of their transaction, and cookies say which transactions were seen.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA clock_transaction;
SET search_path = clock_transaction, public;
\i sql/include/tracking.sql

CREATE TABLE client_state (who text PRIMARY KEY, cookie json, last_mutation_id bigint);

-- The client pulls: 'same' or 'new' cookie, lastMutationIDs, and the patch, sorted. Capitals tell what must never happen.
CREATE FUNCTION follow(who text, in_space text DEFAULT '', client_group text DEFAULT 'g') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before json := (SELECT c.cookie FROM client_state c WHERE c.who = follow.who);
    answer json := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', client_group, 'cookie', before), 'ann', in_space);
    after json := answer->'cookie';
BEGIN
    IF answer->>'error' IS NOT NULL THEN
        RETURN NEXT answer->>'error';
        RETURN;
    END IF;
    RETURN NEXT CASE WHEN after::text = before::text THEN 'same' ELSE 'new' END || ' ' || (answer->>'lastMutationIDChanges');
    IF after::text = before::text AND json_array_length(answer->'patch') > 0 THEN RETURN NEXT 'A PATCH UNDER THE SAME COOKIE'; END IF;
    IF after::text <> before::text AND (after->>'order')::bigint <= (before->>'order')::bigint THEN RETURN NEXT 'THE COOKIE DID NOT RISE'; END IF;
    RETURN QUERY SELECT concat_ws(' ', op, key, value) FROM patch(answer) ORDER BY op, key, value;
    INSERT INTO client_state VALUES (follow.who, after) ON CONFLICT ON CONSTRAINT client_state_pkey DO UPDATE SET cookie = after;
END $$;
CREATE FUNCTION push(client text, id int, name text, args json DEFAULT NULL, space text DEFAULT '', client_group text DEFAULT 'g') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', client_group, 'mutations', json_build_array(json_build_object('clientID', client, 'id', id, 'name', name, 'args', args))), 'ann', space) $$;

SET replicache.default_clock = 'transaction';
CREATE TABLE item (id text PRIMARY KEY, v int CHECK (v < 100));
CREATE TABLE soft (id int PRIMARY KEY, gone boolean NOT NULL DEFAULT false);
CREATE TABLE spaced (id int PRIMARY KEY, room text NOT NULL);
-- A space that nobody has used has no clock yet.
SELECT replicache.pull_since(NULL);
SELECT follow('early');
SELECT replicache.track_table('item'), replicache.track_table('soft', deleted => 'gone'), replicache.track_table('spaced', space => 'room');
SELECT id, clock, version FROM replicache.space;
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO item VALUES (put.id, put.v) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET v = excluded.v;
    IF v = 99 THEN RAISE 'ninety-nine'; END IF; END $$;
SELECT replicache.register_mutator('put', 'put(text,int)');

-- What a cookie looks like; it is the same until something changes, whatever else the server does.
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}')::text ~
    '^{"cookie":{"order":\d+,"xmax":\d+,"inProgress":\[[0-9,]*\],"lsn":"[0-9A-F]+/[0-9A-F]+","origin":"[0-9a-f]{16}-[0-9a-f]{16}-\d+"},"lastMutationIDChanges":{},"patch":\[{"op":"clear"}\]}$';
SELECT follow('early');
SELECT follow('a');
SELECT follow('a');
CREATE TABLE unrelated ();
SELECT follow('a');

-- Direct writes.
INSERT INTO item VALUES ('a', 1), ('b', 2);
SELECT follow('a');
SELECT follow('a');
UPDATE item SET v = v;
SELECT follow('a');
DELETE FROM item WHERE id = 'a';
UPDATE item SET id = 'c' WHERE id = 'b';
INSERT INTO soft VALUES (1), (2);
SELECT follow('a');
UPDATE soft SET gone = true WHERE id = 1;
INSERT INTO item VALUES ('a', 3);
SELECT follow('a');
BEGIN;
INSERT INTO item VALUES ('d', 4);
SAVEPOINT s;
INSERT INTO item VALUES ('e', 5);
ROLLBACK TO s;
SAVEPOINT s;
INSERT INTO item VALUES ('f', 6);
RELEASE s;
COMMIT;
BEGIN;
INSERT INTO item VALUES ('g', 7);
ROLLBACK;
SELECT follow('a');
SELECT follow('b');

-- Every change of one transaction carries the same version: its id.
BEGIN;
INSERT INTO item VALUES ('x', 1);
SAVEPOINT s;
INSERT INTO item VALUES ('y', 1);
SELECT push('c0', 1, 'put', '{"id":"z","v":1}')->>'version' = pg_current_xact_id()::text;
SELECT count(*), bool_and(version = pg_current_xact_id()::text::bigint) FROM item WHERE id IN ('x', 'y', 'z');
SELECT version = pg_current_xact_id()::text::bigint FROM replicache.client WHERE id = 'c0';
ROLLBACK;

-- Pushes: applied, rejected, from the future, of an unknown client, skipped.
SELECT push('c1', 1, 'put', '{"id":"p","v":1}')::jsonb - 'version';
SELECT push('c1', 2, 'put', '{"id":"q","v":99}')::jsonb - 'version';
SELECT push('c1', 4, 'put', '{"id":"q","v":3}')::jsonb - 'version';
SELECT push('c9', 4, 'put', '{"id":"q","v":3}');
SELECT push('c1', 1, 'put', '{"id":"p","v":7}')::jsonb - 'version';
SELECT count(*) FROM replicache.client_group;
SELECT follow('a');
SELECT follow('a');
SELECT push('c2', 1, 'put', '{"id":"r","v":1}', client_group => 'h')::jsonb - 'version';
SELECT follow('a');
SELECT follow('h', client_group => 'h');

-- current_version() is what the rows get; in a pull it is the number that pull_since would give.
CREATE FUNCTION stamped() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF replicache.current_version() <> pg_current_xact_id()::text::bigint THEN RAISE 'wrong version'; END IF; END $$;
SELECT replicache.register_mutator('stamped', 'stamped()');
SELECT push('c1', 3, 'stamped')::jsonb - 'version';

-- A reader sees what its own transaction has written, and once more when others can see it.
BEGIN;
SELECT count(*) FROM (SELECT follow('a')) f;
INSERT INTO item VALUES ('own', 1);
SELECT follow('a');
COMMIT;
SELECT follow('a');
SELECT follow('a');

-- Spaces of different clocks live side by side, and rows move between them.
SELECT replicache.create_space('slow', 'counter'), replicache.create_space('fast', 'transaction');
INSERT INTO spaced VALUES (1, 'slow'), (2, 'fast');
SELECT follow('slow', 'slow', 's');
SELECT follow('fast', 'fast', 'f');
SELECT cookie -> 'order', cookie -> 'version' FROM client_state WHERE who = 'slow';
UPDATE spaced SET room = CASE room WHEN 'slow' THEN 'fast' ELSE 'slow' END;
SELECT follow('slow', 'slow', 's');
SELECT follow('fast', 'fast', 'f');
SELECT id, clock, version FROM replicache.space ORDER BY id;

-- Everything again: after TRUNCATE, resync, and a change of the registry.
SELECT follow('a');
TRUNCATE soft;
SELECT follow('a');
SELECT follow('a');
SELECT replicache.resync('soft');
SELECT count(*) > 1, bool_or(f LIKE 'clear%') FROM follow('a') f;
SELECT follow('a');
INSERT INTO soft VALUES (7);
SELECT follow('a');
SELECT replicache.untrack_table('soft');
SELECT follow('a');
SELECT replicache.track_table('soft', deleted => 'gone');
SELECT count(*) > 1, bool_or(f LIKE 'clear%') FROM follow('a') f;
SELECT follow('a');

-- A cookie of another origin, a number, or one from the future.
UPDATE client_state SET cookie = jsonb_set(cookie::jsonb, '{origin}', '"elsewhere"') WHERE who = 'a';
SELECT count(*) > 1, bool_or(f LIKE 'clear%'), bool_or(f ~ '[A-Z]{4}') FROM follow('a') f;
UPDATE client_state SET cookie = '4711' WHERE who = 'a';
SELECT count(*) > 1, bool_or(f LIKE 'clear%') FROM follow('a') f;
UPDATE client_state SET cookie = jsonb_set(cookie::jsonb, '{origin}', '"elsewhere"') || '{"order":7000000000000000,"xmax":7000000000000000}' WHERE who = 'a';
SELECT count(*) > 1, bool_or(f LIKE 'clear%'), bool_or(f ~ '[A-Z]{4}') FROM follow('a') f;
SELECT (cookie ->> 'order')::bigint - 7000000000000000 BETWEEN 0 AND 1::bigint << 32 FROM client_state WHERE who = 'a';
INSERT INTO item VALUES ('later', 1);
SELECT follow('a');
SELECT (cookie ->> 'order')::bigint - 7000000000000000 BETWEEN 0 AND 1::bigint << 32 FROM client_state WHERE who = 'a';
CREATE TEMPORARY TABLE saved AS SELECT cookie FROM client_state WHERE who = 'a';
UPDATE client_state SET cookie = cookie::jsonb || '{"xmax":7000000000000000}' WHERE who = 'a';
SELECT follow('a');
UPDATE client_state c SET cookie = s.cookie FROM saved s WHERE who = 'a';
SELECT follow('a');
-- One that a counter has not given.
UPDATE client_state SET cookie = (SELECT json_build_object('order', 1, 'xmax', 5, 'inProgress', '[]'::json, 'origin', 'x')) WHERE who = 'slow';
SELECT follow('slow', 'slow', 's');
UPDATE client_state SET cookie = (SELECT json_build_object('order', 3, 'xmax', 5, 'inProgress', '[]'::json, 'origin', 'x')) WHERE who = 'slow';
SELECT follow('slow', 'slow', 's');

-- Ones of which a part is none of ours, though they name this history.
CREATE FUNCTION first(part jsonb) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', cookie || part), 'ann') #> '{patch,0}'
    FROM CAST(replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}', 'ann') ->> 'cookie' AS jsonb) cookie $$;
SELECT first('{}'), first('{"xmax":1}');
SELECT part, first(part) FROM unnest(ARRAY['{"order":null}', '{"xmax":null}', '{"xmax":-1}', '{"xmax":0}', '{"xmax":1.5}', '{"inProgress":null}', '{"inProgress":{}}', '{"inProgress":[1,"2"]}',
    '{"inProgress":[7,8,5,8]}', '{"lsn":null}', '{"lsn":"x"}', '{"lsn":"1/"}', '{"lsn":"/1"}', '{"lsn":"1/G"}', '{"lsn":"100000000/1"}', '{"lsn":7}', '{"origin":7}', '{"origin":""}', '{"version":1}']::jsonb[]) part;

-- V0.
CREATE FUNCTION pull0(cookie json, last_mutation_id bigint) RETURNS json LANGUAGE sql AS
$$ SELECT replicache.pull(json_build_object('pullVersion', 0, 'clientID', 'v0', 'cookie', cookie, 'lastMutationID', last_mutation_id), 'ann', 'fast') $$;
CREATE TEMPORARY TABLE v0 AS SELECT pull0('null', 0) AS answer;
SELECT answer->'lastMutationID', answer->'patch' FROM v0;
SELECT a->'lastMutationID', a->'patch', a->>'cookie' = answer->>'cookie' FROM v0, pull0(answer->'cookie', 0) a;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"v0","mutations":[{"id":1,"name":"stamped"}]}', 'ann', 'fast')::jsonb - 'version';
SELECT a->'lastMutationID', a->'patch', a->>'cookie' = answer->>'cookie' FROM v0, pull0(answer->'cookie', 0) a;
SELECT a->'lastMutationID', a->'patch', a->>'cookie' = answer->>'cookie' FROM v0, pull0(answer->'cookie', 1) a;
SELECT pull0('null', 2);

-- pull_since takes and gives numbers: every change at least once. A number is below all transactions in progress, also those of others. So that none of our own
-- changes comes twice, those are waited for that began before.
CREATE PROCEDURE wait_for_others() LANGUAGE plpgsql AS $$
DECLARE next xid8 := pg_snapshot_xmax(pg_current_snapshot());
BEGIN
    WHILE pg_snapshot_xmin(pg_current_snapshot()) < next LOOP
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
CALL wait_for_others();
SELECT (replicache.pull_since(NULL)->>'cookie')::bigint AS since \gset
SELECT replicache.pull_since(:since)->>'cookie' = :'since';
INSERT INTO item VALUES ('n', 1);
DELETE FROM item WHERE id = 'p';
SELECT replicache.pull_since(:since, 'g')::jsonb - 'cookie';
CALL wait_for_others();
SELECT (replicache.pull_since(:since)->>'cookie')::bigint AS next \gset
SELECT :next > :since, replicache.pull_since(:next)->>'cookie' = :'next';
SELECT replicache.pull_since(:next)->'patch';
SELECT replicache.pull_since(:next + 1000000);
SELECT replicache.resync('item');
SELECT replicache.pull_since(:next)->'patch'->0;

-- A dump carries versions and floors of transactions that the new server has yet to count to. Everybody gets everything,
-- and then deltas.
ALTER TABLE item DISABLE TRIGGER ALL;
UPDATE item SET version = 1000000000000;
ALTER TABLE item ENABLE TRIGGER ALL;
UPDATE replicache.space SET floor = 1000000000000 WHERE id = '';
UPDATE replicache.client SET version = 1000000000000;
UPDATE replicache.origin SET id = DEFAULT;
SELECT count(*) > 1, bool_or(f LIKE 'clear%'), bool_or(f LIKE 'new%c1%') FROM follow('a') f;
SELECT follow('a');
UPDATE item SET v = 42 WHERE id = 'q' OR id = 'r';
SELECT follow('a');
SELECT follow('a');

-- Where numbers end, the order of one more cookie is a text.
SELECT cookie::jsonb AS seen FROM client_state WHERE who = 'a' \gset
UPDATE item SET v = 43 WHERE id = 'q' OR id = 'r';
SELECT n, json_typeof(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', :'seen'::jsonb || jsonb_build_object('order', n)), 'ann') #> '{cookie,order}')
    FROM unnest('{9007199254740990, 9007199254740991}'::bigint[]) n;

-- In a database that was restored from a dump, the versions of clients may be of transactions to come. Those clients are not the last ones.
SELECT push('c8', 1, 'put', '{"id":"p","v":1}', client_group => 'restored') -> 'applied';
UPDATE replicache.client SET version = version + 1000000 WHERE id = 'c8';
SELECT split_part(replicache.pull('{"pullVersion":1,"clientGroupID":"restored","cookie":null}', 'ann') #>> '{cookie,confirmed}', '-', 3) AS confirmed;
SELECT push('c9', 1, 'put', '{"id":"p","v":2}', client_group => 'restored') -> 'applied', push('c9', 2, 'put', '{"id":"p","v":3}', client_group => 'restored') -> 'applied';
SELECT split_part(replicache.pull('{"pullVersion":1,"clientGroupID":"restored","cookie":null}', 'ann') #>> '{cookie,confirmed}', '-', 3) AS confirmed;

-- A new epoch: strangers all. The group that has pushed starts afresh, as another one with the same cookie.
SELECT replicache.new_epoch();
SELECT follow('a');
SELECT count(*) > 1, bool_or(f LIKE 'clear%'), bool_or(f LIKE 'new {}') FROM follow('a', client_group => 'afresh') f;
SELECT follow('a', client_group => 'afresh');
SELECT push('c1', 4, 'put', '{"id":"p","v":1}');
SELECT id, clock, version FROM replicache.space WHERE clock = 'transaction' ORDER BY id;

-- Under REPEATABLE READ, a pull is as old as its snapshot.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT count(*) FROM item;
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"new","cookie":null}')->'patch'->0;
COMMIT;

DROP SCHEMA clock_transaction CASCADE;
DROP EXTENSION replicache_ext;
