-- sync_pull: what has become of each row since.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA sync_pull;
SET search_path = sync_pull;
SET replicache.default_clock = 'time';
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set sync_helpers :srcdir '/sql/include/last_mutation_at.sql'
\set ECHO none
\i :helpers
\i :sync_helpers
\set ECHO all
CREATE TABLE note (id text PRIMARY KEY, user_id text NOT NULL, body text);
CREATE TABLE mark (id bigint, kind text, user_id text, v int, gone boolean, PRIMARY KEY (user_id, id, kind));
SELECT replicache.track_table('note', space => 'user_id'), replicache.expose_crud('note', name => 'NOTE');
SELECT replicache.track_table('mark', space => 'user_id', deleted => 'gone'), replicache.expose_crud('mark', name => 'MARK', columns => '{"Number":"id","v":"v"}');
SELECT new_user('ann'), new_user('bob');

-- Types, relative to since; direct writes.
INSERT INTO note VALUES ('a', 'ann', 'a'), ('b', 'ann', 'b'), ('c', 'ann', 'c'), ('d', 'bob', 'd');  -- 1 to 3
INSERT INTO mark VALUES (9007199254740993, 'k "1"', 'ann', 4);
UPDATE note SET body = 'A' WHERE id = 'a';
DELETE FROM note WHERE id = 'b';
SELECT since, pull('ann', since) FROM generate_series(0, 6) since;
SELECT pull('ann'), pull('bob');
SELECT pull('ann', 7);
SELECT pull('ann', 99999);
SELECT pull('nobody', -10000000000001);
SELECT pull('nobody', 0);
-- … created and deleted since: not told. Deleted, and there again: as it is. There again, and deleted.
INSERT INTO note VALUES ('e', 'ann', 'short');  -- 7
DELETE FROM note WHERE id = 'e';
SELECT since, pull('ann', since) FROM generate_series(6, 8) since;
INSERT INTO note VALUES ('e', 'ann', 'again');  -- 9
SELECT since, pull('ann', since) FROM generate_series(6, 9) since;
DELETE FROM note WHERE id = 'e';
SELECT since, pull('ann', since) FROM generate_series(6, 10) since;
-- … the key changes: one goes, the other comes. Back again.
UPDATE note SET id = 'A2' WHERE id = 'a';  -- 11, 12
SELECT since, pull('ann', since) FROM generate_series(10, 12) since;
UPDATE note SET id = 'a' WHERE id = 'A2';
SELECT pull('ann', 10), pull('ann', 12);
UPDATE mark SET id = id + 1;
SELECT pull('ann', 14);
-- … to another user.
SELECT head('ann') AS ann, head('bob') AS bob \gset
UPDATE note SET user_id = 'bob' WHERE id = 'a';
SELECT pull('ann', :ann), pull('bob', :bob);
UPDATE note SET user_id = 'ann' WHERE id = 'a';
SELECT pull('ann', :ann);
SELECT pull('bob', :bob);
-- … what does not change.
SELECT head('ann') AS ann \gset
UPDATE note SET body = body;
SELECT pull('ann', :ann);

-- Soft deletion.
UPDATE mark SET gone = true;
SELECT pull('ann', :ann), pull('ann', 3);
INSERT INTO mark VALUES (7, 'soft', 'ann', 7, false);
SELECT head('ann') AS made \gset
UPDATE mark SET gone = true WHERE id = 7;
SELECT pull('ann', :ann), pull('ann', :made);
SELECT head('ann') AS gone \gset
UPDATE mark SET v = 8 WHERE id = 7;
SELECT pull('ann', :gone);
UPDATE mark SET gone = NULL WHERE id = 7;
SELECT pull('ann', :made);
DELETE FROM mark WHERE id = 7;
SELECT pull('ann', :made), pull('ann', :ann);
DELETE FROM mark;
SELECT pull('ann', :ann);

-- … a key of one column that clients call otherwise.
CREATE TABLE tag (uid int PRIMARY KEY, user_id text, gone boolean);
SELECT replicache.track_table('tag', space => 'user_id', deleted => 'gone'), replicache.expose_crud('tag', columns => '{"id":"uid"}');
INSERT INTO tag VALUES (1, 'ann'), (2, 'ann');
SELECT head('ann') AS ann \gset
UPDATE tag SET gone = true WHERE uid = 1;
DELETE FROM tag WHERE uid = 2;
SELECT pull('ann', :ann);
DROP TABLE tag;

