-- Pushes of zero-cache into more schemas than a backend keeps statements for: mutations that succeed, give data, are refused or unknown, and
-- are sent twice, and cleanups of their results. A push takes place in a transaction of its own, or is rolled back.
CREATE FUNCTION give(args json) RETURNS json LANGUAGE sql AS 'SELECT args';
CREATE FUNCTION refuse_with(args json) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING DETAIL = args::text; END $$;
SELECT replicache.register_mutator('give', 'give(json)'), replicache.register_mutator('refuse.with', 'refuse_with(json)'),
    replicache.register_query('template', '{"table":"note","where":{"$arg":null}}'), replicache.register_query('give', function => 'give(json)');
DO $$
BEGIN
    FOR i IN 0..39 LOOP
        EXECUTE format('CREATE SCHEMA zero_%s', i);
        EXECUTE format('CREATE TABLE zero_%s.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID")) WITH (fillfactor = 50)', i);
        EXECUTE format('CREATE TABLE zero_%s.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"))', i);
    END LOOP;
END $$;
CREATE SEQUENCE zero_pushes CACHE 1;
CREATE TABLE zero_sample (push bigint, pid int DEFAULT pg_backend_pid(), private_kb int);

CREATE FUNCTION zero_mutation(id bigint, client text, name text, args json) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('type', 'custom', 'id', id, 'clientID', client, 'name', name, 'args', json_build_array(args), 'timestamp', 1)
$$;
-- total: pushes of the run.
CREATE PROCEDURE zero_push_one(total bigint) LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('zero_pushes');
    client text := 'z' || pg_backend_pid();
    schema text := 'zero_' || n % 40;
    last bigint;
    answer json;
BEGIN
    EXECUTE format('SELECT "lastMutationID" FROM %I.clients WHERE "clientID" = $1', schema) INTO last USING client;
    last := coalesce(last, 0);
    answer := replicache.zero_push(json_build_object('clientGroupID', client, 'pushVersion', 1, 'timestamp', 1, 'requestID', n::text, 'mutations', json_build_array(
        zero_mutation(0, client, '_zero_cleanupResults', json_build_object('clientGroupID', client, 'clientID', client, 'upToMutationID', last)),
        zero_mutation(last, client, 'give', '1'),
        zero_mutation(last + 1, client, 'put', json_build_object('id', n % 1000, 'text', md5(n::text))),
        zero_mutation(last + 2, client, 'give', json_build_object('n', n)),
        zero_mutation(last + 3, client, 'refuse|with', json_build_object('n', n)),
        zero_mutation(last + 4, client, 'unknown ' || n, NULL),
        zero_mutation(0, client, '_zero_cleanupResults', '{}'))), schema, 'zero', 'u');
    IF answer ->> 'kind' <> 'MutateResponse' OR json_array_length(answer -> 'mutations') <> 5 THEN
        RAISE 'push %: %', n, answer;
    END IF;
    IF n % 7 = 0 THEN
        PERFORM replicache.zero_push(answer, schema, 'zero'), replicache.zero_push('{}', 'nowhere ' || n, 'zero');
        PERFORM replicache.zero_queries(json_build_array('transform', json_build_array(json_build_object('id', n, 'name', 'template', 'args', json_build_array(n)),
            json_build_object('id', n, 'name', 'give', 'args', json_build_array(json_build_object('n', n))), json_build_object('id', n, 'name', 'unknown ' || n, 'args', '[]'::json))));
    END IF;
    IF n % 11 = 0 THEN
        ROLLBACK;
    END IF;
    IF n % (total / 200) = 0 THEN
        INSERT INTO zero_sample (push, private_kb) VALUES (n, private_kb());
    END IF;
END $$;
