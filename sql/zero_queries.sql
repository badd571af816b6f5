-- zero_queries: the query endpoint of Zero, with templates and functions.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
CREATE SCHEMA zero_queries;
SET search_path = zero_queries, public;

-- What an error says.
CREATE FUNCTION refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
    EXECUTE command;
    RETURN 'NOT REFUSED';
EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(detail, ''), nullif(hint, ''));
END $$;
-- The answer to one query.
CREATE FUNCTION ask(name text, args text DEFAULT '', user_id text DEFAULT 'ann') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.zero_queries(format('["transform",[{"id":"h","name":%s,"args":[%s]}]]', to_json(name), args)::json, user_id) -> 'queries' -> 0 $$;
CREATE FUNCTION ast(name text, args text DEFAULT '', user_id text DEFAULT 'ann') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(a ->> 'ast', a ->> 'message') FROM ask(name, args, user_id) a $$;

-- Templates.
SELECT replicache.register_query('todo.all', '{"table":"todo","orderBy":[["id","asc"]]}'),
    replicache.register_query('todo.mine', ' {"table": "todo", "where": {"type":"simple","op":"=","left":{"type":"column","name":"owner"},"right":{"type":"literal","value":{"$user":true}}}} '),
    replicache.register_query('todo.by', '{"table":"todo","where":{"value":{"$arg":"v"},"again":{"$arg":"v"}},"limit":{"default":10,"$arg":"limit"}}'),
    replicache.register_query('todo.one', '{"table":"todo","id":{"$arg":null}}'),
    replicache.register_query('todo.some', '{"table":"todo","id":{"$arg":null,"default":["a",1,true]}}'),
    replicache.register_query('odd', '{"table":"todo","a":{"\u0024arg":"na\u006de \"x\""},"b":{"$user":true},"c":"{\"$arg\":1}","d":{"table":{"$arg":"t","default":null}},"subquery":{"table":"x"}}') \g /dev/null
SELECT ast('todo.all'), ast('todo|all', '1'), ast('todo.mine'), ast('todo.mine', '', E'"\\\n€'), ast('todo.mine', '', NULL), ast('todo.mine', '', '');
SELECT ast('todo.by', v) FROM unnest(ARRAY['', 'null', '{}', '{"v":1}', '{"v":-1.50E+400,"limit":9007199254740993}', '{"v":null}', '{"v":true,"limit":null}', '{"v":[]}',
    '{"v":[1, "a",false]}', '{"v":[null]}', '{"v":[[1]]}', '{"v":[{}]}', '{"v":{}}', '{"v":{"$arg":"v"}}', '{"v":1,"v":2}', '{"\u0076":3}', '[1]', '1', '"x"', '{"v":1},{"v":2}']) v;
SELECT replicache.zero_queries('["transform",[{"id":"\u0000","name":"todo.by","args":[{"v":"\u0000\ud800 \"","x":1}]}]]');
SELECT ast('todo.one', v), ast('todo.some', v) FROM unnest(ARRAY['', 'null', '1', '"x"', '[1,2]', '{}', '[null]']) v;
SELECT ast('odd', '{"name \"x\"":"ok","t":"{\"$arg\":1}"}'), ast('odd', '{}');
SELECT ast('todo.by', (SELECT '{"v":1,' || string_agg(format('"m%s":1', i), ',') || '}' FROM generate_series(1, 100) i));

-- What is no template.
SELECT t, refusal(format('SELECT replicache.register_query(''q'', %L)', t)) FROM unnest(ARRAY['null', '[]', '"x"', '{}', '{"Table":"x"}', '{"table":1}', '{"table":null}', '{"table":{"$arg":"x"}}', '{"table":"a","table":{"$user":true}}',
    '{"$user":true}', '{"$user":true,"table":"x"}', '{"table":"x","related":[{"subquery":{"table":{"$arg":"x"}}}]}', '{"table":"x","where":{"a":[1,{"b":{"$arg":1}}]}}',
    '{"table":"x","a":{"$arg":true}}', '{"table":"x","a":{"$arg":{}}}', '{"table":"x","a":{"$arg":["x"]}}', '{"table":"x","a":{"$user":false}}', '{"table":"x","a":{"$user":"true"}}', '{"table":"x","a":{"$user":true,"default":1}}',
    '{"table":"x","a":{"$user":true,"$arg":"x"}}', '{"table":"x","a":{"$arg":"x","defaults":1}}', '{"table":"x","a":{"$arg":"x","default":{}}}', '{"table":"x","a":{"$arg":"x","default":[null]}}',
    '{"table":"x","a":{"$arg":"x","default":{"$user":true}}}', '{"table":"x","a":{"$arg":"x","default":[{"$user":true}]}}', '{"table":"x","a":{"$args":"x"}}', '{"table":"x","a":{"$":1}}', '{"table":"x","a":{"$arg":"\u0000"}}',
    '{"table":"x","a":{"$arg":"\ud800"}}', '{"table":"x","\ud800":1}']) t;
