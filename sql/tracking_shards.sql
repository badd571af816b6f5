-- Tables with equal keys, which CHECK constraints keep apart: such as the shards of one table on one server.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_shards;
SET search_path = tracking_shards;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = error;  -- no warnings of spaces that two tables share
CREATE FUNCTION track(relation text, key text DEFAULT 'card/{board}/{id}', space text DEFAULT 'board') RETURNS text LANGUAGE sql AS $$
    SELECT try(format('SELECT replicache.track_table(%L, %L, space => %L)', relation, key, space))
$$;
CREATE TABLE card_1 (board text, id int, body text, PRIMARY KEY (board, id));
CREATE TABLE card_2 (LIKE card_1 INCLUDING ALL);

-- Nothing keeps their rows apart.
SELECT track('card_1');
\set VERBOSITY verbose
SELECT replicache.track_table('card_2', 'card/{board}/{id}', space => 'board');
\set VERBOSITY default
-- Ranges of the hash do, as Citus has them.
ALTER TABLE card_1 ADD CONSTRAINT shard CHECK (hashtext(board) BETWEEN -2147483648 AND -1);
SELECT track('card_2');
ALTER TABLE card_2 ADD CONSTRAINT shard CHECK (hashtext(board) BETWEEN 0 AND 2147483647);
SELECT track('card_2');
SELECT board, hashtext(board) < 0 AS first FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e']) board;
INSERT INTO card_1 SELECT b, 1, 'x' FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e']) b WHERE hashtext(b) < 0;
INSERT INTO card_2 SELECT b, 1, 'x' FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e']) b WHERE hashtext(b) >= 0;
UPDATE card_1 SET body = 'y';
UPDATE card_2 SET body = 'y';
DELETE FROM card_2 WHERE board = (SELECT min(board) FROM card_2);
SELECT b, jsonb_agg(p.key ORDER BY p.key) FILTER (WHERE op <> 'clear') FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e']) b, replicache.pull_since(0, space => b) s, patch(s) p GROUP BY b ORDER BY b;
-- The constraint goes: pulls say so, until it is back.
ALTER TABLE card_2 DROP CONSTRAINT shard;
\set VERBOSITY verbose
SELECT replicache.pull_since(0, space => 'a');
\set VERBOSITY default
ALTER TABLE card_2 ADD CONSTRAINT shard CHECK (hashtext(board) >= 0) NOT VALID;
SELECT try($$SELECT replicache.pull_since(0, space => 'a')$$);
ALTER TABLE card_2 VALIDATE CONSTRAINT shard;
SELECT try($$SELECT replicache.pull_since(0, space => 'a')$$);

-- What keeps rows apart, and what does not. The first table is tracked; does the second one fit?
CREATE FUNCTION apart(first text, second text, key text DEFAULT 'n/{id}', space text DEFAULT 's', columns text DEFAULT 's text NOT NULL, id int PRIMARY KEY, other int, maybe text')
    RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    EXECUTE format('CREATE TABLE n_1 (s text NOT NULL, id int PRIMARY KEY, other int, maybe text, CHECK (%s))', first);
    EXECUTE format('CREATE TABLE n_2 (%s, CHECK (%s))', columns, second);
    EXECUTE format('SELECT replicache.track_table(%L, %L, space => %L)', 'n_1', 'n/{id}', 's');
    outcome := try(format('SELECT replicache.track_table(%L, %L, space => %L)', 'n_2', key, space));
    DROP TABLE n_1, n_2;
    RETURN left(outcome, 5);
END $$;
SELECT apart($$s < 'm'$$, $$s >= 'm'$$);
SELECT apart($$s < 'm'$$, $$s >= 'l'$$);
SELECT apart($$s IN ('a', 'b')$$, $$s = ANY ('{c,d}')$$);
SELECT apart($$s IN ('a', 'b')$$, $$s IN ('b', 'c')$$);
SELECT apart($$s = ANY ('{a,NULL}')$$, $$s = 'c'$$);
SELECT apart('id < 100', 'id >= 100');
SELECT apart('id < 100 OR id > 200', 'id BETWEEN 100 AND 200');
SELECT apart('NOT id < 100', 'id < 100');
SELECT apart('id < 100 AND other > 0', 'id >= 100');
-- Columns that are neither in the key nor in the name of the space.
SELECT apart('other < 100', 'other >= 100');
SELECT apart($$maybe < 'm'$$, $$maybe >= 'm'$$);
-- Expressions that may be null, and then keep nothing out.
SELECT apart($$substring(s from '^a') = 'a'$$, $$substring(s from '^a') = 'b'$$);
SELECT apart($$nullif(s, 'x') = 'a'$$, $$nullif(s, 'x') = 'b'$$);
SELECT apart('false', 'true');
-- Other templates, or other types.
SELECT apart('id < 100', 'id >= 100', key => 'n/{s}');
SELECT apart($$s < 'm'$$, $$s >= 'm'$$, space => 'maybe');
SELECT apart('id < 100', 'id >= 100', columns => 's text NOT NULL, id bigint PRIMARY KEY');
SELECT apart($$s < 'm'$$, $$s >= 'm'$$, columns => 's text NOT NULL COLLATE "POSIX", id int PRIMARY KEY');
-- The columns may stand in another order.
SELECT apart('id < 100', 'id >= 100', columns => 'id int PRIMARY KEY, gone int, s text NOT NULL');
DROP SCHEMA tracking_shards CASCADE;
DROP EXTENSION replicache_ext;
