-- replay: what was rejected is applied once more, when its cause is mended.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA replay;
SET search_path = replay, public;
\i sql/include/tracking.sql

-- Who wrote a row shows in it: user, space, client group, client, mutation.
CREATE FUNCTION writer() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('/', replicache.current_user_id(), '<' || replicache.current_space() || '>', replicache.current_client_group_id(),
        replicache.current_client_id(), replicache.current_mutation_id(), replace(current_user, session_user, 'caller')) $$;
CREATE TABLE todo (id text PRIMARY KEY, title text NOT NULL, n int CHECK (n < 10), writer text DEFAULT writer());
CREATE TABLE note (id text PRIMARY KEY, todo text REFERENCES todo DEFERRABLE INITIALLY DEFERRED);
SELECT replicache.expose_crud('todo'), replicache.expose_crud('note'), replicache.track_table('todo');
CREATE FUNCTION upload(request text, user_id text DEFAULT 'ann') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT r->>'status' FROM json_array_elements(replicache.powersync_upload(request::json, user_id)->'results') r $$;
CREATE FUNCTION errors() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', error_id, user_id, client_group_id, client_id, mutation_id, name, sqlstate) FROM replicache.mutation_error ORDER BY error_id $$;

-- An upload: all changes of its transaction or none.
SELECT upload('{"client_id":"c1","batch":[
  {"op_id":1,"tx_id":1,"op":"PUT","type":"todo","id":"t1","data":{"title":"one","n":1}},
  {"op_id":2,"tx_id":2,"op":"PUT","type":"todo","id":"t2","data":{"title":"two"}},
  {"op_id":3,"tx_id":2,"op":"PATCH","type":"todo","id":"t1","data":{"n":12}}]}');
SELECT errors();
SELECT sync();
SELECT try($$SELECT replicache.replay(1)$$);
SELECT errors();
SELECT * FROM todo;
SELECT sync();
ALTER TABLE todo DROP CONSTRAINT todo_n_check;
SELECT replicache.replay(1)::jsonb - 'at' - 'version';
SELECT * FROM todo ORDER BY id;
SELECT sync();
SELECT errors();
-- Once.
SELECT try($$SELECT replicache.replay(1)$$);
-- For the client it is as before, but that it counts as a success now.
SELECT last_number FROM replicache.upload_client;
SELECT upload('{"client_id":"c1","batch":[{"op_id":2,"tx_id":2,"op":"PUT","type":"todo","id":"t2","data":{"title":"again"}},{"op_id":3,"tx_id":2,"op":"PATCH","type":"todo","id":"t1","data":{"n":99}}]}');
-- What the caller rolls back is back on record.
SELECT upload('{"batch":[{"op":"PUT","type":"todo","id":"t3","data":{}}]}', NULL);
ALTER TABLE todo ALTER title DROP NOT NULL;
BEGIN;
SELECT replicache.replay(2) IS NOT NULL;
ROLLBACK;
SELECT errors();
SELECT replicache.replay(2) IS NOT NULL;
SELECT writer FROM todo WHERE id = 't3';
-- Errors that no change raises, but the end; and those of ours.
SELECT upload('{"crud":[{"op":"PUT","type":"note","id":"n1","data":{"todo":"t9"}}]}'), upload('{"crud":[{"op":"PUT","type":"list","id":"l1","data":{"a":1}}]}');
SELECT try($$SELECT replicache.replay(3)$$);
SELECT try($$SELECT replicache.replay(4)$$);
INSERT INTO todo VALUES ('t9', 'nine');
SELECT replicache.replay(3) IS NOT NULL;
SELECT errors();
CREATE TABLE list (id text PRIMARY KEY, a int);
SELECT replicache.expose_crud('list');
SELECT replicache.replay(4) IS NOT NULL;
TABLE note; TABLE list;
-- What nobody can replay.
SELECT try($$SELECT replicache.replay(NULL)$$);
SELECT try($$SELECT replicache.replay(4711)$$);
BEGIN READ ONLY;
SELECT try($$SELECT replicache.replay(4)$$);
COMMIT;
INSERT INTO replicache.mutation_error (space, client_group_id, client_id, mutation_id, name, args, sqlstate, message) VALUES ('', '', '', 0, 'made.up', NULL, '22000', ''), ('', '', '', 0, 'made.up', '{"crud":[{"op":"PUT"}]}', '22000', '');
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error WHERE name = 'made.up' ORDER BY error_id;
DELETE FROM replicache.mutation_error;

