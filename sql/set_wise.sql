-- Changes that are written by one statement come out as if each were written by its own: a differential test of random requests.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA set_wise;
SET search_path = set_wise, public;
SET client_min_messages = warning;
SET replicache.poke_channel = '';
SET replicache.default_clock = 'time';  -- every change gets a version of its own, so their order shows
\set SHOW_CONTEXT never
CREATE ROLE set_wise_app;
SELECT replicache.grant_usage('set_wise_app');
GRANT USAGE ON SCHEMA set_wise TO set_wise_app;
\set ECHO none
\o /dev/null
\i sql/include/set_wise_programs.sql
\i sql/include/set_wise_tables.sql
\i sql/include/set_wise_compare.sql
\o
\set ECHO all

-- First what random programs find too seldom.
SELECT differ('INSERT INTO generated VALUES (2, 5)', 'PUT generated 1 {"a":5}', 'PUT generated 2 {"a":6}');
SELECT differ('INSERT INTO moving VALUES (1)', 'PATCH moving 1 {"a":2}', 'PATCH moving 2 {"a":3}');
SELECT differ('INSERT INTO slot_default VALUES (2, 5, false)', 'PUT slot_default 1 {"done":0}', 'PUT slot_default 2 {"done":1}');
SELECT differ('INSERT INTO box VALUES (1)', 'PUT thing 1 {"box":7}; PUT box 6 {"a":1}', 'PUT box 7 {"a":1}');
SELECT differ('INSERT INTO box VALUES (3), (4); INSERT INTO thing VALUES (1, 3), (2, 3)', 'DELETE box 3; PATCH thing 1 {"box":4}', 'PATCH thing 2 {"box":4}');
SELECT differ('INSERT INTO known VALUES (8), (9)', 'DELETE known 9', 'PATCH known 8 {"a":10}');
SELECT differ('INSERT INTO free VALUES (8)', 'PUT free 9 {"v":1}', 'PATCH free 8 {"a":9}');
SELECT differ('INSERT INTO tracked VALUES (2), (4)', 'PUT tracked 1 {"a":1}', 'PUT tracked 2 {"a":1}', 'PUT tracked 3 {"a":1}', 'PUT tracked 4 {"a":1}');
SELECT differ('SELECT', 'PUT node 1 {"up":2}', 'PUT node 2 {"up":null}');
SELECT differ('INSERT INTO hub VALUES (1), (2); INSERT INTO spoke VALUES (1, 1); UPDATE hub SET spoke = 1 WHERE id = 2', 'DELETE hub 1', 'DELETE hub 2');
SELECT differ('INSERT INTO numeric_key VALUES (1)', 'PATCH numeric_key 1.0 {"a":1}', 'PATCH numeric_key 1.00 {"a":2}');
SELECT differ('SELECT', 'PATCH heirs 5 {"a":25}', 'PATCH heirs 6 {"a":24}');
SELECT differ('SELECT', 'PUT half_seen 1 {"owner":"ann","a":5}', 'PUT half_seen 2 {"owner":"ann","a":6}');
SELECT differ('SELECT', 'PUT insert_right 1 {"a":1}', 'PUT insert_right 2 {"a":2}', 'PUT insert_right 3 {"a":3}');
SELECT differ('INSERT INTO cast_quota SELECT generate_series(11, 15)', 'PUT cast_quota 1 {"a":1}', 'PUT cast_quota 2 {"a":2}');
SELECT differ('INSERT INTO few_defaults SELECT generate_series(11, 15)', 'PUT few_defaults 1 {"v":1}', 'PUT few_defaults 2 {"v":2}');
SELECT differ('INSERT INTO few_nulls SELECT generate_series(11, 15)', 'PUT few_nulls 1 {"v":1}', 'PUT few_nulls 2 {"v":2}');
SELECT differ('INSERT INTO few_casts SELECT generate_series(11, 15)', 'PUT few_casts 1 {"v":1}', 'PUT few_casts 2 {"v":2}');
SELECT of, differ(format('INSERT INTO %I SELECT generate_series(11, 15)', of), format('PUT %s 1 {"a":1}', of), format('PUT %s 2 {"a":2}', of))
    FROM unnest('{by_rewrite,by_setting,by_input,by_filling,by_json,by_result,by_path,by_aggregate}'::text[]) of;
