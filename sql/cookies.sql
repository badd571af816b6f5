-- Cookies that are not of this history: the client gets everything, under an order above its own, and goes on from there.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA cookies;
SET search_path = cookies;
\set ECHO none
\i sql/include/cookies.sql
\set ECHO all
CREATE TABLE item (id int PRIMARY KEY, x text);
SELECT replicache.track_table('item');
INSERT INTO item VALUES (1, 'one'), (2, 'two');
INSERT INTO item VALUES (3, 'three');

CREATE FUNCTION answer(cookie json, space text DEFAULT '') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', cookie), NULL, space) $$;
-- Whether the client takes the first cookie for older: compareCookies of replicache 15.3.0. Its text is compared by UTF-16 units.
CREATE FUNCTION order_of(cookie json) RETURNS json LANGUAGE sql AS $$ SELECT CASE json_typeof(cookie) WHEN 'object' THEN cookie -> 'order' ELSE cookie END $$;
CREATE FUNCTION is_older(a json, b json) RETURNS boolean LANGUAGE sql AS $$
    SELECT CASE WHEN json_typeof(a) = 'null' THEN true
        WHEN json_typeof(order_of(a)) = 'number' AND json_typeof(order_of(b)) = 'number' THEN (order_of(a) #>> '{}')::float < (order_of(b) #>> '{}')::float
        ELSE (order_of(a) #>> '{}') < (order_of(b) #>> '{}') COLLATE "C" END $$;

-- Whatever a client can hold. The client that has got out goes on: nothing new, then a change.
CREATE TABLE way_out (n serial, held json, first json);
INSERT INTO way_out (held) SELECT unnest('{0,1,3,4,1e3,4294967299,4294967300,1732800000000,9007199254740991,9007199254740992,1e300,1e999,-1,-7.5,2.5}'::json[]);
INSERT INTO way_out (held) SELECT unnest(ARRAY['""', '"3"', '"0000000000000003"', '"abc"', '"2026-11-28T12:00:00Z"', '"\u00e9"', '"~~~"', '"\ufffe"', '"\uffff"', '"\uffff\uffffx"', '"\uffff0000000000000007"', '"\uffff9999999999999999"']::json[]);
INSERT INTO way_out (held) SELECT unnest(ARRAY['{"order":7}', '{"order":"abc","x":[1,{}]}', '{"order":7,"origin":"x"}', '{"order":7,"version":3,"lsn":"0/1","origin":"x"}', '{"order":7,"xmax":9,"inProgress":[],"lsn":"0/1","origin":"1-2-3-4-5"}']::json[]);
-- What SQL cannot compare, or no client of V1.
INSERT INTO way_out (held) SELECT unnest(ARRAY['"\ud800"', 'true', '[]', '{}', '{"order":null}', '{"order":{"order":1}}', (SELECT json_object_agg('a' || i, i)::text FROM generate_series(1, 101) i)]::json[]);
UPDATE way_out SET first = answer(held);
SELECT left(held::text, 80) AS held, first #> '{cookie,order}' AS "order", CASE WHEN n <= 32 THEN is_older(held, first -> 'cookie') END AS above, first #>> '{patch,0,op}' AS first, json_array_length(first -> 'patch') AS length FROM way_out ORDER BY n;
SELECT count(*), bool_and((answer(first -> 'cookie') ->> 'cookie') = (first ->> 'cookie')) AS "same cookie", bool_and(answer(first -> 'cookie') ->> 'patch' = '[]') AS "no change" FROM way_out;
UPDATE item SET x = 'ONE' WHERE id = 1;
SELECT a ->> 'patch' AS patch, count(*), bool_and(is_older(first -> 'cookie', a -> 'cookie')) AS above FROM way_out, answer(first -> 'cookie') a GROUP BY 1;

-- The steps are of 2^32, so two tabs that come with different cookies of the other history stay comparable: who has seen more is higher.
SELECT answer('1000') -> 'cookie' AS first \gset
UPDATE item SET x = 'changed' WHERE id = 2;
SELECT answer('20') -> 'cookie' AS second \gset
SELECT is_older(:'first', :'second'), plain(answer(:'first')), answer(:'second') -> 'patch' AS second;
-- Where numbers end, text begins.
SELECT answer('9007199254740900') -> 'cookie' -> 'order' AS step, answer((:'second'::jsonb || '{"order":9007199254740990}')::json) -> 'cookie' -> 'order' AS above;

-- Of another space: every space is a history of its own.
SELECT replicache.create_space('a'), replicache.create_space('b');
SELECT answer(answer(NULL, 'a') -> 'cookie', 'b') -> 'patch' AS other, answer(answer(NULL, 'a') -> 'cookie', 'a') -> 'patch' AS same;
-- Ahead of its own history, such as that of a server whose files were put back.
SELECT plain(answer(cookie(77))) -> 'cookie' AS cookie, answer(cookie(77)) #>> '{patch,0,op}' AS first, replicache.pull_since(77);
-- Its members changed by somebody.
SELECT part, answer((cookie(4)::jsonb || part)::json) #>> '{patch,0,op}' AS first FROM unnest(ARRAY['{}', '{"version":3}', '{"version":-1}', '{"version":"4"}', '{"version":9007199254740992}', '{"lsn":"x"}', '{"origin":"x"}', '{"origin":""}',
    '{"origin":null}', '{"order":0}', '{"order":true}', '{"xmax":9,"inProgress":[]}']::jsonb[]) part;

