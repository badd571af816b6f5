-- Writes by anybody are seen: every kind of statement, and none that is undone.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_writes;
SET search_path = tracking_writes;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE n (a text, b text, body text, gone boolean, PRIMARY KEY (a, b));
SELECT replicache.track_table('n', value => 'to_json(body)', deleted => 'gone');

-- INSERT, UPDATE, DELETE; one version per transaction.
INSERT INTO n VALUES ('1', 'x', 'one'), ('2', 'x', 'two'), ('3', 'x', 'three');
SELECT * FROM sync();
BEGIN;
UPDATE n SET body = 'ONE' WHERE a = '1';
DELETE FROM n WHERE a = '2';
INSERT INTO n VALUES ('4', 'x', 'four');
COMMIT;
SELECT * FROM sync();
SELECT * FROM sync();
UPDATE n SET body = 'nobody' WHERE a = 'none';
DELETE FROM n WHERE a = 'none';
INSERT INTO n SELECT 'none', 'x' WHERE false;
SELECT * FROM sync();
-- An UPDATE that changes nothing keeps the version.
UPDATE n SET body = body;
UPDATE n SET a = a, b = b, body = 'ONE' WHERE a = '1';
UPDATE n SET version = version;
SELECT * FROM sync();
-- Nobody sets versions himself.
INSERT INTO n (a, b, body, version) VALUES ('5', 'x', 'five', 1000000);
UPDATE n SET version = 1 WHERE a = '5';
UPDATE n SET version = NULL WHERE a = '5';
SELECT * FROM sync();
SELECT max(version) FROM n;
-- The same key again: after a delete, in another transaction and in the same; and the other way round.
DELETE FROM n WHERE a = '1';
SELECT * FROM sync();
INSERT INTO n VALUES ('1', 'x', 'again');
SELECT * FROM sync();
DELETE FROM n WHERE a = '1';
INSERT INTO n VALUES ('1', 'x', 'between two pulls');
SELECT * FROM sync();
BEGIN;
DELETE FROM n WHERE a = '1';
INSERT INTO n VALUES ('1', 'x', 'in one transaction');
COMMIT;
SELECT * FROM sync();
BEGIN;
INSERT INTO n VALUES ('6', 'x', 'never seen');
DELETE FROM n WHERE a = '6';
COMMIT;
SELECT * FROM sync();
-- A change of the key; a chain of them; keys that change places.
UPDATE n SET b = 'a/b%' WHERE a = '1';
SELECT * FROM sync();
UPDATE n SET b = 'y' WHERE a = '1';
UPDATE n SET b = 'z' WHERE a = '1';
UPDATE n SET b = 'a/b%' WHERE a = '1';
SELECT * FROM sync();
BEGIN;
UPDATE n SET a = 'tmp' WHERE a = '3';
UPDATE n SET a = '3' WHERE a = '4';
UPDATE n SET a = '4' WHERE a = 'tmp';
COMMIT;
SELECT * FROM sync();
-- Soft deletion: del; put when it is undone; a hard delete of what is deleted softly; a soft delete that also moves.
UPDATE n SET gone = true WHERE a IN ('3', '4');
SELECT * FROM sync();
UPDATE n SET gone = false WHERE a = '3';
DELETE FROM n WHERE a = '4';
SELECT * FROM sync();
UPDATE n SET gone = NULL WHERE a = '3';
UPDATE n SET gone = true, a = '3!' WHERE a = '3';
INSERT INTO n VALUES ('7', 'x', 'born dead', true);
SELECT * FROM sync();
UPDATE n SET gone = false, a = '3' WHERE a = '3!';
UPDATE n SET gone = false WHERE a = '7';
SELECT * FROM sync();
SELECT count(*) FROM replicache.pull_since(0) AS p, patch(p) WHERE op = 'del';

-- Savepoints that roll back leave nothing, and the transaction still has one version.
BEGIN;
SAVEPOINT s1;
INSERT INTO n VALUES ('s1', 'x', 'lost');
DELETE FROM n WHERE a = '5';
ROLLBACK TO s1;
COMMIT;
SELECT * FROM sync();
BEGIN;
INSERT INTO n VALUES ('s1', 'x', 'kept');
SAVEPOINT s1;
INSERT INTO n VALUES ('s2', 'x', 'lost');
SAVEPOINT s2;
DELETE FROM n WHERE a = '5';
RELEASE s2;
ROLLBACK TO s1;
SAVEPOINT s3;
INSERT INTO n VALUES ('s3', 'x', 'kept');
SAVEPOINT s4;
INSERT INTO n VALUES ('s4', 'x', 'kept');
RELEASE s4;
RELEASE s3;
COMMIT;
SELECT * FROM sync();
BEGIN;
SAVEPOINT s1;
INSERT INTO n VALUES ('s5', 'x', 'lost');
ROLLBACK TO s1;
INSERT INTO n VALUES ('s6', 'x', 'kept');
COMMIT;
SELECT * FROM sync();
SELECT a, version - min(version) OVER () AS version FROM n WHERE a ~ '^s' ORDER BY a;
SELECT try($$INSERT INTO n VALUES ('lost', 'x', 'lost'), ('s1', 'x', 'there')$$);
SELECT * FROM sync();
DELETE FROM n WHERE a ~ '^s';
SELECT count(*) FROM sync() AS line WHERE line ~ 'del';

