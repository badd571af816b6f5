-- A row, or a definition, for which an entry cannot be computed: the error names table and row, and says what to do.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA broken;
SET search_path = broken, public;
\i sql/include/tracking.sql
\set SHOW_CONTEXT always
SET client_min_messages = warning;
SET replicache.default_clock = 'time';

-- The message with its context, but for what PostgreSQL says of the query.
CREATE FUNCTION failure(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text; message text; detail text; hint text; context text;
BEGIN
    EXECUTE command;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws(E'\n  ', code || ': ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''), 'CONTEXT: ' || substring(context from 'row [^\n]* of tracked table [^\n]*'));
END $$;

-- One row among good ones.
CREATE TABLE doc (id int PRIMARY KEY, payload text);
SELECT replicache.track_table('doc', value => 'payload::jsonb');
INSERT INTO doc SELECT n, CASE n WHEN 7 THEN 'oops' ELSE '{"a":1}' END FROM generate_series(1, 20) n;
SELECT replicache.pull_since(NULL);
SELECT failure('SELECT replicache.pull_since(NULL)');
DELETE FROM doc WHERE id = 7;
SELECT replicache.pull_since(NULL) ->> 'cookie' AS cookie \gset
UPDATE doc SET payload = '"' WHERE id = 9;
SELECT failure(format('SELECT replicache.pull_since(%s)', :cookie));
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT failure(format('SELECT replicache.pull_since(%s)', :cookie));
ROLLBACK;
-- The first row; a hint of a function's own; an error that it handles, and one that has nothing to do with rows.
CREATE FUNCTION shown(id int, payload text) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    IF payload = 'hint' THEN RAISE 'not shown' USING HINT = 'Ask the author.'; END IF;
    IF payload = 'none' THEN RAISE 'not shown'; END IF;
    IF payload = 'later' THEN RAISE 'not now' USING ERRCODE = '40001'; END IF;
    IF payload = 'column' THEN PERFORM nope FROM doc; END IF;
    BEGIN
        RETURN payload;
    EXCEPTION WHEN OTHERS THEN
        RETURN json_build_object('bad', id);
    END;
END $$;
SELECT replicache.track_table('doc', value => 'broken.shown(id, payload)');
DELETE FROM doc WHERE id > 3;
SELECT failure(format('UPDATE doc SET payload = %L WHERE id = 1; SELECT replicache.pull_since(NULL)', payload)) FROM unnest('{hint,none,later,column,handled}'::text[]) payload;
-- Another row fails in the pull that the value of the first one makes.
CREATE FUNCTION pulled_by(id int) RETURNS json LANGUAGE plpgsql AS $$BEGIN
    IF current_setting('broken.depth', true) = 'inner' THEN RETURN 1 / (id - 2); END IF;
    SET LOCAL broken.depth = 'inner';
    RETURN replicache.pull_since(NULL) -> 'cookie';
END$$;
SELECT replicache.track_table('doc', value => 'broken.pulled_by(id)');
BEGIN;
SELECT replicache.pull_since(NULL);
ROLLBACK;
SELECT replicache.untrack_table('doc');
CREATE TABLE pulled (id int PRIMARY KEY, n int);
SELECT replicache.track_table('pulled', value => 'to_jsonb(1 / n)');
INSERT INTO pulled VALUES (1, 1), (2, 0);
SELECT failure('SELECT replicache.pull_since(NULL)');
UPDATE pulled SET n = 1;

-- Keys of several columns; columns in another order than in the key; dropped ones; and keys that are not shown.
CREATE TABLE pair (gone int, v text, b text, a uuid, PRIMARY KEY (a, b));
ALTER TABLE pair DROP gone;
SELECT replicache.track_table('pair', value => 'v::json');
INSERT INTO pair VALUES ('oops', 'x/y', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT failure('SELECT replicache.pull_since(NULL)');
UPDATE pair SET b = repeat('x', 201);
SELECT failure('SELECT replicache.pull_since(NULL)');
DROP TABLE pair;
CREATE TABLE dated (at date PRIMARY KEY, v text);
SELECT replicache.track_table('dated', value => 'v::json');
INSERT INTO dated VALUES ('2026-01-01', '1'), ('2026-01-02', 'oops');
SELECT failure('SELECT replicache.pull_since(NULL)');
DROP TABLE dated;
-- Partitions.
CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE high (v text, id int NOT NULL);
ALTER TABLE parted ATTACH PARTITION high FOR VALUES FROM (10) TO (20);
SELECT replicache.track_table('parted', value => 'v::json');
INSERT INTO parted VALUES (1, '1'), (11, '11'), (12, 'oops');
SELECT failure('SELECT replicache.pull_since(NULL)');
DROP TABLE parted;

-- Under row-level security the key is not told: an error in a policy would tell it of rows that the role must not see. The ctid is.
CREATE ROLE broken_app;
SELECT replicache.grant_usage('broken_app');
GRANT USAGE ON SCHEMA broken TO broken_app;
CREATE TABLE guarded (id text PRIMARY KEY, owner text, v text);
SELECT replicache.track_table('guarded', value => 'v::json');
INSERT INTO guarded VALUES ('mine', 'broken_app', 'oops');
GRANT SELECT ON doc, pulled, guarded TO broken_app;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (owner = current_user);
SELECT failure('SELECT replicache.pull_since(NULL)');
SET ROLE broken_app;
SELECT failure('SELECT replicache.pull_since(NULL)');
RESET ROLE;
UPDATE guarded SET id = 'secret', owner = 'somebody', v = '1';
ALTER POLICY p ON guarded USING (1 / (length(owner) - length('somebody')) > 0);
SET ROLE broken_app;
SELECT failure('SELECT replicache.pull_since(NULL)');
RESET ROLE;
REVOKE SELECT ON guarded FROM broken_app;
SET ROLE broken_app;
SELECT failure('SELECT replicache.pull_since(NULL)');
RESET ROLE;
DROP TABLE guarded;

-- sync_pull.
CREATE TABLE note (id int PRIMARY KEY, user_id text NOT NULL, v text);
SELECT replicache.track_table('note', space => 'user_id', value => 'v::json'), replicache.expose_crud('note');
INSERT INTO note VALUES (1, 'ann', '{}'), (2, 'ann', 'oops');
SELECT failure($$SELECT * FROM replicache.sync_pull(-1, 'ann')$$);
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT failure($$SELECT * FROM replicache.sync_pull(-1, 'ann')$$);
ROLLBACK;
-- The value does not fit the table any more. Who alters it is told, and may mend it in the same transaction.
ALTER TABLE note RENAME v TO w;
SELECT failure($$SELECT * FROM replicache.sync_pull(-1, 'ann')$$);
SELECT failure($$SELECT replicache.pull_since(NULL)$$);
DROP TABLE note;
SELECT replicache.track_table('doc', value => 'broken.shown(id, payload)');
ALTER TABLE doc RENAME payload TO body;
INSERT INTO doc VALUES (8, 'eight');
SELECT failure('SELECT replicache.pull_since(NULL)');
SELECT failure('SELECT replicache.retrack(''doc'')');
SELECT replicache.track_table('doc', value => 'to_json(body)');
SELECT failure('SELECT replicache.pull_since(NULL)');
BEGIN;
ALTER TABLE doc RENAME body TO text;
SELECT replicache.track_table('doc', value => 'to_json(text)');
COMMIT;
SELECT failure('SELECT replicache.pull_since(NULL)');
ALTER TABLE doc DROP COLUMN text;
SELECT failure('SELECT replicache.pull_since(NULL)');
SELECT replicache.untrack_table('doc');
SELECT failure('SELECT replicache.pull_since(NULL)');
-- A column, a table or a function of another object: nobody is told, but for who pulls.
CREATE TABLE author (id int PRIMARY KEY, name text);
SELECT replicache.track_table('doc', value => $$(SELECT to_json(name) FROM broken.author a WHERE a.id = t.id)$$);
ALTER TABLE author RENAME name TO full_name;
SELECT failure('SELECT replicache.pull_since(NULL)');
DROP TABLE author;
SELECT failure('SELECT replicache.pull_since(NULL)');
SELECT replicache.untrack_table('doc');
-- What is not tracked, or does not matter, warns nobody.
ALTER TABLE doc RENAME id TO nr;
ALTER TABLE pulled ADD more text;
ALTER TABLE pulled RENAME more TO less;
ALTER TABLE pulled DROP less;
-- Whose value it is: a superuser who alters the table runs nothing of its owner's.
CREATE ROLE broken_owner;
GRANT CREATE, USAGE ON SCHEMA broken TO broken_owner;
GRANT EXECUTE ON FUNCTION replicache.track_table TO broken_owner;
GRANT USAGE ON SCHEMA replicache TO broken_owner;
CREATE TABLE ran (who text);
GRANT INSERT ON ran TO broken_owner;
SET ROLE broken_owner;
CREATE FUNCTION checked(int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO broken.ran VALUES (current_user); RETURN true; END$$;
CREATE DOMAIN trap AS int CHECK (broken.checked(VALUE));
CREATE TYPE box AS (n trap);
CREATE TABLE owned (id int PRIMARY KEY, a text, b text);
SELECT replicache.track_table('owned', value => $$json_build_array(a, '(1)'::broken.box)$$);
RESET ROLE;
DELETE FROM ran;
ALTER TABLE owned DROP b;
ALTER TABLE owned RENAME a TO c;
SELECT DISTINCT * FROM ran;

DROP SCHEMA broken CASCADE;
DROP EXTENSION replicache_ext;
DROP OWNED BY broken_owner, broken_app;
DROP ROLE broken_app, broken_owner;
