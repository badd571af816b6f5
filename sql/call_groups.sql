-- Calls of a mutator that is one statement come out as if each were made by itself: a differential test of random pushes.
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

-- Mutators of each table. A parameter has the name and the type of its column.
CREATE TABLE mutator (name text PRIMARY KEY, target text, columns text[]);
CREATE FUNCTION define(t target, kind text, columns text[], body text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parameters text;
    name text := format('%s_%s', kind, t.name);
BEGIN
    SELECT string_agg(format('%I %s', split_part(c, ':', 1), format_type(atttypid, NULL)), ', ' ORDER BY n) INTO parameters
        FROM unnest(columns) WITH ORDINALITY AS u (c, n) JOIN pg_attribute ON attrelid = t.relation::regclass AND attname = split_part(c, ':', 1) AND attnum > 0;
    EXECUTE format('CREATE FUNCTION %I(%s) RETURNS void LANGUAGE sql %s AS %L', name, parameters, options, body);
    PERFORM replicache.register_mutator(name, name::regproc);
    INSERT INTO mutator VALUES (name, t.name, columns);
EXCEPTION WHEN feature_not_supported OR invalid_column_reference OR generated_always THEN  -- ON CONFLICT does not go with rules, nor with a deferrable key
END $$;
CREATE FUNCTION define_all(t target) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    whole text[] := t.key || t.fields;
    names text := (SELECT string_agg(quote_ident(split_part(c, ':', 1)), ', ') FROM unnest(whole) c);
    own text := quote_ident(t.relation);
    keys text := (SELECT string_agg(quote_ident(split_part(c, ':', 1)), ', ') FROM unnest(t.key) c);
    insert text := format('INSERT INTO %s (%s) VALUES (%s)', own, names, (SELECT string_agg('$' || n, ', ') FROM generate_series(1, cardinality(whole)) n));
    sets text := (SELECT string_agg(format('%I = $%s', split_part(f, ':', 1), cardinality(t.key) + n), ', ') FROM unnest(t.fields) WITH ORDINALITY AS u (f, n));
    first text := quote_ident(split_part(t.fields[1], ':', 1));
    same text := (SELECT string_agg(format('t.%I = $%s', split_part(c, ':', 1), n), ' AND ') FROM unnest(t.key) WITH ORDINALITY AS u (c, n));
BEGIN
    PERFORM define(t, 'c_insert', whole, insert), define(t, 'c_once', whole, insert || ' ON CONFLICT DO NOTHING'),
        define(t, 'c_delete', t.key, format('DELETE FROM %s AS t WHERE %s', own, same));
    IF t.fields = '{}' THEN RETURN; END IF;
    PERFORM define(t, 'c_put', whole, format('%s ON CONFLICT (%s) DO UPDATE SET %s', insert, keys, (SELECT string_agg(format('%1$I = excluded.%1$I', split_part(f, ':', 1)), ', ') FROM unnest(t.fields) f)))
        WHERE NOT t.name ~ 'deferr';
    PERFORM define(t, 'c_set', whole, format('UPDATE %s AS t SET %s WHERE %s', own, sets, same)),
        define(t, 'c_guard', whole, format('UPDATE %s AS t SET %s WHERE %s AND t.%s IS DISTINCT FROM $%s', own, sets, same, first, cardinality(t.key) + 1), 'STRICT'),
        define(t, 'c_text', whole, format('UPDATE %s AS t SET %s WHERE %s', own, sets, regexp_replace(same, '(t\.\S+) = (\$\d+)', '\1::text = \2::text', 'g'))),
        define(t, 'c_numbered', whole, format('%s', replace(insert, 'VALUES ($1', 'VALUES (COALESCE($1, NULL)')));
END $$;
\o /dev/null
SELECT define_all(t) FROM target t WHERE NOT EXISTS (SELECT FROM unnest(key || fields) c LEFT JOIN pg_attribute ON attrelid = t.relation::regclass AND attname = split_part(c, ':', 1) WHERE attname IS NULL);
\o

-- A push of runs of calls, each of one mutator and mostly of one client.
CREATE OR REPLACE FUNCTION random_program(of text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    mutators mutator[] := ARRAY(SELECT m FROM mutator m JOIN target t ON t.name = m.target WHERE t.scene = of ORDER BY m.name COLLATE "C");
    trouble float := pick('0', '0', '0', '0', '0.01', '0.1');
    others float := pick('0', '0', '0.02');
    keys text;
    way text;
    m mutator;
    k int;
    shift int;
    last bigint[];
    "user" text := pick('ann', 'ann', 'bob', NULL);
    client_group text := 'group-' || COALESCE("user", '');
    client int := 1;
    mutations jsonb[] := '{}';
    length int;
    keyed int;
BEGIN
    last := ARRAY(SELECT COALESCE((SELECT last_mutation_id FROM replicache.client WHERE id = client_group || c), 0) FROM generate_series(1, 2) c ORDER BY c);
    FOR run IN 1 .. pick('1', '1', '2', '3')::int LOOP
        m := mutators[1 + below(cardinality(mutators))];
        IF run = 1 AND random() < 0.5 THEN m := (SELECT o FROM mutator o WHERE o.target = m.target ORDER BY o.name <> 'c_once_' || m.target LIMIT 1); END IF;  -- for the others to find rows
        keys := CASE WHEN m.name ~ '^c_once' THEN 'up' ELSE pick('up', 'up', 'down', 'some', 'some') END;
        way := pick('shifted', 'shifted', 'any');
        k := CASE WHEN m.name ~ '^c_once' THEN 0 ELSE below(15) END;
        shift := below(5) - 2;
        keyed := (SELECT cardinality(key) FROM target WHERE target.name = m.target);
        length := pick('3', '9', '20', '20');
        FOR i IN 1 .. length + below(10) LOOP
            IF random() < others THEN client := 1 + below(2); END IF;
            k := CASE keys WHEN 'up' THEN k + 1 WHEN 'down' THEN greatest(k - 1, 1) ELSE 1 + below(15) END;
            last[client] := last[client] + 1;
            -- As a number, 1.0 is no int.
            mutations := mutations || (jsonb_build_object('clientID', client_group || client, 'id', last[client]) || CASE
                WHEN random() < others THEN (SELECT jsonb_build_object('name', name, 'args', jsonb_build_object('of', m.target)) FROM pick('spy', 'meddle', 'fail') name)
                ELSE jsonb_build_object('name', m.name, 'args', regexp_replace((random_values(m.columns[:keyed], 'shifted', k, 0, 25, trouble) || random_values(m.columns[keyed + 1:], way, k, shift, 25, trouble))::text,
                    CASE WHEN m.target ~ 'numeric|padded' THEN '' ELSE '(?<=\d)\.0\M' END, '', 'g')::jsonb) END);
        END LOOP;
    END LOOP;
    RETURN jsonb_build_object('scene', of, 'kind', 'push', 'user', "user", 'optimistic_runs', random() < 0.9, 'role', (SELECT CASE WHEN random() < 0.85 THEN max(role) END FROM target WHERE scene = of),
        'request', jsonb_build_object('pushVersion', 1, 'clientGroupID', client_group, 'mutations', to_jsonb(mutations)));
END $$;

-- How many statements write 20 rows: rows that one statement has written show the same command.
CREATE TABLE written (id int PRIMARY KEY, a text, n int DEFAULT 0, at timestamptz, UNIQUE (n, id));
CREATE SEQUENCE number;
CREATE FUNCTION sees() RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM written';
CREATE DOMAIN spied AS int CHECK (VALUE + sees() > 0);
CREATE TYPE two AS (a int, b text);
\set SHOW_CONTEXT never
CREATE FUNCTION statements(parameters text, body text, options text DEFAULT '', args text DEFAULT '', before text DEFAULT 'SELECT') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
    result text;
BEGIN
    BEGIN
        EXECUTE before;
        EXECUTE format('CREATE FUNCTION many(%s) RETURNS void LANGUAGE sql %s %s', parameters, options, CASE WHEN body ~ '^BEGIN ATOMIC' THEN body ELSE 'AS ' || quote_literal(body) END);
        PERFORM replicache.register_mutator('many', m::regproc) FROM (VALUES ('many')) v (m);
        EXECUTE format($q$SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'many', 'mutations', (
            SELECT json_agg(json_build_object('clientID', 'many', 'id', i, 'name', 'many', 'args', json_build_object('id', i%s)) ORDER BY i) FROM generate_series(1, 20) i)), 'ann')$q$, args) INTO answer;
        SELECT count(DISTINCT cmin::text) || ' of ' || count(*) || CASE WHEN args ~ 'i / 2' THEN ': ' || string_agg(a, ' ' ORDER BY id) ELSE '' END INTO result FROM written;
        RAISE 'undo' USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        RETURN concat_ws(', ', result, 'rejected ' || nullif(json_array_length(answer->'rejected'), 0), 'applied ' || nullif((answer->>'applied')::int, 20));
    END;
