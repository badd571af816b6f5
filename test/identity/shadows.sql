-- Namesakes for a search_path that finds them first: every operator, function, aggregate and type of pg_catalog that can have one, its tables and the extension's.
-- None of the extension's own statements may find any.
CREATE SCHEMA shadow;
GRANT USAGE ON SCHEMA shadow TO PUBLIC;
CREATE FUNCTION identity.seen(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN PERFORM identity.note('shadow of ' || what); RETURN true; END$$;
DO $do$
DECLARE
    o record;
    body text := 'LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN PERFORM identity.seen(%L); RETURN NULL; END$$';
    made integer := 0;
BEGIN
    FOR o IN SELECT oprname, oprleft, oprright, oprresult FROM pg_operator WHERE oprkind = 'b' AND oprnamespace = 'pg_catalog'::regnamespace LOOP
        BEGIN
            made := made + 1;
            EXECUTE format('CREATE FUNCTION shadow.operator_%s(%s, %s) RETURNS %s ', made, o.oprleft::regtype, o.oprright::regtype, o.oprresult::regtype) || format(body, 'the operator ' || o.oprname);
            EXECUTE format('CREATE OPERATOR shadow.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = shadow.operator_%s)', o.oprname, o.oprleft::regtype, o.oprright::regtype, made);
        EXCEPTION WHEN OTHERS THEN NULL;  -- pseudo-types
        END;
    END LOOP;
    FOR o IN SELECT proname, prorettype, proretset, proargtypes FROM pg_proc WHERE prokind IN ('f', 'a') AND pronamespace = 'pg_catalog'::regnamespace LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION shadow.%I(%s) RETURNS %s %s ', o.proname, (SELECT string_agg(t::regtype::text, ', ' ORDER BY n) FROM unnest(o.proargtypes) WITH ORDINALITY a (t, n)),
                CASE WHEN o.proretset THEN 'SETOF' END, o.prorettype::regtype) || format(CASE WHEN o.proretset THEN replace(body, ' NULL', '') ELSE body END, 'the function ' || o.proname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR o IN SELECT relname, relnamespace::regnamespace, (SELECT string_agg(quote_ident(attname), ', ') FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND atttypid <> ALL ('{anyarray,pg_statistic[]}'::regtype[])) AS columns
        FROM pg_catalog.pg_class c WHERE relkind IN ('r', 'v') AND relnamespace IN ('pg_catalog'::regnamespace, 'replicache'::regnamespace) LOOP
        EXECUTE format('CREATE VIEW shadow.%I AS SELECT %4$s FROM %2$s.%1$I WHERE identity.seen(%3$L)', o.relname, o.relnamespace, 'the table ' || o.relname, o.columns);
        EXECUTE format('GRANT SELECT ON shadow.%I TO PUBLIC', o.relname);
    END LOOP;
    FOR o IN SELECT relname, relnamespace::regnamespace, (SELECT string_agg(quote_ident(attname), ', ') FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND atttypid <> ALL ('{anyarray,pg_statistic[]}'::regtype[])) AS columns
        FROM pg_catalog.pg_class c WHERE relkind IN ('r', 'v') AND relnamespace IN ('pg_catalog'::regnamespace, 'replicache'::regnamespace) LOOP
        EXECUTE format('CREATE VIEW pg_temp.%I AS SELECT %4$s FROM %2$s.%1$I WHERE identity.seen(%3$L)', o.relname, o.relnamespace, 'the temporary table ' || o.relname, o.columns);
        EXECUTE format('GRANT SELECT ON pg_temp.%I TO PUBLIC', o.relname);
    END LOOP;
    FOR o IN SELECT typname FROM pg_catalog.pg_type WHERE typtype = 'b' AND typnamespace = 'pg_catalog'::regnamespace AND typname !~ '^_' LOOP
        BEGIN
            EXECUTE format('CREATE DOMAIN shadow.%I AS pg_catalog.%1$I CHECK (identity.seen(%L))', o.typname, 'the type ' || o.typname);
        EXCEPTION WHEN OTHERS THEN NULL;  -- the name of a view
        END;
    END LOOP;
END $do$;
