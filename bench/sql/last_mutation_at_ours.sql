-- Notes, each user's own: a user is a space. The index on user_id and version comes with track_table.
CREATE EXTENSION replicache_ext;
CREATE TABLE note (
    id text PRIMARY KEY DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
    user_id text NOT NULL,
    title text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
    body text NOT NULL DEFAULT ''
);
SELECT replicache.track_table('note', space => 'user_id');
SELECT replicache.expose_crud('note', name => 'NOTE');
