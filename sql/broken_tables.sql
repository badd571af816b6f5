-- replicache.skip_broken_tables: a table whose expressions fail is left out of pulls, and comes whole once it can be read.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA broken_tables;
SET search_path = broken_tables, public;
CREATE TABLE good (id int PRIMARY KEY, x text);
CREATE TABLE doc (id int PRIMARY KEY, payload text NOT NULL, gone boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('good'), replicache.track_table('doc', value => 'payload::json', deleted => 'gone');

-- A client with its cookie and view. It takes an answer in as Replicache does.
CREATE TABLE client (name text PRIMARY KEY, space text NOT NULL DEFAULT '', cookie json, view jsonb NOT NULL DEFAULT '{}');
INSERT INTO client VALUES ('ann', ''), ('bob', 'free');
CREATE FUNCTION follow(who text, OUT patch text, OUT skipped json, OUT view jsonb) LANGUAGE plpgsql AS $$
DECLARE
    c client;
    answer json;
    o json;
BEGIN
    SELECT * INTO c FROM client WHERE name = who;
    answer := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', who, 'cookie', c.cookie), NULL, c.space);
    view := c.view;
    FOR o IN SELECT json_array_elements(answer -> 'patch') LOOP
        view := CASE o ->> 'op' WHEN 'clear' THEN '{}' WHEN 'del' THEN view - (o ->> 'key') ELSE view || jsonb_build_object(o ->> 'key', o -> 'value') END;
    END LOOP;
    patch := (SELECT string_agg(concat_ws(' ', e ->> 'op', e ->> 'key'), ', ') FROM json_array_elements(answer -> 'patch') e);
    SELECT json_agg(id::regclass) INTO skipped FROM json_array_elements_text(answer #> '{cookie,skipped}') s, CAST(s AS oid) id;
    IF (answer #>> '{cookie,order}')::bigint < (c.cookie ->> 'order')::bigint THEN RAISE 'the cookie went back'; END IF;
    UPDATE client SET cookie = answer -> 'cookie', view = follow.view WHERE name = who;
END $$;

INSERT INTO good VALUES (1, 'one');
INSERT INTO doc VALUES (1, '{"a":1}'), (2, '2'), (3, '3');
SELECT * FROM follow('ann');
INSERT INTO good VALUES (2, 'two');
INSERT INTO doc VALUES (4, 'oops');
SELECT * FROM follow('ann');
\echo :LAST_ERROR_SQLSTATE
SET replicache.skip_broken_tables = on;
SELECT * FROM follow('ann');
-- Deletions come all the same; changes of other tables, too. The table is still to come.
DELETE FROM doc WHERE id = 1;
UPDATE doc SET gone = true WHERE id = 2;
INSERT INTO good VALUES (3, 'three');
SELECT * FROM follow('ann');
SELECT * FROM follow('ann');
-- pull_since has no cookie to tell in, and fails.
SELECT replicache.pull_since(1);
\echo :LAST_ERROR_SQLSTATE
-- Mended: the table comes whole, also where the setting is off again.
UPDATE doc SET payload = '"mended"' WHERE id = 4;
RESET replicache.skip_broken_tables;
SELECT * FROM follow('ann');
SELECT * FROM follow('ann');
INSERT INTO doc VALUES (5, '5');
SELECT * FROM follow('ann');

-- Of a complete pull, and by rights.
SET replicache.skip_broken_tables = on;
CREATE ROLE regress_reader;
SELECT replicache.grant_usage('regress_reader');
GRANT USAGE ON SCHEMA broken_tables TO regress_reader;
GRANT SELECT ON good TO regress_reader;
SET ROLE regress_reader;
SELECT a -> 'patch' AS patch, json_array_length(a #> '{cookie,skipped}') AS skipped FROM CAST(replicache.pull('{"pullVersion":1,"clientGroupID":"reader","cookie":null}') AS json) a;
RESET ROLE;
-- What is of nobody's table is raised: a cancel, an answer that is out of date.
CREATE FUNCTION fail(code text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE 'failed' USING ERRCODE = code; END $$;
CREATE TABLE failing (id text PRIMARY KEY);
SELECT replicache.track_table('failing', value => 'broken_tables.fail(id)');
CREATE FUNCTION outcome(code text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE failing SET id = code;
    RETURN (SELECT 'skipped ' || json_array_length(a #> '{cookie,skipped}') FROM CAST(replicache.pull('{"pullVersion":1,"clientGroupID":"any","cookie":null}') AS json) a);
EXCEPTION WHEN OTHERS OR query_canceled THEN
    RETURN SQLSTATE;
END $$;
INSERT INTO failing VALUES ('x');
SELECT code, outcome(code) FROM unnest('{22012,23514,42501,42703,P0001,40001,40P01,53200,54000,55000,57014,58030,XX000}'::text[]) code;
DROP TABLE failing;

-- Clock transaction.
SELECT replicache.create_space('free', 'transaction');
CREATE TABLE spaced (id int PRIMARY KEY, space text NOT NULL, payload text NOT NULL);
SELECT replicache.track_table('spaced', space => 'space', value => 'payload::json');
INSERT INTO spaced VALUES (1, 'free', '1'), (2, 'free', '2');
SELECT * FROM follow('bob');
UPDATE spaced SET payload = 'oops' WHERE id = 2;
SELECT * FROM follow('bob');
DELETE FROM spaced WHERE id = 1;
SELECT * FROM follow('bob');
UPDATE spaced SET payload = '22' WHERE id = 2;
SELECT * FROM follow('bob');

SET client_min_messages = error;
DROP SCHEMA broken_tables CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_reader;
