-- For test/hostile/sqlsmith, when its queries have run: the database without the extension's functions, and again(query), the error that a
-- query ends with there. PostgreSQL's functions and its planner raise internal errors of their own, for what no application writes.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid, format('%I.%I', n.nspname, p.proname) AS name, CASE
            WHEN p.prorettype = 'void'::regtype THEN ''
            WHEN p.proargmodes IS NULL THEN format('SELECT NULL::%s', p.prorettype::regtype)
            ELSE (SELECT 'SELECT ' || string_agg(format('NULL::%s', type::regtype), ', ' ORDER BY i) FROM unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a(type, mode, i) WHERE mode = 't')
        END AS body FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname ~ '^(alias|replicache)' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION %s(%s) RETURNS %s LANGUAGE sql AS %L', f.name, pg_get_function_arguments(f.oid), pg_get_function_result(f.oid), f.body);
    END LOOP;
END $$;
CREATE FUNCTION smith.again(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN 'none';
EXCEPTION WHEN OTHERS OR query_canceled THEN
    RETURN SQLERRM;
END $$;
