-- Hostile and odd input: whatever a client or an application puts into ids, keys, names, values and JSON stays data.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA hostile_input;
SET search_path = hostile_input, public;
\set ECHO none
\i sql/include/cookies.sql
\set ECHO all

CREATE TABLE strings (n int PRIMARY KEY, s text NOT NULL);
INSERT INTO strings VALUES (1, $$'; DROP TABLE hostile_input.canary; --$$), (2, $$'' OR true$$), (3, '"'), (4, '\'), (5, '\u0000'), (6, E'\n\r\t\b\f\x01\x1f\x7f'), (7, '$1 $$ {} {id} %s %I %n'), (8, '😀 ä é'),
    (9, E'\u2028\u2029\ufeff\u202e'), (10, '</script><!--'), (11, '{"op":"clear"}'), (12, '../../x/%2F%25/'), (13, ' '), (14, 'null'), (15, '0'), (16, repeat('x', 1000)), (17, repeat('€', 333)), (18, E'a\\"b\\'), (19, '$replicache$'),
    (20, U&'\FFFF\+10FFFF');
CREATE TABLE canary (id int);

-- As client group, client, user, space, name of the mutation, and args of it, all at once.
CREATE TABLE "tab ""; le'" ("i d'" text PRIMARY KEY, "v"";--" text, "{}" text NOT NULL);
SELECT replicache.track_table('"tab ""; le''"', space => '{}', version => 've"r''sion');
SELECT * FROM replicache.tracked_table;
CREATE FUNCTION put("i d'" text, "v"";--" text) RETURNS void LANGUAGE sql AS $$ INSERT INTO hostile_input."tab ""; le'" VALUES ($1, $2, replicache.current_space()) $$;
SELECT count(replicache.register_mutator(s, 'put(text,text)')) FROM strings;
\pset format unaligned
SELECT n, r->>'version' AS version, r->>'applied' AS applied, regexp_replace(left(r->'rejected'->0->>'message', 70), '[\x01-\x1f\x7f]', '.', 'g') AS rejected, r->'halted' AS halted FROM strings, LATERAL replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', s, 'schemaVersion', s, 'profileID', s, s, s,
    'mutations', json_build_array(json_build_object('clientID', s, 'id', 1, 'name', s, 'args', json_build_object('i d''', s, 'v";--', s), s, s), json_build_object('clientID', s, 'id', 2, 'name', s || '?', 'args', s))), s, s) r ORDER BY n;
\pset format aligned
-- It comes back as it was: in the table, …
SELECT count(*) FROM strings JOIN "tab ""; le'" ON "i d'" = s AND "v"";--" = s AND "{}" = s;
SELECT count(*) FROM strings JOIN replicache.client c ON c.id = s AND client_group_id = s AND last_mutation_id = 2 JOIN replicache.client_group g ON g.id = s AND user_id = s AND space = s JOIN replicache.space p ON p.id = s AND p.version = 1;
SELECT count(*) FROM strings JOIN replicache.mutation_error e ON client_id = s AND client_group_id = s AND space = s AND user_id = s AND name = s || '?' AND args #>> '{}' = s AND message = format('unknown mutator "%s?"', s);
-- … and in a pull, whose text is JSON of exactly one meaning; a slash or percent sign in the key is encoded.
SELECT n, r->'cookie'->>'version' AS version, r->'lastMutationIDChanges'->>s = '2' AS id, json_array_length(r->'patch') AS length, r->'patch'->1->>'key' = 'tab "; le''/' || replace(replace(s, '%', '%25'), '/', '%2F') AS key,
    r->'patch'->1->'value'->>'i d''' = s AND r->'patch'->1->'value'->>'v";--' = s AND r->'patch'->1->'value'->>'{}' = s AS value
    FROM strings, LATERAL replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', s, 'cookie', NULL, 'schemaVersion', s, s, s), s, s) r ORDER BY n;
