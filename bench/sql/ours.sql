CREATE EXTENSION replicache_ext;
CREATE TABLE message (
    id text PRIMARY KEY,
    sender text NOT NULL,
    content text NOT NULL,
    ord bigint NOT NULL CHECK (ord >= 0),
    deleted boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 0
);
CREATE INDEX ON message (version);
SELECT replicache.track_table('message', deleted => 'deleted', version => 'version');

CREATE FUNCTION create_message(args jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message (id, sender, content, ord) VALUES (args ->> 'id', args ->> 'sender', args ->> 'content', (args ->> 'ord')::bigint);
END $$;
CREATE FUNCTION create_message_named(id text, sender text, content text, ord bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message (id, sender, content, ord) VALUES (id, sender, content, ord);
END $$;
CREATE FUNCTION create_message_sql(id text, sender text, content text, ord bigint) RETURNS void LANGUAGE sql
    AS 'INSERT INTO message (id, sender, content, ord) VALUES (id, sender, content, ord)';
