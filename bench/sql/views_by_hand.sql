-- What one writes by hand: the bookkeeping of the backend in Node, and a table of what each client group has, with a row for each entry.
CREATE TABLE client_group (id text PRIMARY KEY, user_id text NOT NULL, cvr_version int NOT NULL);
CREATE TABLE client (id text PRIMARY KEY, client_group_id text NOT NULL, last_mutation_id bigint NOT NULL);
CREATE INDEX ON client (client_group_id);
CREATE TABLE view_entry (client_group_id text, key text, version bigint NOT NULL, PRIMARY KEY (client_group_id, key));

-- The changes of what the user may see since the last pull of the group, and the lastMutationIDs.
CREATE FUNCTION pull_entries(group_id text, ann text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    gone text[];
    came uuid[];
    versions bigint[];
    puts json;
    dels json;
BEGIN
    SELECT array_agg(had.key) FILTER (WHERE now.key IS NULL), array_agg(now.id) FILTER (WHERE now.key IS NOT NULL), array_agg(now.version) FILTER (WHERE now.key IS NOT NULL)
        INTO gone, came, versions
        FROM (SELECT 'doc/' || d.id AS key, d.id, d.version FROM doc d WHERE d.list_id = ANY (ARRAY(SELECT s.list_id FROM share s WHERE s.user_id = ann))) now
        FULL JOIN (SELECT e.key, e.version FROM view_entry e WHERE e.client_group_id = group_id) had USING (key)
        WHERE now.version IS DISTINCT FROM had.version;
    IF gone IS NOT NULL THEN
        DELETE FROM view_entry e WHERE e.client_group_id = group_id AND e.key = ANY (gone);
        dels := (SELECT json_agg(json_build_object('op', 'del', 'key', key)) FROM unnest(gone) key);
    END IF;
    IF came IS NOT NULL THEN
        INSERT INTO view_entry SELECT group_id, 'doc/' || c.id, c.version FROM unnest(came, versions) AS c(id, version)
            ON CONFLICT (client_group_id, key) DO UPDATE SET version = excluded.version;
        puts := (SELECT json_agg(json_build_object('op', 'put', 'key', 'doc/' || d.id,
            'value', json_build_object('id', d.id, 'list_id', d.list_id, 'title', d.title, 'body', d.body, 'done', d.done))) FROM doc d WHERE d.id = ANY (came));
    END IF;
    RETURN json_build_object('dels', dels, 'puts', puts,
        'lastMutationIDChanges', (SELECT json_object_agg(c.id, c.last_mutation_id) FROM client c WHERE c.client_group_id = group_id));
END $$;
