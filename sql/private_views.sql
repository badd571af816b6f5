-- Pulls of private tables: each client gets what its user may see, also when only permissions have changed.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA private_views;
SET search_path = private_views;
SET replicache.poke_channel = '';
CREATE ROLE regress_views_app;
GRANT USAGE ON SCHEMA private_views TO regress_views_app;
SELECT replicache.grant_usage('regress_views_app');

CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list));
CREATE TABLE todo (id int PRIMARY KEY, list int, title text);
ALTER TABLE todo ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON todo USING (list = ANY (ARRAY(SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id())));
GRANT SELECT ON share, todo TO regress_views_app;
SELECT replicache.track_table('todo', private => true);
INSERT INTO share VALUES ('ann', 1), ('ben', 2);
INSERT INTO todo SELECT i, 1 + i % 3, 'title ' || i FROM generate_series(1, 6) i;

\set ECHO none
\i sql/include/views.sql
\set ECHO all
INSERT INTO client VALUES ('ann', 'ann'), ('ben', 'ben'), ('other tab', 'ann'), ('fork', 'ann');
-- What differs from what the user may see.
CREATE FUNCTION differs(who text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; c client;
BEGIN
    SELECT * INTO c FROM client WHERE name = who;
    SELECT count(*) INTO n FROM (SELECT 'todo/' || t.id AS key, t.title FROM todo t JOIN share s USING (list) WHERE s.user_id = c.user_id) a
    FULL JOIN (SELECT key, value ->> 'title' AS title FROM jsonb_each(c.data)) b USING (key, title) WHERE a.key IS NULL OR b.key IS NULL;
    RETURN n;
END $$;

SELECT pull('ann');
SELECT pull('ann');
SELECT pull('ben');
UPDATE client SET (cookie, data) = (SELECT cookie, data FROM client WHERE name = 'ann') WHERE name IN ('other tab', 'fork');
-- Somebody else's list changes: a new version, but nothing for Ann.
UPDATE todo SET title = 'hidden' WHERE list = 3;
SELECT pull('ann');
-- Only permissions change, in a table that is not tracked.
INSERT INTO share VALUES ('ann', 2);
SELECT pull('ann');
SELECT pull('ann');
DELETE FROM share WHERE (user_id, list) = ('ann', 1);
UPDATE todo SET title = 'changed' WHERE id = 1;
SELECT pull('ann');
-- Another tab, with the cookie of before. And another client group with it, after a change of its mutators.
SELECT pull('other tab');
SELECT pull('fork');
-- Rows come, go, and change lists.
INSERT INTO todo VALUES (7, 2, 'new');
DELETE FROM todo WHERE id = 1;
UPDATE todo SET list = 3 WHERE id = 4;
SELECT pull('ann');
SELECT pull('ben');
SELECT name, differs(name) FROM client ORDER BY 1;
-- No keys of the table are in the tombstones, nor in an answer for those who never had the row.
SELECT count(*) FROM replicache.tombstone;

-- A row left and came back between two pulls. It has not changed, so there is nothing to send.
DELETE FROM share WHERE (user_id, list) = ('ann', 2);
INSERT INTO share VALUES ('ann', 2);
SELECT pull('ann');

-- Another user with the cookie of the first, one that was forged, and one of before the table was private.
UPDATE client SET cookie = (SELECT cookie FROM client WHERE name = 'ann'), data = '{}' WHERE name = 'ben';
SELECT pull('ben');
UPDATE client SET cookie = jsonb_set(cookie::jsonb, '{plus}', '"AAYAMTYwMDAvMQ=="')::json WHERE name = 'ann';
SELECT pull('ann');
UPDATE client SET cookie = '1' WHERE name = 'ann';
SELECT pull('ann');

-- pull_since has nowhere to say what the client has.
SELECT json_array_length(replicache.pull_since(NULL) -> 'patch');
\set VERBOSITY default
SELECT replicache.pull_since(1);
\set VERBOSITY terse

-- A large view is recorded. A small difference goes into the cookie, and a READ ONLY transaction does as well as any other.
INSERT INTO todo SELECT i, 1, 'many ' || i FROM generate_series(1000, 2999) i;
INSERT INTO share VALUES ('ann', 1);
SELECT count(*) FROM pull('ann');
SELECT differs('ann');
SELECT user_id, space, entries, length(keys) < 4 * entries AS small FROM replicache.view_record;
SELECT client_group_id, record = id FROM replicache.client_view JOIN replicache.view_record ON record = id;
BEGIN READ ONLY;
SET LOCAL ROLE regress_views_app;
SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'ann', 'cookie', (SELECT cookie FROM private_views.client WHERE name = 'ann')), 'ann') ->> 'patch' AS patch;
ROLLBACK;
DELETE FROM todo WHERE id BETWEEN 1000 AND 1004;
BEGIN READ ONLY;
SET LOCAL ROLE regress_views_app;
SELECT json_array_length(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'ann', 'cookie', (SELECT cookie FROM private_views.client WHERE name = 'ann')), 'ann') -> 'patch') AS length;
ROLLBACK;
-- A first pull cannot be recorded there, and a record that was removed cannot be told from one that is yet to come.
\set VERBOSITY default
BEGIN READ ONLY;
SET LOCAL ROLE regress_views_app;
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"ann","cookie":null}', 'ann');
ROLLBACK;
BEGIN;
DELETE FROM replicache.view_record;
SET LOCAL TRANSACTION READ ONLY;
SET LOCAL ROLE regress_views_app;
SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'ann', 'cookie', (SELECT cookie FROM private_views.client WHERE name = 'ann')), 'ann');
ROLLBACK;
\set VERBOSITY terse
-- Elsewhere, the client gets everything.
DELETE FROM replicache.view_record;
SELECT left(pull('ann'), 5);
SELECT differs('ann');

