-- pull_for: one answer for many client groups. What a backend makes of it for a group is what pull gives that group.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA pull_for;
SET search_path = pull_for, public;
SET replicache.poke_channel = '';
SET client_min_messages = warning;
CREATE ROLE regress_pull_for;
GRANT USAGE ON SCHEMA pull_for TO regress_pull_for;
SELECT replicache.grant_usage('regress_pull_for');

CREATE TABLE item (id text PRIMARY KEY, v int);
CREATE TABLE spaced (id int PRIMARY KEY, room text NOT NULL);
GRANT SELECT ON item, spaced TO regress_pull_for;
SELECT replicache.track_table('item'), replicache.track_table('spaced', space => 'room/{room}');
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE sql AS $$ INSERT INTO pull_for.item VALUES (id, v) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET v = excluded.v $$;
CREATE FUNCTION put_spaced(id int, room text) RETURNS void LANGUAGE sql AS $$ INSERT INTO pull_for.spaced VALUES (id, room) ON CONFLICT ON CONSTRAINT spaced_pkey DO UPDATE SET room = excluded.room $$;
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS $$ SELECT $$;
SELECT replicache.register_mutator('put', 'put(text,int)'), replicache.register_mutator('putSpaced', 'put_spaced(int,text)'), replicache.register_mutator('nothing', 'nothing()');
CREATE FUNCTION push(client_group text, client text, id int, name text, args json DEFAULT NULL, user_id text DEFAULT 'ann', space text DEFAULT '') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', client_group, 'mutations', json_build_array(json_build_object('clientID', client, 'id', id, 'name', name, 'args', args))), user_id, space)
    -> 'applied' $$;

-- What backends do: group clients by this, ask once, and make an answer for each client. (The tests have no more clients than groups.)
CREATE FUNCTION common(cookie json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(cookie::text, ',"confirmed":"[^"]*"', ''), '"lsn":"[^"]*"', '"lsn":"…"') $$;
CREATE FUNCTION compose(answer json, client_group text, cookie json) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"cookie":%s,"lastMutationIDChanges":%s,"patch":%s}',
        regexp_replace(answer ->> 'cookie', '}$', coalesce(',"confirmed":"' || coalesce(answer -> 'confirmed' ->> client_group, cookie ->> 'confirmed') || '"', '') || '}'),
        coalesce(answer -> 'lastMutationIDChanges' ->> client_group, '{}'), answer ->> 'patch')::json $$;
CREATE FUNCTION plain(answer json) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(answer::text, '"lsn":"[^"]*",', '', 'g'), '[0-9a-f]{16}', '…', 'g')::json $$;
CREATE TABLE client (client_group text PRIMARY KEY, user_id text, space text NOT NULL DEFAULT '', cookie json);
-- The clients of a space pull, in one way or the other. What differs is shown; and how many answers were needed. These functions are STABLE: all calls see the
-- snapshot of one query. Under snapshots of their own, their cookies would differ whenever a transaction ends between two calls, one of autovacuum for example.
CREATE FUNCTION pulled(text, text, json) RETURNS json LANGUAGE sql STABLE AS
$$ SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', $1, 'cookie', $3), client.user_id, client.space) FROM client WHERE client_group = $1 $$;
CREATE FUNCTION compared(its_space text, for_user text) RETURNS TABLE (client_groups text[], lmids json, patch json, differs text, cookies json[]) LANGUAGE plpgsql STABLE AS $$
DECLARE base json; c client; answer json; one json; composed json;
BEGIN
    FOR client_groups, base IN SELECT array_agg(a.client_group ORDER BY a.client_group), (array_agg(a.cookie))[1] FROM client a
        WHERE a.space = its_space AND (for_user IS NULL OR a.user_id = for_user) GROUP BY common(a.cookie) ORDER BY 1
    LOOP
        answer = replicache.pull_for(client_groups, base, its_space, for_user);
        lmids = answer -> 'lastMutationIDChanges';
        patch = answer -> 'patch';
        differs = CASE WHEN (answer -> 'baseCookie')::text IS DISTINCT FROM coalesce(base, 'null')::text THEN 'the base' END;
        cookies = '{}';
        FOR c IN SELECT * FROM client a WHERE a.client_group = ANY (client_groups) ORDER BY a.client_group LOOP
            one = pulled(c.client_group, c.user_id, c.cookie);
            composed = compose(answer, c.client_group, c.cookie);
            IF one ->> 'cookie' = c.cookie::text AND composed ->> 'lastMutationIDChanges' || (composed ->> 'patch') = '{}[]' AND one ->> 'patch' = '[]' AND answer ->> 'cookie' <> common(c.cookie)
                AND answer ->> 'lastMutationIDChanges' <> '{}' THEN
                differs = concat_ws(' ', differs, c.client_group || ' keeps its cookie');  -- the one difference, see below
            ELSIF regexp_replace(one ->> 'cookie', '"lsn":"[^"]*"', '') <> regexp_replace(composed ->> 'cookie', '"lsn":"[^"]*"', '') OR one ->> 'lastMutationIDChanges' <> composed ->> 'lastMutationIDChanges'
                OR one ->> 'patch' <> composed ->> 'patch' OR one ->> 'more' IS DISTINCT FROM answer ->> 'more' THEN
                differs = concat_ws(E'\n', differs, c.client_group || ': ' || plain(one), c.client_group || ': ' || plain(composed));
            END IF;
            cookies = cookies || (composed -> 'cookie');
        END LOOP;
        RETURN NEXT;
    END LOOP;
