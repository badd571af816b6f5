-- zero_push: what fails only for now is tried again, and raised then. It is never an error of the app, and nothing is lost.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA zero_temporary;
SET search_path = zero_temporary, public;
\set ECHO none
\i sql/include/zero.sql
\set ECHO queries

CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE SEQUENCE tries;
-- Fails so many times, then succeeds.
CREATE FUNCTION flaky(id text, code text, times int) RETURNS json LANGUAGE plpgsql AS $$ DECLARE
    try bigint := nextval('zero_temporary.tries');
BEGIN
    INSERT INTO zero_temporary.item VALUES (id);
    IF try <= times THEN RAISE 'try %', try USING ERRCODE = code, DETAIL = 'the detail', HINT = 'the hint'; END IF;
    RETURN json_build_object('try', try);
END $$;
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO zero_temporary.item VALUES (id) $$;
CREATE FUNCTION fail(id text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO zero_temporary.item VALUES (id); RAISE 'refused'; END $$;
SELECT replicache.register_mutator('flaky', 'flaky(text,text,int)'), replicache.register_mutator('add', 'add(text)'), replicache.register_mutator('fail', 'fail(text)');

-- The second of three mutations fails so often; some others are refused. What it did: the answer, or what was raised, tries, items and lastMutationID.
CREATE FUNCTION outcome(code text, times int, client text, refused boolean DEFAULT false) RETURNS TABLE (answer text, raised text, tries bigint, items text, lmid bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setval('zero_temporary.tries', 1, false);
    BEGIN
        answer := push(m(client, 1, CASE WHEN refused THEN 'fail' ELSE 'add' END, json_build_object('id', client || 1)), m(client, 2, 'flaky', json_build_object('id', client || 2, 'code', code, 'times', times)),
            m(client, 3, 'add', json_build_object('id', client || 3)))->'mutations';
    EXCEPTION WHEN OTHERS OR query_canceled THEN raised := SQLSTATE || ' ' || SQLERRM;
    END;
    answer := regexp_replace(answer, '"id":\{"clientID":"[^"]*","id":(\d+)\},"result":', '\1:', 'g');
    SELECT last_value INTO tries FROM zero_temporary.tries;
    SELECT string_agg(right(id, 1), '' ORDER BY id) INTO items FROM item WHERE id LIKE client || '%';
    SELECT c.lmid INTO lmid FROM client c WHERE c.c = client;
    RETURN NEXT;
END $$;

-- One failure, or two: nobody learns of it.
SELECT code, o.* FROM unnest('{40001,40P01,55P03,55006,RE001,53200,58030,08006}'::text[]) WITH ORDINALITY AS u(code, n), LATERAL outcome(code, n::int % 2 + 1, 'a' || n) o ORDER BY n;
-- Three: raised, and nothing was done.
SELECT code, o.* FROM unnest('{40001,40P01,55P03,55006,RE001,53200,58030,08006}'::text[]) WITH ORDINALITY AS u(code, n), LATERAL outcome(code, 3, 'b' || n) o ORDER BY n;
-- Not tried again: what somebody has cancelled, what is broken, what cannot be written.
SELECT code, o.* FROM unnest('{57014,57P01,XX000,XX001,25006}'::text[]) WITH ORDINALITY AS u(code, n), LATERAL outcome(code, 1, 'c' || n) o ORDER BY n;
-- An error of the app at once.
SELECT code, o.* FROM unnest('{P0001,23505,40ABC,42501}'::text[]) WITH ORDINALITY AS u(code, n), LATERAL outcome(code, 1, 'd' || n) o ORDER BY n;
-- Among mutations that are refused, in blocks, and one by one.
SELECT o.* FROM outcome('40001', 2, 'e', true) o;
SELECT o.* FROM outcome('RE001', 2, 'f', true) o;
CREATE FUNCTION many(client text, code text, times int) RETURNS text LANGUAGE sql AS $$ SELECT setval('zero_temporary.tries', 1, false); SELECT string_agg(CASE WHEN r->'result'->>'error' IS NULL THEN '.' ELSE 'x' END, '')
    FROM json_array_elements(push(VARIADIC ARRAY(SELECT m(client, i, CASE WHEN i = 70 THEN 'flaky' WHEN i % 3 = 0 OR i % 7 = 0 THEN 'fail' ELSE 'add' END,
        CASE WHEN i = 70 THEN json_build_object('id', client || i, 'code', code, 'times', times) ELSE json_build_object('id', client || i) END) FROM generate_series(1, 100) i))->'mutations') r $$;
SELECT many('g', '40001', 2);
SELECT many('h', 'RE001', 1);
SET replicache.optimistic_runs = off;
SELECT many('i', '40P01', 2);
RESET replicache.optimistic_runs;
SELECT left(id, 1) AS client, count(*), bool_or(right(id, 2) = '70') AS flaky FROM item WHERE id ~ '^[ghi]\d' GROUP BY 1 ORDER BY 1;
SELECT * FROM client WHERE c IN ('g', 'h', 'i');
SELECT c, count(*) FROM result WHERE c IN ('g', 'h', 'i') GROUP BY c ORDER BY c;

-- With one snapshot for the whole transaction, another try would be in vain.
CREATE FUNCTION result_of(code text, client text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE o record; BEGIN SELECT * INTO o FROM outcome(code, 1, client); RETURN o.raised || ', tries ' || o.tries; END $$;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT result_of('40001', 'j');
SELECT o.* FROM outcome('RE001', 2, 'k') o;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT result_of('40P01', 'l');
COMMIT;
-- Raised in full.
SELECT setval('tries', 1, false);
SELECT push(m('m', 1, 'flaky', '{"id":"m","code":"RE001","times":9}'));
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM client WHERE c = 'm';

-- A defect of the database waits until it is mended: replicache.on_defect.
CREATE FUNCTION defect() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM no_such_column FROM zero_temporary.item; END $$;
SELECT replicache.register_mutator('defect', 'defect()');
SELECT push(m('n', 1, 'add', '{"id":"n1"}'), m('n', 2, 'defect'));
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM client WHERE c = 'n';
SET replicache.on_defect = reject;
SELECT push(m('n', 1, 'add', '{"id":"n1"}'), m('n', 2, 'defect'));
RESET replicache.on_defect;

-- When the time of the push is over, what was done stands, so that the next one gets further.
CREATE FUNCTION slow(id text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); INSERT INTO zero_temporary.item VALUES (id); END $$;
SELECT replicache.register_mutator('slow', 'slow(text)');
SET replicache.push_time = '1ms';
SELECT push(m('o', 1, 'slow', '{"id":"o1"}'), m('o', 2, 'slow', '{"id":"o2"}'), m('p', 1, 'slow', '{"id":"p1"}'));
SET replicache.push_time = '1min';
SELECT push(m('o', 1, 'slow', '{"id":"o1"}'), m('o', 2, 'fail', '{"id":"o2"}'), m('p', 1, 'slow', '{"id":"p1"}'));
SELECT * FROM client WHERE c IN ('o', 'p');
SELECT push(m('o', 1, 'slow', '{"id":"o1"}'), m('o', 2, 'fail', '{"id":"o2"}'), m('p', 1, 'slow', '{"id":"p1"}'))->'mutations' AS mutations;
RESET replicache.push_time;
SELECT id FROM item WHERE id ~ '^[op]\d' ORDER BY id;
-- A mutator that takes too long is refused.
SET replicache.mutation_timeout = '200ms';
SELECT push(m('o', 3, 'slow', '{"id":"o3"}'), m('o', 4, 'add', '{"id":"o4"}'))->'mutations' AS mutations;
RESET replicache.mutation_timeout;

-- The tables are written as the calling role. What it may not do is raised.
CREATE ROLE regress_zero_backend;
SELECT replicache.grant_usage('regress_zero_backend');
GRANT USAGE ON SCHEMA zero_temporary TO regress_zero_backend;
GRANT INSERT ON item TO regress_zero_backend;
SET ROLE regress_zero_backend;
SELECT push(m('q', 1, 'add', '{"id":"q1"}'));
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT USAGE ON SCHEMA zero_0 TO regress_zero_backend;
SET ROLE regress_zero_backend;
SELECT push(m('q', 1, 'add', '{"id":"q1"}'));
RESET ROLE;
GRANT SELECT, INSERT, UPDATE ON zero_0.clients TO regress_zero_backend;
SET ROLE regress_zero_backend;
SELECT push(m('q', 1, 'add', '{"id":"q1"}'));
SELECT push(m('q', 2, 'fail', '{"id":"q2"}'));
-- … a cleanup is not worth an error.
SELECT push(cleanup('{"clientGroupID":"g","clientID":"q","upToMutationID":9}'));
RESET ROLE;
GRANT INSERT, SELECT, DELETE ON zero_0.mutations TO regress_zero_backend;
SET ROLE regress_zero_backend;
SELECT push(m('q', 2, 'fail', '{"id":"q2"}'));
SELECT push(cleanup('{"clientGroupID":"g","clientID":"q","upToMutationID":9}'));
-- … a mutator that the role may not call.
RESET ROLE;
REVOKE EXECUTE ON FUNCTION add FROM PUBLIC;
SET ROLE regress_zero_backend;
SELECT push(m('q', 3, 'add', '{"id":"q3"}'));
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT * FROM client WHERE c = 'q';
SELECT count(*) FROM result WHERE c = 'q';

SET client_min_messages = warning;
DROP SCHEMA zero_temporary, zero_0 CASCADE;
DROP EXTENSION replicache_ext CASCADE;
DROP ROLE regress_zero_backend;
