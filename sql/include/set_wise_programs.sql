-- Random requests for the tables of set_wise_tables.sql: runs of changes of one kind on one table, or mixed ones, likely to hit trouble.

CREATE TABLE target (name text PRIMARY KEY, scene text, relation text, role text, key text[], fields text[], conflict text, conflict_column text, content text);

CREATE FUNCTION below(n int) RETURNS int LANGUAGE sql AS 'SELECT floor(random() * n)::int';
CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql AS 'SELECT choices[1 + floor(random() * cardinality(choices))::int]';

-- The k-th value of a kind, as a client may spell it.
CREATE FUNCTION image(kind text, k int) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    CASE kind
        WHEN 'key', 'slot' THEN RETURN CASE below(12) WHEN 0 THEN to_jsonb(k::text) WHEN 1 THEN (k || '.0')::jsonb ELSE to_jsonb(k) END;
        WHEN 'small', 'rev' THEN RETURN to_jsonb(k % 7);
        WHEN 'limit' THEN RETURN to_jsonb(k + CASE WHEN random() < 0.02 THEN 100 ELSE 0 END);
        WHEN 'word' THEN RETURN to_jsonb(chr(97 + k % 7));
        WHEN 'bool' THEN RETURN to_jsonb(k % 2);
        WHEN 'number' THEN RETURN pick(k::text, k || '.0', k || '.00')::jsonb;
        WHEN 'numeric' THEN RETURN to_jsonb(pick(k::text, k || '.0', k || '.00'));
        WHEN 'days' THEN RETURN to_jsonb(pick(k || ' days', k * 24 || ' hours', (k - 1) || ' days 24:00'));
        WHEN 'padded' THEN RETURN to_jsonb(pick('', ' ') || k % 100);
        WHEN 'blank' THEN RETURN to_jsonb(chr(97 + k % 26) || pick('', ' '));
        WHEN 'cased' THEN RETURN to_jsonb(pick(chr(97 + k % 26), chr(65 + k % 26)));
        WHEN 'range' THEN RETURN to_jsonb(format('[%s,%s)', k * 3, k * 3 + pick('1', '2', '3', '3', '3', '4')::int));
        WHEN 'array' THEN RETURN jsonb_build_array(k, 1);
        WHEN 'user' THEN RETURN to_jsonb(pick('ann', 'ann', 'ann', 'bob'));
        WHEN 'code' THEN RETURN to_jsonb(CASE WHEN random() < 0.85 THEN chr(97 + k % 7) ELSE pick('RE001', 'RE001', '40001', 'P0001', '23505') END);  -- timeouts, 57014 and 55P03, may be blamed on an earlier change
    END CASE;
END $$;

CREATE FUNCTION bad_value() RETURNS jsonb LANGUAGE sql AS $$ SELECT pick('null', '"x"', '1e400', '{}', '"too long for it"', '1.5', '3000000000')::jsonb $$;

