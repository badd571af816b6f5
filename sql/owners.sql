-- The owner of a tracked table is no superuser, and must not become one: what the extension reads on its own account, it reads as that owner,
-- within a security-restricted operation, whoever calls.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE ROLE regress_owner;
CREATE ROLE regress_bob;
SELECT replicache.grant_setup('regress_owner');
GRANT EXECUTE ON FUNCTION replicache.pull_since TO regress_owner;
CREATE SCHEMA owners AUTHORIZATION regress_owner;
CREATE SCHEMA bobs AUTHORIZATION regress_bob;
GRANT USAGE, CREATE ON SCHEMA owners TO regress_bob;
SET search_path = owners;

-- A log of who ran what. In a security-restricted operation, no temporary table can be made.
CREATE TABLE ran (what text, as_role text, restricted boolean);
GRANT INSERT, SELECT ON ran TO PUBLIC;
CREATE FUNCTION note(what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    restricted boolean := false;
BEGIN
    BEGIN
        CREATE TEMP TABLE probe ();
        DROP TABLE probe;
    EXCEPTION WHEN insufficient_privilege THEN
        restricted := true;
    END;
    INSERT INTO owners.ran VALUES (what, CASE WHEN current_user = session_user THEN 'the caller' ELSE current_user END, restricted);
END $$;

-- The cast of a space column to text.
SET ROLE regress_owner;
CREATE TABLE t (id text PRIMARY KEY, space text NOT NULL);
INSERT INTO t VALUES ('a', 's');
SELECT replicache.track_table('t', space => 'space');
DROP TRIGGER "~replicache_moved" ON t;
CREATE TYPE e AS ENUM ('s', 'x');
CREATE FUNCTION to_text(e) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('cast to text'); RETURN 's'; END$$;
CREATE CAST (e AS text) WITH FUNCTION to_text(e);
ALTER TABLE t ALTER space TYPE e USING space::e;
SELECT replicache.untrack_table('t');
RESET ROLE;
SELECT space, key FROM replicache.tombstone;
TABLE ran;

-- The cast of a primary key to json, for the clock time: as the owner, as the owner by a superuser, and as whoever deletes the row.
SET ROLE regress_owner;
CREATE FUNCTION to_json(e) RETURNS json LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('cast to json'); RETURN '"s"'; END$$;
CREATE CAST (e AS json) WITH FUNCTION to_json(e);
SELECT replicache.create_space('timed', 'time');
CREATE TABLE j (id e PRIMARY KEY, space text NOT NULL);
SELECT replicache.track_table('j', space => 'space');
INSERT INTO j VALUES ('s', 'timed');
SELECT replicache.untrack_table('j');
SELECT replicache.track_table('j', space => 'space');
RESET ROLE;
SELECT replicache.untrack_table('j');
SELECT replicache.track_table('j', space => 'space');
DELETE FROM j;
TABLE ran;
TRUNCATE ran;
SET ROLE regress_owner;
DROP TABLE j;
RESET ROLE;

-- Partitions that an owner without any right on the extension detaches, attaches and creates; a superuser has tracked the table.
CREATE FUNCTION is_super() RETURNS boolean LANGUAGE sql AS 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user';
GRANT USAGE ON SCHEMA bobs TO regress_owner;
SET ROLE regress_bob;
SET search_path = bobs;
CREATE TABLE p (id int, space text NOT NULL, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
INSERT INTO p VALUES (1, 's');
RESET ROLE;
SELECT replicache.track_table('bobs.p', space => 'space');
SET ROLE regress_bob;
SELECT has_schema_privilege('replicache', 'usage');
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30);
CREATE TABLE p4 (id int PRIMARY KEY, space text NOT NULL, version bigint NOT NULL DEFAULT 0);
INSERT INTO p4 VALUES (31, 's', 7);
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (30) TO (40);
ALTER TABLE p DETACH PARTITION p3;
INSERT INTO p VALUES (32, 's');
TRUNCATE p4;
INSERT INTO p VALUES (33, 's');
DROP TABLE p4;
RESET ROLE;
SELECT replicache.pull_since(NULL, space => 's') -> 'patch';
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgfoid = 'replicache.on_change()'::regprocedure GROUP BY 1 ORDER BY 1;
-- Nor is an operator of his called, which his search_path finds before PostgreSQL's.
SET ROLE regress_bob;
CREATE FUNCTION equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END$$;
CREATE OPERATOR bobs.= (LEFTARG = text, RIGHTARG = text, FUNCTION = equal);
SET search_path = bobs, pg_catalog;
CREATE TABLE p5 PARTITION OF p FOR VALUES FROM (50) TO (60);
DROP TABLE p5;
DROP OPERATOR bobs.= (text, text);
SET search_path = bobs;
RESET ROLE;
TABLE owners.ran;
SET ROLE regress_bob;
DROP TRIGGER "~replicache_moved" ON p;
CREATE TYPE e AS ENUM ('s');
CREATE FUNCTION to_text(e) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('detach: cast to text'); RETURN 's'; END$$;
CREATE CAST (e AS text) WITH FUNCTION to_text(e);
ALTER TABLE p ALTER space TYPE e USING space::e;
ALTER TABLE p DETACH PARTITION p2;
SELECT owners.is_super();
RESET ROLE;
TABLE owners.ran;
-- He tracks nothing, and untracks nothing.
SET ROLE regress_bob;
SELECT replicache.untrack_table('p');
RESET ROLE;
SELECT replicache.untrack_table('bobs.p');
TABLE owners.ran;
SET search_path = owners;

-- A partition on another server. PostgreSQL refuses it while the table has the unique index that tracking needs. Without that index, PostgreSQL 15
-- refuses the triggers of ours, and later versions let it in. Its wrapper, somebody's code, is not called by us: this one has no handler, and could not be.
CREATE FOREIGN DATA WRAPPER regress_owners_fdw;
CREATE SERVER regress_owners_server FOREIGN DATA WRAPPER regress_owners_fdw;
CREATE TABLE far (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE far_1 PARTITION OF far FOR VALUES FROM (0) TO (10);
SELECT replicache.track_table('far');
CREATE FOREIGN TABLE far_2 PARTITION OF far FOR VALUES FROM (10) TO (20) SERVER regress_owners_server;
ALTER TABLE far DROP CONSTRAINT far_pkey;
CREATE FOREIGN TABLE far_2 (id int NOT NULL, version bigint NOT NULL DEFAULT 0) SERVER regress_owners_server;
DO $$BEGIN ALTER TABLE far ATTACH PARTITION far_2 FOR VALUES FROM (10) TO (20); EXCEPTION WHEN wrong_object_type THEN NULL; END$$;
SELECT replicache.pull_since(NULL);
SELECT replicache.untrack_table('far');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'replicache.on_change()'::regprocedure AND tgrelid IN ('far'::regclass, 'far_1'::regclass, 'far_2'::regclass);
SET client_min_messages = warning;
DROP TABLE far;
DROP FOREIGN DATA WRAPPER regress_owners_fdw CASCADE;
RESET client_min_messages;

-- Row-level security, forced on the owner too, hides no row from us.
SET ROLE regress_owner;
CREATE TABLE forced (id int PRIMARY KEY);
CREATE FUNCTION policy() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('policy'); RETURN false; END$$;
SELECT replicache.track_table('forced');
INSERT INTO forced VALUES (1), (2);
CREATE POLICY nothing ON forced USING (policy());
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT replicache.untrack_table('forced');
RESET ROLE;
SELECT key FROM replicache.tombstone WHERE key ~ 'forced' ORDER BY 1;
TABLE ran;

-- Settings that the owner's code leaves behind are put back, and it finds nothing of the caller's search_path.
SET ROLE regress_owner;
CREATE OR REPLACE FUNCTION to_json(e) RETURNS json LANGUAGE plpgsql AS $$BEGIN
    PERFORM owners.note('path ' || current_setting('search_path'));
    PERFORM set_config('search_path', 'evil', false);
    RETURN '"s"'; END$$;
CREATE TABLE j (id e PRIMARY KEY, space text NOT NULL);
SELECT replicache.track_table('j', space => 'space');
INSERT INTO j VALUES ('s', 'timed');
RESET ROLE;
SELECT replicache.untrack_table('j');
SHOW search_path;
TABLE ran;
TRUNCATE ran;

-- A trigger by an owner's own hand makes nothing up: the registry has the last word.
SET ROLE regress_owner;
CREATE TABLE forged (id int PRIMARY KEY, version bigint);
CREATE TRIGGER mine AFTER DELETE ON forged FOR EACH ROW EXECUTE FUNCTION replicache.on_change('version', '', 't/{id}');
CREATE TRIGGER truncated AFTER TRUNCATE ON forged FOR EACH STATEMENT EXECUTE FUNCTION replicache.on_change('version', '', 't/{id}');
INSERT INTO forged VALUES (1);
DELETE FROM forged;
TRUNCATE forged;
RESET ROLE;
SELECT count(*) FROM replicache.tombstone WHERE key = 't/1';
CREATE TABLE other (id int PRIMARY KEY);
SELECT replicache.track_table('other');
SET ROLE regress_owner;
DELETE FROM forged;
INSERT INTO forged VALUES (1);
DELETE FROM forged;
TRUNCATE forged;
RESET ROLE;
SELECT count(*) FROM replicache.tombstone WHERE key = 't/1';
-- Nor does a trigger with one of our names on a table of anybody's: dropped with it, it raises no floor.
SELECT version, floor FROM replicache.space WHERE id = '' \gset before_
SET ROLE regress_bob;
CREATE TABLE bobs.x (a int);
CREATE TRIGGER "~replicache_truncated" AFTER TRUNCATE ON bobs.x EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TABLE bobs.x;
RESET ROLE;
SELECT version = :before_version AND floor = :before_floor AS as_before FROM replicache.space WHERE id = '';

-- Who may register mutators decides for all: the name is of whoever has registered it last. The function must be his.
CREATE FUNCTION owners.of_super() RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('m', 'owners.of_super()');
GRANT EXECUTE ON FUNCTION replicache.register_mutator, replicache.unregister_mutator TO regress_owner;
SET ROLE regress_owner;
CREATE FUNCTION owners.of_owner() RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('m', 'owners.of_super()');
SELECT replicache.register_mutator('m', 'owners.of_owner()');
RESET ROLE;
SELECT name, function FROM replicache.mutator;
SET ROLE regress_owner;
SELECT replicache.unregister_mutator('m');
RESET ROLE;

-- Triggers on mutation_error run as its owner, who is the one that has created the extension, restricted.
CREATE FUNCTION on_error() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM owners.note('trigger on mutation_error'); RETURN NULL; END$$;
CREATE TRIGGER t AFTER INSERT ON replicache.mutation_error FOR EACH ROW EXECUTE FUNCTION on_error();
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":1,"name":"none"}]}') -> 'applied';
SELECT what, as_role, restricted FROM ran;

RESET search_path;
SET client_min_messages = error;
DROP SCHEMA bobs CASCADE;
DROP SCHEMA owners CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_bob;
DROP ROLE regress_owner;
