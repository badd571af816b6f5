-- Answers in pages: replicache.page_size.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA pages;
SET search_path = pages;
SET replicache.poke_channel = '';
CREATE ROLE regress_views_app;
GRANT USAGE ON SCHEMA pages TO regress_views_app;
SELECT replicache.grant_usage('regress_views_app');
\set ECHO none
\i sql/include/views.sql
\set ECHO all

CREATE TABLE item (a int, b text, title text, PRIMARY KEY (a, b));
CREATE TABLE note (id int PRIMARY KEY, title text);
GRANT SELECT ON item, note TO regress_views_app;
SELECT replicache.track_table('item'), replicache.track_table('note');
INSERT INTO item SELECT i % 3, i, repeat('x', 200) FROM generate_series(1, 9) i;
INSERT INTO note SELECT i, repeat('y', 300) FROM generate_series(1, 4) i;
CREATE FUNCTION note(id int) RETURNS void LANGUAGE sql AS $$ INSERT INTO note VALUES (id, 'by a mutator') $$;
SELECT replicache.register_mutator('note', 'note(int)');

-- Shows only keys, and how the pages go on.
CREATE FUNCTION page(who text, space text DEFAULT '') RETURNS TABLE (op text, keys text, page json, more text, ids json) LANGUAGE plpgsql AS $$
DECLARE c client; answer json; operation json;
BEGIN
    SELECT * INTO c FROM client WHERE name = who;
    answer = replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', who, 'cookie', c.cookie), c.user_id, space);
    FOR operation IN SELECT json_array_elements(answer -> 'patch') LOOP
        c.data = apply(c.data, operation);
    END LOOP;
    IF (answer #>> '{cookie,order}')::bigint <= (c.cookie ->> 'order')::bigint AND (answer ->> 'cookie') <> c.cookie::text THEN RAISE 'the order falls'; END IF;
    UPDATE client SET cookie = answer -> 'cookie', data = c.data WHERE name = who;
    RETURN QUERY SELECT o ->> 'op', string_agg(o ->> 'key', ' ' ORDER BY o ->> 'key'), answer #> '{cookie,page,after}', answer ->> 'more', answer -> 'lastMutationIDChanges'
        FROM json_array_elements(answer -> 'patch') o GROUP BY 1 ORDER BY 1;
END $$;

SET replicache.page_size = '1kB';
INSERT INTO client VALUES ('c');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"c","mutations":[{"clientID":"x","id":1,"name":"note","args":{"id":20},"timestamp":0}]}') ->> 'applied' AS applied;
SELECT * FROM page('c');
SELECT * FROM page('c');
-- What changes behind the page, and before it.
DELETE FROM item WHERE (a, b) IN ((0, '3'), (2, '8'));
UPDATE item SET title = 'changed' WHERE (a, b) IN ((0, '6'), (2, '5'));
INSERT INTO item VALUES (-1, '0', 'new'), (3, '0', 'new');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"c","mutations":[{"clientID":"x","id":2,"name":"note","args":{"id":-1},"timestamp":0}]}') ->> 'applied' AS applied;
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT cookie -> 'page' AS page, (SELECT count(*) FROM jsonb_object_keys(data)) = (SELECT count(*) FROM item) + (SELECT count(*) FROM note) AS complete FROM client;
SELECT * FROM page('c');
-- A change is never held back.
UPDATE item SET title = repeat('z', 200);
SELECT count(*), bool_or(more IS NOT NULL) FROM page('c');
SELECT data -> 'item/1/1' ->> 'title' = repeat('z', 200) FROM client;

-- A page cookie is of no use when tombstones were collected since: the pages begin again. The setting may be turned off between two pages.
UPDATE client SET cookie = NULL;
SELECT op, more FROM page('c');
DELETE FROM item WHERE a = 2;
SELECT replicache.collect_garbage('0') ->> 'tombstones' AS tombstones;
SELECT op, more FROM page('c');
SET replicache.page_size = 0;
SELECT op, more FROM page('c');
SELECT op, more FROM page('c');

-- A page that says nonsense is the client's own.
SET replicache.page_size = '1kB';
UPDATE client SET cookie = NULL;
SELECT op, more FROM page('c');
UPDATE client SET cookie = jsonb_set(cookie::jsonb, '{page,after}', '"item/x/y"')::json;
SELECT * FROM page('c');
UPDATE client SET cookie = jsonb_set(cookie::jsonb, '{page,table}', '1')::json;
SELECT * FROM page('c');

-- Private rows, and parts. The record has what was sent.
CREATE TABLE mine (id int PRIMARY KEY, title text);
CREATE TABLE part (id int PRIMARY KEY, list int, title text);
SELECT replicache.track_table('mine', filter => 'current_setting(''pages.every'', true) = ''on'' OR t.id <= 2'), replicache.track_table('part', part => 'list', parts => 'SELECT generate_series(1, 3)');
INSERT INTO mine SELECT i, repeat('m', 300) FROM generate_series(1, 8) i;
INSERT INTO part SELECT i, i % 4, repeat('p', 300) FROM generate_series(1, 8) i;
UPDATE client SET cookie = NULL, data = '{}';
DELETE FROM item;
DELETE FROM note WHERE id > 1;
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
-- More becomes visible: a page at a time, but changes come with the first.
SET pages.every = 'on';
UPDATE mine SET title = title || '!' WHERE id IN (1, 8);
SELECT * FROM page('c');
UPDATE mine SET title = title || '!' WHERE id = 2;
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT * FROM page('c');
SELECT count(*), bool_and(data -> ('mine/' || id) ->> 'title' = title) FROM mine, client;

-- A broken table is left out of all pages, and comes after the repair.
SET replicache.skip_broken_tables = on;
CREATE FUNCTION parts() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / current_setting(''pages.works'')::int; END';
SELECT replicache.track_table('part', part => 'list', parts => 'SELECT pages.parts()');
SET pages.works = 0;
SET client_min_messages = error;
INSERT INTO note SELECT i, repeat('y', 600) FROM generate_series(2, 6) i;
UPDATE client SET cookie = NULL, data = '{}';
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');
SET pages.works = 1;
SELECT op, keys, more FROM page('c');
SELECT op, keys, more FROM page('c');

DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA pages CASCADE;
DROP ROLE regress_views_app;
