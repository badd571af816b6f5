-- A client of a user, and what it has. pull() applies the answer to it, and shows the answer.
SET client_min_messages = warning;
CREATE TABLE client (name text PRIMARY KEY, user_id text, cookie json, data jsonb NOT NULL DEFAULT '{}');
GRANT SELECT ON client TO regress_views_app;
CREATE FUNCTION apply(data jsonb, operation json) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE operation ->> 'op' WHEN 'clear' THEN '{}' WHEN 'del' THEN data - (operation ->> 'key')
           ELSE data || jsonb_build_object(operation ->> 'key', operation -> 'value') END $$;
CREATE FUNCTION pull(who text, space text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE c client; answer json; operation json; patch text;
BEGIN
    SELECT * INTO c FROM client WHERE name = who;
    SET LOCAL ROLE regress_views_app;
    answer = replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', who, 'cookie', c.cookie), c.user_id, space);
    RESET ROLE;
    FOR operation IN SELECT json_array_elements(answer -> 'patch') LOOP
        c.data = apply(c.data, operation);
    END LOOP;
    UPDATE client SET cookie = answer -> 'cookie', data = c.data WHERE name = who;
    SELECT string_agg(concat_ws(' ', o ->> 'op', o ->> 'key', o ->> 'value'), E'\n' ORDER BY o ->> 'op', o ->> 'key') INTO patch
    FROM json_array_elements(answer -> 'patch') o;
    RETURN NEXT concat(CASE WHEN (answer ->> 'cookie') = c.cookie::text THEN 'same ' WHEN c.cookie IS NOT NULL AND (answer #>> '{cookie,order}')::bigint <= (c.cookie ->> 'order')::bigint THEN 'order too low! ' END,
                       CASE WHEN answer ->> 'more' = 'true' THEN 'more ' END, patch);
END $$;
