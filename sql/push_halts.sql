-- What becomes of a mutation by the SQLSTATE of its mutator: rejected for good, halted for now, or raised to the caller.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA push_halts;
SET search_path = push_halts, public;

CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS $$ INSERT INTO push_halts.item VALUES (id) $$;
CREATE FUNCTION fail(code text, message text DEFAULT 'failed') RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES ('half of ' || code);
    RAISE EXCEPTION '%', message USING ERRCODE = code, DETAIL = 'the detail', HINT = 'the hint';
END $$;
SELECT replicache.register_mutator('add', 'add(text)');
SELECT replicache.register_mutator('fail', 'fail(text,text)');
CREATE SEQUENCE next;
-- Three mutations of a client of its own, of which the second fails.
CREATE FUNCTION three(client text, code text) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('pushVersion', 1, 'clientGroupID', client, 'mutations', json_build_array(
    json_build_object('clientID', client, 'id', 1, 'name', 'add', 'args', json_build_object('id', client || ' before')),
    json_build_object('clientID', client, 'id', 2, 'name', 'fail', 'args', json_build_object('code', code)),
    json_build_object('clientID', client, 'id', 3, 'name', 'add', 'args', json_build_object('id', client || ' after')))) $$;
-- What a push did: items and last_mutation_id of the client, and its answer.
CREATE FUNCTION outcome(code text) RETURNS TABLE (fate text, last_mutation_id bigint, items text[], raised text) LANGUAGE plpgsql AS $$
DECLARE
    client text := 'c' || nextval('push_halts.next');
    answer json;
BEGIN
    BEGIN
        answer := replicache.apply_push(three(client, code), 'ann');
    EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
        raised := SQLSTATE || ' ' || SQLERRM;
    END;
    fate := CASE WHEN raised IS NOT NULL THEN 'raised' WHEN answer->>'halted' IS NOT NULL THEN 'halted: ' || (answer->'halted'->>'reason') || ' ' || (answer->'halted'->>'code')
        ELSE 'rejected: ' || (answer->'rejected'->0->>'code') END;
    SELECT c.last_mutation_id INTO outcome.last_mutation_id FROM replicache.client c WHERE id = client;
    SELECT array_agg(replace(id, client, 'c')) INTO items FROM item WHERE id LIKE client || ' %' OR id LIKE 'half%';
    RETURN NEXT;
END $$;

-- For now: classes 08, 53 and 58, 55P03, 55006, RE001.
SELECT c.code, o.* FROM unnest('{08000,08006,08P01,08ABC,53000,53100,53200,53300,53400,58000,58030,58P01,55P03,55006,RE001}'::text[]) WITH ORDINALITY AS c(code, n),
    LATERAL outcome(code) o ORDER BY n;
-- To the caller: classes 40, 57 and XX, and 25006.
SELECT c.code, o.* FROM unnest('{40000,40001,40002,40003,40P01,57000,57014,57P01,57P02,57P03,57P05,XX000,XX001,XX002,25006}'::text[]) WITH ORDINALITY AS c(code, n),
    LATERAL outcome(code) o ORDER BY n;
-- Everything else is for good, also what looks similar.
SELECT c.code, o.* FROM unnest('{P0001,P0002,P0004,22012,23505,23503,42501,42P01,42883,0A000,25001,25P02,25000,54000,55000,55P02,55P04,RE000,RE002,F0000,HV000,HV00N,72000,99999,ZZZZZ,21000,38000,39000}'::text[])
    WITH ORDINALITY AS c(code, n), LATERAL outcome(code) o ORDER BY n;

-- A halted push in full: what came before stands, the failing one is neither marked nor recorded, and the same push goes on when all is well again.
SELECT replicache.apply_push(three('h', 'RE001'), 'ann');
SELECT replicache.apply_push(three('h', '53200'), 'ann');
SELECT id, last_mutation_id FROM replicache.client WHERE id = 'h';
SELECT count(*) FROM replicache.mutation_error WHERE client_id = 'h';
SELECT id FROM item WHERE id LIKE 'h %';
SELECT version AS v FROM replicache.space \gset
SELECT replicache.apply_push(three('h', 'RE001'), 'ann');
SELECT version = :v AS "no new version" FROM replicache.space;
CREATE OR REPLACE FUNCTION fail(code text, message text DEFAULT 'failed') RETURNS void LANGUAGE sql AS $$ INSERT INTO push_halts.item VALUES ('h late') $$;
SELECT (replicache.apply_push(three('h', 'RE001'), 'ann')->'applied')::text;
SELECT id FROM item WHERE id LIKE 'h %' ORDER BY id;
CREATE OR REPLACE FUNCTION fail(code text, message text DEFAULT 'failed') RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES ('half of ' || code);
    RAISE EXCEPTION '%', message USING ERRCODE = code, DETAIL = 'the detail', HINT = 'the hint';
