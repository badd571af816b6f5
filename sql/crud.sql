-- Row-level writes: expose_crud, hide_crud, powersync_upload.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA crud;
SET search_path = crud, public;
\i sql/include/tracking.sql

-- One change, or several: each result's status, code and message; with details where there are any.
CREATE FUNCTION results(answer json) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r->>'status', r->'failed_operation'->>'error_code', r->>'message', r->'failed_operation'->>'operation_index', (r->'failed_operation'->>'details'))
    FROM json_array_elements(answer->'results') WITH ORDINALITY AS x (r, n) ORDER BY n
$$;
CREATE FUNCTION upload(request text, user_id text DEFAULT 'ann') RETURNS SETOF text LANGUAGE sql AS $$ SELECT results(replicache.powersync_upload(request::json, user_id)) $$;
CREATE FUNCTION change(op text, id text, data text DEFAULT NULL, type text DEFAULT 'todo') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT upload(json_build_object('crud', json_build_array(json_build_object('op', op, 'type', type, 'id', id, 'data', data::json)))::text) $$;

CREATE TABLE todo (id text PRIMARY KEY, list text NOT NULL, done boolean NOT NULL DEFAULT false, n int CHECK (n < 100), size int GENERATED ALWAYS AS (length(list)) STORED);

-- Set-up.
SELECT change('PUT', 't1', '{"list":"a"}');
SELECT try($$SELECT replicache.expose_crud(NULL)$$);
SELECT try($$SELECT replicache.expose_crud(4711::oid)$$);
SELECT try($$SELECT replicache.expose_crud('todo', NULL)$$);
SELECT try($$SELECT replicache.expose_crud('todo', '{}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', '{insert,truncate}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', '{insert,NULL}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', conflict => 'guess')$$);
SELECT try($$SELECT replicache.expose_crud('todo', conflict_column => 'n')$$);
SELECT try($$SELECT replicache.expose_crud('todo', columns => '[]')$$);
SELECT try($$SELECT replicache.expose_crud('todo', columns => '{}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', columns => '{"a":1}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', columns => '{"a":"nope"}')$$);
SELECT try($$SELECT replicache.expose_crud('todo', columns => '{"a":"size"}')$$);
SELECT try($$SELECT replicache.expose_crud('pg_class')$$);
SELECT try($$SELECT replicache.expose_crud('replicache.space')$$);
CREATE VIEW v AS SELECT * FROM todo;
SELECT try($$SELECT replicache.expose_crud('v')$$);
CREATE TEMPORARY TABLE fleeting (id int PRIMARY KEY);
SELECT try($$SELECT replicache.expose_crud('fleeting')$$);
CREATE TABLE keyless (a int);
SELECT try($$SELECT replicache.expose_crud('keyless')$$);
SELECT try($$SELECT replicache.hide_crud('todo')$$);
SELECT replicache.expose_crud('todo');
SELECT try($$SELECT replicache.expose_crud('keyless', name => 'todo')$$);
CREATE TABLE other (id int PRIMARY KEY);
SELECT try($$SELECT replicache.expose_crud('other', name => 'todo')$$);
SELECT * FROM replicache.exposed_table;

