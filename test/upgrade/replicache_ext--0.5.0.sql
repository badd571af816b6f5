\echo Use "CREATE EXTENSION replicache_ext" to load this file. \quit

CREATE SCHEMA replicache;
COMMENT ON SCHEMA replicache IS 'the server side of sync: push, pull and change tracking';

-- The bookkeeping. Only the extension reads and writes these tables, as their owner. There are no foreign keys: the extension
-- keeps the references valid, and each check would cost a query per push. fillfactor leaves room for HOT updates of the rows
-- that every push updates.

CREATE TABLE replicache.space (
    id text COLLATE "C" PRIMARY KEY,
    clock text NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    floor bigint NOT NULL DEFAULT 0,
    collected bigint NOT NULL DEFAULT 0,
    collector bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 25);
COMMENT ON TABLE replicache.space IS 'spaces, each with a version history';
COMMENT ON COLUMN replicache.space.version IS 'Clock counter: the last version that a transaction has got. Clock time: the last version that a change has got, -1 if there is none.';
COMMENT ON COLUMN replicache.space.floor IS 'The oldest version from which a delta can still be served. Clock transaction: a transaction that a cookie must have seen to get a delta.';
COMMENT ON COLUMN replicache.space.collected IS 'Tombstones up to this version have been collected. To get a delta, a cookie must have seen everything up to it. Clock transaction: or it must have seen the collector.';
COMMENT ON COLUMN replicache.space.collector IS 'Clock transaction: the last transaction that has collected tombstones. It has seen everything that is collected.';

CREATE TABLE replicache.epoch (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE replicache.epoch IS 'Calls of new_epoch(). With the clock counter, the versions of an epoch start at number * 2^32.';

CREATE TABLE replicache.origin (
    key text COLLATE "C" PRIMARY KEY CHECK (key = 'origin'),
    id text NOT NULL DEFAULT pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 1, 16),
    secret bytea NOT NULL DEFAULT pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
        OPERATOR(pg_catalog.||) pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
);
COMMENT ON TABLE replicache.origin IS
'The history of this database. Cookies name it. It is never dumped, because a restored database is another one.';
COMMENT ON COLUMN replicache.origin.secret IS 'Cookies with a view are sealed with it, so that clients cannot forge them.';
INSERT INTO replicache.origin (key) VALUES ('origin');

CREATE TABLE replicache.client_group (
    id text COLLATE "C" PRIMARY KEY,
    user_id text,
    space text COLLATE "C" NOT NULL
);
COMMENT ON TABLE replicache.client_group IS 'Client groups. Each belongs to one user and one space.';

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
'Ids of removed clients. Without them, a client that comes back could look new, and its first mutations would be applied twice.';

CREATE TABLE replicache.mutator (
    name text COLLATE "C" PRIMARY KEY,
    function text NOT NULL
);
COMMENT ON TABLE replicache.mutator IS 'the function that serves each mutation name';
COMMENT ON COLUMN replicache.mutator.function IS 'The signature, as regprocedure reads it. It is a text, because pg_upgrade refuses tables with regprocedure columns.';

