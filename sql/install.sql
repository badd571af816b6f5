-- CREATE EXTENSION makes the schema replicache, and DROP EXTENSION leaves nothing.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA install;
SET search_path = install;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Everything that it brings is its own, in its own schema.
SELECT n.nspname, count(*) > 0 FROM pg_namespace n JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.objid = n.oid
    JOIN pg_extension e ON e.oid = d.refobjid WHERE extname = 'replicache_ext' GROUP BY 1;
SELECT object FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid, pg_describe_object(classid, objid, 0) AS object
    WHERE d.refclassid = 'pg_extension'::regclass AND deptype = 'e' AND extname = 'replicache_ext'
    AND object !~ 'replicache\.' ORDER BY object COLLATE "C";
SELECT relname FROM pg_class WHERE relnamespace = 'replicache'::regnamespace AND relkind = 'r' ORDER BY 1;
-- The bookkeeping survives pg_dump.
SELECT c::regclass FROM pg_extension, unnest(extconfig) AS c WHERE extname = 'replicache_ext' ORDER BY c::regclass::text COLLATE "C";

-- Every function has a comment; nothing is for PUBLIC.
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'replicache'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
    WHERE pronamespace = 'replicache'::regnamespace AND grantee = 0
UNION ALL SELECT c.oid::regclass::text FROM pg_class c, aclexplode(relacl) a WHERE relnamespace = 'replicache'::regnamespace AND grantee = 0
UNION ALL SELECT nspname FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'replicache' AND grantee = 0;

-- Once, by a superuser, in its schema.
SELECT try('CREATE EXTENSION replicache_ext');
SELECT try('CREATE EXTENSION IF NOT EXISTS replicache_ext');
SELECT split_part(try('ALTER EXTENSION replicache_ext SET SCHEMA public'), E'\n', 1);
SELECT left(try('DROP SCHEMA replicache'), 5);
SELECT left(try('DROP FUNCTION replicache.on_change()'), 5);
SELECT left(try('DROP TABLE replicache.space'), 5);

-- DROP EXTENSION with tracked tables and mutators: the triggers go, the tables stay.
CREATE TABLE plain (id int PRIMARY KEY, body text);
CREATE TABLE spaced (id int PRIMARY KEY, space text NOT NULL, gone boolean NOT NULL DEFAULT false);
CREATE TABLE parts (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE FUNCTION set_body(id int, body text) RETURNS void LANGUAGE sql AS 'INSERT INTO install.plain VALUES (id, body)';
CREATE VIEW catalogs AS
    SELECT 'pg_class' AS catalog, count(*) FROM pg_class UNION ALL SELECT 'pg_attribute', count(*) FROM pg_attribute
    UNION ALL SELECT 'pg_proc', count(*) FROM pg_proc UNION ALL SELECT 'pg_type', count(*) FROM pg_type
    UNION ALL SELECT 'pg_depend', count(*) FROM pg_depend UNION ALL SELECT 'pg_shdepend', count(*) FROM pg_shdepend
    UNION ALL SELECT 'pg_trigger', count(*) FROM pg_trigger UNION ALL SELECT 'pg_event_trigger', count(*) FROM pg_event_trigger
    UNION ALL SELECT 'pg_namespace', count(*) FROM pg_namespace UNION ALL SELECT 'pg_constraint', count(*) FROM pg_constraint
    UNION ALL SELECT 'pg_index', count(*) FROM pg_index UNION ALL SELECT 'pg_attrdef', count(*) FROM pg_attrdef
    UNION ALL SELECT 'pg_description', count(*) FROM pg_description UNION ALL SELECT 'pg_sequence', count(*) FROM pg_sequence
    UNION ALL SELECT 'pg_init_privs', count(*) FROM pg_init_privs UNION ALL SELECT 'pg_default_acl', count(*) FROM pg_default_acl
    UNION ALL SELECT 'pg_extension', count(*) FROM pg_extension UNION ALL SELECT 'pg_cast', count(*) FROM pg_cast
    UNION ALL SELECT 'pg_rewrite', count(*) FROM pg_rewrite UNION ALL SELECT 'pg_seclabel', count(*) FROM pg_seclabel;
CREATE TABLE counted (state text, catalog text, count bigint);

-- Give the tables their columns and indexes first: those stay.
SELECT replicache.track_table('plain');
SELECT replicache.track_table('spaced', space => 'space', deleted => 'gone');
SELECT replicache.track_table('parts');
DROP EXTENSION replicache_ext;
INSERT INTO counted SELECT 'without', * FROM catalogs;
CREATE EXTENSION replicache_ext;
INSERT INTO counted SELECT 'with', * FROM catalogs;
SELECT replicache.track_table('plain');
SELECT replicache.track_table('spaced', space => 'space', deleted => 'gone');
SELECT replicache.track_table('parts');
INSERT INTO plain VALUES (1, 'a');
INSERT INTO spaced VALUES (1, 's');
INSERT INTO parts VALUES (1, 'p');
SELECT replicache.register_mutator('setBody', 'set_body(int, text)');
SELECT replicache.apply_push('{"pushVersion":1,"schemaVersion":"","profileID":"p","clientGroupID":"g","mutations":[
    {"clientID":"c","id":1,"name":"setBody","args":{"id":2,"body":"b"}},{"clientID":"c","id":2,"name":"nothing"}]}', 'u');
