-- Changes that are written by one statement come out as if each were written by its own: a differential test of random requests.
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
\i sql/include/set_wise_programs.sql
\i sql/include/set_wise_tables.sql
\o

-- Mutators of our own among those of the tables: they see what was written before them, and nothing else.
CREATE FUNCTION content(of text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE (SELECT format('SELECT string_agg(row, E''\n'' ORDER BY row COLLATE "C") FROM (%s) q', content) FROM target WHERE name = of) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION spy(of text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = set_wise, pg_temp AS 'INSERT INTO log (what) VALUES (md5(content(of)))';
CREATE FUNCTION meddle(of text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = set_wise, pg_temp AS $$
BEGIN
    EXECUTE format('DELETE FROM %1$I WHERE ctid = (SELECT ctid FROM %1$I m ORDER BY m.*::text COLLATE "C" LIMIT 1)', (SELECT relation FROM target WHERE name = of));
END $$;
CREATE FUNCTION fail(of text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'failed'; END $$;
SELECT replicache.register_mutator(f, (f || '(text)')::regprocedure) FROM unnest('{spy,meddle,fail}'::text[]) f;

CREATE FUNCTION apply(program jsonb) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    PERFORM set_config('role', COALESCE(program->>'role', 'none'), true);
    answer := CASE program->>'kind' WHEN 'upload' THEN replicache.powersync_upload((program->'request')::json, program->>'user')
                                    ELSE replicache.apply_push((program->'request')::json, program->>'user') END;
    PERFORM set_config('role', 'none', true);
    RETURN answer;
END $$;

-- Applies a program in a subtransaction that is rolled back, and tells the answer and all that it left behind.
CREATE FUNCTION outcome(program jsonb, set_wise boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    state text;
BEGIN
    PERFORM set_config('replicache.set_wise', set_wise::text, true), set_config('replicache.optimistic_runs', program->>'optimistic_runs', true);
    BEGIN
        result := jsonb_build_object('answer', apply(program),
            'content', (SELECT jsonb_object_agg(name, content(name)) FROM target WHERE scene = program->>'scene'),
            'log', (SELECT string_agg(what, ' ' ORDER BY seq) FROM log WHERE at = now()),
            'tombstones', (SELECT string_agg(concat_ws(' ', space, version, key), E'\n' ORDER BY space, version, key) FROM replicache.tombstone),
            'versions', (SELECT string_agg(concat(id, ':', version), ' ' ORDER BY id) FROM replicache.space),
            'clients', (SELECT string_agg(concat_ws(' ', id, last_mutation_id, version), E'\n' ORDER BY id) FROM replicache.client),
            'upload clients', (SELECT string_agg(concat_ws(' ', client_id, user_id, last_number, checkpoint), E'\n' ORDER BY client_id, user_id) FROM replicache.upload_client),
            'errors', (SELECT string_agg(concat_ws(' ', space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint), E'\n' ORDER BY error_id) FROM replicache.mutation_error WHERE at = now()));
        RAISE 'undo' USING ERRCODE = 'UNDO0';
    EXCEPTION
        WHEN SQLSTATE 'UNDO0' THEN RETURN regexp_replace(result::text, '\m1\d{6}\M', '#', 'g');
        WHEN OTHERS OR query_canceled THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
            RETURN jsonb_build_object('raised', state || ' ' || SQLERRM);
    END;
END $$;

CREATE TABLE happened (scene text, what text, times bigint);
CREATE FUNCTION count_what(scene text, program jsonb, outcome jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO happened SELECT scene, what, count(*) FROM (
        SELECT 'raised ' || left(outcome->>'raised', 5) UNION ALL
        SELECT 'halted ' || (outcome#>>'{answer,halted,reason}') UNION ALL
        SELECT 'rejected ' || (r->>'code') FROM jsonb_array_elements(outcome#>'{answer,rejected}') r UNION ALL
        SELECT concat_ws(' ', r->>'status', r#>>'{failed_operation,details,sqlstate}') FROM jsonb_array_elements(outcome#>'{answer,results}') r UNION ALL
        SELECT 'operation' FROM jsonb_array_elements(program#>'{request,mutations}') UNION ALL
        SELECT 'operation' FROM jsonb_array_elements(program#>'{request,transactions}') t, jsonb_array_elements(t->'crud')) AS x (what)
    WHERE what IS NOT NULL GROUP BY 2
$$;

-- Each program both ways, and then some for good, so that the next ones find another state.
CREATE PROCEDURE compare(scene text, programs int) LANGUAGE plpgsql AS $$
DECLARE
    program jsonb;
    one_by_one jsonb;
    together jsonb;
    emptied text := (SELECT string_agg(format('%I', relation), ', ') FROM target t WHERE t.scene = compare.scene AND relation <> 'heirs');
BEGIN
    EXECUTE concat_ws(', ', 'TRUNCATE log, replicache.mutation_error, replicache.tombstone', emptied) || ' CASCADE';
    FOR i IN 1 .. programs LOOP
        program := random_program(scene);
        one_by_one := outcome(program, false);
        together := outcome(program, true);
        PERFORM count_what(scene, program, one_by_one);
        IF together IS DISTINCT FROM one_by_one THEN
            INSERT INTO happened VALUES (scene, 'difference', 1);
            RAISE WARNING 'program % of % differs: SELECT apply(%)', i, scene, quote_literal(program) USING DETAIL =
                (SELECT string_agg(format(E'%s\n  one by one: %s\n  together: %s', key, one_by_one->>key, together->>key), E'\n')
                 FROM jsonb_object_keys(one_by_one || together) key WHERE one_by_one->key IS DISTINCT FROM together->key);
        END IF;
        IF random() < 0.4 THEN
            BEGIN
                PERFORM apply(program);
            EXCEPTION WHEN OTHERS OR query_canceled THEN  -- as it is to be
            END;
        END IF;
        COMMIT;
    END LOOP;
END $$;
SELECT setseed(0.1);
SELECT format('CALL compare(%L, 35)', scene) FROM target GROUP BY scene ORDER BY scene COLLATE "C" \gexec

-- The test is worth something only when all of it happens.
SELECT scene, sum(times) FILTER (WHERE what = 'operation') > 500 AS operations, sum(times) FILTER (WHERE what ~ 'rejected|fatal') > 10 AS failures,
    sum(times) FILTER (WHERE what = 'difference') AS differences FROM happened GROUP BY 1 ORDER BY scene COLLATE "C";
SELECT what FROM happened GROUP BY 1 HAVING sum(times) >= 3 ORDER BY what COLLATE "C";

DROP SCHEMA set_wise CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE set_wise_app;