-- PUT: insert or update. It keeps what it leaves out, and does not trip over NOT NULL columns that the row has.
SELECT change('PUT', 't1', '{"list":"a","n":1}');
SELECT change('PUT', 't1', '{"done":1}');
SELECT change('PUT', 't2', '{"done":1}');
SELECT change('PUT', 't2', '{"list":"b","n":100}');
SELECT change('PUT', 't1', '{}');
SELECT change('PUT', 't1', '{"n":null}');
SELECT * FROM todo;
-- PATCH and DELETE; of a missing row, and of nothing.
SELECT change('PATCH', 't1', '{"n":5,"list":"aa"}');
SELECT change('PATCH', 't1', '{}');
SELECT change('PATCH', 't1');
SELECT change('PATCH', 't1', '{"list":null}');
SELECT change('PATCH', 'missing', '{"n":5}');
SELECT change('PATCH', 'missing', '{}');
SELECT change('DELETE', 'missing');
SELECT * FROM todo;
SELECT change('DELETE', 't1');
SELECT * FROM todo;
-- What a client got wrong.
SELECT change('PATCH', 't1', '{"nope":5}');
SELECT change('PATCH', 't1', '{"size":5}');
SELECT change('PATCH', 't1', '{"n":1.5}');
SELECT change('PATCH', 't1', '{"n":"many"}');
SELECT change('PUT', 't1', '{"list":"a"}', 'nope');
SELECT upload('{"crud":[{"op":"PUT","type":"todo","data":{"list":"a"}}]}');
SELECT upload('{"crud":[{"op":"PATCH","type":"todo","id":"t1","data":{"n":1,"\u006e":2,"l\u0069st":"x"}},{"op":"PUT","type":"todo","id":"t\u0031","data":{"list":"\ud83d\ude00","n":3}}]}');
SELECT * FROM todo;

-- A client transaction is applied whole or not at all; behind a failure nothing is tried, unless told to go on.
SELECT upload('{"transactions":[
  {"transaction_id":1,"crud":[{"op":"PUT","table":"todo","id":"x1","op_data":{"list":"x"}}]},
  {"transaction_id":2,"crud":[{"op":"PUT","table":"todo","id":"x2","op_data":{"list":"x"}},{"op":"PUT","table":"todo","id":"x3","op_data":{}}]},
  {"transaction_id":3,"crud":[{"op":"PUT","table":"todo","id":"x4","op_data":{"list":"x"}}]}]}');
SELECT id FROM todo WHERE id LIKE 'x%' ORDER BY 1;
SELECT upload('{"on_error":"skip","transactions":[
  {"transaction_id":2,"crud":[{"op":"PUT","table":"todo","id":"x2","op_data":{"list":"x"}},{"op":"PUT","table":"todo","id":"x3","op_data":{}}]},
  {"transaction_id":3,"crud":[{"op":"PUT","table":"todo","id":"x4","op_data":{"list":"x"}}]}]}');
SELECT id FROM todo WHERE id LIKE 'x%' ORDER BY 1;
-- What is rejected is kept whole.
SELECT error_id, space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate FROM replicache.mutation_error ORDER BY error_id DESC LIMIT 2;
-- A constraint that is checked at the end of the transaction fails its transaction, and no other.
CREATE TABLE part (id text PRIMARY KEY, todo text REFERENCES todo DEFERRABLE INITIALLY DEFERRED);
SELECT replicache.expose_crud('part');
SELECT upload('{"on_error":"skip","transactions":[
  {"crud":[{"op":"PUT","table":"part","id":"p1","op_data":{"todo":"late"}},{"op":"PUT","table":"todo","id":"late","op_data":{"list":"x"}}]},
  {"crud":[{"op":"PUT","table":"part","id":"p2","op_data":{"todo":"never"}}]},
  {"crud":[{"op":"PUT","table":"part","id":"p3","op_data":{"todo":null}}]}]}');
SELECT * FROM part ORDER BY 1;
-- Of a column that is named many times only the last value is looked at.
SELECT upload('{"crud":[{"op":"PUT","type":"todo","id":"many","data":{' || repeat('"n":"none of them","list":"x",', 10000) || '"n":7}}]}');
SELECT upload('{"crud":[{"op":"PATCH","type":"todo","id":"many","data":{"n":8,"\u006e":"nor this","n":9}}]}');
SELECT id, list, n FROM todo WHERE id = 'many';
-- Malformed requests change nothing.
SELECT try($$SELECT replicache.powersync_upload('{}')$$);
SELECT try($$SELECT replicache.powersync_upload('{"transactions":[]}')$$);
SELECT try($$SELECT replicache.powersync_upload('{"crud":[{"op":"PUT","type":"todo","id":"y1","data":{"list":"y"}},{"op":"POKE","type":"todo","id":"y1"}]}')$$);
SELECT try($$SELECT replicache.powersync_upload(NULL)$$);
BEGIN READ ONLY;
SELECT try($$SELECT replicache.powersync_upload('{"crud":[{"op":"PUT","type":"todo","id":"y1","data":{"list":"y"}}]}')$$);
COMMIT;
SELECT count(*) FROM todo WHERE id LIKE 'y%';

