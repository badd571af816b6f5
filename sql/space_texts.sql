-- A space whose column is a uuid or an integer has one text, however callers write it; and tables whose spaces could meet.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA space_texts;
SET search_path = space_texts;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set cookies :srcdir '/sql/include/cookies.sql'
\set ECHO none
\i :helpers
\i :cookies
\set ECHO all

CREATE TABLE card (id int PRIMARY KEY, board uuid NOT NULL, place text);
SELECT replicache.track_table('card', space => 'board', value => 'to_json(place)');
CREATE FUNCTION add_card(id int, board uuid) RETURNS json LANGUAGE sql AS $$ INSERT INTO card VALUES (id, board, replicache.current_space()) RETURNING 'null'::json $$;
SELECT replicache.register_mutator('addCard', 'add_card(int, uuid)');
CREATE FUNCTION push(client text, id int, space text, as_group text DEFAULT NULL) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', coalesce(as_group, client), 'mutations',
        json_build_array(json_build_object('clientID', client, 'id', id, 'name', 'addCard', 'args', json_build_object('id', id, 'board', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')))), 'ann', space)
$$;
CREATE FUNCTION pull(client_group text, cookie json, space text) RETURNS json LANGUAGE sql AS $$
    SELECT plain(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', client_group, 'cookie', cookie), 'ann', space))
$$;

-- Pushed to and pulled from, in capitals, without hyphens, in braces.
SELECT push('c', 1, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT pull('c', NULL, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT pull('c', cookie(1, '{B0EEBC999C0B4EF8BB6D6BB9BD380A11}'), '{B0EEBC999C0B4EF8BB6D6BB9BD380A11}');
SELECT push('c', 2, 'b0eebc999c0b4ef8bb6d6bb9bd380a11');
SELECT pull('c', cookie(1, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT replicache.pull_since(1, 'c', 'b0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0A11');
SELECT id FROM replicache.space;
SELECT id, space FROM replicache.client_group;
-- … and what is none.
SELECT space, replicache.pull_since(NULL, NULL, space) ->> 'cookie' AS cookie
    FROM unnest(ARRAY['b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a112', '{b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', 'b0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11',
        'b0eebc999-c0b-4ef8-bb6d-6bb9bd380a11', ' b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-', 'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{}', '{', '-', '']) space;
-- … create_space.
SELECT try($$SELECT replicache.create_space('B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')$$);
SELECT try($$SELECT replicache.create_space('C0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'time')$$);
SELECT id, clock FROM replicache.space ORDER BY id;
SELECT try($$SELECT replicache.create_space(repeat('0', 1001))$$);
-- … the group stays that of its space.
SELECT try($$SELECT push('c', 3, 'C0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')$$);
SELECT try($$SELECT pull('c', NULL, 'C0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')$$);

-- A rejected mutation is replayed there; errors are in that space, too, and their table names no spaces of its own.
SELECT replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', value => 'to_json(name)', space => 'space');
SELECT push('c', 3, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') -> 'applied', push('d', 1, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') -> 'rejected' -> 0 -> 'code';
SELECT op, key, value FROM patch(pull('c', cookie(2, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'));
UPDATE replicache.mutation_error SET space = upper(space);
DELETE FROM card WHERE id = 1;
SELECT replicache.replay(error_id) ->> 'space' FROM replicache.mutation_error;
SELECT id, place FROM card WHERE id = 1;
SELECT id FROM replicache.space WHERE id <> '' ORDER BY id;
SELECT replicache.untrack_table('replicache.mutation_error');

-- A group with another text on record, from before all this: the cookies of its clients are of a space without rows.
INSERT INTO replicache.space (id, clock, version) VALUES ('B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'counter', 70) ON CONFLICT (id) DO UPDATE SET version = excluded.version;
INSERT INTO replicache.client_group VALUES ('old', 'ann', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
INSERT INTO replicache.client VALUES ('o', 'old', 9, 3, now());
SELECT pull('old', '3', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') ->> 'cookie' AS cookie, json_array_length(pull('old', cookie(3, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') -> 'patch') AS complete;
SELECT pull('old', '70', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT push('o', 9, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'old');
SELECT space FROM replicache.client_group WHERE id = 'old';
SELECT push('o', 10, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'old');
SELECT space FROM replicache.client_group WHERE id = 'old';
SELECT pull('old', '70', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT pull('old', cookie(71, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT try($$SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"old", "mutations":[]}', 'bob', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')$$);
DROP TABLE card;

-- Integers.
CREATE TABLE task (id int PRIMARY KEY, small smallint NOT NULL, big bigint NOT NULL, u uuid NOT NULL, t text NOT NULL);
INSERT INTO task VALUES (1, 7, 9223372036854775807, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a/b'), (2, -7, -9223372036854775808, '00000000-0000-0000-0000-000000000007', '%');
CREATE FUNCTION ids(space text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(value, ',' ORDER BY key), 'none') FROM patch(replicache.pull_since(NULL, NULL, space)) WHERE op = 'put'
$$;
SELECT replicache.track_table('task', space => 'small', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['7', '007', '+7', '+007', '-7', '-07', '--7', '+-7', '-+7', '++7', '7.0', '0x7', '7_0', '65543', '٧', '-']) space;
SELECT replicache.track_table('task', space => 'big', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['009223372036854775807', '+9223372036854775807', '-09223372036854775808', '9223372036854775808', '-9223372036854775809', '18446744073709551623']) space;
-- … in templates.
SELECT replicache.track_table('task', space => 'n/{small}/u/{u}', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['n/7/u/a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'n/007/u/{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', 'n/7/u/', 'N/7/u/a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']) space;
SELECT replicache.create_space('n/+8/u/A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), replicache.create_space('m/+8/u/A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT id FROM replicache.space WHERE id ~ '^[mn]/' ORDER BY id;
SELECT replicache.track_table('task', space => 'n/{small}/t/{t}', value => 'to_json(id)');
SELECT space, ids(space) FROM unnest(ARRAY['n/007/t/a%2Fb', 'n/007/t/a%2fb', 'n/-007/t/%25']) space;
-- … the cache follows the tables.
SELECT replicache.track_table('task', space => 'small', value => 'to_json(id)');
SELECT ids('007');
SELECT replicache.untrack_table('task');
ALTER TABLE task ALTER small TYPE text;
SELECT replicache.track_table('task', space => 'small', value => 'to_json(id)');
SELECT ids('007'), ids('7');
SELECT replicache.untrack_table('task');
ALTER TABLE task ALTER small TYPE int USING small::int;
SELECT replicache.track_table('task', space => 'small', value => 'to_json(id)');
SELECT ids('007'), ids('7');
ALTER TABLE task RENAME small TO little;
SELECT try($$SELECT replicache.create_space('0070')$$);
SELECT id FROM replicache.space WHERE id LIKE '%70';
ALTER TABLE task RENAME little TO small;

-- A table that can have a space of exactly this text: then that one is meant.
CREATE TABLE note (id int PRIMARY KEY, room text NOT NULL);
INSERT INTO note VALUES (1, '007'), (2, '7'), (3, 'n/007');
SELECT replicache.track_table('note', space => 'room', value => 'to_json(room)');
SELECT ids('007'), ids('7');
SELECT replicache.track_table('note', space => 'n/{room}', value => 'to_json(room)');
SELECT ids('007'), ids('7'), ids('n/007'), ids('n/n%2F007');
-- … and several that are meant: a number of 32 digits is also a uuid.
CREATE TABLE doc (id int PRIMARY KEY, u uuid NOT NULL);
INSERT INTO doc VALUES (1, '00000000-0000-0000-0000-000000000007');
SELECT replicache.track_table('doc', space => 'u', value => 'to_json(''doc''::text)');
SELECT ids('7'), ids('00000000000000000000000000000007'), ids('00000000-0000-0000-0000-000000000007'), ids('0000000000000000000000000000000a');
DROP TABLE task, note, doc;

-- A user of lastMutationAt whose space it is: a uuid is read as above, a number is not.
SET replicache.default_clock = 'time';
CREATE TABLE mine (id int PRIMARY KEY, owner uuid NOT NULL, who text DEFAULT replicache.current_user_id());
CREATE TABLE numbered (id int PRIMARY KEY, owner int NOT NULL);
SELECT replicache.track_table('mine', space => 'owner'), replicache.expose_crud('mine', columns => '{"id":"id"}');
SELECT status FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"mine","data":{"id":1}}]}', -1, 'D0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT id, owner, who FROM mine;
SELECT status, body #> '{data,mutations,0,data}' AS data FROM replicache.sync_pull(-1, 'D0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT status, body #> '{data,mutations,0,data}' AS data FROM replicache.sync_pull(-1, 'd0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT replicache.track_table('numbered', space => 'owner'), replicache.expose_crud('numbered', columns => '{"id":"id"}');
INSERT INTO numbered VALUES (1, 99);
SELECT status, body -> 'data' -> 'mutations' AS mutations FROM replicache.sync_pull(-1, '0099');
SELECT status FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"numbered","data":{"id":2}}]}', -1, '0099');
SELECT id FROM replicache.space WHERE clock = 'time' AND id NOT LIKE 'C0%' ORDER BY id;
DROP TABLE mine, numbered;
RESET replicache.default_clock;

-- Spaces that could meet.
CREATE TABLE chat (id int PRIMARY KEY, team int NOT NULL, team_key uuid NOT NULL, team_name text NOT NULL);
CREATE TABLE inbox (id int PRIMARY KEY, user_id int NOT NULL, user_key uuid NOT NULL, user_name text NOT NULL, team bigint NOT NULL);
SELECT replicache.track_table('chat', space => 'team');
SELECT replicache.track_table('inbox', space => 'user_id');
INSERT INTO chat VALUES (1, 7, '00000000-0000-0000-0000-000000000007', 'seven');
INSERT INTO inbox VALUES (1, 7, '00000000-0000-0000-0000-000000000007', 'seven', 8);
SELECT replicache.retrack('chat');
CREATE FUNCTION meet(chat name, inbox name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM replicache.untrack_table(relation) FROM replicache.tracked_table;
    PERFORM replicache.track_table('chat', space => chat);
    RAISE WARNING '-- % and %', chat, inbox;
    PERFORM replicache.track_table('inbox', space => inbox);
END $$;
\set VERBOSITY terse
DO $$
DECLARE chat text; inbox text;
BEGIN
    FOREACH chat IN ARRAY ARRAY[NULL, 'team', 'team_key', 'team_name', 'team/{team}', '{team}', '{team_name}', 'a-{team_key}', '7{team}', 't{team}', '{team}/{team_key}'] LOOP
        FOREACH inbox IN ARRAY ARRAY[NULL, 'user_id', 'user_key', 'user_name', 'team', 'user/{user_id}', '{user_id}', '{user_name}'] LOOP
            PERFORM meet(chat, inbox);
        END LOOP;
    END LOOP;
END $$;
\set VERBOSITY default
SELECT meet('team/{team}', 'team/{team}');
-- … many tables.
CREATE TABLE t1 (id int PRIMARY KEY, s text);
CREATE TABLE t2 (LIKE t1 INCLUDING ALL); CREATE TABLE t3 (LIKE t1 INCLUDING ALL); CREATE TABLE t4 (LIKE t1 INCLUDING ALL); CREATE TABLE t5 (LIKE t1 INCLUDING ALL); CREATE TABLE t6 (LIKE t1 INCLUDING ALL);
SET client_min_messages = error;
SELECT count(replicache.track_table(t, space => 's')) FROM unnest('{t1,t2,t3,t4,t5,t6}'::regclass[]) t;
SET client_min_messages = warning;
SELECT replicache.track_table('chat', space => '{team}');
DROP TABLE t1, t2, t3, t4, t5, t6;
DROP TABLE chat, inbox;

DROP SCHEMA space_texts CASCADE;
DROP EXTENSION replicache_ext;
