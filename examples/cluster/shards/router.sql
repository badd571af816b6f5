-- The router: a directory that says which shard has a space, and the extension's functions, which PL/Proxy runs there.
-- psql variables: shard0 and shard1 say how to connect to the shards.
CREATE EXTENSION plproxy;
CREATE SCHEMA shard;

-- A space is in one of 256 slots, by the first byte of the hash of its name. Each slot belongs to a shard.
CREATE TABLE shard.slot (
    slot int PRIMARY KEY CHECK (slot BETWEEN 0 AND 255),
    shard int NOT NULL
);
INSERT INTO shard.slot SELECT n, n % 2 FROM generate_series(0, 255) n;

-- Spaces that are not on the shard of their slot, or that are on the move. Nobody writes to a space on the move.
CREATE TABLE shard.exception (
    space text PRIMARY KEY,
    shard int NOT NULL,
    on_the_move boolean NOT NULL DEFAULT false
);

-- Backends that route by themselves remember what they were told.
CREATE FUNCTION shard.changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY replicache; RETURN NULL; END';
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON shard.slot FOR EACH STATEMENT EXECUTE FUNCTION shard.changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON shard.exception FOR EACH STATEMENT EXECUTE FUNCTION shard.changed();

CREATE FUNCTION shard.of_space(space text) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(
        (SELECT e.shard FROM shard.exception e WHERE e.space = of_space.space),
        (SELECT s.shard FROM shard.slot s WHERE s.slot = get_byte(sha256(convert_to(coalesce(of_space.space, ''), 'UTF8')), 0)));
END $$;

-- The space by which requests are routed that name a user and no space.
CREATE FUNCTION shard.space_of(user_id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'user/' || user_id$$;

-- The same for writes. What is written on a shard is committed there, whatever becomes of the transaction here.
-- So it must be the only thing that the transaction does.
CREATE FUNCTION shard.to_write(space text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE 'cannot push in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction', DETAIL = 'Nothing was processed.';
    ELSIF pg_current_xact_id_if_assigned() IS NOT NULL OR current_setting('shard.has_written', true) = 'yes' THEN
        RAISE 'this transaction has written something before' USING ERRCODE = 'active_sql_transaction', DETAIL = 'Nothing was processed.',
            HINT = 'A shard commits by itself. Send each push in a transaction of its own.';
    ELSIF EXISTS (SELECT FROM shard.exception e WHERE e.space = to_write.space AND on_the_move) THEN
        RAISE 'the space is on the move to another shard' USING ERRCODE = 'RE001', DETAIL = 'Nothing was processed.', HINT = 'Try again later.';
    END IF;
    PERFORM set_config('shard.has_written', 'yes', true);
    RETURN shard.of_space(space);
END $$;

-- The extension's functions, under their names. A call runs with the role's rights and settings on the shard.
CREATE SCHEMA replicache;

CREATE FUNCTION replicache.apply_push(push json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.to_write(space); TARGET replicache.apply_push;
$$;
CREATE FUNCTION replicache.pull(request json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.of_space(space); TARGET replicache.pull;
$$;
CREATE FUNCTION replicache.pull_for(client_group_ids text[], cookie json, space text DEFAULT '', user_id text DEFAULT NULL,
    schema_version text DEFAULT NULL) RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.of_space(space); TARGET replicache.pull_for;
$$;
CREATE FUNCTION replicache.pull_since(version bigint, client_group_id text DEFAULT NULL, space text DEFAULT '') RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.of_space(space); TARGET replicache.pull_since;
$$;
CREATE FUNCTION replicache.powersync_upload(request json, user_id text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.to_write(shard.space_of(user_id)); TARGET replicache.powersync_upload;
$$;
CREATE FUNCTION replicache.sync_push(request json, last_mutation_at bigint, user_id text)
RETURNS TABLE (status integer, mutation_at bigint, body json) LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.to_write(shard.space_of(user_id)); TARGET replicache.sync_push;
$$;
CREATE FUNCTION replicache.sync_pull(mutations_since bigint, user_id text, resources text[] DEFAULT NULL, metadata_only boolean DEFAULT false,
    page integer DEFAULT 1, page_limit integer DEFAULT 100)
RETURNS TABLE (status integer, mutation_at bigint, body json) LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.of_space(shard.space_of(user_id)); TARGET replicache.sync_pull;
$$;
CREATE FUNCTION replicache.zero_push(request json, schema text, app_id text, user_id text DEFAULT NULL) RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.to_write(shard.space_of(user_id)); TARGET replicache.zero_push;
$$;
CREATE FUNCTION replicache.zero_queries(request json, user_id text DEFAULT NULL) RETURNS json LANGUAGE plproxy AS $$
    CLUSTER 'shards'; RUN ON shard.of_space(shard.space_of(user_id)); TARGET replicache.zero_queries;
$$;

-- Whoever may use the server `shards` acts as the role of its mapping on all shards. So this is for the application role only.
CREATE SERVER shards FOREIGN DATA WRAPPER plproxy OPTIONS (modular_mapping '1', p0 :'shard0', p1 :'shard1');
CREATE ROLE web LOGIN;
CREATE USER MAPPING FOR web SERVER shards OPTIONS (user 'web');
GRANT USAGE ON FOREIGN SERVER shards TO web;
ALTER ROLE web SET statement_timeout = '30s'; -- also for a host that does not answer. A shard's own limits are shorter
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache, shard FROM PUBLIC;
GRANT USAGE ON SCHEMA replicache, shard TO web;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache, shard TO web;
GRANT SELECT ON ALL TABLES IN SCHEMA shard TO web;
