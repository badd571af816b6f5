-- Tombstones and creations of one statement are written together, when its last trigger has fired. Nobody can tell the difference.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA together;
SET search_path = together;
CREATE FUNCTION gone() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM replicache.tombstone';
CREATE TABLE t (id int PRIMARY KEY, body text, ref int REFERENCES t);
SELECT replicache.track_table('t');
INSERT INTO t SELECT n, 'body' FROM generate_series(1, 1000) n;

-- More rows than are written at once; a row; none; all in one transaction, with pulls in between.
DELETE FROM t WHERE id <= 250;
SELECT gone();
BEGIN;
DELETE FROM t WHERE id = 251;
SELECT gone();
DELETE FROM t WHERE id = 251;
UPDATE t SET id = -id WHERE id <= 300;
SELECT gone();
SELECT op, count(*) FROM json_to_recordset(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', NULL, 'schemaVersion', '')) -> 'patch') AS p(op text) GROUP BY op ORDER BY op;
COMMIT;
SELECT gone(), count(DISTINCT key) FROM replicache.tombstone;
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT key) FROM replicache.tombstone WHERE space = '' AND version > 0;
RESET enable_seqscan;

-- What is undone leaves nothing: an error while the triggers fire, of a foreign key; one before; a savepoint; a block.
UPDATE t SET ref = 999 WHERE id = 1000;
DELETE FROM t WHERE id > 900 AND id < 1000;
SELECT gone();
DELETE FROM t WHERE id > 900 AND 1 / (id - 950) < 100;
SELECT gone();
BEGIN;
SAVEPOINT s;
DELETE FROM t WHERE id BETWEEN 301 AND 310;
SELECT gone();
ROLLBACK TO s;
SELECT gone();
DELETE FROM t WHERE id BETWEEN 311 AND 312;
COMMIT;
SELECT gone();
DO $$
BEGIN
    FOR i IN 313..318 LOOP
        BEGIN
            DELETE FROM t WHERE id = i;
            IF i % 2 = 0 THEN RAISE 'undone'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$;
SELECT gone(), (SELECT array_agg(id) FROM t WHERE id BETWEEN 313 AND 318);

-- Triggers of others see what was written before them: each row when it comes.
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % %: % tombstones', tg_table_name, tg_level, tg_op, gone() - current_setting('together.before')::bigint;
    RETURN NULL;
END $$;
CREATE FUNCTION begin_notes() RETURNS text LANGUAGE sql AS $$ SELECT left(set_config('together.before', gone()::text, false), 0) $$;
CREATE TRIGGER a_note AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER "~z_note" AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION note();
SELECT begin_notes();
DELETE FROM t WHERE id IN (320, 321);
DROP TRIGGER a_note ON t;
DROP TRIGGER "~z_note" ON t;
-- … of another table, which the same statement writes, before and after.
CREATE TABLE other AS SELECT generate_series(1, 2) AS id;
CREATE TRIGGER note AFTER DELETE ON other FOR EACH ROW EXECUTE FUNCTION note();
SELECT begin_notes();
WITH mine AS (DELETE FROM t WHERE id IN (322, 323) RETURNING id), theirs AS (DELETE FROM other WHERE id = 1) SELECT array_agg(id) FROM mine;
WITH theirs AS (DELETE FROM other WHERE id = 2) DELETE FROM t WHERE id = 324;
SELECT gone() - current_setting('together.before')::bigint;
-- … a statement inside: of a BEFORE trigger, and of a function in a WHERE.
CREATE FUNCTION inside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.id < 400 THEN
        DELETE FROM t WHERE id = old.id + 100;
        RAISE NOTICE 'inside: % tombstones', gone() - current_setting('together.before')::bigint;
    END IF;
    RETURN old;
END $$;
CREATE TRIGGER inside BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION inside();
SELECT begin_notes();
DELETE FROM t WHERE id IN (330, 331);
SELECT gone() - current_setting('together.before')::bigint;
DROP TRIGGER inside ON t;
CREATE FUNCTION takes(victim int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN DELETE FROM t WHERE id = victim; RETURN gone() > 0; END';
SELECT begin_notes();
DELETE FROM t WHERE id = 340 AND takes(341);
SELECT gone() - current_setting('together.before')::bigint;

-- Cascades: through the row, and from another table. A key that comes back in the same statement.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
SELECT replicache.track_table(name) FROM unnest('{parent,child}'::regclass[]) AS name;
INSERT INTO parent VALUES (1), (2);
INSERT INTO child SELECT n, n % 2 + 1 FROM generate_series(1, 4) n;
SELECT begin_notes();
DELETE FROM parent WHERE id = 1;
SELECT key FROM replicache.tombstone WHERE key ~ 'parent|child' ORDER BY key;
WITH gone AS (DELETE FROM child WHERE id = 1 RETURNING *) INSERT INTO child SELECT id + 10, parent FROM gone;
SELECT key FROM replicache.tombstone WHERE key ~ 'child' ORDER BY key;

-- Partitions, and rows that move between them.
CREATE TABLE p (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
SELECT replicache.track_table('p');
INSERT INTO p SELECT n FROM generate_series(90, 110) n;
SELECT begin_notes();
UPDATE p SET id = id + 50 WHERE id IN (98, 99);
DELETE FROM p1 WHERE id < 95;
DELETE FROM p WHERE id > 105;
SELECT key FROM replicache.tombstone WHERE key ~ '^p/' ORDER BY key;

-- Rows that go while the triggers of a session fire always, or only those that log.
INSERT INTO t SELECT n FROM generate_series(2001, 2009) n;
ALTER TABLE t ENABLE ALWAYS TRIGGER "~replicache_deleted";
SET session_replication_role = replica;
SELECT begin_notes();
DELETE FROM t WHERE id > 2006;
RESET session_replication_role;
SELECT gone() - current_setting('together.before')::bigint;

-- The clock `time` gives each its own version, and notes what came. Some rows are too wide for a page. COPY has no statement in the executor.
SET replicache.default_clock = 'time';
CREATE TABLE wide (id text PRIMARY KEY, space text NOT NULL, body text);
SELECT replicache.track_table('wide', space => 'space');
SELECT replicache.expose_crud('wide');
CREATE FUNCTION noise(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 80) i $$;
INSERT INTO wide SELECT noise(n), 'ann' FROM generate_series(1, 150) n;
COPY wide (id, space) FROM stdin;
copied 1	ann
copied 2	ann
\.
SELECT count(*), count(DISTINCT version), sum(length(key)) FROM replicache.creation WHERE space = 'ann';
UPDATE wide SET space = 'bob' WHERE id = noise(1);
DELETE FROM wide WHERE space = 'ann';
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT version), sum(length(key)), sum(length(identity::text)), count(DISTINCT relation) FROM replicache.tombstone WHERE space = 'ann' AND version > 0;
SELECT count(*), sum(length(key)) FROM replicache.creation WHERE space = 'bob' AND version > 0;
RESET enable_seqscan;
-- … nor has a COPY that a trigger does, while the executor ends a statement.
CREATE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    COPY wide (id, space) FROM PROGRAM 'echo copied,cid' (DELIMITER ',');
    RAISE NOTICE 'inside: % creations', (SELECT count(*) FROM replicache.creation WHERE space = 'cid');
    RETURN old;
END $$;
INSERT INTO other VALUES (3);
CREATE TRIGGER copies BEFORE DELETE ON other FOR EACH ROW EXECUTE FUNCTION copies();
DROP TRIGGER note ON other;
WITH later AS (DELETE FROM other) SELECT;

DROP SCHEMA together CASCADE;
DROP EXTENSION replicache_ext;
