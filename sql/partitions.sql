-- Partitioned tables are tracked as one; inheriting tables are tables of their own.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA partitions;
SET search_path = partitions;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE p (region text, id int, body text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');
CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b') PARTITION BY RANGE (id);
CREATE TABLE p_b1 PARTITION OF p_b FOR VALUES FROM (0) TO (100);
INSERT INTO p VALUES ('a', 1, 'before');
SELECT replicache.track_table('p', value => 'to_json(body)');
SELECT attrelid::regclass FROM pg_attribute WHERE attname = 'version' AND attrelid::regclass::text ~ '^p(_..?)?$' ORDER BY 1;
SELECT tgrelid::regclass, count(*) > 0 FROM pg_trigger WHERE tgname ~ 'replicache' AND NOT tgisinternal GROUP BY 1 ORDER BY 1;
SELECT * FROM sync();

-- Writes through the root, a sub-root, and straight into a partition.
INSERT INTO p VALUES ('a', 2, 'root'), ('b', 1, 'root');
INSERT INTO p_b VALUES ('b', 2, 'sub-root');
INSERT INTO p_a VALUES ('a', 3, 'partition');
UPDATE p_b1 SET body = 'PARTITION' WHERE id = 1;
DELETE FROM p_a WHERE id = 1;
SELECT * FROM sync();
UPDATE p SET body = body;
SELECT * FROM sync();
-- Rows that move between partitions.
UPDATE p SET region = 'b' WHERE region = 'a' AND id = 3;
SELECT * FROM sync();
UPDATE p SET region = 'a', id = 30, body = 'moved' WHERE region = 'b' AND id = 3;
UPDATE p SET region = 'b' WHERE id = 30;
UPDATE p SET region = 'a' WHERE id = 30;
SELECT * FROM sync();
BEGIN;
UPDATE p SET region = 'b' WHERE id = 30;
ROLLBACK;
SELECT try($$UPDATE p SET region = 'c' WHERE id = 30$$);
SELECT try($$UPDATE p_a SET region = 'b' WHERE id = 30$$) ~ '^23514';
SELECT * FROM sync();
INSERT INTO p VALUES ('a', 2, 'upserted'), ('b', 1, 'upserted') ON CONFLICT (region, id) DO UPDATE SET body = excluded.body;
COPY p (region, id, body) FROM STDIN;
b	50	copied
\.
SELECT * FROM sync();

-- New partitions, at both levels: their writes are seen.
CREATE TABLE p_b2 PARTITION OF p_b FOR VALUES FROM (100) TO (200);
CREATE TABLE p_c PARTITION OF p DEFAULT;
INSERT INTO p_b2 VALUES ('b', 150, 'new');
INSERT INTO p VALUES ('c', 1, 'new');
SELECT * FROM sync();
-- TRUNCATE of a partition, of a sub-root, of all.
TRUNCATE p_b2;
SELECT * FROM sync();
TRUNCATE p_b;
SELECT * FROM sync();
TRUNCATE ONLY p_c;
SELECT * FROM sync();
BEGIN;
TRUNCATE p;
ROLLBACK;
SELECT * FROM sync();
TRUNCATE p;
SELECT * FROM sync();

-- DETACH: its entries go, and it is a table like any other. ATTACH: its entries come.
INSERT INTO p VALUES ('a', 1, 'one'), ('b', 1, 'one'), ('b', 101, 'one'), ('c', 1, 'one');
SELECT count(*) FROM sync();
ALTER TABLE p_b DETACH PARTITION p_b2;
SELECT * FROM sync();
SELECT tgname FROM pg_trigger WHERE tgrelid = 'p_b2'::regclass AND tgname ~ 'replicache';
INSERT INTO p_b2 VALUES ('b', 102, 'detached');
DELETE FROM p_b2 WHERE id = 101;
TRUNCATE p_b2;
INSERT INTO p_b2 VALUES ('b', 103, 'detached');
SELECT * FROM sync();
SELECT try($$SELECT replicache.untrack_table('p_b2')$$);
ALTER TABLE p_b ATTACH PARTITION p_b2 FOR VALUES FROM (100) TO (200);
SELECT * FROM sync();
INSERT INTO p_b2 VALUES ('b', 104, 'attached');
SELECT * FROM sync();
TRUNCATE p_b2;
SELECT * FROM sync();
BEGIN;
ALTER TABLE p DETACH PARTITION p_a;
ROLLBACK;
SELECT * FROM sync();
-- … a whole tree of partitions.
ALTER TABLE p DETACH PARTITION p_b;
SELECT * FROM sync();
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid IN (SELECT relid FROM pg_partition_tree('p_b')) AND tgname ~ 'replicache';
TRUNCATE p_b;
INSERT INTO p_b VALUES ('b', 7, 'seven');
ALTER TABLE p ATTACH PARTITION p_b FOR VALUES IN ('b');
TRUNCATE p_b2;
INSERT INTO p_b1 VALUES ('b', 8, 'eight');
SELECT * FROM sync();
-- … CONCURRENTLY.
DROP TABLE p_c;
SELECT * FROM sync();
ALTER TABLE p DETACH PARTITION p_a CONCURRENTLY;
SELECT * FROM sync();
SELECT tgname FROM pg_trigger WHERE tgrelid = 'p_a'::regclass AND tgname ~ 'replicache';
INSERT INTO p_a VALUES ('a', 99, 'detached');
SELECT * FROM sync();
-- … what cannot be attached: no version column; tracked by itself.
CREATE TABLE p_x (region text, id int, body text, PRIMARY KEY (region, id));
SELECT try($$ALTER TABLE p ATTACH PARTITION p_x FOR VALUES IN ('x')$$);
SELECT replicache.track_table('p_x');
SELECT split_part(try($$ALTER TABLE p ATTACH PARTITION p_x FOR VALUES IN ('x')$$), ':', 1);
SELECT replicache.untrack_table('p_x');
SELECT try($$ALTER TABLE p ATTACH PARTITION p_x FOR VALUES IN ('x')$$);
INSERT INTO p VALUES ('x', 1, 'attached');
SELECT * FROM sync() AS line WHERE line !~ '->';
-- A partition cannot be tracked or untracked by itself.
SELECT try($$SELECT replicache.track_table('p_x')$$);
SELECT try($$SELECT replicache.untrack_table('p_x')$$);

-- DROP of a partition, of a tree of them, of all.
DROP TABLE p_x;
SELECT * FROM sync();
BEGIN;
DROP TABLE p_b;
ROLLBACK;
SELECT * FROM sync();
DROP TABLE p_b;
SELECT * FROM sync();
SELECT replicache.untrack_table('p');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ 'replicache';
CREATE TABLE p_d PARTITION OF p FOR VALUES IN ('d');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ 'replicache';
INSERT INTO p_d VALUES ('d', 1, 'before');
SELECT * FROM sync();
-- Other options for a partitioned table: a space, soft deletion; other versions in each partition.
CREATE TABLE p_e PARTITION OF p FOR VALUES IN ('e');
ALTER TABLE p ADD gone boolean;
INSERT INTO p VALUES ('d', 2, 'before', 7, true), ('e', 2, 'before', 1000, false);
SELECT replicache.track_table('p', 'q/{id}/{region}', space => 'region', deleted => 'gone');
SELECT * FROM sync('d');
SELECT * FROM sync('e');
UPDATE p SET gone = NOT gone;
SELECT * FROM sync('d');
SELECT * FROM sync('e');
UPDATE p SET region = CASE region WHEN 'd' THEN 'e' ELSE 'd' END, id = id + 10, gone = false;
SELECT * FROM sync('d');
SELECT * FROM sync('e');
TRUNCATE p_d;
SELECT * FROM sync('d');
DROP TABLE p_e;
SELECT * FROM sync('e') AS line WHERE line !~ '->';
DROP TABLE p, p_a;
SELECT count(*) FROM replicache.tracked_table;

-- Plain inheritance: rows of children are not the parent's entries.
CREATE TABLE base (id int PRIMARY KEY, body text);
CREATE TABLE derived (more text, PRIMARY KEY (id)) INHERITS (base);
SELECT replicache.track_table('base');
INSERT INTO base VALUES (1, 'base');
INSERT INTO derived VALUES (2, 'derived');
UPDATE base SET body = upper(body);
SELECT * FROM sync();
DELETE FROM base WHERE id = 2;
SELECT * FROM sync();
SELECT replicache.track_table('derived', version => 'version');
INSERT INTO derived (id, body, more) VALUES (1, 'derived', 'more');
UPDATE base SET body = body || '!';
SELECT * FROM sync();
TRUNCATE base;
SELECT * FROM sync();
INSERT INTO derived (id) VALUES (3);
SELECT replicache.untrack_table('base');
DELETE FROM base;
SELECT * FROM sync() AS line WHERE line !~ '->';
DROP TABLE base CASCADE;

DROP SCHEMA partitions CASCADE;
DROP EXTENSION replicache_ext;