END $$;
\set full 'INSERT INTO written SELECT i, i FROM generate_series(1, 20) i'
SELECT statements('id int', 'INSERT INTO written VALUES (id)') AS inserts,
    statements('id int', 'BEGIN ATOMIC INSERT INTO written VALUES (id); END') AS atomic,
    statements('id int, a text DEFAULT ''x''', 'INSERT INTO written (a, id) VALUES (upper(a), id + 100)') AS expressions,
    statements('id int', 'INSERT INTO written VALUES ($1, replicache.current_user_id(), DEFAULT, now())') AS context,
    statements('args jsonb', 'INSERT INTO written VALUES ((args->>''id'')::int)') AS whole,
    statements('id int', 'INSERT INTO written VALUES (id) ON CONFLICT DO NOTHING') AS nothing,
    statements('id int', 'INSERT INTO written VALUES (id) ON CONFLICT (id) DO UPDATE SET a = excluded.a WHERE written.n >= 0', '', '', :'full') AS upserts;
SELECT statements('id int', 'UPDATE written SET a = a || id, n = written.n WHERE written.id = many.id', '', '', :'full') AS unique_column,
    statements('id int', 'UPDATE written SET a = a || id WHERE many.id = written.id AND n >= 0', '', '', :'full') AS updates,
    statements('id int, a varchar', 'UPDATE written SET a = many.a WHERE written.id = many.id', '', $$, 'a', i::text$$, :'full') AS relabeled,
    statements('id bigint', 'UPDATE written SET a = id WHERE written.id = many.id', '', '', :'full') AS other_type,
    statements('id int', 'UPDATE written SET a = ''x'' WHERE written.id = 0 + many.id', '', '', :'full') AS no_key,
    statements('id int', 'UPDATE written SET a = ''x'' WHERE written.id >= many.id', '', '', :'full') AS other_operator,
    statements('id int', 'UPDATE written SET at = clock_timestamp() WHERE written.id = many.id', '', '', :'full') AS volatile,
    statements('id int', 'UPDATE written SET id = many.id + 100 WHERE written.id = many.id', '', '', :'full') AS moves;
