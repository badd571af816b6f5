-- Triggers that fire ALWAYS, which is for logical replication, too, still do so when they are made anew.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA firing;
SET search_path = firing, public;
CREATE TABLE t (id text PRIMARY KEY, team text NOT NULL DEFAULT 'a', body text);
CREATE TABLE p (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (0) TO (10);
SELECT replicache.track_table('t', space => 'team'), replicache.track_table('p');
-- Of each table, the triggers that fire always, on origin, for replication only, never.
CREATE VIEW firing AS SELECT tgrelid::regclass AS relation, tgenabled AS fires, string_agg(substr(tgname, 13), ' ' ORDER BY tgname) AS triggers
    FROM pg_trigger WHERE tgfoid = 'replicache.on_change()'::regprocedure GROUP BY tgrelid, tgenabled ORDER BY tgrelid::regclass::text, tgenabled;
TABLE firing;

-- As the documentation has it.
SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger
    WHERE tgfoid = 'replicache.on_change()'::regprocedure AND tgparentid = 0 ORDER BY tgrelid::regclass::text, tgname \gexec
TABLE firing;
SELECT replicache.retrack('p'), replicache.track_table('t', space => 'team', value => 'to_json(body)');
TABLE firing;
-- New ones: of a table that gets one more, of new partitions, of those that are attached.
SELECT replicache.expose_crud('t');
CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3);
CREATE TABLE p22 PARTITION OF p2 FOR VALUES FROM (10) TO (20);
CREATE TABLE p4 (id int NOT NULL, k int NOT NULL, version bigint NOT NULL DEFAULT 0);
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES IN (4);
TABLE firing;
SELECT replicache.track_table('t');
SELECT * FROM firing WHERE relation = 't'::regclass;

-- They see what the worker of a subscription would do.
SELECT replicache.pull_since(0) ->> 'cookie' AS cookie \gset
SET session_replication_role = replica;
INSERT INTO t VALUES ('t1');
INSERT INTO p VALUES (1, 1), (1, 4), (12, 2);
UPDATE p SET k = 3 WHERE k = 4;
DELETE FROM p WHERE k = 3;
RESET session_replication_role;
SELECT p ->> 'op' AS op, p ->> 'key' AS key FROM json_array_elements(replicache.pull_since(:cookie) -> 'patch') p ORDER BY 2;
SELECT replicache.pull_since(0) ->> 'cookie' AS cookie \gset
SET session_replication_role = replica;
TRUNCATE p22;
RESET session_replication_role;
SELECT p ->> 'op' AS op, p ->> 'key' AS key FROM json_array_elements(replicache.pull_since(:cookie) -> 'patch') p ORDER BY 2;

-- Each for itself; what was disabled, or fired for replication only, also fires for local changes again.
ALTER TABLE p ENABLE TRIGGER "~replicache_stamp";
ALTER TABLE p ENABLE REPLICA TRIGGER "~replicache_moved";
ALTER TABLE p DISABLE TRIGGER "~replicache_truncated";
ALTER TABLE t ENABLE REPLICA TRIGGER "~replicache_stamp";
SELECT replicache.pull_since(0);
SELECT replicache.retrack('p'), replicache.retrack('t');
TABLE firing;
SELECT replicache.pull_since(0) IS NOT NULL AS pulled;

SET client_min_messages = error;
DROP SCHEMA firing CASCADE;
DROP EXTENSION replicache_ext;
