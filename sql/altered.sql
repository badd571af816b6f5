-- What a superuser has done to the extension's own tables by hand is an error that says so, and nothing is lost by it. (test/hostile
-- damages them in hundreds of ways, but only to see that nothing crashes.) And a database that the extension is not for.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA altered;
SET search_path = altered, public;
\set ECHO none
\i sql/include/cookies.sql
\set ECHO all
CREATE TABLE item (id text PRIMARY KEY, room text);
SELECT replicache.track_table('item', space => 'room');
CREATE FUNCTION put(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO altered.item VALUES (id, replicache.current_space())';
SELECT replicache.register_mutator('put', 'put(text)');
CREATE FUNCTION push(id int) RETURNS json LANGUAGE sql AS $$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations',
    json_build_array(json_build_object('clientID', 'c', 'id', id, 'name', 'put', 'args', json_build_object('id', 'i' || id)))), 'ann', 'room') $$;
CREATE FUNCTION pull() RETURNS json LANGUAGE sql AS $$ SELECT altered.plain(replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}', 'ann', 'room')) $$;
SELECT push(1);

CREATE FUNCTION drop_item() RETURNS SETOF text LANGUAGE sql AS 'DELETE FROM altered.item RETURNING id';
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; hint text; answer text;
BEGIN
    EXECUTE 'SELECT ' || call INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(hint, ''));
END $$;
CREATE TABLE call (call text);
INSERT INTO call VALUES ('altered.push(2)'), ('altered.pull()');

-- A clock that there is none of.
BEGIN;
UPDATE replicache.space SET clock = 'sundial';
SELECT call, outcome(call) FROM call;
ROLLBACK;
-- No index to find a client by.
BEGIN;
ALTER TABLE replicache.client DROP CONSTRAINT client_pkey CASCADE;
SELECT call, outcome(call) FROM call;
ROLLBACK;
-- A column that is another.
BEGIN;
ALTER TABLE replicache.client ALTER last_mutation_id TYPE text;
SELECT call, outcome(call) FROM call;
ROLLBACK;
BEGIN;
ALTER TABLE replicache.client_group ALTER space DROP NOT NULL;
UPDATE replicache.client_group SET space = NULL;
SELECT call, outcome(call) FROM call;
ROLLBACK;
-- A table that is gone.
BEGIN;
ALTER TABLE replicache.client RENAME TO customer;
SELECT call, outcome(call) FROM call;
ROLLBACK;
BEGIN;
ALTER TABLE replicache.space RENAME TO room;
SELECT call, outcome(call) FROM call;
ROLLBACK;
-- An index over an expression, or of some rows: it would need an executor.
BEGIN;
CREATE INDEX by_prefix ON replicache.tombstone (left(key, 20));
SELECT outcome($$(SELECT count(*) FROM altered.drop_item())$$);
DROP INDEX replicache.by_prefix;
CREATE INDEX of_some ON replicache.tombstone (key) WHERE version > 0;
SELECT outcome($$(SELECT count(*) FROM altered.drop_item())$$);
ROLLBACK;
-- A space column that can name no space any more: track_table would refuse it.
\set VERBOSITY terse
BEGIN;
ALTER TABLE item ALTER room TYPE jsonb USING to_jsonb(room);
ROLLBACK;
\set VERBOSITY default
BEGIN;
DROP TRIGGER "~replicache_moved" ON item;
ALTER TABLE item ALTER room TYPE float8 USING 0;
INSERT INTO item VALUES ('x', 1);
ROLLBACK;
-- All as it was.
SELECT call, outcome(call) FROM call;
DROP EXTENSION replicache_ext;
DROP SCHEMA altered CASCADE;

CREATE DATABASE regress_replicache_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c regress_replicache_latin1
CREATE EXTENSION replicache_ext;
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[]}');
SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}');
SELECT replicache.powersync_upload('{"crud":[]}');
SELECT replicache.sync_push('{"mutations":[]}', -1, 'ann');
\c contrib_regression
DROP DATABASE regress_replicache_latin1;
