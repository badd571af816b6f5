-- The backend of the chat: one table, two mutators, and the role that the server connects as.
CREATE EXTENSION replicache_ext;

CREATE TABLE message (
    id text PRIMARY KEY,
    sender text NOT NULL,
    content text NOT NULL,
    ord bigint NOT NULL, -- milliseconds since 1970, and later than any message its sender had seen
    author text DEFAULT replicache.current_user_id()
);

-- Everyone gets every message; who wrote it, by login, stays here.
SELECT replicache.track_table('message',
    value => $$json_build_object('id', id, 'sender', sender, 'content', content, 'ord', ord)$$);

CREATE FUNCTION create_message(id text, sender text, content text, ord bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF btrim(sender) = '' OR btrim(content) = '' THEN
        RAISE 'a message needs a sender and some text' USING ERRCODE = 'check_violation';
    ELSIF length(content) > 500 THEN
        RAISE 'a message has 500 characters at most, this one has %', length(content)
            USING ERRCODE = 'string_data_right_truncation', HINT = 'Send it in parts.';
    ELSIF content ~* '\mspam\M' THEN
        RAISE '“spam” is a word that this chat does not take' USING ERRCODE = 'check_violation', HINT = 'Try “ham”.';
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
        RAISE 'a message can be deleted by its author only' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

SELECT replicache.register_mutator('createMessage', 'create_message(text, text, text, bigint)');
SELECT replicache.register_mutator('deleteMessage', 'delete_message(text)');

DO $$
BEGIN
    CREATE ROLE chat LOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT SELECT, INSERT, DELETE ON message TO chat;
SELECT replicache.grant_usage('chat');
