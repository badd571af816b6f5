-- A database in which everything of the extension is in use, for test/hostile/sqlsmith.
CREATE EXTENSION replicache_ext;
SET replicache.default_clock = 'time';
CREATE TABLE kv (id text PRIMARY KEY, v jsonb, n int UNIQUE, big bigint, at timestamptz DEFAULT now());
CREATE TABLE note (id text PRIMARY KEY DEFAULT gen_random_uuid(), owner text NOT NULL, title text, gone boolean);
CREATE TABLE parent (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (1000);
CREATE VIEW entry AS SELECT k.id, k.n, n.title FROM kv k JOIN note n ON n.id = k.id;
CREATE FUNCTION put(id text, v jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS 'INSERT INTO kv (id, v) VALUES (id, v) ON CONFLICT DO NOTHING';
CREATE FUNCTION whole(args jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT args';
CREATE FUNCTION asked(id text DEFAULT NULL) RETURNS json LANGUAGE sql STABLE AS $$SELECT json_build_object('table', 'kv', 'limit', length(id))$$;
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
CREATE TABLE zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"));
SELECT replicache.track_table('kv'), replicache.track_table('note', space => 'owner', deleted => 'gone'), replicache.track_table('parent', value => 'to_jsonb(v)'), replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', space => 'space'),
    replicache.expose_crud('kv', conflict => 'merge'), replicache.expose_crud('note', name => 'NOTE'), replicache.expose_crud('parent', replace => true), replicache.register_mutator('put', 'put(text,jsonb)'),
    replicache.register_mutator('whole', 'whole(jsonb)'), replicache.register_query('x', '{"table":"kv","limit":{"$arg":null}}'), replicache.register_query('whole', function => 'whole(jsonb)'), replicache.register_mutator_queue(), replicache.create_space('counted', 'counter'), replicache.create_space('numbered', 'transaction'),
    replicache.register_query('all', '{"table":"kv","limit":{"$arg":"n","default":1}}'), replicache.register_query('asked', function => 'asked(text)');
INSERT INTO kv SELECT 'k' || i, to_jsonb(i), i, i FROM generate_series(1, 100) i;
INSERT INTO note SELECT 'k' || i, 'user' || i % 3, 'title' || i FROM generate_series(1, 100) i;
INSERT INTO parent SELECT i, 'v' || i FROM generate_series(1, 100) i;
-- Requests as columns, so that random expressions have some to pass on.
CREATE TABLE request (push json, pull json, upload json, sync json, client text, space text, number bigint, zero json, queries json, ast json, zero_schema text);
INSERT INTO request SELECT format('{"pushVersion":1,"clientGroupID":"g%1$s","mutations":[{"clientID":"c%1$s","id":1,"name":"put","args":{"id":"a%1$s"}},{"clientID":"c%1$s","id":2,"name":"nonsense"},{"clientID":"c%1$s","id":3,"name":"whole"}]}', i)::json,
    format('{"pullVersion":1,"clientGroupID":"g%s","cookie":null}', i)::json, format('{"client_id":"d%1$s","crud":[{"op_id":1,"op":"PUT","type":"kv","id":"u%1$s"},{"op_id":2,"op":"PATCH","type":"kv","id":"k%1$s","data":{"n":%1$s}},{"op_id":3,"op":"DELETE","type":"kv","id":"k1%1$s"}]}', i)::json,
    '{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"title":"t"}}]}', 'c' || i, (ARRAY['', 'counted', 'numbered', 'user1'])[1 + i % 4], i,
    format('{"clientGroupID":"g%1$s","mutations":[{"type":"custom","id":1,"clientID":"z%1$s","name":"put","args":[{"id":"z%1$s"}],"timestamp":1},{"type":"custom","id":2,"clientID":"z%1$s","name":"nonsense","args":[],"timestamp":1},{"type":"custom","id":0,"clientID":"z%1$s","name":"_zero_cleanupResults","args":[{"clientGroupID":"g%1$s","clientID":"z%1$s","upToMutationID":1}],"timestamp":1}],"pushVersion":1,"timestamp":1,"requestID":"r"}', i)::json,
    format('["transform",[{"id":"1","name":"all","args":[{"n":%1$s}]},{"id":"2","name":"asked","args":[{"id":"%1$s"}]},{"id":"3","name":"nonsense","args":[]}]]', i)::json, '{"table":"kv","start":{"$user":true}}', (ARRAY['zero_0', 'public'])[1 + i % 2] FROM generate_series(1, 20) i;
SELECT replicache.apply_push(push, NULL, space), replicache.powersync_upload(upload), replicache.sync_push(sync, -1, 'user' || number % 4), replicache.zero_push(zero, zero_schema, 'zero'), replicache.zero_queries(queries) FROM request;

-- The same functions by fifty names: among PostgreSQL's three thousand they would hardly ever be called.
DO $$
DECLARE
    f regprocedure; i int;
BEGIN
    FOR i IN 1..50 LOOP
        EXECUTE format('CREATE SCHEMA alias%s', i);
        FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'replicache'::regnamespace AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) LOOP
            EXECUTE replace(pg_get_functiondef(f), 'FUNCTION replicache.', format('FUNCTION alias%s.', i));
        END LOOP;
    END LOOP;
END $$;

-- What sqlsmith writes with --log-to, on the search_path of its connections.
CREATE SCHEMA smith;
CREATE TABLE smith.instance (id bigint GENERATED ALWAYS AS IDENTITY, rev text, target text, hostname text, version text, seed text);
CREATE TABLE smith.error (id bigint, msg text, query text, target text, sqlstate text);
CREATE TABLE smith.stat (id bigint, generated bigint, level float, nodes float, updated timestamptz, retries float, impedance jsonb);
ALTER DATABASE hostile_sqlsmith SET search_path = public, smith;

-- No superuser, for the sake of the server.
CREATE ROLE hostile_smith LOGIN;
DO $$
DECLARE
    s name;
BEGIN
    FOR s IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^(alias|smith|public|replicache|zero)' LOOP
        EXECUTE format('GRANT ALL ON SCHEMA %1$I TO hostile_smith; GRANT ALL ON ALL TABLES IN SCHEMA %1$I TO hostile_smith; GRANT ALL ON ALL SEQUENCES IN SCHEMA %1$I TO hostile_smith; GRANT ALL ON ALL FUNCTIONS IN SCHEMA %1$I TO hostile_smith', s);
    END LOOP;
END $$;

-- A crash empties it, and takes with it what sqlsmith had to say.
CREATE SCHEMA watch;
CREATE UNLOGGED TABLE watch.alive AS SELECT;
