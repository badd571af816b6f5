-- Mutator queues: what is uploaded to one calls a mutator.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA queue;
SET search_path = queue, public;
\i sql/include/tracking.sql

CREATE TABLE todo (id int PRIMARY KEY, title text NOT NULL, n numeric, writer text);
CREATE TABLE note (id text PRIMARY KEY, todo int REFERENCES todo DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION writer() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('/', replicache.current_user_id(), replicache.current_space(), replicache.current_client_group_id(),
        replicache.current_client_id(), replicache.current_mutation_id(), replicache.current_version(), replace(current_user, session_user, 'caller')) $$;
CREATE FUNCTION add_todo(id int, title text, n numeric DEFAULT -1) RETURNS void LANGUAGE sql AS 'INSERT INTO queue.todo VALUES (id, title, n, queue.writer())';
CREATE FUNCTION edit_todo(args jsonb) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
    UPDATE queue.todo SET title = coalesce(args->>'title', title), n = coalesce((args->>'n')::numeric, n) WHERE id = (args->>'id')::int;
    IF NOT FOUND THEN RAISE 'there is no todo %', args->>'id' USING ERRCODE = 'no_data_found', HINT = 'Look again.'; END IF;
    RETURN args; END $$;
CREATE FUNCTION show(args json) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE '<%>', args USING ERRCODE = 'XY000'; END $$;
CREATE FUNCTION rename_all() RETURNS void LANGUAGE sql AS $$ UPDATE queue.todo SET title = title || '!' $$;
SELECT replicache.register_mutator('addTodo', 'add_todo(int,text,numeric)'), replicache.register_mutator('editTodo', 'edit_todo(jsonb)'),
    replicache.register_mutator('show', 'show(json)'), replicache.register_mutator('renameAll', 'rename_all()');

-- One change, or several: each result's status, code, message, index, and what the details have beside table and id.
CREATE FUNCTION upload(request text, user_id text DEFAULT 'ann') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r->>'status', r->'failed_operation'->>'error_code', r->>'message', r->'failed_operation'->>'operation_index',
        nullif((r->'failed_operation'->'details')::jsonb - 'table' - 'id', '{}'))
    FROM json_array_elements(replicache.powersync_upload(request::json, user_id)->'results') WITH ORDINALITY AS x (r, n) ORDER BY n $$;
CREATE FUNCTION call(data text, op text DEFAULT 'PUT', type text DEFAULT 'mutator_calls') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT upload(json_build_object('crud', json_build_array(json_build_object('op', op, 'type', type, 'id', 'q1', 'data', data::json)))::text) $$;
-- … with the args as SQLite has them.
CREATE FUNCTION text_call(name text, args text, op text DEFAULT 'PUT') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT call(json_build_object('name', name, 'args', args)::text, op) $$;

-- Set-up.
SELECT text_call('addTodo', '{"id":1,"title":"Milk"}');
SELECT try($$SELECT replicache.register_mutator_queue(NULL)$$), try($$SELECT replicache.register_mutator_queue('')$$);
SELECT try($$SELECT replicache.unregister_mutator_queue()$$), try($$SELECT replicache.unregister_mutator_queue(NULL)$$);
SELECT replicache.register_mutator_queue();
SELECT replicache.register_mutator_queue();
SELECT replicache.register_mutator_queue('Zurufe');
TABLE replicache.mutator_queue;
-- A name stands for one thing.
SELECT replicache.expose_crud('todo');
SELECT try($$SELECT replicache.register_mutator_queue('todo')$$);
SELECT try($$SELECT replicache.expose_crud('note', name => 'mutator_calls')$$);
CREATE TABLE mutator_calls (id text PRIMARY KEY, name text, args text);
SELECT try($$SELECT replicache.expose_crud('mutator_calls')$$);
SELECT replicache.expose_crud('mutator_calls', name => 'calls');
DROP TABLE mutator_calls;
SELECT replicache.register_mutator_queue('calls');
SELECT replicache.unregister_mutator_queue('calls');
SELECT call('{"name":"addTodo","args":{"id":1,"title":"Milk"}}', type => 'calls');

