-- Notes, and how long somebody has read which verse: everyone has their own. What the resources are called, who may see
-- what, and the role that the server connects as.
CREATE EXTENSION replicache_ext;

-- The server assigns the id. `ref` is the client's own name for the note: by it, a client whose answer got lost finds the
-- note that it made, also when another device has changed it since.
CREATE TABLE note (
    id text PRIMARY KEY DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
    user_id text NOT NULL DEFAULT replicache.current_user_id(),
    ref text,
    title text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
    body text NOT NULL DEFAULT ''
);

-- A composite key: what identifies a session stands in its data, and there is no resourceId.
CREATE TABLE reading_session (
    user_id text NOT NULL DEFAULT replicache.current_user_id(),
    chapter int NOT NULL CHECK (chapter BETWEEN 1 AND 114),
    verse int NOT NULL CHECK (verse > 0),
    seconds int NOT NULL DEFAULT 0 CHECK (seconds >= 0),
    PRIMARY KEY (user_id, chapter, verse)
);

-- A user is a space: with a head of its own, and writers who take turns. Its versions are timestamps, whoever writes its first row.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET replicache.default_clock = ''time''', current_database());
END
$$;
SELECT replicache.track_table('note', space => 'user_id',
    value => $$json_build_object('ref', ref, 'title', title, 'body', body)$$);
SELECT replicache.track_table('reading_session', space => 'user_id',
    value => $$json_build_object('chapter', chapter, 'verse', verse, 'seconds', seconds)$$);

SELECT replicache.expose_crud('note', name => 'NOTE', columns => '{"ref":"ref", "title":"title", "body":"body"}');
SELECT replicache.expose_crud('reading_session', name => 'READING_SESSION',
    columns => '{"chapter":"chapter", "verse":"verse", "seconds":"seconds"}');

ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE reading_session ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (user_id = replicache.current_user_id());
CREATE POLICY own ON reading_session USING (user_id = replicache.current_user_id());

DO $$
BEGIN
    CREATE ROLE notes_app LOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON note, reading_session TO notes_app;
SELECT replicache.grant_usage('notes_app');
