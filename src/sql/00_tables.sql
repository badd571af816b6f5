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
    collector bigint NOT NULL DEFAULT 0,
    held text
) WITH (fillfactor = 25);
COMMENT ON TABLE replicache.space IS 'spaces, each with a version history';
COMMENT ON COLUMN replicache.space.version IS 'Clock counter: the last version that a transaction has got. Clock time: the last version that a change has got, -1 if there is none.';
COMMENT ON COLUMN replicache.space.floor IS 'The oldest version from which a delta can still be served. Clock transaction: a transaction that a cookie must have seen to get a delta.';
COMMENT ON COLUMN replicache.space.collected IS 'Tombstones up to this version have been collected. To get a delta, a cookie must have seen everything up to it. Clock transaction: or it must have seen the collector.';
COMMENT ON COLUMN replicache.space.collector IS 'Clock transaction: the last transaction that has collected tombstones. It has seen everything that is collected.';
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

CREATE TABLE replicache.query (
    name text COLLATE "C" PRIMARY KEY,
    ast json,
    function text,
    CONSTRAINT query_check CHECK (pg_catalog.num_nonnulls(ast, function) = 1)
);
COMMENT ON TABLE replicache.query IS 'what serves each named query of Zero: a template or a function';
COMMENT ON COLUMN replicache.query.ast IS 'The template: the AST of the query, with placeholders. Null: a function.';
COMMENT ON COLUMN replicache.query.function IS 'The signature, as regprocedure reads it. Null: a template.';

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
-- Tables without a primary key say how their rows are known: a publication FOR ALL TABLES would refuse to delete them.
ALTER TABLE replicache.tombstone REPLICA IDENTITY FULL;
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
ALTER TABLE replicache.creation REPLICA IDENTITY FULL;
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
ALTER TABLE replicache.garbage_collection REPLICA IDENTITY FULL;
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
SELECT pg_catalog.pg_extension_config_dump('replicache.moved_space', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.former_history', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.epoch', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.client_group', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.forgotten_client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutator', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutator_queue', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.query', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.tracked_table', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.exposed_table', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.upload_client', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.tombstone', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.paging', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.creation', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutation_error', '');
SELECT pg_catalog.pg_extension_config_dump('replicache.mutation_error_error_id_seq', '');
