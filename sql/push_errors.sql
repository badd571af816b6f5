-- Pushes that are refused as a whole: malformed, of a version that we do not speak, or somebody else's. Nothing is changed by any of them.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA push_errors;
SET search_path = push_errors, public;

CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO push_errors.item VALUES (id) $$;
SELECT replicache.register_mutator('add', 'add(text)');
-- What an error says.
CREATE FUNCTION refusal(push json, user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; answer json;
BEGIN
    answer := replicache.apply_push(push, user_id, space);
    RETURN 'NOT REFUSED: ' || answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(nullif(detail, ''), 'The request is malformed; nothing was processed.'),
        nullif(nullif(hint, ''), 'Pass the body of the request as it came over HTTP.'));
END $$;
CREATE FUNCTION v1(mutations text) RETURNS json LANGUAGE sql AS
$$ SELECT ('{"pushVersion":1,"clientGroupID":"g","mutations":' || mutations || '}')::json $$;
SELECT replicache.apply_push(v1('[{"clientID":"c","id":1,"name":"add","args":{"id":"first"}}]'), 'ann');
CREATE TABLE before AS SELECT (SELECT json_agg(s) FROM replicache.space s)::text AS spaces, (SELECT json_agg(g) FROM replicache.client_group g)::text AS groups,
    (SELECT json_agg(c) FROM replicache.client c)::text AS clients, (SELECT count(*) FROM replicache.mutation_error) AS errors, (SELECT count(*) FROM item) AS items;

-- In full.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":2,"name":"add"},{"clientID":"c","id":3,"name":"add"},
    {"clientID":"c","id":4,"name":"add"},{"clientID":"c","id":"x","name":"add"}]}');
\echo :LAST_ERROR_SQLSTATE
-- The request.
SELECT p AS push, refusal(p::json) FROM unnest(ARRAY['null', 'true', '1', '"x"', '[]', '{}', '[{"pushVersion":1}]']) p;
SELECT p AS "pushVersion", refusal(('{"clientGroupID":"g","mutations":[],"pushVersion":' || p || '}')::json)
    FROM unnest(ARRAY['null', 'true', '-1', '1.0', '1.5', '1e0', '"1"', '{}', '[1]']) p;
SELECT p AS "clientGroupID", refusal(('{"pushVersion":1,"mutations":[],"clientGroupID":' || p || '}')::json)
    FROM unnest(ARRAY['null', 'true', '1', '""', '{}', '["g"]', '"\u0000"', '"a\u0000b"', '"\ud800"', '"\udc00\ud800"']) p;
SELECT refusal('{"pushVersion":1,"mutations":[]}'), refusal('{"pushVersion":1,"clientID":"c","mutations":[]}');
SELECT p AS "schemaVersion", refusal(('{"pushVersion":1,"clientGroupID":"g","mutations":[],"schemaVersion":' || p || '}')::json)
    FROM unnest(ARRAY['null', '1', '["1"]', '"\u0000"']) p;
SELECT p AS mutations, refusal(v1(p)) FROM unnest(ARRAY['null', 'true', '0', '"[]"', '{}', '[null]', '[1]', '[[]]', '["m"]', '[{}]']) p;
SELECT refusal('{"pushVersion":1,"clientGroupID":"g"}'), refusal('{"pushVersion":1,"clientGroupID":"g","Mutations":[]}');
-- A mutation. A good one before it is not processed either.
SELECT p AS id, refusal(v1('[{"clientID":"c","id":2,"name":"add","args":{"id":"no"}},{"clientID":"c","name":"add","id":' || p || '}]'))
    FROM unnest(ARRAY['null', 'true', '"3"', '-1', '3.0', '3.5', '3e0', '9007199254740992', '18446744073709551617', '99999999999999999999999999999999999999999999999', '{}', '[3]']) p;
SELECT p AS name, refusal(v1('[{"clientID":"c","id":2,"name":"add","args":{"id":"no"}},{"clientID":"c","id":3,"name":' || p || '}]'))
    FROM unnest(ARRAY['null', 'false', '7', '{}', '["add"]', '"a\u0000b"', '"\udead"']) p;
SELECT p AS "clientID", refusal(v1('[{"clientID":"c","id":2,"name":"add","args":{"id":"no"}},{"id":3,"name":"add","clientID":' || p || '}]'))
    FROM unnest(ARRAY['null', 'false', '7', '""', '{}', '["c"]', '"\u0000"', '"\udead"']) p;
SELECT refusal(v1('[{"clientID":"c","name":"add"}]')) AS "no id", refusal(v1('[{"clientID":"c","id":2}]')) AS "no name",
    refusal(v1('[{"id":2,"name":"add"}]')) AS "no clientID";
-- Ids have at most 1000 bytes, not characters. Long texts are cut in messages.
SELECT refusal(json_build_object('pushVersion', 1, 'clientGroupID', repeat('g', 1001), 'mutations', '[]'::json));
SELECT refusal(v1('[{"id":2,"name":"add","clientID":"' || repeat('ä', 501) || '"}]'));
SELECT refusal(v1('[{"clientID":"c","id":"' || repeat('€', 100000) || '","name":"add"}]'));
SELECT refusal(v1('[{"clientID":"c","id":2,"name":' || repeat('[', 5000) || repeat(']', 5000) || '}]'));
-- The last one of members of the same name counts.
SELECT refusal('{"pushVersion":1,"clientGroupID":"g","mutations":[],"mutations":7}');
-- An object that is read here has at most 100 members, whatever their names; args may have more.
SELECT n, refusal(('{"pushVersion":1,"clientGroupID":"g",' || repeat('"":0,', n) || '"mutations":7}')::json) AS request,
    refusal(v1('[{"clientID":"c","id":2,"args":{"id":"no"},' || repeat('"":0,', n) || '"name":7}]')) AS mutation,
    refusal(v1('[{"clientID":"c","id":2,"name":7,"args":{' || repeat('"":0,', n + 100) || '"id":"no"}}]')) AS args FROM unnest(ARRAY[96, 97, 98]) n;