-- For now: nothing of it stands, and nothing after it is tried, not even if told to go on.
CREATE FUNCTION moody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.list ~ '^[0-9A-Z]{5}$' THEN RAISE 'moody' USING ERRCODE = NEW.list; END IF; RETURN NEW; END $$;
CREATE TRIGGER moody BEFORE INSERT ON todo FOR EACH ROW EXECUTE FUNCTION moody();
SELECT code, u FROM unnest('{RE001,40001,40P01,53200,57014,55P03,08006,58030,P0001,23000,28000}'::text[]) code, LATERAL upload(format('{"on_error":"skip","transactions":[
  {"crud":[{"op":"PUT","table":"todo","id":"z%1$s","op_data":{"list":"before"}}]},
  {"crud":[{"op":"PUT","table":"todo","id":"zz%1$s","op_data":{"list":"%1$s"}}]},
  {"crud":[{"op":"PUT","table":"todo","id":"zzz%1$s","op_data":{"list":"after"}}]}]}', code)) u;
SELECT try($$SELECT upload('{"crud":[{"op":"PUT","table":"todo","id":"zz","op_data":{"list":"XX000"}}]}')$$);
SELECT count(*) FROM todo WHERE id ~ '^zz[^z]';

-- Exactly once: with a client's id and op_ids. What was rejected is answered as before.
SELECT upload('{"client_id":"c1","on_error":"skip","batch":[
  {"op_id":11,"tx_id":1,"op":"PUT","type":"todo","id":"e1","data":{"list":"e","n":1}},
  {"op_id":12,"tx_id":2,"op":"PUT","type":"todo","id":"e2","data":{"n":1}},
  {"op_id":15,"tx_id":3,"op":"PATCH","type":"todo","id":"e1","data":{"n":2}}]}');
UPDATE todo SET n = 50 WHERE id = 'e1';
ALTER TABLE todo ALTER list DROP NOT NULL;
SELECT upload('{"client_id":"c1","on_error":"skip","batch":[
  {"op_id":11,"tx_id":1,"op":"PUT","type":"todo","id":"e1","data":{"list":"e","n":1}},
  {"op_id":12,"tx_id":2,"op":"PUT","type":"todo","id":"e2","data":{"n":1}},
  {"op_id":15,"tx_id":3,"op":"PATCH","type":"todo","id":"e1","data":{"n":2}},
  {"op_id":16,"tx_id":4,"op":"PATCH","type":"todo","id":"e1","data":{"list":"new"}}]}');
SELECT * FROM todo WHERE id LIKE 'e%';
SELECT count(*) FROM replicache.mutation_error WHERE client_id = 'c1';
-- Of another user, another client is meant.
SELECT upload('{"client_id":"c1","batch":[{"op_id":11,"tx_id":1,"op":"PATCH","type":"todo","id":"e1","data":{"n":7}}]}', 'bob');
SELECT results(replicache.powersync_upload('{"batch":[{"op_id":11,"op":"PATCH","type":"todo","id":"e1","data":{"n":8}}]}', 'bob', 'c1'));
SELECT * FROM todo WHERE id LIKE 'e%';
-- What fails for now does not count.
SELECT upload('{"client_id":"c1","batch":[{"op_id":20,"tx_id":5,"op":"PUT","type":"todo","id":"e3","data":{"list":"RE001"}}]}');
SELECT upload('{"client_id":"c1","batch":[{"op_id":20,"tx_id":5,"op":"PUT","type":"todo","id":"e3","data":{"list":"fine"}}]}');
-- Checkpoints never go down.
SELECT upload('{"client_id":"c1","checkpoint":7,"batch":[{"op_id":21,"op":"PATCH","type":"todo","id":"e1","data":{}}]}');
SELECT upload('{"client_id":"c1","checkpoint":5,"batch":[{"op_id":22,"op":"PATCH","type":"todo","id":"e1","data":{}}]}');
SELECT client_id, user_id, last_number, checkpoint FROM replicache.upload_client ORDER BY 1, 2;