-- In each of these, a call or its order could show.
SELECT statements('id int', 'INSERT INTO written VALUES (id) RETURNING id') AS returning,
    statements('id int', 'INSERT INTO written VALUES (id); SELECT') AS two,
    statements('id int', 'INSERT INTO written SELECT id') AS query,
    statements('id int', 'INSERT INTO written VALUES (id, sees())') AS sees,
    statements('id int', 'INSERT INTO written VALUES (id, (SELECT count(*) FROM written))') AS subquery,
    statements('id int', 'INSERT INTO written VALUES (id, replicache.current_mutation_id())') AS by_mutation,
    statements('id int', 'INSERT INTO written VALUES (id, set_config(''a.b'', ''c'', true))') AS setting,
    statements('id int', 'INSERT INTO written VALUES (id)', 'SECURITY DEFINER') AS definer,
    statements('id int', 'INSERT INTO written VALUES (id)', 'SET work_mem = 1000') AS configured,
    statements('id spied', 'INSERT INTO written VALUES (id)') AS domain,
    statements('id int, n int DEFAULT sees()', 'INSERT INTO written VALUES (id, n)') AS "default",
    statements('id int, b two DEFAULT NULL', 'INSERT INTO written VALUES (id)') AS composite,
    statements('id int', 'INSERT INTO written VALUES (id)', '', '', 'SET LOCAL track_functions = ''all''') AS counted;
