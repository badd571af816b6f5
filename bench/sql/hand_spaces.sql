-- After hand.sql: the same, each row in the space that it was pushed to, as in spaces.sql.
DROP INDEX message_version_idx;
ALTER TABLE message ADD space text NOT NULL;
CREATE INDEX ON message (space, version);
INSERT INTO space SELECT 'space-' || n, 0 FROM generate_series(0, 999) n;
DO $$
DECLARE
    push text := pg_get_functiondef('push'::regproc);
BEGIN
    push := replace(push, 'mark_each boolean)', 'mark_each boolean, into_space text)');
    push := replace(push, 's.id = ''''', 's.id = into_space');
    push := replace(push, 'false, ver);', 'false, ver, into_space);');
    DROP FUNCTION push;
    EXECUTE push;
END $$;