END $$;
-- The same; then each client that is meant takes its new cookie. All answers are there before the first UPDATE, which makes the transaction one that writes.
CREATE FUNCTION compare(its_space text DEFAULT '', for_user text DEFAULT NULL, takes text DEFAULT '.') RETURNS TABLE (client_groups text[], lmids json, patch json, differs text) LANGUAGE plpgsql AS $$
DECLARE cookies json[];
BEGIN
    FOR client_groups, lmids, patch, differs, cookies IN SELECT * FROM compared(its_space, for_user) LOOP
        RETURN NEXT;
        UPDATE client a SET cookie = t.cookie FROM unnest(client_groups, cookies) AS t(client_group, cookie) WHERE a.client_group = t.client_group AND a.client_group ~ takes;
    END LOOP;
END $$;

-- An empty space, and groups that are not on record.
SELECT plain(replicache.pull_for('{g,h}', NULL));
SELECT plain(replicache.pull_for('{}', 'null'));
INSERT INTO client VALUES ('g', 'ann'), ('h', 'ann'), ('i', 'ben'), ('j', NULL);
SELECT * FROM compare();
-- One push with several clients, and one that changes no row.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c1","id":1,"name":"put","args":{"id":"a","v":1}},{"clientID":"c2","id":1,"name":"put","args":{"id":"b","v":1}}]}', 'ann') -> 'applied' AS applied;
SELECT * FROM compare();
SELECT push('h', 'c3', 1, 'nothing');
SELECT * FROM compare();
SELECT * FROM compare();
-- Several groups push; a row goes.
SELECT push('i', 'c4', 1, 'put', '{"id":"c","v":1}', 'ben'), push('g', 'c2', 2, 'put', '{"id":"b","v":2}');
DELETE FROM item WHERE id = 'a';
SELECT plain(replicache.pull_for('{i,g,j,i,"not on record"}', (SELECT cookie FROM client WHERE client_group = 'j')));
SELECT * FROM compare(takes => '[gj]');
-- Now the clients are at two cookies.
INSERT INTO item VALUES ('d', 1);
SELECT * FROM compare();
-- Clients that pulled one after the other come together: the position in the WAL does not count.
UPDATE client SET cookie = pulled(client_group, user_id, NULL) -> 'cookie' WHERE client_group IN ('g', 'h');
SELECT pg_switch_wal() IS NOT NULL AS switched;
UPDATE client SET cookie = pulled(client_group, user_id, NULL) -> 'cookie' WHERE client_group IN ('i', 'j');
SELECT push('j', 'c5', 1, 'put', '{"id":"e","v":1}', NULL);
SELECT * FROM compare();
-- Everything: a cookie that is too old, none, a number, of another backend.
TRUNCATE item;
INSERT INTO item VALUES ('f', 1);
SELECT * FROM compare();
UPDATE client SET cookie = NULL;
SELECT * FROM compare();
UPDATE client SET cookie = '7';
SELECT * FROM compare();
UPDATE client SET cookie = '"2026-11-28"';
SELECT * FROM compare();
UPDATE client SET cookie = '{"order":"x","of":["another",{"backend":null}]}';
SELECT * FROM compare();
UPDATE item SET v = 2;
SELECT * FROM compare();
-- The form of a cookie is that of json: blanks around it, members in any order. A member confirmed is taken off.
SELECT cookie AS seen FROM client WHERE client_group = 'g' \gset
INSERT INTO item VALUES ('g', 1);
SELECT answer -> 'baseCookie' ->> 'confirmed' IS NOT NULL AS confirmed, answer -> 'cookie' ->> 'confirmed' AS in_answer, answer -> 'patch' AS patch FROM replicache.pull_for('{g}', (E' \n' || :'seen' || E'\t')::json) answer;
SELECT cookie AS seen FROM replicache.pull_for('{g}', NULL) a, json_extract_path(a, 'cookie') cookie \gset
SELECT answer -> 'cookie' ->> 'confirmed' AS confirmed, (answer ->> 'cookie') = :'seen' AS same FROM replicache.pull_for('{g}', regexp_replace(:'seen', '}$', ',"confirmed":"1-2-3"}')::json) answer;
SELECT answer ->> 'baseCookie' = '{"a":1}' AS base FROM replicache.pull_for('{g}', E' {"a":1} ') answer;

