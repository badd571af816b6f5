\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.3.0'" to load this file. \quit

ALTER TABLE replicache.tracked_table ADD COLUMN table_name text, ADD COLUMN partitions regclass[], ADD COLUMN columns text[];
COMMENT ON COLUMN replicache.tracked_table.table_name IS 'schema and name, quoted, when track_table was called, or a dump of an older version restored: another table that takes the name is noticed';
COMMENT ON COLUMN replicache.tracked_table.partitions IS 'all of them, at every level: one that is dropped is known by this; null: none';
COMMENT ON COLUMN replicache.tracked_table.columns IS 'of the default value, in this order; null: all';
UPDATE replicache.tracked_table r SET
    table_name = (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE c.oid OPERATOR(pg_catalog.=) r.relation),
    partitions = (SELECT pg_catalog.array_agg(p.relid ORDER BY p.relid::pg_catalog.oid) FROM pg_catalog.pg_partition_tree(r.relation) p WHERE p.parentrelid IS NOT NULL);
-- Of a table that was dropped while event triggers were off.
UPDATE replicache.tracked_table SET table_name = relation::pg_catalog.oid::pg_catalog.text WHERE table_name IS NULL;

DROP EVENT TRIGGER replicache_on_alter;
CREATE EVENT TRIGGER replicache_on_alter ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA', 'ALTER TABLE')
    EXECUTE FUNCTION replicache.on_alter();
CREATE EVENT TRIGGER replicache_before_alter ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION replicache.on_alter();
GRANT EXECUTE ON FUNCTION replicache.on_change() TO PUBLIC;

COMMENT ON FUNCTION replicache.on_change() IS
'Trigger of tracked tables: stamps changed rows with the version of their space, leaves tombstones, and notes creations.
Created by track_table only. Which columns it looks at, the registry says; a table that it does not know gets an error, or nothing where no table is tracked. So everybody may execute it: who creates a partition of a tracked table must be able to.
Errors: 42703 a column of the arguments does not exist; 23502 the space of a row is null; 22004 a key column is null; 22023 the space is too long; 55000 the table is not on record as tracked.';

COMMENT ON FUNCTION replicache.on_alter() IS
'Event trigger: follows partitions of tracked tables as they are created, attached and detached, notices a table that takes the name of a tracked one, lets the types of key and space columns change, and warns when clients cannot pull any more.';

CREATE FUNCTION replicache.retrack(relation regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_retrack';
COMMENT ON FUNCTION replicache.retrack(regclass) IS
'Tracks a table anew with the options on record, as track_table did: mends triggers that were dropped or disabled, takes note of its partitions and its name. The next pull of every client that may see its rows is complete.
relation: a tracked table of the calling role.
Errors: 42501 not the owner; 42704 not tracked; what track_table refuses.';
REVOKE ALL ON FUNCTION replicache.retrack(regclass) FROM PUBLIC;

COMMENT ON FUNCTION replicache.untrack_table(regclass) IS
'Stops tracking a table: removes the triggers; clients get a del for each of its entries. The columns stay.
relation: a tracked table of the calling role; or the OID of one that was dropped while event triggers were off.
Errors: 42501 not the owner; 42704 not tracked.';

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
REVOKE ALL ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[]) FROM PUBLIC;
-- Who could call the old one can call the new one. What is granted here must not count as the extension's own, or dumps would lack it.
DO $$
DECLARE
    initial pg_catalog.aclitem[] := (SELECT initprivs FROM pg_catalog.pg_init_privs WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objoid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[])'::pg_catalog.regprocedure);
    may record;
BEGIN
    FOR may IN SELECT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END AS grantee, a.is_grantable
        FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
        WHERE p.oid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name)'::pg_catalog.regprocedure AND a.grantee OPERATOR(pg_catalog.<>) p.proowner
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[]) TO %s%s', may.grantee,
            CASE WHEN may.is_grantable THEN ' WITH GRANT OPTION' END);
    END LOOP;
    UPDATE pg_catalog.pg_init_privs SET initprivs = initial WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objoid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[])'::pg_catalog.regprocedure;
    -- From 17 on, they also keep a role from being dropped.
    DELETE FROM pg_catalog.pg_shdepend WHERE deptype OPERATOR(pg_catalog.=) 'i' AND classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[])'::pg_catalog.regprocedure
        AND dbid OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
END
$$;
DROP FUNCTION replicache.track_table(regclass, text, text, name, name, name);
COMMENT ON COLUMN replicache.paging.name IS 'what the pages depend on: mutations_since, limit and resources; push: no pages, but how far answers went beyond the head that their readers go on from: of pushes that have changed more than they tell, and of pages that are over';

COMMENT ON FUNCTION replicache.collect_garbage(interval) IS
'Forgets clients that have pushed nothing for some time, client groups that have no others, and tombstones, errors and pages of sync_pull that are as old. A forgotten client that pushes again gets ClientStateNotFound; one whose cookie is older than a tombstone that is gone gets a complete pull.
idle: how long ago a client must have pushed for the last time, a row been deleted, a mutation been rejected; from 0 to 6000 years. Give it several months: pulls leave no trace, so a client that only reads counts as idle.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages are not counted. What others use at the moment is left for the next time.
Errors: 22004 idle is null; 22023 it is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';