SELECT refusal('SELECT replicache.register_query(' || a || ')') FROM unnest(ARRAY['NULL', '''q''', ''''', ''{"table":"x"}''', '''q'', ''{"table":"x"}'', ''refusal(text)''', '''q'', NULL, NULL']) a;
SELECT name FROM replicache.query ORDER BY 1;
SELECT refusal('INSERT INTO replicache.query VALUES (''x'', ''{}'', ''f'')'), refusal('INSERT INTO replicache.query VALUES (''x'')');

-- Functions.
CREATE TABLE todo (id int PRIMARY KEY, owner text);
CREATE DOMAIN ast_domain AS jsonb CHECK (VALUE ? 'table');
CREATE FUNCTION mine(top int DEFAULT 3, OUT ast jsonb) STABLE LANGUAGE sql AS $$SELECT jsonb_build_object('table', 'todo', 'user', replicache.current_user_id(), 'top', top)$$;
CREATE FUNCTION whole(args json) RETURNS json IMMUTABLE LANGUAGE sql AS $$SELECT json_build_object('table', 'todo', 'args', args)$$;
CREATE FUNCTION domained(t text) RETURNS ast_domain LANGUAGE sql AS $$SELECT jsonb_build_object(t, 1)$$;
CREATE FUNCTION returns(x text) RETURNS json LANGUAGE sql AS 'SELECT x::json';
CREATE FUNCTION strict(x int) RETURNS json STRICT LANGUAGE sql AS $$SELECT '{}'::json$$;
CREATE FUNCTION long(n int) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('table', repeat('x', n))$$;
CREATE TABLE stored (j json);
ALTER TABLE stored ALTER j SET STORAGE EXTERNAL;
INSERT INTO stored VALUES (json_build_object('table', repeat('y', 100000)));
CREATE FUNCTION stored_ast() RETURNS json LANGUAGE sql AS 'SELECT j FROM stored';
SELECT replicache.register_query('f.mine', function => 'mine(int)'), replicache.register_query('f|whole', NULL, 'whole(json)'), replicache.register_query('f.domain', function => 'domained(text)'),
    replicache.register_query('f.returns', function => 'returns(text)'), replicache.register_query('f.strict', function => 'strict(int)'), replicache.register_query('f.long', function => 'long(int)'),
    replicache.register_query('f.stored', function => 'stored_ast()') \g /dev/null
SELECT name, regexp_replace(function, 'zero_queries\.|pg_catalog\.', '', 'g') FROM replicache.query WHERE function IS NOT NULL ORDER BY 1;
SELECT ast('f.mine'), ast('f.mine', '{"top":1}', NULL), ast('f|mine', '{"top":null}'), ast('f.mine', 'null'), ast('f.mine', '{"other":1}'), ast('f.mine', '[1]'), ast('f.mine', '{"top":"x"}');
SELECT ast('f.whole'), ast('f.whole', '{"a": 1.0}'), ast('f.whole', '[1,2],3'), ast('f.domain', '{"t":"table"}'), ast('f.domain', '{"t":"x"}');
SELECT ast('f.returns', v) FROM unnest(ARRAY['{"x":" {\"a\": 1}"}', '{"x":null}', '{"x":"null"}', '{"x":"[{}]"}', '{"x":"1"}', '{"x":"\"{\""}', '{"x":"{"}']) v;
SELECT ast('f.strict', '{"x":1}'), ast('f.strict', '{"x":null}'), length(ast('f.long', '{"n":3000000}')), length(ast('f.stored'));
SELECT ask('f.strict', '{"x":null}');
SELECT replicache.current_user_id() IS NULL;

-- What cannot be a query.
CREATE PROCEDURE p(a jsonb) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION returns_set() RETURNS SETOF json LANGUAGE sql AS 'SELECT NULL::json';
CREATE FUNCTION returns_table() RETURNS TABLE (ast json) LANGUAGE sql AS 'SELECT NULL::json';
CREATE FUNCTION returns_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION returns_text() RETURNS text LANGUAGE sql AS 'SELECT ''{}''';
CREATE FUNCTION returns_void() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION takes_any(a anyelement) RETURNS json LANGUAGE sql AS 'SELECT NULL::json';
CREATE FUNCTION unnamed(int) RETURNS json LANGUAGE sql AS 'SELECT NULL::json';
SELECT f, refusal(format('SELECT replicache.register_query(''q'', function => %L)', f)) FROM unnest(ARRAY['p(jsonb)', 'returns_set()', 'returns_table()', 'returns_trigger()', 'returns_text()', 'returns_void()', 'takes_any(anyelement)',
    'unnamed(int)', 'json_agg(anyelement)', 'nope()', '0', '4294967295', 'pg_catalog.jsonb_object(text[])', 'pg_catalog.to_json(anyelement)']) f;

-- Errors of functions: of the query, with what it says for the client, and undone.
CREATE FUNCTION fails(code text, message text DEFAULT 'no', detail text DEFAULT NULL) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO zero_queries.todo VALUES (1, code) ON CONFLICT DO NOTHING;
    IF code = 'null' THEN INSERT INTO zero_queries.todo VALUES (NULL); END IF;
    IF detail IS NULL THEN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message; END IF;
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail;
END $$;
CREATE FUNCTION breaks() RETURNS json LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT nothing FROM nowhere); END $$;
SELECT replicache.register_query('fails', function => 'fails(text,text,text)'), replicache.register_query('breaks', function => 'breaks()') \g /dev/null
SELECT ask('fails', a) FROM unnest(ARRAY['{"code":"P0001"}', '{"code":"P0001","detail":"why"}', '{"code":"P0001","detail":" {\"field\": \"x\"}"}', '{"code":"P0001","detail":"[1]"}', '{"code":"P0001","detail":"[1"}',
    '{"code":"22023","detail":"why"}', '{"code":"22023","detail":"{\"a\":1}"}', '{"code":"null"}', '{"code":"P0001","message":"\"€\n"}']) a;
SELECT ask('breaks');
SELECT a, refusal(format('SELECT zero_queries.ask(''fails'', %L)', format('{"code":"%s","detail":"d"}', a))) FROM unnest('{40001,40P01,55P03,55006,RE001,08006,53100,58030,57014,57P01,XX000,25006}'::text[]) a;
SELECT count(*) FROM todo;

-- Many queries: each has its own answer, in order. Writes of a function that succeeds stay, its settings do not.
CREATE FUNCTION writes(id int) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO zero_queries.todo VALUES (id);
    SET work_mem = '77MB';
    RETURN json_build_object('table', 'todo', 'count', (SELECT count(*) FROM zero_queries.todo), 'work_mem', current_setting('work_mem'));
END $$;
SET work_mem = '4MB';
SELECT replicache.register_query('writes', function => 'writes(int)') \g /dev/null
SELECT replicache.zero_queries('["transform",[{"id":"1","name":"writes","args":[{"id":1}]},{"id":"2","name":"none","args":[]},{"id":"1","name":"writes","args":[{"id":1}]},{"name":"todo|all","args":[{}],"id":"\u00e9"},
    {"id":"","name":"writes","args":[{"id":2}]},{"id":"5","name":"","args":[]}]]');
