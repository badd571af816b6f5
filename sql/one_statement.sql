-- Which changes of rows are written by one statement. The rows that one statement has written have one cmin.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION replicache_ext;
CREATE SCHEMA one;
SET search_path = one, public;

-- How many statements write three new rows, and change three. The first change of a kind is written by itself, since it shows what the
-- statement may do: so each kind has been there before.
CREATE FUNCTION crud(op text, first int, data json) RETURNS json LANGUAGE sql AS $$
  SELECT replicache.powersync_upload(json_build_object('crud', (SELECT json_agg(json_build_object('op', op, 'type', 't', 'id', i, 'data', replace(data::text, '"i"', i::text)::json)) FROM generate_series(first, first + 2) i)), 'ann') $$;
CREATE FUNCTION warm_up(data json) RETURNS void LANGUAGE sql AS $$
  SELECT crud('PUT', 1, data);
  SELECT crud('PATCH', 1, data);
  SELECT crud('PUT', 1, data);
  SELECT crud('DELETE', 1, NULL);
  SELECT crud('PUT', 1, data);
$$;
CREATE FUNCTION written(answer json, first int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce(answer->'results'->0->>'message', (SELECT count(DISTINCT cmin::text)::text FROM t WHERE id::int BETWEEN first AND first + 2));
END $$;
CREATE FUNCTION statements(data json DEFAULT '{"n":"i"}', change json DEFAULT '{"n":77}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  put text; patch text;
BEGIN
  PERFORM replicache.expose_crud('t');
  PERFORM warm_up(data);
  put := written(crud('PUT', 11, data), 11);
  patch := written(crud('PATCH', 1, change), 1);
  DROP TABLE t CASCADE;
  RETURN format('PUT %s, PATCH %s', put, patch);
END $$;

CREATE TABLE t (id int PRIMARY KEY, n int);
SELECT statements();
SET replicache.set_wise = off;
CREATE TABLE t (id int PRIMARY KEY, n int);
SELECT statements();
RESET replicache.set_wise;
SET replicache.optimistic_runs = off;
CREATE TABLE t (id int PRIMARY KEY, n int);
SELECT statements();
RESET replicache.optimistic_runs;

-- Ours are not in the way, nor are plain constraints, domains, defaults and indexes.
CREATE TABLE other (id int PRIMARY KEY);
INSERT INTO other SELECT generate_series(0, 100);
CREATE DOMAIN small AS int CHECK (VALUE < 1000);
CREATE TABLE t (id small PRIMARY KEY, n small CHECK (n >= 0) REFERENCES other, at timestamptz DEFAULT now(), by text DEFAULT replicache.current_user_id(), u uuid DEFAULT gen_random_uuid(), g int GENERATED ALWAYS AS (n + 1) STORED);
CREATE INDEX ON t (n) WHERE n > 3;
SELECT replicache.track_table('t');
SELECT statements();
-- … whose rows come and go in a space of the clock time.
SELECT replicache.create_space('o', 'time');
CREATE TABLE t (id int PRIMARY KEY, n int, owner text NOT NULL DEFAULT 'o');
SELECT replicache.track_table('t', space => 'owner');
SELECT statements();
SELECT count(*) FROM replicache.creation;
CREATE TABLE t (id int PRIMARY KEY, n int);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (n IN (SELECT id FROM other) AND coalesce(replicache.current_user_id(), 'ann') = 'ann');
CREATE ROLE regress_one;
ALTER TABLE t OWNER TO regress_one;
ALTER TABLE t FORCE ROW LEVEL SECURITY;
GRANT ALL ON SCHEMA one TO regress_one;
GRANT SELECT ON other TO regress_one;
SELECT replicache.grant_usage('regress_one');
GRANT EXECUTE ON FUNCTION replicache.expose_crud TO regress_one;
SET ROLE regress_one;
SELECT statements();
RESET ROLE;

-- … nor triggers that do not fire, or look at their row only; nor functions in SQL that read no table.
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE t (id int PRIMARY KEY, n int, words tsvector, text text);
CREATE TRIGGER deleted AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION look();
CREATE TRIGGER off AFTER INSERT OR UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION look();
ALTER TABLE t DISABLE TRIGGER off;
CREATE TRIGGER words BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', text);
CREATE TRIGGER columns AFTER UPDATE OF text, words ON t FOR EACH ROW EXECUTE FUNCTION look();
CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.n > 3) EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT statements();
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TRIGGER look BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION look();
SELECT 'updates only', statements();
CREATE FUNCTION uid() RETURNS text STABLE LANGUAGE sql AS $$ SELECT coalesce(replicache.current_user_id(), 'ann') $$;
CREATE TABLE t (id int PRIMARY KEY, n int, by text DEFAULT uid());
SELECT statements();

-- Whatever could tell the difference is.
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TRIGGER look BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION look();
SELECT 'trigger', statements();
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TRIGGER look AFTER INSERT OR UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION look();
SELECT 'statement trigger', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, m int);
CREATE TRIGGER look AFTER INSERT OR UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION look();
SELECT 'columns', statements();
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TRIGGER look AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION look();
ALTER TABLE t ENABLE REPLICA TRIGGER look;
SET session_replication_role = replica;
SELECT 'replica', statements();
RESET session_replication_role;
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE RULE r AS ON DELETE TO t DO ALSO DELETE FROM other WHERE id = 100;
SELECT 'rule', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, m int UNIQUE DEFERRABLE);
SELECT 'deferrable', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, up int REFERENCES t);
SELECT 'refers to itself', statements();
CREATE FUNCTION few() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM t) < 100; END $$;
CREATE TABLE t (id int PRIMARY KEY, n int CHECK (few()));
SELECT 'check', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, f boolean DEFAULT few());
SELECT 'default', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, f int DEFAULT replicache.current_mutation_id());
SELECT 'mutation id', statements();
CREATE DOMAIN counted AS int CHECK (few() OR VALUE = 0);
CREATE TABLE t (id int PRIMARY KEY, n counted[]);
SELECT 'domain', statements('{"n":["i"]}', '{"n":[77]}');
CREATE TABLE t (id int PRIMARY KEY, n int);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (true) WITH CHECK (few());
ALTER TABLE t OWNER TO regress_one;
ALTER TABLE t FORCE ROW LEVEL SECURITY;
SET ROLE regress_one;
SELECT 'policy', statements();
RESET ROLE;
CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY HASH (id);
CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT 'partitions', statements();
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TABLE t1 () INHERITS (t);
SELECT 'children', statements();

