-- One shard: a complete backend. Chat rooms for clients of Replicache, and notes of users for those of PowerSync.
CREATE EXTENSION replicache_ext;

-- The server makes the ids. A uuid is not used twice, whichever shard makes it.
CREATE TABLE message (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    room text NOT NULL,
    author text NOT NULL DEFAULT replicache.current_user_id(),
    content text NOT NULL CHECK (content <> '')
);
SELECT replicache.track_table('message', space => 'room/{room}');

-- The room comes from the space that the push was routed by. A room that the client names could be on another shard.
CREATE FUNCTION say(content text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO message (room, content) VALUES (substr(replicache.current_space(), length('room/') + 1), content)
$$;
SELECT replicache.register_mutator('say', 'say(text)');

-- The space of a note is that of its owner: shard.space_of in router.sql.
CREATE TABLE note (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner text NOT NULL DEFAULT replicache.current_user_id(),
    content text NOT NULL
);
SELECT replicache.track_table('note', space => 'user/{owner}');
SELECT replicache.expose_crud('note', columns => '{"content":"content"}');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (owner = replicache.current_user_id());

-- The router and the backend connect as this role. It has the rights here, and the limits for waiting.
CREATE ROLE web LOGIN;
SELECT replicache.grant_usage('web');
GRANT SELECT, INSERT ON message TO web;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO web;
ALTER ROLE web SET lock_timeout = '2s';
ALTER ROLE web SET statement_timeout = '20s';