-- All clocks. Each step is a transaction.
SELECT replicache.create_space('room/timed', 'time'), replicache.create_space('room/free', 'transaction');
INSERT INTO client SELECT space || i, CASE i WHEN 3 THEN 'ben' ELSE 'ann' END, space FROM unnest('{room/counted,room/timed,room/free}'::text[]) space, generate_series(1, 3) i;
CREATE FUNCTION in_spaces(step text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT replace(step, 'SPACE', space) FROM unnest('{room/counted,room/timed,room/free}'::text[]) space $$;
SELECT in_spaces('SELECT * FROM compare(''SPACE'')') \gexec
SELECT in_spaces($$ SELECT push('SPACE1', 'SPACE1a', 1, 'putSpaced', json_build_object('id', length('SPACE'), 'room', substr('SPACE', 6)), 'ann', 'SPACE') $$) \gexec
SELECT in_spaces('SELECT * FROM compare(''SPACE'')') \gexec
SELECT in_spaces($$ SELECT push('SPACE2', 'SPACE2a', 1, 'nothing', NULL, 'ann', 'SPACE') $$) \gexec
SELECT in_spaces('SELECT * FROM compare(''SPACE'', takes => ''3'')') \gexec
SELECT in_spaces($$ SELECT push('SPACE2', 'SPACE2b', 1, 'nothing', NULL, 'ann', 'SPACE'), push('SPACE1', 'SPACE1a', 2, 'nothing', NULL, 'ann', 'SPACE') $$) \gexec
SELECT in_spaces($$ DELETE FROM spaced WHERE room = substr('SPACE', 6) $$) \gexec
SELECT in_spaces('SELECT * FROM compare(''SPACE'')') \gexec
SELECT in_spaces('SELECT * FROM compare(''SPACE'', ''ann'')') \gexec
SELECT in_spaces('SELECT * FROM compare(''SPACE'', ''ben'')') \gexec
-- The one difference. With the clock transaction, pull leaves a group without news at its cookie.
SELECT cookie AS seen FROM client WHERE client_group = 'room/free1' \gset
SELECT push('room/free2', 'room/free2a', 2, 'nothing', NULL, 'ann', 'room/free');
SELECT pulled('room/free1', 'ann', :'seen') ->> 'cookie' = :'seen' AS same, answer ->> 'cookie' = (:'seen')::text AS same_for_all, answer -> 'lastMutationIDChanges' AS lmids, answer -> 'patch' AS patch
    FROM replicache.pull_for('{room/free1,room/free2}', :'seen', 'room/free') answer;
SELECT answer ->> 'cookie' = regexp_replace(:'seen', ',"confirmed":"[^"]*"', '') AS same, answer -> 'lastMutationIDChanges' AS lmids FROM replicache.pull_for('{room/free1,room/free3}', :'seen', 'room/free') answer;

-- Pages.
SET replicache.page_size = '1kB';
INSERT INTO item SELECT 'p' || i, i FROM generate_series(1, 60) i;
UPDATE client SET cookie = NULL WHERE space = '';
SELECT client_groups, lmids, json_array_length(patch) > 10 AS patch, differs FROM compare();
SELECT push('h', 'c3', 2, 'put', '{"id":"p1","v":0}');
DELETE FROM item WHERE id = 'p60';
SELECT client_groups, lmids, json_array_length(patch) > 10 AS patch, differs FROM compare();
SELECT client_groups, lmids, json_array_length(patch) > 10 AS patch, differs FROM compare();
SELECT client_groups, lmids, differs FROM compare();
SELECT client_groups, lmids, json_array_length(patch) AS patch, differs FROM compare();
RESET replicache.page_size;

-- More groups than a page of the tables has rows: the tables are read as a whole. Fewer: by index.
SELECT push('many' || i, 'm' || i, 1, 'put', json_build_object('id', 'many', 'v', i), 'u' || i) AS n FROM generate_series(1, 400) i \g /dev/null
SELECT lmids = (SELECT json_object_agg('many' || i, json_build_object('m' || i, 1))::jsonb FROM generate_series(1, 400) i) AS right, groups
    FROM (SELECT (answer -> 'lastMutationIDChanges')::jsonb AS lmids, (SELECT count(*) FROM json_object_keys(answer -> 'confirmed')) AS groups
        FROM replicache.pull_for((SELECT array_agg('many' || i ORDER BY i DESC) FROM generate_series(1, 400) i), NULL) answer) a;
SELECT answer -> 'lastMutationIDChanges' AS lmids FROM replicache.pull_for('{many7,many300,many401}', NULL) answer;
SELECT replicache.pull_for((SELECT array_agg('many' || i ORDER BY i DESC) FROM generate_series(1, 400) i), NULL, 'room/counted');
SELECT replicache.pull_for((SELECT array_agg('many' || i) FROM generate_series(1, 400) i), NULL, '', 'u1');
SET enable_seqscan = off;
SELECT replicache.pull_for('{j,many3}', NULL, '', 'u1');
RESET enable_seqscan;
SELECT plain(replicache.pull_for((SELECT array_agg(i::text) FROM generate_series(1, 10000) i), (SELECT cookie FROM client WHERE client_group = 'room/counted1'), 'room/counted'));

-- What is asked for wrongly.
SELECT replicache.pull_for(NULL, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g,NULL}', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g}', NULL, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g}', NULL, repeat('x', 1001));
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g,room/counted1,i}', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g,i}', NULL, '', 'ann');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{j}', NULL, '', '');
\echo :LAST_ERROR_SQLSTATE
-- Ids are texts, whatever is in them. An array may have several dimensions.
SELECT push('"q\u0001é', '__proto__', 1, 'nothing');
SELECT (answer -> 'lastMutationIDChanges')::text FROM replicache.pull_for(ARRAY[['"q\u0001é', ''], ['{}', repeat('x', 10000)]], NULL) answer;
SELECT regexp_replace(answer ->> 'confirmed', '[0-9a-f]{16}', '…', 'g') FROM replicache.pull_for(ARRAY['"q\u0001é'], NULL) answer;

