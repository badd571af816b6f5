-- The lastMutationAt protocol by hand: the same notes, with the indexes that `ours` has, in functions of the same signatures.
CREATE TABLE note (
    id text PRIMARY KEY DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
    user_id text NOT NULL,
    title text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
    body text NOT NULL DEFAULT '',
    created bigint NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX ON note (user_id, version);
CREATE TABLE tombstone (user_id text NOT NULL, id text NOT NULL, created bigint NOT NULL, version bigint NOT NULL);
CREATE INDEX ON tombstone (user_id, version);
CREATE TABLE head (user_id text COLLATE "C" PRIMARY KEY, at bigint NOT NULL) WITH (fillfactor = 25);

-- All mutations inline. Whatever is wrong with one undoes all, so there is one exception block around the loop.
CREATE FUNCTION sync_push(request jsonb, last_mutation_at bigint, caller text, OUT status int, OUT mutation_at bigint, OUT answer json)
LANGUAGE plpgsql AS $$
DECLARE
    mutations jsonb := request -> 'mutations';
    latest bigint;
    m record;
    n int := 0;
    found_id text;
    found_data json;
    born bigint;
    answers json[] := '{}';
BEGIN
    SELECT h.at INTO mutation_at FROM head h WHERE h.user_id = caller FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO head VALUES (caller, -1) ON CONFLICT DO NOTHING;
        SELECT h.at INTO mutation_at FROM head h WHERE h.user_id = caller FOR UPDATE;
    END IF;
    IF mutation_at <> last_mutation_at THEN
        status := 409;
        answer := json_build_object('success', false, 'error', json_build_object('code', 'OutOfSyncError', 'message', CASE mutation_at
            WHEN -1 THEN 'First sync detected. Please use lastMutationAt=-1 for initial sync.'
            ELSE 'Invalid lastMutationAt, please re-sync your data and try again.' END));
        RETURN;
    END IF;
    latest := mutation_at;
    BEGIN
        IF jsonb_typeof(mutations) IS DISTINCT FROM 'array' THEN
            RAISE SQLSTATE 'SY422' USING MESSAGE = 'Invalid mutations';
        ELSIF jsonb_array_length(mutations) > 100 THEN
            RAISE SQLSTATE 'SY422' USING MESSAGE = 'Mutations must not exceed 100';
        END IF;
        FOR m IN SELECT * FROM jsonb_to_recordset(mutations) AS t(type text, resource text, "resourceId" text, data jsonb) LOOP
            IF m.resource IS NULL THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Missing resource at mutation[%s]', n);
            ELSIF m.resource <> 'NOTE' THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Invalid resource: "%s" at mutation[%s]', m.resource, n);
            ELSIF m.type IS NULL THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Missing mutation type at mutation[%s]', n);
            ELSIF m.type NOT IN ('CREATE', 'UPDATE', 'DELETE') THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Invalid mutation type: "%s" at mutation[%s]', m.type, n);
            ELSIF m.type <> 'CREATE' AND m."resourceId" IS NULL THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Missing resourceId at mutation[%s]', n);
            ELSIF m.type <> 'DELETE' AND jsonb_typeof(m.data) IS DISTINCT FROM 'object' THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Missing data at mutation[%s]', n);
            END IF;
            latest := greatest(latest + 1, floor(date_part('epoch', clock_timestamp()) * 1000)::bigint);
            CASE m.type
                WHEN 'CREATE' THEN
                    INSERT INTO note AS r (user_id, title, body, created, version)
                    VALUES (caller, coalesce(m.data ->> 'title', ''), coalesce(m.data ->> 'body', ''), latest, latest)
                    RETURNING r.id, json_build_object('title', r.title, 'body', r.body) INTO found_id, found_data;
                WHEN 'UPDATE' THEN
                    UPDATE note AS r SET title = coalesce(m.data ->> 'title', r.title), body = coalesce(m.data ->> 'body', r.body), version = latest
                    WHERE r.id = m."resourceId" AND r.user_id = caller
                    RETURNING r.id, json_build_object('title', r.title, 'body', r.body) INTO found_id, found_data;
                ELSE
                    DELETE FROM note AS r WHERE r.id = m."resourceId" AND r.user_id = caller RETURNING r.id, '{}', r.created INTO found_id, found_data, born;
                    IF FOUND THEN
                        INSERT INTO tombstone VALUES (caller, found_id, born, latest);
                    END IF;
            END CASE;
            IF found_id IS NULL THEN
                RAISE SQLSTATE 'SY422' USING MESSAGE = format('Invalid resourceId at mutation[%s]', n);
            END IF;
            n := n + 1;
            answers[n] := json_build_object('resource', m.resource, 'resourceId', found_id, 'type', m.type, 'data', found_data, 'timestamp', latest);
        END LOOP;
    EXCEPTION
        WHEN SQLSTATE 'SY422' THEN
            status := 422;
            answer := json_build_object('success', false, 'error', json_build_object('code', 'ValidationError', 'message', SQLERRM));
            RETURN;
        WHEN data_exception OR integrity_constraint_violation THEN
            status := 422;
            answer := json_build_object('success', false, 'error', json_build_object('code', 'ValidationError', 'message',
                format('Invalid data at mutation[%s]: %s', n, SQLERRM)));
            RETURN;
    END;
    UPDATE head SET at = latest WHERE user_id = caller;
    status := 200;
    mutation_at := latest;
    answer := json_build_object('success', true, 'data', json_build_object('lastMutationAt', latest, 'mutations', array_to_json(answers)));
END $$;

-- One query, which becomes part of the one that calls it. Of a row that came and went since, nothing is told.
CREATE FUNCTION sync_pull(since bigint, caller text, resources text[] DEFAULT NULL, page int DEFAULT 1, page_limit int DEFAULT 100)
RETURNS TABLE (status int, mutation_at bigint, answer json) LANGUAGE sql STABLE AS $$
    WITH h AS MATERIALIZED (
        SELECT coalesce((SELECT k.at FROM head k WHERE k.user_id = caller), -1) AS at
    ), t AS MATERIALIZED (
        SELECT (SELECT count(*) FROM note n WHERE n.user_id = caller AND n.version > since AND (resources IS NULL OR 'NOTE' = ANY (resources)))
            + (SELECT count(*) FROM tombstone d WHERE d.user_id = caller AND d.version > since AND d.created <= since AND (resources IS NULL OR 'NOTE' = ANY (resources)))
            AS total
    )
    SELECT 200, h.at, json_build_object('success', true, 'data', json_build_object(
        'lastMutationAt', h.at,
        'mutations', (
            SELECT coalesce(json_agg(json_build_object('resource', 'NOTE', 'resourceId', c.id,
                'type', CASE WHEN c.gone THEN 'DELETE' WHEN c.created > since THEN 'CREATE' ELSE 'UPDATE' END,
                'data', CASE WHEN c.gone THEN '{}' ELSE json_build_object('title', c.title, 'body', c.body) END,
                'timestamp', c.version)), '[]')
            FROM (
                SELECT n.id, false AS gone, n.created, n.title, n.body, n.version FROM note n
                WHERE n.user_id = caller AND n.version > since AND (resources IS NULL OR 'NOTE' = ANY (resources))
                UNION ALL
                SELECT d.id, true, d.created, NULL, NULL, d.version FROM tombstone d
                WHERE d.user_id = caller AND d.version > since AND d.created <= since AND (resources IS NULL OR 'NOTE' = ANY (resources))
                ORDER BY version
                LIMIT page_limit OFFSET (page - 1) * page_limit
            ) AS c),
        'page', page, 'limit', page_limit, 'total', t.total, 'hasMore', t.total > page::bigint * page_limit))
    FROM h, t
$$;

CREATE FUNCTION sync_metadata(caller text) RETURNS TABLE (status int, mutation_at bigint, answer json) LANGUAGE sql STABLE AS $$
    SELECT 200, h.at, json_build_object('success', true, 'data', json_build_object('lastMutationAt', h.at))
    FROM (SELECT coalesce((SELECT k.at FROM head k WHERE k.user_id = caller), -1) AS at) AS h
$$;
