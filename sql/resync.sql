-- resync(): what changed behind the triggers' back reaches clients, and only those of the space that is named.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA resync;
SET search_path = resync;
SELECT replicache.create_space(clock, clock), replicache.create_space('other ' || clock, clock) FROM unnest('{counter,time,transaction}'::text[]) clock;
CREATE TABLE item (id text, space text NOT NULL, v text NOT NULL, PRIMARY KEY (space, id));
SELECT replicache.track_table('item', space => 'space', key => '{space}/{id}');
CREATE TABLE seen (space text PRIMARY KEY, cookie json);
INSERT INTO seen SELECT id FROM replicache.space WHERE id <> '';
CREATE FUNCTION news(OUT space text, OUT news text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    s seen; answer json;
BEGIN
    FOR s IN SELECT * FROM seen ORDER BY seen.space LOOP
        answer := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g ' || s.space, 'cookie', s.cookie), 'ann', s.space);
        UPDATE seen SET cookie = answer -> 'cookie' WHERE seen.space = s.space;
        space := s.space;
        news := (SELECT string_agg(concat_ws(' ', p ->> 'op', p ->> 'key', p #>> '{value,v}'), ', ' ORDER BY p ->> 'op', p ->> 'key') FROM json_array_elements(answer -> 'patch') p);
        RETURN NEXT;
    END LOOP;
END $$;
INSERT INTO item SELECT i, space, 'old' FROM seen, unnest('{changes,goes,stays}'::text[]) i;
SELECT * FROM news();
CREATE PROCEDURE change_unseen() LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    DELETE FROM item WHERE id = 'goes';
    UPDATE item SET v = 'new' WHERE id = 'changes';
    INSERT INTO item SELECT 'comes', space, 'new', 0 FROM seen;
END $$;
CALL change_unseen();
SELECT * FROM news();

-- One space with each clock. The others notice nothing.
SELECT replicache.resync('item', clock) FROM unnest('{counter,time,transaction}'::text[]) clock;
SELECT * FROM news();
SELECT * FROM news();
-- Nothing is sent twice afterwards, and deltas go on.
UPDATE item SET v = 'newer' WHERE id = 'changes';
DELETE FROM item WHERE id = 'comes' AND space NOT LIKE 'other%';
SELECT * FROM news();
-- All spaces. In the transaction with the change, which is rolled back once.
SELECT replicache.resync('item');
SELECT * FROM news();
BEGIN;
SELECT replicache.resync('item', 'counter');
ROLLBACK;
SELECT * FROM news();
SELECT replicache.resync('item', space => NULL), count(*) FROM seen;
SELECT count(*) AS complete FROM news() WHERE news LIKE 'clear%';

-- A space may be written in any way.
CREATE TABLE pin (id int PRIMARY KEY, map uuid NOT NULL);
SELECT replicache.untrack_table('item');
SELECT replicache.track_table('pin', space => 'map/{map}');
INSERT INTO pin VALUES (1, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT replicache.pull_since(NULL, NULL, 'map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11') ->> 'cookie' AS cookie \gset
SELECT replicache.resync('pin', 'map/{B0EEBC999C0B4EF8BB6D6BB9BD380A11}');
SELECT replicache.pull_since(:cookie, NULL, 'map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11') -> 'patch';

-- A private table, and a policy that is changed while the rows stay. A table that is not private needs resync for that.
CREATE ROLE regress_resync;
SELECT replicache.grant_usage('regress_resync');
GRANT USAGE ON SCHEMA resync TO regress_resync;
CREATE TABLE private (id int PRIMARY KEY, owner text NOT NULL);
CREATE TABLE plain (id int PRIMARY KEY, owner text NOT NULL);
ALTER TABLE private ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON private USING (owner = replicache.current_user_id());
CREATE POLICY p ON plain USING (owner = replicache.current_user_id());
GRANT SELECT ON private, plain, pin TO regress_resync;
SELECT replicache.track_table('private', private => true), replicache.track_table('plain');
INSERT INTO private VALUES (1, 'ann'), (2, 'bob'), (3, 'ann');
INSERT INTO plain VALUES (1, 'ann'), (2, 'bob'), (3, 'ann');
CREATE FUNCTION ask(cookie json) RETURNS json LANGUAGE sql AS $$ SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'ann', 'cookie', cookie), 'ann') $$;
SET ROLE regress_resync;
SELECT ask(NULL) AS answer \gset
SELECT :'answer'::json -> 'patch';
RESET ROLE;
ALTER POLICY p ON private USING (id < 3);
ALTER POLICY p ON plain USING (id < 3);
SET session_replication_role = replica;
DELETE FROM private WHERE id = 1;
DELETE FROM plain WHERE id = 1;
RESET session_replication_role;
SET ROLE regress_resync;
SELECT o FROM json_array_elements(ask(:'answer'::json -> 'cookie') -> 'patch') o ORDER BY o ->> 'key';
RESET ROLE;
SELECT replicache.resync('plain', '');
SET ROLE regress_resync;
SELECT ask(:'answer'::json -> 'cookie') -> 'patch';
RESET ROLE;

-- Refused. A space that is not there does not come into being.
\set VERBOSITY verbose
SELECT replicache.resync('plain', 'counter');
SELECT replicache.resync('pin', 'counter');
SELECT replicache.resync('pin', 'map/7');
SELECT replicache.resync('pin', 'map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12');
SELECT replicache.resync('pin', E'map/\'; DROP TABLE pin; --');
SELECT replicache.resync('seen', 'counter');
SELECT replicache.resync(NULL, 'counter');
\set VERBOSITY terse
SELECT count(*) FROM replicache.space WHERE id ~ '^map' AND id !~ '11$';
BEGIN READ ONLY;
SELECT replicache.resync('plain', '');
ROLLBACK;
GRANT EXECUTE ON FUNCTION replicache.resync TO regress_resync;
SET ROLE regress_resync;
SELECT replicache.resync('plain', '');
RESET ROLE;
SELECT length(replicache.hold_space('map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')) > 0 AS held;
SELECT replicache.resync('pin', 'map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.close_space(id, held) FROM replicache.space WHERE held IS NOT NULL;
SELECT replicache.resync('pin', 'map/b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
\echo :LAST_ERROR_SQLSTATE

DROP EXTENSION replicache_ext;
DROP SCHEMA resync CASCADE;
DROP ROLE regress_resync;