SELECT tgrelid::regclass, count(*) > 0 FROM pg_trigger WHERE tgfoid = 'replicache.on_change'::regproc GROUP BY 1 ORDER BY 1;
SELECT * FROM sync();
SELECT * FROM sync('s');
-- … rolled back, everything is as it was.
BEGIN;
DROP EXTENSION replicache_ext;
INSERT INTO plain VALUES (3, 'lost');
ROLLBACK;
INSERT INTO plain VALUES (3, 'c');
SELECT * FROM sync();
-- … for good.
DROP EXTENSION replicache_ext;
SELECT w.catalog, w.count, c.count FROM counted w JOIN catalogs c USING (catalog) WHERE w.state = 'without' AND c.count <> w.count;
SELECT nspname FROM pg_namespace WHERE nspname ~ 'replicache';
SELECT evtname FROM pg_event_trigger;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal;
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('plain'::regclass, 'spaced'::regclass, 'parts'::regclass) AND attnum > 0 ORDER BY 1, attnum;
SELECT try('SELECT replicache.pull_since(0)');
INSERT INTO plain VALUES (4, 'd');
UPDATE spaced SET gone = true;
TRUNCATE parts;
SELECT id, body, version > 0 FROM plain ORDER BY id;

-- Again, in the same session: whatever was cached of the first life is not used in the second. Clients start afresh, as
-- their cookies may be from another history.
CREATE EXTENSION replicache_ext;
SELECT w.catalog, w.count, c.count FROM counted w JOIN catalogs c USING (catalog) WHERE w.state = 'with' AND c.count <> w.count;
SELECT * FROM replicache.space;
SELECT * FROM replicache.tracked_table;
SELECT * FROM replicache.mutator;
SELECT replicache.track_table('plain');
DELETE FROM cookie;
DELETE FROM entry;
SELECT * FROM sync();
INSERT INTO plain VALUES (5, 'e');
DELETE FROM plain WHERE id = 4;
SELECT * FROM sync();
SELECT replicache.apply_push('{"pushVersion":1,"schemaVersion":"","profileID":"p","clientGroupID":"g","mutations":[
    {"clientID":"c","id":1,"name":"setBody","args":{"id":6,"body":"f"}}]}', 'u');
SELECT replicache.register_mutator('setBody', 'set_body(int, text)');
SELECT replicache.apply_push('{"pushVersion":1,"schemaVersion":"","profileID":"p","clientGroupID":"g","mutations":[
    {"clientID":"c","id":2,"name":"setBody","args":{"id":6,"body":"f"}}]}', 'u');
SELECT * FROM sync();
DROP EXTENSION replicache_ext;

-- Not by anybody, and not over a schema of that name.
CREATE ROLE regress_replicache_install;
SET ROLE regress_replicache_install;
CREATE EXTENSION replicache_ext;
\echo :SQLSTATE
RESET ROLE;
DROP ROLE regress_replicache_install;
CREATE SCHEMA replicache;
SELECT split_part(try('CREATE EXTENSION replicache_ext'), E'\n', 1);
DROP SCHEMA replicache;
SELECT split_part(try('CREATE EXTENSION replicache_ext SCHEMA install'), E'\n', 1);
SELECT extname FROM pg_extension WHERE extname <> 'plpgsql';

DROP SCHEMA install CASCADE;