SELECT n, left(plain(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', s, 'cookie', NULL), s, s))::text, 130) AS pull FROM strings WHERE n IN (1, 3, 4, 5, 11, 18) ORDER BY n;
-- Tombstones keep it, too.
DELETE FROM "tab ""; le'";
SELECT count(*) FROM strings, LATERAL replicache.pull_since(1, s, s) r WHERE json_array_length(r->'patch') = 1 AND r->'patch'->0->>'op' = 'del'
    AND r->'patch'->0->>'key' = 'tab "; le''/' || replace(replace(s, '%', '%25'), '/', '%2F');
SELECT count(*) FROM strings, LATERAL replicache.pull_since(NULL, s || '?', left(s, 300) || '?') r WHERE r->>'cookie' = '0';
SELECT replicache.untrack_table('"tab ""; le''"');
SELECT count(*) FROM canary;

-- A key template and a value expression are the owner's; a template has no SQL in it.
CREATE TABLE item (id text PRIMARY KEY, v jsonb);
CREATE FUNCTION refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' | ' || SQLERRM;
END $$;
SELECT k AS key, refusal(format('SELECT replicache.track_table(''item'', %L)', k)) FROM unnest(ARRAY['{id"; DROP TABLE canary; --}', '{id); SELECT 1}', '{id::int}', '{(SELECT 1)}', '{ id }', '{ID}', '{id}{id}', 'x/{id', '}']) k;
SELECT v AS value, refusal(format('SELECT replicache.track_table(''item'', NULL, %L)', v)) FROM unnest(ARRAY['v) FROM canary; DROP TABLE canary; --', 'v, v', 'v; DROP TABLE canary', 'v --', 'v /*', '(SELECT v', '$1', '', ' ', 'id']) v;
SELECT replicache.track_table('item', $$'; DROP TABLE canary; --/{id}$$, 'v -- the end');
INSERT INTO item VALUES ('a', '{"b": 1}');
SELECT replicache.pull_since(0)->'patch'->1 AS put;
SELECT replicache.track_table('item');
SELECT count(*) FROM canary;

-- Depth and size.
CREATE FUNCTION keep(id text, v jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO hostile_input.item VALUES (id, v) $$;
SELECT replicache.register_mutator('keep', 'keep(text,jsonb)');
CREATE FUNCTION push(client text, id int, args text) RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('applied', r->'applied', 'codes', (SELECT json_agg(x->>'code') FROM json_array_elements(r->'rejected') x)) FROM (SELECT
    replicache.apply_push(('{"pushVersion":0,"clientID":"' || client || '","mutations":[{"id":' || id || ',"name":"keep","args":' || args || '}]}')::json)) AS p(r) $$;
SELECT push('deep', 1, '{"id":"deep","v":' || repeat('[', 500) || repeat(']', 500) || '}');
SELECT push('deep', 2, '{"id":"objects","v":' || repeat('{"a":', 500) || '1' || repeat('}', 500) || '}');
-- Deeper than the stack of PostgreSQL's own JSON parser: refused before anything is touched.
\set VERBOSITY terse
SELECT push('deep', 3, repeat('[', 1000000) || repeat(']', 1000000));
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
SELECT push('large', 1, '{"id":"large","v":"' || repeat('x', 10000000) || '"}');
SELECT length(v::text), length(replicache.pull_since(0)::text) > 10000000 AS pulled FROM item WHERE id = 'large';
SELECT push('large', 2, '{"id":"wide","v":[' || repeat('0,', 200000) || '0]}');
SELECT push('large', 3, '{' || (SELECT string_agg(format('"m%s":1', i), ',') FROM generate_series(1, 10000) i) || '}');
SELECT push('large', 4, '{' || repeat('"id":"a lot of them","v":1,', 50000) || '"v":2}');
SELECT v FROM item WHERE id = 'a lot of them';
-- A key that no index holds fails its mutation only.
SELECT push('large', 5, json_build_object('id', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i), 'v', 1)::text);
SELECT push('large', 6, '{"id":"fine","v":1}');
-- Many clients in one push, and members in any order, with blanks, twice, with escapes in their names.
SELECT r->'applied' AS applied, r->'skipped' AS skipped FROM replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'many', 'mutations',
    (SELECT json_agg(json_build_object('clientID', 'm' || i, 'id', 1, 'name', 'keep', 'args', json_build_object('id', 'm' || i, 'v', i))) FROM generate_series(1, 1000) i))) r;
SELECT replicache.apply_push(E' \t\n{ "mut\\u0061tions" : [ { "args" : { "v" : 0.10 , "id" : "odd" } , "name" : "none", "n\\u0061me" : "k\\u0065ep" , "id" : 2 , "\\u0000" : "\\u0000" , "clientID" : "odd" , "id" : 1 } ] , "clientGroupID" : "odd" , "\\ud800" : 1, "pushVersion" : 7, "pushVersion" : 1 } ');
SELECT v FROM item WHERE id = 'odd';

SET client_min_messages = error;
DROP SCHEMA hostile_input CASCADE;
DROP EXTENSION replicache_ext;
