\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
CREATE FUNCTION border_raise(kind text) RETURNS void LANGUAGE c STRICT AS :'module', 'border_raise';
CREATE FUNCTION border_live_objects() RETURNS integer LANGUAGE c AS :'module', 'border_live_objects';
CREATE FUNCTION border_heap_bytes() RETURNS bigint LANGUAGE c AS :'module', 'border_heap_bytes';

CREATE TABLE expected(kind text, sqlstate text, message text, detail text, hint text);
INSERT INTO expected VALUES
    ('postgresql', 'RT001', 'raised by PostgreSQL', 'The detail.', 'The hint.'),
    ('nested', 'RT001', 'raised by PostgreSQL', 'The detail.', 'The hint.'),
    ('own', 'RT002', 'raised by us', 'The detail.', 'The hint.'),
    ('exception', 'XX000', 'a C++ exception', '', ''),
    ('unknown', 'XX000', 'unknown C++ exception', '', ''),
    ('bad_alloc', '53200', 'out of memory', '', ''),
    ('allocator', '53200', 'out of memory', NULL, ''),  -- the detail names a size
    ('palloc', 'XX000', 'invalid memory alloc request size 1073741824', '', ''),
    ('caught', NULL, NULL, NULL, NULL);

-- Raises an error of this kind so often, and compares what arrives each time.
CREATE FUNCTION raise(wanted expected, times integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text;
BEGIN
    FOR i IN 1..times LOOP
        state := NULL;
        BEGIN
            PERFORM border_raise(wanted.kind);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        END;
        IF state IS DISTINCT FROM wanted.sqlstate
            OR (state IS NOT NULL AND (message <> wanted.message OR detail <> wanted.detail OR hint <> wanted.hint)) THEN
            RAISE 'kind %: got % "%" "%" "%"', wanted.kind, state, message, detail, hint;
        END IF;
        IF border_live_objects() <> 0 THEN
            RAISE 'kind %: % objects or exceptions outlived the call', wanted.kind, border_live_objects();
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS
    'SELECT (SELECT sum(used_bytes) FROM pg_backend_memory_contexts)::bigint + border_heap_bytes()';

-- The caches are warm after this.
SELECT count(raise(e, 1000)) AS warm_up FROM expected e \gset
SELECT memory() AS before \gset
SELECT 'ok ' || row_number() OVER () || ' - ' || kind || ', 12000 times' || left(raise(e, 12000)::text, 0) FROM expected e;
SELECT memory() AS after \gset
SELECT CASE WHEN :after - :before < 100000 THEN 'ok 10' ELSE 'not ok 10' END
    || ' - memory grew by ' || :after - :before || ' bytes in 108000 errors';
