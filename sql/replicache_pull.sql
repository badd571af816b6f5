-- pull and pull_since, V1.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA pull;
SET search_path = pull, public;

\set ECHO none
\i sql/include/cookies.sql
\set ECHO all
-- A number stands for the cookie of this history.
CREATE FUNCTION pull(cookie text, client_group text DEFAULT 'g', user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS json LANGUAGE sql STABLE AS
$$ SELECT pull.plain(replicache.pull(('{"profileID":"p1","clientGroupID":' || to_json(client_group)::text || ',"cookie":' ||
    CASE WHEN cookie ~ '^\d+$' THEN pull.cookie(cookie::bigint, space)::text ELSE cookie END || ',"pullVersion":1,"schemaVersion":""}')::json, user_id, space)) $$;
CREATE FUNCTION push(client_group text, client text, id int, name text, args json DEFAULT NULL, user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', client_group, 'mutations', json_build_array(json_build_object('clientID', client, 'id', id, 'name', name, 'args', args))), user_id, space)
    -> 'version' $$;

-- Of an empty database.
SELECT pull('null'), pull('0'), replicache.pull_since(NULL), replicache.pull_since(0), replicache.pull_since(NULL, 'g', 'nowhere');
SELECT pull('1'), replicache.pull_since(1);

CREATE TABLE item (id text PRIMARY KEY, v int);
CREATE TABLE soft (id int PRIMARY KEY, v int, gone boolean);
CREATE TABLE spaced (id int PRIMARY KEY, room text NOT NULL);
SELECT replicache.track_table('item'), replicache.track_table('soft', deleted => 'gone'), replicache.track_table('spaced', space => 'room');
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE sql AS $$ INSERT INTO pull.item VALUES (id, v) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET v = excluded.v $$;
CREATE FUNCTION del(id text) RETURNS void LANGUAGE sql AS $$ DELETE FROM pull.item i WHERE i.id = del.id $$;
SELECT replicache.register_mutator('put', 'put(text,int)'), replicache.register_mutator('del', 'del(text)');

-- Everything: NULL and 0; then from each cookie what came after it; then nothing.
SELECT id, clock, version, floor FROM replicache.space;
SELECT push('g', 'c1', 1, 'put', '{"id":"a","v":1}');
SELECT push('g', 'c2', 1, 'put', '{"id":"b","v":2}');
SELECT push('h', 'c3', 1, 'put', '{"id":"c","v":3}');
SELECT push('g', 'c1', 2, 'del', '{"id":"b"}');
SELECT push('g', 'c1', 3, 'put', '{"id":"a","v":4}');
SELECT c AS cookie, pull(c) FROM unnest('{"null",0,2,3,4,5,6}'::text[]) c;
SELECT c AS cookie, replicache.pull_since(c, 'g') FROM unnest('{NULL,0,1,2,6}'::int[]) c;
SELECT replicache.pull_since(2);
-- From the future: a number says no more to pull_since, and a cookie gets everything.
SELECT replicache.pull_since(7), replicache.pull_since(9223372036854775807);
SELECT pull('7') -> 'cookie' AS cookie, pull('7') #> '{patch,0}' AS first;
SELECT pull('1', 'g', 'ann', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
-- A group counts in the versions of its own space; whose it is, pull_since does not ask.
SELECT replicache.pull_since(1, 'g', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
SELECT pull('null', 'new', 'ann', 'nowhere');
-- An absent cookie is null; what we do not know is ignored.
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookies":7}', 'ann')->'patch'->0 AS first;

-- A rejected mutation, and one that changed nothing, move the cookie: a lastMutationID never changes under the same cookie.
SELECT push('g', 'c1', 4, 'no such mutator');
SELECT pull('6');
SELECT push('g', 'c1', 5, 'del', '{"id":"not there"}');
SELECT pull('7'), pull('8');
SELECT push('g', 'c1', 5, 'del', '{"id":"a"}');
SELECT pull('7'), pull('8');

-- A fork: an unknown group with the cookie of another one gets the delta from there, also the dels. So does another group of anybody.
SELECT pull('4', 'forked'), pull('null', 'forked')->'lastMutationIDChanges' AS complete;
SELECT pull('4', 'forked', 'eve');
SELECT count(*) FROM replicache.client_group WHERE id = 'forked';

-- Direct writes. del comes before put, so a key that is there again stays.
INSERT INTO item VALUES ('d', 5), ('e', 6);
DELETE FROM item WHERE id = 'd';
BEGIN;
DELETE FROM item WHERE id = 'e';
INSERT INTO item VALUES ('e', 7), ('d', 8), ('f', 9);
UPDATE item SET id = 'g' WHERE id = 'c';
COMMIT;
INSERT INTO soft VALUES (1, 1, false), (2, 2, NULL), (3, 3, true);
SELECT pull('8');
UPDATE soft SET gone = true WHERE id = 1;
UPDATE soft SET gone = false WHERE id = 3;
SELECT pull('11'), pull('12'), pull('13'), pull('14');
SELECT o FROM json_array_elements(pull('null')->'patch') o;
-- Nothing new in the end: a no-op update and a deletion of nothing.
UPDATE item SET v = v;
DELETE FROM item WHERE false;
SELECT pull('14');

-- Spaces have cookies of their own.
INSERT INTO spaced VALUES (1, 'one'), (2, 'two');
SELECT pull('null', 'o', 'ann', 'one'), pull('null', 't', 'ann', 'two'), pull('1', 'o', 'ann', 'one');
UPDATE spaced SET room = 'two' WHERE id = 1;
SELECT pull('1', 'o', 'ann', 'one'), pull('1', 't', 'ann', 'two');
SELECT pull('14') AS "the space '' is as it was";

-- The floor: after TRUNCATE (or resync) every older cookie gets clear and everything.
TRUNCATE soft;
SELECT pull('14'), pull('15');
SELECT replicache.resync('item');
SELECT pull('15')->'patch'->0 AS first, pull('15')->'lastMutationIDChanges' AS changes, pull('16') AS same;
SELECT floor, version FROM replicache.space WHERE id = '';

-- It writes nothing: read-only transactions will do.
BEGIN READ ONLY;
SELECT pull('16'), replicache.pull_since(16), pull('null', 'any', 'ann', 'never seen')->'cookie' AS cookie;
SELECT pg_current_xact_id_if_assigned() IS NULL AS "no xid";
COMMIT;
SELECT count(*) FROM replicache.space WHERE id = 'never seen';
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT pull('15')->'cookie' AS cookie;
COMMIT;

-- Whose group it is.
SELECT pull('6', 'g', 'eve');
\echo :LAST_ERROR_SQLSTATE
SELECT pull('6', 'g', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT pull('6', 'g', '');
\echo :LAST_ERROR_SQLSTATE
SELECT pull('999', 'g', 'eve');
\echo :LAST_ERROR_SQLSTATE

-- Malformed requests and arguments.
CREATE FUNCTION refusal(request json, user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text; answer json;
BEGIN
    answer := replicache.pull(request, user_id, space);
    RETURN 'NOT REFUSED: ' || answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(nullif(detail, ''), 'The request is malformed; nothing was processed.'),
        nullif(nullif(hint, ''), 'Pass the body of the request as it came over HTTP.'));
END $$;
SELECT replicache.pull('{"pullVersion":1}');
\echo :LAST_ERROR_SQLSTATE
SELECT p AS request, refusal(p::json) FROM unnest(ARRAY['null', '7', '"x"', '[]', '{}', '{"pullVersion":null}', '{"pullVersion":"1"}', '{"pullVersion":-1}', '{"pullVersion":1.0}', '{"pullVersion":true}',
    '{"pushVersion":1,"clientGroupID":"g"}']) p;
SELECT p AS "clientGroupID", refusal(('{"pullVersion":1,"cookie":null,"clientGroupID":' || p || '}')::json) FROM unnest(ARRAY['null', '7', '""', '[]', '{}', '"\u0000"', '"\udfff"']) p;
SELECT p AS "schemaVersion", refusal(('{"pullVersion":1,"clientGroupID":"g","cookie":null,"schemaVersion":' || p || '}')::json) FROM unnest(ARRAY['null', '1', '{}']) p;
SELECT refusal(NULL), refusal('{"pullVersion":1,"clientGroupID":"g"}', 'ann', NULL), refusal('{"pullVersion":1,"clientGroupID":"g"}', 'ann', repeat('x', 1001));
SELECT replicache.pull_since(-1);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_since(1, 'g', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_since(1, 'g', repeat('ä', 501));
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull('{"pullVersion":2,"clientGroupID":7}') AS two, replicache.pull('{"pullVersion":184467440737095516150}') AS many;
SELECT cookie(16) AS at_16 \gset
SET replicache.schema_versions = '1,2';
SELECT s AS "schemaVersion", pull.plain(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', :'at_16'::json, 'schemaVersion', s), 'ann')) AS pull FROM unnest('{1,2,3,"","1,2"}'::text[]) s;
SELECT refusal('{"pullVersion":1,"clientGroupID":7,"cookie":"x","schemaVersion":"3"}');
RESET replicache.schema_versions;

-- The calling role must be able to read every tracked table that the answer looks at.
CREATE ROLE regress_reader;
SELECT replicache.grant_usage('regress_reader');
GRANT USAGE ON SCHEMA pull TO regress_reader;
GRANT SELECT ON soft, spaced TO regress_reader;
SET ROLE regress_reader;
SELECT replicache.pull_since(0);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_since(15);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_since(16) AS "nothing new", replicache.pull_since(0, NULL, 'two') AS "only spaced";
RESET ROLE;
GRANT SELECT (id) ON item TO regress_reader;
SET ROLE regress_reader;
SELECT replicache.pull_since(0);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON item TO regress_reader;
SET ROLE regress_reader;
SELECT json_array_length(replicache.pull_since(0)->'patch') AS length;
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA pull CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_reader;