-- Values for some fields ('name:kind'), which go with the k-th row, with each other, or with nothing; of about `trouble` some are wrong.
CREATE FUNCTION random_values(fields text[], way text, k int, shift int, scope int, trouble float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    data jsonb := '{}';
    field text;
    v int;
BEGIN
    FOREACH field IN ARRAY fields LOOP
        v := CASE way WHEN 'any' THEN below(scope + 2) WHEN 'same' THEN shift + 3 ELSE greatest(k + shift, 1) END;
        data := data || jsonb_build_object(split_part(field, ':', 1),
            CASE WHEN random() < trouble / 3 THEN bad_value() WHEN random() < 0.01 THEN 'null' ELSE image(split_part(field, ':', 2), v) END);
    END LOOP;
    RETURN CASE WHEN random() < trouble / 5 THEN data || '{"nope":1}' WHEN random() < 0.01 THEN '{}' ELSE data END;
END $$;

-- The rows of a table that has a conflict policy, by key, for what clients know of them.
CREATE FUNCTION rows_of(t target) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    rows jsonb := '{}';
BEGIN
    IF t.conflict <> 'last_write' THEN EXECUTE format('SELECT jsonb_object_agg(t.id, to_jsonb(t)) FROM %I t', t.relation) INTO rows; END IF;
    RETURN COALESCE(rows, '{}');
END $$;

-- Changes of one kind on one table, as entries of an upload, of rows below `scope` mostly.
CREATE FUNCTION random_run(t target, scope int, trouble float) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
    op text := pick('PUT', 'PUT', 'PUT', 'PATCH', 'PATCH', 'PATCH', 'DELETE', 'DELETE', 'INSERT');
    length int := CASE WHEN random() < 0.03 THEN 50 ELSE 1 + below(scope) END;
    keys text := pick('up', 'up', 'down', 'few', 'some', 'some');
    density float := pick('0.4', '0.7', '1');
    way text := pick('any', 'any', 'shifted', 'shifted', 'same');
    shift int := below(5) - 2;
    shape text[] := ARRAY(SELECT f FROM unnest(t.fields) f WHERE random() < density);
    changing boolean := random() < 0.3;
    known jsonb := rows_of(t);
    changes jsonb[] := '{}';
    k int := 1 + below(scope);
    id jsonb; data jsonb; was jsonb; change jsonb;
BEGIN
    FOR i IN 1 .. length LOOP
        k := CASE keys WHEN 'up' THEN k + 1 WHEN 'down' THEN greatest(k - 1, 1) WHEN 'few' THEN 1 + below(3) ELSE 1 + below(scope) END;
        IF changing THEN shape := ARRAY(SELECT f FROM unnest(t.fields) f WHERE random() < density); END IF;
        data := random_values(shape, way, k, shift, scope, trouble);
        change := jsonb_build_object('op', op, 'type', CASE WHEN random() < trouble / 30 THEN 'no_such' ELSE t.name END);
        IF cardinality(t.key) = 1 THEN
            id := CASE WHEN random() < trouble / 8 THEN bad_value() ELSE image(split_part(t.key[1], ':', 2), k) END;
            IF random() >= trouble / 20 THEN change := change || jsonb_build_object('id', id); END IF;
        ELSE
            data := data || random_values(t.key[:1], 'shifted', 1 + k % 3, 0, scope, trouble / 5) || random_values(t.key[2:], 'shifted', k, 0, scope, trouble / 5);
        END IF;
        IF op <> 'DELETE' THEN change := change || jsonb_build_object('data', data);
        ELSIF cardinality(t.key) > 1 THEN change := change || jsonb_build_object(pick('data', 'old'), data); END IF;

        IF t.conflict <> 'last_write' THEN
            was := COALESCE(known -> (id #>> '{}'), '{}');
            IF op IN ('PATCH', 'DELETE') AND random() < 0.95 THEN
                change := change || jsonb_build_object('old', CASE WHEN random() < 0.06 THEN random_values(shape, 'any', 0, 0, scope, 0) ELSE
                    (SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(was) WHERE op = 'DELETE' OR data ? key OR random() < 0.1) END);
            END IF;
            IF t.conflict_column = 'rev' AND was->>'rev' ~ '^[0-9]{1,3}$' THEN
                IF op <> 'INSERT' AND random() < 0.9 THEN change := change || jsonb_build_object('data', COALESCE(change->'data', '{}') || jsonb_build_object('rev', was->'rev')); END IF;
                data := data || jsonb_build_object('rev', (was->>'rev')::int + 1);
            END IF;
            IF id #>> '{}' IS NOT NULL THEN known := known || jsonb_build_object(id #>> '{}', CASE WHEN op = 'DELETE' THEN '{}' ELSE was || data END); END IF;
        END IF;
        changes := changes || change;
    END LOOP;
    RETURN changes;
END $$;

CREATE FUNCTION random_changes(of text, size int, scope int, trouble float) RETURNS jsonb[] LANGUAGE plpgsql AS $$
DECLARE
    targets target[] := ARRAY(SELECT t FROM target t WHERE scene = of ORDER BY name COLLATE "C");
    changes jsonb[] := '{}';
BEGIN
    WHILE cardinality(changes) < size LOOP
        changes := changes || random_run(targets[1 + below(cardinality(targets))], scope, trouble);
    END LOOP;
    IF random() < COALESCE(current_setting('set_wise.mixed', true)::float, 0.1) THEN changes := ARRAY(SELECT change FROM unnest(changes) AS change ORDER BY random()); END IF;
    RETURN changes;
END $$;

-- A mutation that is no change of a row: see set_wise.sql.
CREATE FUNCTION other_mutation(change jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('name', pick('spy', 'spy', 'meddle', 'fail', 'no_such', change->>'type'), 'args', jsonb_build_object('of', change->'type')) $$;

-- An upload of these changes in client transactions of up to 20, in one of the forms of requests.
CREATE FUNCTION random_upload(changes jsonb[], client text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    last bigint := COALESCE((SELECT max(last_number) FROM replicache.upload_client WHERE client_id = client), 0);
    number bigint := greatest(0, last - below(3));
    numbered boolean := random() < 0.8;
    size int := pick('1', '3', '20');
    calls float := pick('0', '0.02', '0.1');
    transactions jsonb := '[]';
    request jsonb := CASE WHEN random() < 0.7 THEN '{"on_error":"skip"}' ELSE '{}' END;
    i int := 1;
    n int;
    crud jsonb[];
BEGIN
    IF numbered AND random() < 0.8 THEN request := request || jsonb_build_object('client_id', client); END IF;
    WHILE i <= cardinality(changes) LOOP
        n := i + below(size);
        IF jsonb_array_length(transactions) = 49 THEN n := cardinality(changes); END IF;  -- more are refused
        crud := '{}';
        FOR j IN i .. least(n, cardinality(changes)) LOOP
            number := number + 1 + (random() < 0.1)::int;
            -- An upload knows no INSERT, and is refused as a whole without ids.
            crud := crud || (changes[j] || CASE WHEN changes[j]->>'op' = 'INSERT' THEN '{"op":"PUT"}'::jsonb ELSE '{}' END
                || CASE WHEN jsonb_typeof(changes[j]->'id') IN ('string', 'number') THEN '{}'::jsonb ELSE '{"id":"x"}' END
                || CASE WHEN random() < calls THEN jsonb_build_object('type', 'mutator_calls', 'data', other_mutation(changes[j])) ELSE '{}' END
                || CASE WHEN numbered THEN jsonb_build_object('op_id', number) ELSE '{}' END);
        END LOOP;
        transactions := transactions || jsonb_build_object('crud', to_jsonb(crud));
        i := n + 1;
    END LOOP;
    RETURN request || jsonb_build_object('transactions', transactions);
END $$;

-- A push of these changes by several clients, among some mutations of other kinds.
CREATE FUNCTION random_push(changes jsonb[], group_id text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    last bigint[] := ARRAY(SELECT COALESCE((SELECT last_mutation_id FROM replicache.client WHERE id = group_id || c), 0) - (c = 1 AND random() < 0.1)::int FROM generate_series(1, 3) c ORDER BY c);
    mutations jsonb[] := '{}';
    switches float := pick('0', '0.02', '0.3');
    others float := pick('0', '0.02', '0.1');
    client int := 1;
    change jsonb; name text; args jsonb;
BEGIN
    FOREACH change IN ARRAY changes LOOP
        IF random() < switches THEN client := 1 + below(3); END IF;
        name := (change->>'type') || CASE change->>'op' WHEN 'PUT' THEN '.upsert' WHEN 'PATCH' THEN '.update' WHEN 'DELETE' THEN '.delete' ELSE '.insert' END;
        args := COALESCE(change->'old', '{}') || COALESCE(change->'data', '{}') || CASE WHEN change ? 'id' THEN jsonb_build_object(
            COALESCE((SELECT split_part(key[1], ':', 1) FROM target t WHERE t.name = change->>'type'), 'id'), change->'id') ELSE '{}' END;
        IF random() < others THEN
            SELECT o.name, o.args INTO name, args FROM jsonb_to_record(other_mutation(change)) o (name text, args jsonb);
        END IF;
        last[client] := last[client] + 1 + (random() < 0.0005)::int;
        mutations := mutations || jsonb_build_object('clientID', group_id || client, 'id', last[client], 'name', name, 'args', args);
    END LOOP;
    RETURN jsonb_build_object('pushVersion', 1, 'clientGroupID', group_id, 'mutations', to_jsonb(mutations));
END $$;

CREATE FUNCTION random_program(of text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    "user" text := pick('ann', 'ann', 'bob', NULL);
    changes jsonb[] := random_changes(of, pick('2', '5', '20')::int, pick('3', '5', '12')::int, pick('0', '0', '0', '0.03', '0.3')::float);
    kind text := pick('upload', 'push');
BEGIN
    RETURN jsonb_build_object('scene', of, 'kind', kind, 'user', "user", 'optimistic_runs', random() < 0.85,
        'role', (SELECT CASE WHEN random() < 0.85 THEN max(role) END FROM target WHERE scene = of),
        'request', CASE kind WHEN 'upload' THEN random_upload(changes, pick('device-1', 'device-2')) ELSE random_push(changes, 'group-' || COALESCE("user", '')) END);
END $$;