-- The schema version of the clients.
SET replicache.schema_versions = '7,8';
SELECT replicache.pull_for('{g}', NULL, schema_version => '6');
SELECT replicache.pull_for('{g}', NULL, schema_version => '7') ->> 'error' AS error, replicache.pull_for('{g}', NULL) ->> 'error' AS none;
RESET replicache.schema_versions;

-- READ ONLY, and in a snapshot of a transaction.
UPDATE client SET cookie = pulled(client_group, user_id, NULL) -> 'cookie' WHERE space = '';
INSERT INTO item VALUES ('read only', 1);
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT answer -> 'patch' AS patch FROM replicache.pull_for('{g,h,i,j}', (SELECT cookie FROM client WHERE client_group = 'g')) answer;
COMMIT;
SELECT * FROM compare();

-- Rights.
SET ROLE regress_pull_for;
SELECT json_array_length(replicache.pull_for('{g,h}', NULL) -> 'patch') > 10 AS all;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION replicache.pull_for FROM regress_pull_for;
SET ROLE regress_pull_for;
SELECT replicache.pull_for('{g,h}', NULL);
RESET ROLE;
GRANT EXECUTE ON FUNCTION replicache.pull_for TO regress_pull_for;
SELECT provolatile, proparallel, has_function_privilege('public', oid, 'EXECUTE') AS public FROM pg_proc WHERE proname = 'pull_for';