-- Calls: args as text that holds JSON, as JSON, as nothing.
SELECT text_call('addTodo', '{"id":1,"title":"Milk"}');
SELECT text_call('addTodo', E' {"id":2, "title":"B\\u0072ead \\"dark\\"", "n":0.10}\n');
SELECT call('{"args":{"id":3,"title":"Salt","n":1e2},"name":"addTodo"}');
SELECT call('{"name":"add\u0054odo","\u0061rgs":"{\"id\":4,\"title\":\"\ud83e\uddc0\"}"}', type => 'Zurufe');
SELECT text_call('editTodo', '{"id":2,"n":2.50}');
SELECT text_call('renameAll', NULL), call('{"name":"renameAll"}'), text_call('renameAll', 'null'), text_call('renameAll', ' {} ') \g (fieldsep='\n')
SELECT * FROM todo ORDER BY id;
SELECT call('{"name":"show"}'), text_call('show', NULL), text_call('show', 'null'), text_call('show', ' [1, 2.0] '), text_call('show', '"text"'), text_call('show', '0.10'),
    call('{"name":"show","args":[1, 2.0]}'), call('{"name":"show","args":0.10}'), call('{"name":"show","args":false}'), text_call('show', '{"a":1,"a":2}') \g (fieldsep='\n')
-- The mutators of tables, too.
SELECT text_call('todo.insert', '{"id":5,"title":"by row","writer":"row"}'), text_call('todo.update', '{"id":5,"n":7}'), text_call('todo.delete', '{"id":3}') \g (fieldsep='\n')
SELECT * FROM todo WHERE id IN (3, 5);

-- What a client got wrong.
SELECT text_call('noSuch', '{}'), text_call('nosuch.insert', '{}'), text_call('mutator_calls.insert', '{"name":"renameAll"}') \g (fieldsep='\n')
SELECT call('{"name":"noSuch","args":"{}"}', type => 'nobodys');
SELECT call('{}'), call('{"args":"{}"}'), call('{"name":null}'), call('{"name":5}'), call('{"name":["renameAll"]}'), call('{"name":"renameAll","name":{}}'), call(NULL) \g (fieldsep='\n')
SELECT call('{"name":"renameAll","args":"{}","created_at":"now"}'), call('{"name":"renameAll","":1}'), call('{"id":"q1","name":"renameAll"}') \g (fieldsep='\n')
SELECT text_call('addTodo', ''), text_call('addTodo', '{"id":1'), text_call('addTodo', 'Milk'), text_call('addTodo', '{"id":6,"title":"Milk"} {}') \g (fieldsep='\n')
SELECT call('{"name":"renameAll\u0000"}'), call('{"name":"renameAll","args":"\u0000"}'), text_call('addTodo', '{"id":6,"title":"\u0000"}') \g (fieldsep='\n')
SELECT text_call('addTodo', '[6]'), text_call('addTodo', '"{}"'), text_call('addTodo', '{"id":6}'), text_call('addTodo', '{"id":6,"title":"x","titel":"y"}'), text_call('addTodo', '{"id":"six","title":"x"}') \g (fieldsep='\n')
SELECT text_call('addTodo', '{"id":1,"title":"there"}'), text_call('editTodo', '{"id":99}'), text_call('todo.insert', '{"id":1,"title":"there"}') \g (fieldsep='\n')
-- A call that was made cannot be changed. That it goes from the client means nothing.
SELECT text_call('renameAll', '{}', 'PATCH'), call('{}', 'PATCH'), call(NULL, 'PATCH') \g (fieldsep='\n')
SELECT call(NULL, 'DELETE'), call('{"name":"renameAll"}', 'DELETE') \g (fieldsep='\n')
SELECT * FROM todo WHERE id <> 4 ORDER BY id;

-- The record: under the mutator's name, where there is one to be read.
SELECT name, sqlstate, count(*) FROM replicache.mutation_error GROUP BY 1, 2 ORDER BY name COLLATE "C", 2;
DELETE FROM replicache.mutation_error;

-- A client transaction with calls among its rows: whole or not at all.
CREATE FUNCTION part(todo int, note text) RETURNS text LANGUAGE sql AS $$ SELECT format('[
  {"op":"PUT","type":"note","id":"n%1$s","data":{"todo":%1$s}},
  {"op":"PUT","type":"mutator_calls","id":"q1","data":{"name":"addTodo","args":{"id":%1$s,"title":"of a note"}}},
  {"op":"PATCH","type":"todo","id":"%1$s","data":{"title":"changed"}},
  {"op":"PUT","type":"mutator_calls","id":"q2","data":{"name":"editTodo","args":{"id":%1$s,"n":3}}},
  {"op":"PUT","type":"note","id":"x%1$s","data":{"todo":%2$s}}]', todo, note) $$;
