-- Every function of the extension, called with nulls, with what is empty, huge and wrong, by whoever, and on damaged tables. The
-- functions come from the catalog: a new one is here by itself. Prints TAP.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
\set VERBOSITY terse
SET client_min_messages = error;
SET lock_timeout = '5s';
SET statement_timeout = '600s';
CREATE EXTENSION replicache_ext;
CREATE ROLE hostile_nobody;
CREATE ROLE hostile_app;
SELECT replicache.grant_usage('hostile_app') \g /dev/null

-- Something of each kind.
CREATE TABLE kv (id text PRIMARY KEY, v jsonb, n int UNIQUE);
CREATE TABLE note (id text PRIMARY KEY DEFAULT gen_random_uuid(), owner text NOT NULL, title text);
CREATE TABLE plain (id int PRIMARY KEY, v text);
CREATE TABLE keyless (v text);
CREATE TABLE parent (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE VIEW view AS SELECT * FROM kv;
CREATE MATERIALIZED VIEW matview AS SELECT * FROM kv;
CREATE SEQUENCE sequence;
CREATE TYPE composite AS (a int);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE TEMP TABLE temporary (id int PRIMARY KEY);
CREATE FUNCTION put(id text, v jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS 'INSERT INTO kv VALUES (id, v) ON CONFLICT DO NOTHING';
CREATE FUNCTION whole(args jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT args';
CREATE FUNCTION stable() RETURNS void LANGUAGE sql STABLE AS '';
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION nameless(int, int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION many(VARIADIC a int[]) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE procedure() LANGUAGE sql AS '';
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
CREATE TABLE zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"));
CREATE FUNCTION asked(id text DEFAULT NULL) RETURNS json LANGUAGE sql STABLE AS $$SELECT json_build_object('table', 'kv', 'limit', length(id))$$;
SET replicache.default_clock = 'time';
SELECT replicache.track_table('kv'), replicache.track_table('note', space => 'owner'), replicache.track_table('parent'),
    replicache.expose_crud('kv'), replicache.expose_crud('note', name => 'NOTE'), replicache.register_mutator('put', 'put(text,jsonb)'),
    replicache.register_mutator('whole', 'whole(jsonb)'), replicache.register_mutator_queue(),
    replicache.register_query('x', '{"table":"kv","limit":{"$arg":"limit","default":1}}'), replicache.register_query('whole', function => 'whole(jsonb)'), replicache.create_space('counted', 'counter'),
    replicache.create_space('numbered', 'transaction'), replicache.register_query('asked', function => 'asked(text)') \g /dev/null
INSERT INTO kv SELECT 'k' || i, to_jsonb(i), i FROM generate_series(1, 20) i;
INSERT INTO parent VALUES (1, 'one');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":1,"name":"put","args":{"id":"a"}},{"clientID":"c","id":2,"name":"nonsense"}]}'),
    replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"title":"t"}}]}', -1, 'ann') \g /dev/null
GRANT USAGE ON SCHEMA zero_0 TO hostile_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, zero_0 TO hostile_app;

