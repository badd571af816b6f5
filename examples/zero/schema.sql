-- The backend of the chat: one table, two mutators, two queries, and the roles of the backend and of zero-cache.
CREATE EXTENSION replicache_ext;

CREATE TABLE message (
    id text PRIMARY KEY,
    sender text NOT NULL,
    content text NOT NULL,
    ord bigint NOT NULL, -- milliseconds since 1970, and later than any message its sender had seen
    arrived timestamptz NOT NULL DEFAULT now(), -- what a page writes itself has none, until the server's row comes
    author text DEFAULT replicache.current_user_id()
);

-- Mutators

CREATE FUNCTION create_message(id text, sender text, content text, ord bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF btrim(sender) = '' OR btrim(content) = '' THEN
        RAISE 'a message needs a sender and some text';
    ELSIF length(content) > 500 THEN
        RAISE 'a message has 500 characters at most, this one has %', length(content) USING DETAIL = '{"hint":"Send it in parts."}';
    ELSIF content ~* '\mspam\M' THEN
        RAISE '“spam” is a word that this chat does not take' USING DETAIL = '{"hint":"Try “ham”."}';
    END IF;
    INSERT INTO message (id, sender, content, ord)
    VALUES (create_message.id, create_message.sender, create_message.content, create_message.ord);
END
$$;

CREATE FUNCTION delete_message(id text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM message AS m WHERE m.id = delete_message.id AND m.author = replicache.current_user_id();
    IF EXISTS (SELECT FROM message AS m WHERE m.id = delete_message.id) THEN
        RAISE 'a message can be deleted by its author only';
    END IF;
END
$$;

SELECT replicache.register_mutator('message.create', 'create_message(text, text, text, bigint)');
SELECT replicache.register_mutator('message.delete', 'delete_message(text)');

-- Queries: a template, and a function for what a template cannot say

SELECT replicache.register_query('message.latest',
    '{"table":"message", "orderBy":[["ord","desc"], ["id","desc"]], "limit":{"$arg":"limit"}}');

CREATE FUNCTION search_messages(text text) RETURNS json
STABLE LANGUAGE plpgsql AS $$
BEGIN
    IF length(btrim(text)) < 2 THEN
        RAISE 'two characters at least, please';
    END IF;
    RETURN json_build_object('table', 'message', 'orderBy', '[["ord","desc"], ["id","desc"]]'::json, 'limit', 100,
        'where', json_build_object('type', 'simple', 'op', 'ILIKE',
            'left', '{"type":"column", "name":"content"}'::json,
            'right', json_build_object('type', 'literal', 'value', '%' || regexp_replace(text, '([\\%_])', '\\\1', 'g') || '%')));
END
$$;
SELECT replicache.register_query('message.search', function => 'search_messages(text)');

-- What zero-cache copies to the pages: all but the author, which is the token of a user here.
CREATE PUBLICATION zero_chat FOR TABLE message (id, sender, content, ord, arrived);

-- Roles. Their passwords are good enough for a machine of your own.
DO $$
BEGIN
    CREATE ROLE zero_chat LOGIN PASSWORD 'zero_chat';
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT SELECT, INSERT, DELETE ON message TO zero_chat;
SELECT replicache.grant_usage('zero_chat');

DO $$
BEGIN
    CREATE ROLE zero_cache LOGIN REPLICATION PASSWORD 'zero_cache';
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO zero_cache', current_database());
END
$$;
GRANT SELECT ON message TO zero_cache;

-- zero-cache makes its tables in this schema when it starts for the first time. The backend writes to two of them.
CREATE SCHEMA zero_0 AUTHORIZATION zero_cache;
GRANT USAGE ON SCHEMA zero_0 TO zero_chat;
ALTER DEFAULT PRIVILEGES FOR ROLE zero_cache IN SCHEMA zero_0 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO zero_chat;