-- A filter: the two newest rows. It reads the table itself, which a policy cannot.
DELETE FROM todo WHERE id >= 1000;
SELECT replicache.track_table('todo', filter => 't.id IN (SELECT n.id FROM private_views.todo n ORDER BY n.id DESC LIMIT 2)');
SELECT pull('ann');
INSERT INTO todo VALUES (8, 1, 'newest');
SELECT pull('ann');
SELECT pull('ann');

-- The clocks time and transaction, in spaces of their own; partitions; soft deletion; a value; several columns in the key.
CREATE TABLE part (space text NOT NULL, a uuid, b int, title text, gone boolean, PRIMARY KEY (a, b)) PARTITION BY RANGE (b);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON part USING (b % 2 = 0 OR current_setting('private_views.odd', true) = 'on');
GRANT SELECT ON part TO regress_views_app;
SELECT replicache.create_space('t', 'time'), replicache.create_space('x', 'transaction');
SELECT replicache.track_table('part', key => 'p/{a}/{b}', private => true, space => 'space', deleted => 'gone', value => $$json_build_object('title', t.title)$$);
INSERT INTO part SELECT s, '00000000-0000-4000-8000-000000000001', b, 'title ' || b FROM unnest('{t,x}'::text[]) s, generate_series(1, 4) b WHERE s = 't' OR b > 4;
INSERT INTO part SELECT 'x', '00000000-0000-4000-8000-000000000002', b, 'title ' || b FROM generate_series(8, 12) b;
INSERT INTO client VALUES ('t'), ('x');
SELECT pull('t', 't'), pull('x', 'x');
UPDATE part SET gone = true WHERE b IN (2, 10);
UPDATE part SET title = 'changed' WHERE b IN (3, 4, 9, 12);
SET private_views.odd = 'on';
SELECT pull('t', 't');
SELECT pull('x', 'x');
RESET private_views.odd;
UPDATE part SET gone = false, b = 14 WHERE b = 10;
SELECT pull('t', 't');
SELECT pull('x', 'x');
SELECT pull('t', 't'), pull('x', 'x');
SELECT count(*) FROM replicache.tombstone;

-- Public again: everything comes.
SELECT replicache.track_table('part', key => 'p/{a}/{b}', space => 'space');
SELECT left(pull('t', 't'), 5), left(pull('x', 'x'), 5);

DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA private_views CASCADE;
DROP ROLE regress_views_app;
