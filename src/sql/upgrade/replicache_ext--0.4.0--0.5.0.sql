\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.5.0'" to load this file. \quit

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

REVOKE ALL ON FUNCTION replicache.pull_for(text[], json, text, text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION replicache.grant_usage(role regrole) RETURNS void
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

CREATE TABLE replicache.garbage_collection (
    at timestamptz NOT NULL,
    oldest_client timestamptz NOT NULL
);
COMMENT ON TABLE replicache.garbage_collection IS 'The last collect_garbage. Not dumped: a restored database has had none.';
COMMENT ON COLUMN replicache.garbage_collection.at IS 'when it ended';
COMMENT ON COLUMN replicache.garbage_collection.oldest_client IS 'Each client that it left has pushed at this time or later.';
REVOKE ALL ON TABLE replicache.garbage_collection FROM PUBLIC;

CREATE FUNCTION replicache.status() RETURNS TABLE (topic text, value numeric, details text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_status';
REVOKE ALL ON FUNCTION replicache.status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replicache.status() TO pg_monitor;
COMMENT ON FUNCTION replicache.status() IS
'Returns figures for operators and monitoring, one row per topic. It reads no large table and writes nothing, so it can be called every few seconds, on a standby, too. It names no users, clients or mutations. Members of pg_monitor may call it, if they may use the schema.
Result: topic: the name of the figure. docs/operations.md lists them. value: a number; null if it is not known. details: what the number does not say; null if there is nothing to add.';