SELECT id FROM todo ORDER BY 1;
SHOW work_mem;
RESET work_mem;

-- Requests, and what is none.
SELECT replicache.zero_queries('["transform",[]]', 'ann'), replicache.zero_queries(' [ "\u0074ransform" , [ ] ] ');
SELECT refusal('SELECT replicache.zero_queries(NULL)');
SELECT b, a ->> 'message' FROM unnest(ARRAY['null', '1', '"x"', '{}', '[]', '["transform"]', '["transform",[],1]', '["x",[]]', '[1,2]', '[{},[]]', '["transform",{}]', '["transform",null]', '["transform",[1]]', '["transform",[null]]',
    '["transform",[[]]]', '["transform",[{}]]', '["transform",[{"id":1}]]', '["transform",[{"args":1,"id":2}]]', '["transform",[{"id":"a","name":"b"}]]', '["transform",[{"id":"a","name":"b","args":{}}]]', '["transform",[{"id":"a","name":null,"args":[]}]]',
    '["transform",[{"id":"a","name":"b","args":[]},{"id":"a","name":"b","args":[],"x":1}]]', '["transform",[{"id":"a","name":"b","args":[],"x":1,"y":1,"x":2}]]', '["transform",[{"z":1,"id":"a","name":"b","args":[],"x":1,"y":1}]]',
    '["transform",[{"id":1,"name":"b","args":[],"id":"a"}]]', '["transform",[{"id":"a","name":"\u0000","args":[]}]]', '["transform",[{"id":"a","name":"\ud800","args":[]}]]']) b, replicache.zero_queries(b::json) a;
SELECT replicache.zero_queries('["transform",7]', 'ann');

