-- Pages of sync_pull: what is kept of them is bounded, and what was seen on those that are forgotten counts.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA sync_paging;
SET search_path = sync_paging;
SET replicache.default_clock = 'time';
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set sync_helpers :srcdir '/sql/include/last_mutation_at.sql'
\set ECHO none
\i :helpers
\i :sync_helpers
\set ECHO all
CREATE TABLE note (id text PRIMARY KEY, user_id text NOT NULL);
SELECT replicache.track_table('note', space => 'user_id'), replicache.expose_crud('note', name => 'NOTE');
SELECT new_user('ann'), new_user('bob'), new_user('carl'), new_user('dora');
CREATE FUNCTION pagings(of text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT short(concat_ws(' ', split_part(name, E'\n', 1), 'from', first_head, 'to', head, lines)) FROM replicache.paging WHERE space = of ORDER BY name COLLATE "C"
$$;
CREATE PROCEDURE an_hour_passes() LANGUAGE sql AS $$ UPDATE replicache.paging SET began = began - interval '1 hour' $$;

-- Ann's phone begins, then her tablet. The last page shows the phone what came after its first one.
INSERT INTO note SELECT 'a' || n, 'ann' FROM generate_series(1, 4) n;
SELECT pull('ann', page_limit => 2);
INSERT INTO note VALUES ('a5', 'ann');
SELECT count(*) FROM pull('ann', page_limit => 2);
SELECT pull('ann', page => 3, page_limit => 2);
-- … nothing is forgotten within an hour; then with the next pages.
SELECT replicache.collect_garbage('0');
SELECT pagings('ann');
CALL an_hour_passes();
SELECT count(*) FROM pull('ann', page_limit => 3);
SELECT pagings('ann');
-- … and when the row goes, the phone is told.
DELETE FROM note WHERE id = 'a5';
SELECT pull('ann', 4);
SELECT pull('ann', 5);

-- Bob never comes again for pages: the same by collect_garbage.
INSERT INTO note SELECT 'b' || n, 'bob' FROM generate_series(1, 4) n;
SELECT count(*) FROM pull('bob', page_limit => 2);
SELECT count(*) FROM pull('bob', page_limit => 3);
INSERT INTO note VALUES ('b5', 'bob');
SELECT count(*) FROM pull('bob', page_limit => 2);
SELECT pull('bob', page => 3, page_limit => 2);
CALL an_hour_passes();
SELECT replicache.collect_garbage('2 hours');
SELECT pagings('bob');
SELECT replicache.collect_garbage('30 minutes');
SELECT pagings('bob');
DELETE FROM note WHERE id = 'b5';
SELECT pull('bob', 4);
-- … what was noted stays.
INSERT INTO note SELECT 'b' || n, 'bob' FROM generate_series(6, 8) n;
SELECT count(*) FROM pull('bob', page_limit => 2);
INSERT INTO note VALUES ('b9', 'bob');
SELECT count(*) FROM pull('bob', page_limit => 2);
CALL an_hour_passes();
SELECT replicache.collect_garbage('30 minutes');
SELECT replicache.collect_garbage('0');
SELECT pagings('bob');

-- Carl asks for pages of all kinds: those of the last sixteen are kept.
INSERT INTO note SELECT 'c' || n, 'carl' FROM generate_series(1, 24) n;
SELECT count(*) FROM pull('carl', 0, page_limit => 22);
SELECT count(p) FROM generate_series(1, 20) since, pull('carl', since, page_limit => 2) p;
SELECT count(*) FROM pagings('carl');
SELECT count(p) FROM generate_series(1, 20) since, pull('carl', since, page_limit => 1) p;
SELECT count(*) FROM pagings('carl');
-- … a page of one that is forgotten shows what there is now. Carl goes on from the first one's head, 24, and is told that a row of it is gone.
INSERT INTO note VALUES ('c25', 'carl');
SELECT pull('carl', 0, page => 2, page_limit => 22);
DELETE FROM note WHERE id = 'c25';
SELECT pull('carl', 24);

-- Dora has so many rows that there are fewer lines than pages of this size would need: the pages are larger, and have all rows, each once.
INSERT INTO note SELECT 'd' || n, 'dora' FROM generate_series(1, 2500) n;
SELECT pull('dora', page_limit => 1);
SELECT cardinality(lines) AS pages FROM replicache.paging WHERE space = 'dora' \gset
SELECT :pages BETWEEN 500 AND 1000;
SELECT count(*), count(DISTINCT m->>'resourceId') FROM generate_series(1, :pages) page, replicache.sync_pull(-1, 'dora', page => page, page_limit => 1), json_array_elements(body #> '{data,mutations}') m;
SELECT body #> '{data,hasMore}' FROM replicache.sync_pull(-1, 'dora', page => :pages, page_limit => 1);
-- … another device draws more of them for what came later.
INSERT INTO note SELECT 'd' || n, 'dora' FROM generate_series(2501, 4000) n;
SELECT count(*) FROM pull('dora', page_limit => 1);
SELECT cardinality(lines) AS pages FROM replicache.paging WHERE space = 'dora' \gset
SELECT :pages BETWEEN 900 AND 1000;
SELECT count(*), count(DISTINCT m->>'resourceId') FROM generate_series(1, :pages) page, replicache.sync_pull(-1, 'dora', page => page, page_limit => 1), json_array_elements(body #> '{data,mutations}') m;
SELECT body #> '{data,hasMore}' FROM replicache.sync_pull(-1, 'dora', page => :pages, page_limit => 1);
-- … and rows of one version, which no line can part: all on the first page, and there is no other.
SELECT new_user('erin');
INSERT INTO note SELECT 'e' || n, 'erin' FROM generate_series(1, 10) n;
DELETE FROM note WHERE user_id = 'erin';
CREATE TABLE old (id int PRIMARY KEY, user_id text);
INSERT INTO old SELECT n, 'erin' FROM generate_series(1, 5000) n;
SELECT replicache.track_table('old', space => 'user_id'), replicache.expose_crud('old');
SET session_replication_role = replica;
UPDATE old SET version = 10000000000000 + least(id, 3);
RESET session_replication_role;
SELECT body #> '{data,total}' AS total, body #> '{data,hasMore}' AS more, json_array_length(body #> '{data,mutations}') FROM replicache.sync_pull(-1, 'erin', page_limit => 1);

DROP SCHEMA sync_paging CASCADE;
DROP EXTENSION replicache_ext;
