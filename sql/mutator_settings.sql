-- What the code of one mutation sets, also the role, ends with the mutation: nothing decides as whom or how the next one runs.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA mutator_settings;
SET search_path = mutator_settings, public;
\set SHOW_CONTEXT never
CREATE ROLE mutator_settings_app;
CREATE ROLE mutator_settings_other;
GRANT mutator_settings_other TO mutator_settings_app;
SELECT replicache.grant_usage('mutator_settings_app');
GRANT USAGE ON SCHEMA mutator_settings TO mutator_settings_app, mutator_settings_other;

CREATE TABLE seen (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION settings() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', CASE current_user WHEN session_user THEN 'session user' ELSE current_user::text END, session_user <> 'mutator_settings_other', current_setting('role'), current_setting('search_path'), current_setting('row_security'), current_setting('statement_timeout'), current_setting('replicache.mutation_timeout'), current_setting('app.tenant', true)) $$;
CREATE FUNCTION note() RETURNS void LANGUAGE sql SECURITY INVOKER AS $$ INSERT INTO mutator_settings.seen (what) VALUES (mutator_settings.settings()) $$;
CREATE FUNCTION set_it(setting text, to_value text, local boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config(setting, to_value, local); PERFORM mutator_settings.note(); END $$;
CREATE FUNCTION set_all(local boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config(s, v, local) FROM (VALUES ('search_path', 'pg_catalog'), ('row_security', 'off'), ('statement_timeout', '1h'), ('replicache.mutation_timeout', '2h'), ('app.tenant', 'eve')) x (s, v);
    BEGIN
        PERFORM set_config('role', 'mutator_settings_other', local);
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    PERFORM mutator_settings.note();
END $$;
CREATE FUNCTION authorize(name text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', name); PERFORM mutator_settings.note(); END $$;
CREATE FUNCTION fail() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM mutator_settings.set_all(true); RAISE 'failed'; END $$;
SELECT replicache.register_mutator('note', 'note()'), replicache.register_mutator('set', 'set_it(text,text,boolean)'), replicache.register_mutator('all', 'set_all(boolean)'), replicache.register_mutator('authorize', 'authorize(text)'), replicache.register_mutator('fail', 'fail()');
SELECT replicache.register_mutator_queue();
GRANT SELECT, INSERT ON seen TO mutator_settings_app, mutator_settings_other;

CREATE SEQUENCE ids;
CREATE FUNCTION mutation(m text) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('clientID', 'c', 'id', nextval('mutator_settings.ids'), 'name', split_part(m, ' ', 1), 'args', nullif(split_part(m, ' ', 2), '')::json) $$;
CREATE FUNCTION push(VARIADIC mutations text[]) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', 'applied ' || (a->>'applied'), a#>>'{rejected,0,code}', a#>>'{rejected,0,message}', a->>'halted') FROM replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations',
        (SELECT json_agg(mutator_settings.mutation(m) ORDER BY n) FROM unnest(mutations) WITH ORDINALITY x (m, n)))) a $$;
CREATE FUNCTION upload(VARIADIC changes json[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', r->>'status', r->>'message'), ', ') FROM json_array_elements(replicache.powersync_upload(json_build_object('transactions', (SELECT json_agg(json_build_object('crud', json_build_array(c))) FROM unnest(changes) c)))->'results') r $$;
GRANT USAGE ON SEQUENCE ids TO mutator_settings_app;
-- What was seen since the last time.
CREATE FUNCTION seen() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = mutator_settings AS $$ WITH s AS (DELETE FROM seen RETURNING *) SELECT what FROM s ORDER BY n $$;

SET ROLE mutator_settings_app;
SET app.tenant = 'ann';
SELECT push('set {"setting":"role","to_value":"mutator_settings_other"}', 'note', 'set {"setting":"role","to_value":"mutator_settings_other","local":false}', 'note', 'set {"setting":"role","to_value":"none"}', 'note');
SELECT seen();
SELECT settings();
SELECT push('all {"local":true}', 'note', 'all {"local":false}', 'note');
SELECT seen();
SELECT settings();
-- … in a transaction that has set something itself, and where runs are replayed.
BEGIN;
SET LOCAL app.tenant = 'bob';
SET LOCAL statement_timeout = '5min';
SELECT push('note', 'all {"local":true}', 'note', 'fail', 'note', 'all {"local":false}', 'note', 'fail', 'note');
SELECT seen();
SELECT settings();
COMMIT;
SELECT settings();
SET replicache.optimistic_runs = off;
SELECT push('all {"local":true}', 'note', 'fail', 'note');
SELECT seen();
RESET replicache.optimistic_runs;
RESET ROLE;
-- Whoever may set the session's user.
SELECT push('authorize {"name":"mutator_settings_other"}', 'note');
SELECT seen();
SELECT session_user <> 'mutator_settings_other' AS restored;
SET ROLE mutator_settings_app;
SELECT push('authorize {"name":"mutator_settings_other"}', 'note');
SELECT seen();
SELECT session_user <> 'mutator_settings_other' AS restored, settings();

-- Uploads: from call to call, and from a trigger to the next change.
SELECT upload('{"op":"PUT","type":"mutator_calls","id":"1","data":{"name":"all","args":{"local":true}}}', '{"op":"PUT","type":"mutator_calls","id":"2","data":{"name":"note"}}');
SELECT seen();
RESET ROLE;
CREATE TABLE item (id int PRIMARY KEY, v int CHECK (v < 9));
CREATE FUNCTION item_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM mutator_settings.note(); PERFORM mutator_settings.set_all(NEW.v = 1); RETURN NEW; END $$;
CREATE TRIGGER written BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION item_written();
CREATE FUNCTION item_checked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM mutator_settings.note(); PERFORM mutator_settings.set_all(true); RETURN NULL; END $$;
SELECT replicache.expose_crud('item');
GRANT SELECT, INSERT, UPDATE ON item TO mutator_settings_app;
SET ROLE mutator_settings_app;
SELECT upload('{"op":"PUT","type":"item","id":1,"data":{"v":1}}', '{"op":"PATCH","type":"item","id":1,"data":{"v":2}}', '{"op":"PUT","type":"mutator_calls","id":"3","data":{"name":"note"}}');
SELECT seen();
SELECT replicache.powersync_upload('{"transactions":[{"crud":[{"op":"PUT","type":"mutator_calls","id":"1","data":{"name":"all","args":{"local":true}}},{"op":"PATCH","type":"item","id":1,"data":{"v":1}},{"op":"PATCH","type":"item","id":1,"data":{"v":2}}]}]}');
SELECT seen();
SELECT push('item.update {"id":1,"v":1}', 'item.update {"id":1,"v":3}', 'note');
SELECT seen();
-- What is deferred belongs to its mutation.
RESET ROLE;
DROP TRIGGER written ON item;
CREATE CONSTRAINT TRIGGER checked AFTER INSERT OR UPDATE ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION item_checked();
CREATE FUNCTION as_tenant(tenant text, id int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.tenant', tenant, true); UPDATE mutator_settings.item SET v = v WHERE item.id = as_tenant.id; END $$;
SELECT replicache.register_mutator('asTenant', 'as_tenant(text,int)');
SET ROLE mutator_settings_app;
SELECT push('asTenant {"tenant":"cat","id":1}', 'note', 'item.update {"id":1,"v":4}', 'note');
SELECT seen();
SELECT upload('{"op":"PATCH","type":"item","id":1,"data":{"v":5}}', '{"op":"PUT","type":"mutator_calls","id":"4","data":{"name":"note"}}');
SELECT seen();
RESET ROLE;

-- Replays.
SELECT push('item.update {"id":1,"v":9}', 'fail', 'fail');
SELECT upload('{"op":"PATCH","type":"item","id":1,"data":{"v":9}}', '{"op":"PUT","type":"mutator_calls","id":"5","data":{"name":"fail"}}');
SELECT seen();
CREATE OR REPLACE FUNCTION fail() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM mutator_settings.note(); PERFORM mutator_settings.set_all(false); END $$;
ALTER TABLE item DROP CONSTRAINT item_v_check;
GRANT EXECUTE ON FUNCTION replicache.replay TO mutator_settings_app;
GRANT USAGE ON SCHEMA replicache TO mutator_settings_app;
SELECT array_agg(error_id ORDER BY error_id) AS errors FROM replicache.mutation_error WHERE message = 'failed' OR sqlstate = '23514' \gset
SET ROLE mutator_settings_app;
SELECT replicache.replay(e) ->> 'name' AS name FROM unnest(:'errors'::int[]) e;
SELECT seen();
SELECT settings();
RESET ROLE;

-- sync_push: from a trigger to the next change.
SELECT replicache.create_space('ann', 'time');
CREATE TABLE memo (id int PRIMARY KEY, owner text, v int);
SELECT replicache.track_table('memo', space => 'owner'), replicache.expose_crud('memo', columns => '{"v":"v"}');
INSERT INTO memo (id, owner, v) VALUES (1, 'ann', 1), (2, 'ann', 2);
CREATE TRIGGER written BEFORE UPDATE ON memo FOR EACH ROW EXECUTE FUNCTION item_written();
GRANT SELECT, UPDATE ON memo TO mutator_settings_app;
SELECT version FROM replicache.space WHERE id = 'ann' \gset
SET ROLE mutator_settings_app;
SELECT status FROM replicache.sync_push('{"mutations":[{"type":"UPDATE","resource":"memo","resourceId":"1","data":{"v":1}},{"type":"UPDATE","resource":"memo","resourceId":"2","data":{"v":2}}]}', :version, 'ann');
SELECT seen();
SELECT settings();
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA mutator_settings CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE mutator_settings_app, mutator_settings_other;
