-- An extension with six callbacks of its own for changes of relations, in a backend where ours is at work. PostgreSQL 15 has ten
-- places, of which it takes three itself: for plans, for types, and for files in logical decoding.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
CREATE FUNCTION border_take_callbacks(number integer) RETURNS void LANGUAGE c STRICT AS :'module', 'border_take_callbacks';
SET client_min_messages = warning;
CREATE EXTENSION replicache_ext;
CREATE TABLE note (id integer PRIMARY KEY, body text);
CREATE TYPE pair AS (a integer, b text);
SELECT replicache.track_table('note');
SELECT replicache.expose_crud('note');
INSERT INTO note VALUES (1, 'one');
SELECT border_take_callbacks(6);
SELECT ROW(1, 'two')::pair = ROW(1, 'two')::pair AS types \gset
-- All of ours are told of the changes still.
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","schemaVersion":"","profileID":"p","mutations":[{"clientID":"c","id":1,"name":"note.insert","args":{"id":2,"body":"two"},"timestamp":0}]}')->>'applied' AS applied \gset
ALTER TABLE note RENAME body TO text;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","schemaVersion":"","profileID":"p","mutations":[{"clientID":"c","id":2,"name":"note.insert","args":{"id":3,"text":"three"},"timestamp":0}]}')->>'applied' AS applied_again \gset
SELECT (replicache.pull_since(NULL) -> 'patch')::jsonb @> '[{"op":"put","key":"note/3","value":{"id":3,"text":"three"}}]' AS pulled \gset
SELECT CASE WHEN :applied = 1 AND :applied_again = 1 AND :'pulled' THEN 'ok 11' ELSE 'not ok 11' END || ' - six callbacks of another extension';
DROP EXTENSION replicache_ext CASCADE;
