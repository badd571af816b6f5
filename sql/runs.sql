-- Runs of mutations in one subtransaction: the same effects, order and results as one subtransaction for each.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA runs;
SET search_path = runs, public;
SET client_min_messages = warning;
SET replicache.poke_channel = '';

CREATE TABLE item (id int PRIMARY KEY, n int NOT NULL CHECK (n < 1000));
CREATE TABLE log (seq int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mutation bigint, what text);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
SELECT replicache.track_table('item'), replicache.track_table('parent'), replicache.track_table('child');

-- Mutators of every temper. What they do depends on what the mutations before them did.
CREATE FUNCTION note(what text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO log (mutation, what) SELECT replicache.current_mutation_id(), what';
CREATE FUNCTION add(id int, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO item VALUES (id, n) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET n = item.n + excluded.n;
    PERFORM note('add');
END $$;
CREATE FUNCTION create_once(id int) RETURNS void LANGUAGE sql AS 'INSERT INTO item VALUES (id, 1); SELECT note(''create'')';
CREATE FUNCTION remove(id int) RETURNS void LANGUAGE sql AS 'DELETE FROM item i WHERE i.id = remove.id; SELECT note(''remove'')';
CREATE FUNCTION half(id int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add(id, 100);
    RAISE 'half way, after % items', (SELECT count(*) FROM item);
END $$;
CREATE FUNCTION nested(id int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM create_once(id);
    EXCEPTION WHEN unique_violation THEN
        PERFORM note('nested');
        UPDATE item i SET n = i.n * 2 WHERE i.id = nested.id;  -- fails when n gets too large
    END;
END $$;
CREATE FUNCTION orphan(id int) RETURNS void LANGUAGE sql AS 'INSERT INTO child VALUES (id, id)';  -- deferred violation
CREATE FUNCTION family(id int) RETURNS void LANGUAGE sql AS 'INSERT INTO child VALUES (id, id); INSERT INTO parent VALUES (id)';
CREATE FUNCTION leave(id int) RETURNS void LANGUAGE sql AS 'DELETE FROM parent p WHERE p.id = leave.id';
CREATE FUNCTION busy(id int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note('busy');
    IF (SELECT count(*) FROM log) % 3 = 0 THEN RAISE 'later' USING ERRCODE = 'RE001'; END IF;
END $$;
SELECT replicache.register_mutator(f, (f || '(' || a || ')')::regprocedure) FROM (VALUES ('add', 'int, int'),
    ('create_once', 'int'), ('remove', 'int'), ('half', 'int'), ('nested', 'int'), ('orphan', 'int'), ('family', 'int'),
    ('leave', 'int'), ('busy', 'int')) AS v(f, a);

-- Applies a push in a subtransaction that is rolled back, and tells the answer and all that it left behind.
CREATE FUNCTION outcome(push json, optimistic boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('replicache.optimistic_runs', optimistic::text, true);
    BEGIN
        result := replicache.apply_push(push)::text;  -- by itself: a query does not see what its functions have written
        result := result || (SELECT concat_ws(E'\n',
            (SELECT string_agg(i::text, ' ' ORDER BY id) FROM item i),
            (SELECT string_agg(concat(l.mutation, l.what), ' ' ORDER BY seq) FROM log l),
            (SELECT string_agg(p::text, ' ' ORDER BY id) FROM parent p), (SELECT string_agg(c::text, ' ' ORDER BY id) FROM child c),
            (SELECT string_agg(concat(t.version, t.key), ' ' ORDER BY version, key) FROM replicache.tombstone t),
            (SELECT string_agg(concat(c.id, c.last_mutation_id, c.version), ' ' ORDER BY id) FROM replicache.client c),
            (SELECT string_agg(concat(client_id, mutation_id, name, args, sqlstate, message, detail), ' ' ORDER BY error_id) FROM replicache.mutation_error),
            (SELECT version FROM replicache.space WHERE id = ''),
            (SELECT concat_ws(E'\n', p->'cookie', p->'lastMutationIDChanges', (SELECT string_agg(o::text, ' ' ORDER BY o::text)
                FROM json_array_elements(p->'patch') o)) FROM replicache.pull_since(0, 'g') p)));  -- in which order depends on the plan
        RAISE 'undo' USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        RETURN result;
    END;
END $$;

-- A push of up to `size` mutations of two clients, of which about `failing` in 100 do not go well.
CREATE FUNCTION random_push(size int, failing int) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    last int[] := ARRAY[COALESCE((SELECT last_mutation_id FROM replicache.client WHERE id = 'c1'), 0),
                        COALESCE((SELECT last_mutation_id FROM replicache.client WHERE id = 'c2'), 0)];
    good text[] := '{add,add,remove,family,nested,create_once}';
    bad text[] := '{half,orphan,create_once,nested,leave,no_such,busy}';
    mutations json[] := '{}';
    client int;
    id int;
    name text;
BEGIN
    FOR i IN 1 .. 1 + floor(random() * size) LOOP
        client := 1 + floor(random() * 2);
        id := last[client] + 1;
        IF random() < 0.02 THEN id := greatest(id - 1, 1); END IF;
        IF random() < 0.002 THEN id := id + 1; END IF;
        last[client] := greatest(last[client], id);
        name := CASE WHEN random() * 100 < failing THEN bad[1 + floor(random() * 7)] ELSE good[1 + floor(random() * 6)] END;
        mutations := mutations || json_build_object('clientID', 'c' || client, 'id', id,
            'name', name, 'args', CASE WHEN name = 'add' THEN json_build_object('id', floor(random() * 40), 'n', floor(random() * 90))
                ELSE json_build_object('id', floor(random() * 40)) END);
    END LOOP;
    RETURN json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations', array_to_json(mutations));
END $$;

-- Each push both ways, and then for good, so that the next one finds another state.
CREATE PROCEDURE compare(pushes int, size int, failing int, seed float) LANGUAGE plpgsql AS $$
DECLARE
    push json;
    one_by_one text;
    in_runs text;
    applied int := 0;
    rejected int := 0;
    halted int := 0;
    answer json;
BEGIN
    PERFORM setseed(seed);
    FOR i IN 1 .. pushes LOOP
        push := random_push(size, failing);
        one_by_one := outcome(push, false);
        in_runs := outcome(push, true);
        IF in_runs IS DISTINCT FROM one_by_one OR one_by_one IS NULL THEN
            RAISE 'push % of seed % differs: %', i, seed, push USING DETAIL = one_by_one, HINT = in_runs;
        END IF;
        answer := replicache.apply_push(push);
        applied := applied + (answer->>'applied')::int;
        rejected := rejected + json_array_length(answer->'rejected');
        halted := halted + (json_typeof(answer->'halted') <> 'null')::int;
        IF i % 20 = 0 THEN
            DELETE FROM item; DELETE FROM child; DELETE FROM parent; DELETE FROM log;
            DELETE FROM replicache.mutation_error; DELETE FROM replicache.tombstone;
        END IF;
        COMMIT;
    END LOOP;
    -- The test is worth something only when all of it happens.
    RAISE WARNING 'applied some: %, rejected some: %, halted some: %', applied > pushes, rejected > 0, halted > 0;
END $$;
-- CHECK_PART says how much of it, for slow servers.
\set part 1
\getenv part CHECK_PART
CALL compare(ceil(600 * :part)::int, 12, 0, 0.1);
CALL compare(ceil(600 * :part)::int, 12, 10, 0.2);
CALL compare(ceil(600 * :part)::int, 12, 50, 0.3);
CALL compare(ceil(600 * :part)::int, 12, 100, 0.4);
CALL compare(ceil(60 * :part)::int, 300, 2, 0.5);
CALL compare(ceil(40 * :part)::int, 300, 30, 0.6);
CALL compare(ceil(30 * :part)::int, 300, 70, 0.7);
CALL compare(4, 1500, 1, 0.8);  -- long enough for blocks after a failure

-- A healthy push makes one subtransaction whatever its size, one that fails half the time few more: their ids are those of
-- the rows that they have written.
CREATE TABLE trace (id int PRIMARY KEY);
CREATE FUNCTION trace(id int, fail boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trace VALUES (id);
    IF fail THEN RAISE 'failed'; END IF;
END $$;
SELECT replicache.register_mutator('trace', 'trace(int, boolean)');
CREATE FUNCTION push_traces(first int, n int, fail text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
    mutations json;
BEGIN
    EXECUTE format('SELECT json_agg(json_build_object(''clientID'', ''t'' || $1, ''id'', i, ''name'', ''trace'', ''args'',
        json_build_object(''id'', $1 + i, ''fail'', %s))) FROM generate_series(1, $2) AS i', fail) USING first, n INTO mutations;
    answer := replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 't', 'mutations', mutations));
    RETURN format('applied %s, rejected %s', answer->'applied', json_array_length(answer->'rejected'));
END $$;
SELECT push_traces(0, 1000, 'false');
SELECT push_traces(10000, 1000, 'i = 700');
SELECT push_traces(20000, 1000, 'i % 2 = 0');
SELECT push_traces(30000, 1000, 'i % 10 = 0');
SELECT push_traces(40000, 100, 'true');
SELECT push_traces(80000, 1000, 'i = 1');  -- and then blocks without a trial
-- A mutation without a mutator has nothing to undo, so it ends no run. In a block, too, rejections keep their order.
CREATE FUNCTION push_unknown(first int, n int, fail text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
    mutations json;
BEGIN
    EXECUTE format('SELECT json_agg(json_build_object(''clientID'', ''t'' || $1, ''id'', i, ''name'', CASE WHEN i %% 2 = 0 THEN ''no_such'' ELSE ''trace'' END, ''args'',
        json_build_object(''id'', $1 + i, ''fail'', %s))) FROM generate_series(1, $2) AS i', fail) USING first, n INTO mutations;
    answer := replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 't', 'mutations', mutations));
    RETURN format('applied %s, rejected %s, in order: %s', answer->'applied', json_array_length(answer->'rejected'),
        (SELECT bool_and(r.id > before) FROM (SELECT (r->>'id')::int AS id, lag((r->>'id')::int, 1, 0) OVER (ORDER BY ordinality) AS before
            FROM json_array_elements(answer->'rejected') WITH ORDINALITY AS r(r)) AS r));
END $$;
SELECT push_unknown(60000, 1000, 'false');
SELECT push_unknown(70000, 1000, 'i % 5 = 0');
SELECT id / 10000 AS push, count(*) AS applied, count(DISTINCT xmin::text) AS subtransactions FROM trace GROUP BY 1 ORDER BY 1;
-- What goes otherwise when it is replayed, since a sequence is not rolled back: still each is applied or rejected, once.
CREATE SEQUENCE fickle_calls;
CREATE TABLE fickle (id int PRIMARY KEY);
CREATE FUNCTION fickle(id int, often int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO fickle VALUES (id);
    IF nextval('fickle_calls') % often = 0 THEN RAISE 'not this time'; END IF;
END $$;
SELECT replicache.register_mutator('fickle', 'fickle(int, int)');
CREATE FUNCTION push_fickle(client text, n int, often int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
    rejected int[];
BEGIN
    TRUNCATE fickle;
    answer := replicache.apply_push((SELECT json_build_object('pushVersion', 1, 'clientGroupID', 'f', 'mutations', json_agg(json_build_object(
        'clientID', client, 'id', i, 'name', 'fickle', 'args', json_build_object('id', i, 'often', often)))) FROM generate_series(1, n) AS i));
    rejected := ARRAY(SELECT (r->>'id')::int FROM json_array_elements(answer->'rejected') AS r);
    RETURN format('each once: %s, effects: %s, on record: %s, lastMutationID: %s, some failed: %s', (answer->>'applied')::int + cardinality(rejected) = n,
        ARRAY(SELECT id FROM fickle ORDER BY id) = ARRAY(SELECT i FROM generate_series(1, n) AS i WHERE i <> ALL (rejected)),
        rejected = ARRAY(SELECT e.mutation_id::int FROM replicache.mutation_error e WHERE e.client_id = client ORDER BY e.mutation_id),
        (SELECT last_mutation_id FROM replicache.client c WHERE c.id = client), cardinality(rejected) > 0);
END $$;
SELECT push_fickle('f1', 1000, 7), push_fickle('f2', 1000, 97), push_fickle('f3', 100, 2), push_fickle('f4', 1000, 31);
SET replicache.optimistic_runs = off;
SELECT push_traces(50000, 100, 'false');
SELECT count(DISTINCT xmin::text) AS subtransactions FROM trace WHERE id BETWEEN 50000 AND 59999;
DROP EXTENSION replicache_ext;
DROP SCHEMA runs CASCADE;