-- Where views differ: private tables, parts. Other spaces do not matter.
CREATE TABLE doc (id int PRIMARY KEY, list int NOT NULL, room int NOT NULL DEFAULT 1, title text);
CREATE TABLE share (user_id text, list int);
GRANT SELECT ON doc, share TO regress_pull_for;
INSERT INTO share VALUES ('ann', 1), ('ben', 2);
INSERT INTO doc SELECT i, i % 3, 1, 'title ' || i FROM generate_series(1, 6) i;
SELECT replicache.track_table('doc', space => 'docs/{room}', filter => 't.list IN (SELECT s.list FROM pull_for.share s WHERE s.user_id = replicache.current_user_id())');
INSERT INTO client VALUES ('a1', 'ann', 'docs/1'), ('a2', 'ann', 'docs/1'), ('b1', 'ben', 'docs/1');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{g}', NULL) ->> 'error' AS elsewhere;
SELECT * FROM compare('docs/1', 'ann');
SELECT * FROM compare('docs/1', 'ben');
SELECT replicache.pull_for('{a1}', cookie, 'docs/1') FROM client WHERE client_group = 'a1';
INSERT INTO share VALUES ('ann', 2), ('ben', 1);
DELETE FROM share WHERE user_id = 'ben' AND list = 2;
SELECT push('a2', 'a2c', 1, 'nothing', NULL, 'ann', 'docs/1');
SELECT * FROM compare('docs/1', 'ann');
SELECT * FROM compare('docs/1', 'ben');
SELECT * FROM compare('docs/1', 'ann');
-- Another user's cookie.
SELECT answer #> '{patch,0}' AS first FROM replicache.pull_for('{b1}', (SELECT cookie FROM client WHERE client_group = 'a1'), 'docs/1', 'ben') answer;
-- A large view is recorded, and the record is noted as used by each of the groups.
INSERT INTO doc SELECT i, 1, 1, 'title ' || i FROM generate_series(1001, 3000) i;
SELECT client_groups, lmids, json_array_length(patch) AS patch, differs FROM compare('docs/1', 'ann');
SELECT client_group_id, count(*) FROM replicache.client_view JOIN replicache.view_record r ON r.id = record WHERE user_id = 'ann' GROUP BY 1 ORDER BY 1;
TRUNCATE replicache.client_view;
SELECT json_array_length(replicache.pull_for('{a2,a1,"new tab"}', NULL, 'docs/1', 'ann') -> 'patch') AS patch;
SELECT client_group_id FROM replicache.client_view ORDER BY 1;
BEGIN READ ONLY;
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1', 'ann') -> 'patch') AS patch;
COMMIT;
SELECT replicache.track_table('doc', space => 'docs/{room}', part => 'list', parts => 'SELECT s.list FROM pull_for.share s WHERE s.user_id = replicache.current_user_id()');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
DELETE FROM doc WHERE id > 1000;
SELECT * FROM compare('docs/1', 'ann');
SELECT * FROM compare('docs/1', 'ben');