-- Other statements that write.
INSERT INTO n VALUES ('1', 'a/b%', 'upserted'), ('8', 'x', 'new') ON CONFLICT (a, b) DO UPDATE SET body = excluded.body;
SELECT * FROM sync();
INSERT INTO n VALUES ('8', 'x', 'ignored'), ('9', 'x', 'new') ON CONFLICT DO NOTHING;
SELECT * FROM sync();
SELECT version FROM n WHERE a = '8' \gset before_
INSERT INTO n VALUES ('8', 'x', 'new') ON CONFLICT (a, b) DO UPDATE SET body = excluded.body;
SELECT version - :before_version FROM n WHERE a = '8';
COPY n (a, b, body) FROM STDIN;
10	x	copied
11	/	copied
\.
SELECT * FROM sync() AS line WHERE line !~ '->';
MERGE INTO n USING (VALUES ('10', NULL), ('11', 'merged'), ('12', 'new')) AS m (a, body) ON n.a = m.a
    WHEN MATCHED AND m.body IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET body = m.body
    WHEN NOT MATCHED THEN INSERT (a, b, body) VALUES (m.a, '', m.body);
SELECT * FROM sync() AS line WHERE line !~ '->';
WITH d AS (DELETE FROM n WHERE a = '12' RETURNING *), u AS (UPDATE n SET body = 'by CTE' WHERE a = '11' RETURNING *)
    INSERT INTO n SELECT '13', b, body FROM d;
SELECT * FROM sync() AS line WHERE line !~ '->';
CREATE VIEW n_view AS SELECT a, b, body FROM n WHERE a > '5' WITH CHECK OPTION;
INSERT INTO n_view VALUES ('90', 'v', 'through a view');
UPDATE n_view SET body = 'through a view' WHERE a = '9';
DELETE FROM n_view WHERE a = '8';
CREATE RULE n_rule AS ON DELETE TO n_view DO INSTEAD UPDATE n SET gone = true WHERE a = old.a;
DELETE FROM n_view WHERE a = '7';
SELECT * FROM sync() AS line WHERE line !~ '->';
PREPARE p AS UPDATE n SET body = $2 WHERE a = $1;
EXECUTE p ('90', 'prepared');
BEGIN;
DECLARE c CURSOR FOR SELECT body FROM n WHERE a = '9' FOR UPDATE;
FETCH c;
UPDATE n SET body = 'by cursor' WHERE CURRENT OF c;
COMMIT;
SELECT * FROM sync() AS line WHERE line !~ '->';

-- TRUNCATE: complete again.
TRUNCATE n;
SELECT * FROM sync() AS line WHERE line !~ '->';
BEGIN;
INSERT INTO n VALUES ('1', 'x', 'lost');
TRUNCATE n;
INSERT INTO n VALUES ('2', 'x', 'kept');
COMMIT;
SELECT * FROM sync() AS line WHERE line !~ '->';
BEGIN;
TRUNCATE n;
ROLLBACK;
SELECT count(*) FROM sync();
DROP TABLE n CASCADE;

-- Foreign-key actions count like any write.
CREATE TABLE parent (id int PRIMARY KEY, boss int REFERENCES parent ON DELETE SET NULL);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE toy (child int REFERENCES child ON DELETE CASCADE, parent int REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, n int, PRIMARY KEY (parent, n));
SELECT replicache.track_table('parent');
SELECT replicache.track_table('child');
SELECT replicache.track_table('toy');
INSERT INTO parent VALUES (1, NULL), (2, 1), (3, 2);
INSERT INTO child VALUES (10, 1), (20, 2), (21, 2);
INSERT INTO toy VALUES (10, 1, 1), (20, 3, 1);
SELECT count(*) FROM sync();
UPDATE parent SET id = 4 WHERE id = 3;
SELECT * FROM sync();
DELETE FROM parent WHERE id = 1;
SELECT * FROM sync();
TRUNCATE parent CASCADE;
SELECT * FROM sync();
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1);
SELECT count(*) FROM sync();
TRUNCATE child, toy, parent;
SELECT * FROM sync();
DROP TABLE toy, child, parent;