-- Arguments of the function.
SELECT refusal(NULL);
SELECT refusal(v1('[]'), 'ann', NULL);
SELECT refusal(v1('[]'), 'ann', repeat('s', 1001));
SELECT refusal(v1('[]'), 'ann', repeat('ä', 501));
SELECT replicache.apply_push('{"pushVersion":1,');
\echo :LAST_ERROR_SQLSTATE

-- Versions that we do not speak. Such a request may look quite different otherwise.
SELECT replicache.apply_push('{"pushVersion":2,"clientGroupID":"g","mutations":[]}'), replicache.apply_push('{"pushVersion":2}'),
    replicache.apply_push('{"pushVersion":99999999999999999999999999,"mutations":7}', 'eve');
SET replicache.schema_versions = '1, 2,x y';
SELECT s AS "schemaVersion", replicache.apply_push(json_build_object('pushVersion', v, 'schemaVersion', s, 'clientGroupID', 'g', 'clientID', 'v0', 'mutations', '[]'::json), 'ann')
    FROM unnest(ARRAY['1', '2', 'x y', '', '3', '1,2', ' 2', '01', 'x', 'X Y', '1''; DROP TABLE item; --']) s, generate_series(0, 1) v;
SELECT replicache.apply_push(v1('[]'), 'ann') AS absent;
SET replicache.schema_versions = ',7';
SELECT replicache.apply_push(v1('[]'), 'ann') AS absent, replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[],"schemaVersion":"8"}') AS eight;
-- Malformed comes before unsupported, unsupported before whose it is.
SELECT refusal('{"pushVersion":1,"clientGroupID":"g","mutations":7,"schemaVersion":"8"}');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[],"schemaVersion":"8"}', 'eve');
RESET replicache.schema_versions;

-- A client group belongs to one user and one space, a client to one group.
CREATE FUNCTION other(client_group text, client text) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('pushVersion', 1, 'clientGroupID', client_group,
    'mutations', json_build_array(json_build_object('clientID', client, 'id', 2, 'name', 'add', 'args', '{"id":"no"}'::json))) $$;
SELECT refusal(other('g', 'c'), 'eve');
SELECT refusal(other('g', 'c'), '');
SELECT refusal(other('g', 'c'), 'Ann');
SELECT refusal(other('g', 'c'), NULL);
SELECT refusal(other('g', 'c'), 'ann', 'elsewhere');
SELECT refusal(other('g', 'unknown'), 'eve');
SELECT refusal(v1('[]'), 'eve');
SELECT refusal(other('mine', 'c'), 'ann');
SELECT refusal(other('mine', 'c'), 'eve');
-- … also when it comes behind others.
SELECT refusal('{"pushVersion":1,"clientGroupID":"mine","mutations":[{"clientID":"mine","id":1,"name":"add","args":{"id":"no"}},{"clientID":"c","id":2,"name":"add","args":{"id":"no"}}]}');
SELECT refusal('{"pushVersion":1,"clientGroupID":"mine","mutations":[{"clientID":"mine","id":2,"name":"add"},{"clientID":"c","id":2,"name":"add"}]}');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"mine","mutations":[{"clientID":"mine","id":1,"name":"add","args":{"id":"no"}},{"clientID":"c","id":2,"name":"add"}]}', 'ann');
\echo :LAST_ERROR_SQLSTATE
-- A group of nobody is not one of somebody.
BEGIN;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"nobody","mutations":[{"clientID":"n","id":1,"name":"add","args":{"id":"n"}}]}', NULL);
SELECT refusal('{"pushVersion":1,"clientGroupID":"nobody","mutations":[{"clientID":"n","id":2,"name":"add"}]}', '');
SELECT refusal('{"pushVersion":1,"clientGroupID":"nobody","mutations":[{"clientID":"n","id":2,"name":"add"}]}', 'ann');
ROLLBACK;

-- A read-only transaction.
BEGIN READ ONLY;
SELECT replicache.apply_push(v1('[{"clientID":"c","id":2,"name":"add","args":{"id":"no"}}]'), 'ann');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
SELECT refusal(v1('[]')), refusal(v1('7'));
ROLLBACK;

-- Nothing was changed by any of these.
SELECT (SELECT json_agg(s) FROM replicache.space s)::text = spaces AS spaces, (SELECT json_agg(g) FROM replicache.client_group g)::text = groups AS groups,
    (SELECT json_agg(c) FROM replicache.client c)::text = clients AS clients, (SELECT count(*) FROM replicache.mutation_error) = errors AS errors,
    (SELECT count(*) FROM item) = items AS items FROM before;
SELECT replicache.apply_push(v1('[{"clientID":"c","id":2,"name":"add","args":{"id":"no"}}]'), 'ann');

SET client_min_messages = error;
DROP SCHEMA push_errors CASCADE;
DROP EXTENSION replicache_ext;