SELECT differ('SELECT', 'PUT by_sql 1 {"a":1}', 'PUT by_sql 2 {"a":2}', 'PUT by_sql 3 {"a":2,"owner":"bob"}');
-- What runs once in a statement, though it has another result each time.
CREATE SEQUENCE once;
CREATE TABLE once_only (id int PRIMARY KEY, a int, n bigint DEFAULT nextval('once'));
GRANT ALL ON once_only TO set_wise_app;
GRANT ALL ON SEQUENCE once TO set_wise_app;
ALTER TABLE once_only ENABLE ROW LEVEL SECURITY;
CREATE POLICY next ON once_only USING (true) WITH CHECK ((SELECT nextval('once')) > 0);
SELECT expose('once_only', 'id:key | a:small', role => 'set_wise_app', content => 'SELECT concat_ws('' '', id, a, n - min(n) OVER ()) AS row FROM once_only');
SELECT differ('SELECT', 'PUT once_only 1 {"a":1}', 'PUT once_only 2 {"a":1}', 'PUT once_only 3 {"a":1}', 'PUT once_only 4 {"a":1}');
DELETE FROM target WHERE name = 'once_only';
-- Triggers. The first change of a kind is not deferred, but for the very first.
CREATE FUNCTION each_kind(of text, given text DEFAULT 'SELECT') RETURNS text LANGUAGE sql AS $$
    SELECT differ(given, VARIADIC ARRAY(SELECT format(change, of, i) FROM unnest(ARRAY['PUT %s %s {"a":%2$s}', 'PATCH %s %s {"a":2,"b":"x%2$s"}', 'PATCH %s %s {"a":%2$s}', 'DELETE %s %s']) WITH ORDINALITY c (change, n), generate_series(1, 3) i
        WHERE change !~ '"b"' OR EXISTS (SELECT FROM target t WHERE name = of AND 'b:word' = ANY (fields)) ORDER BY n, i)) $$;
SELECT of, each_kind(of) FROM unnest('{on_delete,on_insert,on_update,on_soft,on_switch,on_always,on_columns,on_generated,unique_word,unchanged,unchanged_tracked}'::text[]) of;
BEGIN;
SELECT each_kind('on_switch', 'SET LOCAL session_replication_role = replica'), each_kind('on_always', 'SET LOCAL session_replication_role = replica');
ROLLBACK;
BEGIN;
SELECT each_kind('on_switch', 'ALTER TABLE on_switch ENABLE TRIGGER never');
ROLLBACK;
SELECT differ('INSERT INTO when_few SELECT generate_series(11, 15)', 'PUT when_few 1 {"b":"x"}', 'PUT when_few 2 {"b":"y"}');
-- A function that did not read the table when the session first wrote it.
SELECT differ($$INSERT INTO changed VALUES (11); CREATE OR REPLACE FUNCTION changed() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT count(*) < 2 FROM changed'$$,
    'PUT changed 1 {"a":1}', 'PUT changed 2 {"a":2}');

SELECT setseed(0.1);
SELECT format('CALL compare(%L, 30)', scene) FROM target GROUP BY scene ORDER BY scene COLLATE "C" \gexec

-- The test is worth something only when all of it happens.
SELECT scene, sum(times) FILTER (WHERE what = 'operation') > 200 AS operations, sum(times) FILTER (WHERE what ~ 'rejected|fatal') > 0 AS failures,
    sum(times) FILTER (WHERE what = 'difference') AS differences FROM happened GROUP BY 1 ORDER BY scene COLLATE "C";
SELECT what FROM happened GROUP BY 1 HAVING sum(times) >= 3 ORDER BY what COLLATE "C";

DROP SCHEMA set_wise, hidden_set_wise CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE set_wise_app;