-- Tracked tables: changes get versions, a deletion leaves a tombstone, and soft deletion stays soft.
CREATE TABLE soft (id int PRIMARY KEY, v text, gone boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('soft', deleted => 'gone'), replicache.expose_crud('soft'), replicache.track_table('other'), replicache.expose_crud('other');
SELECT change('PUT', '1', '{"v":"one"}', 'soft'), change('PUT', '7', '{}', 'other');
SELECT sync();
SELECT change('DELETE', '1', NULL, 'soft'), change('DELETE', '7', NULL, 'other');
SELECT sync();
SELECT change('PATCH', '1', '{"v":"patched"}', 'soft');
SELECT change('PUT', '1', '{"v":"back"}', 'soft');
SELECT * FROM soft;
SELECT sync();
SELECT change('PUT', '1', '{"version":7}', 'soft');

-- Only what is exposed: operations, columns, names.
SELECT replicache.expose_crud('todo', '{insert}');
SELECT change('PUT', 'o1', '{"list":"o"}');
SELECT change('PUT', 'o1', '{"list":"oo"}');
SELECT change('PATCH', 'o1', '{"list":"oo"}');
SELECT change('DELETE', 'o1');
SELECT replicache.expose_crud('todo', '{update}', 'tasks', '{"title":"list","number":"n"}');
SELECT change('PUT', 'o1', '{"title":"ooo"}');
SELECT change('PUT', 'o1', '{"title":"ooo","number":"3"}', 'tasks');
SELECT change('PUT', 'o2', '{"title":"ooo"}', 'tasks');
SELECT change('PATCH', 'o1', '{"list":"x"}', 'tasks');
SELECT change('PATCH', 'o1', '{"done":true}', 'tasks');
SELECT change('DELETE', 'o1', NULL, 'tasks');
SELECT * FROM todo WHERE id LIKE 'o%';
SELECT replicache.expose_crud('todo', replace => true);
SELECT change('PUT', 'o1', '{"list":"only this","done":true}');
SELECT * FROM todo WHERE id LIKE 'o%';

-- Keys of several columns stand in data; a key with a default may be left to the server.
CREATE TABLE pair (a int, b text, v int, PRIMARY KEY (a, b));
SELECT replicache.expose_crud('pair');
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"ignored","data":{"a":1,"b":"x","v":1}},{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"y","v":1}}]}');
SELECT upload('{"crud":[{"op":"PATCH","type":"pair","id":"i","data":{"a":1,"b":"x","v":2}},{"op":"DELETE","type":"pair","id":"i","old":{"a":1,"b":"y","v":1}}]}');
SELECT upload('{"crud":[{"op":"PATCH","type":"pair","id":"i","data":{"a":1,"v":2}}]}');
SELECT * FROM pair;

-- As the calling role: its privileges, and row-level security with what the functions current_…() say.
CREATE ROLE crud_app;
SELECT replicache.grant_usage('crud_app');
GRANT USAGE ON SCHEMA crud TO crud_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crud TO crud_app;
CREATE TABLE mine (id int PRIMARY KEY, owner text NOT NULL, v int);
SELECT replicache.expose_crud('mine');
SET ROLE crud_app;
SELECT change('PUT', '1', '{"owner":"ann"}', 'mine');
RESET ROLE;
GRANT SELECT, UPDATE (v) ON mine TO crud_app;
INSERT INTO mine VALUES (1, 'ann', 1), (2, 'bob', 2);
SET ROLE crud_app;
-- An update needs no right to insert.
SELECT change('PUT', '1', '{"v":11}', 'mine');
SELECT change('PUT', '3', '{"v":11}', 'mine');
SELECT change('PATCH', '1', '{"owner":"eve"}', 'mine');
SELECT change('DELETE', '1', NULL, 'mine');
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON mine TO crud_app;
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON mine USING (owner = replicache.current_user_id());
SET ROLE crud_app;
SELECT change('PATCH', '1', '{"v":12}', 'mine'), change('PATCH', '2', '{"v":12}', 'mine');
SELECT change('PUT', '2', '{"owner":"ann","v":13}', 'mine');
SELECT change('PUT', '3', '{"owner":"bob","v":13}', 'mine');
SELECT change('PUT', '3', '{"owner":"ann","v":13}', 'mine');
SELECT change('DELETE', '2', NULL, 'mine');
RESET ROLE;
SELECT * FROM mine ORDER BY id;
-- Not even a hostile search_path is followed.
CREATE SCHEMA evil;
CREATE FUNCTION evil.eq(int, int) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR evil.= (leftarg = int, rightarg = int, function = evil.eq);
SET search_path = evil, pg_catalog;
SELECT replicache.powersync_upload('{"crud":[{"op":"DELETE","type":"mine","id":99},{"op":"PATCH","type":"mine","id":99,"data":{"v":0}}]}');
SET search_path = crud, public;
SELECT * FROM mine ORDER BY id;