END $$;
-- Halted at the first mutation of a new client: the client does not come into being.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"new","mutations":[{"clientID":"new","id":1,"name":"fail","args":{"code":"55P03","message":"busy \"now\""}}]}');
SELECT count(*) FROM replicache.client_group WHERE id = 'new';
SELECT count(*) FROM replicache.client WHERE id = 'new';
-- Other clients of the push wait behind it.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"new","mutations":[{"clientID":"n1","id":1,"name":"fail","args":{"code":"P0001"}},
    {"clientID":"n2","id":1,"name":"fail","args":{"code":"RE001"}},{"clientID":"n1","id":2,"name":"add","args":{"id":"n1"}}]}');
SELECT id, last_mutation_id FROM replicache.client WHERE id LIKE 'n%';

-- Raised in full, with detail and hint. Nothing stays, the session is fine, and the same push applies when its time has come.
SELECT replicache.apply_push(three('r', '40001'), 'ann');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.apply_push(three('r', '57014'), 'ann');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"r","mutations":[{"clientID":"r0","id":1,"name":"add","args":{"id":"r0"}}]}', 'ann');
SELECT replicache.apply_push(three('r', 'XX000'), 'ann');
\echo :LAST_ERROR_SQLSTATE
SELECT 1;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- … caught by a savepoint, what was before it stands.
BEGIN;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"r","mutations":[{"clientID":"r0","id":1,"name":"add","args":{"id":"r0"}}]}', 'ann')->'applied' AS applied;
SAVEPOINT s;
SELECT replicache.apply_push(three('r', '40P01'), 'ann');
ROLLBACK TO s;
SELECT replicache.current_version() IS NULL AS "no context left";
COMMIT;
SELECT id, last_mutation_id FROM replicache.client WHERE id LIKE 'r%';
SELECT id FROM item WHERE id LIKE 'r%';
SELECT count(*) FROM replicache.mutation_error WHERE client_id LIKE 'r%';
CREATE OR REPLACE FUNCTION fail(code text, message text DEFAULT 'failed') RETURNS void LANGUAGE sql AS $$ INSERT INTO push_halts.item VALUES ('r late') $$;
SELECT (replicache.apply_push(three('r', '40001'), 'ann')->'applied')::text;

-- Real ones: a mutator that asks for what nobody has, divides by zero, recurses without end, writes where it may not, or says something odd.
CREATE FUNCTION real_one(what text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
    CASE what
        WHEN 'division' THEN PERFORM 1 / 0;
        WHEN 'nothing' THEN INSERT INTO item VALUES (NULL);
        WHEN 'duplicate' THEN INSERT INTO item VALUES ('twice'), ('twice');
        WHEN 'recursion' THEN RETURN real_one(what);
        WHEN 'table' THEN PERFORM * FROM no_such_table;
        WHEN 'syntax' THEN EXECUTE 'SELEKT';
        WHEN 'commit' THEN EXECUTE 'COMMIT';
        WHEN 'assert' THEN ASSERT false, 'asserted';
        WHEN 'row' THEN RAISE no_data_found;
        WHEN 'empty' THEN RAISE EXCEPTION USING MESSAGE = '', DETAIL = '', HINT = '';
        WHEN 'quotes' THEN RAISE EXCEPTION E'a "b" \\ c\n\td 😀';
        WHEN 'read only' THEN SET LOCAL transaction_read_only = on; INSERT INTO item VALUES ('ro');
        WHEN 'push' THEN RETURN replicache.apply_push('{"pushVersion":1,"clientGroupID":"inner","mutations":[]}');
        WHEN 'notice' THEN RAISE WARNING 'a warning'; RAISE SQLSTATE '01000';
    END CASE;
END $$;
SELECT replicache.register_mutator('real', 'real_one(text)');
SET client_min_messages = error;
SET replicache.on_defect = reject;  -- the table
SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', 'real', 'mutations', json_agg(json_build_object('id', n, 'name', 'real', 'args', json_build_object('what', what))))) AS answer
    FROM unnest('{division,nothing,duplicate,recursion,table,syntax,commit,assert,row,empty,quotes,push,notice,nonsense}'::text[]) WITH ORDINALITY AS w(what, n) \gset
SELECT r->>'id' AS id, r->>'code' AS code, r->>'message' AS message FROM json_array_elements(:'answer'::json->'rejected') r;
SELECT :'answer'::json->'applied' AS applied, :'answer'::json->'halted' AS halted, :'answer'::json->'rejected'->9 AS empty;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"real","mutations":[{"id":15,"name":"real","args":{"what":"read only"}}]}');
\echo :LAST_ERROR_SQLSTATE
SHOW transaction_read_only;
SELECT mutation_id, sqlstate, message, detail IS NULL AS "no detail", hint IS NULL AS "no hint" FROM replicache.mutation_error WHERE client_id = 'real' AND mutation_id IN (10, 11) ORDER BY 1;
SELECT count(*) FROM item WHERE id IN ('twice', 'ro') OR id LIKE 'half%';

DROP SCHEMA push_halts CASCADE;
DROP EXTENSION replicache_ext;
