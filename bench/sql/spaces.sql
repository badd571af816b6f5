-- After ours.sql: the same table, each row in the space that it was pushed to.
SELECT replicache.untrack_table('message');
DROP INDEX message_version_idx;
ALTER TABLE message ADD space text NOT NULL;
CREATE INDEX ON message (space, version);
SELECT replicache.track_table('message', deleted => 'deleted', space => 'space', version => 'version');

CREATE OR REPLACE FUNCTION create_message(args jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message (id, sender, content, ord, space)
    VALUES (args ->> 'id', args ->> 'sender', args ->> 'content', (args ->> 'ord')::bigint, replicache.current_space());
END $$;
