\echo Use "CREATE EXTENSION replicache_ext" to load this file. \quit

CREATE SCHEMA replicache;
COMMENT ON SCHEMA replicache IS 'the server side of sync: push, pull and change tracking';

-- The bookkeeping. Only the extension touches it, as its owner. No foreign keys: the extension keeps the references, and
-- every check would cost a query per push. fillfactor leaves room for HOT updates of the rows that every push updates.

CREATE TABLE replicache.space (
    id text COLLATE "C" PRIMARY KEY,
    clock text NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    floor bigint NOT NULL DEFAULT 0,
    collected bigint NOT NULL DEFAULT 0,
    collector bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 25);
COMMENT ON TABLE replicache.space IS 'version histories';
COMMENT ON COLUMN replicache.space.version IS 'clock counter: the last version that a transaction has got; time: that a change has got, -1 without any';
COMMENT ON COLUMN replicache.space.floor IS 'the oldest version from which a delta can still be served; clock transaction: the transaction that a cookie must have seen';
COMMENT ON COLUMN replicache.space.collected IS 'tombstones up to this version have been collected: a cookie must have seen all of it or, clock transaction, collector';
COMMENT ON COLUMN replicache.space.collector IS 'clock transaction: the last transaction that has collected tombstones; it has seen all that is collected';

CREATE TABLE replicache.epoch (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE replicache.epoch IS 'calls of new_epoch(); versions of the clock counter start at number * 2^32';

CREATE TABLE replicache.origin (
    key text COLLATE "C" PRIMARY KEY CHECK (key = 'origin'),
    id text NOT NULL DEFAULT pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 1, 16)
);
COMMENT ON TABLE replicache.origin IS
'which history this database is, named by cookies; never dumped, because a restored database is another one';
INSERT INTO replicache.origin (key) VALUES ('origin');

CREATE TABLE replicache.client_group (
    id text COLLATE "C" PRIMARY KEY,
    user_id text,
    space text COLLATE "C" NOT NULL
);
COMMENT ON TABLE replicache.client_group IS 'client groups, each of one user and one space';