-- A strict function is not called with a null. The second call of a row waits for a statement of its own.
SELECT statements('id int, n int', 'INSERT INTO written VALUES (id, n)', 'STRICT', $$, 'n', nullif(i % 3, 0)$$) AS strict,
    statements('id int, k int', 'INSERT INTO written VALUES (k, ''1'') ON CONFLICT (id) DO UPDATE SET a = written.a || excluded.a', '', $$, 'k', i / 2$$) AS again,
    statements('id int, k int', 'DELETE FROM written WHERE written.id = k', '', $$, 'k', i / 2$$, :'full') AS deletes,
    statements('id int, k int', 'UPDATE written SET a = concat(written.a, many.id) WHERE written.id = k', '', $$, 'k', i / 2$$, :'full') AS twice,
    statements('id int', 'INSERT INTO written VALUES (id % 19)') AS fails;
-- A strict function with an error is not called with a null.
SELECT statements('id int, n int', 'INSERT INTO nowhere VALUES (id, n)', 'STRICT', ', ''n'', null', 'SET LOCAL check_function_bodies = off') AS never,
    statements('id int', 'INSERT INTO nowhere VALUES (id)', '', '', 'SET LOCAL check_function_bodies = off') AS always;
-- What differs in less simple ways. `show` is asked after 20 calls, with and without groups.
CREATE FUNCTION compared(before text, parameters text, body text, args text, show text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text[];
    shown text;
BEGIN
    FOR set_wise IN 0 .. 1 LOOP
        BEGIN
            PERFORM set_config('replicache.set_wise', set_wise::text, true);
            EXECUTE before;
            EXECUTE format('CREATE FUNCTION many(%s) RETURNS void LANGUAGE sql AS %L', parameters, body);
            PERFORM replicache.register_mutator('many', m::regproc) FROM (VALUES ('many')) v (m);
            EXECUTE format($q$SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'many', 'mutations', (
                SELECT json_agg(json_build_object('clientID', 'many', 'id', i, 'name', 'many', 'args', json_build_object(%s)) ORDER BY i) FROM generate_series(1, 20) i)), 'ann')$q$, args);
            EXECUTE show INTO shown;
            RAISE 'undo' USING ERRCODE = 'UNDO0';
        EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
            result[set_wise] := shown;
        END;
    END LOOP;
    RETURN CASE WHEN result[0] = result[1] THEN 'same: ' ELSE format('together %s, one by one ', result[1]) END || result[0];
