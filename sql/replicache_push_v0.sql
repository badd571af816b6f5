-- Push and pull V0: one client, which is a group of its own.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA push_v0;
SET search_path = push_v0, public;

CREATE TABLE item (id text PRIMARY KEY, v int);
SELECT replicache.track_table('item');
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE sql AS $$ INSERT INTO push_v0.item VALUES (id, v) $$;
CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES ('half', replicache.current_mutation_id());
    RAISE EXCEPTION 'failed' USING ERRCODE = code;
END $$;
SELECT replicache.register_mutator('put', 'put(text,int)');
SELECT replicache.register_mutator('fail', 'fail(text)');
CREATE FUNCTION push(client text, mutations json, who text DEFAULT 'ann', space text DEFAULT '') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'schemaVersion', '', 'clientID', client, 'mutations', mutations), who, space) $$;

-- Without profileID and timestamps, as in the old documents.
SELECT push('a', '[{"id":1,"name":"put","args":{"id":"x","v":1}},{"id":2,"name":"put","args":{"id":"y","v":2}}]');
-- With everything; a clientID or clientGroupID in V0's mutations is none of ours.
SELECT replicache.apply_push('{"profileID":"p","clientID":"a","clientGroupID":"other","mutations":[{"id":3,"name":"put","args":{"id":"z","v":3},"timestamp":1.5,"clientID":"b"}],
    "pushVersion":0,"schemaVersion":""}', 'ann');
SELECT id, client_group_id, last_mutation_id, version FROM replicache.client;
SELECT * FROM replicache.client_group;
-- Every row of the table.
SELECT push('a', '[{"id":1,"name":"put"},{"id":3,"name":"put"},{"id":2,"name":"none"}]');
SELECT push('a', '[]');
SELECT push('a', '[{"id":4,"name":"fail","args":{"code":"23505"}},{"id":5,"name":"none"},{"id":6,"name":"put","args":{"id":"w","v":6}}]');
SELECT push('a', '[{"id":7,"name":"put","args":{"id":"v","v":7}},{"id":8,"name":"fail","args":{"code":"RE001"}},{"id":9,"name":"put","args":{"id":"never","v":9}}]');
SELECT push('a', '[{"id":9,"name":"put","args":{"id":"never","v":9}}]');
SELECT push('b', '[{"id":2,"name":"put","args":{"id":"never","v":9}}]');
SELECT push('a', '[{"id":8,"name":"fail","args":{"code":"40001"}}]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM item ORDER BY version, id;
SELECT id, client_group_id, last_mutation_id, version FROM replicache.client;
SELECT client_group_id, client_id, mutation_id, name, sqlstate FROM replicache.mutation_error ORDER BY error_id;

-- The client belongs to one user and one space, …
SELECT push('a', '[{"id":8,"name":"put"}]', 'eve');
\echo :LAST_ERROR_SQLSTATE
SELECT push('a', '[{"id":8,"name":"put"}]', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT push('a', '[{"id":8,"name":"put"}]', 'ann', 'elsewhere');
\echo :LAST_ERROR_SQLSTATE
-- … and one of V1 cannot be pushed to by V0.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"one","id":1,"name":"put","args":{"id":"one","v":1}}]}', 'bob');
SELECT push('one', '[{"id":2,"name":"put","args":{"id":"two","v":1}}]', 'bob');
\echo :LAST_ERROR_SQLSTATE
SELECT push('one', '[{"id":2,"name":"put","args":{"id":"two","v":1}}]', 'eve');
\echo :LAST_ERROR_SQLSTATE

-- Malformed.
SELECT replicache.apply_push('{"pushVersion":0,"mutations":[]}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push('{"pushVersion":0,"clientGroupID":"a","mutations":[]}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push('{"pushVersion":0,"clientID":7,"mutations":[]}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"","mutations":[]}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"a"}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[{"name":"put"}]}');
\echo :LAST_ERROR_SQLSTATE
SELECT id, last_mutation_id FROM replicache.client ORDER BY id;

SET client_min_messages = error;
DROP SCHEMA push_v0 CASCADE;
DROP EXTENSION replicache_ext;
