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