-- Equal keys that are not the same bytes, and columns in which rows must differ: new rows only.
CREATE TABLE t (id numeric PRIMARY KEY, n int);
SELECT 'numeric key', statements();
CREATE TABLE t (id int PRIMARY KEY, n int, m int UNIQUE);
SELECT 'unique, not written', statements();
CREATE TABLE t (id int PRIMARY KEY, m int, n int UNIQUE);
SELECT replicache.expose_crud('t');
SELECT warm_up('{"n":"i"}');
SELECT 'unique', written(crud('PUT', 11, '{"n":"i"}'), 11), written(crud('PATCH', 11, '{"n":"i"}'), 11), written(crud('PUT', 11, '{"n":"i"}'), 11);

DROP TABLE t;
-- … which a trigger sets.
CREATE TABLE t (id int PRIMARY KEY, n text, words tsvector UNIQUE);
CREATE TRIGGER words BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', n);
SELECT replicache.expose_crud('t');
SELECT warm_up('{"n":"i"}');
SELECT 'unique by trigger', written(crud('PUT', 11, '{"n":"i"}'), 11), written(crud('PATCH', 11, '{"n":"i"}'), 11);

-- A plan that was made for an empty table does not go through all of it when it has grown.
CREATE TABLE big (id text PRIMARY KEY, n int);
VACUUM big;
SELECT replicache.expose_crud('big');
CREATE FUNCTION big(op text, first int) RETURNS json LANGUAGE sql AS $$
  SELECT replicache.powersync_upload(json_build_object('crud', (SELECT json_agg(json_build_object('op', op, 'type', 'big', 'id', i::text, 'data', json_build_object('n', i))) FROM generate_series(first, first + 99) i))) $$;
SELECT big('PUT', 1), big('PUT', 101), big('PUT', 1), big('PATCH', 1), big('DELETE', 101);
SET replicache.set_wise = off;
SELECT big('PUT', 1), big('PUT', 101), big('PUT', 1), big('PATCH', 1), big('DELETE', 101);
BEGIN;
SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'big' \gset before_
SELECT big('PUT', 201), big('PATCH', 201), big('DELETE', 201);
SET LOCAL replicache.set_wise = on;
SELECT big('PUT', 301), big('PATCH', 301), big('DELETE', 301);
SELECT seq_scan - :before_seq_scan AS seq_scans, idx_scan - :before_idx_scan >= 600 AS by_index FROM pg_stat_xact_user_tables WHERE relname = 'big';
ROLLBACK;
RESET replicache.set_wise;

SET client_min_messages = error;
DROP OWNED BY regress_one CASCADE;
DROP ROLE regress_one;
DROP SCHEMA one CASCADE;
DROP EXTENSION replicache_ext;