CREATE TABLE replicache.client (
    id text COLLATE "C" PRIMARY KEY,
    client_group_id text COLLATE "C" NOT NULL,
    last_mutation_id bigint NOT NULL,
    version bigint NOT NULL,
    last_seen timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX client_client_group_id_idx ON replicache.client (client_group_id);
COMMENT ON TABLE replicache.client IS 'clients, and how far their mutations have been processed';
COMMENT ON COLUMN replicache.client.version IS 'version of the space when last_mutation_id last changed';
COMMENT ON COLUMN replicache.client.last_seen IS 'when last_mutation_id last changed';

CREATE TABLE replicache.forgotten_client (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE replicache.forgotten_client IS
'clients whose rows are gone; one that comes back might otherwise pass for a new one, and its first mutations be applied twice';

CREATE TABLE replicache.mutator (
    name text COLLATE "C" PRIMARY KEY,
    function text NOT NULL
);
COMMENT ON TABLE replicache.mutator IS 'which function serves a mutation name';
COMMENT ON COLUMN replicache.mutator.function IS 'signature, as regprocedure reads it; text, because pg_upgrade refuses tables with regprocedure columns';

CREATE TABLE replicache.mutator_queue (
    name text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE replicache.mutator_queue IS 'tables of clients whose rows are calls of mutators';
COMMENT ON COLUMN replicache.mutator_queue.name IS 'what clients call it; there is no such table here';

CREATE TABLE replicache.tracked_table (
    relation regclass PRIMARY KEY,
    key text NOT NULL,
    value text,
    space_column name,
    deleted_column name,
    version_column name NOT NULL,
    table_name text,
    partitions regclass[],
    columns text[]
);
COMMENT ON TABLE replicache.tracked_table IS 'tables whose rows are client-view entries';
COMMENT ON COLUMN replicache.tracked_table.table_name IS 'schema and name, quoted, when track_table was called, or a dump of an older version restored: another table that takes the name is noticed';
COMMENT ON COLUMN replicache.tracked_table.partitions IS 'all of them, at every level: one that is dropped is known by this; null: none';
COMMENT ON COLUMN replicache.tracked_table.columns IS 'of the default value, in this order; null: all';

CREATE TABLE replicache.exposed_table (
    relation regclass PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    operations text[] NOT NULL,
    columns jsonb,
    conflict text NOT NULL,
    conflict_column name,
    replace boolean NOT NULL
);
COMMENT ON TABLE replicache.exposed_table IS 'tables that clients may write row by row';
COMMENT ON COLUMN replicache.exposed_table.name IS 'what clients call it';
COMMENT ON COLUMN replicache.exposed_table.columns IS 'client name → column; null: all columns by their own names';

CREATE TABLE replicache.upload_client (
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    last_number bigint NOT NULL,
    checkpoint bigint,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (client_id, user_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE replicache.upload_client IS 'clients that upload row changes, and how far those have been processed';
COMMENT ON COLUMN replicache.upload_client.user_id IS 'empty: uploaded without a user; of a user whose id is empty or begins with U+0001, one more of these stands in front';
COMMENT ON COLUMN replicache.upload_client.last_number IS 'highest op_id that was applied or rejected';
COMMENT ON COLUMN replicache.upload_client.checkpoint IS 'highest write checkpoint that the client has asked for';

CREATE TABLE replicache.tombstone (
    space text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    relation regclass,
    identity json,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX tombstone_space_version_idx ON replicache.tombstone (space, version);
COMMENT ON TABLE replicache.tombstone IS 'keys that went away, and when';
COMMENT ON COLUMN replicache.tombstone.relation IS 'clock time: the tracked table of the row; else null';
COMMENT ON COLUMN replicache.tombstone.identity IS 'clock time: {"column":value} of the row''s primary key; else null';

CREATE TABLE replicache.creation (
    space text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    key text COLLATE "C" NOT NULL
);
CREATE INDEX creation_space_version_idx ON replicache.creation (space, version);
COMMENT ON TABLE replicache.creation IS 'clock time: keys of exposed tables that came, and when';
COMMENT ON COLUMN replicache.creation.version IS 'the version that the row got by its INSERT, or by the UPDATE of its key or space';

CREATE TABLE replicache.paging (
    space text COLLATE "C",
    name text COLLATE "C",
    began timestamptz NOT NULL DEFAULT pg_catalog.now(),
    first_head bigint NOT NULL,
    head bigint NOT NULL,
    lines bigint[] NOT NULL,
    PRIMARY KEY (space, name)
);
COMMENT ON TABLE replicache.paging IS 'where the pages of long answers of sync_pull end';
COMMENT ON COLUMN replicache.paging.name IS 'what the pages depend on: mutations_since, limit and resources; push: no pages, but how far answers went beyond the head that their readers go on from: of pushes that have changed more than they tell, and of pages that are over';
COMMENT ON COLUMN replicache.paging.first_head IS 'head of the space at the earliest first page';
COMMENT ON COLUMN replicache.paging.head IS 'head at the latest first page: so far the pages go';
COMMENT ON COLUMN replicache.paging.lines IS 'versions behind which the pages start';

CREATE TABLE replicache.mutation_error (
    error_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text NOT NULL,
    user_id text,
    client_group_id text NOT NULL,
    client_id text NOT NULL,
    mutation_id bigint NOT NULL,
    name text NOT NULL,
    args json,
    sqlstate text NOT NULL,
    message text NOT NULL,
    detail text,
    hint text,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    version bigint NOT NULL DEFAULT 0
);
CREATE INDEX mutation_error_client_id_mutation_id_idx ON replicache.mutation_error (client_id, mutation_id) WHERE client_group_id = '';
COMMENT ON TABLE replicache.mutation_error IS 'mutations that were rejected, and why; may itself be tracked';
COMMENT ON COLUMN replicache.mutation_error.client_group_id IS 'empty: an upload of row changes';
COMMENT ON COLUMN replicache.mutation_error.client_id IS 'empty: an upload without one';
COMMENT ON COLUMN replicache.mutation_error.mutation_id IS 'of an upload the op_id of the change that failed; 0 without one';
COMMENT ON COLUMN replicache.mutation_error.args IS 'of an upload {"crud":[…]}: all changes of the client transaction';
COMMENT ON COLUMN replicache.mutation_error.version IS 'for track_table; part of the table so that dumps restore';

SELECT pg_catalog.pg_extension_config_dump('replicache.space', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.epoch', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.client_group', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.forgotten_client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutator', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutator_queue', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.tracked_table', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.exposed_table', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.upload_client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.tombstone', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.paging', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.creation', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutation_error', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutation_error_error_id_seq', '');
-- Functions that PostgreSQL calls as triggers.

CREATE FUNCTION replicache.on_change() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_change';
COMMENT ON FUNCTION replicache.on_change() IS
'Trigger of tracked tables: stamps changed rows with the version of their space, leaves tombstones, and notes creations.
Created by track_table only. Which columns it looks at, the registry says; a table that it does not know gets an error, or nothing where no table is tracked. So everybody may execute it: who creates a partition of a tracked table must be able to.
Errors: 42703 a column of the arguments does not exist; 23502 the space of a row is null; 22004 a key column is null; 22023 the space is too long; 55000 the table is not on record as tracked.';

CREATE FUNCTION replicache.on_registry_change() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_registry_change';
COMMENT ON FUNCTION replicache.on_registry_change() IS
'Trigger of the registries: makes every backend read them again.';

CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.mutator
    FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change();
CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.mutator_queue
    FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change();
CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.tracked_table
    FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change();
CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.exposed_table
    FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_registry_change();

CREATE FUNCTION replicache.on_restore() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_restore';
COMMENT ON FUNCTION replicache.on_restore() IS
'Trigger of replicache.space: merges a row that comes from a dump with that of a space which has come into being meanwhile. The higher versions count, and the clock of the dump.';

CREATE TRIGGER on_restore BEFORE INSERT ON replicache.space FOR EACH ROW EXECUTE FUNCTION replicache.on_restore();

CREATE FUNCTION replicache.on_drop() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_drop';
COMMENT ON FUNCTION replicache.on_drop() IS
'Event trigger: a tracked table that is dropped is untracked, and the next pull of its clients is complete; an exposed one is hidden.';

CREATE FUNCTION replicache.on_alter() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_alter';
COMMENT ON FUNCTION replicache.on_alter() IS
'Event trigger: follows partitions of tracked tables as they are created, attached and detached, notices a table that takes the name of a tracked one, lets the types of key and space columns change, and warns when clients cannot pull any more.';

CREATE EVENT TRIGGER replicache_on_drop ON sql_drop EXECUTE FUNCTION replicache.on_drop();
CREATE EVENT TRIGGER replicache_on_alter ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA', 'ALTER TABLE')
    EXECUTE FUNCTION replicache.on_alter();
CREATE EVENT TRIGGER replicache_before_alter ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION replicache.on_alter();
-- Set-up: run once, by the owner of the tables and functions.

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
-- Push and pull.

CREATE FUNCTION replicache.apply_push(push json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_apply_push';
COMMENT ON FUNCTION replicache.apply_push(json, text, text) IS
'Applies a Replicache push (V0 or V1) in the calling transaction.
push: the body of the request. user_id: whom the backend has authenticated; client groups belong to one. space: the space that is pushed to; a uuid or an integer in it may be written in any way, unless a text column could have the same text.
Result: {"version","applied","skipped","rejected":[…],"halted"}; answer 503 when halted is not null, 200 otherwise; "defect":true in halted: mend the database (replicache.on_defect). {"error":"ClientStateNotFound"} or {"error":"VersionNotSupported","versionType":…} go to the client with 200.
Errors: 22023 malformed request; 42501 the client group or client belongs to somebody else, or the role may not execute a mutator; 25006 read-only transaction; classes 40, 57 and XX from a mutator: roll back and try again.
Rules: https://doc.replicache.dev/reference/server-push';

CREATE FUNCTION replicache.pull(request json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull';
COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with what changed since its cookie. Writes nothing.
request: the body of the request. user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}; the cookie says what the client has seen and of which history. One of another history, or of another backend, gets everything under a greater order. Or {"error":"VersionNotSupported","versionType":…}, or {"error":"ClientStateNotFound"} where confirmed mutations of the client are not known here; all with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 54000 the answer would pass 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

CREATE FUNCTION replicache.pull_since(version bigint, client_group_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_since';
COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'What changed in a space after a version, in the form of a pull answer. Writes nothing. Where the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number; NULL or 0 asks for everything. client_group_id: whose lastMutationIDChanges are wanted. space: the space.
Result and errors: as for pull; {"error":"ClientStateNotFound"} for a version that is greater than the space''s (on a standby: no changes); 22023 negative version.';

CREATE FUNCTION replicache.powersync_upload(request json, user_id text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_powersync_upload';
COMMENT ON FUNCTION replicache.powersync_upload(json, text, text) IS
'Applies an upload of PowerSync in the calling transaction: row changes of exposed tables and calls of mutators, each client transaction whole or not at all.
request: the body of the request: {"transactions":[{"transaction_id","crud":[…]}]}, {"batch":[…]} or {"crud":[…]}. user_id: whom the backend has authenticated. client_id: the client''s database, if the request does not name it; with it and op_ids, nothing is applied twice.
Result: {"results":[…]}, one per client transaction, in order: success, retryable_error, fatal_error or not_attempted; answer 200 with it. What was rejected is kept in replicache.mutation_error.
Errors: 22023 malformed request, or client_id is empty; 25006 read-only transaction; 0A000 called by a mutator; class XX: roll back and try again.
Rules: https://docs.powersync.com/installation/app-backend-setup/writing-client-changes';

CREATE FUNCTION replicache.sync_pull(mutations_since bigint, user_id text, resources text[] DEFAULT NULL, metadata_only boolean DEFAULT false,
    page integer DEFAULT 1, page_limit integer DEFAULT 100) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_pull';
COMMENT ON FUNCTION replicache.sync_pull(bigint, text, text[], boolean, integer, integer) IS
'Answers GET /v1/sync of the lastMutationAt protocol: what has become of each row of the user since a time. Writes nothing but where the pages of a longer answer end; without that, in a read-only transaction, pages are not stable.
mutations_since: milliseconds since 1970, exclusive; -1 for everything. user_id: whom the backend has authenticated; the space of the rows. resources: names of exposed tables that are tracked with a space column, NULL for all. metadata_only: the head alone. page: from 1. page_limit: mutations per page, 1 to 1000.
Result: the status of the answer (200), its header X-Mutation-At, and its body.
Errors: 22004 null; 22023 number out of range; 42501 the role may not read a table; 55000 the user''s space has another clock than time; 40001 another first page has been answered since the snapshot of a REPEATABLE READ transaction: try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/get-mutations';

CREATE FUNCTION replicache.sync_push(request json, last_mutation_at bigint, user_id text) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_push';
COMMENT ON FUNCTION replicache.sync_push(json, bigint, text) IS
'Applies POST /v1/sync of the lastMutationAt protocol in the calling transaction: all mutations of exposed tables, or none.
request: the body. last_mutation_at: the head that it was made on, in milliseconds since 1970; -1 without any. user_id: whom the backend has authenticated; makes a space of the clock time on first use.
Result: the status of the answer, its header X-Mutation-At, and its body: 200 applied; 409 the head is another; 422 the request breaks the protocol, names a row that is not the user''s, or the database refuses its data. Other than with 200, no row and no head has changed.
Errors: 22004 null; 22023 number out of range; 42501 the role may not read or write a table, or clients may not do that to its rows; 55000 the user''s space has another clock than time; 25006 read-only transaction; 0A000 called by a mutator; classes 40, 53, 57 and XX, 55P03 and RE001, and 42703 and its like from a defect of the database (replicache.on_defect): roll back and try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/sync-local-mutations';

CREATE FUNCTION replicache.replay(error_id bigint) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_replay';
COMMENT ON FUNCTION replicache.replay(bigint) IS
'Applies what was rejected once more, when its cause is mended, and takes it off the record: a client transaction of row changes whole, or a mutation. As the calling role, with the user, client and space of the record; lastMutationID and op_ids do not move.
error_id: of replicache.mutation_error.
Result: the record as it was. Errors: 42704 no such record, 22004 error_id is null, 25006 read-only transaction, or what it fails with again: then nothing of it stands, and the record stays.';
-- What mutators, row-level security policies and value expressions may ask about the request they serve.

CREATE FUNCTION replicache.current_user_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_user_id';
COMMENT ON FUNCTION replicache.current_user_id() IS 'The user_id that was given to apply_push or pull. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_space() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_space';
COMMENT ON FUNCTION replicache.current_space() IS 'The space of the push or pull. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_client_group_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_client_group_id';
COMMENT ON FUNCTION replicache.current_client_group_id() IS 'The client group that pushes or pulls. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_client_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_client_id';
COMMENT ON FUNCTION replicache.current_client_id() IS 'The client whose mutation runs; during a pull NULL, but for V0. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_mutation_id() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_mutation_id';
COMMENT ON FUNCTION replicache.current_mutation_id() IS 'The id of the mutation that runs; NULL during a pull. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_version() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_version';
COMMENT ON FUNCTION replicache.current_version() IS 'The version that the changes of this push get (clock time: one below theirs), or that this pull answers. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_schema_version() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_schema_version';
COMMENT ON FUNCTION replicache.current_schema_version() IS 'The schemaVersion of the request. NULL outside of pushes and pulls.';

-- Who may read mutation_error reads the errors of the user whose request it serves. Part of the extension, because pg_dump
-- leaves out policies on an extension's tables.
ALTER TABLE replicache.mutation_error ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON replicache.mutation_error FOR SELECT
    USING (user_id IS NOT DISTINCT FROM replicache.current_user_id());
-- Nothing for PUBLIC: see grant_usage.
REVOKE ALL ON SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA replicache FROM PUBLIC;
-- It makes nothing up for tables that are not tracked; and PostgreSQL wants the right from everybody who creates a partition.
GRANT EXECUTE ON FUNCTION replicache.on_change() TO PUBLIC;
