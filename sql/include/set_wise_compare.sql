-- Applies requests as one statement for each change, and as few statements as can be, and compares what they leave behind. It needs the
-- programs and the tables of set_wise_programs.sql and set_wise_tables.sql.

-- Without versions, which are times, and the numbers of sequences.
CREATE FUNCTION masked(text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace($1, '\m1(\d{6}|\d{12})\M', '0', 'g') $$;

-- Mutators of our own among those of the tables: they see what was written before them, and nothing else.
CREATE FUNCTION content(of text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE (SELECT format('SELECT string_agg(row, E''\n'' ORDER BY row COLLATE "C") FROM (%s) q', content) FROM target WHERE name = of) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION in_order(relation text, space text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT string_agg(whole::text, E''\n'' ORDER BY %s version, whole::text COLLATE "C") FROM %I whole', quote_ident(space) || ',', relation) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION spy(of text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = set_wise, pg_temp AS 'INSERT INTO log (what) VALUES (md5(masked(content(of))))';
CREATE FUNCTION meddle(of text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = set_wise, pg_temp AS $$
BEGIN
    EXECUTE format('DELETE FROM %1$I WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM %1$I m ORDER BY m.*::text COLLATE "C" LIMIT 1)', (SELECT relation FROM target WHERE name = of));
END $$;
CREATE FUNCTION fail(of text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'failed'; END $$;
SELECT replicache.register_mutator(f, (f || '(text)')::regprocedure) FROM unnest('{spy,meddle,fail}'::text[]) f;
SELECT replicache.register_mutator_queue();

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
    answer json;
    result jsonb;
    state text;
BEGIN
    PERFORM set_config('replicache.set_wise', set_wise::text, true), set_config('replicache.optimistic_runs', program->>'optimistic_runs', true);
    BEGIN
        answer := apply(program);  -- by itself: a query does not see what its functions have written
        result := jsonb_build_object('answer', answer,
            'content', (SELECT jsonb_object_agg(name, content(name)) FROM target WHERE scene = program->>'scene'),
            'order', (SELECT jsonb_object_agg(name, in_order(t.relation, space_column)) FROM target t JOIN replicache.tracked_table tt ON tt.relation = t.relation::regclass WHERE scene = program->>'scene'),
            'log', (SELECT string_agg(what, ' ' ORDER BY seq) FROM log WHERE at = now()),
            'tombstones', (SELECT string_agg(concat_ws(' ', space, version, key), E'\n' ORDER BY space, version, key) FROM replicache.tombstone),
            'versions', (SELECT string_agg(concat(id, ':', version), ' ' ORDER BY id) FROM replicache.space),
            'clients', (SELECT string_agg(concat_ws(' ', id, last_mutation_id, version), E'\n' ORDER BY id) FROM replicache.client),
            'upload clients', (SELECT string_agg(concat_ws(' ', client_id, user_id, last_number, checkpoint), E'\n' ORDER BY client_id, user_id) FROM replicache.upload_client),
            'errors', (SELECT string_agg(concat_ws(' ', space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint), E'\n' ORDER BY error_id) FROM replicache.mutation_error WHERE at = now()));
        RAISE 'undo' USING ERRCODE = 'UNDO0';
    EXCEPTION
        WHEN SQLSTATE 'UNDO0' THEN RETURN masked(result::text);
        WHEN OTHERS OR query_canceled THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
            RETURN jsonb_build_object('raised', state || ' ' || SQLERRM);
    END;
END $$;

CREATE FUNCTION difference(one_by_one jsonb, together jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format(E'%s\n  one by one: %s\n  together: %s', key, one_by_one->>key, together->>key), E'\n')
    FROM jsonb_object_keys(one_by_one || together) key WHERE one_by_one->key IS DISTINCT FROM together->key
$$;

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
    FOR i IN 1 .. programs LOOP
        IF i = 1 OR random() < 0.1 THEN EXECUTE concat_ws(', ', 'TRUNCATE log, replicache.mutation_error, replicache.tombstone', emptied) || ' CASCADE'; END IF;
        program := random_program(scene);
        one_by_one := outcome(program, false);
        together := outcome(program, true);
        PERFORM count_what(scene, program, one_by_one);
        IF together IS DISTINCT FROM one_by_one THEN
            INSERT INTO happened VALUES (scene, 'difference', 1);
            RAISE WARNING 'program % of % differs: SELECT apply(%)', i, scene, quote_literal(program) USING DETAIL = difference(one_by_one, together);
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
-- For what random programs find too seldom. Each text is a client transaction: changes 'operation table id data', with ';' between them.
CREATE FUNCTION client_transaction(changes text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('crud', jsonb_agg(jsonb_build_object('op', w[1], 'type', w[2], 'id', w[3], 'data', w[4]::jsonb) ORDER BY n))
    FROM regexp_split_to_table(changes, '; ') WITH ORDINALITY AS c (change, n), string_to_array(change, ' ') w
$$;
CREATE FUNCTION upload_of(VARIADIC transactions text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('kind', 'upload', 'user', 'ann', 'optimistic_runs', true, 'scene', scene, 'role', role,
        'request', jsonb_build_object('on_error', 'skip', 'transactions', (SELECT jsonb_agg(client_transaction(x) ORDER BY n) FROM unnest(transactions) WITH ORDINALITY AS t (x, n))))
    FROM target WHERE name = split_part(transactions[1], ' ', 2)
$$;
-- The difference, or how each transaction ends, or which mutations are rejected.
CREATE FUNCTION differ(program jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    together jsonb := outcome(program, true);
    one_by_one jsonb := outcome(program, false);
BEGIN
    RETURN COALESCE(difference(one_by_one, together), (SELECT string_agg(concat_ws(' ', r->>'status', r#>>'{failed_operation,details,sqlstate}'), ', ')
        FROM jsonb_array_elements(one_by_one#>'{answer,results}') r), one_by_one#>>'{answer,rejected}', one_by_one::text);
END $$;
CREATE FUNCTION differ(given text, VARIADIC transactions text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM outcome(upload_of(VARIADIC transactions), false);  -- from here on, the statements are prepared
    EXECUTE given;
    RETURN differ(upload_of(VARIADIC transactions));
END $$;
