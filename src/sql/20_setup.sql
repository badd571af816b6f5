-- The owner of the tables and functions calls these functions once, to set things up.

CREATE FUNCTION replicache.track_table(
    relation regclass,
    key text DEFAULT NULL,
    value text DEFAULT NULL,
    space name DEFAULT NULL,
    deleted name DEFAULT NULL,
    version name DEFAULT NULL,
    columns text[] DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_track_table';
COMMENT ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[]) IS
'Makes the rows of a table client-view entries. Called again, it replaces the options.
relation: a permanent, logged table, partitioned or not, of the calling role.
key: template of the keys, such as ''message/{id}''; default ''<table>/{pk}'', the columns of a composite primary key joined by "/". Its columns must be NOT NULL and include those of a unique index.
value: SQL expression over the row (alias t) that gives json or jsonb, evaluated as the pulling role; default: an object of columns.
space: column whose text is the row''s space, or a template over several such as ''team/{team_id}'', at most 59 bytes long (of text, varchar, uuid or integer types; generated ones only if they are stored); default: all rows are in the space ''''. Raises a WARNING when rows of another table could be in the same spaces, or rows have none, and a NOTICE when a column may be null.
deleted: boolean column for soft deletion; default: rows are really deleted, and leave a tombstone.
version: bigint column for the version, added with an index when missing; default: ''version'', or the one that the table is tracked with. A column that is there is taken only when it is named here, or when track_table has added it, since its values are written over.
columns: of the default value, in this order; default: all but version and deleted, also those that are added later.
Result: nothing; the next pull of every client that may see its rows is complete.
Errors: 42501 not the owner; 42P01 no such table; 42703 no such column; 42809 not a permanent table; 42804 a column or the value is of the wrong type; 42P16 the key does not identify a row; 42701 there is a column of the default name, or columns has one twice; 42710 another table could have the same keys; 22003 the column has values above 2^52; 22023 malformed template, columns and value, columns with the version; 55000 clients write the version column, as the conflict_column of expose_crud; 42622 the space template is too long; 0A000 a space column is a virtual generated column.';

CREATE FUNCTION replicache.untrack_table(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_untrack_table';
COMMENT ON FUNCTION replicache.untrack_table(regclass) IS
'Stops tracking a table: removes the triggers; clients get a del for each of its entries. The columns stay.
relation: a tracked table of the calling role; or the OID of one that was dropped while event triggers were off.
Errors: 42501 not the owner; 42704 not tracked.';

CREATE FUNCTION replicache.retrack(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_retrack';
COMMENT ON FUNCTION replicache.retrack(regclass) IS
'Tracks a table anew with the options on record, as track_table did: mends triggers that were dropped or disabled, takes note of its partitions and its name. The next pull of every client that may see its rows is complete.
relation: a tracked table of the calling role.
Errors: 42501 not the owner; 42704 not tracked; what track_table refuses.';

CREATE FUNCTION replicache.resync(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_resync';
COMMENT ON FUNCTION replicache.resync(regclass) IS
'Makes the next pull of every client that may see rows of the table complete: after a change that no trigger sees, such as of a function that value calls.
relation: a tracked table of the calling role.
Errors: 42501 not the owner; 42704 not tracked.';

CREATE FUNCTION replicache.register_mutator(name text, function regprocedure) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_register_mutator';
COMMENT ON FUNCTION replicache.register_mutator(text, regprocedure) IS
'Lets clients call a function as a mutator, or lets another function serve the name.
name: of the mutation, as clients send it.
function: of the calling role, volatile, in any language, with one parameter of type json or jsonb for the whole args, or with named parameters that the members of args fill.
Errors: 42501 not the owner; 42883 no such function; 42809 the function cannot be a mutator; 22023 empty name.';

CREATE FUNCTION replicache.unregister_mutator(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_unregister_mutator';
COMMENT ON FUNCTION replicache.unregister_mutator(text) IS
'Mutations of this name are rejected from now on.
name: as it was registered.
Errors: 42704 not registered.';

CREATE FUNCTION replicache.register_mutator_queue(name text DEFAULT 'mutator_calls') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_register_mutator_queue';
COMMENT ON FUNCTION replicache.register_mutator_queue(text) IS
'Lets clients that upload rows call mutators: a row that is put into this table of theirs, with the columns name and args (JSON, as text), calls the mutator. There is no such table in the database.
name: what clients call the table.
Errors: 42710 a table is exposed by that name; 22023 empty name.';

CREATE FUNCTION replicache.unregister_mutator_queue(name text DEFAULT 'mutator_calls') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_unregister_mutator_queue';
COMMENT ON FUNCTION replicache.unregister_mutator_queue(text) IS
'Calls in this table are rejected from now on.
name: as it was registered.
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
'Lets clients write the rows of a table without a function of yours, with the rights and row-level security of the calling role. Called again, it replaces the options.
relation: a table, partitioned or not, of the calling role, with a primary key.
operations: which of insert, update and delete clients may do; an upsert needs insert for a new row and update for one that is there.
name: what clients call the table; default: its name. Mutations named <name>.insert, .upsert, .update and .delete write its rows, unless a mutator is registered by that name.
columns: {"client name":"column"}: the columns that clients may write, and what they call them; a column may have several names, of which a change may have one; default: all but the version and what is GENERATED ALWAYS.
conflict: what becomes of a change that was made without knowledge of the row as it is: ''last_write'', it wins; ''reject_stale'', it is rejected; ''merge'', it is rejected when somebody else has changed the same column; ''newest'', it is rejected when the row is newer; ''delta'', numbers change by as much as they did for the client.
conflict_column: newest: the column that says when the row was changed; reject_stale: an integer column that counts its changes, instead of comparing all that the client knew; delta: the only column that is treated so. One that clients may write, outside of the primary key.
replace: an upsert of a row that is there nulls the columns that it leaves out.
Errors: 42501 not the owner; 42P01 no such table; 42809 not a table; 42P16 no primary key; 42703 no such column; 42710 the name is taken; 42804 conflict_column of a wrong type; 22023 unknown operation or policy, malformed columns, no change could be judged by conflict_column. A NOTICE: clients cannot choose the key of new rows.';

CREATE FUNCTION replicache.hide_crud(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_hide_crud';
COMMENT ON FUNCTION replicache.hide_crud(regclass) IS
'Clients cannot write the rows of the table any more.
relation: an exposed table of the calling role.
Errors: 42501 not the owner; 42704 not exposed.';

CREATE FUNCTION replicache.create_space(id text, clock text DEFAULT 'counter') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_create_space';
COMMENT ON FUNCTION replicache.create_space(text, text) IS
'Creates a space; spaces also come into being on first use, with the clock of replicache.default_clock.
id: at most 1000 bytes. That of a uuid or an integer may be written in any way.
clock: ''counter'': one version per transaction, and one writer at a time; ''time'': one per change, in milliseconds since 1970, and one writer at a time; ''transaction'': changes carry the id of their transaction, and writers do not wait for each other. It cannot be changed later.
Errors: 42710 the space exists; 22023 unknown clock, or id too long.';

CREATE FUNCTION replicache.new_epoch() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_new_epoch';
COMMENT ON FUNCTION replicache.new_epoch() IS
'Call it after a restore from backup, before clients connect: every client starts afresh, whatever it had seen of the lost history. Cookies of that history get a complete pull, mutations of forgotten clients ClientStateNotFound.';

CREATE FUNCTION replicache.collect_garbage(idle interval) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
COMMENT ON FUNCTION replicache.collect_garbage(interval) IS
'Forgets clients that have pushed nothing for some time, client groups that have no others, and tombstones, errors and pages of sync_pull that are as old. A forgotten client that pushes again gets ClientStateNotFound; one whose cookie is older than a tombstone that is gone gets a complete pull.
idle: how long ago a client must have pushed for the last time, a row been deleted, a mutation been rejected; from 0 to 6000 years. Give it several months: pulls leave no trace, so a client that only reads counts as idle.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages are not counted. What others use at the moment is left for the next time.
Errors: 22004 idle is null; 22023 it is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';

CREATE FUNCTION replicache.grant_usage(role regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF role IS NULL THEN
        RAISE 'role must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role) THEN
        RAISE 'role with OID % does not exist', role::oid USING ERRCODE = 'undefined_object';
    END IF;
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA replicache TO %s', role);
    EXECUTE pg_catalog.format(
        'GRANT EXECUTE ON FUNCTION replicache.apply_push(json, text, text), replicache.pull(json, text, text), '
        'replicache.pull_since(bigint, text, text), replicache.powersync_upload(json, text, text), '
        'replicache.sync_pull(bigint, text, text[], boolean, integer, integer), replicache.sync_push(json, bigint, text), replicache.current_user_id(), replicache.current_space(), '
        'replicache.current_client_group_id(), replicache.current_client_id(), replicache.current_mutation_id(), '
        'replicache.current_version(), replicache.current_schema_version() TO %s', role);
END
$$;
COMMENT ON FUNCTION replicache.grant_usage(regrole) IS
'Grants an application role what it needs to push and pull, and no more. What its mutators do and its pulls read is yours to grant.
role: an existing role.
Errors: 42501 the calling role may not grant; 42704 no such role; 22004 role is null.';