-- The values that arguments of a type take; the first one is a sensible one.
CREATE TABLE argument (number int GENERATED ALWAYS AS IDENTITY, type text, value text);
INSERT INTO argument (type, value) SELECT type, v FROM (VALUES
    ('text', ARRAY['''x''', 'NULL', '''''', '''put''', '''kv''', '''counted''', '''numbered''', '''ann''', '''counter''', '''last_write''', '''newest''', '''{id}''', '''{'' || repeat(''{'', 1000)',
        'repeat(''x'', 1001)', 'repeat(''€'', 3000000)', 'E''\x01\n"\\''', '''to_jsonb(id)''', '''(SELECT''', '''CASE 1''', '''😀''', '''zero_0''']),
    ('name', ARRAY['NULL', '''version''', '''''', '''v''', '''n''', '''id''', '''owner''', '''nothing''', '''ctid''', '''xmin''', 'repeat(''x'', 100)::name']),
    ('bigint', ARRAY['0', 'NULL', '1', '''-1''', '2', '9007199254740993', '9223372036854775807', '''-9223372036854775808''']),
    ('integer', ARRAY['1', 'NULL', '0', '''-1''', '100', '2147483647', '''-2147483648''']),
    ('boolean', ARRAY['false', 'NULL', 'true']),
    ('interval', ARRAY['''1 day''', 'NULL', '''0''', '''-1 day''', '''178000000 years''']),
    ('text[]', ARRAY['''{insert,update,delete}''', 'NULL', '''{}''', '''{NULL}''', '''{NOTE}''', '''{insert,insert}''', '''{{a,b},{c,d}}''', '''[5:6]={a,b}''', 'array_fill(''x''::text, ARRAY[100000])']),
    ('jsonb', ARRAY['NULL', '''{}''', '''{"V":"v"}''', '''[]''', '''"x"''', '''{"V":1}''', '''{"V":null}''', '''{"V":"v","W":"v"}''', '''{"":"v"}''', 'jsonb_build_object(repeat(''x'', 1000000), ''v'')']),
    ('regclass', ARRAY['''kv''', 'NULL', '0', '1', '4294967295', '''note''', '''plain''', '''keyless''', '''parent''', '''child''', '''view''', '''matview''', '''sequence''', '''composite''', '''unlogged''', '''temporary''', '''kv_pkey''',
        '''pg_class''', '''pg_stat_activity''', '''replicache.space''', '''replicache.mutation_error''', '''replicache.client_pkey''']),
    ('regprocedure', ARRAY['''put(text,jsonb)''', 'NULL', '0', '1', '4294967295', '''whole(jsonb)''', '''stable()''', '''fire()''', '''nameless(int,int)''', '''many(int[])''', '''procedure()''', '''asked(text)''', '''count("any")''', '''rank()''',
        '''now()''', '''int4in(cstring)''', '''replicache.apply_push(json,text,text)''', '''replicache.on_change()''']),
    ('regrole', ARRAY['''hostile_app''', 'NULL', '0', '1', '4294967295', '''hostile_nobody''', 'CURRENT_USER::regrole']),
    ('json', ARRAY['''{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":3,"name":"put","args":{"id":"b"}}]}''', 'NULL', '''{}''', '''[]''', '''null''', '''1''', '''"x"''', '''1e999''', '''"\ud800"''',
        '''{"pushVersion":0,"clientID":"c0","mutations":[{"id":1,"name":"kv.insert","args":{"id":"\u0000"}},{"id":2,"name":"kv.insert","args":{"id":"\ud800"}},{"id":3,"name":"whole","args":"\u0000"}]}''',
        '''{"pullVersion":1,"clientGroupID":"g","cookie":null}''', '''{"pullVersion":0,"clientID":"c","cookie":9007199254740991}''', '''{"pullVersion":1,"clientGroupID":"h","cookie":{"order":1,"origin":"x","xmax":1,"inProgress":[1]}}''',
        '''{"client_id":"d","batch":[{"op_id":1,"op":"PUT","type":"kv","id":"u","data":{"v":1,"n":1e3}},{"op_id":2,"op":"PATCH","type":"kv","id":1,"data":{"n":1.5}},{"op_id":3,"op":"PUT","type":"mutator_calls","id":"q","data":{"name":"put","args":{"id":"q"}}}]}''',
        '''["transform",[{"id":"h","name":"x","args":[{"limit":1e999}]},{"id":"\ud800","name":"whole","args":[{"a":"\u0000"}]},{"id":"","name":"whole","args":[{}]}]]''', '''["transform",[{"id":1}]]''',
        '''{"table":"kv","where":{"$arg":null}}''', '''{"table":"kv","where":{"$arg":[]}}''', '(repeat(''{"table":"x","subquery":'', 2000) || ''{"$user":true}'' || repeat(''}'', 2000))::json', '''{"transactions":[{"crud":[{"op":"DELETE","type":"kv","id":"k1"}]}],"on_error":"skip"}''', '''{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"title":"t"}}]}''', '''{"mutations":[{"type":"DELETE","resource":"NOTE","resourceId":1e99}]}''',
        '''{"clientGroupID":"z","mutations":[{"type":"custom","id":1,"clientID":"z","name":"put","args":[{"id":"z"}],"timestamp":1},{"type":"custom","id":2,"clientID":"z","name":"no","args":[],"timestamp":1},{"type":"custom","id":0,"clientID":"z","name":"_zero_cleanupResults","args":[{"clientGroupID":"z","clientID":"z","upToMutationID":9007199254740991}],"timestamp":1},{"type":"custom","id":9,"clientID":"z","name":"whole","args":["\u0000"],"timestamp":1}],"pushVersion":1,"timestamp":1,"requestID":"r"}''',
        '''{"clientGroupID":"","mutations":[{"type":"custom","id":1,"clientID":"","name":"whole","args":["\ud800"],"timestamp":1},{"type":"crud","id":2,"clientID":"","name":"_zero_crud","args":[],"timestamp":1}],"pushVersion":1,"timestamp":1,"requestID":"\u0000"}''',
        '''{"clientGroupID":"z","mutations":[],"pushVersion":2,"timestamp":1,"requestID":"r"}''',
        '''["transform",[{"id":"1","name":"x","args":[{"id":5}]},{"id":"2","name":"asked","args":[{"id":"a"}]},{"id":"\ud800","name":"no","args":[]},{"id":"4","name":"asked","args":[{"id":"\u0000"}]}]]''',
        '''["transform",[{"id":"1","name":"x","args":[{"id":{}}]}]]''',
        '''["transform",{}]''',
        '''{"table":"kv","where":{"type":"simple","left":{"type":"column","name":"id"},"op":"=","right":{"type":"literal","value":{"$arg":"id","default":"a"}}},"limit":{"$arg":null},"start":{"$user":true}}''',
        '''{"table":{"$arg":"id"}}''',
        '''{"table":"kv","a":{"$arg":"\u0000"}}''',
        '''{"table":"kv","a":{"$no":1}}''',
        '(''{"clientGroupID":"y","mutations":['' || repeat(''{"type":"custom","id":0,"clientID":"y","name":"_zero_cleanupResults","args":[{"type":"bulk","clientGroupID":"y","clientIDs":["y"]}],"timestamp":1},'', 1000) || ''{"type":"custom","id":1,"clientID":"'' || repeat(''x'', 2000) || ''","name":"no","args":[],"timestamp":1}],"pushVersion":1,"timestamp":1,"requestID":"r"}'')::json',
        '(repeat(''['', 3000) || repeat('']'', 3000))::json', '(''{"pushVersion":0,"clientID":"c1","mutations":['' || repeat(''{"id":0,"name":"whole"},'', 10000) || ''{"id":1,"name":"whole"}]}'')::json',
        '(''{"pushVersion":0,"clientID":"c1","mutations":[{"id":1,"name":"'' || repeat(''x'', 3000000) || ''"}]}'')::json'])) AS t(type, vs), unnest(vs) v;

