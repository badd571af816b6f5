-- Tables with parts: what pulls do when their query fails, and keys of types whose operators are not PostgreSQL's.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA private_broken;
SET search_path = private_broken, public;

CREATE TABLE item (id text PRIMARY KEY, list text NOT NULL, done boolean);
CREATE TABLE share (list text);
CREATE TABLE note (id int PRIMARY KEY);
SELECT replicache.track_table('item', deleted => 'done', part => 'list', parts => 'SELECT list FROM share');
SELECT replicache.track_table('note');
INSERT INTO share VALUES ('a'), ('b');
INSERT INTO item VALUES ('a1', 'a'), ('a2', 'a'), ('b1', 'b'), ('b2', 'b');
CREATE TABLE client (cookie json);
INSERT INTO client VALUES (NULL);
CREATE FUNCTION pull() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    answer json := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g', 'cookie', cookie)) FROM client;
BEGIN
    UPDATE client SET cookie = answer -> 'cookie';
    RETURN QUERY SELECT concat_ws(' ', e ->> 'op', e ->> 'key') FROM json_array_elements(answer -> 'patch') e;
END $$;
SELECT pull();

-- A part that was revoked meanwhile goes, and so does a row that was deleted softly.
SET replicache.skip_broken_tables = on;
ALTER TABLE share RENAME TO shared;
INSERT INTO note VALUES (1);
UPDATE item SET done = true WHERE id = 'b2';
DELETE FROM shared WHERE list = 'a';
SELECT pull();
ALTER TABLE shared RENAME TO share;
SELECT pull();
SELECT pull();
SELECT replicache.untrack_table('item');
SELECT replicache.untrack_table('note');

-- A type of an extension, with operators of its own.
SET client_min_messages = warning;  -- 18 says where a shell type is named
CREATE TYPE label;
CREATE FUNCTION label_in(cstring) RETURNS label LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION label_out(label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE label (INPUT = label_in, OUTPUT = label_out, LIKE = int4);
RESET client_min_messages;
CREATE FUNCTION lt(label, label) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION le(label, label) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4le';
CREATE FUNCTION eq(label, label) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION ge(label, label) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4ge';
CREATE FUNCTION gt(label, label) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4gt';
CREATE FUNCTION compare(label, label) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR < (FUNCTION = lt, LEFTARG = label, RIGHTARG = label);
CREATE OPERATOR <= (FUNCTION = le, LEFTARG = label, RIGHTARG = label);
CREATE OPERATOR = (FUNCTION = eq, LEFTARG = label, RIGHTARG = label);
CREATE OPERATOR >= (FUNCTION = ge, LEFTARG = label, RIGHTARG = label);
CREATE OPERATOR > (FUNCTION = gt, LEFTARG = label, RIGHTARG = label);
CREATE OPERATOR CLASS label_ops DEFAULT FOR TYPE label USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compare(label, label);
CREATE TABLE labelled (id label PRIMARY KEY, hidden boolean);
SELECT replicache.track_table('labelled', filter => 'id::text::int > (SELECT count(*) FROM share)');
INSERT INTO labelled SELECT i::text::label FROM generate_series(1, 20) i;
SELECT count(*) FROM pull();
DELETE FROM share;
SELECT pull();
SELECT replicache.track_table('labelled');
SET replicache.page_size = '1kB';
SELECT count(*) FROM pull();
SELECT replicache.untrack_table('labelled');
DROP SCHEMA private_broken CASCADE;
DROP EXTENSION replicache_ext;
