\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.4.0'" to load this file. \quit

ALTER TABLE replicache.origin ADD COLUMN secret bytea NOT NULL
    DEFAULT pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) OPERATOR(pg_catalog.||) pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
COMMENT ON COLUMN replicache.origin.secret IS 'Cookies with a view are sealed with it, so that clients cannot forge them.';

ALTER TABLE replicache.tracked_table
    ADD COLUMN private boolean NOT NULL DEFAULT false,
    ADD COLUMN filter text,
    ADD COLUMN part_column name,
    ADD COLUMN parts text;
COMMENT ON COLUMN replicache.tracked_table.private IS 'The rows that a client may see depend on its user. Its cookie and view_record say which keys it has.';
COMMENT ON COLUMN replicache.tracked_table.filter IS 'SQL expression over the row: clients have only rows for which it is true. Null: none.';
COMMENT ON COLUMN replicache.tracked_table.part_column IS 'Column that says which part of the space a row is in. Null: the table has no parts.';
COMMENT ON COLUMN replicache.tracked_table.parts IS 'Query that gives the parts that the user may see. Null: the table has no parts.';

ALTER TABLE replicache.tombstone ADD COLUMN part text;
COMMENT ON COLUMN replicache.tombstone.part IS 'The part that the row was in. Null: the table has no parts.';

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

REVOKE ALL ON TABLE replicache.view_record, replicache.client_view FROM PUBLIC;

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
REVOKE ALL ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[], boolean, text, name, text) FROM PUBLIC;
-- Roles that could call the old function can call the new one. The grants here must not count as the extension's own, or dumps would lack them.
DO $$
DECLARE
    initial pg_catalog.aclitem[] := (SELECT initprivs FROM pg_catalog.pg_init_privs WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objoid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[],boolean,text,name,text)'::pg_catalog.regprocedure);
    may record;
BEGIN
    FOR may IN SELECT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END AS grantee, a.is_grantable
        FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
        WHERE p.oid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[])'::pg_catalog.regprocedure AND a.grantee OPERATOR(pg_catalog.<>) p.proowner
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[], boolean, text, name, text) TO %s%s', may.grantee,
            CASE WHEN may.is_grantable THEN ' WITH GRANT OPTION' END);
    END LOOP;
    UPDATE pg_catalog.pg_init_privs SET initprivs = initial WHERE classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objoid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[],boolean,text,name,text)'::pg_catalog.regprocedure;
    -- From 17 on, they also keep a role from being dropped.
    DELETE FROM pg_catalog.pg_shdepend WHERE deptype OPERATOR(pg_catalog.=) 'i' AND classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND objid OPERATOR(pg_catalog.=) 'replicache.track_table(regclass,text,text,name,name,name,text[],boolean,text,name,text)'::pg_catalog.regprocedure
        AND dbid OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
END
$$;
DROP FUNCTION replicache.track_table(regclass, text, text, name, name, name, text[]);
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
COMMENT ON FUNCTION replicache.untrack_table(regclass) IS
'Stops tracking a table. The triggers are removed. Clients get a del for each entry of the table. If the table is private or has parts, the next pull of every client that may see its rows is complete instead. The columns stay.
relation: a tracked table of the calling role, or the OID of one that was dropped while event triggers were off.
Errors: 42501 the caller is not the owner; 42704 not tracked.';
COMMENT ON FUNCTION replicache.on_change() IS
'Trigger of tracked tables. It stamps changed rows with the version of their space, leaves tombstones, and notes creations. Rows of private tables leave no tombstones.
Only track_table creates it. The registry says which columns it uses. If the registry does not know the table, it raises an error, or does nothing if no table is tracked. So everybody may execute it. A role that creates a partition of a tracked table needs this right.
Errors: 42703 a column that track_table was given does not exist; 23502 the space of a row is null; 22004 a key column is null; 22023 the space is too long; 55000 the table is not recorded as tracked.';

ALTER FUNCTION replicache.pull(json, text, text) VOLATILE;
COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with the changes since its cookie. It reads under the snapshot of the calling statement. It writes nothing, except the record of a view: what a client has of private tables.
request: the body of the request.
user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}. With "more":true, there are further pages (replicache.page_size): pull again. The cookie says what the client has seen, and of which history. A cookie of another history, or of another backend, gets everything, under a greater order. Or {"error":"VersionNotSupported","versionType":…}. Or {"error":"ClientStateNotFound"}, if confirmed mutations of the client are not known here. Send each of them with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 25006 a view must be recorded, or its record is not known on this standby: repeat the pull on the primary, in a transaction that may write; 54000 the answer would be larger than 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'Returns the changes in a space since a version, in the form of a pull answer. It writes nothing. If the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number. NULL or 0 asks for everything.
client_group_id: the client group whose lastMutationIDChanges are wanted.
space: the space.
Result and errors: as for pull. {"error":"ClientStateNotFound"} for a version that is greater than that of the space (on a standby: no changes). 22023 for a negative version. 0A000 for a version other than 0, if a table of the space is private or has parts.';

-- The old function gets no new parameter: views and functions that call it would have to be dropped.
COMMENT ON FUNCTION replicache.collect_garbage(interval) IS
'Removes clients that have pushed nothing for some time, and client groups that have no other clients. Also removes tombstones, errors, pages of sync_pull and records of private views that are as old. A removed client that pushes again gets ClientStateNotFound. A client whose cookie is older than a removed tombstone, or names a removed record, gets a complete pull.
idle: the time since the last push of a client, the deletion of a row, the rejection of a mutation, or the last pull that used a record. From 0 to 6000 years. Use several months: pulls are not noted for clients, so a client that only reads counts as idle.
Result: how many rows were removed: {"clients":0,"clientGroups":0,"tombstones":0,"errors":0}. Pages and records are not counted. Rows that others use at the moment are left for the next time.
Errors: 22004 idle is null; 22023 it is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';
CREATE FUNCTION replicache.collect_garbage(idle interval, views interval) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_collect_garbage';
REVOKE ALL ON FUNCTION replicache.collect_garbage(interval, interval) FROM PUBLIC;
COMMENT ON FUNCTION replicache.collect_garbage(interval, interval) IS
'Does what collect_garbage(idle) does, with a time of its own for the records of private views.
idle: see collect_garbage(idle).
views: the time since the last pull that used a record, counted in days, from 0 to 6000 years. A record that is not the newest of a client group is removed when no pull has used it for a day. NULL: as idle.
Result: how many rows were removed, as for collect_garbage(idle).
Errors: 22004 idle is null; 22023 idle or views is negative or longer than 6000 years; 25006 read-only transaction; 0A000 called by a mutator.';