-- Row-level security. For the owner of the table it does not apply.
SELECT replicache.track_table('doc', space => 'docs/{room}');
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON doc FOR SELECT USING (true);
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1') -> 'patch') AS patch;
SET ROLE regress_pull_for;
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
\echo :LAST_ERROR_SQLSTATE
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1', 'ann') -> 'patch') AS patch;
RESET ROLE;
ALTER TABLE doc DISABLE ROW LEVEL SECURITY;
-- Nor does it count where no query of the space reads the table. A value may read another table.
ALTER TABLE share ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON share FOR SELECT USING (user_id = replicache.current_user_id());
SET ROLE regress_pull_for;
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1') -> 'patch') AS patch;
RESET ROLE;
SELECT replicache.track_table('doc', space => 'docs/{room}', value => '(SELECT to_json(count(*)) FROM pull_for.share s WHERE s.list = t.list)');
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1') -> 'patch') AS patch;
ANALYZE share;  -- the reason is the same when the plan of the pull before is no longer valid
SET ROLE regress_pull_for;
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
RESET ROLE;
ALTER TABLE share DISABLE ROW LEVEL SECURITY;
SET ROLE regress_pull_for;
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1') -> 'patch') AS patch;
RESET ROLE;

-- Expressions that ask whose answer it is.
SELECT replicache.track_table('doc', space => 'docs/{room}', value => $$json_build_object('mine', t.title = replicache.current_user_id())$$);
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
\echo :LAST_ERROR_SQLSTATE
SELECT json_array_length(replicache.pull_for('{a1,a2}', NULL, 'docs/1', 'ann') -> 'patch') AS patch;
SELECT replicache.track_table('doc', space => 'docs/{room}', value => 'to_json(replicache.current_client_group_id())');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{a1}', NULL, 'docs/1', 'ann');
SELECT replicache.track_table('doc', space => 'docs/{room}', value => 'to_json(replicache.current_client_id())');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1', 'ann');
-- What is the same for all may be asked.
SELECT replicache.track_table('doc', space => 'docs/{room}', value => $$json_build_array(replicache.current_space(), replicache.current_mutation_id(), replicache.current_schema_version(), replicache.current_version() = t.version)$$);
SELECT replicache.pull_for('{a1}', NULL, 'docs/1', schema_version => 's') #> '{patch,1,value}' AS value;
-- No handler takes the question back, and no subtransaction.
CREATE FUNCTION secretly() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    BEGIN PERFORM 1 / length(coalesce(replicache.current_user_id(), '')); EXCEPTION WHEN OTHERS THEN RETURN 'caught'; END;
    RETURN 'known'; END $$;
SELECT replicache.track_table('doc', space => 'docs/{room}', value => 'to_json(pull_for.secretly())');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull_for('{a1}', NULL, 'docs/1', 'ann') #> '{patch,1,value}' AS value;
-- Nor is it lost with a table that is left out.
CREATE FUNCTION fails() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM replicache.current_user_id(); RAISE 'broken'; END $$;
SELECT replicache.track_table('doc', space => 'docs/{room}', value => 'to_json(pull_for.fails())');
SET replicache.skip_broken_tables = on;
SELECT replicache.pull_for('{a1}', NULL, 'docs/1');
SELECT answer -> 'patch' AS patch, json_array_length(answer #> '{cookie,skipped}') AS skipped FROM replicache.pull_for('{a1}', NULL, 'docs/1', 'ann') answer;
RESET replicache.skip_broken_tables;
-- A pull within the pull asks about itself.
CREATE FUNCTION inner_pull() RETURNS json LANGUAGE sql AS $$ SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"inner","cookie":null}', 'eve', 'room/counted') -> 'patch' $$;
SELECT replicache.track_table('doc', space => 'docs/{room}', value => 'pull_for.inner_pull()');
SELECT replicache.pull_for('{a1}', NULL, 'docs/1') #> '{patch,1,value,0}' AS value;
-- After all this, nothing is asked any more.
SELECT replicache.current_user_id() IS NULL AS none, replicache.track_table('doc', space => 'docs/{room}');
SELECT json_array_length(replicache.pull_for('{a1}', NULL, 'docs/1') -> 'patch') AS patch;