-- Which resources.
SELECT head('ann') AS ann \gset
INSERT INTO mark VALUES (8, 'm', 'ann', 8);
INSERT INTO note VALUES ('f', 'ann', 'f');
SELECT pull('ann', :ann, '{NOTE}');
SELECT pull('ann', :ann, '{MARK,nothing,MARK}');
SELECT pull('ann', :ann, '{nothing,note}');
SELECT pull('ann', :ann, '{}');
SELECT try($$SELECT pull('ann', 0, '{NULL,NOTE}')$$);
-- … another value, columns, none.
SELECT replicache.track_table('note', space => 'user_id', value => $$jsonb_build_object('user', replicache.current_user_id(), 'head', replicache.current_version() - 10000000000000, 'text', t.body)$$);
SELECT pull('ann', :ann, '{NOTE}');
SELECT replicache.track_table('note', space => 'user_id');
-- The head alone.
SELECT short(t::text) FROM replicache.sync_pull(5, 'ann', '{NOTE}', true, NULL, NULL) t;
SELECT t FROM replicache.sync_pull(5, 'somebody new', metadata_only => true) t;

-- What is not allowed.
SELECT try(format('SELECT replicache.sync_pull(%s)', a)) FROM (VALUES (1, 'NULL, ''ann'''), (2, '-2, ''ann'''), (3, '-1, NULL'), (4, '-1, ''ann'', page => 0'), (5, '-1, ''ann'', page => NULL'),
    (6, '-1, ''ann'', page_limit => 0'), (7, '-1, ''ann'', page_limit => 1001'), (8, '-1, ''ann'', page_limit => NULL'), (9, '-1, ''ann'', page => -1')) v (n, a) ORDER BY n;

