-- What the tests of sync_push and sync_pull share; after tracking.sql. Users live in the year 2286, ahead of the clock: there the numbers
-- are the same every time. They are shown without 10000000000000.
CREATE FUNCTION new_user(id text) RETURNS void LANGUAGE sql AS $$
    SELECT replicache.create_space(id, 'time');
    UPDATE replicache.space SET version = 10000000000000 WHERE space.id = new_user.id;
$$;
CREATE FUNCTION short(answer text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(answer, '1000000000(\d{4})', '+\1', 'g') $$;
CREATE FUNCTION head(of text) RETURNS bigint LANGUAGE sql AS $$ SELECT mutation_at - 10000000000000 FROM replicache.sync_pull(-1, of, metadata_only => true) $$;

-- On the user's head; or on one so far from it.
CREATE FUNCTION push(of text, mutations text, off bigint DEFAULT 0) RETURNS text LANGUAGE sql AS $$
    SELECT short(concat_ws(' ', status, mutation_at, body)) FROM replicache.sync_push(('{"mutations":[' || mutations || ']}')::json, 10000000000000 + head(of) + off, of)
$$;
-- A line per mutation.
CREATE FUNCTION pull(of text, since bigint DEFAULT -10000000000001, resources text[] DEFAULT NULL, page int DEFAULT 1, page_limit int DEFAULT 100)
    RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    last bigint := -1;
    m json;
BEGIN
    SELECT * INTO r FROM replicache.sync_pull(10000000000000 + since, of, resources, false, page, page_limit);
    IF r.mutation_at <> (r.body->'data'->>'lastMutationAt')::bigint OR r.status <> 200 THEN RETURN NEXT 'THE HEADER IS ANOTHER'; END IF;
    RETURN NEXT short(concat_ws(' ', 'head', r.mutation_at, 'page', r.body->'data'->'page', 'of', r.body->'data'->'limit', 'total', r.body->'data'->'total',
        CASE WHEN (r.body->'data'->>'hasMore')::bool THEN 'and more' END));
    FOR m IN SELECT json_array_elements(r.body->'data'->'mutations') LOOP
        IF (m->>'timestamp')::bigint < last THEN RETURN NEXT 'BAD ORDER'; END IF;
        last := m->>'timestamp';
        RETURN NEXT short(concat_ws(' ', m->'timestamp', m->>'type', m->>'resource', m->'resourceId', m->'data'));
    END LOOP;
END $$;

-- Everything that a push may change.
CREATE FUNCTION state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t text; part text; whole text := '';
BEGIN
    FOR t IN SELECT 'replicache.' || n FROM unnest('{space,creation,tombstone,paging,mutation_error}'::text[]) n UNION ALL SELECT relation::text FROM replicache.tracked_table LOOP
        EXECUTE format('SELECT string_agg(r::text, e''\n'' ORDER BY r::text) FROM %s r', t) INTO part;
        whole := whole || t || ': ' || coalesce(part, '') || e'\n';
    END LOOP;
    RETURN whole;
END $$;
-- The same as push, of what must be refused and change nothing.
CREATE FUNCTION refuse(of text, mutations text, off bigint DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := state();
    answer text := push(of, mutations, off);
BEGIN
    RETURN concat_ws(' ', answer, CASE WHEN answer LIKE '200%' THEN 'ACCEPTED' END, CASE WHEN state() <> before THEN 'AND CHANGED SOMETHING' END);
END $$;
