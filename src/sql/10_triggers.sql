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
CREATE TRIGGER on_registry_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON replicache.query
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
