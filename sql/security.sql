-- Who may do what, and whose search_path is whose.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA security;
SET search_path = security, public;

-- Nothing for PUBLIC; everything is described; nothing runs with the rights of its definer.
SELECT oid::regprocedure AS "for PUBLIC" FROM pg_proc WHERE pronamespace = 'replicache'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE');
SELECT oid::regclass AS "for PUBLIC" FROM pg_class WHERE relnamespace = 'replicache'::regnamespace AND relkind IN ('r', 'S', 'v')
    AND (relacl IS NOT NULL AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = 0));
SELECT has_schema_privilege('public', 'replicache', 'USAGE') OR has_schema_privilege('public', 'replicache', 'CREATE') AS "for PUBLIC";
SELECT oid::regprocedure AS "without comment" FROM pg_proc WHERE pronamespace = 'replicache'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;
SELECT oid::regprocedure AS "parallel safe, definer or leakproof" FROM pg_proc WHERE pronamespace = 'replicache'::regnamespace AND (proparallel = 's' OR prosecdef OR proleakproof);

CREATE TABLE item (id text PRIMARY KEY, v bigint);
SELECT replicache.track_table('item');
CREATE FUNCTION put(id text, v bigint) RETURNS void LANGUAGE sql AS $$ INSERT INTO security.item VALUES (id, v) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET v = excluded.v $$;
CREATE FUNCTION who() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% % %', current_user, session_user = current_user, current_setting('search_path'); END $$;
CREATE FUNCTION definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$ BEGIN RAISE EXCEPTION '% %', current_user = session_user, current_setting('search_path'); END $$;
CREATE FUNCTION books() RETURNS void LANGUAGE sql AS $$ UPDATE replicache.client SET last_mutation_id = 99 $$;
SELECT replicache.register_mutator('put', 'put(text,bigint)'), replicache.register_mutator('who', 'who()'), replicache.register_mutator('definer', 'definer()'), replicache.register_mutator('books', 'books()');
CREATE FUNCTION push(client text, VARIADIC mutations text[]) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(', ', a->'applied', (SELECT string_agg((r->>'code') || ' ' || (r->>'message'), ', ') FROM json_array_elements(a->'rejected') r))
    FROM replicache.apply_push(('{"pushVersion":0,"clientID":"' || client || '","mutations":[' || array_to_string(mutations, ',') || ']}')::json, 'ann') a $$;

