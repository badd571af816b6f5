\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.6.0'" to load this file. \quit

ALTER TABLE replicache.tombstone REPLICA IDENTITY FULL;
ALTER TABLE replicache.creation REPLICA IDENTITY FULL;
ALTER TABLE replicache.garbage_collection REPLICA IDENTITY FULL;

CREATE TABLE replicache.query (
    name text COLLATE "C" PRIMARY KEY,
    ast json,
    function text,
    CONSTRAINT query_check CHECK (pg_catalog.num_nonnulls(ast, function) = 1)
);
COMMENT ON TABLE replicache.query IS 'what serves each named query of Zero: a template or a function';
COMMENT ON COLUMN replicache.query.ast IS 'The template: the AST of the query, with placeholders. Null: a function.';
COMMENT ON COLUMN replicache.query.function IS 'The signature, as regprocedure reads it. Null: a template.';
SELECT pg_catalog.pg_extension_config_dump('replicache.query', '');
CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.query
    FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change();
REVOKE ALL ON replicache.query FROM PUBLIC;

CREATE FUNCTION replicache.register_query(name text, ast json DEFAULT NULL, function regprocedure DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_register_query';
COMMENT ON FUNCTION replicache.register_query(text, json, regprocedure) IS
'Registers a named query of Zero, so that clients can ask for it. If the name is registered already, the new query replaces the old one. Pass ast or function.
name: the name of the query, as clients send it. A | in it counts as a dot.
ast: the AST of the query, with the names of tables and columns on the server. {"$arg":"name"} in it stands for a member of the args, {"$arg":"name","default":1} has a default, {"$arg":null} stands for the args themselves, and {"$user":true} for the user_id. A client can fill in strings, numbers, booleans, null, and arrays of strings, numbers and booleans.
function: a function of the calling role that returns the AST as json or jsonb, in any language. It may be stable. Its parameters are filled as those of a mutator. It runs as the role that calls zero_queries.
Errors: 42501 the caller is not the owner of the function; 42883 no such function; 42809 the function cannot be a query; 22023 the name is empty, ast and function are both given or both missing, ast is no query, or a placeholder is malformed.';

CREATE FUNCTION replicache.unregister_query(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_unregister_query';
COMMENT ON FUNCTION replicache.unregister_query(text) IS
'Removes a named query of Zero. From now on, clients that ask for it get an error.
name: the name under which it was registered.
Errors: 42704 not registered.';
REVOKE ALL ON FUNCTION replicache.register_query(text, json, regprocedure), replicache.unregister_query(text) FROM PUBLIC;

CREATE FUNCTION replicache.zero_queries(request json, user_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_zero_queries';
COMMENT ON FUNCTION replicache.zero_queries(json, text) IS
'Answers the query endpoint of Zero: the AST of each named query that a client asks for. The extension writes nothing, so it works on a standby, too.
request: the body of the request, ["transform",[{"id","name","args"}]].
user_id: the user that the backend has authenticated. NULL: a client that is logged out.
Result: send it to zero-cache with 200. {"kind":"QueryResponse","queries":[{"id","name","ast"}],"userID"}. A query that is unknown or fails has {"error":"app","id","name","message","details"} instead. Or {"kind":"TransformFailed",…} for a malformed request.
Errors: 22004 request is null; 42501 the role may not execute the function of a query; classes 08, 40, 53, 57, 58 and XX, 25006, 55006, 55P03 and RE001 from a function: answer 503, and zero-cache asks again.
Rules: https://zero.rocicorp.dev/docs/queries';
REVOKE ALL ON FUNCTION replicache.zero_queries(json, text) FROM PUBLIC;

CREATE FUNCTION replicache.zero_push(request json, schema text, app_id text, user_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_zero_push';
COMMENT ON FUNCTION replicache.zero_push(json, text, text, text) IS
'Answers Zero''s mutate endpoint in the calling transaction. Applies the mutations of a push of zero-cache, in the space ''''.
request: the body of the request.
schema: the parameter "schema" of its URL: the schema of zero-cache''s tables "clients" and "mutations". The calling role needs USAGE on it, SELECT, INSERT and UPDATE on clients, and SELECT, INSERT and DELETE on mutations.
app_id: the parameter "appID" of its URL.
user_id: the user that the backend has authenticated. NULL: a client that is logged out.
Result: the answer, to be sent with 200: {"kind":"MutateResponse",…}, or {"kind":"PushFailed",…} if the request is malformed, out of order or of another version, or if the tables do not exist. A mutation that its mutator refuses is in "mutations" with {"error":"app",…}. Or {"halted":{…}} if the time of the push is over (replicache.push_time): answer 503, and the rest comes again.
Errors: answer 503 to all of them. Nothing was processed then. 08, 40, 53, 55P03, 55006, 58 and RE001 from a mutator: three attempts have failed. 42501 the role lacks a right; 25006 read-only transaction; 22004 request is null; 0A000 called by a mutator; defects of the database (replicache.on_defect).
Rules: https://zero.rocicorp.dev/docs/mutators';
REVOKE ALL ON FUNCTION replicache.zero_push(json, text, text, text) FROM PUBLIC;

CREATE FUNCTION replicache.why_one_by_one(relation regclass) RETURNS TABLE (operation text, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_why_one_by_one';
COMMENT ON FUNCTION replicache.why_one_by_one(regclass) IS
'Says why changes of an exposed table are written one row at a time, and not several by one statement. It writes nothing, but plans statements: as with EXPLAIN, code of the table''s owner may run as the calling role.
relation: an exposed table.
Result: one row for each operation that clients may do: insert, upsert, update, delete. reason: what is in the way, for the calling role, since other roles have other policies; null if nothing is. It goes by a change that sets all columns, and by a new row that leaves out those with a default, except the key.
Errors: 42704 the table is not exposed; 22004 relation is null; and those of planning a statement that writes the table.';
REVOKE ALL ON FUNCTION replicache.why_one_by_one(regclass) FROM PUBLIC;

CREATE OR REPLACE FUNCTION replicache.grant_usage(role regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF role IS NULL THEN
        RAISE 'role must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role) THEN
        RAISE 'role with OID % does not exist', role::oid USING ERRCODE = 'undefined_object';
    END IF;
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA replicache TO %s', role);
    -- PostgreSQL only warns if the caller has the right itself, but may not pass it on.
    IF NOT pg_catalog.has_schema_privilege(role::oid, 'replicache', 'USAGE') THEN
        RAISE 'permission denied to grant USAGE on the schema replicache' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Call grant_usage as a superuser.';
    END IF;
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION replicache.apply_push(json, text, text), replicache.pull(json, text, text), '
        'replicache.pull_for(text[], json, text, text, text), replicache.pull_since(bigint, text, text), replicache.powersync_upload(json, text, text), '
        'replicache.sync_pull(bigint, text, text[], boolean, integer, integer), replicache.sync_push(json, bigint, text), '
        'replicache.zero_push(json, text, text, text), replicache.zero_queries(json, text), replicache.why_one_by_one(regclass), replicache.describe(), replicache.registered(), replicache.current_user_id(), replicache.current_space(), '
        'replicache.current_client_group_id(), replicache.current_client_id(), replicache.current_mutation_id(), '
        'replicache.current_version(), replicache.current_schema_version() TO %s', role);
END
$$;

ALTER TABLE replicache.space ADD COLUMN held text;
COMMENT ON COLUMN replicache.space.held IS 'The move for which the space is held. Null: it is not.';

CREATE TABLE replicache.moved_space (
    id text COLLATE "C" PRIMARY KEY,
    move text NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE replicache.moved_space IS 'spaces that have moved to another server';
COMMENT ON COLUMN replicache.moved_space.move IS 'what hold_space has returned';

CREATE TABLE replicache.former_history (
    space text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    lsn bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (space, name)
);
COMMENT ON TABLE replicache.former_history IS 'Histories that spaces had on other servers, before they were moved here. Cookies name them.';
COMMENT ON COLUMN replicache.former_history.lsn IS 'A cookie that was given later is of another history.';
COMMENT ON COLUMN replicache.former_history.version IS 'version of the space when it was moved';
SELECT pg_catalog.pg_extension_config_dump('replicache.moved_space', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.former_history', '');
REVOKE ALL ON replicache.moved_space, replicache.former_history FROM PUBLIC;

CREATE FUNCTION replicache.hold_space(space text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_hold_space';
COMMENT ON FUNCTION replicache.hold_space(text) IS
'Begins the move of a space to another server. Waits until the transactions that write the space have ended. From its commit on, pushes to the space are halted as temporary, and other writes raise RE004. Pulls go on.
space: the space.
Result: the id of the move. If the space is held already, it is the same one.
Errors: 42704 there is no such space; RE004 it has moved; 0A000 the space '''' cannot move; 25006 read-only transaction.';

CREATE FUNCTION replicache.release_space(space text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_release_space';
COMMENT ON FUNCTION replicache.release_space(text) IS
'Lets writers into a held space: on the new server at the end of a move, or on the old one if the move is given up. Does nothing if the space is not held.
space: the space.
Errors: 42704 there is no such space; RE004 it has moved; 25006 read-only transaction.';

CREATE FUNCTION replicache.export_space(space text, users text[] DEFAULT '{}') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_export_space';
COMMENT ON FUNCTION replicache.export_space(text, text[]) IS
'Returns what the new server must know of a held space. In a space with the clock transaction, it first waits for all open transactions of the database.
space: the space.
users: PowerSync clients of these users come along. They belong to no space. An element that is NULL stands for uploads without a user.
Result: for import_space. "tables" has a row for each tracked table that can have rows in the space: "table", its name; "copy_out", the COPY command that reads the rows; "copy_in", the one that writes them on the new server. Parents come before tables that refer to them.
Errors: 55000 the space is not held; 25001 this transaction has held it; 25006 this server is a standby; 42704 there is no such space; RE004 it has moved; 22004 an argument is null. With the clock transaction: 25001 the transaction is not READ COMMITTED; 55006 there is a prepared transaction.';

CREATE FUNCTION replicache.space_tables(space text) RETURNS TABLE ("table" text, copy_out text, copy_in text, removal text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_space_tables';
COMMENT ON FUNCTION replicache.space_tables(text) IS
'Says how to copy and delete the rows of a space. It reads and writes no rows, and the space need not be here.
space: the space.
Result: a row for each tracked table that can have rows in the space. Parents come before tables that refer to them. table: its name. copy_out: the COPY command that reads the rows. copy_in: the one that writes them on another server. removal: the DELETE command.
Errors: 22004 space is null.';

CREATE FUNCTION replicache.import_space(exported json) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_import_space';
COMMENT ON FUNCTION replicache.import_space(json) IS
'Takes a space from another server. Copy the rows in the same transaction, after it. They keep their versions until its end. From its commit on, the space is held, and can be pulled.
exported: what export_space has returned.
Result: false if the space has arrived by the same move before: its rows are there, too.
Errors: 42710 a space of this name is here; 22023, 22P02, 22P05 exported is something else; 23505 a client group of the space is here, in another space; 55000 a table of the space is not tracked here, or has rows of the space already; 42P01 a table is missing; 22004 exported is null; 25006 read-only transaction.';

CREATE FUNCTION replicache.close_space(space text, move text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_close_space';
COMMENT ON FUNCTION replicache.close_space(text, text) IS
'Ends the life of a held space on the old server, when the new one has it. From now on, its requests raise RE004, and pushes are halted as temporary. Its rows can be deleted, and leave no tombstones. Does nothing if the space has gone by this move before.
space: the space.
move: what hold_space has returned.
Errors: 55000 the space is not held for this move; 42704 there is no such space; RE004 it has moved by another move; 25001 the transaction has changed the space; 22004 an argument is null; 25006 read-only transaction.';
REVOKE ALL ON FUNCTION replicache.hold_space(text), replicache.release_space(text), replicache.export_space(text, text[]), replicache.space_tables(text), replicache.import_space(json),
    replicache.close_space(text, text) FROM PUBLIC;

CREATE FUNCTION replicache.grant_setup(role regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    granted regprocedure;
BEGIN
    IF role IS NULL THEN
        RAISE 'role must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role) THEN
        RAISE 'role with OID % does not exist', role::oid USING ERRCODE = 'undefined_object';
    END IF;
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA replicache TO %s', role);
    -- PostgreSQL only warns if the caller has the right itself, but may not pass it on.
    IF NOT pg_catalog.has_schema_privilege(role::oid, 'replicache', 'USAGE') THEN
        RAISE 'permission denied to grant USAGE on the schema replicache' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Call grant_setup as a superuser.';
    END IF;
    FOR granted IN
        SELECT p.oid
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'replicache'::regnamespace
          AND (p.proname = ANY ('{track_table,untrack_table,retrack,resync,register_mutator,unregister_mutator,register_mutator_queue,unregister_mutator_queue,register_query,unregister_query,expose_crud,hide_crud,why_one_by_one,create_space,check}'::name[])
            OR p.proname ^@ 'current_')
        ORDER BY p.proname, p.oid
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s', granted, role);
        IF NOT pg_catalog.has_function_privilege(role::oid, granted::oid, 'EXECUTE') THEN
            RAISE 'permission denied to grant EXECUTE on function %', granted USING ERRCODE = 'insufficient_privilege',
                HINT = 'Call grant_setup as a superuser.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION replicache.grant_setup(regrole) IS
'Grants the owner of tables and mutators what it needs to set up tracking, mutators, queries and spaces, and no more. With these rights it decides what all clients get, but only for tables and functions that it owns. It gets no right to push and pull, and none to move spaces, to collect garbage or to call new_epoch.
role: an existing role.
Errors: 42501 the calling role may not grant; 42704 no such role; 22004 role is null.';
REVOKE ALL ON FUNCTION replicache.grant_setup(regrole) FROM PUBLIC;

-- Functions that get more parameters. The old object gets them, so that views and functions that call it need not be dropped: a call that leaves out parameters with
-- defaults is stored without them. collect_garbage(interval, interval) goes.
CREATE FUNCTION replicache.collect_garbage(idle interval, views interval DEFAULT NULL, dry_run boolean DEFAULT false) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
CREATE FUNCTION replicache.resync(relation regclass, space text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_resync';
DO $$
DECLARE
    kept pg_catalog.oid;
    form pg_catalog.pg_proc;
BEGIN
    FOR kept, form.oid IN VALUES ('replicache.collect_garbage(interval)'::pg_catalog.regprocedure, 'replicache.collect_garbage(interval,interval,boolean)'::pg_catalog.regprocedure),
        ('replicache.resync(regclass)'::pg_catalog.regprocedure, 'replicache.resync(regclass,text)'::pg_catalog.regprocedure)
    LOOP
        SELECT p.* INTO STRICT form FROM pg_catalog.pg_proc p WHERE p.oid OPERATOR(pg_catalog.=) form.oid;
        EXECUTE pg_catalog.format('DROP FUNCTION %s', form.oid::pg_catalog.regprocedure);
        UPDATE pg_catalog.pg_proc SET pronargs = form.pronargs, pronargdefaults = form.pronargdefaults, proargtypes = form.proargtypes, proargnames = form.proargnames, proargdefaults = form.proargdefaults
            WHERE oid OPERATOR(pg_catalog.=) kept;
    END LOOP;
END
$$;
-- Roles that could call collect_garbage(interval, interval) can call the new form. The grants here must not count as the extension's own, or dumps would lack them.
DO $$
DECLARE
    kept pg_catalog.oid := 'replicache.collect_garbage(interval,interval,boolean)'::pg_catalog.regprocedure;
    initial pg_catalog.aclitem[] := (SELECT initprivs FROM pg_catalog.pg_init_privs WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND objoid OPERATOR(pg_catalog.=) kept);
    may record;
BEGIN
    FOR may IN SELECT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END AS grantee, a.is_grantable
        FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
        WHERE p.oid OPERATOR(pg_catalog.=) 'replicache.collect_garbage(interval,interval)'::pg_catalog.regprocedure AND a.grantee OPERATOR(pg_catalog.<>) p.proowner
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION replicache.collect_garbage(interval, interval, boolean) TO %s%s', may.grantee, CASE WHEN may.is_grantable THEN ' WITH GRANT OPTION' END);
    END LOOP;
    UPDATE pg_catalog.pg_init_privs SET initprivs = initial WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND objoid OPERATOR(pg_catalog.=) kept;
    -- From 17 on, they also keep a role from being dropped.
    DELETE FROM pg_catalog.pg_shdepend WHERE deptype OPERATOR(pg_catalog.=) 'i' AND classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND objid OPERATOR(pg_catalog.=) kept
        AND dbid OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
END
$$;
DROP FUNCTION replicache.collect_garbage(interval, interval);
COMMENT ON FUNCTION replicache.collect_garbage(interval, interval, boolean) IS
'Removes clients that have pushed nothing for some time, and client groups that have no other clients. Also removes tombstones, errors, pages of sync_pull and records of private views that are as old. A removed client that pushes again gets ClientStateNotFound. A client whose cookie is older than a removed tombstone, or names a removed record, gets a complete pull.
idle: the time since the last push of a client, the deletion of a row, the rejection of a mutation, or the last pull that used a record. From 0 to 6000 years. Use several months: pulls are not noted for clients, so a client that only reads counts as idle.
views: another time for the records of private views: since the last pull that used a record, counted in days, from 0 to 6000 years. A record that is not the newest of a client group is removed when no pull has used it for a day. NULL: as idle.
dry_run: true: only says what would be removed. It removes and locks nothing, and works on a standby, too.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages and records are not counted. Rows that others use at the moment are left for the next time, but a dry run counts them.
Errors: 22004 idle or dry_run is null; 22023 idle or views is negative or longer than 6000 years; 25006 read-only transaction, and no dry run; 0A000 called by a mutator.';
COMMENT ON FUNCTION replicache.resync(regclass, text) IS
'Makes the next pull of every client that may see rows of the table complete. Call it after a change that no trigger sees, such as a write under session_replication_role = replica, or a change of a policy or of a function that value calls. It reads and writes no rows of the table.
relation: a tracked table of the calling role.
space: only clients of this space, and only this space is locked. It must exist. NULL: all spaces that can have rows of the table.
Errors: 42501 the caller is not the owner; 42704 not tracked, or no such space; 22023 the table can have no rows in the space; RE004 a space is held, or has moved; 25006 read-only transaction.';

CREATE FUNCTION replicache.check(role regrole DEFAULT NULL) RETURNS TABLE (severity text, object text, finding text, hint text, code text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_check';
COMMENT ON FUNCTION replicache.check(regrole) IS
'Says what is wrong with the set-up, one row per finding. It reads catalogs and registries, and no rows of your tables. It runs no code of others, writes nothing, and works on a standby. docs/check.md has all findings.
role: a role that pushes or pulls. Its rights are looked at. NULL: all roles that were granted push or pull.
Result: no row if nothing was found. severity: error: requests fail, or changes go unnoticed; warning: probably a mistake; note: slow, or perhaps a mistake. object: the table, mutator, role or publication. finding: what is wrong. hint: what to do. code: the kind of finding. Roles that are neither superusers nor members of pg_monitor are not told of tables and functions that they do not own.
Errors: 42704 no such role.';
REVOKE ALL ON FUNCTION replicache.check(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replicache.check(regrole) TO pg_monitor;

CREATE FUNCTION replicache.registered() RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'replicache_registered';
COMMENT ON FUNCTION replicache.registered() IS
'For describe(): what is registered, with the OIDs of functions and tables, as far as the calling role may use it.
Result: it may change in any version. Use describe().';

-- The recursion makes the planner expect millions of types. JIT would compile 374 functions, which takes 200 times as long as the query.
CREATE FUNCTION replicache.describe() RETURNS json
    LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
WITH RECURSIVE registered AS MATERIALIZED (
    SELECT replicache.registered() AS r
), called AS MATERIALIZED (
    SELECT 'mutators' AS kind, m.name, m.function, NULL::json AS parameters
    FROM registered, json_to_recordset(r -> 'mutators') AS m(name text, function oid)
    UNION ALL
    SELECT 'queries', q.name, q.function, q.parameters
    FROM registered, json_to_recordset(r -> 'queries') AS q(name text, function oid, parameters json)
), input AS MATERIALIZED (
    -- Of functions. Only these parameters count; the default is found by the number among all.
    SELECT p.oid AS function, u.type, u.name, u.n, pg_get_function_arg_default(p.oid, u.n::int) AS "default"
    FROM pg_proc p,
        unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes) WITH ORDINALITY AS u(type, name, mode, n)
    WHERE p.oid IN (SELECT function FROM called) AND coalesce(u.mode, 'i') IN ('i', 'b', 'v')
), whole AS MATERIALIZED (
    SELECT function FROM input GROUP BY function HAVING count(*) = 1 AND min(type) IN ('json'::regtype, 'jsonb'::regtype)
), function AS (
    SELECT p.oid, json_build_object(
        'function', p.oid::regprocedure::text,
        'comment', obj_description(p.oid, 'pg_proc'),
        'args', CASE WHEN w.function IS NULL THEN 'members' ELSE 'whole' END,
        'parameters', coalesce(i.parameters, '[]'),
        'strict', p.proisstrict,
        'result', format_type(p.prorettype, NULL)) AS description
    FROM pg_proc p
    LEFT JOIN whole w ON w.function = p.oid
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('name', name, 'type', format_type(type, NULL), 'default', "default") ORDER BY n) AS parameters
        FROM input
        WHERE function = p.oid AND w.function IS NULL) i ON true
    WHERE p.oid IN (SELECT function FROM called)
), template AS (
    SELECT c.name, json_build_object(
        'function', NULL,
        'comment', NULL,
        'args', CASE WHEN bool_or(p IS NOT NULL AND p ->> 'name' IS NULL) THEN 'whole' ELSE 'members' END,
        'parameters', coalesce(json_agg(json_build_object('name', p ->> 'name', 'type', NULL, 'default', p ->> 'default') ORDER BY n)
            FILTER (WHERE p ->> 'name' IS NOT NULL), '[]'),
        'strict', false,
        'result', NULL) AS description
    FROM called c
    LEFT JOIN LATERAL json_array_elements(c.parameters) WITH ORDINALITY AS u(p, n) ON true
    WHERE c.function IS NULL
    GROUP BY c.name
), listed AS (
    SELECT c.kind, json_agg(json_build_object('name', c.name, 'call', coalesce(f.description, t.description)) ORDER BY c.name COLLATE "C") AS list
    FROM called c
    LEFT JOIN function f ON f.oid = c.function
    LEFT JOIN template t ON t.name = c.name AND c.function IS NULL
    GROUP BY c.kind
), relation AS MATERIALIZED (
    SELECT t.relation, t.entries, t.value, t.types, t.exposed
    FROM registered, json_to_recordset(r -> 'tables') AS t(relation oid, entries json, value json, types json, exposed json)
), not_null(type) AS (
    SELECT oid FROM pg_type WHERE typtype = 'd' AND typnotnull
    UNION
    SELECT t.oid FROM not_null n JOIN pg_type t ON t.typbasetype = n.type AND t.typtype = 'd'
), attribute AS MATERIALIZED (
    SELECT a.attrelid AS relation, a.attnum AS n, a.attname::text AS name, a.atttypid AS type,
        NOT a.attnotnull AND a.atttypid NOT IN (SELECT type FROM not_null) AS nullable,
        CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) END AS "default",
        CASE WHEN a.attidentity = 'a' OR a.attgenerated <> '' THEN 'always' WHEN a.attidentity = 'd' THEN 'by default' END AS generated,
        a.attnum = ANY (i.indkey) AS key,
        array_position(i.indkey::int2[], a.attnum) AS key_position
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.relation AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (SELECT (indkey::int2[])[0:indnkeyatts - 1] AS indkey FROM pg_index WHERE indrelid = r.relation AND indisprimary) i ON true
), writable AS (
    -- What clients call the columns that they may write, and those of the key.
    SELECT r.relation, json_agg(json_build_object('name', w.client, 'column', a.name, 'writable', w.writable)
        ORDER BY a.n, w.client <> a.name, length(w.client), w.client COLLATE "C") AS columns
    FROM relation r
    JOIN attribute a ON a.relation = r.relation
    CROSS JOIN LATERAL (
        SELECT j.key AS client, a.name IS DISTINCT FROM r.exposed ->> 'version' AS writable
        FROM json_each_text(CASE json_typeof(r.exposed -> 'columns') WHEN 'object' THEN r.exposed -> 'columns' END) j
        WHERE j.value = a.name
        UNION ALL
        SELECT a.name, json_typeof(r.exposed -> 'columns') = 'null' AND a.generated IS DISTINCT FROM 'always'
            AND a.name IS DISTINCT FROM r.exposed ->> 'version'
        WHERE json_typeof(r.exposed -> 'columns') = 'null'
            OR NOT EXISTS (SELECT FROM json_each_text(r.exposed -> 'columns') j WHERE j.value = a.name)) w
    WHERE r.exposed IS NOT NULL AND (w.writable OR a.key)
    GROUP BY r.relation
), used(type) AS (
    SELECT type FROM (
        SELECT i.type FROM input i WHERE i.function NOT IN (SELECT function FROM whole)
        UNION ALL
        SELECT prorettype FROM pg_proc WHERE oid IN (SELECT function FROM called)
        UNION ALL
        SELECT type FROM attribute
        UNION ALL
        SELECT u.type::oid FROM relation r, json_array_elements_text(r.types) AS u(type)) s
    UNION
    SELECT v.type
    FROM used u
    JOIN pg_type t ON t.oid = u.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS type WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) v
), type AS (
    -- As json_categorize_type in utils/adt/jsonfuncs.c decides it.
    SELECT format_type(t.oid, NULL) AS name, CASE
        WHEN t.typtype = 'd' THEN
            json_build_object('kind', 'domain', 'of', format_type(t.typbasetype, NULL), 'nullable', t.oid NOT IN (SELECT type FROM not_null),
                'comment', obj_description(t.oid, 'pg_type'))
        WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN
            json_build_object('kind', 'array', 'of', format_type(t.typelem, NULL))
        WHEN t.typtype = 'c' THEN
            json_build_object('kind', 'composite', 'members', coalesce((
                SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL),
                    'nullable', a.atttypid NOT IN (SELECT type FROM not_null), 'comment', col_description(t.typrelid, a.attnum)) ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
                'comment', coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class')))
        WHEN t.typtype = 'e' THEN
            json_build_object('kind', 'enum', 'json', coalesce(c.json, 'string'), 'values', coalesce((
                SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '[]'),
                'comment', obj_description(t.oid, 'pg_type'))
        ELSE
            json_build_object('kind', CASE t.typtype WHEN 'r' THEN 'range' WHEN 'm' THEN 'range' WHEN 'p' THEN 'pseudo' ELSE 'base' END, 'json', CASE
                WHEN t.oid = 'boolean'::regtype THEN 'boolean'
                WHEN t.oid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype, 'double precision'::regtype, 'numeric'::regtype) THEN 'number'
                WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) OR t.typtype = 'p' THEN 'any'
                ELSE coalesce(c.json, 'string') END)
        END AS description
    FROM pg_type t
    LEFT JOIN LATERAL (
        SELECT 'any' AS json FROM pg_cast
        WHERE castsource = t.oid AND casttarget = 'json'::regtype AND castmethod = 'f' AND t.oid >= 16384) c ON true
    WHERE t.oid IN (SELECT type FROM used)
), description AS (
    SELECT n.nspname, c.relname, json_build_object(
        'schema', n.nspname,
        'name', c.relname,
        'comment', obj_description(c.oid, 'pg_class'),
        'primary_key', coalesce((SELECT json_agg(a.name ORDER BY a.key_position) FROM attribute a WHERE a.relation = c.oid AND a.key), '[]'),
        'columns', coalesce((
            SELECT json_agg(json_build_object('name', a.name, 'type', format_type(a.type, NULL), 'nullable', a.nullable, 'default', a."default",
                'generated', a.generated, 'comment', col_description(c.oid, a.n)) ORDER BY a.n)
            FROM attribute a
            WHERE a.relation = c.oid), '[]'),
        'entries', CASE WHEN r.entries IS NOT NULL THEN json_build_object(
            'key', r.entries -> 'key',
            'space', r.entries -> 'space',
            'version', r.entries -> 'version',
            'deleted', r.entries -> 'deleted',
            'depends_on_user', r.entries -> 'depends_on_user',
            'custom', r.entries -> 'custom',
            'value', r.value) END,
        'exposed', CASE WHEN r.exposed IS NOT NULL THEN json_build_object(
            'name', r.exposed -> 'name',
            'operations', r.exposed -> 'operations',
            'conflict', r.exposed -> 'conflict',
            'conflict_column', r.exposed -> 'conflict_column',
            'replace', r.exposed -> 'replace',
            'columns', coalesce(w.columns, '[]')) END) AS description
    FROM relation r
    JOIN pg_class c ON c.oid = r.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN writable w ON w.relation = r.relation
)
SELECT json_build_object(
    'format', 1,
    'version', (SELECT extversion FROM pg_extension WHERE extname = 'replicache_ext'),
    'mutators', coalesce((SELECT list FROM listed WHERE kind = 'mutators'), '[]'),
    'queues', r -> 'queues',
    'queries', coalesce((SELECT list FROM listed WHERE kind = 'queries'), '[]'),
    'tables', coalesce((SELECT json_agg(description ORDER BY nspname, relname) FROM description), '[]'),
    'types', coalesce((SELECT json_object_agg(name, description ORDER BY name COLLATE "C") FROM type), '{}'))
FROM registered
$$;
COMMENT ON FUNCTION replicache.describe() IS
'Describes what clients can call and get, as far as the calling role may: mutators, tables, queries, and their types. Programs make types for clients of it. It runs no code of others: defaults are texts, and nothing is evaluated.
Result: docs/typescript.md describes it, member by member. The order is the same in every call.';
REVOKE ALL ON FUNCTION replicache.describe(), replicache.registered() FROM PUBLIC;