SELECT replicache.expose_crud('note');
SELECT upload(format('{"on_error":"skip","transactions":[{"crud":%s},{"crud":%s},{"crud":%s}]}', part(20, '1'), part(21, '"many"'), part(22, '4711')));
SELECT * FROM note ORDER BY id;
SELECT id, title, n FROM todo WHERE id >= 20;
SELECT upload(format('{"transactions":[{"crud":%s},{"crud":%s}]}', part(23, '"many"'), part(24, '1')));
SELECT name, jsonb_array_length(args::jsonb->'crud') AS changes FROM replicache.mutation_error ORDER BY error_id;
-- What a mutator leaves deferred is checked at the end of the transaction.
CREATE FUNCTION add_note(id text, todo int) RETURNS void LANGUAGE sql AS 'INSERT INTO queue.note VALUES (id, todo)';
SELECT replicache.register_mutator('addNote', 'add_note(text,int)');
SELECT upload('{"crud":[{"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"addNote","args":{"id":"d1","todo":30}}},{"op":"PUT","type":"todo","id":"30","data":{"title":"late"}}]}');
SELECT upload('{"crud":[{"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"addNote","args":{"id":"d2","todo":31}}}]}');
SELECT id FROM note WHERE id LIKE 'd%';
-- Tracked tables: what a call changes gets a version.
SELECT replicache.track_table('note', value => 'to_jsonb(todo)');
SELECT count(*) > 0 AS initially FROM sync();
SELECT text_call('addNote', '{"id":"tracked","todo":1}');
SELECT sync();

-- Exactly once. What was rejected is answered as before.
CREATE FUNCTION twice(client text DEFAULT 'c1') RETURNS SETOF text LANGUAGE sql AS $$ SELECT upload(format('{"client_id":"%s","on_error":"skip","batch":[
  {"op_id":1,"tx_id":1,"op":"PUT","type":"mutator_calls","id":"q1","data":{"name":"addTodo","args":"{\"id\":40,\"title\":\"once\"}"}},
  {"op_id":2,"tx_id":2,"op":"PUT","type":"mutator_calls","id":"q2","data":{"name":"editTodo","args":"{\"id\":41,\"title\":\"late\"}"}},
  {"op_id":3,"tx_id":2,"op":"PUT","type":"mutator_calls","id":"q3","data":{"name":"renameAll"}},
  {"op_id":4,"tx_id":3,"op":"PUT","type":"mutator_calls","id":"q4","data":{"name":"editTodo","args":"{\"id\":40,\"n\":4}"}}]}', client)) $$;
SELECT twice();
INSERT INTO todo VALUES (41, 'is there now');
UPDATE todo SET n = 5 WHERE id = 40;
SELECT twice();
SELECT * FROM todo WHERE id >= 40 ORDER BY id;
SELECT client_id, last_number FROM replicache.upload_client;
-- Replayed, it is called again, with the client as context.
DELETE FROM replicache.mutation_error WHERE client_id <> 'c1';
SELECT error_id AS id, user_id, client_id, mutation_id, name, sqlstate, message, hint FROM replicache.mutation_error \gset
\echo :user_id :client_id :mutation_id :name :sqlstate :message :hint
BEGIN;
DELETE FROM todo WHERE id = 41;
SELECT regexp_replace(try(format('SELECT replicache.replay(%s)', :id)), E'\n', ' ', 'g');
ROLLBACK;
SELECT replicache.replay(:id)->>'name' AS name;
SELECT * FROM todo WHERE id >= 40 ORDER BY id;
SELECT count(*) FROM replicache.mutation_error;
SELECT upload('{"client_id":"c2","batch":[{"op_id":8,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"addTodo","args":{"id":40,"title":"is there"}}}]}', 'bob');
DELETE FROM todo WHERE id = 40;
SELECT replicache.replay(max(error_id))->>'name' AS name FROM replicache.mutation_error;
SELECT writer FROM todo WHERE id = 40;