-- A group whose space has another text on record, from before spaces had one text each: all of its clients come.
CREATE TABLE card (id int PRIMARY KEY, team uuid NOT NULL);
SELECT replicache.track_table('card', space => 'card/{team}');
SELECT push('upper', 'u1', 1, 'nothing', NULL, 'ann', 'card/aaaaaaaa-0000-0000-0000-000000000001'), push('lower', 'l1', 1, 'nothing', NULL, 'ann', 'card/aaaaaaaa-0000-0000-0000-000000000001');
UPDATE replicache.client_group SET space = replace(space, 'a-', 'A-') WHERE id = 'upper';
SELECT answer -> 'cookie' AS seen FROM replicache.pull_for('{}', NULL, 'card/AAAAAAAA-0000-0000-0000-000000000001') answer \gset
INSERT INTO card VALUES (1, 'aaaaaaaa-0000-0000-0000-000000000001');
SELECT answer -> 'lastMutationIDChanges' AS lmids, json_array_length(answer -> 'patch') AS patch FROM replicache.pull_for('{upper,lower}', :'seen', 'card/aaaaaaaa-0000-0000-0000-000000000001') answer;

-- Of clients with the same version, the one with the greatest id counts as the last, in both ways. Garbage is a group without news.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"tie","mutations":[{"clientID":"t2","id":1,"name":"nothing"},{"clientID":"t3","id":1,"name":"nothing"},{"clientID":"t1","id":1,"name":"nothing"}]}', 'ann', 'tie') -> 'applied' AS applied;
UPDATE replicache.client SET last_seen = now() - interval '2 years' WHERE id = 't2';
INSERT INTO client VALUES ('tie', 'ann', 'tie');
SELECT * FROM compare('tie');
SELECT cookie ->> 'confirmed' = (SELECT a #>> '{confirmed,tie}' FROM replicache.pull_for('{tie}', NULL, 'tie') a) AS same FROM client WHERE client_group = 'tie';
SELECT replicache.collect_garbage('1 year') -> 'clients' AS clients;
SELECT * FROM compare('tie');
UPDATE client SET cookie = NULL WHERE space = 'tie';
SELECT * FROM compare('tie');

-- A superuser has dropped the indexes, or put others in their place: slower, and no different.
DROP INDEX replicache.client_client_group_id_idx;
CREATE INDEX client_client_group_id_idx ON replicache.client (last_seen);
SELECT answer -> 'lastMutationIDChanges' AS lmids FROM replicache.pull_for('{many7,g}', NULL) answer;
DROP INDEX replicache.client_client_group_id_idx;
CREATE INDEX client_client_group_id_idx ON replicache.client (client_group_id) WHERE client_group_id > 'm';
SELECT answer -> 'lastMutationIDChanges' AS lmids FROM replicache.pull_for('{many7,g}', NULL) answer;

-- A cookie of another history has no common answer: whether its mutations are known here differs from client to client.
SELECT cookie AS seen FROM client WHERE client_group = 'g' \gset
SELECT replicache.new_epoch();
SELECT replicache.pull_for('{g,h}', :'seen') IS NULL AS of_another_history, replicache.pull_for('{g,h}', :'seen', 'other') IS NULL AS of_another_space;
SELECT pulled('g', 'ann', :'seen') ->> 'error' AS error;

-- A superuser has altered a column.
SELECT push('fresh', 'fresh1', 1, 'nothing');
ALTER TABLE replicache.client ALTER last_mutation_id TYPE text;
SELECT replicache.pull_for('{fresh}', NULL);
\echo :LAST_ERROR_SQLSTATE

DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA pull_for CASCADE;
DROP ROLE regress_pull_for;
