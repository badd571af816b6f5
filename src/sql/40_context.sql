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