-- The offset stays with the client, also where pulls are complete again.
SELECT replicache.resync('item');
SELECT plain(answer(:'second')) -> 'cookie' AS cookie, answer(:'second') #>> '{patch,0,op}' AS first;

-- The confirmed mutations of a client are in the cookie. Where an older state was restored, which does not know them, the client has to start afresh:
-- it would ignore an answer that reports less.
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('nothing', 'nothing()');
CREATE FUNCTION push(client text, id int, client_group text DEFAULT 'g') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', client_group, 'mutations', json_build_array(json_build_object('clientID', client, 'id', id, 'name', 'nothing')))) -> 'applied' $$;
SELECT push('a', 1), push('b', 1), push('other', 1, 'h');
SELECT push('b', 2);
SELECT push('a', 2);
SELECT push('b', 3);
SELECT answer(NULL) -> 'cookie' AS seen \gset
SELECT regexp_replace(:'seen'::json ->> 'confirmed', '[0-9a-f]{16}', 'hash', 'g') AS confirmed;
SELECT push('b', 4);
CREATE FUNCTION of_another_history(cookie json, client_group text DEFAULT 'g') RETURNS json LANGUAGE sql AS $$
    SELECT coalesce(a #> '{patch,0}', a) FROM replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', client_group, 'cookie', cookie::jsonb || '{"origin":"another"}')) a $$;
SELECT of_another_history(:'seen') AS known;
SELECT replicache.pull_since(0, 'g') -> 'lastMutationIDChanges' AS ids;
UPDATE replicache.client SET last_mutation_id = 1 WHERE id = 'b';
SELECT of_another_history(:'seen') AS lost;
SELECT of_another_history(:'seen', 'forked') AS "the next group", of_another_history(:'seen', 'h') AS "another group";
SELECT answer(:'seen') -> 'lastMutationIDChanges' AS "the same history";
DELETE FROM replicache.client WHERE id = 'b';
DELETE FROM replicache.client_group WHERE id = 'g';
SELECT of_another_history(:'seen') AS lost;
SELECT part, of_another_history((:'seen'::jsonb || part)::json) FROM unnest(ARRAY['{"confirmed":"x"}', '{"confirmed":"1-2-3"}', '{"confirmed":"-"}', '{"confirmed":7}', '{"confirmed":""}', '{"confirmed":null}']::jsonb[]) part;

-- An extension that was dropped and created again is another history: what was deleted meanwhile goes, and nothing is missed.
SELECT (answer(NULL) -> 'cookie')::jsonb - 'confirmed' AS old \gset
DROP EXTENSION replicache_ext CASCADE;
DELETE FROM item WHERE id = 2;
INSERT INTO item VALUES (4, 'four');
ALTER TABLE item DROP COLUMN version;
CREATE EXTENSION replicache_ext;
SELECT replicache.track_table('item');
INSERT INTO item VALUES (10, 'z');
INSERT INTO item VALUES (11, 'z');
DO 'BEGIN FOR i IN 1..19 LOOP UPDATE item SET x = i WHERE id > 9; COMMIT; END LOOP; END';
SELECT (:'old'::json ->> 'version')::int <= version AS "would get a delta" FROM replicache.space WHERE id = '';
SELECT is_older(:'old', a -> 'cookie') AS above, a -> 'patch' AS patch FROM answer(:'old') a;

SET client_min_messages = error;
DROP SCHEMA cookies CASCADE;
DROP EXTENSION replicache_ext;
