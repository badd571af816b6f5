-- replicache.push_time: a push that takes longer stops before its next mutation, and what it has done stands.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA push_time;
SET search_path = push_time, public;

CREATE TABLE item (id int PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION slow(id int, seconds float8 DEFAULT 0.01) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(seconds); INSERT INTO item VALUES (id); END $$;
CREATE FUNCTION fail(id int, seconds float8 DEFAULT 0.01) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO item VALUES (id); PERFORM pg_sleep(seconds); RAISE 'failed'; END $$;
SELECT replicache.register_mutator('slow', 'slow(int,float8)'), replicache.register_mutator('fail', 'fail(int,float8)'), replicache.register_mutator_queue();
CREATE FUNCTION m(id int, name text DEFAULT 'slow', seconds float8 DEFAULT NULL) RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('id', id, 'name', name, 'args', json_strip_nulls(json_build_object('id', id, 'seconds', seconds))) $$;
CREATE FUNCTION push(client text, VARIADIC mutations json[]) RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', mutations)) $$;

SHOW replicache.push_time;
-- No limit by itself.
SELECT push('a', m(1), m(2));
-- At least one is tried, whatever comes of it.
SET replicache.push_time = '1ms';
SELECT push('a', m(2), m(3), m(4), m(5));
SELECT push('a', m(3), m(4, 'fail'), m(5));
SELECT push('a', m(4, 'fail'), m(5, 'nobody'));
SELECT push('a', m(6));
SET replicache.optimistic_runs = off;
SELECT push('a', m(7), m(8), m(9));
RESET replicache.optimistic_runs;
SELECT id FROM item ORDER BY id;
SELECT id, last_mutation_id FROM replicache.client;
-- What comes out of order is told when it is reached.
SELECT push('a', m(8), m(10));
SELECT push('a', m(9), m(10), m(12))->'halted'->>'reason' AS halted;
SELECT push('a', m(10), m(12))->'halted' AS halted;
-- 0: none.
SET replicache.push_time = 0;
SELECT push('a', m(11), m(12), m(13));
RESET replicache.push_time;

-- By default, half of what statement_timeout leaves: so a push that takes longer comes to an end when it is sent again.
SET statement_timeout = '2s';
CREATE TABLE answers (n int GENERATED ALWAYS AS IDENTITY, answer json);
CREATE FUNCTION part(client text, first int, fails int DEFAULT -1) RETURNS json LANGUAGE sql AS
$$ SELECT push(client, VARIADIC array_agg(json_build_object('id', i, 'name', CASE i WHEN fails THEN 'fail' ELSE 'slow' END, 'args', json_build_object('id', first + i, 'seconds', 0.25)) ORDER BY i)) FROM generate_series(1, 10) i $$;
-- Sent a dozen times, as clients do; each time from the start.
SELECT 'INSERT INTO answers (answer) SELECT part(''b'', 100)' FROM generate_series(1, 12)
\gexec
SELECT bool_or(answer->'halted'->>'code' = 'RE003') AS halted, bool_or(json_typeof(answer->'halted') = 'null') AS done, sum((answer->>'applied')::int) AS applied FROM answers;
-- … when one of them fails, too: what comes before it is not done over and over.
TRUNCATE answers;
SELECT 'INSERT INTO answers (answer) SELECT part(''c'', 200, 6)' FROM generate_series(1, 12)
\gexec
SELECT bool_or(answer->'halted'->>'code' = 'RE003') AS halted, bool_or(json_typeof(answer->'halted') = 'null') AS done, sum((answer->>'applied')::int) AS applied, sum(json_array_length(answer->'rejected')) AS rejected FROM answers;
RESET statement_timeout;
SELECT count(*), min(id), max(id) FROM item WHERE id > 100;

-- Wherever it stops, among failures, too, nothing is lost, skipped, or done twice.
CREATE TABLE done (n int GENERATED ALWAYS AS IDENTITY, client text, id int);
CREATE FUNCTION quick(id int, fails boolean) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO done (client, id) VALUES (replicache.current_client_id(), id); PERFORM pg_sleep(0.0003); IF fails THEN RAISE 'failed'; END IF; END $$;
SELECT replicache.register_mutator('quick', 'quick(int,boolean)');
CREATE FUNCTION until_done(client text, n int, failing float8, seed float8) RETURNS TABLE (applied bigint, rejected bigint, in_order boolean) LANGUAGE plpgsql AS $$
DECLARE
    mutations json;
    answer json;
BEGIN
    PERFORM setseed(seed);
    SELECT json_agg(json_build_object('id', i, 'name', 'quick', 'args', json_build_object('id', i, 'fails', random() < failing))) INTO mutations FROM generate_series(1, n) i;
    applied := 0;
    rejected := 0;
    FOR i IN 1 .. n LOOP
        answer := replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', mutations));
        applied := applied + (answer->>'applied')::int;
        rejected := rejected + json_array_length(answer->'rejected');
        EXIT WHEN json_typeof(answer->'halted') = 'null';
        ASSERT answer->'halted'->>'code' = 'RE003' AND (answer->>'skipped')::int + (answer->>'applied')::int + json_array_length(answer->'rejected') = (answer->'halted'->>'id')::int - 1, answer;
    END LOOP;
    in_order := ARRAY(SELECT d.id FROM done d WHERE d.client = until_done.client ORDER BY d.n) = ARRAY(SELECT (m->'args'->>'id')::int FROM json_array_elements(mutations) m WHERE m->'args'->>'fails' = 'false');
    RETURN NEXT;
END $$;
SELECT limits.push_time, failing, bool_and(applied + rejected = 200) AS all_of_them, bool_and(in_order) AS in_order
    FROM (VALUES ('1ms'), ('4ms'), ('20ms')) limits (push_time), unnest('{0,0.02,0.2,0.9}'::float8[]) failing, generate_series(1, 2) seed,
        LATERAL (SELECT set_config('replicache.push_time', limits.push_time, false)) s, LATERAL until_done(concat(limits.push_time, failing, seed), 200, failing, seed / 10.0)
    GROUP BY 1, 2 ORDER BY 1, 2;
SELECT client, id FROM done GROUP BY 1, 2 HAVING count(*) > 1;

-- Uploads stop before the next transaction.
SET replicache.push_time = '1ms';
CREATE FUNCTION upload(VARIADIC ids int[]) RETURNS json LANGUAGE sql AS $$
    SELECT json_agg(concat_ws(' ', r->>'status', r->>'message')) FROM json_array_elements(replicache.powersync_upload(json_build_object('client_id', 'u', 'transactions',
        (SELECT json_agg(json_build_object('crud', json_build_array(json_build_object('op_id', i, 'op', 'PUT', 'type', 'mutator_calls', 'id', i, 'data', json_build_object('name', CASE i % 10 WHEN 9 THEN 'fail' ELSE 'slow' END, 'args', json_build_object('id', i)))))) FROM unnest(ids) i)))->'results') r $$;
SELECT upload(301, 302, 303);
SELECT upload(301, 302, 303, 304);
SELECT upload(302, 303, 304);
SET replicache.set_wise = off;
SELECT upload(303, 304, 305);
RESET replicache.set_wise;
SET replicache.push_time = 0;
SELECT upload(304, 305, 306);
SET replicache.push_time = '1ms';
SELECT upload(309, 310);
SELECT id FROM item WHERE id > 300 ORDER BY id;
SELECT last_number FROM replicache.upload_client;

-- A push that is all or nothing does not stop.
SET replicache.push_time = '1ms';
SELECT replicache.create_space('ann', 'time');
CREATE TABLE memo (id int PRIMARY KEY, owner text, v int);
SELECT replicache.track_table('memo', space => 'owner'), replicache.expose_crud('memo', columns => '{"v":"v"}');
INSERT INTO memo (id, owner) VALUES (1, 'ann'), (2, 'ann');
CREATE FUNCTION memo_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
CREATE TRIGGER written BEFORE UPDATE ON memo FOR EACH ROW EXECUTE FUNCTION memo_written();
SELECT status, json_array_length(body->'data'->'mutations') AS n FROM replicache.sync_push('{"mutations":[{"type":"UPDATE","resource":"memo","resourceId":"1","data":{"v":1}},{"type":"UPDATE","resource":"memo","resourceId":"2","data":{"v":2}}]}', (SELECT version FROM replicache.space WHERE id = 'ann'), 'ann');
RESET replicache.push_time;

\set VERBOSITY sqlstate
SET replicache.push_time = -2;
SET replicache.push_time = 'later';

SET client_min_messages = error;
DROP SCHEMA push_time CASCADE;
DROP EXTENSION replicache_ext;
