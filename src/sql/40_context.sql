-- Mutators, row-level security policies and value expressions use these functions to learn about the current request.

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

-- A role that may read mutation_error sees only the errors of the user of the current request. The policy is part of the
-- extension, because pg_dump leaves out policies on an extension's tables.
ALTER TABLE replicache.mutation_error ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON replicache.mutation_error FOR SELECT
    USING (user_id IS NOT DISTINCT FROM replicache.current_user_id());