-- A role without grants.
CREATE ROLE regress_none;
CREATE ROLE regress_app;
GRANT USAGE ON SCHEMA security TO regress_none, regress_app;
SET ROLE regress_none;
SELECT replicache.apply_push('{}');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.pull('{}');
\echo :LAST_ERROR_SQLSTATE
TABLE replicache.client;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT USAGE ON SCHEMA replicache TO regress_none;
-- What a role can do, by trying all of it.
CREATE FUNCTION can(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'YES';
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 'no: ' || SQLERRM;
WHEN OTHERS THEN
    RETURN 'YES, but: ' || SQLERRM;
END $$;
CREATE VIEW attempts AS SELECT * FROM (VALUES
    (1, 'push', $$SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[]}')$$),
    (2, 'pull', $$SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}', NULL, 'nowhere')$$),
    (3, 'pull_since', $$SELECT replicache.pull_since(0, NULL, 'nowhere')$$),
    (4, 'context', $$SELECT replicache.current_user_id(), replicache.current_space(), replicache.current_client_group_id(), replicache.current_client_id(), replicache.current_mutation_id(), replicache.current_version(), replicache.current_schema_version()$$),
    (10, 'track', $$SELECT replicache.track_table('item')$$),
    (11, 'untrack', $$SELECT replicache.untrack_table('item')$$),
    (12, 'resync', $$SELECT replicache.resync('item')$$),
    (13, 'register', $$SELECT replicache.register_mutator('x', 'who()')$$),
    (14, 'unregister', $$SELECT replicache.unregister_mutator('put')$$),
    (15, 'create_space', $$SELECT replicache.create_space('s')$$),
    (16, 'grant_usage', $$SELECT replicache.grant_usage('regress_none')$$),
    (17, 'new_epoch', $$SELECT replicache.new_epoch()$$),
    (18, 'replay', $$SELECT replicache.replay(1)$$),
    (20, 'trigger', $$CREATE TEMP TABLE t (id int); CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION replicache.on_change('id', '', 'x/{id}')$$),
    (21, 'registry trigger', $$CREATE TEMP TABLE t2 (id int); CREATE TRIGGER t AFTER INSERT ON t2 FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change()$$),
    (22, 'create in schema', $$CREATE TABLE replicache.mine ()$$),
    (23, 'drop trigger', $$DROP TRIGGER on_registry_change ON replicache.mutator$$),
    (24, 'disable', $$ALTER TABLE security.item DISABLE TRIGGER ALL$$)) a(n, what, command)
    UNION ALL SELECT 100 + row_number() OVER (ORDER BY relname, w), w || ' ' || relname, format(CASE w WHEN 'select' THEN 'TABLE replicache.%I' WHEN 'insert' THEN 'INSERT INTO replicache.%I DEFAULT VALUES'
        WHEN 'update' THEN 'UPDATE replicache.%I SET ' || (SELECT quote_ident(attname) || ' = DEFAULT' FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1) WHEN 'delete' THEN 'DELETE FROM replicache.%I' WHEN 'truncate' THEN 'TRUNCATE replicache.%I' END, relname)
    FROM pg_class c, unnest('{select,insert,update,delete,truncate}'::text[]) w WHERE relnamespace = 'replicache'::regnamespace AND relkind = 'r';
GRANT SELECT ON attempts TO regress_none, regress_app;
SET ROLE regress_none;
SELECT what, can(command) FROM attempts WHERE n < 20 ORDER BY n;
RESET ROLE;
SELECT replicache.grant_usage('regress_app');
SET ROLE regress_app;
SELECT what, can(command) FROM attempts WHERE n < 100 ORDER BY n;
SELECT count(*) > 30 AS many FROM attempts WHERE n > 100;
SELECT what, can(command) FROM attempts WHERE n > 100 AND can(command) NOT LIKE 'no: permission denied for table %';
RESET ROLE;
-- Who sets up may set up, and nothing else: neither push and pull, nor what concerns others. Only the owner may touch a table.
CREATE ROLE regress_setup;
SELECT replicache.grant_setup('regress_setup');
GRANT SELECT ON attempts TO regress_setup;
GRANT USAGE ON SCHEMA security TO regress_setup;
SELECT p.proname FROM pg_proc p WHERE pronamespace = 'replicache'::regnamespace AND has_function_privilege('regress_setup', p.oid, 'EXECUTE') ORDER BY 1;
SELECT p.proname AS grantable FROM pg_proc p WHERE pronamespace = 'replicache'::regnamespace AND has_function_privilege('regress_setup', p.oid, 'EXECUTE WITH GRANT OPTION');
BEGIN;
SET LOCAL ROLE regress_setup;
SELECT what, can(command) FROM attempts WHERE n < 20 ORDER BY n;
SELECT what, can(command) FROM attempts WHERE n > 100 AND can(command) NOT LIKE 'no: permission denied for table %';
ROLLBACK;
-- Another role can pass the rights on only as a whole. Nothing is granted otherwise.
CREATE ROLE regress_passes;
GRANT USAGE ON SCHEMA replicache TO regress_passes WITH GRANT OPTION;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache TO regress_passes;
SET client_min_messages = error;
SET ROLE regress_passes;
SELECT replicache.grant_setup('regress_none');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT has_function_privilege('regress_none', 'replicache.create_space(text,text)', 'EXECUTE');
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache TO regress_passes WITH GRANT OPTION;
-- The schema, too.
BEGIN;
REVOKE GRANT OPTION FOR USAGE ON SCHEMA replicache FROM regress_passes;
REVOKE USAGE ON SCHEMA replicache FROM regress_none;
SET LOCAL ROLE regress_passes;
SAVEPOINT before;
SELECT replicache.grant_setup('regress_none');
ROLLBACK TO before;
SELECT replicache.grant_usage('regress_none');
ROLLBACK;
SET ROLE regress_passes;
BEGIN;
SELECT replicache.grant_setup('regress_none');
SELECT has_function_privilege('regress_none', 'replicache.create_space(text,text)', 'EXECUTE');
ROLLBACK;
RESET ROLE;
RESET client_min_messages;
DROP OWNED BY regress_setup, regress_passes CASCADE;
DROP ROLE regress_setup, regress_passes;
SELECT replicache.grant_setup(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.grant_setup(4294967295::oid);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.grant_usage(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.grant_usage('regress_nobody');
\echo :LAST_ERROR_SQLSTATE
CREATE ROLE "regress_Odd; DROP ROLE ""x""";
SELECT replicache.grant_usage('"regress_Odd; DROP ROLE ""x"""');
SELECT replicache.grant_setup('"regress_Odd; DROP ROLE ""x"""');
SELECT has_function_privilege('"regress_Odd; DROP ROLE ""x"""'::regrole, f, 'EXECUTE') FROM unnest('{"replicache.pull_since(bigint,text,text)","replicache.retrack(regclass)"}'::text[]) f;
DROP OWNED BY "regress_Odd; DROP ROLE ""x""";
DROP ROLE "regress_Odd; DROP ROLE ""x""";

-- A mutator runs as the calling role, with its search_path and its rights; the extension's own tables are touched all the same.
SET ROLE regress_app;
SET search_path = security, pg_temp;
SELECT push('c', '{"id":1,"name":"who"}', '{"id":2,"name":"definer"}', '{"id":3,"name":"put","args":{"id":"a","v":1}}', '{"id":4,"name":"books"}', '{"id":5,"name":"no such"}');
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON item TO regress_app;
SET ROLE regress_app;
SELECT push('c', '{"id":6,"name":"put","args":{"id":"a","v":1}}');
INSERT INTO item VALUES ('direct', 1);
DELETE FROM item WHERE id = 'direct';
SELECT replicache.pull('{"pullVersion":0,"clientID":"c","cookie":null}', 'ann') -> 'lastMutationID' AS id, replicache.pull_since(2);
RESET ROLE;
-- EXECUTE is checked; without it the push is raised and nothing is changed. EXECUTE decides, not the way to the function.
REVOKE EXECUTE ON FUNCTION who() FROM PUBLIC;
CREATE SCHEMA security_hidden;
CREATE FUNCTION security_hidden.f() RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('hidden', 'security_hidden.f()');
SET ROLE regress_app;
SELECT push('c', '{"id":7,"name":"put","args":{"id":"b","v":1}}', '{"id":8,"name":"who"}');
\echo :LAST_ERROR_SQLSTATE
SELECT push('c', '{"id":7,"name":"put","args":{"id":"b","v":1}}', '{"id":8,"name":"hidden"}');
RESET ROLE;
SELECT push('owner', '{"id":1,"name":"hidden"}');
SET ROLE regress_app;
SELECT push('c', '{"id":9,"name":"hidden"}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION who() TO regress_app;
SET ROLE regress_app;
SELECT push('c', '{"id":10,"name":"who"}');
RESET ROLE;
SELECT last_mutation_id FROM replicache.client WHERE id = 'c';
-- A default needs EXECUTE as well.
CREATE FUNCTION secret() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT 'secret' $$;
REVOKE EXECUTE ON FUNCTION secret() FROM PUBLIC;
CREATE FUNCTION leaks(a text DEFAULT secret()) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', a; END $$;
SELECT replicache.register_mutator('leaks', 'leaks(text)');
SET ROLE regress_app;
SELECT push('c', '{"id":11,"name":"leaks"}', '{"id":12,"name":"leaks","args":{"a":"given"}}');
RESET ROLE;
-- Through a SECURITY DEFINER function of the owner, everything is done as the owner.
CREATE FUNCTION wrapper(push json) RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = security AS $$ SELECT replicache.apply_push(push, 'ann') $$;
SET ROLE regress_none;
SELECT wrapper('{"pushVersion":0,"clientID":"w","mutations":[{"id":1,"name":"definer"},{"id":2,"name":"put","args":{"id":"w","v":1}}]}')->'applied' AS applied;
SELECT current_user;
RESET ROLE;

-- A search_path with an enemy in front of pg_catalog: nothing of the extension's own may find its operators and functions.
CREATE SCHEMA evil;
CREATE FUNCTION evil.boom() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil was called'; END $$;
DO $do$
DECLARE t text; o text;
BEGIN
    FOREACH t IN ARRAY '{bigint,integer,text,oid,name,boolean,"char",smallint,regclass,"text[]","name[]",anyelement,xid8,timestamptz}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION evil.op(%s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN true; END $$', t);
        FOREACH o IN ARRAY '{=,<>,<,>,<=,>=,<@,@>,&&,~,~~,^@}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = evil.op)', o, t);
        END LOOP;
    END LOOP;
END $do$;
CREATE FUNCTION evil.op3(text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 'evil'::text $$;
CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.op3);
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT evil.boom(); SELECT pg_catalog.now() $$;
CREATE FUNCTION evil.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 'evil'::text $$;
CREATE FUNCTION evil.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 1::bigint $$;
CREATE FUNCTION evil.format(text, VARIADIC "any") RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); END $$;
CREATE FUNCTION evil.max(bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 1::bigint $$;
CREATE FUNCTION evil.count() RETURNS bigint LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 1::bigint $$;
CREATE FUNCTION evil.generate_series(int, int) RETURNS SETOF int LANGUAGE sql AS $$ SELECT evil.boom(); SELECT 1 $$;
CREATE FUNCTION evil.pg_get_expr(pg_node_tree, oid) RETURNS text LANGUAGE sql AS $$ SELECT evil.boom(); SELECT ''::text $$;
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN evil.json AS pg_catalog.json CHECK (false);
CREATE DOMAIN evil.bigint AS pg_catalog.int8 CHECK (false);
CREATE DOMAIN evil.oid AS pg_catalog.oid CHECK (false);
CREATE DOMAIN evil.regclass AS pg_catalog.regclass CHECK (false);
CREATE TABLE evil.space (id pg_catalog.text, version pg_catalog.int8);
CREATE TABLE evil.client (id pg_catalog.text);
CREATE TABLE evil.mutator (name pg_catalog.text, function pg_catalog.text);
GRANT USAGE ON SCHEMA evil TO regress_app;
-- The enemy is there.
SET search_path = evil, pg_catalog;
SELECT 1::int8 = 1::int8;
SELECT 'a' || 'b'::pg_catalog.text;
\c -
SET ROLE regress_app;
SET search_path = evil, pg_catalog;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"e","mutations":[{"clientID":"e","id":1,"name":"put","args":{"id":"e","v":1}},{"clientID":"e","id":2,"name":"no such"},{"clientID":"f","id":1,"name":"put","args":{"v":2,"id":"f"}}]}', 'ann');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"e","mutations":[{"clientID":"e","id":2,"name":"put"},{"clientID":"e","id":4,"name":"put"}]}', 'ann');
SELECT replicache.pull_since(2, 'e');
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"e","cookie":null}', 'ann') OPERATOR(pg_catalog.->) 'lastMutationIDChanges' AS changes;
SELECT replicache.pull('{"pullVersion":0,"clientID":"c","cookie":null}', 'ann') OPERATOR(pg_catalog.->) 'lastMutationID' AS id;
DELETE FROM security.item;
INSERT INTO security.item VALUES ('direct', 1);
UPDATE security.item SET id = 'moved', v = 7;
UPDATE security.item SET v = v;
TABLE security.item;
DELETE FROM security.item;
RESET ROLE;
-- Set-up, with the enemy in the owner's path.
SELECT replicache.untrack_table('security.item');
CREATE TABLE security.more (id int PRIMARY KEY, room pg_catalog.text NOT NULL, gone boolean);
INSERT INTO security.more VALUES (1, 'r', false);
SELECT replicache.track_table('security.item', key => 'x/{id}'), replicache.track_table('security.more', 'm/{room}/{id}', 'pg_catalog.to_jsonb(id)', 'room', 'gone');
SELECT replicache.resync('security.more');
SELECT replicache.create_space('new space');
CREATE FUNCTION security.late(a pg_catalog.text) RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('late', 'security.late(pg_catalog.text)');
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"late","mutations":[{"id":1,"name":"late","args":{"a":"x"}}]}') OPERATOR(pg_catalog.->) 'applied' AS applied;
SELECT replicache.unregister_mutator('late');
SELECT replicache.grant_usage('regress_none');
SELECT replicache.pull_since(0, NULL, 'r');
TRUNCATE security.more;
SELECT replicache.untrack_table('security.more');
ALTER TABLE security.more ADD COLUMN late int;
DROP TABLE security.more;
DROP TABLE security.item;

RESET search_path;
SET client_min_messages = error;
DROP SCHEMA evil CASCADE;
DROP SCHEMA security_hidden CASCADE;
DROP SCHEMA security CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_none;
DROP ROLE regress_app;
