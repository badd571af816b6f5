-- Tables with inheritance children: only their own rows are tracked, and only these are read and written by clients, whoever asks.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA inheritance;
SET search_path = inheritance;
CREATE TABLE note (id text PRIMARY KEY DEFAULT 'new', owner text NOT NULL, body text);
CREATE TABLE archived (PRIMARY KEY (id)) INHERITS (note);
SELECT replicache.track_table('note', space => 'owner'), replicache.expose_crud('note'), replicache.create_space('u', 'time');
INSERT INTO note VALUES ('own', 'u', 'own');
INSERT INTO archived VALUES ('child', 'u', 'child'), ('both', 'u', 'child');
INSERT INTO note VALUES ('both', 'u', 'both');

SELECT p->'op' AS op, p->'key' AS key, p->'value'->'body' AS body FROM json_array_elements(replicache.pull_since(0, space => 'u')->'patch') p;
SELECT m->'type' AS type, m->'resourceId' AS id, m->'data'->'body' AS body FROM replicache.sync_pull(-1, 'u') s, json_array_elements(s.body->'data'->'mutations') m;
SELECT s.body->'data'->'total' AS total, s.body->'data'->'hasMore' AS more FROM replicache.sync_pull(-1, 'u', page_limit => 1) s;

-- Uploads: no change comes to the children's rows, and they are not in the way.
CREATE FUNCTION upload(changes json) RETURNS json LANGUAGE sql AS $$ SELECT replicache.powersync_upload(json_build_object('batch', changes))->'results' $$;
SELECT upload('[{"op_id":1,"op":"PATCH","type":"note","id":"child","data":{"body":"patched"}},{"op_id":2,"op":"PATCH","type":"note","id":"both","data":{"body":"patched"}}]');
SELECT upload('[{"op_id":3,"op":"DELETE","type":"note","id":"child"},{"op_id":4,"op":"DELETE","type":"note","id":"both"}]');
SELECT upload('[{"op_id":5,"op":"PUT","type":"note","id":"child","data":{"owner":"u","body":"put"}}]');
SELECT tableoid::regclass AS "table", id, body FROM note ORDER BY 1, 2;
-- … with a policy, which looks the row up first.
DELETE FROM ONLY note WHERE id = 'child';
SELECT replicache.expose_crud('note', conflict => 'reject_stale');
SELECT upload('[{"op_id":6,"op":"PATCH","type":"note","id":"child","data":{"body":"x"},"old":{"body":"y"}}]');
SELECT upload('[{"op_id":7,"op":"PATCH","type":"note","id":"own","data":{"body":"x"},"old":{"body":"y"}}]')->0->'message';
SELECT replicache.expose_crud('note');
-- … and pushes of a user's rows.
CREATE FUNCTION push(mutation text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', status, s.body->'error'->>'message') FROM replicache.sync_push(json_build_object('mutations', json_build_array(mutation::json)), (SELECT version FROM replicache.space WHERE id = 'u'), 'u') s $$;
SELECT push('{"type":"UPDATE","resource":"note","resourceId":"child","data":{"body":"pushed"}}');
SELECT push('{"type":"UPDATE","resource":"note","resourceId":"child","data":{}}');
SELECT push('{"type":"DELETE","resource":"note","resourceId":"child"}');
SELECT push('{"type":"UPDATE","resource":"note","resourceId":"own","data":{"body":"pushed"}}');
SELECT tableoid::regclass AS "table", id, body FROM note ORDER BY 1, 2;
-- A table that is a child itself: its own rows.
SELECT replicache.track_table('archived', key => 'archived/{id}', space => 'owner', version => 'version'), replicache.expose_crud('archived');
SELECT upload('[{"op_id":8,"op":"PATCH","type":"archived","id":"both","data":{"body":"patched"}},{"op_id":9,"op":"DELETE","type":"archived","id":"child"}]');
SELECT p->'op' AS op, p->'key' AS key, p->'value'->'body' AS body FROM json_array_elements(replicache.pull_since(0, space => 'u')->'patch') p;
SELECT m->'type' AS type, m->'resourceId' AS id, m->'data'->'body' AS body FROM replicache.sync_pull(-1, 'u') s, json_array_elements(s.body->'data'->'mutations') m;
SET client_min_messages = warning;
DROP SCHEMA inheritance CASCADE;
DROP EXTENSION replicache_ext;
