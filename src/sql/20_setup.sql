-- The owner of the tables and functions calls these functions once, to set things up.

CREATE FUNCTION replicache.track_table(
    relation regclass,
    key text DEFAULT NULL,
    value text DEFAULT NULL,
    space name DEFAULT NULL,
    deleted name DEFAULT NULL,
    version name DEFAULT NULL,
    columns text[] DEFAULT NULL,
    private boolean DEFAULT false,
    filter text DEFAULT NULL,
    part name DEFAULT NULL,
    parts text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_track_table';
COMMENT ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[], boolean, text, name, text) IS
'Tracks a table: its rows become client-view entries. A second call replaces all options.
relation: a permanent, logged table of the calling role, partitioned or not.
key: template of the keys, such as ''message/{id}''. Default: ''<table>/{pk}'', with the columns of a composite primary key joined by "/". The columns of the template must be NOT NULL, and must include all columns of a unique index.
value: SQL expression over the row (alias t) that gives json or jsonb. It runs as the pulling role. Default: an object of columns.
space: column whose text is the space of the row, or a template over columns, such as ''team/{team_id}'', of at most 59 bytes. The columns must have the type text, varchar, uuid or an integer type. A generated column must be stored. Default: all rows are in the space ''''. Raises a WARNING if rows of another table could be in the same spaces, or if rows have no space. Raises a NOTICE if a column may be null.
deleted: boolean column for soft deletion. Default: rows are really deleted, and leave a tombstone.
version: bigint column for the version. If it is missing, it is added with an index. Default: ''version'', or the column that the table is tracked with. An existing column is used only if it is named here, or if track_table has added it, because its values are overwritten.
columns: the columns of the default value, in this order. Default: all columns except version and deleted, also those that are added later.
private: true: which rows a client may see depends on its user, and can change while the rows stay as they are, for example with row-level security. Each pull compares the keys that the client has with those that its user may see. Deleted rows leave no tombstone. Such a table is no resource of lastMutationAt. Default: false.
filter: SQL expression over the row (alias t) that gives boolean. Clients get only the rows for which it is true. It runs as the pulling role, and may read other tables and the table itself. It implies private.
part: column that says which part of the space a row is in, such as a list or a project. It must have a type that the space columns may have. Users see or do not see whole parts. No client gets a row whose part is null. It needs parts, and excludes private and filter. Such a table is no resource of lastMutationAt.
parts: a SELECT with one column that gives the parts that the user may see now. It runs as the pulling role.
Result: nothing. The next pull of every client that may see rows of the table is complete.
Errors: 42501 the caller is not the owner; 42P01 no such table; 42703 no such column; 42809 not a permanent table; 42804 a column, the value, the filter or the parts have a wrong type; 42P16 the key does not identify a row; 42701 there is a column of the default name, or columns has a column twice; 42710 another table could have the same keys; 22003 the version column has values above 2^52; 22023 the template is malformed, columns and value are both given, columns has the version column, or part does not go with the other arguments; 55000 clients write the version column, as the conflict_column of expose_crud; 42622 the space template is too long; 0A000 a space column is a virtual generated column.';

CREATE FUNCTION replicache.untrack_table(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_untrack_table';
COMMENT ON FUNCTION replicache.untrack_table(regclass) IS
'Stops tracking a table. The triggers are removed. Clients get a del for each entry of the table. If the table is private or has parts, the next pull of every client that may see its rows is complete instead. The columns stay.
relation: a tracked table of the calling role, or the OID of one that was dropped while event triggers were off.
Errors: 42501 the caller is not the owner; 42704 not tracked.';

CREATE FUNCTION replicache.retrack(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_retrack';
COMMENT ON FUNCTION replicache.retrack(regclass) IS
'Tracks a table again with the options that are stored for it, as track_table did. It repairs triggers that were dropped or disabled. It stores the partitions and the name of the table again. The next pull of every client that may see rows of the table is complete.
relation: a tracked table of the calling role.
Errors: 42501 the caller is not the owner; 42704 not tracked; the other errors of track_table.';

CREATE FUNCTION replicache.resync(relation regclass, space text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_resync';
COMMENT ON FUNCTION replicache.resync(regclass, text) IS
'Makes the next pull of every client that may see rows of the table complete. Call it after a change that no trigger sees, such as a write under session_replication_role = replica, or a change of a policy or of a function that value calls. It reads and writes no rows of the table.
relation: a tracked table of the calling role.
space: only clients of this space, and only this space is locked. It must exist. NULL: all spaces that can have rows of the table.
Errors: 42501 the caller is not the owner; 42704 not tracked, or no such space; 22023 the table can have no rows in the space; RE004 a space is held, or has moved; 25006 read-only transaction.';

CREATE FUNCTION replicache.register_mutator(name text, function regprocedure) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_register_mutator';
COMMENT ON FUNCTION replicache.register_mutator(text, regprocedure) IS
'Registers a function as a mutator, so that clients can call it. If the name is registered already, the new function replaces the old one.
name: the name of the mutation, as clients send it.
function: a volatile function of the calling role, in any language. It has one parameter of type json or jsonb for the whole args, or named parameters for the members of args.
Errors: 42501 the caller is not the owner; 42883 no such function; 42809 the function cannot be a mutator; 22023 the name is empty.';

CREATE FUNCTION replicache.unregister_mutator(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_unregister_mutator';
COMMENT ON FUNCTION replicache.unregister_mutator(text) IS
'Removes a mutator. From now on, mutations of this name are rejected.
name: the name under which it was registered.
Errors: 42704 not registered.';

CREATE FUNCTION replicache.register_mutator_queue(name text DEFAULT 'mutator_calls') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_register_mutator_queue';
COMMENT ON FUNCTION replicache.register_mutator_queue(text) IS
'Lets clients that upload rows call mutators. A client calls a mutator by inserting a row into a table of this name, with the columns name and args (JSON, as text). There is no such table in the database.
name: what clients call the table.
Errors: 42710 a table is exposed under that name; 22023 the name is empty.';

CREATE FUNCTION replicache.unregister_mutator_queue(name text DEFAULT 'mutator_calls') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_unregister_mutator_queue';
COMMENT ON FUNCTION replicache.unregister_mutator_queue(text) IS
'Removes a mutator queue. From now on, calls in this table are rejected.
name: the name under which it was registered.
Errors: 42704 not registered.';

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

CREATE FUNCTION replicache.expose_crud(
    relation regclass,
    operations text[] DEFAULT '{insert,update,delete}',
    name text DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    conflict text DEFAULT 'last_write',
    conflict_column name DEFAULT NULL,
    replace boolean DEFAULT false
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_expose_crud';
COMMENT ON FUNCTION replicache.expose_crud(regclass, text[], text, jsonb, text, name, boolean) IS
'Lets clients write the rows of a table. You write no function for this. The rights and the row-level security of the calling role apply. A second call replaces all options.
relation: a table of the calling role with a primary key, partitioned or not.
operations: which of insert, update and delete clients may do. An upsert needs insert for a new row and update for an existing one.
name: what clients call the table. Default: its name. Mutations named <name>.insert, .upsert, .update and .delete write its rows, unless a mutator is registered under that name.
columns: {"client name":"column"}, the columns that clients may write, and what they call them. A column may have several names, but one change may use only one of them. Default: all columns except the version and columns that are GENERATED ALWAYS.
conflict: what happens to a change that was made on an older state of the row. ''last_write'': it wins. ''reject_stale'': it is rejected. ''merge'': it is rejected if somebody else has changed the same column. ''newest'': it is rejected if the row is newer. ''delta'': numbers change by as much as they did for the client.
conflict_column: a column that clients may write, and that is not part of the primary key. With newest, it says when the row was changed. With reject_stale, it is an integer that counts the changes of the row, and it is compared instead of all that the client knew. With delta, it is the only column that is treated so.
replace: true: an upsert of an existing row sets the columns that it leaves out to null.
Errors: 42501 the caller is not the owner; 42P01 no such table; 42809 not a table; 42P16 no primary key; 42703 no such column; 42710 the name is taken; 42804 conflict_column has a wrong type; 22023 unknown operation or policy, malformed columns, or no change could be judged by conflict_column. Raises a NOTICE if clients cannot choose the key of new rows.';

CREATE FUNCTION replicache.hide_crud(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_hide_crud';
COMMENT ON FUNCTION replicache.hide_crud(regclass) IS
'Ends expose_crud. Clients cannot write the rows of the table any more.
relation: an exposed table of the calling role.
Errors: 42501 the caller is not the owner; 42704 not exposed.';

CREATE FUNCTION replicache.why_one_by_one(relation regclass) RETURNS TABLE (operation text, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_why_one_by_one';
COMMENT ON FUNCTION replicache.why_one_by_one(regclass) IS
'Says why changes of an exposed table are written one row at a time, and not several by one statement. It writes nothing, but plans statements: as with EXPLAIN, code of the table''s owner may run as the calling role.
relation: an exposed table.
Result: one row for each operation that clients may do: insert, upsert, update, delete. reason: what is in the way, for the calling role, since other roles have other policies; null if nothing is. It goes by a change that sets all columns, and by a new row that leaves out those with a default, except the key.
Errors: 42704 the table is not exposed; 22004 relation is null; and those of planning a statement that writes the table.';

CREATE FUNCTION replicache.create_space(id text, clock text DEFAULT 'counter') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_create_space';
COMMENT ON FUNCTION replicache.create_space(text, text) IS
'Creates a space. Spaces are also created on first use, with the clock of replicache.default_clock.
id: at most 1000 bytes. A uuid or an integer in it may be written in any way.
clock: ''counter'': one version per transaction, and one writer at a time. ''time'': one version per change, in milliseconds since 1970, and one writer at a time. ''transaction'': changes carry the id of their transaction, and writers do not wait for each other. The clock cannot be changed later.
Errors: 42710 the space exists; 22023 unknown clock, or the id is too long.';

CREATE FUNCTION replicache.new_epoch() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_new_epoch';
COMMENT ON FUNCTION replicache.new_epoch() IS
'Makes every client start afresh, no matter what it has seen of the lost history. Call it after a restore from backup, before clients connect. Cookies of the lost history get a complete pull. Mutations of forgotten clients get ClientStateNotFound.';

CREATE FUNCTION replicache.collect_garbage(idle interval, views interval DEFAULT NULL, dry_run boolean DEFAULT false) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
COMMENT ON FUNCTION replicache.collect_garbage(interval, interval, boolean) IS
'Removes clients that have pushed nothing for some time, and client groups that have no other clients. Also removes tombstones, errors, pages of sync_pull and records of private views that are as old. A removed client that pushes again gets ClientStateNotFound. A client whose cookie is older than a removed tombstone, or names a removed record, gets a complete pull.
idle: the time since the last push of a client, the deletion of a row, the rejection of a mutation, or the last pull that used a record. From 0 to 6000 years. Use several months: pulls are not noted for clients, so a client that only reads counts as idle.
views: another time for the records of private views: since the last pull that used a record, counted in days, from 0 to 6000 years. A record that is not the newest of a client group is removed when no pull has used it for a day. NULL: as idle.
dry_run: true: only says what would be removed. It removes and locks nothing, and works on a standby, too.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages and records are not counted. Rows that others use at the moment are left for the next time, but a dry run counts them.
Errors: 22004 idle or dry_run is null; 22023 idle or views is negative or longer than 6000 years; 25006 read-only transaction, and no dry run; 0A000 called by a mutator.';

CREATE FUNCTION replicache.status() RETURNS TABLE (topic text, value numeric, details text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_status';
COMMENT ON FUNCTION replicache.status() IS
'Returns figures for operators and monitoring, one row per topic. It reads no large table and writes nothing, so it can be called every few seconds, on a standby, too. It names no users, clients or mutations. Members of pg_monitor may call it, if they may use the schema.
Result: topic: the name of the figure. docs/operations.md lists them. value: a number; null if it is not known. details: what the number does not say; null if there is nothing to add.';

CREATE FUNCTION replicache.check(role regrole DEFAULT NULL) RETURNS TABLE (severity text, object text, finding text, hint text, code text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_check';
COMMENT ON FUNCTION replicache.check(regrole) IS
'Says what is wrong with the set-up, one row per finding. It reads catalogs and registries, and no rows of your tables. It runs no code of others, writes nothing, and works on a standby. docs/check.md has all findings.
role: a role that pushes or pulls. Its rights are looked at. NULL: all roles that were granted push or pull.
Result: no row if nothing was found. severity: error: requests fail, or changes go unnoticed; warning: probably a mistake; note: slow, or perhaps a mistake. object: the table, mutator, role or publication. finding: what is wrong. hint: what to do. code: the kind of finding. Roles that are neither superusers nor members of pg_monitor are not told of tables and functions that they do not own.
Errors: 42704 no such role.';

CREATE FUNCTION replicache.grant_usage(role regrole) RETURNS void
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
COMMENT ON FUNCTION replicache.grant_usage(regrole) IS
'Grants an application role what it needs to push and pull, and no more. You grant the rights that its mutators and pulls need on your own objects.
role: an existing role.
Errors: 42501 the calling role may not grant; 42704 no such role; 22004 role is null.';

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