-- For now: nothing of it stands, and it is called when it comes again.
CREATE FUNCTION moody(code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO queue.todo VALUES (50, code);
    IF code <> 'fine' THEN RAISE 'moody' USING ERRCODE = code; END IF; END $$;
SELECT replicache.register_mutator('moody', 'moody(text)');
CREATE FUNCTION moody_upload(code text, client text) RETURNS SETOF text LANGUAGE sql AS $$ SELECT upload(format('{"on_error":"skip","client_id":"%s","batch":[
  {"op_id":1,"tx_id":1,"op":"PUT","type":"todo","id":"51","data":{"title":"with it"}},
  {"op_id":2,"tx_id":1,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"moody","args":{"code":"%s"}}},
  {"op_id":3,"tx_id":2,"op":"PUT","type":"todo","id":"52","data":{"title":"behind it"}}]}', client, code)) $$;
SELECT code, u FROM unnest('{RE001,40001,53200,55P03,57014}'::text[]) code, LATERAL moody_upload(code, 'moody') u;
SELECT count(*) FROM todo WHERE id >= 50;
SELECT try($$SELECT moody_upload('XX000', 'moody')$$);
SELECT moody_upload('fine', 'moody');
SELECT id, title FROM todo WHERE id >= 50 ORDER BY id;
DELETE FROM todo WHERE id >= 50;
SELECT count(*) FROM replicache.mutation_error;

-- Too slow: rejected, since it would block the queue; the next one has its own time. A statement_timeout is for later.
CREATE FUNCTION nap(id int, seconds float8) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO queue.todo VALUES (id, 'nap'); PERFORM pg_sleep(seconds); END $$;
CREATE FUNCTION stubborn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END $$;
SELECT replicache.register_mutator('nap', 'nap(int,float8)'), replicache.register_mutator('stubborn', 'stubborn()');
SET replicache.mutation_timeout = '300ms';
SELECT upload('{"on_error":"skip","client_id":"slow","batch":[
  {"op_id":1,"tx_id":1,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"nap","args":{"id":60,"seconds":60}}},
  {"op_id":2,"tx_id":2,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"nap","args":{"id":61,"seconds":0.16}}},
  {"op_id":3,"tx_id":2,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"nap","args":{"id":62,"seconds":0.16}}},
  {"op_id":4,"tx_id":3,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"stubborn"}}]}');
SELECT id FROM todo WHERE id >= 60 ORDER BY id;
SELECT mutation_id, name, sqlstate, message FROM replicache.mutation_error ORDER BY error_id;
-- A row of the table that has just been written can be written by a call.
SELECT upload('{"crud":[{"op":"PUT","type":"todo","id":68,"data":{"title":"a"}}, {"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"todo.insert","args":{"id":69,"title":"b"}}}, {"op":"PATCH","type":"todo","id":69,"data":{"title":"c"}}]}');
SELECT id, title FROM todo WHERE id IN (68, 69) ORDER BY id;
DELETE FROM todo WHERE id IN (68, 69);
-- Of client transactions that are tried together, it is the one that has called it.
SELECT upload(format('{"on_error":%s,"batch":[
  {"tx_id":1,"op":"PUT","type":"todo","id":70,"data":{"title":"a"}}, {"tx_id":1,"op":"PUT","type":"todo","id":71,"data":{"title":"b"}},
  {"tx_id":2,"op":"PUT","type":"todo","id":72,"data":{"title":"c"}}, {"tx_id":2,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"nap","args":{"id":73,"seconds":60}}},
  {"tx_id":3,"op":"PUT","type":"todo","id":74,"data":{"title":"d"}}, {"tx_id":4,"op":"PUT","type":"todo","id":75,"data":{"title":"e"}}]}', on_error)) FROM (VALUES ('"stop"'), ('"skip"')) v (on_error);
SELECT id FROM todo WHERE id >= 70 ORDER BY id;
DELETE FROM todo WHERE id >= 70;
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON todo FOR EACH ROW WHEN (NEW.id = 66) EXECUTE FUNCTION slow();
SET statement_timeout = '2s';
SELECT upload('{"on_error":"skip","client_id":"slow","batch":[
  {"op_id":5,"tx_id":4,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"nap","args":{"id":63,"seconds":60}}},
  {"op_id":6,"tx_id":5,"op":"PUT","type":"todo","id":"66","data":{"title":"slow"}}]}');
RESET statement_timeout;
SELECT replicache.replay(min(error_id)) FROM replicache.mutation_error;
RESET replicache.mutation_timeout;
DELETE FROM replicache.mutation_error;