CREATE TABLE function AS SELECT p.oid, p.proname AS name, p.prorettype::regtype AS result, obj_description(p.oid, 'pg_proc') AS comment, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u(t, i) ORDER BY i) AS types
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'replicache_ext';

-- Calls with one argument after the other out of the ordinary, and at random. Functions of few arguments are called with everything.
CREATE FUNCTION calls() RETURNS TABLE (name name, call text) LANGUAGE plpgsql AS $$
DECLARE
    f function; candidates text[]; shortest int; picked text[];
BEGIN
    PERFORM setseed(0.42);
    FOR f IN SELECT * FROM function x WHERE x.result NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY x.name LOOP
        IF cardinality(f.types) = 0 THEN
            RETURN QUERY SELECT f.name, format('replicache.%I()', f.name);
        END IF;
        FOR i IN 1..cardinality(f.types) LOOP
            FOR picked IN SELECT ARRAY(SELECT format('%s::%s', CASE WHEN n = i THEN a.value ELSE (SELECT b.value FROM argument b WHERE b.type = t ORDER BY number LIMIT 1) END, t) FROM unnest(f.types) WITH ORDINALITY u(t, n) ORDER BY n)
                FROM argument a WHERE a.type = f.types[i] LOOP
                RETURN QUERY SELECT f.name, format('replicache.%I(%s)', f.name, array_to_string(picked, ', '));
            END LOOP;
        END LOOP;
        FOR i IN 1..CASE cardinality(f.types) WHEN 0 THEN 0 WHEN 1 THEN 0 WHEN 2 THEN 100 ELSE 150 END LOOP
            RETURN QUERY SELECT f.name, format('replicache.%I(%s)', f.name, (SELECT string_agg(format('%s::%s', (SELECT a.value FROM argument a WHERE a.type = t AND n > 0 ORDER BY random() LIMIT 1), t), ', ' ORDER BY n)
                FROM unnest(f.types) WITH ORDINALITY u(t, n)));
        END LOOP;
    END LOOP;
    -- Whose sensible values no other function shares.
    RETURN QUERY VALUES ('track_table'::name, 'replicache.track_table(''plain'')'), ('unregister_mutator_queue', 'replicache.unregister_mutator_queue()'),
        ('import_space', 'replicache.import_space(''{"format":1,"move":"m","space":"new","clock":"counter","version":1,"floor":0,"collected":0}'')'), ('close_space', 'replicache.close_space(''counted'', replicache.hold_space(''counted''))'),
        ('register_query', 'replicache.register_query(''new'', ''{"table":"kv"}'')'), ('register_query', 'replicache.register_query(''new'', function => ''asked(text)'')');
    RETURN QUERY SELECT 'zero_push'::name, format('replicache.zero_push(%s::json, %s, ''zero'', ''ann'')', a.value, s) FROM argument a, unnest(ARRAY['''zero_0''', '''public''']) s WHERE a.type = 'json';
