-- What the tests of tracking share. Include it with the test's own schema first in search_path.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null '(null)'
SET client_min_messages = warning;

-- 'ok', or the error that the command raises. Whatever it did is undone then.
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text; message text; detail text; hint text;
BEGIN
    EXECUTE command;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n  ', code || ': ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;

-- A client of each space: its cookie, and the entries that the patches have given it.
CREATE TABLE cookie (space text PRIMARY KEY, cookie bigint);
CREATE TABLE entry (space text, key text COLLATE "C", value text, PRIMARY KEY (space, key));

CREATE FUNCTION patch(answer json) RETURNS TABLE (n bigint, op text, key text, value text) LANGUAGE sql AS $$
    SELECT ordinality, o->>'op', o->>'key' COLLATE "C", o->'value'
    FROM json_array_elements(answer->'patch') WITH ORDINALITY AS p (o, ordinality)
$$;

-- The client pulls and applies the patch: the versions before and after, and the patch, sorted. Lines in capitals tell
-- what must never happen.
CREATE FUNCTION sync(of text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    since bigint := (SELECT cookie FROM cookie WHERE space = of);
    answer json := replicache.pull_since(since, NULL, of);
    cookie bigint := answer->>'cookie';
    last text := '';
    o record;
BEGIN
    RETURN NEXT coalesce(since::text, 'null') || ' -> ' || cookie;
    FOR o IN SELECT * FROM patch(answer) ORDER BY n LOOP
        IF o.op < last THEN RETURN NEXT 'BAD ORDER: ' || o.op || ' AFTER ' || last; END IF;
        last := o.op;
        IF o.op = 'clear' THEN
            DELETE FROM entry WHERE space = of;
        ELSIF o.op = 'del' THEN
            DELETE FROM entry WHERE space = of AND key = o.key;
        ELSE
            INSERT INTO entry VALUES (of, o.key, o.value) ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;
        END IF;
    END LOOP;
    IF cookie < since THEN RETURN NEXT 'THE COOKIE WENT BACK'; END IF;
    IF cookie = since AND last <> '' THEN RETURN NEXT 'A PATCH UNDER AN UNCHANGED COOKIE'; END IF;
    RETURN QUERY SELECT concat_ws(' ', op, key, value) FROM patch(answer) ORDER BY op, key COLLATE "C", value;
    INSERT INTO cookie VALUES (of, cookie) ON CONFLICT (space) DO UPDATE SET cookie = excluded.cookie;

    -- A client that starts now sees the same.
    answer := replicache.pull_since(NULL, NULL, of);
    RETURN QUERY
        SELECT 'DIVERGED, CLIENT HAS ' || concat_ws(' ', key, value) FROM
            (SELECT key, value FROM entry WHERE space = of EXCEPT ALL SELECT key, value FROM patch(answer) WHERE op = 'put') AS e
        UNION ALL
        SELECT 'DIVERGED, CLIENT LACKS ' || concat_ws(' ', key, value) FROM
            (SELECT key, value FROM patch(answer) WHERE op = 'put' EXCEPT ALL SELECT key, value FROM entry WHERE space = of) AS e;
END $$;