CREATE FUNCTION replicache.on_restore() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_on_restore';
COMMENT ON FUNCTION replicache.on_restore() IS
'Trigger of replicache.space: merges a row that comes from a dump with that of a space which has come into being meanwhile. The higher versions count, and the clock of the dump.';

CREATE TRIGGER on_restore BEFORE INSERT ON replicache.space FOR EACH ROW EXECUTE FUNCTION replicache.on_restore();
REVOKE ALL ON FUNCTION replicache.on_restore() FROM PUBLIC;

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

COMMENT ON FUNCTION replicache.create_space(text, text) IS
'Creates a space; spaces also come into being on first use, with the clock of replicache.default_clock.
id: at most 1000 bytes. That of a uuid or an integer may be written in any way.
clock: ''counter'': one version per transaction, and one writer at a time; ''time'': one per change, in milliseconds since 1970, and one writer at a time; ''transaction'': changes carry the id of their transaction, and writers do not wait for each other. It cannot be changed later.
Errors: 42710 the space exists; 22023 unknown clock, or id too long.';

COMMENT ON FUNCTION replicache.apply_push(json, text, text) IS
'Applies a Replicache push (V0 or V1) in the calling transaction.
push: the body of the request. user_id: whom the backend has authenticated; client groups belong to one. space: the space that is pushed to; a uuid or an integer in it may be written in any way, unless a text column could have the same text.
Result: {"version","applied","skipped","rejected":[…],"halted"}; answer 503 when halted is not null, 200 otherwise; "defect":true in halted: mend the database (replicache.on_defect). {"error":"ClientStateNotFound"} or {"error":"VersionNotSupported","versionType":…} go to the client with 200.
Errors: 22023 malformed request; 42501 the client group or client belongs to somebody else, or the role may not execute a mutator; 25006 read-only transaction; classes 40, 57 and XX from a mutator: roll back and try again.
Rules: https://doc.replicache.dev/reference/server-push';

COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with what changed since its cookie. Writes nothing.
request: the body of the request. user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}; the cookie says what the client has seen and of which history. One of another history, or of another backend, gets everything under a greater order. Or {"error":"VersionNotSupported","versionType":…}, or {"error":"ClientStateNotFound"} where confirmed mutations of the client are not known here; all with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 54000 the answer would pass 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'What changed in a space after a version, in the form of a pull answer. Writes nothing. Where the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number; NULL or 0 asks for everything. client_group_id: whose lastMutationIDChanges are wanted. space: the space.
Result and errors: as for pull; {"error":"ClientStateNotFound"} for a version that is greater than the space''s (on a standby: no changes); 22023 negative version.';

COMMENT ON TABLE replicache.origin IS
'which history this database is, named by cookies; never dumped, because a restored database is another one';

COMMENT ON COLUMN replicache.upload_client.user_id IS 'empty: uploaded without a user; of a user whose id is empty or begins with U+0001, one more of these stands in front';
UPDATE replicache.upload_client SET user_id = pg_catalog.concat(pg_catalog.chr(1), user_id) WHERE pg_catalog.starts_with(user_id, pg_catalog.chr(1));

COMMENT ON FUNCTION replicache.powersync_upload(json, text, text) IS
'Applies an upload of PowerSync in the calling transaction: row changes of exposed tables and calls of mutators, each client transaction whole or not at all.
request: the body of the request: {"transactions":[{"transaction_id","crud":[…]}]}, {"batch":[…]} or {"crud":[…]}. user_id: whom the backend has authenticated. client_id: the client''s database, if the request does not name it; with it and op_ids, nothing is applied twice.
Result: {"results":[…]}, one per client transaction, in order: success, retryable_error, fatal_error or not_attempted; answer 200 with it. What was rejected is kept in replicache.mutation_error.
Errors: 22023 malformed request, or client_id is empty; 25006 read-only transaction; 0A000 called by a mutator; class XX: roll back and try again.
Rules: https://docs.powersync.com/installation/app-backend-setup/writing-client-changes';

COMMENT ON FUNCTION replicache.sync_push(json, bigint, text) IS
'Applies POST /v1/sync of the lastMutationAt protocol in the calling transaction: all mutations of exposed tables, or none.
request: the body. last_mutation_at: the head that it was made on, in milliseconds since 1970; -1 without any. user_id: whom the backend has authenticated; makes a space of the clock time on first use.
Result: the status of the answer, its header X-Mutation-At, and its body: 200 applied; 409 the head is another; 422 the request breaks the protocol, names a row that is not the user''s, or the database refuses its data. Other than with 200, no row and no head has changed.
Errors: 22004 null; 22023 number out of range; 42501 the role may not read or write a table, or clients may not do that to its rows; 55000 the user''s space has another clock than time; 25006 read-only transaction; 0A000 called by a mutator; classes 40, 53, 57 and XX, 55P03 and RE001, and 42703 and its like from a defect of the database (replicache.on_defect): roll back and try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/sync-local-mutations';

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