END $$;
-- Another condition finds the rows by an index, and in another order.
CREATE TABLE own (id int PRIMARY KEY, owner text, a text, list text);
CREATE INDEX ON own (owner);
INSERT INTO own SELECT i, CASE WHEN i <= 20 THEN 'ann' ELSE 'u' || i END, 'x', CASE WHEN i <= 20 THEN 'l' ELSE 'm' || i END FROM generate_series(1, 30000) i;
ANALYZE own;
SELECT replicache.track_table('own');
SELECT compared('SELECT', 'id int', 'UPDATE own SET a = id WHERE own.id = many.id AND owner = replicache.current_user_id() AND list = ''l''', '''id'', 21 - i', 'SELECT string_agg(id::text, '' '' ORDER BY version) FROM own WHERE version > 0');
SELECT compared('SELECT', 'id int', 'DELETE FROM own WHERE own.id = many.id AND owner = replicache.current_user_id() AND list = ''l''', '''id'', 21 - i', 'SELECT string_agg(key, '' '' ORDER BY version) FROM replicache.tombstone');
-- Values of type character that are equal with more or fewer spaces, and arguments of a sequence that the statement moves.
SELECT compared('CREATE TABLE padded (id char(5) PRIMARY KEY, a text); INSERT INTO padded VALUES (''a'', '''')', 'id char, a text', 'UPDATE padded SET a = concat(padded.a, $2) WHERE padded.id = $1', '''id'', repeat('' '', i % 2) || ''a'' || repeat('' '', i % 3), ''a'', i', 'SELECT a FROM padded');
SELECT compared('CREATE TABLE padded (id char(5) PRIMARY KEY, a text); INSERT INTO padded VALUES (''a'', '''')', 'id text, a text', 'UPDATE padded SET a = concat(padded.a, $2) WHERE padded.id = $1::bpchar', '''id'', ''a'' || repeat('' '', i % 3), ''a'', i', 'SELECT a FROM padded');
SELECT compared('CREATE SEQUENCE s; SELECT setval(''s'', 1); CREATE TABLE drawn (id int PRIMARY KEY, was int, n int DEFAULT nextval(''s''))', 'id int, was bigint DEFAULT currval(''s'')', 'INSERT INTO drawn VALUES (id, was)', '''id'', i', 'SELECT string_agg((n - was)::text, '''' ORDER BY id) FROM drawn');
-- A call knows its client.
CREATE FUNCTION whose(id int) RETURNS void LANGUAGE sql AS 'INSERT INTO written VALUES (id, replicache.current_client_id())';
SELECT replicache.register_mutator('whose', 'whose(int)');
SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'w', 'mutations', (SELECT json_agg(json_build_object('clientID', 'w' || i / 20, 'id', 1 + i % 20, 'name', 'whose', 'args', json_build_object('id', i)) ORDER BY i)
    FROM generate_series(0, 39) i)))->'rejected' AS rejected;
SELECT a, count(*), count(DISTINCT cmin::text) FROM written GROUP BY a ORDER BY a;
TRUNCATE written;
-- Another function in its place, and other tables by the search path, are seen at once.
CREATE FUNCTION swap(body text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = set_wise AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION swapped(id int) RETURNS void LANGUAGE sql AS %L', body);
END $$;
SELECT swap('INSERT INTO written VALUES (id, ''first'')');
SELECT replicache.register_mutator('swapped', 'swapped(int)'), replicache.register_mutator('swap', 'swap(text)');
CREATE SCHEMA set_wise_other CREATE TABLE written (id int, a text);
CREATE FUNCTION push_swapped(first int) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 's', 'mutations', json_agg(json_build_object('clientID', 's' || first, 'id', i, 'name', CASE i WHEN 15 THEN 'swap' ELSE 'swapped' END,
        'args', CASE i WHEN 15 THEN json_build_object('body', format('INSERT INTO written VALUES (id, ''second %s'')', first)) ELSE json_build_object('id', first + i) END) ORDER BY i)))->'rejected' FROM generate_series(1, 30) i $$;
SELECT push_swapped(0);
SELECT a, count(*), count(DISTINCT cmin::text) FROM written GROUP BY a ORDER BY a;
SET search_path = set_wise_other, set_wise, public;
SELECT push_swapped(100);
RESET search_path;
SELECT a, count(*), count(DISTINCT cmin::text) FROM set_wise_other.written GROUP BY a ORDER BY a;
DROP SCHEMA set_wise_other CASCADE;
SET search_path = set_wise, public;

SELECT setseed(0.1);
SELECT format('CALL compare(%L, 40)', scene) FROM target JOIN mutator ON target = target.name GROUP BY scene ORDER BY scene COLLATE "C" \gexec
SELECT scene, sum(times) FILTER (WHERE what = 'operation') > 200 AS operations, sum(times) FILTER (WHERE what ~ 'rejected|fatal') > 0 AS failures,
    sum(times) FILTER (WHERE what = 'difference') AS differences FROM happened GROUP BY 1 ORDER BY scene COLLATE "C";
-- PostgreSQL 18 has a code of its own, 23001, for RESTRICT.
SELECT what FROM (SELECT replace(what, '23001', '23503'), times FROM happened) h (what, times) GROUP BY 1 HAVING sum(times) >= 3 ORDER BY what COLLATE "C";
DROP SCHEMA set_wise, hidden_set_wise CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE set_wise_app;
