-- Keys of client-view entries: templates, key columns, collisions, hostile names, and texts that no setting changes.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_keys;
SET search_path = tracking_keys;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
CREATE FUNCTION track(relation text, key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT try(format('SELECT replicache.track_table(%L, %L)', relation, key))
$$;
-- Tracks, untracks, and gives the keys of all entries in between.
CREATE FUNCTION keys(relation text, key text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    outcome text := track(relation, key);
BEGIN
    IF outcome <> 'ok' THEN RETURN NEXT outcome; RETURN; END IF;
    RETURN QUERY SELECT p.key FROM patch(replicache.pull_since(0)) p WHERE op = 'put' ORDER BY p.key COLLATE "C";
    EXECUTE format('SELECT replicache.untrack_table(%L)', relation);
END $$;

-- Templates.
CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL UNIQUE, a text NOT NULL, b text NOT NULL, maybe text, "A b" int NOT NULL UNIQUE, UNIQUE (a, b));
INSERT INTO t VALUES (1, 'c/1', 'x/y', 'z%2F', NULL, 7);
SELECT template, keys('t', template) FROM unnest(ARRAY[NULL, 'note/{id}', '{id}', '/{id}/', '{{{id}}}', 'a{{b}}c/{id}', '{id}/{id}', 'x/{id}%2F/y',
    '{code}', 'n/{a}/{b}', 'n/{b}/{a}', '{a}/x{b}y', 'n/{id}/{a}', 'n/{a}/{id}', 'A b/{A b}', '', E'"\\\n/{id}', 'é☃/{id}'])
    WITH ORDINALITY AS u (template, n) ORDER BY n;
-- … malformed, of no such column, or not telling rows apart.
SELECT template, track('t', template) FROM unnest(ARRAY['{', '}', '{}', '{{', '}}', '{{}}', 'note', 'note/', 'note/{id', 'note/id}', 'note/{}', 'note/{id}}',
    '{{id}', '{{id}}', 'note/{id}{a}', 'note/{id}-{a}', '{a}{b}', '{id}{{a}', 'note/{ID}', 'note/{ id}', 'note/{none}', 'note/{"A b"}', 'note/{ctid}', 'note/{maybe}', 'note/{id}/{maybe}',
    'note/{a}', 'note/{b}', '{A b', 'note/{t.id}', 'note/{id'']}'])
    WITH ORDINALITY AS u (template, n) ORDER BY n;
SELECT count(*) FROM replicache.tracked_table;

-- Indexes that tell rows apart, and those that do not.
CREATE TABLE none (id int NOT NULL, a int NOT NULL, b int NOT NULL, n int);
SELECT track('none');
CREATE UNIQUE INDEX none_partial ON none (id) WHERE a > 0;
CREATE UNIQUE INDEX none_expression ON none ((id + 0));
CREATE UNIQUE INDEX none_mixed ON none (id, abs(a));
CREATE INDEX none_plain ON none (id);
CREATE UNIQUE INDEX none_include ON none (a, b) INCLUDE (id);
CREATE UNIQUE INDEX none_null ON none (n);
ALTER TABLE none ADD EXCLUDE USING btree (id WITH =);
SELECT track('none', 'none/{id}');
SELECT track('none', 'none/{n}');
SELECT track('none', 'none/{a}/{id}');
INSERT INTO none VALUES (1, 2, 3);
SELECT keys('none', 'none/{a}/{b}');
SELECT keys('none', 'none/{b}/{id}/{a}');
DROP TABLE none;
-- A deferrable constraint will not do: see unsafe_keys. Keys may change places all the same, and patches delete before they put.
CREATE TABLE swap (id int PRIMARY KEY DEFERRABLE, body text);
SELECT track('swap');
ALTER TABLE swap DROP CONSTRAINT swap_pkey, ADD PRIMARY KEY (id);
SELECT track('swap');
INSERT INTO swap VALUES (1, 'one'), (2, 'two');
SELECT * FROM sync();
BEGIN;
UPDATE swap SET id = 3 WHERE body = 'one';
UPDATE swap SET id = 1 WHERE body = 'two';
UPDATE swap SET id = 2 WHERE body = 'one';
COMMIT;
SELECT * FROM sync();
DROP TABLE swap;

-- Two tables whose rows could share a key; and some that only look so.
CREATE TABLE u (id int PRIMARY KEY, a text NOT NULL);
CREATE SCHEMA tracking_keys_2;
CREATE TABLE tracking_keys_2.u (id int PRIMARY KEY);
SELECT track('u');
SELECT track('tracking_keys_2.u');
SELECT track('tracking_keys_2.u', 'u2/{id}');
SELECT template, track('t', template) FROM unnest('{"u/{id}", "{a}/{id}", "{id}/{a}", "u/{id}/", "u/{a}/{id}", "u{id}", "x{id}/{a}", "{id}x/{a}", "u/x{id}", "u/{id}x",
    "u2/{id}", "/u/{id}", "U/{id}", "u%/{id}", "{id}"}'::text[]) WITH ORDINALITY AS x (template, n) ORDER BY n;
SELECT track('u', 'u2/{id}'); -- of another table
SELECT track('u', 'u/{id}'); -- of its own
SELECT replicache.untrack_table('u');
SELECT track('t', 'u/{id}');
SELECT replicache.untrack_table('t');
SELECT replicache.untrack_table('tracking_keys_2.u');
DROP TABLE u;
DROP SCHEMA tracking_keys_2 CASCADE;

-- No two rows share a key, whatever the columns hold.
CREATE TABLE pair (a text, b text, PRIMARY KEY (a, b));
INSERT INTO pair SELECT a, b FROM unnest(ARRAY['', '/', '//', '%', '%2F', '%2f', '%25', '%252F', 'x', 'x/', '/x', 'x/y', 'x%2Fy', '{a}', '"', '\', E'\n', E'\x01', '☃', 'é', U&'e\0301', ' ', '.', '..']) a
    CROSS JOIN unnest(ARRAY['', '/', '//', '%', '%2F', '%2f', '%25', '%252F', 'x', 'x/', '/x', 'x/y', 'x%2Fy', '{a}', '"', '\', E'\n', E'\x01', '☃', 'é', U&'e\0301', ' ', '.', '..']) b;
SELECT count(*), count(DISTINCT key) FROM keys('pair') AS key;
SELECT count(*), count(DISTINCT key) FROM keys('pair', 'p/{b}/-{a}-') AS key;
SELECT key FROM keys('pair') AS key WHERE key ~ '^pair/(x|%2F|%25|%252F)/(x|%2F|%25|%252F)?$';
SELECT track('pair');
SELECT count(*) FROM sync();
UPDATE pair SET b = 'x%2F' WHERE (a, b) = ('x', 'x');
DELETE FROM pair WHERE a = '/';
SELECT * FROM sync() AS line WHERE line !~ '^del pair/%2F/';
DROP TABLE pair;

-- The key is written as JSON: all control characters, quotes, backslashes.
CREATE TABLE text_key (id text PRIMARY KEY);
INSERT INTO text_key SELECT chr(n) FROM generate_series(1, 127) n;
SELECT replicache.track_table('text_key', value => 'to_json(ascii(id))');
SELECT count(*), count(*) FILTER (WHERE key = 'text_key/' || CASE value WHEN '47' THEN '%2F' WHEN '37' THEN '%25' ELSE chr(value::int) END) FROM patch(replicache.pull_since(0)) WHERE op = 'put';
TRUNCATE text_key;
DELETE FROM text_key;
INSERT INTO text_key VALUES (repeat('/', 500));
SELECT length(key) FROM patch(replicache.pull_since(0)) WHERE op = 'put';
DROP TABLE text_key;

-- Hostile names.
CREATE TABLE "a""b; DROP TABLE t; -- {x}" ("a""b" int, "c d" text, "é'☃;" int, "e/%f" int, "ver""sion" bigint, "de'l" boolean, PRIMARY KEY ("a""b", "c d", "é'☃;", "e/%f"));
SELECT track('"a""b; DROP TABLE t; -- {x}"');
INSERT INTO "a""b; DROP TABLE t; -- {x}" VALUES (1, 'x', 2, 3);
UPDATE "a""b; DROP TABLE t; -- {x}" SET "c d" = 'y/';
SELECT * FROM sync();
SELECT replicache.track_table('"a""b; DROP TABLE t; -- {x}"', space => 'c d', deleted => 'de''l', version => 'ver"sion');
UPDATE "a""b; DROP TABLE t; -- {x}" SET "c d" = 'room 1';
SELECT * FROM sync('room 1');
UPDATE "a""b; DROP TABLE t; -- {x}" SET "de'l" = true;
SELECT * FROM sync('room 1');
SELECT try($$SELECT replicache.track_table('t', version => 'x"; DROP TABLE t; --')$$);
SELECT column_name FROM information_schema.columns WHERE table_name = 't' AND ordinal_position > 6;
SELECT replicache.untrack_table('t');
SELECT * FROM t;
DROP TABLE "a""b; DROP TABLE t; -- {x}";
CREATE TABLE braces ("a{b" int, "c}d" int, "{e" int UNIQUE NOT NULL, PRIMARY KEY ("a{b", "c}d"));
INSERT INTO braces VALUES (1, 2, 3);
SELECT keys('braces');
SELECT keys('braces', 'x/{{e}');
DROP TABLE braces;

-- Types of key columns: only those whose text is the same in every session.
CREATE TYPE mood AS ENUM ('good', 'b/d');
CREATE TYPE composite AS (a int);
CREATE DOMAIN code AS text CHECK (value <> '');
CREATE DOMAIN codes AS text[];
CREATE DOMAIN ratio AS float8;
CREATE TYPE code_range AS RANGE (subtype = text);
SELECT type, try(format('DROP TABLE IF EXISTS typed; CREATE TABLE typed (id int PRIMARY KEY, k %s NOT NULL); SELECT replicache.track_table(''typed'', ''typed/{id}/{k}'')', type))
    FROM unnest('{text,varchar(9),char(3),name,code,mood,boolean,smallint,integer,bigint,numeric,oid,uuid,date,time,timetz,timestamp,timestamptz,inet,cidr,macaddr,bit(3),varbit,pg_lsn,xid8}'::text[]) AS type;
DROP TABLE typed;
SELECT type, split_part(try(format('CREATE TABLE typed (id int PRIMARY KEY, k %s NOT NULL); SELECT replicache.track_table(''typed'', ''typed/{id}/{k}'')', type)), E'\n', 1)
    FROM unnest('{real,float8,ratio,interval,bytea,money,"int[]",codes,composite,int4range,code_range,int4multirange,regclass,regproc,regtype,regrole,point,line,lseg,box,path,polygon,circle}'::text[]) AS type;
SELECT track('t', 't/{id}/{a}');
ALTER TABLE t ADD r real NOT NULL DEFAULT 0.1;
SELECT track('t', 't/{id}/{r}');

-- DateStyle, TimeZone and the like change no key.
CREATE TABLE settings (d date, ts timestamp, tz timestamptz, t time, z timetz, n numeric, b boolean, i inet, m mood, PRIMARY KEY (d, ts, tz, t, z, n, b, i, m));
INSERT INTO settings VALUES ('2024-02-01', '2024-02-01 03:04:05.6', '2024-02-01 03:04:05.678901+02', '01:02:03', '01:02:03+05:30', 1.50, true, '::1/64', 'b/d'),
    ('0044-03-15 BC', 'infinity', '-infinity', '24:00', '23:59:59.999999-12', 'NaN', false, '10.0.0.1', 'good');
SELECT replicache.track_table('settings', value => 'to_json(1)');
CREATE TABLE seen AS SELECT DISTINCT key FROM patch(replicache.pull_since(0)) WHERE op = 'put';
SELECT * FROM seen ORDER BY key COLLATE "C";
SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET extra_float_digits = -15; SET bytea_output = 'escape'; SET IntervalStyle = 'iso_8601';
SELECT count(*) FROM patch(replicache.pull_since(0)) JOIN seen USING (key);
SET DateStyle = 'German'; SET TimeZone = 'America/St_Johns';
SELECT count(*) FROM patch(replicache.pull_since(0)) JOIN seen USING (key);
SELECT count(*) FROM sync();
DELETE FROM settings;
RESET DateStyle; RESET TimeZone; RESET extra_float_digits; RESET bytea_output; RESET IntervalStyle;
SELECT * FROM sync();

DROP SCHEMA tracking_keys CASCADE;
DROP EXTENSION replicache_ext;
