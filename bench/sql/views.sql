-- Documents in lists, which are shared with users. The policy and the index are as docs/views.md advises. One clock, one space.
CREATE EXTENSION replicache_ext;
CREATE TABLE share (user_id text NOT NULL, list_id int NOT NULL, PRIMARY KEY (user_id, list_id));
CREATE TABLE doc (
    id uuid PRIMARY KEY,
    list_id int NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    done boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 0
);
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON doc USING (list_id = ANY (ARRAY(SELECT s.list_id FROM share s WHERE s.user_id = replicache.current_user_id())));
CREATE INDEX doc_view ON doc (list_id) INCLUDE (id, version);
CREATE INDEX doc_version ON doc (version);

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bench_app') THEN
        CREATE ROLE bench_app;
    END IF;
END $$;
SELECT replicache.grant_usage('bench_app');
GRANT SELECT ON doc, share TO bench_app;

-- Lists of 1000 documents each. The rows of a list are not beside each other, as if users had written all lists at the same time.
CREATE FUNCTION fill_lists(lists int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO doc SELECT md5(n::text)::uuid, n % lists, 'Document ' || n, 'The quick brown fox jumps over the lazy dog, and then it has a look at what the others have written down. ' || n
    FROM generate_series(0, lists * 1000 - 1) n
$$;