-- No mutator in a mutator; in a trigger of a row, why not.
CREATE FUNCTION nests(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    CASE what
        WHEN 'push' THEN PERFORM replicache.apply_push('{"pushVersion":0,"clientID":"n","mutations":[]}');
        WHEN 'rows' THEN PERFORM replicache.powersync_upload('{"crud":[{"op":"DELETE","type":"todo","id":"1"}]}');
        WHEN 'call' THEN PERFORM replicache.powersync_upload('{"crud":[{"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"renameAll"}}]}');
    END CASE; END $$;
SELECT replicache.register_mutator('nests', 'nests(text)');
SELECT what, call(json_build_object('name', 'nests', 'args', json_build_object('what', what))::text) FROM unnest('{push,rows,call}'::text[]) what;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"n","mutations":[{"id":1,"name":"nests","args":{"what":"call"}}]}')->'rejected'->0->>'message' AS message;
CREATE FUNCTION calls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM replicache.powersync_upload(json_build_object('crud', json_build_array(json_build_object('op', 'PUT', 'type', 'mutator_calls', 'id', 'q', 'data', json_build_object('name', 'renameAll')))));
    RETURN NULL; END $$;
CREATE TRIGGER calls AFTER INSERT ON note FOR EACH ROW WHEN (NEW.id = 'calls') EXECUTE FUNCTION calls();
SELECT title FROM todo WHERE id = 1;
SELECT upload('{"crud":[{"op":"PUT","type":"note","id":"calls","data":{"todo":1}},{"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"renameAll"}}]}');
SELECT title FROM todo WHERE id = 1;

-- As the calling role: EXECUTE decides, then what the mutator may do. Set-up is not for it.
CREATE ROLE regress_queue;
SELECT replicache.grant_usage('regress_queue');
GRANT USAGE ON SCHEMA queue TO regress_queue;
REVOKE EXECUTE ON FUNCTION rename_all() FROM PUBLIC;
SET ROLE regress_queue;
SELECT text_call('renameAll', '{}'), text_call('addTodo', '{"id":70,"title":"x"}') \g (fieldsep='\n')
SELECT try('SELECT replicache.register_mutator_queue()'), try('SELECT replicache.unregister_mutator_queue()'), try('TABLE replicache.mutator_queue'), try($$DELETE FROM replicache.mutator_queue$$);
RESET ROLE;
SELECT client_id, name, sqlstate, args FROM replicache.mutation_error WHERE sqlstate = '42501' ORDER BY error_id;
GRANT INSERT ON todo TO regress_queue;
SET ROLE regress_queue;
SELECT text_call('addTodo', '{"id":70,"title":"x"}');
RESET ROLE;
SELECT * FROM todo WHERE id = 70;
-- Whoever may set up needs no more.
GRANT EXECUTE ON FUNCTION replicache.register_mutator_queue, replicache.unregister_mutator_queue TO regress_queue;
SET ROLE regress_queue;
SELECT replicache.register_mutator_queue('theirs');
SELECT replicache.unregister_mutator_queue('theirs');
RESET ROLE;

-- The registry is read again when it has changed, also back.
BEGIN;
SELECT replicache.unregister_mutator_queue();
SELECT text_call('addTodo', '{"id":71,"title":"x"}');
ROLLBACK;
SELECT text_call('addTodo', '{"id":71,"title":"x"}');
BEGIN;
SELECT replicache.register_mutator_queue('shortly');
SELECT call('{"name":"addTodo","args":{"id":72,"title":"x"}}', type => 'shortly');
SAVEPOINT s;
SELECT replicache.unregister_mutator_queue('shortly');
SELECT call('{"name":"addTodo","args":{"id":73,"title":"x"}}', type => 'shortly');
ROLLBACK TO s;
SELECT call('{"name":"addTodo","args":{"id":73,"title":"x"}}', type => 'shortly');
ROLLBACK;
SELECT call('{"name":"addTodo","args":{"id":74,"title":"x"}}', type => 'shortly');
SELECT replicache.unregister_mutator_queue(), replicache.unregister_mutator_queue('Zurufe');
SELECT text_call('addTodo', '{"id":75,"title":"x"}');
SELECT replicache.expose_crud('note', name => 'mutator_calls');
SELECT id FROM todo WHERE id > 70 ORDER BY id;

DROP OWNED BY regress_queue;
DROP ROLE regress_queue;
DROP EXTENSION replicache_ext;
DROP SCHEMA queue CASCADE;
