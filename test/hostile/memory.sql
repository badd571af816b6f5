-- Requests of a few megabytes that try to take much more: the backend must not grow by more than ten times what came in and went
-- out. test/hostile/run calls each in a session of its own, once to be refused or applied and once for the size of the session without it.
\set ON_ERROR_STOP on
SET client_min_messages = error;
CREATE EXTENSION replicache_ext;
CREATE TABLE kv (id text PRIMARY KEY, v jsonb);
CREATE FUNCTION whole(args json) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION named(id text, v text DEFAULT NULL) RETURNS void LANGUAGE sql AS '';
SELECT replicache.track_table('kv'), replicache.expose_crud('kv'), replicache.register_mutator('whole', 'whole(json)'), replicache.register_mutator('named', 'named(text,text)');
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
CREATE TABLE zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"));
CREATE FUNCTION gives(args json) RETURNS json LANGUAGE sql AS 'SELECT args';
SELECT replicache.register_mutator('gives', 'gives(json)'), replicache.register_query('template', '{"table":"kv","limit":{"$arg":"n"},"start":{"$arg":null}}'), replicache.register_query('gives', function => 'gives(json)');
CREATE TABLE request (name text PRIMARY KEY, call text, body json, result text);
ALTER TABLE request ALTER body SET STORAGE EXTERNAL;
CREATE FUNCTION zero(mutations text) RETURNS text LANGUAGE sql AS $$ SELECT '{"clientGroupID":"g","pushVersion":1,"timestamp":1,"requestID":"r","mutations":[' || mutations || ']}' $$;
CREATE FUNCTION zero_mutation(id text, client text, name text, args text) RETURNS text LANGUAGE sql AS $$ SELECT format('{"type":"custom","id":%s,"clientID":"%s","name":"%s","args":[%s],"timestamp":1}', id, client, name, args) $$;
CREATE FUNCTION many(element text, bytes int) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(format(element, i), ',') FROM generate_series(1, bytes / length(element)) i $$;
\set n 3000000
INSERT INTO request SELECT name, call, body::json FROM (VALUES
    ('mutations of V0', 'push', '{"pushVersion":0,"clientID":"a","mutations":[' || many('{"id":%s,"name":"whole"}', :n) || ']}'),
    ('mutations of V0 with a long id, seen before', 'push', '{"pushVersion":0,"clientID":"' || repeat('a', 1000) || '","mutations":[' || many('{"id":0,"name":""}', :n) || ']}'),
    ('unknown mutations', 'push', '{"pushVersion":0,"clientID":"b","mutations":[' || many('{"id":%s,"name":""}', :n / 10) || ']}'),
    ('mutations without members', 'push', '{"pushVersion":0,"clientID":"d","mutations":[' || many('{}', :n) || ']}'),
    ('mutations of new clients', 'push', '{"pushVersion":1,"clientGroupID":"k","mutations":[' || many('{"clientID":"%s","id":1,"name":"whole"}', :n) || ']}'),
    ('members of a request', 'push', '{' || many('"":1', :n) || '}'),
    ('a name', 'push', '{"pushVersion":0,"clientID":"e","mutations":[{"id":1,"name":"' || repeat('x', :n) || '"}]}'),
    ('a name of escapes', 'push', '{"pushVersion":0,"clientID":"f","mutations":[{"id":1,"name":"' || repeat('\n', :n / 2) || '"}]}'),
    ('an id', 'push', '{"pushVersion":0,"clientID":"g","mutations":[{"id":' || repeat('9', :n) || ',"name":""}]}'),
    ('args', 'push', '{"pushVersion":0,"clientID":"h","mutations":[{"id":1,"name":"whole","args":[' || repeat('[],', :n / 3) || '[]]}]}'),
    ('args of the same name', 'push', '{"pushVersion":0,"clientID":"i","mutations":[{"id":1,"name":"named","args":{' || repeat('"id":"1",', :n / 9) || '"id":"2"}}]}'),
    ('an unknown member of args', 'push', '{"pushVersion":0,"clientID":"j","mutations":[{"id":1,"name":"named","args":{"' || repeat('x', :n) || '":1}}]}'),
    ('transactions in progress', 'pull', '{"pullVersion":1,"clientGroupID":"a","cookie":{"order":1,"xmax":1,"origin":"o","inProgress":[' || many('%s', :n / 3) || ']}}'),
    ('the same transaction in progress', 'pull', '{"pullVersion":1,"clientGroupID":"a","cookie":{"order":1,"xmax":1,"origin":"o","inProgress":[' || repeat('1,', :n / 2) || '1]}}'),
    ('entries', 'upload', '{"crud":[' || many('{"op":"PUT","type":"kv","id":"%s"}', :n / 3) || ']}'),
    ('rejected entries', 'upload', '{"on_error":"skip","crud":[' || many('{"op":"PUT","type":"x","id":1,"tx_id":%s}', :n / 10) || ']}'),
    ('the same column', 'upload', '{"crud":[{"op":"PUT","type":"kv","id":1,"data":{' || repeat('"v":1,', :n / 6) || '"v":1}}]}'),
    ('the same column with an escape', 'upload', '{"crud":[{"op":"PUT","type":"kv","id":1,"data":{' || repeat('"\u0076":1,', :n / 10) || '"v":1}}]}'),
    ('an unknown column', 'upload', '{"crud":[{"op":"PUT","type":"kv","id":1,"data":{"' || repeat('x', :n) || '":1}}]}'),
    ('an unknown table', 'upload', '{"crud":[{"op":"PUT","type":"' || repeat('x', :n) || '","id":1}]}'),
    ('a row', 'upload', '{"crud":[{"op":"PUT","type":"kv","id":"r","data":{"v":"' || repeat('x', :n) || '"}}]}'),
    ('a resource', 'sync', '{"mutations":[{"type":"CREATE","resource":"' || repeat('x', :n) || '"}]}'),
    ('mutations of Zero', 'zero', zero(many(zero_mutation('%s', 'a', 'whole', ''), :n))),
    ('mutations of Zero that return data', 'zero', zero(many(zero_mutation('%s', 'b', 'gives', '{"a":"%1$s"}'), :n))),
    ('unknown mutations of Zero', 'zero', zero(many(zero_mutation('%s', 'c', '', ''), :n / 10))),
    ('mutations of Zero, seen before', 'zero', zero(many(zero_mutation('0', '', '', ''), :n))),
    ('mutations of new clients of Zero', 'zero', zero(many(zero_mutation('1', 'd%s', 'whole', ''), :n / 3))),
    ('mutations of Zero that are out of order', 'zero', zero(many(zero_mutation('%s', 'e', 'whole', '') || ',' || zero_mutation('9', 'e', '', ''), :n))),
    ('crud mutations of Zero', 'zero', zero(many('{"type":"crud","id":%s,"clientID":"","name":"_zero_crud","args":[],"timestamp":1}', :n))),
    ('cleanups of Zero', 'zero', zero(many(zero_mutation('0', 'a', '_zero_cleanupResults', '{"clientGroupID":"g","clientID":"a","upToMutationID":%s}'), :n / 3))),
    ('clients in a cleanup of Zero', 'zero', zero(zero_mutation('0', 'a', '_zero_cleanupResults', '{"type":"bulk","clientGroupID":"g","clientIDs":["' || repeat('b","', :n / 4) || '"]}'))),
    ('empty clients in a cleanup of Zero', 'zero', zero(zero_mutation('0', 'a', '_zero_cleanupResults', '{"type":"bulk","clientGroupID":"g","clientIDs":["' || repeat('","', :n / 3) || '"]}'))),
    ('a name of Zero', 'zero', zero(zero_mutation('1', 'f', repeat('|', :n), ''))),
    ('args of Zero', 'zero', zero(zero_mutation('1', 'g', 'gives', '[' || repeat('[],', :n / 6) || '[]],' || repeat('[],', :n / 6) || '1'))),
    ('a client id of Zero', 'zero', zero(zero_mutation('2', repeat('x', :n), '', ''))),
    ('members of a mutation of Zero', 'zero', zero('{' || many('"":1', :n) || '}')),
    ('queries of Zero', 'queries', '["transform",[' || many('{"id":"%s","name":"template","args":[1]}', :n) || ']]'),
    ('unknown queries of Zero', 'queries', '["transform",[' || many('{"id":"","name":"","args":[]}', :n / 3) || ']]'),
    ('queries of Zero with functions', 'queries', '["transform",[' || many('{"id":"%s","name":"gives","args":[{}]}', :n / 3) || ']]'),
    ('args of a query of Zero', 'queries', '["transform",[{"id":"","name":"template","args":[[' || repeat('1,', :n / 2) || '1]]}]]'),
    ('a pull', 'pull', '{"pullVersion":1,"clientGroupID":"a","cookie":null,"x":[' || repeat('1,', :n / 2) || '1]}')) AS r(name, call, body);
-- The size of the answer.
CREATE FUNCTION run(wanted text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    r record; answer text;
BEGIN
    SELECT * INTO r FROM request WHERE name = wanted;
    CASE r.call
        WHEN 'push' THEN answer := replicache.apply_push(r.body);
        WHEN 'pull' THEN answer := replicache.pull(r.body);
        WHEN 'upload' THEN answer := replicache.powersync_upload(r.body);
        WHEN 'zero' THEN answer := replicache.zero_push(r.body, 'zero_0', 'zero');
        WHEN 'queries' THEN answer := replicache.zero_queries(r.body);
        WHEN 'sync' THEN answer := body FROM replicache.sync_push(r.body, -1, 'u');
    END CASE;
    RETURN length(answer);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 0;
END $$;
-- Without what it has touched of the memory that all backends share: PostgreSQL 19 touches more of that.
CREATE FUNCTION highest() RETURNS bigint LANGUAGE sql AS $$
    SELECT 1024 * ((regexp_match(status, 'VmHWM:\s+(\d+)'))[1]::bigint - (regexp_match(status, 'RssShmem:\s+(\d+)'))[1]::bigint) FROM pg_read_file('/proc/self/status') AS status
$$;