-- A mutation: in the space of its push, stamped, and its lastMutationID stays.
CREATE TABLE item (id text PRIMARY KEY, space text NOT NULL, n int NOT NULL, writer text, version_seen bigint);
SELECT replicache.track_table('item', space => 'space');
CREATE FUNCTION put_item(id text, n int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO replay.item VALUES (id, replicache.current_space(), n, replay.writer(), replicache.current_version()) $$;
SELECT replicache.register_mutator('putItem', 'put_item(text,int)');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g1","mutations":[{"clientID":"k1","id":1,"name":"putItem","args":{"id":"i1"}},{"clientID":"k1","id":2,"name":"putItem","args":{"id":"i2","n":null}},
  {"clientID":"k1","id":3,"name":"later","args":[1]}]}', 'ann', 's') -> 'applied';
SELECT errors();
SELECT sync('s');
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error ORDER BY error_id;
CREATE OR REPLACE FUNCTION put_item(id text, n int DEFAULT 7) RETURNS void LANGUAGE sql AS $$
    INSERT INTO replay.item VALUES (id, replicache.current_space(), coalesce(n, 0), replay.writer(), replicache.current_version()) $$;
SELECT replicache.replay(min(error_id))::jsonb - 'at' - 'error_id' FROM replicache.mutation_error;
SELECT replicache.replay(min(error_id))::jsonb ->> 'mutation_id' FROM replicache.mutation_error;
SELECT * FROM item ORDER BY id;
SELECT sync('s');
SELECT last_mutation_id FROM replicache.client;
SELECT errors();
-- Mutators, replays and pushes do not nest.
CREATE FUNCTION nest(args json) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE args->>0; END $$;
SELECT replicache.register_mutator('later', 'nest(json)');
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error;
UPDATE replicache.mutation_error SET args = json_build_array('SELECT replicache.apply_push(''{"pushVersion":1,"clientGroupID":"g2","mutations":[]}'')');
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error;
SELECT upload('{"crud":[{"op":"PUT","type":"nope","id":"l2","data":{}}]}');
UPDATE replicache.mutation_error SET args = json_build_array(format('SELECT replicache.replay(%s)', (SELECT max(error_id) FROM replicache.mutation_error))) WHERE name = 'later';
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error WHERE name = 'later';
DELETE FROM replicache.mutation_error WHERE name <> 'later';
-- What is deferred is checked.
UPDATE replicache.mutation_error SET args = '["INSERT INTO replay.note VALUES (''n2'', ''nowhere'')"]';
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error;
-- Not longer than any mutation.
UPDATE replicache.mutation_error SET args = '["SELECT pg_sleep(60)"]';
SET replicache.mutation_timeout = '20ms';
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error;
RESET replicache.mutation_timeout;
SELECT errors() IS NOT NULL;

-- An operator's function: as the role that calls, which needs EXECUTE on it.
CREATE ROLE replay_operator;
SELECT replicache.grant_usage('replay_operator');
GRANT USAGE ON SCHEMA replay TO replay_operator;
UPDATE replicache.mutation_error SET args = '["INSERT INTO replay.list VALUES (''by nest'')"]';
SELECT max(error_id) AS id FROM replicache.mutation_error \gset
SELECT format('SELECT replicache.replay(%s)', :id) AS call \gset
GRANT EXECUTE ON FUNCTION try TO replay_operator;
SET ROLE replay_operator;
SELECT replace(t, 'pg_catalog.', '') FROM try(:'call') t;
RESET ROLE;
GRANT EXECUTE ON FUNCTION replicache.replay TO replay_operator;
REVOKE EXECUTE ON FUNCTION nest FROM PUBLIC;
SET ROLE replay_operator;
SELECT replace(t, 'pg_catalog.', '') FROM try(:'call') t;
RESET ROLE;
GRANT EXECUTE ON FUNCTION nest TO replay_operator;
SET ROLE replay_operator;
SELECT replace(t, 'pg_catalog.', '') FROM try(:'call') t;
RESET ROLE;
GRANT INSERT ON list TO replay_operator;
SET ROLE replay_operator;
SELECT replace(t, 'pg_catalog.', '') FROM try(:'call') t;
RESET ROLE;
TABLE list;

-- Tracked, the record goes from the clients, too.
SELECT replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', value => $$json_build_object('message', message)$$, space => 'space');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g1","mutations":[{"clientID":"k1","id":4,"name":"latest"}]}', 'ann', 's') -> 'applied';
SELECT sync('s');
SELECT replicache.register_mutator('latest', 'put_item(text,int)');
SELECT try(format('SELECT replicache.replay(%s)', error_id)) FROM replicache.mutation_error;
SELECT sync('s');
UPDATE replicache.mutation_error SET args = '{"id":"latest"}';
SELECT replicache.replay(error_id) IS NOT NULL FROM replicache.mutation_error;
SELECT sync('s');

DROP SCHEMA replay CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE replay_operator;