-- A table that is hidden, or not tracked any more, or dropped, is told no more; also what has gone from it.
SELECT head('ann') AS ann \gset
DELETE FROM note WHERE id = 'f';
SELECT replicache.hide_crud('note');
SELECT pull('ann', :ann), pull('ann');
SELECT replicache.expose_crud('note', name => 'NOTE');
SELECT pull('ann', :ann);
CREATE TABLE dropped (id int PRIMARY KEY, user_id text);
SELECT replicache.track_table('dropped', space => 'user_id'), replicache.expose_crud('dropped');
SELECT head('ann') AS ann \gset
INSERT INTO dropped VALUES (1, 'ann'), (2, 'ann');
DELETE FROM dropped WHERE id = 1;
SELECT pull('ann', :ann);
DROP TABLE dropped;
SELECT pull('ann', :ann);
-- TRUNCATE, and whatever else makes answers complete: all rows are told again.
SELECT head('ann') AS ann \gset
TRUNCATE mark;
SELECT pull('ann', :ann);
SELECT head('ann') AS ann \gset
SELECT pull('ann', :ann);
-- Rows from before: all on one page, as they have one version.
CREATE TABLE old (id int PRIMARY KEY, user_id text);
INSERT INTO old SELECT n, 'old' FROM generate_series(1, 7) n;
SELECT replicache.track_table('old', space => 'user_id'), replicache.expose_crud('old');
SELECT t.body->'data'->'total', t.body->'data'->'hasMore', json_array_length(t.body->'data'->'mutations') FROM replicache.sync_pull(-1, 'old', page_limit => 3) t;
INSERT INTO old SELECT n, 'old' FROM generate_series(8, 10) n;
CREATE FUNCTION old_page(page int, page_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', body->'data'->'total', body->'data'->'hasMore', (SELECT string_agg(m->>'resourceId', ',' ORDER BY (m->>'resourceId')::int) FROM json_array_elements(body->'data'->'mutations') m))
    FROM replicache.sync_pull(-1, 'old', page => page, page_limit => page_limit) $$;
SELECT old_page(1, 2);
SELECT old_page(2, 2);
SELECT old_page(3, 2);
SELECT old_page(1, 8);
SELECT old_page(2, 8);

-- Pages: their lines are drawn by the first one, and stay where they are.
SELECT new_user('pat');
INSERT INTO note SELECT 'p' || n, 'pat', n FROM generate_series(1, 7) n;
SELECT pull('pat', page => 2, page_limit => 3);
SELECT count(*) FROM replicache.paging WHERE space = 'pat';
SELECT pull('pat', page_limit => 3);
SELECT space, regexp_replace(name, E'\n', ' ', 'g'), first_head - 10000000000000, head - 10000000000000, short(lines::text) FROM replicache.paging WHERE space = 'pat';
-- … a row of a page that was read goes, one changes, one comes; of the next page, too.
DELETE FROM note WHERE id IN ('p1', 'p4');
UPDATE note SET body = 'new' WHERE id IN ('p2', 'p5');
INSERT INTO note VALUES ('p8', 'pat', 'new');
SELECT pull('pat', page => 2, page_limit => 3);
SELECT pull('pat', page => 3, page_limit => 3);
SELECT pull('pat', page => 4, page_limit => 3);
-- … who goes on from there, has everything: whichever head it took.
SELECT pull('pat', 7);
-- … another device begins meanwhile: the old lines are good for both, and the last page gets more.
SELECT pull('pat', page_limit => 3);
SELECT short(lines::text), short(head::text) FROM replicache.paging WHERE space = 'pat';
SELECT pull('pat', page => 2, page_limit => 3);
SELECT pull('pat', page => 3, page_limit => 3);
-- … other limits, other resources and other times are other pages.
SELECT pull('pat', page_limit => 4);
SELECT pull('pat', 3, page_limit => 3);
SELECT pull('pat', resources => '{NOTE,nothing}', page_limit => 3);
SELECT replace(name, E'\n', ' '), short(lines::text) FROM replicache.paging WHERE space = 'pat' ORDER BY name;
-- … a row that came after since and was on a page has been seen: when it goes, that is told.
SELECT head('pat') AS pat \gset
INSERT INTO note VALUES ('seen', 'pat', 'seen'), ('unseen', 'pat', 'unseen');
SELECT pull('pat', :pat - 1, page_limit => 1);
DELETE FROM note WHERE id = 'seen';
SELECT pull('pat', :pat);
SELECT pull('pat', :pat + 2);

-- The same transaction as the push; and REPEATABLE READ.
SELECT head('ann') AS ann \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT push('ann', '{"type":"CREATE","resource":"MARK","data":{"Number":1,"kind":"x"}}');
SELECT pull('ann', :ann);
SELECT push('ann', '{"type":"DELETE","resource":"MARK","data":{"Number":1,"kind":"x"}}');
SELECT pull('ann', :ann);
SELECT pull('ann', :ann + 1);
COMMIT;
SELECT pull('ann', :ann);
-- Nothing is written by short answers; nothing at all can be, read only.
SELECT count(*) FROM replicache.paging WHERE space = 'ann';
BEGIN READ ONLY;
SELECT pull('ann');
SELECT pull('ann', page_limit => 1);
SELECT pull('ann', page_limit => 1, page => 2);
SELECT pull('ann', page_limit => 1, page => 9);
SELECT head('ann');
COMMIT;

-- Row-level security, and rights: as for any reader.
CREATE ROLE regress_sync_pull;
GRANT USAGE ON SCHEMA sync_pull TO regress_sync_pull;
SELECT replicache.grant_usage('regress_sync_pull');
INSERT INTO note VALUES ('hidden', 'ann', 'hidden'), ('shown', 'ann', 'shown');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON note USING (body <> 'hidden');
SET ROLE regress_sync_pull;
SELECT try($$SELECT pull('ann')$$);
RESET ROLE;
GRANT ALL ON note, mark, old TO regress_sync_pull;
SET ROLE regress_sync_pull;
SELECT pull('ann', :ann);
SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{"id":"mine","body":"mine"}}');
SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"hidden","data":{"body":"mine"}}');
SELECT push('ann', '{"type":"DELETE","resource":"NOTE","resourceId":"shown"}');
SELECT try($$SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{"id":"mine 2","body":"hidden"}}')$$);
RESET ROLE;
REVOKE ALL ON note FROM regress_sync_pull;
GRANT SELECT, INSERT (id, user_id) ON note TO regress_sync_pull;
SET ROLE regress_sync_pull;
SELECT try($$SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{"id":"mine 3","body":"no right"}}')$$);
SELECT try($$SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"mine","data":{"body":"no right"}}')$$);
RESET ROLE;

-- Untracked, and tracked again: rows that are there are not told as gone, though they were for a while.
CREATE TABLE back (id text PRIMARY KEY, user_id text);
SELECT replicache.track_table('back', space => 'user_id'), replicache.expose_crud('back'), new_user('carl');
INSERT INTO back VALUES ('stays', 'carl'), ('goes', 'carl');
SELECT head('carl') AS carl \gset
SELECT replicache.untrack_table('back');
DELETE FROM back WHERE id = 'goes';
SELECT replicache.track_table('back', space => 'user_id');
SELECT regexp_replace(pull('carl', :carl), '\d{13}|\+\d+|^\d+', '…', 'g');
DROP TABLE back;
SET client_min_messages = error;
DROP EXTENSION replicache_ext;
DROP SCHEMA sync_pull CASCADE;
DROP ROLE regress_sync_pull;
