-- pull V0: the lastMutationID of one client.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA pull_v0;
SET search_path = pull_v0, public;
\set ECHO none
\i sql/include/cookies.sql
\set ECHO all

CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO pull_v0.item VALUES (id) $$;
SELECT replicache.register_mutator('add', 'add(text)');
CREATE FUNCTION push(client text, id int, name text, args json DEFAULT NULL, user_id text DEFAULT 'ann') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', json_build_array(json_build_object('id', id, 'name', name, 'args', args))), user_id)->'version' $$;
CREATE FUNCTION pull(client text, cookie text, last_mutation_id text DEFAULT '0', user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS json LANGUAGE sql STABLE AS
$$ SELECT pull_v0.plain(replicache.pull(('{"profileID":"p","clientID":' || to_json(client)::text || ',"cookie":' || CASE cookie WHEN 'null' THEN cookie ELSE pull_v0.cookie(cookie::bigint)::text END ||
    ',"lastMutationID":' || last_mutation_id || ',"pullVersion":0,"schemaVersion":""}')::json, user_id, space)) $$;

-- A client that has not pushed yet has 0.
SELECT pull('a', 'null');
SELECT push('a', 1, 'add', '{"id":"x"}'), push('b', 1, 'add', '{"id":"y"}'), push('a', 2, 'no such');
SELECT pull('a', 'null'), pull('b', 'null', '1'), pull('new', 'null');
SELECT pull('a', '1', '1'), pull('a', '2', '2'), pull('b', '1', '1');
-- The number is always that of the server: what the client has seen may be absent, or less.
SELECT plain(replicache.pull(format('{"pullVersion":0,"clientID":"a","cookie":%s}', cookie(2))::json, 'ann')), replicache.pull('{"pullVersion":0,"clientID":"a"}', 'ann')->'lastMutationID' AS id;
-- A client that knows more than the server has been forgotten by it: it would not believe the answer.
SELECT pull('a', '2', '3'), pull('new', 'null', '1'), pull('new', '2', '1'), pull('a', '3', '2'), pull('a', 'null', '9007199254740991');

-- Whose it is.
SELECT pull('a', '2', '2', 'eve');
\echo :LAST_ERROR_SQLSTATE
SELECT pull('a', '2', '2', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT pull('a', '2', '2', 'ann', 'elsewhere');
\echo :LAST_ERROR_SQLSTATE
-- A client of a V1 group is not V0's to ask about, neither its owner's nor anybody's.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"one","id":1,"name":"add","args":{"id":"z"}}]}', 'bob')->'applied' AS applied;
SELECT pull('one', 'null', '0', 'bob');
\echo :LAST_ERROR_SQLSTATE
SELECT pull('one', 'null', '0', 'eve');
\echo :LAST_ERROR_SQLSTATE
-- The group of V1 is none of V0's clients: it has pushed nothing itself.
SELECT pull('g', '2', '0', 'bob')->'lastMutationID' AS id;
SELECT pull('g', '2', '0', 'eve');
\echo :LAST_ERROR_SQLSTATE

-- Malformed.
CREATE FUNCTION refusal(request json) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'NOT REFUSED: ' || replicache.pull(request, 'ann');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' | ' || SQLERRM;
END $$;
SELECT p AS "lastMutationID", refusal(('{"pullVersion":0,"clientID":"a","cookie":null,"lastMutationID":' || p || '}')::json) FROM unnest(ARRAY['null', 'true', '"1"', '-1', '1.0', '1e0', '[]', '{}', '9007199254740992']) p;
SELECT p AS "clientID", refusal(('{"pullVersion":0,"cookie":null,"clientID":' || p || '}')::json) FROM unnest(ARRAY['null', '7', '""', '[]', '"\u0000"']) p;
SELECT refusal('{"pullVersion":0,"cookie":null}'), refusal('{"pullVersion":0,"clientGroupID":"a","cookie":null}');

SET client_min_messages = error;
DROP SCHEMA pull_v0 CASCADE;
DROP EXTENSION replicache_ext;
