-- Changes of different kinds, or with different columns, are written in another order than they came in only if nothing can tell.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA set_wise;
SET search_path = set_wise, public;
SET client_min_messages = warning;
SET replicache.poke_channel = '';
\set SHOW_CONTEXT never
CREATE ROLE set_wise_app;
SELECT replicache.grant_usage('set_wise_app');
GRANT USAGE ON SCHEMA set_wise TO set_wise_app;
\o /dev/null
\set ECHO none
\i sql/include/set_wise_programs.sql
\i sql/include/set_wise_tables.sql
\i sql/include/set_wise_compare.sql
\set ECHO all
-- Two tables whose new rows get numbers, one whose new rows get keys, and one whose policy looks at what the extension writes.
CREATE TABLE counted_later (LIKE numbered INCLUDING ALL, b int);
INSERT INTO counted_later (id, seq) VALUES (1, 1), (2, 2), (3, 3);
SELECT expose('counted_later', 'id:key | a:small b:small', content => 'SELECT concat_ws('' '', id, rank() OVER (ORDER BY seq)) AS row FROM counted_later');
CREATE TABLE identity (id int PRIMARY KEY, a int, b int, seq int GENERATED ALWAYS AS IDENTITY (START 1000000));
SELECT expose('identity', 'id:key | a:small b:small', content => 'SELECT concat_ws('' '', id, a, b, rank() OVER (ORDER BY seq)) AS row FROM identity');
CREATE TABLE default_key (id int DEFAULT 7 PRIMARY KEY, a int, b int);
SELECT expose('default_key', 'id:key | a:small b:small');
CREATE TABLE watching (id int PRIMARY KEY, a int);
SELECT replicache.track_table('watching'), expose('watching', 'id:key | a:small', role => 'set_wise_app');
GRANT ALL ON watching TO set_wise_app;
GRANT SELECT ON replicache.tombstone TO set_wise_app;
ALTER TABLE watching ENABLE ROW LEVEL SECURITY;
CREATE POLICY others ON watching USING (true);
CREATE POLICY change ON watching AS RESTRICTIVE FOR UPDATE USING (NOT EXISTS (SELECT FROM replicache.tombstone WHERE key = 'watching/2'));
\o

-- A row that changes twice.
SELECT differ('SELECT', 'DELETE plain 9', 'PUT plain 1 {"a":1}', 'DELETE plain 1');
SELECT differ('SELECT', 'PUT tracked 1 {"a":1}', 'PATCH tracked 2 {"a":2}', 'PUT tracked 2 {"a":3}', 'DELETE tracked 1', 'PATCH tracked 1 {"a":2}');
-- A value that is unique moves on.
SELECT differ('INSERT INTO slot VALUES (8, 4), (9, 5)', 'DELETE slot 8', 'PUT slot 1 {"slot":5}', 'DELETE slot 9');
SELECT differ('DELETE FROM slot; INSERT INTO slot VALUES (8, 4), (9, 5)', 'PATCH slot 8 {"slot":6}', 'PUT slot 1 {"slot":5}', 'PATCH slot 9 {"slot":7}');
SELECT differ('DELETE FROM slot; INSERT INTO slot VALUES (8, 4), (9, 5)', 'PATCH slot 8 {"slot":6}', 'PATCH slot 9 {"slot":4}', 'PATCH slot 1 {"b":"x"}');
SELECT differ('INSERT INTO slot_default VALUES (9, 5, false)', 'PATCH slot_default 8 {"done":1}', 'PUT slot_default 1 {"done":0}', 'PATCH slot_default 9 {"done":1}');
SELECT differ('INSERT INTO code VALUES (1, 1), (2, 2); INSERT INTO coded VALUES (1, 1)', 'PUT code 1 {"code":3}', 'DELETE code 2', 'PUT code 4 {"code":2}', 'DELETE code 1');
-- Numbers of sequences.
SELECT differ('SELECT', 'PUT numbered 1 {"a":1}', 'PUT numbered 2 {}', 'PUT numbered 3 {"a":1}');
SELECT differ('SELECT', 'PUT identity 1 {"a":1}', 'PUT identity 2 {"b":1}', 'PUT identity 3 {"a":1}');
-- … which no statement of the session has drawn before.
SELECT differ('DELETE FROM counted_later', 'PUT counted_later 1 {"a":1}', 'PUT counted_later 2 {"b":1}', 'PUT counted_later 3 {"a":1}');
-- What the extension writes.
INSERT INTO watching VALUES (1), (2), (3), (4);
SELECT differ(upload_of('PATCH watching 1 {"a":1}', 'DELETE watching 4'));
SELECT differ(upload_of('PATCH watching 1 {"a":1}', 'DELETE watching 2', 'PATCH watching 3 {"a":1}'));
-- Deferred constraints, which are checked after each transaction.
SELECT differ('INSERT INTO box VALUES (1), (2); INSERT INTO thing VALUES (1, 1)', 'PUT box 3 {"a":1}', 'DELETE box 1', 'PUT box 4 {"a":1}', 'PUT box 1 {"a":1}');
SELECT differ('INSERT INTO box VALUES (3)', 'PATCH thing 1 {"n":1}', 'PATCH thing 1 {"box":9}', 'PUT thing 2 {"box":9}', 'PATCH thing 2 {"box":3}');