-- Definitions change under a session that has written the table already.
ALTER TABLE pair ADD w int;
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x","w":5}}]}');
ALTER TABLE pair RENAME w TO ww;
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x","w":5}}]}');
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x","ww":6}}]}');
ALTER TABLE pair ALTER ww TYPE text;
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x","ww":"six"}}]}');
SELECT * FROM pair;
ALTER TABLE pair DROP CONSTRAINT pair_pkey;
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x","ww":"six"}}]}');
SELECT replicache.hide_crud('soft');
SELECT change('PUT', '1', '{"v":"one"}', 'soft');
DROP TABLE pair;
SELECT upload('{"crud":[{"op":"PUT","type":"pair","id":"i","data":{"a":1,"b":"x"}}]}');
SELECT relation, name FROM replicache.exposed_table ORDER BY name;
-- More sets of columns than plans are kept.
CREATE TABLE wide (id int PRIMARY KEY, a int, b int, c int, d int, e int, f int, g int);
SELECT replicache.expose_crud('wide');
SELECT count(*), count(DISTINCT u) FROM generate_series(1, 127) n, LATERAL change('PUT', '1', (SELECT json_object_agg(chr(96 + i), n)::text FROM generate_series(1, 7) i WHERE n & (1 << (i - 1)) <> 0), 'wide') u;
SELECT * FROM wide;

-- A trigger that uploads in turn: to another table it may.
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM r FROM results(replicache.powersync_upload(format('{"crud":[{"op":"PUT","type":"%s","id":"%s","data":{}}]}', TG_ARGV[0], NEW.id + 1)::json)) r;
    IF TG_ARGV[0] = 'wide' THEN RAISE '%', (SELECT message FROM replicache.mutation_error ORDER BY error_id DESC LIMIT 1); END IF;
    RETURN NEW; END $$;
CREATE TRIGGER again AFTER INSERT ON wide FOR EACH ROW EXECUTE FUNCTION again('other');
SELECT change('PUT', '10', '{"a":1}', 'wide');
SELECT * FROM other;
DROP TRIGGER again ON wide;
CREATE TRIGGER again AFTER INSERT ON wide FOR EACH ROW EXECUTE FUNCTION again('wide');
SELECT change('PUT', '20', '{"a":1,"g":2}', 'wide');
DROP TRIGGER again ON wide;
SELECT change('PUT', '20', '{"a":1,"g":2}', 'wide');
SELECT * FROM wide ORDER BY id;

-- A PUT brings a row back, whatever its columns are called.
CREATE TABLE softer (id int PRIMARY KEY, ungone text, gone boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('softer', deleted => 'gone'), replicache.expose_crud('softer');
INSERT INTO softer VALUES (1, 'one', true), (2, 'two', true);
SELECT change('PUT', '1', '{"ungone":"back"}', 'softer'), change('PUT', '2', '{"ungone":"back","gone":true}', 'softer');
SELECT id, ungone, gone FROM softer ORDER BY id;

DROP SCHEMA crud, evil CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE crud_app;
