-- Uploads without a user, and those of the user '', are of two clients, whatever the client's own id.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA upload_users;
SET search_path = upload_users, public;

CREATE TABLE note (id text PRIMARY KEY, text text CHECK (text <> 'bad'), by text DEFAULT coalesce(replicache.current_user_id(), 'nobody'));
SELECT replicache.expose_crud('note', columns => '{"id":"id","text":"text"}');
CREATE FUNCTION put(user_id text, op_id int, id text, text text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r ->> 'status', r ->> 'message') FROM replicache.powersync_upload(json_build_object('client_id', 'device', 'batch', json_build_array(
        json_build_object('op_id', op_id, 'op', 'PUT', 'type', 'note', 'id', id, 'data', json_build_object('text', text)))), user_id) a, json_array_elements(a -> 'results') r $$;
\pset null (null)

SELECT put(NULL, 1, 'nobody', 'bad'), put('', 1, 'empty', 'good'), put(E'\x01', 1, 'control', 'bad'), put(E'\x01\x01', 1, 'control 2', 'good'), put('ann', 1, 'ann', 'bad');
-- Sent again, each gets the answer of its own, and nothing is done twice.
DELETE FROM note;
SELECT put(NULL, 1, 'nobody', 'good'), put('', 1, 'empty', 'bad'), put(E'\x01', 1, 'control', 'good'), put(E'\x01\x01', 1, 'control 2', 'bad'), put('ann', 1, 'ann', 'good');
SELECT * FROM note;
-- Then what is new.
SELECT put('', 2, 'empty', 'good'), put(NULL, 2, 'nobody', 'good'), put(E'\x01', 2, 'control', 'good');
SELECT id, replace(by, E'\x01', '^A') AS by FROM note ORDER BY id;
SELECT count(*), count(DISTINCT user_id), min(last_number), max(last_number) FROM replicache.upload_client;
SELECT replace(user_id, E'\x01', '^A') AS user_id, mutation_id, sqlstate FROM replicache.mutation_error ORDER BY error_id;
-- A record is replayed as the user that it is of.
ALTER TABLE note DROP CONSTRAINT note_text_check;
DELETE FROM note;
SELECT count(replicache.replay(error_id)) FROM replicache.mutation_error;
SELECT id, replace(by, E'\x01', '^A') AS by FROM note ORDER BY id;


-- An empty client_id would make all who pass it one client.
SELECT replicache.powersync_upload('{"batch":[{"op_id":1,"op":"PUT","type":"note","id":"x","data":{"text":"x"}}]}', 'ann', '');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM note WHERE id = 'x';

-- A trigger may make an upload of the same client, with numbers of its own.
CREATE TABLE log (id text PRIMARY KEY);
SELECT replicache.expose_crud('log');
CREATE FUNCTION log_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM replicache.powersync_upload(json_build_object('client_id', 'device', 'checkpoint', 8, 'batch', json_build_array(
        json_build_object('op_id', 1000, 'op', 'PUT', 'type', 'log', 'id', NEW.id, 'data', '{}'::json))), 'zoe');
    RETURN NEW;
END $$;
CREATE TRIGGER log_note AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION log_note();
SELECT put('zoe', 1, 'z1', 'good'), put('zoe', 2, 'z2', 'good');
SELECT last_number, checkpoint FROM replicache.upload_client WHERE user_id = 'zoe';
SELECT * FROM log;

DROP SCHEMA upload_users CASCADE;
DROP EXTENSION replicache_ext;