CREATE TABLE replicache.mutator_queue (
    name text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE replicache.mutator_queue IS 'tables of clients whose rows are calls of mutators';
COMMENT ON COLUMN replicache.mutator_queue.name IS 'What clients call it. There is no such table in the database.';

CREATE TABLE replicache.tracked_table (
    relation regclass PRIMARY KEY,
    key text NOT NULL,
    value text,
    space_column name,
    deleted_column name,
    version_column name NOT NULL,
    table_name text,
    partitions regclass[],
    columns text[],
    private boolean NOT NULL DEFAULT false,
    filter text,
    part_column name,
    parts text
);
COMMENT ON TABLE replicache.tracked_table IS 'tables whose rows are client-view entries';
COMMENT ON COLUMN replicache.tracked_table.table_name IS 'Schema and name, quoted, at the time of track_table, or of the restore of a dump of an older version. With this, the extension notices another table that takes the name.';
COMMENT ON COLUMN replicache.tracked_table.partitions IS 'All partitions, at every level. With this, the extension notices a dropped partition. Null: there are none.';
COMMENT ON COLUMN replicache.tracked_table.columns IS 'The columns of the default value, in this order. Null: all.';
COMMENT ON COLUMN replicache.tracked_table.private IS 'The rows that a client may see depend on its user. Its cookie and view_record say which keys it has.';
COMMENT ON COLUMN replicache.tracked_table.filter IS 'SQL expression over the row: clients have only rows for which it is true. Null: none.';
COMMENT ON COLUMN replicache.tracked_table.part_column IS 'Column that says which part of the space a row is in. Null: the table has no parts.';
COMMENT ON COLUMN replicache.tracked_table.parts IS 'Query that gives the parts that the user may see. Null: the table has no parts.';

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
COMMENT ON COLUMN replicache.exposed_table.columns IS 'Client name → column. Null: all columns under their own names.';

CREATE TABLE replicache.upload_client (
    client_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    last_number bigint NOT NULL,
    checkpoint bigint,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (client_id, user_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE replicache.upload_client IS 'clients that upload row changes, and how far those have been processed';
COMMENT ON COLUMN replicache.upload_client.user_id IS 'Empty: the upload had no user. If the id of a user is empty or begins with U+0001, it is stored with one more U+0001 in front.';
COMMENT ON COLUMN replicache.upload_client.last_number IS 'highest op_id that was applied or rejected';
COMMENT ON COLUMN replicache.upload_client.checkpoint IS 'highest write checkpoint that the client has asked for';

CREATE TABLE replicache.tombstone (
    space text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    relation regclass,
    identity json,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    part text
);
CREATE INDEX tombstone_space_version_idx ON replicache.tombstone (space, version);
COMMENT ON TABLE replicache.tombstone IS 'keys of entries that were removed, and when';
COMMENT ON COLUMN replicache.tombstone.relation IS 'Clock time: the tracked table of the row. Other clocks: null.';
COMMENT ON COLUMN replicache.tombstone.identity IS 'Clock time: {"column":value} of the primary key of the row. Other clocks: null.';
COMMENT ON COLUMN replicache.tombstone.part IS 'The part that the row was in. Null: the table has no parts.';

CREATE TABLE replicache.creation (
    space text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    key text COLLATE "C" NOT NULL
);
CREATE INDEX creation_space_version_idx ON replicache.creation (space, version);
COMMENT ON TABLE replicache.creation IS 'clock time: keys of new entries of exposed tables, and when they were created';
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
COMMENT ON COLUMN replicache.paging.name IS 'What the pages depend on: mutations_since, limit and resources. The name push has no pages. It notes how far answers went beyond the head from which their readers go on: answers to pushes that changed more than they told, and pages that are over.';
COMMENT ON COLUMN replicache.paging.first_head IS 'head of the space when the earliest first page was answered';
COMMENT ON COLUMN replicache.paging.head IS 'Head of the space when the latest first page was answered. The pages end there.';
COMMENT ON COLUMN replicache.paging.lines IS 'the pages start behind these versions';

CREATE TABLE replicache.view_record (
    id text COLLATE "C" PRIMARY KEY,
    user_id text,
    space text COLLATE "C" NOT NULL,
    keys bytea NOT NULL,
    entries bigint NOT NULL,
    used_on date NOT NULL
);
ALTER TABLE replicache.view_record ALTER COLUMN keys SET STORAGE EXTERNAL;
COMMENT ON TABLE replicache.view_record IS
'Sets of keys that clients have of tables with private rows or parts. A row never changes, but for used_on. Not dumped: a client whose record is missing gets a complete pull.';
COMMENT ON COLUMN replicache.view_record.id IS '32 hex digits. Cookies name the record by it.';
COMMENT ON COLUMN replicache.view_record.user_id IS 'The user that may use the record. Null: pulls without a user.';
COMMENT ON COLUMN replicache.view_record.keys IS 'the keys and parts, packed';
COMMENT ON COLUMN replicache.view_record.entries IS 'how many keys and parts there are';
COMMENT ON COLUMN replicache.view_record.used_on IS 'the last day on which a pull used the record';

CREATE TABLE replicache.client_view (
    client_group_id text COLLATE "C" PRIMARY KEY,
    record text COLLATE "C" NOT NULL,
    used_on date NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE replicache.client_view IS 'The newest record of each client group. Only collect_garbage uses it. Not dumped.';
COMMENT ON COLUMN replicache.client_view.record IS 'id of the view_record';
COMMENT ON COLUMN replicache.client_view.used_on IS 'the last day on which the group used the record';

CREATE TABLE replicache.garbage_collection (
    at timestamptz NOT NULL,
    oldest_client timestamptz NOT NULL
);
COMMENT ON TABLE replicache.garbage_collection IS 'The last collect_garbage. Not dumped: a restored database has had none.';
COMMENT ON COLUMN replicache.garbage_collection.at IS 'when it ended';
COMMENT ON COLUMN replicache.garbage_collection.oldest_client IS 'Each client that it left has pushed at this time or later.';

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
COMMENT ON TABLE replicache.mutation_error IS 'Rejected mutations, and why they were rejected. This table can be tracked.';
COMMENT ON COLUMN replicache.mutation_error.client_group_id IS 'empty: an upload of row changes';
COMMENT ON COLUMN replicache.mutation_error.client_id IS 'empty: an upload without a client id';
COMMENT ON COLUMN replicache.mutation_error.mutation_id IS 'For an upload: the op_id of the change that failed, 0 if it had none.';
COMMENT ON COLUMN replicache.mutation_error.args IS 'For an upload: {"crud":[…]} with all changes of the client transaction.';
COMMENT ON COLUMN replicache.mutation_error.version IS 'For track_table. It is part of the table so that dumps can be restored.';

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
'Trigger of tracked tables. It stamps changed rows with the version of their space, leaves tombstones, and notes creations. Rows of private tables leave no tombstones.
Only track_table creates it. The registry says which columns it uses. If the registry does not know the table, it raises an error, or does nothing if no table is tracked. So everybody may execute it. A role that creates a partition of a tracked table needs this right.
Errors: 42703 a column that track_table was given does not exist; 23502 the space of a row is null; 22004 a key column is null; 22023 the space is too long; 55000 the table is not recorded as tracked.';

CREATE FUNCTION replicache.on_registry_change() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_registry_change';
COMMENT ON FUNCTION replicache.on_registry_change() IS
'Trigger of the registries. It makes every backend read them again.';

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
'Trigger of replicache.space. If a row comes from a dump and the space exists already, it merges them. The higher versions count, and the clock of the dump.';

CREATE TRIGGER on_restore BEFORE INSERT ON replicache.space FOR EACH ROW EXECUTE FUNCTION replicache.on_restore();

CREATE FUNCTION replicache.on_drop() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_drop';
COMMENT ON FUNCTION replicache.on_drop() IS
'Event trigger. If a tracked table is dropped, it is untracked, and the next pull of its clients is complete. If an exposed table is dropped, it is hidden.';

CREATE FUNCTION replicache.on_alter() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_alter';
COMMENT ON FUNCTION replicache.on_alter() IS
'Event trigger. It follows partitions of tracked tables that are created, attached or detached. It notices a table that takes the name of a tracked one. It lets the types of key and space columns change. It warns if clients cannot pull any more.';

CREATE EVENT TRIGGER replicache_on_drop ON sql_drop EXECUTE FUNCTION replicache.on_drop();
CREATE EVENT TRIGGER replicache_on_alter ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA', 'ALTER TABLE')
    EXECUTE FUNCTION replicache.on_alter();
CREATE EVENT TRIGGER replicache_before_alter ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION replicache.on_alter();
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

CREATE FUNCTION replicache.resync(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_resync';
COMMENT ON FUNCTION replicache.resync(regclass) IS
'Makes the next pull of every client that may see rows of the table complete. Call it after a change that no trigger sees, such as a change of a function that value calls.
relation: a tracked table of the calling role.
Errors: 42501 the caller is not the owner; 42704 not tracked.';

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

CREATE FUNCTION replicache.collect_garbage(idle interval) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
COMMENT ON FUNCTION replicache.collect_garbage(interval) IS
'Removes clients that have pushed nothing for some time, and client groups that have no other clients. Also removes tombstones, errors, pages of sync_pull and records of private views that are as old. A removed client that pushes again gets ClientStateNotFound. A client whose cookie is older than a removed tombstone, or names a removed record, gets a complete pull.
idle: the time since the last push of a client, the deletion of a row, the rejection of a mutation, or the last pull that used a record. From 0 to 6000 years. Use several months: pulls are not noted for clients, so a client that only reads counts as idle.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages and records are not counted. Rows that others use at the moment are left for the next time.
Errors: 22004 idle is null; 22023 it is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';

CREATE FUNCTION replicache.collect_garbage(idle interval, views interval) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
COMMENT ON FUNCTION replicache.collect_garbage(interval, interval) IS
'Does what collect_garbage(idle) does, with a time of its own for the records of private views.
idle: see collect_garbage(idle).
views: the time since the last pull that used a record, counted in days, from 0 to 6000 years. A record that is not the newest of a client group is removed when no pull has used it for a day. NULL: as idle.
Result: how many rows were removed, as for collect_garbage(idle).
Errors: 22004 idle is null; 22023 idle or views is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';

CREATE FUNCTION replicache.status() RETURNS TABLE (topic text, value numeric, details text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_status';
COMMENT ON FUNCTION replicache.status() IS
'Returns figures for operators and monitoring, one row per topic. It reads no large table and writes nothing, so it can be called every few seconds, on a standby, too. It names no users, clients or mutations. Members of pg_monitor may call it, if they may use the schema.
Result: topic: the name of the figure. docs/operations.md lists them. value: a number; null if it is not known. details: what the number does not say; null if there is nothing to add.';

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
        'replicache.pull_for(text[], json, text, text, text), replicache.pull_since(bigint, text, text), replicache.powersync_upload(json, text, text), '
        'replicache.sync_pull(bigint, text, text[], boolean, integer, integer), replicache.sync_push(json, bigint, text), replicache.current_user_id(), replicache.current_space(), '
        'replicache.current_client_group_id(), replicache.current_client_id(), replicache.current_mutation_id(), '
        'replicache.current_version(), replicache.current_schema_version() TO %s', role);
END
$$;
COMMENT ON FUNCTION replicache.grant_usage(regrole) IS
'Grants an application role what it needs to push and pull, and no more. You grant the rights that its mutators and pulls need on your own objects.
role: an existing role.
Errors: 42501 the calling role may not grant; 42704 no such role; 22004 role is null.';
-- The backend calls these functions to push, pull and upload. Operators call replay.

CREATE FUNCTION replicache.apply_push(push json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_apply_push';
COMMENT ON FUNCTION replicache.apply_push(json, text, text) IS
'Applies a Replicache push (V0 or V1) in the calling transaction.
push: the body of the request.
user_id: the user that the backend has authenticated. A client group belongs to one user.
space: the space that is pushed to. A uuid or an integer in it may be written in any way, unless a text column could have the same text.
Result: {"version","applied","skipped","rejected":[…],"halted"}. Answer 503 if halted is not null, otherwise 200. "defect":true in halted means that you must repair the database (replicache.on_defect). Or {"error":"ClientStateNotFound"}, or {"error":"VersionNotSupported","versionType":…}: send these to the client with 200.
Errors: 22023 malformed request; 42501 the client group or client belongs to somebody else, or the role may not execute a mutator; 25006 read-only transaction; classes 40, 57 and XX from a mutator: roll back and try again.
Rules: https://doc.replicache.dev/reference/server-push';

CREATE FUNCTION replicache.pull(request json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull';
COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with the changes since its cookie. It reads under the snapshot of the calling statement. It writes nothing, except the record of a view: what a client has of private tables.
request: the body of the request.
user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}. With "more":true, there are further pages (replicache.page_size): pull again. The cookie says what the client has seen, and of which history. A cookie of another history, or of another backend, gets everything, under a greater order. Or {"error":"VersionNotSupported","versionType":…}. Or {"error":"ClientStateNotFound"}, if confirmed mutations of the client are not known here. Send each of them with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 25006 a view must be recorded, or its record is not known on this standby: repeat the pull on the primary, in a transaction that may write; 54000 the answer would be larger than 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

CREATE FUNCTION replicache.pull_for(
    client_group_ids text[],
    cookie json,
    space text DEFAULT '',
    user_id text DEFAULT NULL,
    schema_version text DEFAULT NULL
) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_for';
COMMENT ON FUNCTION replicache.pull_for(text[], json, text, text, text) IS
'Answers the pulls of many client groups that have the same cookie, once for all of them. The backend makes a poke for each client from the answer. It reads and writes as pull does.
client_group_ids: the client groups. An id that is not on record is a group without mutations. An id may come twice.
cookie: the cookie of their clients. Its member confirmed does not count. NULL or null: they have no data.
space: as for apply_push.
user_id: the user that all these groups belong to. NULL: groups of any users, who must all see the same.
schema_version: the schemaVersion of these clients. NULL: it is not checked.
Result: {"baseCookie","cookie","confirmed":{…},"lastMutationIDChanges":{…},"patch":[…]}. baseCookie is the argument. cookie is the new one, without its member confirmed. confirmed and lastMutationIDChanges have a member for each client group with news, by its id. With "more":true, there are further pages. NULL: there is no common answer, because the cookie is of another history. Let every client pull. Or {"error":"VersionNotSupported","versionType":"schema"}.
Errors: 22004 client_group_ids, an element of it or space is null; 42501 a client group belongs to another space or, with user_id, to another user, or the role may not read a tracked table; 0A000 the clients may not see the same: without user_id, a table of the space is private or has parts, row-level security applies to the calling role, or an expression has called current_user_id(), and always if an expression has called current_client_group_id() or current_client_id(); the other errors of pull.';

CREATE FUNCTION replicache.pull_since(version bigint, client_group_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_since';
COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'Returns the changes in a space since a version, in the form of a pull answer. It writes nothing. If the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number. NULL or 0 asks for everything.
client_group_id: the client group whose lastMutationIDChanges are wanted.
space: the space.
Result and errors: as for pull. {"error":"ClientStateNotFound"} for a version that is greater than that of the space (on a standby: no changes). 22023 for a negative version. 0A000 for a version other than 0, if a table of the space is private or has parts.';

CREATE FUNCTION replicache.powersync_upload(request json, user_id text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_powersync_upload';
COMMENT ON FUNCTION replicache.powersync_upload(json, text, text) IS
'Applies an upload of PowerSync in the calling transaction: row changes of exposed tables and calls of mutators. Each client transaction is applied whole or not at all.
request: the body of the request, {"transactions":[{"transaction_id","crud":[…]}]}, {"batch":[…]} or {"crud":[…]}.
user_id: the user that the backend has authenticated.
client_id: the database of the client, if the request does not name it. With client_id and op_ids, nothing is applied twice.
Result: {"results":[…]}, one per client transaction, in order: success, retryable_error, fatal_error or not_attempted. Answer 200 with it. Rejected transactions are kept in replicache.mutation_error.
Errors: 22023 malformed request, or client_id is empty; 25006 read-only transaction; 0A000 called by a mutator; class XX: roll back and try again.
Rules: https://docs.powersync.com/installation/app-backend-setup/writing-client-changes';

CREATE FUNCTION replicache.sync_pull(mutations_since bigint, user_id text, resources text[] DEFAULT NULL, metadata_only boolean DEFAULT false,
    page integer DEFAULT 1, page_limit integer DEFAULT 100) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_pull';
COMMENT ON FUNCTION replicache.sync_pull(bigint, text, text[], boolean, integer, integer) IS
'Answers GET /v1/sync of the lastMutationAt protocol: what has happened to each row of the user since a time. It writes nothing, except where the pages of a long answer end. In a read-only transaction it cannot write this, and pages are not stable.
mutations_since: milliseconds since 1970, exclusive. -1 asks for everything.
user_id: the user that the backend has authenticated. The rows are in the space of this name.
resources: names of exposed tables that are tracked with a space column. NULL means all.
metadata_only: true: the answer has only the head.
page: the number of the page, from 1.
page_limit: mutations per page, 1 to 1000.
Result: the status of the answer (200), its header X-Mutation-At, and its body.
Errors: 22004 an argument is null; 22023 a number is out of range; 42501 the role may not read a table; 55000 the space of the user has another clock than time; 40001 another first page was answered after the snapshot of a REPEATABLE READ transaction: try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/get-mutations';

CREATE FUNCTION replicache.sync_push(request json, last_mutation_at bigint, user_id text) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_push';
COMMENT ON FUNCTION replicache.sync_push(json, bigint, text) IS
'Applies POST /v1/sync of the lastMutationAt protocol in the calling transaction: all mutations of exposed tables, or none.
request: the body of the request.
last_mutation_at: the head that the push is based on, in milliseconds since 1970. -1 means no head.
user_id: the user that the backend has authenticated. On first use, a space with the clock time is created for the user.
Result: the status of the answer, its header X-Mutation-At, and its body. 200: it is applied. 409: the head is another one. 422: the request breaks the protocol, names a row that does not belong to the user, or has data that the database refuses. With 409 and 422, no row and no head has changed.
Errors: 22004 an argument is null; 22023 a number is out of range; 42501 the role may not read or write a table, or clients may not do that to its rows; 55000 the space of the user has another clock than time; 25006 read-only transaction; 0A000 called by a mutator; classes 40, 53, 57 and XX: roll back and try again; 55P03, RE001: roll back and try again; 42703 or a similar code, from a defect of the database (replicache.on_defect): roll back and try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/sync-local-mutations';

CREATE FUNCTION replicache.replay(error_id bigint) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_replay';
COMMENT ON FUNCTION replicache.replay(bigint) IS
'Applies once more what was rejected: a mutation, or a whole client transaction of row changes. Call it after you have fixed the cause. If it succeeds, the row in replicache.mutation_error is deleted. It runs as the calling role, with the user, client and space of the error. lastMutationID and op_ids do not change.
error_id: of replicache.mutation_error.
Result: the row of replicache.mutation_error as it was.
Errors: 42704 no such row; 22004 error_id is null; 25006 read-only transaction; any error with which it fails again: then nothing of it is applied, and the row stays.';
-- Mutators, row-level security policies and value expressions use these functions to learn about the current request.

CREATE FUNCTION replicache.current_user_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_user_id';
COMMENT ON FUNCTION replicache.current_user_id() IS 'The user_id of the current push, pull or upload. NULL outside of these.';

CREATE FUNCTION replicache.current_space() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_space';
COMMENT ON FUNCTION replicache.current_space() IS 'The space of the push or pull. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_client_group_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_client_group_id';
COMMENT ON FUNCTION replicache.current_client_group_id() IS 'The client group that pushes or pulls. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_client_id() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_client_id';
COMMENT ON FUNCTION replicache.current_client_id() IS
'The client of the current mutation or upload. NULL in a pull, except for V0. NULL outside of requests.';

CREATE FUNCTION replicache.current_mutation_id() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_mutation_id';
COMMENT ON FUNCTION replicache.current_mutation_id() IS
'The id of the current mutation, in an upload the op_id. NULL in a pull. NULL outside of requests.';

CREATE FUNCTION replicache.current_version() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_version';
COMMENT ON FUNCTION replicache.current_version() IS
'In a push, the version that its changes get (clock time: a version below theirs). In a pull, the version of the answer. NULL outside of pushes and pulls.';

CREATE FUNCTION replicache.current_schema_version() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'replicache_current_schema_version';
COMMENT ON FUNCTION replicache.current_schema_version() IS 'The schemaVersion of the request. NULL outside of pushes and pulls.';

-- A role that may read mutation_error sees only the errors of the user of the current request. The policy is part of the
-- extension, because pg_dump leaves out policies on an extension's tables.
ALTER TABLE replicache.mutation_error ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON replicache.mutation_error FOR SELECT
    USING (user_id IS NOT DISTINCT FROM replicache.current_user_id());
-- PUBLIC gets no rights. See grant_usage.
REVOKE ALL ON SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA replicache FROM PUBLIC;
-- This is safe, because the function writes nothing for tables that are not tracked. It is needed, because PostgreSQL demands
-- the right from everybody who creates a partition.
GRANT EXECUTE ON FUNCTION replicache.on_change() TO PUBLIC;
-- Monitoring. The right to use the schema is for you to grant, because it is more than that.
GRANT EXECUTE ON FUNCTION replicache.status() TO pg_monitor;