-- No-op updates of rows older than the version column, of long values, and with generated columns: the version stays.
CREATE TABLE old (id int PRIMARY KEY, body text, shout text GENERATED ALWAYS AS (upper(body)) STORED);
INSERT INTO old VALUES (1, 'a'), (2, NULL), (3, repeat('long', 10000)), (4, repeat('l', 5000));
INSERT INTO old SELECT 5, string_agg(md5(n::text), '') FROM generate_series(1, 500) n;
SELECT replicache.track_table('old', value => 'to_json(left(body, 5))');
SELECT * FROM sync();
UPDATE old SET body = body;
UPDATE old SET body = 'a' WHERE id = 1;
UPDATE old SET body = repeat('long', 10000) WHERE id = 3;
UPDATE old SET body = repeat('l', 5000) WHERE id = 4;
UPDATE old SET body = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n) WHERE id = 5;
SELECT * FROM sync();
UPDATE old SET body = 'b' WHERE id < 4;
SELECT * FROM sync();
ALTER TABLE old ADD extra int, ADD filled int DEFAULT 7;
UPDATE old SET body = body, extra = NULL, filled = 7;
SELECT * FROM sync();
UPDATE old SET extra = 1 WHERE id = 1;
UPDATE old SET filled = NULL WHERE id = 2;
SELECT * FROM sync();
ALTER TABLE old DROP extra;
UPDATE old SET body = body;
SELECT * FROM sync();
-- … a user's own BEFORE triggers: the row is seen as they leave it.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.body := new.body; RETURN new; END';
CREATE TRIGGER touch BEFORE UPDATE ON old FOR EACH ROW EXECUTE FUNCTION touch();
UPDATE old SET body = body;
SELECT * FROM sync();
CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'DELETE' THEN RETURN CASE WHEN old.body <> 'keep' THEN old END; END IF;
    IF new.body = 'cancel' THEN RETURN NULL; END IF;
    IF new.body ~ '^id ' THEN new.id := substr(new.body, 4); END IF;
    IF new.body ~ '^version ' THEN new.version := substr(new.body, 9); END IF;
    IF new.body = 'undo' THEN new.body := old.body; END IF;
    RETURN new;
END $$;
CREATE TRIGGER zz_rewrite BEFORE INSERT OR UPDATE OR DELETE ON old FOR EACH ROW EXECUTE FUNCTION rewrite();
INSERT INTO old (id, body) VALUES (10, 'cancel'), (11, 'id 12'), (13, 'keep');
SELECT * FROM sync();
UPDATE old SET body = 'cancel' WHERE id = 1;
UPDATE old SET body = 'undo' WHERE id = 2;
DELETE FROM old WHERE body = 'keep';
SELECT * FROM sync() AS line WHERE line !~ '->';
UPDATE old SET body = 'id 14' WHERE id = 12;
UPDATE old SET body = 'version 3' WHERE id = 1;
DELETE FROM old WHERE id = 2;
SELECT * FROM sync() AS line WHERE line !~ '->';
DROP TABLE old;

-- A role that may write the table need not have any right on replicache.
CREATE TABLE open (id int PRIMARY KEY, body text);
SELECT replicache.track_table('open');
CREATE ROLE regress_replicache_writer;
GRANT USAGE ON SCHEMA tracking_writes TO regress_replicache_writer;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON open TO regress_replicache_writer;
SET ROLE regress_replicache_writer;
INSERT INTO open VALUES (1, 'a'), (2, 'b'), (3, 'c');
UPDATE open SET id = 4, body = 'd' WHERE id = 3;
DELETE FROM open WHERE id = 2;
SELECT count(*) FROM replicache.space;
RESET ROLE;
SELECT * FROM sync();
SET ROLE regress_replicache_writer;
TRUNCATE open;
SET search_path = '';
INSERT INTO tracking_writes.open VALUES (1, 'no search_path');
RESET ROLE;
SET search_path = tracking_writes;
SELECT * FROM sync();
-- … and nobody escapes by a function, table or operator of the same name in his search_path.
CREATE TABLE space (id text, version bigint, floor bigint);
CREATE TABLE tombstone (space text, version bigint, key text);
CREATE FUNCTION equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR = (FUNCTION = equal, LEFTARG = text, RIGHTARG = text);
SET search_path = tracking_writes, pg_catalog, pg_temp;
INSERT INTO open VALUES (2, 'x');
DELETE FROM open WHERE id = 1;
SET search_path = tracking_writes;
DROP OPERATOR tracking_writes.= (text, text);
SELECT * FROM sync();
SELECT count(*) FROM space, tombstone;
DROP OWNED BY regress_replicache_writer;
DROP ROLE regress_replicache_writer;

-- Triggers that do not fire see nothing: replicas, DISABLE TRIGGER. resync mends it.
SET session_replication_role = replica;
INSERT INTO open VALUES (3, 'replicated');
DELETE FROM open WHERE id = 2;
RESET session_replication_role;
SELECT version FROM open WHERE id = 3;
SELECT replicache.resync('open');
SELECT * FROM sync();
ALTER TABLE open DISABLE TRIGGER USER;
UPDATE open SET body = 'silent';
ALTER TABLE open ENABLE TRIGGER USER;
SELECT replicache.resync('open');
SELECT * FROM sync();
DROP TABLE open;

DROP SCHEMA tracking_writes CASCADE;
DROP EXTENSION replicache_ext;