-- A key that comes from a default. Each text is a mutation: 'name args'.
CREATE FUNCTION push_of(VARIADIC mutations text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('kind', 'push', 'user', 'ann', 'optimistic_runs', true, 'scene', split_part(mutations[1], '.', 1), 'request',
        jsonb_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations', (SELECT jsonb_agg(jsonb_build_object('clientID', 'c', 'id', n,
            'name', split_part(m, ' ', 1), 'args', split_part(m, ' ', 2)::jsonb) ORDER BY n) FROM unnest(mutations) WITH ORDINALITY AS t (m, n))))
$$;
INSERT INTO default_key VALUES (7), (8);
SELECT differ(push_of('default_key.delete {"id":9}', 'default_key.insert {"a":1}')) IS NOT NULL AS prepared;
SELECT differ(push_of('default_key.delete {"id":8}', 'default_key.insert {"a":1}', 'default_key.delete {"id":7}'));
SELECT differ(push_of('default_key.insert {"id":1}', 'default_key.insert {"id":2,"a":1}', 'default_key.insert {"id":1}', 'default_key.delete {"id":2}'));

-- Versions tell the order in a space whose clock is "time". The session learns that when it writes a row there. Here, it learns too late.
SELECT replicache.create_space('on_time', 'time');
ALTER TABLE card SET (fillfactor = 90);  -- so it has forgotten what it knows of the table
SELECT replicache.powersync_upload(json_build_object('transactions', (SELECT jsonb_agg(client_transaction(x) ORDER BY n) FROM unnest(ARRAY[
    'PUT card 1 {"board":"d"}', 'PUT card 2 {"board":"d","a":1}', 'PUT card 3 {"board":"on_time"}', 'PUT card 4 {"board":"on_time","a":1}', 'PUT card 5 {"board":"on_time"}'])
    WITH ORDINALITY AS t (x, n))))::text ~ 'error' AS failed;
SELECT string_agg(id::text, ' ' ORDER BY version) AS in_order FROM card WHERE board = 'on_time';

SET set_wise.mixed = 0.9;
SELECT setseed(0.2);
SELECT format('CALL compare(%L, 30)', scene) FROM target GROUP BY scene ORDER BY scene COLLATE "C" \gexec
SELECT sum(times) FILTER (WHERE what = 'difference') AS differences FROM happened;

-- Most changes are written together: rows that were written by one statement have the same command.
CREATE TABLE todo (id int PRIMARY KEY, a int, b text, gone boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('todo', deleted => 'gone'), replicache.expose_crud('todo');
INSERT INTO todo SELECT generate_series(1, 1000);
CREATE FUNCTION upload(first int, last int) RETURNS TABLE (status text, changes bigint) LANGUAGE sql AS $$
    SELECT r->>'status', count(*) FROM json_array_elements(replicache.powersync_upload((SELECT json_build_object('batch', json_agg(json_build_object(
        'op_id', i, 'tx_id', i, 'type', 'todo', 'op', (ARRAY['PUT', 'PATCH', 'PUT', 'PATCH', 'DELETE'])[i % 5 + 1], 'id', CASE WHEN i % 5 IN (0, 2) THEN i + 1000 ELSE i END,
        'data', CASE i % 5 WHEN 1 THEN '{"a":1}'::json WHEN 3 THEN '{"b":"x"}' WHEN 4 THEN NULL ELSE '{"a":1,"b":"x"}' END) ORDER BY i)) FROM generate_series(first, last) AS i))->'results') r GROUP BY 1
$$;
SELECT * FROM upload(1, 10);  -- prepares the statements
SELECT * FROM upload(11, 1000);
SELECT count(*) AS rows, count(DISTINCT cmin::text) AS statements FROM todo WHERE id % 1000 > 10 AND a IS NOT NULL OR b IS NOT NULL OR gone GROUP BY xmin::text HAVING count(*) > 100;

DROP SCHEMA set_wise, hidden_set_wise CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE set_wise_app;
