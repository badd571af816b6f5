\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.2.0'" to load this file. \quit

ALTER TABLE replicache.space ADD COLUMN collected bigint NOT NULL DEFAULT 0, ADD COLUMN collector bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN replicache.space.collected IS 'tombstones up to this version have been collected: a cookie must have seen all of it or, clock transaction, collector';
COMMENT ON COLUMN replicache.space.collector IS 'clock transaction: the last transaction that has collected tombstones; it has seen all that is collected';

-- Those that are there count as left now.
ALTER TABLE replicache.tombstone ADD COLUMN at timestamptz NOT NULL DEFAULT pg_catalog.now();

CREATE TABLE replicache.forgotten_client (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE replicache.forgotten_client IS
'clients whose rows are gone; one that comes back might otherwise pass for a new one, and its first mutations be applied twice';

SELECT pg_catalog.pg_extension_config_dump('replicache.forgotten_client', '');
REVOKE ALL ON TABLE replicache.forgotten_client FROM PUBLIC;

CREATE FUNCTION replicache.collect_garbage(idle interval) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
COMMENT ON FUNCTION replicache.collect_garbage(interval) IS
'Forgets clients that have pushed nothing for some time, client groups that have no others, and tombstones and errors that are as old. A forgotten client that pushes again gets ClientStateNotFound; one whose cookie is older than a tombstone that is gone gets a complete pull.
idle: how long ago a client must have pushed for the last time, a row been deleted, a mutation been rejected; from 0 to 6000 years. Give it several months: pulls leave no trace, so a client that only reads counts as idle.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. What others use at the moment is left for the next time.
Errors: 22004 idle is null; 22023 it is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';
REVOKE ALL ON FUNCTION replicache.collect_garbage(interval) FROM PUBLIC;
