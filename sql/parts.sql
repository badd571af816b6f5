-- Pulls of tables with parts: the client's view has the names of the parts that it has, and not the keys of the rows.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA parts;
SET search_path = parts;
SET replicache.poke_channel = '';
CREATE ROLE regress_views_app;
GRANT USAGE ON SCHEMA parts TO regress_views_app;
SELECT replicache.grant_usage('regress_views_app');
\set ECHO none
\i sql/include/views.sql
\set ECHO all

CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list));
CREATE TABLE todo (id int PRIMARY KEY, list int, title text);
GRANT SELECT ON share, todo TO regress_views_app;
SELECT replicache.track_table('todo', part => 'list', parts => 'SELECT s.list::bigint FROM parts.share s WHERE s.user_id = replicache.current_user_id()');
INSERT INTO share VALUES ('ann', 1), ('ben', 2);
INSERT INTO todo SELECT i, 1 + i % 3, 'title ' || i FROM generate_series(1, 6) i;
INSERT INTO todo VALUES (10, NULL, 'in no part');
INSERT INTO client VALUES ('ann', 'ann'), ('ben', 'ben'), ('tab', 'ann');
SELECT pull('ann');
SELECT pull('ann');
SELECT pull('ben');
UPDATE client SET (cookie, data) = (SELECT cookie, data FROM client WHERE name = 'ann') WHERE name = 'tab';

-- Changes in parts that the client has, and in others.
UPDATE todo SET title = 'changed' WHERE id IN (3, 4, 5);
SELECT pull('ann');
-- Rows that come, go, and change parts.
INSERT INTO todo VALUES (7, 1, 'new'), (8, 3, 'hidden');
DELETE FROM todo WHERE id IN (6, 4, 5, 10);
UPDATE todo SET list = 2 WHERE id = 7;
UPDATE todo SET list = 1 WHERE id = 8;
UPDATE todo SET list = NULL WHERE id = 3;
SELECT pull('ann');
SELECT pull('ben');
-- A part that is granted comes entirely, and one that is revoked goes entirely, with the rows that have changed since.
INSERT INTO share VALUES ('ann', 2);
SELECT pull('ann');
DELETE FROM share WHERE (user_id, list) = ('ann', 1);
UPDATE todo SET title = 'later' WHERE id = 8;
INSERT INTO todo VALUES (9, 1, 'later');
SELECT pull('ann');
SELECT pull('tab');
SELECT pull('ann'), pull('tab'), pull('ben');
SELECT name, data FROM client ORDER BY 1;
-- A part is revoked, and one of its rows moves to a part that stays.
UPDATE todo SET list = 3 WHERE id = 1;
INSERT INTO share VALUES ('ben', 3);
SELECT pull('ben');
DELETE FROM share WHERE (user_id, list) = ('ben', 3);
UPDATE todo SET list = 2 WHERE id = 1;
SELECT pull('ben');
-- It is revoked and granted again between two pulls.
DELETE FROM share WHERE user_id = 'ben';
UPDATE todo SET title = 'meanwhile' WHERE id = 7;
INSERT INTO share VALUES ('ben', 2);
SELECT pull('ben');

-- A part without rows is revoked. The client does not hold it any more, so it does not hear of rows that come later.
INSERT INTO share VALUES ('ben', 7);
SELECT pull('ben');
DELETE FROM share WHERE (user_id, list) = ('ben', 7);
SELECT pull('ben');
INSERT INTO todo VALUES (70, 7, 'secret');
SELECT pull('ben');
DELETE FROM todo WHERE id = 70;
SELECT pull('ben');

-- The owner, under FORCE ROW LEVEL SECURITY, cannot tell which rows a client must drop. So the client gets everything.
ALTER TABLE todo ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON todo USING (true);
SELECT pull('ben');
INSERT INTO share VALUES ('ben', 1);
SELECT pull('ben');
DELETE FROM share WHERE (user_id, list) = ('ben', 1);
SELECT pull('ben');
ALTER TABLE todo DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
-- The same for an owner who may not read the table.
INSERT INTO share VALUES ('ben', 1);
SELECT pull('ben');
DELETE FROM share WHERE (user_id, list) = ('ben', 1);
CREATE ROLE regress_views_owner;
ALTER TABLE todo OWNER TO regress_views_owner;
REVOKE SELECT ON todo FROM regress_views_owner;
SELECT left(pull('ben'), 5);
ALTER TABLE todo OWNER TO CURRENT_USER;

-- Names of parts in a forged cookie.
UPDATE client SET cookie = jsonb_set(cookie::jsonb, '{plus}', '"AAgAMTYwMDAvMQ=="')::json WHERE name = 'ben';
SELECT pull('ben');

-- Text and uuid as parts, a space, soft deletion, and the clock transaction.
CREATE TABLE doc (id int PRIMARY KEY, team text NOT NULL, project uuid, gone boolean);
GRANT SELECT ON doc TO regress_views_app;
CREATE TABLE member (project uuid);
GRANT SELECT ON member TO regress_views_app;
SELECT replicache.create_space('team/1', 'transaction');
SELECT replicache.track_table('doc', space => 'team/{team}', part => 'project', parts => 'SELECT project FROM parts.member', deleted => 'gone', value => 'json_build_object()');
INSERT INTO doc SELECT i, 1, ('00000000-0000-4000-8000-00000000000' || i % 2)::uuid, false FROM generate_series(1, 6) i;
INSERT INTO member VALUES ('00000000-0000-4000-8000-000000000000');
INSERT INTO client VALUES ('doc');
SELECT pull('doc', 'team/1');
UPDATE doc SET gone = true WHERE id IN (1, 2);
SELECT pull('doc', 'team/1');
INSERT INTO member VALUES ('00000000-0000-4000-8000-000000000001'), (NULL);
DELETE FROM doc WHERE id = 4;
SELECT pull('doc', 'team/1');
UPDATE doc SET gone = true WHERE id = 3;
TRUNCATE member;
SELECT pull('doc', 'team/1');
SELECT data FROM client WHERE name = 'doc';

DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA parts CASCADE;
DROP ROLE regress_views_app, regress_views_owner;