END $$;

-- What comes of a command; nothing of it stands. Null: it succeeds.
CREATE FUNCTION outcome(command text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RAISE SQLSTATE 'UNDO0';
EXCEPTION
    WHEN SQLSTATE 'UNDO0' THEN NULL;
    WHEN OTHERS THEN
        state := SQLSTATE;
        message := SQLERRM;
END $$;

CREATE TABLE result AS SELECT name, call, o.state, o.message FROM calls(), LATERAL outcome('SELECT ' || call) o;

-- Whatever a function's comment names, and what any of them may say of its arguments: 22004 null, 22023 not such a value, 42501 not
-- yours, 42P01 no such table, 54000 too large.
CREATE TABLE finding (test text, what text);
INSERT INTO finding SELECT 'arguments', format('no values for arguments of type %s', t) FROM function f, unnest(f.types) t WHERE NOT EXISTS (SELECT FROM argument a WHERE a.type = t) GROUP BY t;
INSERT INTO finding SELECT 'arguments', format('%s: %s %s', left(call, 300), state, left(message, 200)) FROM result r WHERE state NOT IN ('22004', '22023', '42501', '42P01', '54000')
    AND NOT EXISTS (SELECT FROM function f WHERE f.name = r.name AND position(state IN f.comment) > 0)
    AND NOT (name = 'replay' AND state = '42883');  -- what it failed with
-- export_space wants a space that is held by another transaction. Such a space would be in the way of other calls.
INSERT INTO finding SELECT 'arguments', format('%s never succeeds', name) FROM result WHERE name NOT IN ('replay', 'export_space') GROUP BY name HAVING bool_and(state IS NOT NULL);

-- Calls that succeed, for what follows.
CREATE TABLE sound AS SELECT DISTINCT ON (name, left(call, 60)) name, call FROM result WHERE state IS NULL AND length(call) <= 500 ORDER BY name, left(call, 60), length(call);

-- A role without rights gets 42501 from all of them, and an application role from all but those that grant_usage names.
CREATE FUNCTION outcome_as(role name, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
BEGIN
    EXECUTE format('SET ROLE %I', role);
    BEGIN
        EXECUTE command;
        RAISE SQLSTATE 'UNDO0';
    EXCEPTION
        WHEN SQLSTATE 'UNDO0' THEN NULL;
        WHEN OTHERS THEN state := SQLSTATE;
    END;
    RESET ROLE;
    RETURN state;
END $$;
INSERT INTO finding SELECT 'nobody', format('%s: %s', call, state) FROM sound s, outcome_as('hostile_nobody', 'SELECT ' || call) state WHERE state IS DISTINCT FROM '42501';
INSERT INTO finding SELECT 'nobody', format('%s: %s', c.relname, state) FROM pg_class c, outcome_as('hostile_nobody', format('SELECT FROM replicache.%I', c.relname)) state
    WHERE c.relnamespace = 'replicache'::regnamespace AND c.relkind IN ('r', 'S') AND state IS DISTINCT FROM '42501';
INSERT INTO finding SELECT 'application', format('%s: %s', call, state) FROM sound s, outcome_as('hostile_app', 'SELECT ' || call) state
    WHERE state IS NOT DISTINCT FROM CASE WHEN name IN ('apply_push', 'pull', 'pull_for', 'pull_since', 'powersync_upload', 'sync_push', 'sync_pull', 'zero_push', 'zero_queries', 'why_one_by_one', 'describe', 'registered') OR name LIKE 'current\_%' THEN '42501' END;

-- The functions that PostgreSQL calls: called by SQL, and as triggers where they do not belong.
INSERT INTO finding SELECT 'triggers', format('%s: %s %s', f.name, o.state, o.message) FROM function f, outcome(format('SELECT replicache.%I()', f.name)) o
    WHERE f.result IN ('trigger'::regtype, 'event_trigger'::regtype) AND coalesce(o.state, '') NOT IN ('39P01', '39P03');
CREATE FUNCTION as_trigger(timing text, level text, arguments text, relation text, write text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER hostile %s ON %s FOR EACH %s EXECUTE FUNCTION replicache.on_change(%s)', timing, relation, level, arguments);
    EXECUTE write;
    RAISE SQLSTATE 'UNDO0';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;
CREATE TABLE misused AS SELECT format('%s %s (%s) %s: %s', timing, level, arguments, relation, write) AS what, as_trigger(timing, level, arguments, relation, write) AS result FROM
    unnest(ARRAY['BEFORE INSERT OR UPDATE OR DELETE', 'AFTER INSERT OR UPDATE OR DELETE', 'BEFORE TRUNCATE', 'AFTER TRUNCATE', 'INSTEAD OF INSERT']) timing, unnest(ARRAY['ROW', 'STATEMENT']) level,
    unnest(ARRAY['', $$'v'$$, $$'v', '', 'x/{id}'$$, $$'nothing', '', '{id}'$$, $$'id', 'id', '{nothing}'$$, $$'v', 'v', '{'$$, $$'', '', ''$$, $$'v', '', '{id}', 'a', 'b'$$]) arguments,
    (VALUES ('plain', 'INSERT INTO plain VALUES (1)'), ('kv', 'UPDATE kv SET n = n + 100'), ('kv', 'DELETE FROM kv'), ('kv', 'TRUNCATE kv'), ('view', $$INSERT INTO view VALUES ('v')$$)) w(relation, write);
INSERT INTO finding SELECT 'triggers', what || ': ' || result FROM misused WHERE result ~ '^XX';
INSERT INTO finding SELECT 'triggers', 'none was called' WHERE (SELECT count(*) FROM misused WHERE result !~ '^(UNDO0|42809|0A000)') < 20;

-- In a read-only transaction.
CREATE FUNCTION read_only() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    s sound; o record;
BEGIN
    SET LOCAL transaction_read_only = on;
    FOR s IN SELECT * FROM sound LOOP
        SELECT * FROM outcome('SELECT ' || s.call) INTO o;
        -- What is refused is answered, and nothing is written.
        IF NOT (o.state IS NULL AND (s.name = 'sync_push' OR s.name = 'collect_garbage' AND s.call ~ 'true' OR s.call ~ '"pushVersion":2' OR s.name = 'zero_push' AND (s.call !~ '"requestID"' OR s.call ~ 'NULL'))) AND (o.state IS DISTINCT FROM CASE WHEN s.name IN ('pull', 'pull_for', 'pull_since', 'sync_pull', 'zero_queries', 'status', 'check', 'why_one_by_one', 'describe', 'registered', 'space_tables') OR s.name LIKE 'current\_%' THEN NULL ELSE '25006' END) THEN
            RETURN NEXT format('%s: %s %s', s.call, o.state, o.message);
        END IF;
    END LOOP;
END $$;
BEGIN;
SELECT coalesce(array_agg(x), '{}') AS read_only FROM read_only() x \gset
COMMIT;
INSERT INTO finding SELECT 'read only', unnest(:'read_only'::text[]);

-- On damaged tables: any error but a crash and an internal one; and all is well when the damage is undone.
CREATE VIEW bookkeeping AS SELECT c.relname, a.attname, a.atttypid::regtype AS type, a.attnotnull FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'replicache'::regnamespace AND c.relkind = 'r';
CREATE TABLE damage (command text);
INSERT INTO damage
    SELECT DISTINCT format('DELETE FROM replicache.%I', relname) FROM bookkeeping
    UNION ALL SELECT DISTINCT format('ALTER TABLE replicache.%I RENAME TO away', relname) FROM bookkeeping
    UNION ALL SELECT format('ALTER TABLE replicache.%I DROP COLUMN %I CASCADE', relname, attname) FROM bookkeeping
    UNION ALL SELECT format('ALTER TABLE replicache.%I ALTER COLUMN %I TYPE integer USING 7', relname, attname) FROM bookkeeping WHERE type <> 'integer'::regtype
    UNION ALL SELECT format('ALTER TABLE replicache.%1$I ALTER COLUMN %2$I DROP NOT NULL; UPDATE replicache.%1$I SET %2$I = NULL', relname, attname) FROM bookkeeping
    UNION ALL SELECT format('UPDATE replicache.%I SET %I = ''nonsense''', relname, attname) FROM bookkeeping WHERE type IN ('text'::regtype, 'name'::regtype)
    UNION ALL SELECT format('UPDATE replicache.%I SET %I = -9223372036854775808', relname, attname) FROM bookkeeping WHERE type = 'bigint'::regtype
    UNION ALL SELECT format('ALTER INDEX replicache.%I RENAME TO away', relname) FROM pg_class WHERE relnamespace = 'replicache'::regnamespace AND relkind = 'i'
    UNION ALL SELECT format('DELETE FROM replicache.%1$s WHERE relation <> ''kv''::regclass; UPDATE replicache.%1$s SET relation = %2$s', r, o) FROM unnest(ARRAY['tracked_table', 'exposed_table']) r, unnest(ARRAY['1', '''view''::regclass', '''sequence''::regclass', '''keyless''::regclass', '''pg_class''::regclass']) o
    UNION ALL SELECT unnest(ARRAY['ALTER TABLE kv DROP COLUMN version', 'ALTER TABLE kv RENAME id TO key', 'ALTER TABLE kv RENAME version TO v2', 'ALTER TABLE kv ALTER version DROP DEFAULT, ALTER version TYPE text', 'ALTER TABLE kv ALTER version DROP NOT NULL; ALTER TABLE kv DISABLE TRIGGER ALL; UPDATE kv SET version = NULL',
        'ALTER TABLE kv DROP CONSTRAINT kv_pkey', 'ALTER TABLE kv ALTER id TYPE bytea USING id::bytea', 'ALTER TABLE kv ALTER id TYPE varchar(5)', 'ALTER TABLE note DROP COLUMN owner', 'ALTER TABLE note ALTER owner TYPE int USING 1', 'ALTER TABLE note DROP COLUMN id',
        'ALTER TABLE kv RENAME TO kv2', 'DROP TABLE kv CASCADE', 'DROP TABLE note', 'DROP TABLE child', 'ALTER TABLE parent DETACH PARTITION child', 'DROP FUNCTION put', 'ALTER FUNCTION put RENAME TO put2', 'ALTER TABLE kv DISABLE TRIGGER ALL',
        'DROP INDEX kv_version_idx', 'DROP INDEX note_owner_version_idx', 'CREATE SCHEMA hidden; ALTER TABLE kv SET SCHEMA hidden', 'ALTER TABLE kv ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', 'ALTER SCHEMA replicache RENAME TO replicache2',
        'DROP TRIGGER "~replicache_stamp" ON kv', 'ALTER EXTENSION replicache_ext DROP FUNCTION replicache.on_change(); DROP FUNCTION replicache.on_change() CASCADE', 'ALTER EXTENSION replicache_ext DROP FUNCTION replicache.on_registry_change(); DROP FUNCTION replicache.on_registry_change() CASCADE',
        'DROP TABLE zero_0.clients', 'DROP TABLE zero_0.mutations', 'DROP SCHEMA zero_0 CASCADE', 'ALTER TABLE zero_0.clients DROP "lastMutationID"', 'ALTER TABLE zero_0.clients ALTER "lastMutationID" TYPE text', 'ALTER TABLE zero_0.clients ALTER "clientID" TYPE bytea USING NULL',
        'ALTER TABLE zero_0.clients DROP CONSTRAINT clients_pkey', 'ALTER TABLE zero_0.clients ALTER "lastMutationID" DROP NOT NULL; UPDATE zero_0.clients SET "lastMutationID" = NULL', 'ALTER TABLE zero_0.mutations RENAME result TO away', 'ALTER TABLE zero_0.clients RENAME TO c2; CREATE VIEW zero_0.clients AS SELECT * FROM zero_0.c2',
        'UPDATE zero_0.clients SET "lastMutationID" = 9223372036854775807', 'UPDATE zero_0.clients SET "lastMutationID" = -9223372036854775808', 'DROP FUNCTION asked', 'ALTER FUNCTION asked RENAME TO asked2', 'CREATE OR REPLACE FUNCTION asked(id text DEFAULT NULL) RETURNS json LANGUAGE sql AS $$SELECT NULL::json$$',
        'DROP EXTENSION replicache_ext CASCADE', 'DROP EXTENSION replicache_ext CASCADE; CREATE EXTENSION replicache_ext']);
INSERT INTO sound VALUES (NULL, 'count(*) FROM kv'), (NULL, '1; INSERT INTO kv VALUES (''new'')'), (NULL, '1; UPDATE kv SET n = n + 1000'), (NULL, '1; DELETE FROM kv'), (NULL, '1; TRUNCATE kv'), (NULL, '1; INSERT INTO note VALUES (''new'', ''ann'')'),
    (NULL, '1; UPDATE note SET owner = ''bob'''), (NULL, '1; DELETE FROM note'), (NULL, '1; INSERT INTO parent VALUES (5)'), (NULL, '1; DROP TABLE kv CASCADE'), (NULL, '1; CREATE TABLE another PARTITION OF parent FOR VALUES FROM (20) TO (30)');
INSERT INTO sound SELECT NULL, call FROM sound WHERE name IN ('zero_push', 'zero_queries') AND call ~ 'zero_push.*requestID":"r".*zero_0|transform",\[\{"id":"1';
CREATE FUNCTION on_damaged(command text) RETURNS TABLE (call text, state text, message text) LANGUAGE plpgsql AS $$
DECLARE
    found jsonb; damaged bool := false;
BEGIN
    EXECUTE command;
    damaged := true;
    SELECT jsonb_agg(jsonb_build_object('call', s.call, 'state', o.state, 'message', o.message)) INTO found FROM sound s, LATERAL outcome('SELECT ' || s.call) o;
    RAISE SQLSTATE 'UNDO1';
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = 'UNDO1' THEN
        RETURN QUERY SELECT * FROM jsonb_to_recordset(found) x(call text, state text, message text);
    ELSIF damaged THEN
        RETURN QUERY SELECT '', SQLSTATE, SQLERRM;
    END IF;  -- else no such damage can be done
END $$;
-- A few calls of each function, and without CHECK_LONG every fourth damage. describe() is a long query that would be planned anew each time; what it gets from
-- the extension, registered() gives.
\getenv long CHECK_LONG
\if :{?long}
    SET statement_timeout = '1h';
\else
    \set long 0
\endif
DELETE FROM sound WHERE name = 'describe' AND :'long' = '0';
DELETE FROM sound s WHERE name IS NOT NULL AND (SELECT count(*) FROM sound o WHERE o.name = s.name AND o.call < s.call) >= 2;
SELECT count(*) AS done FROM damage d WHERE :'long' = '1' OR hashtext(command) % 4 = 0 \gset
CREATE TABLE damaged AS SELECT d.command, r.* FROM damage d, LATERAL on_damaged(d.command) r WHERE :'long' = '1' OR hashtext(d.command) % 4 = 0;
INSERT INTO finding SELECT 'damage', format('%s, then %s: %s %s', command, call, state, message) FROM damaged WHERE state = 'XX000' AND message !~ 'lost its row';
INSERT INTO finding SELECT 'damage', format('%s of %s were damaged', n, :done) FROM (SELECT count(DISTINCT command) AS n FROM damaged) d WHERE n < :done / 2;
INSERT INTO finding SELECT 'undone', format('%s: %s %s', s.call, o.state, o.message) FROM sound s, LATERAL outcome('SELECT ' || s.call) o WHERE o.state IS NOT NULL;

SELECT format('%sok - %s', CASE WHEN count(f.test) > 0 THEN 'not ' END, t.name) || coalesce(E'\n' || string_agg('# ' || translate(f.what, E'\n', ' '), E'\n'), '')
    FROM unnest(ARRAY['arguments', 'nobody', 'application', 'triggers', 'read only', 'damage', 'undone']) WITH ORDINALITY t(name, n) LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY test) AS r FROM finding) f ON f.test = t.name AND r <= 20 GROUP BY t.name, t.n ORDER BY t.n;
RESET ROLE;
DROP OWNED BY hostile_app, hostile_nobody;
DROP ROLE hostile_app, hostile_nobody;
