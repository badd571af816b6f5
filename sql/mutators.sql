-- Mutators: the registry, calling conventions, coercion of args.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA mutators;
SET search_path = mutators, public;
SET replicache.on_defect = reject;  -- to see what is wrong with a function

-- What an error says.
CREATE FUNCTION refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
    EXECUTE command;
    RETURN 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- What cannot be a mutator.
CREATE PROCEDURE p(a jsonb) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION "returns set"(a int) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION returns_table(a int) RETURNS TABLE (b int) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION returns_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION returns_event_trigger() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION is_stable(a jsonb) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION is_immutable(a jsonb) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION takes_anyelement(a anyelement) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION takes_anyarray(a int, b anyarray) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION takes_record(a record) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION takes_cstring(a cstring) RETURNS void LANGUAGE internal AS 'pg_notify';
CREATE FUNCTION unnamed(int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION partly_named(a int, text) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION two_json(json, jsonb) RETURNS void LANGUAGE sql AS '';
SELECT f, replace(refusal(format('SELECT replicache.register_mutator(''m'', %L)', f)), 'pg_catalog.', '') AS refusal FROM unnest(ARRAY['p(jsonb)', 'agg(int)', 'row_number()', 'rank()', '"returns set"(int)',
    'returns_table(int)', 'returns_trigger()', 'returns_event_trigger()', 'is_stable(jsonb)', 'is_immutable(jsonb)', 'takes_anyelement(anyelement)',
    'takes_anyarray(int,anyarray)', 'takes_record(record)', 'takes_cstring(cstring)', 'unnamed(int)', 'partly_named(int,text)', 'two_json(json,jsonb)',
    'json_build_object("any")', 'now()', 'no_such_function()', 'no_such_type(nope)', 'unnamed', 'unnamed(', '0', '4294967295', '']) f;
SELECT refusal('SELECT replicache.register_mutator(NULL, ''refusal(text)'')'), refusal('SELECT replicache.register_mutator(''m'', NULL)'),
    refusal('SELECT replicache.register_mutator('''', ''refusal(text)'')');
SELECT count(*) FROM replicache.mutator;
SELECT replicache.register_mutator('m', 'is_stable(jsonb)');
\echo :LAST_ERROR_SQLSTATE
SELECT refusal('SELECT replicache.unregister_mutator(''m'')'), refusal('SELECT replicache.unregister_mutator(NULL)'), refusal('SELECT replicache.unregister_mutator('''')');

-- Not its owner; not even of a function that the role may execute.
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA replicache, mutators TO regress_other;
GRANT EXECUTE ON FUNCTION replicache.register_mutator TO regress_other;
SET ROLE regress_other;
SELECT replicache.register_mutator('m', 'refusal(text)');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.register_mutator('m', 'pg_sleep(float8)');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE ALL ON SCHEMA replicache, mutators FROM regress_other;
REVOKE EXECUTE ON FUNCTION replicache.register_mutator FROM regress_other;
DROP ROLE regress_other;

-- Calling: one mutation of a client of its own, and what it became.
CREATE SEQUENCE next;
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, text text);
CREATE FUNCTION log(text) RETURNS void LANGUAGE sql AS $$ INSERT INTO mutators.log (text) VALUES ($1) $$;
CREATE FUNCTION call(name text, args text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    DELETE FROM log;
    answer := replicache.apply_push(('{"pushVersion":0,"clientID":"c' || nextval('mutators.next') || '","mutations":[{"id":1,"name":' || to_json(name)::text
        || coalesce(',"args":' || args, '') || '}]}')::json);
    IF answer->>'applied' = '1' THEN
        RETURN coalesce((SELECT string_agg(text, '; ' ORDER BY id) FROM log), 'applied');
    END IF;
    answer := answer->'rejected'->0;
    RETURN concat_ws(' | ', answer->>'code', answer->>'message', answer->>'detail', answer->>'hint');
END $$;

-- One parameter of type json or jsonb, named or not: args whole. json keeps the text.
CREATE FUNCTION whole(json) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log($1::text) $$;
CREATE FUNCTION whole(b jsonb) RETURNS jsonb LANGUAGE plpgsql STRICT AS $$ BEGIN PERFORM log(b::text); RETURN b; END $$;
SELECT replicache.register_mutator('json', 'whole(json)');
SELECT replicache.register_mutator('jsonb', 'whole(jsonb)');
SELECT name, replace(function, 'pg_catalog.', '') AS function FROM replicache.mutator ORDER BY name;  -- 17 qualifies fewer types
SELECT a AS args, call('json', a) AS json, call('jsonb', a) AS jsonb FROM unnest(ARRAY[NULL, 'null', 'true', '7', '"x"', '[]', '[1, {"a":2}]', '{}', '{"b":1, "a":  0.10, "b":2}',
    '123456789012345678901234567890.10', '-0', '1E2', '"\u00e4\ud83d\ude00\/"', '{"\u0061":"\u0000"}', '"\ud800"', '"\\u0000"', '{"":{"":""}}']) a;
SELECT call('json', '"' || repeat('x', 1000000) || '"') = '"' || repeat('x', 1000000) || '"' AS "a million characters";
SELECT call('json', '1e999') AS json, call('jsonb', '1e999') = '1' || repeat('0', 999) AS jsonb;
SELECT call('json', '  [ 1 ,
 2 ]  ') AS "inner space stays";

-- By name. A missing member takes the default, null does not; unknown and superfluous members are errors, as are args that are no object.
CREATE FUNCTION named(a int, b text, c numeric DEFAULT 0.10, d text DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$ SELECT mutators.log(format('a=%s b=%s c=%s d=%s', coalesce(a::text, 'NULL'), coalesce(b, 'NULL'), coalesce(c::text, 'NULL'), coalesce(d, 'NULL'))) $$;
CREATE FUNCTION defaults_only(a int DEFAULT 1, b int DEFAULT 2) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log(format('%s %s', a, b)) $$;
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('called') $$;
SELECT replicache.register_mutator('named', 'named(int,text,numeric,text)');
SELECT replicache.register_mutator('defaults', 'defaults_only(int,int)');
SELECT replicache.register_mutator('nothing', 'nothing()');
SELECT a AS args, call('named', a) FROM unnest(ARRAY['{"a":1,"b":"x"}', '{"b":"x","a":1,"c":1e3}', '{"a":null,"b":null,"c":null,"d":null}', '{"a":1,"b":"x","d":"y"}', '{"a":1,"a":2,"b":"x","b":"y"}',
    '{"\u0061":1,"b":"\u00e4"}', '{"a":1}', '{"b":"x","c":1}', '{}', NULL, 'null', '[]', '[1,"x"]', '"a"', '1', 'true', '{"a":1,"b":"x","e":1}', '{"a":1,"b":"x","A":1}', '{"a":1,"b":"x","":1}',
    '{"a":1,"b":"x","a ":1}', '{"a":1,"b":"x","$1":1}', '{"a":1,"b":"x","\u0000":1}', '{"a":1,"b":"x","a\u0000":1}']) a;
SELECT a AS args, call('defaults', a) AS defaults, call('nothing', a) AS nothing FROM unnest(ARRAY[NULL, 'null', '{}', '[]', '7', '{"a":3}', '{"b":3}', '{"x":{"a":1}}']) a;

-- Defaults are evaluated for every call, and see what the mutations before it did.
CREATE SEQUENCE seq;
CREATE FUNCTION positions() RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT count(*) FROM mutators.log $$;
CREATE FUNCTION dynamic(a bigint DEFAULT nextval('mutators.seq'), at timestamptz DEFAULT now(), b text DEFAULT upper('x' || 'y'), n bigint DEFAULT positions()) RETURNS void LANGUAGE sql AS
$$ SELECT mutators.log(format('%s %s %s %s', a, at = now(), b, n)) $$;
SELECT replicache.register_mutator('dynamic', 'dynamic(bigint,timestamptz,text,bigint)');
TRUNCATE log;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"d","mutations":[{"id":1,"name":"dynamic"},{"id":2,"name":"dynamic","args":{"a":9}},{"id":3,"name":"dynamic","args":{"b":"z"}},{"id":4,"name":"dynamic"}]}');
SELECT text FROM log ORDER BY id;
CREATE FUNCTION fails(a int DEFAULT 1 / (random() * 0)::int) RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('fails', 'fails(int)');
SELECT call('fails') AS default, call('fails', '{"a":1}') AS given;

-- STRICT: not called with a null, as in SQL.
CREATE FUNCTION strict(a int, b int DEFAULT 1) RETURNS void STRICT LANGUAGE plpgsql AS $$ BEGIN PERFORM log('called'); END $$;
SELECT replicache.register_mutator('strict', 'strict(int,int)');
SELECT call('strict', '{"a":1}'), call('strict', '{"a":null}'), call('strict', '{"a":1,"b":null}'), call('strict', '{}');

-- VARIADIC, INOUT and OUT parameters.
CREATE FUNCTION many(a text, VARIADIC rest int[]) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log(a || rest::text) $$;
CREATE FUNCTION variadic_default(VARIADIC rest int[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$ SELECT mutators.log(rest::text) $$;
CREATE FUNCTION outs(OUT x int, a int, OUT y int, INOUT b jsonb, c text DEFAULT 'c') LANGUAGE plpgsql AS $$ BEGIN PERFORM log(format('%s %s %s', a, b, c)); x := 1; END $$;
CREATE FUNCTION whole_out(INOUT a jsonb, OUT b int) LANGUAGE plpgsql AS $$ BEGIN PERFORM log(a::text); END $$;
SELECT replicache.register_mutator('variadic', 'many(text,int[])');
SELECT replicache.register_mutator('variadic default', 'variadic_default(int[])');
SELECT replicache.register_mutator('outs', 'outs(int,jsonb,text)');
SELECT replicache.register_mutator('whole out', 'whole_out(jsonb)');
SELECT call('variadic', '{"a":"x","rest":[1,2]}'), call('variadic', '{"a":"x","rest":[]}'), call('variadic', '{"a":"x"}'), call('variadic default'), call('variadic default', '{"rest":[7]}');
SELECT call('outs', '{"a":1,"b":{"z":0.10}}'), call('outs', '{"a":1,"b":2,"x":3}'), call('outs', '{"a":1}'), call('whole out', '[0.10]');

-- Overloads by regprocedure; registered again, another one serves the name.
CREATE FUNCTION over(a int) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('int ' || a) $$;
CREATE FUNCTION over(a text) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('text ' || a) $$;
CREATE FUNCTION over(a int, b int) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('two ' || a) $$;
SELECT refusal($$SELECT replicache.register_mutator('over', 'over')$$);
SELECT replicache.register_mutator('over', 'over(text)'), call('over', '{"a":1}');
SELECT replicache.register_mutator('over', 'over(int)'), call('over', '{"a":1}');
SELECT replicache.register_mutator('over', 'over(int,int)'), call('over', '{"a":1,"b":2}'), call('over', '{"a":1}');
SELECT replicache.register_mutator('over too', 'over(int,int)');
SELECT replicache.unregister_mutator('over'), call('over', '{"a":1,"b":2}'), call('over too', '{"a":1,"b":2}');
SELECT refusal($$SELECT replicache.unregister_mutator('over')$$);
BEGIN;
SELECT replicache.register_mutator('over', 'over(int)'), call('over', '{"a":1}');
ROLLBACK;
SELECT call('over', '{"a":1}');

-- Names are texts, of any kind; they are told apart byte by byte.
CREATE FUNCTION "Odd ""name""; --"("A ""quoted"" one" int, "select" text DEFAULT 'e', "é/{}$$" text DEFAULT 'f') RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM log($1 || $2 || $3); END $$;
SELECT left(n, 40) AS name, replicache.register_mutator(n, 'mutators."Odd ""name""; --"(int,text,text)'), call(n, '{"A \"quoted\" one":1,"é/{}$$":"y"}') FROM unnest(ARRAY['Over', 'OVER', 'it''s', '"', '\', ' ', 'naïve', '$1', '{}', 'a.b',
    $$'; DROP TABLE mutators.log; --$$, E'\n', 'null', '😀', repeat('long', 200)]) n;
SELECT call('Odd'), call('oVER', '{}'), call('over ', '{}');
SELECT left(function, 60) AS function, count(*) FROM replicache.mutator WHERE function LIKE '%Odd%' GROUP BY 1;

-- Languages: internal and C. Those of PostgreSQL have no parameter names.
CREATE FUNCTION notify(channel text, payload text) RETURNS void VOLATILE LANGUAGE internal AS 'pg_notify';
SELECT replicache.register_mutator('notify', 'notify(text,text)');
SELECT call('notify', '{"channel":"mutators","payload":"x"}'), call('notify', '{"channel":"","payload":"x"}');
SELECT replicache.register_mutator('seed', 'pg_catalog.setseed(float8)');
\echo :LAST_ERROR_SQLSTATE

-- Coercion, as json_populate_record does it.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE DOMAIN needed AS text NOT NULL;
CREATE FUNCTION takes(t text DEFAULT NULL, i int DEFAULT NULL, n numeric DEFAULT NULL, f float8 DEFAULT NULL, b boolean DEFAULT NULL, d date DEFAULT NULL, at timestamptz DEFAULT NULL, u uuid DEFAULT NULL,
    y bytea DEFAULT NULL, m mood DEFAULT NULL, p pair DEFAULT NULL, s small DEFAULT NULL, a int[] DEFAULT NULL, aa text[] DEFAULT NULL, ps pair[] DEFAULT NULL, j json DEFAULT NULL, jb jsonb DEFAULT NULL,
    v varchar(3) DEFAULT NULL, c "char" DEFAULT NULL, l log DEFAULT NULL, na name DEFAULT NULL, iv interval DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN PERFORM log(concat_ws(' ', t, i, n, f, b, d, at AT TIME ZONE 'UTC', u, y, m, p, s, a, aa, ps, j, jb, v, c, l, na, iv)); END $$;
CREATE FUNCTION takes_needed(x needed DEFAULT 'default') RETURNS void LANGUAGE sql AS $$ SELECT mutators.log(x) $$;
SELECT replicache.register_mutator('takes', oid::regprocedure) FROM pg_proc WHERE proname = 'takes';
SELECT replicache.register_mutator('needed', 'takes_needed(needed)');
SELECT a AS args, call('takes', a) FROM unnest(ARRAY['{"t":"x","i":7,"n":0.10,"f":1e-7,"b":true}', '{"t":7,"i":"7","n":"0.10","b":"yes"}', '{"t":{"a": 0.10},"b":"f"}', '{"t":[1, 2]}', '{"t":true}',
    '{"n":123456789012345678901234567890.123456789012345678901234567890}', '{"n":1e-30}', '{"n":"NaN"}', '{"n":-0.0}', '{"f":"Infinity"}', '{"f":1e308}',
    '{"d":"2024-02-29","at":"2024-02-29T12:00:00.123456+02:00"}', '{"u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}', '{"y":"\\x00ff"}', '{"m":"ok","s":9}', '{"p":{"x":1,"y":"z"}}', '{"p":{"y":"z","other":1}}', '{"p":"(1,z)"}',
    '{"a":[1,"2",null]}', '{"a":[[1,2],[3,4]]}', '{"a":"{5,6}"}', '{"a":[]}', '{"aa":["a,b","\"",null,"NULL"]}', '{"ps":[{"x":1},{"x":2,"y":"b"},null]}',
    '{"j":{"b":1,  "a":0.10, "b":2},"jb":{"b":1,  "a":0.10, "b":2}}', '{"j":null}', '{"j":"\u0000"}', '{"v":"abc","c":"x","na":"n","iv":"90 minutes"}', '{"l":{"id":1,"text":"row"}}']) a;
-- Its refusals reject the mutation.
SELECT a AS args, call('takes', a) FROM unnest(ARRAY['{"i":"x"}', '{"i":1.5}', '{"i":2147483648}', '{"i":true}', '{"i":[]}', '{"i":""}', '{"n":"x"}', '{"f":1e309}', '{"f":1e999}', '{"b":"maybe"}', '{"b":2}', '{"d":"2024-02-30"}', '{"at":"soon"}', '{"u":"x"}',
    '{"y":"\\xzz"}', '{"m":"happy"}', '{"s":10}', '{"s":"x"}', '{"p":[1]}', '{"p":{"x":"q"}}', '{"a":["x"]}', '{"a":{"x":1}}', '{"a":[[1],[2,3]]}', '{"a":7}', '{"t":"a\u0000b"}', '{"t":"\ud800"}', '{"jb":"\u0000"}', '{"aa":["\u0000"]}', '{"v":"abcd"}']) a;
SELECT call('needed') AS default, call('needed', '{"x":"given"}') AS given, call('needed', '{"x":null}') AS null;

-- What \u0000 does in one mutation is no matter for the others.
DELETE FROM log;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"nul","mutations":[{"id":1,"name":"takes","args":{"t":"one"}},{"id":2,"name":"takes","args":{"t":"\u0000"}},{"id":3,"name":"jsonb","args":"\u0000"},{"id":4,"name":"json","args":"\u0000"}]}');
SELECT text FROM log ORDER BY id;
SELECT mutation_id, args FROM replicache.mutation_error WHERE client_id = 'nul' ORDER BY 1;

-- The function changes after registration: replaced, altered, renamed, moved, dropped, made anew; its types as well.
CREATE FUNCTION changes(a int) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('first ' || a) $$;
SELECT replicache.register_mutator('changes', 'changes(int)');
SELECT call('changes', '{"a":1}');
CREATE OR REPLACE FUNCTION changes(a int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM log('second ' || a); END $$;
SELECT call('changes', '{"a":1}');
CREATE OR REPLACE FUNCTION changes(a int DEFAULT 7) RETURNS void STRICT LANGUAGE plpgsql AS $$ BEGIN PERFORM log('third ' || a); END $$;
SELECT call('changes'), call('changes', '{"a":null}');
ALTER FUNCTION changes STABLE;
SELECT call('changes');
ALTER FUNCTION changes VOLATILE;
SELECT call('changes');
DROP FUNCTION changes;
SELECT call('changes');
CREATE FUNCTION changes(b int) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('anew ' || b) $$;
SELECT call('changes', '{"b":1}'), call('changes', '{"a":1}');
DROP FUNCTION changes;
CREATE FUNCTION changes(int) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log('unnamed ' || $1) $$;
SELECT call('changes', '{"a":1}');
DROP FUNCTION changes;
CREATE PROCEDURE changes(b int) LANGUAGE sql AS $$ SELECT mutators.log('procedure ' || b) $$;
SELECT call('changes', '{"b":1}');
DROP PROCEDURE changes;
CREATE SCHEMA mutators_too;
CREATE TYPE mutators_too.t AS (x int);
CREATE FUNCTION mutators_too.f(a mutators_too.t) RETURNS void LANGUAGE sql AS $$ SELECT mutators.log(a::text) $$;
SELECT replicache.register_mutator('types', 'mutators_too.f(mutators_too.t)');
SELECT call('types', '{"a":{"x":1,"y":2}}');
ALTER TYPE mutators_too.t ADD ATTRIBUTE y int CASCADE;
SELECT call('types', '{"a":{"x":1,"y":2}}');
ALTER FUNCTION mutators_too.f RENAME TO g;
SELECT call('types', '{"a":{"x":1,"y":2}}');
ALTER FUNCTION mutators_too.g RENAME TO f;
SET client_min_messages = error;
DROP TYPE mutators_too.t CASCADE;
SELECT call('types', '{"a":{"x":1,"y":2}}');
DROP SCHEMA mutators_too CASCADE;
SELECT call('types', '{"a":{"x":1,"y":2}}');

DROP SCHEMA mutators CASCADE;
DROP EXTENSION replicache_ext;