-- Functions that are replaced, dropped and created again; queries that change and go.
CREATE OR REPLACE FUNCTION mine(top int DEFAULT 4, OUT ast jsonb) LANGUAGE sql AS $$SELECT jsonb_build_object('table', 'replaced', 'top', top)$$;
SELECT ast('f.mine');
DROP FUNCTION mine;
SELECT ask('f.mine');
CREATE FUNCTION mine(n int) RETURNS json LANGUAGE sql AS $$SELECT json_build_object('table', 'again', 'n', n)$$;
SELECT ast('f.mine', '{"n":1}');
DROP FUNCTION mine;
CREATE FUNCTION mine(n int) RETURNS int LANGUAGE sql AS 'SELECT n';
SELECT ask('f.mine', '{"n":1}');
SELECT replicache.register_query('f.mine', '{"table":"template"}') \g /dev/null
SELECT ast('f.mine');
SELECT replicache.unregister_query('f|mine') \g /dev/null
SELECT ast('f.mine'), refusal('SELECT replicache.unregister_query(''f.mine'')'), refusal('SELECT replicache.unregister_query(NULL)');
BEGIN;
SELECT replicache.register_query('f.mine', '{"table":"for now"}') \g /dev/null
SELECT ast('f.mine');
ROLLBACK;
SELECT ast('f.mine');
-- One that replaces itself while it runs.
CREATE FUNCTION changes() RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    CREATE OR REPLACE FUNCTION zero_queries.changes() RETURNS json LANGUAGE sql AS 'SELECT ''{"table":"second"}''::json';
    RETURN '{"table":"first"}';
END $$;
SELECT replicache.register_query('changes', function => 'changes()') \g /dev/null
SELECT ast('changes'), ast('changes');
SELECT ast('changes');

-- A query within a query.
CREATE FUNCTION nested(a int DEFAULT (zero_queries.ask('f.nested', '{"b":"inner"}') ->> 'message')::int, b text DEFAULT 'x') RETURNS json LANGUAGE sql AS $$SELECT json_build_object('table', b)$$;
SELECT replicache.register_query('f.nested', function => 'nested(int,text)') \g /dev/null
SELECT ast('f.nested', '{"b":"outer"}'), ast('f.nested', '{"a":1}');

-- Rights: the caller's. Only zero_queries is for applications.
CREATE ROLE zero_queries_app;
CREATE ROLE zero_queries_owner;
SELECT replicache.grant_usage('zero_queries_app') \g /dev/null
GRANT USAGE ON SCHEMA zero_queries TO zero_queries_app, zero_queries_owner;
GRANT USAGE ON SCHEMA replicache TO zero_queries_owner;
GRANT EXECUTE ON FUNCTION replicache.register_query, replicache.unregister_query TO zero_queries_owner;
CREATE FUNCTION secret() RETURNS json LANGUAGE sql AS $$SELECT json_build_object('table', count(*)) FROM zero_queries.todo$$;
CREATE FUNCTION who() RETURNS json LANGUAGE sql AS $$SELECT json_build_object('table', current_user)$$;
REVOKE EXECUTE ON FUNCTION who() FROM PUBLIC;
SELECT replicache.register_query('secret', function => 'secret()'), replicache.register_query('who', function => 'who()') \g /dev/null
SET ROLE zero_queries_owner;
SELECT refusal('SELECT replicache.register_query(''q'', function => ''secret()'')'), refusal('SELECT replicache.zero_queries(''[]'')'), refusal('SELECT replicache.register_query(''q'', ''{"table":"x"}'')'), refusal('SELECT FROM replicache.query');
SET ROLE zero_queries_app;
SELECT ask('secret'), ask('q'), refusal('SELECT replicache.register_query(''q'', ''{"table":"x"}'')'), refusal('SELECT replicache.unregister_query(''q'')');
SELECT refusal('SELECT zero_queries.ask(''who'')');
RESET ROLE;
GRANT EXECUTE ON FUNCTION who() TO zero_queries_app;
SET ROLE zero_queries_app;
SELECT ast('who');
RESET ROLE;

-- A transaction that may not write.
BEGIN READ ONLY;
SELECT ast('todo.mine'), ast('f.whole', '1'), ast('none');
SELECT refusal('SELECT zero_queries.ask(''writes'', ''{"id":9}'')'), refusal('SELECT replicache.register_query(''q'', ''{"table":"x"}'')');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT ast('todo.mine'), ast('f.whole', '1'), ast('breaks');
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA zero_queries CASCADE;
DROP EXTENSION replicache_ext;
DROP OWNED BY zero_queries_app, zero_queries_owner;
DROP ROLE zero_queries_app;
DROP ROLE zero_queries_owner;
