-- What the oracle's two databases have: the reference calls the functions one by one, zero_push as mutators.
CREATE TABLE item (id text PRIMARY KEY, title text NOT NULL CHECK (title <> ''), n integer NOT NULL DEFAULT 0);
CREATE TABLE tick (n integer PRIMARY KEY);
INSERT INTO tick VALUES (0);

-- As zero-cache makes them.
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients (
    "clientGroupID" text,
    "clientID" text,
    "lastMutationID" bigint NOT NULL,
    "userID" text,
    PRIMARY KEY ("clientGroupID", "clientID")
);
CREATE TABLE zero_0.mutations (
    "clientGroupID" text,
    "clientID" text,
    "mutationID" bigint,
    result json NOT NULL,
    PRIMARY KEY ("clientGroupID", "clientID", "mutationID")
);

CREATE FUNCTION item_put(id text, title text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO item (id, title) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title
$$;
CREATE FUNCTION item_add(id text, title text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO item (id, title) VALUES ($1, $2)
$$;
CREATE FUNCTION item_count(id text) RETURNS json LANGUAGE sql AS $$
    INSERT INTO item AS i (id, title, n) VALUES ($1, 'counted', 1) ON CONFLICT (id) DO UPDATE SET n = i.n + 1
        RETURNING format('{"id":%s,"n":%s}', to_json(i.id), i.n)::json
$$;
CREATE FUNCTION item_delete(id text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM item WHERE item.id = $1
$$;
CREATE FUNCTION tick() RETURNS void LANGUAGE sql AS $$
    UPDATE tick SET n = n + 1
$$;

-- Writes first and fails afterwards, in one of the ways that there are.
CREATE FUNCTION item_fail(id text, way text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM item_count(item_fail.id);
    CASE way
        WHEN 'plain' THEN RAISE 'no % here', item_fail.id;
        WHEN 'text' THEN RAISE 'no % here', item_fail.id USING DETAIL = 'as "you" can see', HINT = 'Try another.';
        WHEN 'object' THEN RAISE 'no % here', item_fail.id USING DETAIL = '{"field":"title","at":[1,2.5,null,true,"é\n"]}';
        WHEN 'array' THEN RAISE 'no % here', item_fail.id USING DETAIL = '[1,{"a":"b"}]';
        WHEN 'number' THEN RAISE 'no % here', item_fail.id USING DETAIL = '17';
        WHEN 'code' THEN RAISE 'no % here', item_fail.id USING ERRCODE = 'check_violation', DETAIL = 'secret';
        WHEN 'code object' THEN RAISE 'no % here', item_fail.id USING ERRCODE = 'AB123', DETAIL = '{"field":"title"}';
        WHEN 'strange' THEN RAISE E'é "\\ / \u2028 \t\n\x01\x7f 😀' USING DETAIL = E'\u00fc\x02';
        WHEN 'long' THEN RAISE '%', repeat('long ', 1000);
        WHEN 'division' THEN PERFORM 1 / 0;
        WHEN 'cast' THEN PERFORM 'x'::integer;
        WHEN 'null' THEN UPDATE item SET title = NULL WHERE item.id = item_fail.id;
        WHEN 'check' THEN UPDATE item SET title = '' WHERE item.id = item_fail.id;
        WHEN 'key' THEN INSERT INTO item (id, title) VALUES (item_fail.id, 'again');
    END CASE;
END
$$;

-- A query that is made by a function.
CREATE FUNCTION items_titled(title text, way text DEFAULT NULL) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    CASE way
        WHEN 'plain' THEN RAISE 'no % here', title;
        WHEN 'text' THEN RAISE 'no % here', title USING DETAIL = 'as "you" can see';
        WHEN 'object' THEN RAISE 'no % here', title USING DETAIL = '{"field":"title","at":[1,2.5,null,true,"é\n"]}';
        WHEN 'code' THEN RAISE 'no % here', title USING ERRCODE = 'check_violation', DETAIL = 'secret';
        WHEN 'division' THEN PERFORM 1 / 0;
        ELSE NULL;
    END CASE;
    RETURN format('{"table":"item","where":{"type":"simple","left":{"type":"column","name":"title"},"right":{"type":"literal","value":%s},"op":"="}}', to_json(title));
END
$$;
