-- Private tables, and tables with parts, are no resources of lastMutationAt. Mutations and uploads write them all the same.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA private_resources;
SET search_path = private_resources, public;
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SET replicache.default_clock = 'time';

CREATE TABLE note (id text PRIMARY KEY, owner text NOT NULL, title text);
CREATE TABLE secret (id text PRIMARY KEY, owner text NOT NULL, title text);
CREATE TABLE task (id text PRIMARY KEY, owner text NOT NULL, title text, list text);
SELECT replicache.expose_crud(t), replicache.track_table(t, space => 'owner') FROM unnest('{note,secret,task}'::regclass[]) t;
INSERT INTO note VALUES ('n', 'ann', 'seen');
INSERT INTO secret VALUES ('s', 'ann', 'hidden');
INSERT INTO task VALUES ('t', 'ann', 'hidden', 'l');
CREATE FUNCTION resources(of text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', m ->> 'type', m ->> 'resource', m ->> 'resourceId'), ', ' ORDER BY m ->> 'resource')
    FROM replicache.sync_pull(-1, 'ann', of), json_array_elements(body #> '{data,mutations}') m
$$;
CREATE FUNCTION push(resource text, key text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(status || ' ' || body, '\d{13}', '…', 'g') FROM replicache.sync_push(json_build_object('mutations', json_build_array(json_build_object(
        'resource', resource, 'type', 'UPDATE', 'resourceId', key, 'data', json_build_object('title', 'written')))),
        (SELECT mutation_at FROM replicache.sync_pull(-1, 'ann', metadata_only => true)), 'ann')
$$;
SELECT resources();

SELECT replicache.track_table('secret', space => 'owner', private => true);
SELECT replicache.track_table('task', space => 'owner', part => 'list', parts => $$SELECT 'l'$$);
SELECT resources();
SELECT resources('{note,secret,task}');
SELECT resources('{secret}');
SELECT push('note', 'n');
SELECT push('secret', 's');
SELECT push('task', 't');
SELECT push('nope', 's');
-- Deletions: nothing of these tables.
DELETE FROM secret;
DELETE FROM task;
SELECT m FROM replicache.sync_pull(0, 'ann'), json_array_elements(body #> '{data,mutations}') m WHERE m ->> 'type' = 'DELETE';

-- Uploads and mutations write them.
SELECT replicache.powersync_upload('{"crud":[{"op":"PUT","type":"secret","id":"u","data":{"owner":"ann"}},{"op":"PUT","type":"task","id":"u","data":{"owner":"ann","list":"l"}},
    {"op":"PATCH","type":"task","id":"u","data":{"list":"m"}},{"op":"PATCH","type":"secret","id":"u","data":{"owner":"bob"}}]}');
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"c","mutations":[{"id":1,"name":"secret.insert","args":{"id":"m","owner":"ann"}},
    {"id":2,"name":"secret.delete","args":{"id":"m"}},{"id":3,"name":"task.update","args":{"id":"u","list":"l"}}]}', NULL, 'ann') -> 'applied';
SELECT id, owner FROM secret;
SELECT id, owner, list FROM task;
SELECT space, key, part FROM replicache.tombstone ORDER BY version;

-- Exposed after it was tracked, and tracked as an ordinary table again.
SELECT replicache.hide_crud('secret');
SELECT replicache.expose_crud('secret', name => 'SECRET');
UPDATE secret SET owner = 'ann';
SELECT resources();
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = '~replicache_created' ORDER BY 1;
SELECT replicache.track_table('secret', space => 'owner');
SELECT resources();
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = '~replicache_created' ORDER BY 1;

\set VERBOSITY terse
DROP SCHEMA private_resources CASCADE;
DROP EXTENSION replicache_ext CASCADE;
