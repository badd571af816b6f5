-- Default values: every column goes out byte for byte as to_json() writes it, whatever its type and whatever is set.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA json_types;
SET search_path = json_types;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Types of a user's own.
CREATE TYPE mood AS ENUM ('good', 'so "so"', E'back\\slash', 'été');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN positives AS positive[];
CREATE DOMAIN document AS jsonb;
CREATE DOMAIN raw AS json;
CREATE DOMAIN email AS varchar(40);
CREATE DOMAIN instant AS timestamptz;
CREATE TYPE inner_type AS (n numeric, t text, "quoted ""name" date, m mood);
CREATE TYPE outer_type AS (i inner_type, a inner_type[], d positive, j json, b bytea);
CREATE DOMAIN inner_domain AS inner_type;
CREATE TYPE mood_range AS RANGE (subtype = mood);
CREATE TABLE row_type (a int, gone int, b timestamptz);
ALTER TABLE row_type DROP gone;
-- … casts to json are used for types of one's own, and for no others.
CREATE TYPE castable AS ENUM ('x', 'y');
CREATE FUNCTION castable_json(castable) RETURNS json LANGUAGE sql IMMUTABLE AS $$SELECT json_build_object('castable', $1::text)$$;
CREATE CAST (castable AS json) WITH FUNCTION castable_json(castable);
CREATE FUNCTION inet_json(inet) RETURNS json LANGUAGE sql IMMUTABLE AS $$SELECT '"never"'::json$$;
CREATE CAST (inet AS json) WITH FUNCTION inet_json(inet);

-- Values of each type, as text.
CREATE TABLE sample (type text, value text, own boolean DEFAULT true);
INSERT INTO sample
    SELECT type, value FROM (VALUES
    ('boolean', ARRAY['true', 'false']),
    ('smallint', ARRAY['0', '-32768', '32767']), ('integer', ARRAY['-2147483648', '2147483647', '7']), ('bigint', ARRAY['-9223372036854775808', '9223372036854775807']),
    ('numeric', ARRAY['0', '-0.0', '0.10', '1e-30', '1e40', '123456789012345678901234567890.123456789', 'NaN', 'Infinity', '-Infinity', '100.00']),
    ('numeric(10,2)', ARRAY['1', '-0.005']),
    ('real', ARRAY['0', '-0', '0.1', '1e20', '1e-20', '3.4028235e38', '1e-45', 'NaN', 'Infinity', '-Infinity', '100000', '1234567']),
    ('double precision', ARRAY['0', '-0', '0.1', '1e15', '1e16', '1e300', '5e-324', 'NaN', 'Infinity', '-Infinity', '0.30000000000000004', '123456789012345680']),
    ('money', ARRAY['1234.5', '-0.01']), ('oid', ARRAY['0', '4294967295']),
    ('text', ARRAY['', 'plain', E'quote " back \\ slash / tab \t nl \n cr \r bs \b ff \f del \x7f', 'é ☃ 😀', U&'\2028 \FEFF \FFFF', '</script>', '\u0000', 'null', '1']),
    ('varchar', ARRAY['', 'x"y']), ('char(5)', ARRAY['', 'ab', 'ab"\']), ('"char"', ARRAY['', 'a', '"', '\']), ('name', ARRAY['', 'a "name"', '\']),
    ('bytea', ARRAY['', '\x00ff5c22', 'abc']), ('uuid', ARRAY['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11']),
    ('date', ARRAY['2024-02-29', '0044-03-15 BC', 'infinity', '-infinity', '5874897-12-31', '4713-01-01 BC']),
    ('time', ARRAY['00:00', '24:00', '12:34:56.789']), ('timetz', ARRAY['12:34:56.789+05:30', '00:00-15:59']),
    ('timestamp', ARRAY['2024-02-29 12:34:56.000001', 'infinity', '-infinity', '0001-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999', '2024-01-01']),
    ('timestamptz', ARRAY['2024-02-29 12:34:56.1+00', 'infinity', '-infinity', '0001-12-31 23:59:59 BC UTC', '1883-11-18 12:00:00 UTC', '2024-07-01 00:00 UTC']), ('timestamp(0)', ARRAY['2024-02-29 12:34:56.6']),
    ('interval', ARRAY['1 year 2 mons -3 days 04:05:06.7', '0', '-1 sec']),
    ('json', ARRAY['{ "a" :  [1, 2 ] , "a":"b" }', '"x"', 'null', E'[\n\t1.0e5 ]', '{}', '"\u00e9\/"']), ('jsonb', ARRAY['{"b": 1.10, "a": [1, "\"", null], "": {}}', 'null', '"x"', '[]', '12345678901234567890.10']),
    ('jsonpath', ARRAY['$."a"[*] ? (@ > 1)']), 
    ('inet', ARRAY['10.0.0.1', '::1/64']), ('cidr', ARRAY['10.0.0.0/8']), ('macaddr', ARRAY['08:00:2b:01:02:03']), ('macaddr8', ARRAY['08:00:2b:01:02:03:04:05']),
    ('bit(3)', ARRAY['101']), ('varbit', ARRAY['', '0101']), ('tsvector', ARRAY[$$'a':1A 'b "c''':2$$, '']), ('tsquery', ARRAY[$$'a' & !'b"c'$$]),
    ('point', ARRAY['(0.1,-1e300)', '(NaN,Infinity)']), ('line', ARRAY['{1,2,0.1}']), ('lseg', ARRAY['[(0,0),(1,0.1)]']), ('box', ARRAY['(1,1),(0,0.1)']), ('path', ARRAY['((0,0),(1,1))', '[(0,0)]']),
    ('polygon', ARRAY['((0,0),(1,1),(2,0))']), ('circle', ARRAY['<(0,0),0.1>']),
    ('regclass', ARRAY['pg_class', 'json_types.row_type']), ('regtype', ARRAY['integer', 'json_types.mood']), ('regproc', ARRAY['pg_backend_pid']), ('regprocedure', ARRAY['lower(text)']), ('regnamespace', ARRAY['json_types']),
    ('pg_lsn', ARRAY['16/B374D848']), ('xid', ARRAY['7']), ('xid8', ARRAY['18446744073709551615']), ('tid', ARRAY['(0,1)']), ('pg_snapshot', ARRAY['10:20:10,14']), ('oidvector', ARRAY['1 2', '']), ('int2vector', ARRAY['1 2']),
    ('aclitem', ARRAY['=r/' || quote_ident(current_user)]), ('refcursor', ARRAY['c"']),
    ('int4range', ARRAY['[1,5)', 'empty', '(,)']), ('numrange', ARRAY['[1.10,2.0]']), ('tstzrange', ARRAY['[2024-01-01 00:00 UTC,infinity)', '[,"2024-07-01 00:00 UTC")']), ('daterange', ARRAY['[2024-01-01,)']), ('int8multirange', ARRAY['{[1,2),[5,7)}', '{}']),
    ('tstzmultirange', ARRAY['{[2024-01-01 00:00 UTC,2024-02-01 00:00 UTC)}']), ('mood_range', ARRAY['[good,"so ""so"""]']),
    ('integer[]', ARRAY['{}', '{1,NULL,3}', '{{1,2},{3,4}}', '[5:6]={1,2}']), ('text[]', ARRAY[E'{"a\\"b",NULL,"null","","\\\\",é}', '{}']), ('float8[]', ARRAY['{NaN,1e300,0.1}']), ('timestamptz[]', ARRAY['{2024-01-01 00:00 UTC,infinity,-infinity}']),
    ('date[]', ARRAY['{2024-01-01,0044-03-15 BC}']), ('boolean[]', ARRAY['{t,f,NULL}']), ('json[]', ARRAY['{"{\"a\" : 1}",NULL}']), ('jsonb[]', ARRAY['{"{\"a\":1}"}']), ('numeric[]', ARRAY['{NaN,1.10}']), ('bytea[]', ARRAY['{"\\\\x00"}']),
    ('mood', ARRAY['good', 'so "so"', E'back\\slash', 'été']), ('mood[]', ARRAY['{good,"so \"so\"",NULL}']), ('positive', ARRAY['5']), ('positives', ARRAY['{1,2}']), ('document', ARRAY['{"a":1}']), ('raw', ARRAY['{ "a":1 }']), ('email', ARRAY['a"@b']),
    ('instant', ARRAY['2024-01-01 00:00 UTC']), ('instant[]', ARRAY['{2024-01-01 00:00 UTC}']), ('positive[]', ARRAY['{1,NULL}']),
    ('inner_type', ARRAY['(1.10,"a ""b""\\",2024-01-01,good)', '(,,,)']), ('inner_domain', ARRAY['(1.10,x,2024-01-01,good)']), ('outer_type', ARRAY[$$("(1,x,2024-01-01,good)","{""(1,\\""a b\\"",,)"",NULL}",5,"{ ""k"" : [ ] }","\\x00ff")$$, '(,,,,)']),
    ('inner_type[]', ARRAY['{"(1,x,,)",NULL}']), ('row_type', ARRAY['(1,"2024-01-01 00:00 UTC")']), ('row_type[]', ARRAY['{"(1,infinity)"}']), ('castable', ARRAY['x', 'y']), ('castable[]', ARRAY['{x,NULL}'])
    ) AS s (type, samples), unnest(samples) AS value;
-- … contrib types, where they are installed.
DO $$
BEGIN
    CREATE EXTENSION hstore;
    INSERT INTO sample VALUES ('hstore', '"a"=>"1", "b\""=>NULL'), ('hstore', ''), ('hstore[]', '{"\"a\"=>\"1\""}');
EXCEPTION WHEN undefined_file OR feature_not_supported THEN NULL;
END $$;
DO $$
BEGIN
    CREATE EXTENSION citext;
    INSERT INTO sample VALUES ('citext', 'A"b'), ('citext[]', '{A,b}');
EXCEPTION WHEN undefined_file OR feature_not_supported THEN NULL;
END $$;
DO $$
BEGIN
    INSERT INTO sample VALUES ('xml', '<a b="c">"d"&amp;</a>'::xml), ('xml', '<é>
</é>'), ('xml[]', '{<a/>,NULL}');
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
-- … and every other type of the server that a column can have, with whatever it takes of some common texts.
INSERT INTO sample SELECT format_type(oid, NULL), value, false FROM pg_type, unnest(ARRAY['1', 'a', '{}', '()', 'f', '2024-01-01', '', '{1}']) AS value
    WHERE typisdefined AND typtype IN ('b', 'd', 'e', 'r', 'm') AND typnamespace = 'pg_catalog'::regnamespace AND format_type(oid, NULL) NOT IN (SELECT type FROM sample);

-- One table with a column for each type, and a row for each value; and a row of NULLs.
CREATE TABLE typed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type text);
CREATE TABLE col (name name, type text);
INSERT INTO col SELECT 'c "' || row_number() OVER (ORDER BY type COLLATE "C"), type FROM (SELECT DISTINCT type FROM sample) AS t;
DELETE FROM col WHERE try(format('ALTER TABLE typed ADD %I %s', name, type)) <> 'ok';
SELECT replicache.track_table('typed');
INSERT INTO typed (type) VALUES ('NULL');
SELECT count(*) FILTER (WHERE outcome = 'ok') > 200 FROM sample JOIN col USING (type), try(format('INSERT INTO typed (type, %I) VALUES (%L, %L)', name, col.type, value)) AS outcome
    WHERE NOT own;
SELECT col.type, value, outcome FROM sample JOIN col USING (type), try(format('INSERT INTO typed (type, %I) VALUES (%L, %L)', name, col.type, value)) AS outcome
    WHERE own AND outcome <> 'ok';
SELECT type FROM sample WHERE own AND type NOT IN (SELECT type FROM col);
SELECT (SELECT count(*) > 200 FROM col), count(*) > 400 AND count(*) >= (SELECT count(*) FROM sample WHERE own) FROM typed;

-- What a pull gives for each row that is not what to_json gives.
CREATE FUNCTION wrong() RETURNS TABLE (type text, pull text, to_json text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT format($q$CREATE TEMP TABLE expected AS SELECT type, 'typed/' || id AS key, '{"id":' || id || ',"type":' || to_json(type) || ',' || array_to_string(ARRAY[%s], ',') || '}' AS value FROM typed$q$,
        string_agg(format('%L || coalesce(to_json(%I)::text, ''null'')', to_json(name)::text || ':', name), ',' ORDER BY attnum)) FROM col JOIN pg_attribute ON attrelid = 'typed'::regclass AND attname = name);
    RETURN QUERY WITH pull AS (SELECT key, value FROM patch(replicache.pull_since(0)) WHERE op = 'put')
        SELECT e.type, p.value, e.value
        FROM expected e FULL JOIN pull p USING (key) WHERE e.value IS DISTINCT FROM p.value LIMIT 5;
    DROP TABLE expected;
END $$;
SELECT * FROM wrong();
-- (It does find differences.)
CREATE FUNCTION to_json(boolean) RETURNS json LANGUAGE sql STRICT AS $$SELECT '0'::json$$;
SELECT DISTINCT type FROM wrong();
DROP FUNCTION to_json(boolean);
SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET extra_float_digits = -7; SET bytea_output = 'escape'; SET IntervalStyle = 'iso_8601';
SELECT * FROM wrong();
SET DateStyle = 'German'; SET TimeZone = 'America/St_Johns'; SET extra_float_digits = 3; SET xmloption = 'document'; SET IntervalStyle = 'sql_standard'; SET quote_all_identifiers = on;
SELECT * FROM wrong();
RESET DateStyle; RESET TimeZone; RESET extra_float_digits; RESET bytea_output; RESET IntervalStyle; RESET xmloption; RESET quote_all_identifiers;
DROP TABLE typed;

-- Every character, as value and as key.
CREATE TABLE chars (code int PRIMARY KEY, c text);
INSERT INTO chars SELECT n, chr(n) FROM generate_series(1, 70000) n WHERE n NOT BETWEEN 55296 AND 57343;
SELECT replicache.track_table('chars');
SELECT count(*), count(*) FILTER (WHERE value <> format('{"code":%s,"c":%s}', code, to_json(c))) FROM chars JOIN patch(replicache.pull_since(0)) p ON p.key = 'chars/' || code;
SELECT value FROM patch(replicache.pull_since(0)) WHERE op = 'put' AND key IN ('chars/1', 'chars/8', 'chars/31', 'chars/34', 'chars/92', 'chars/127', 'chars/9731') ORDER BY key;
DROP TABLE chars;
-- Rows wider than a page; names of columns that need quoting; dropped columns; no column at all but the key.
CREATE TABLE wide (id int PRIMARY KEY, dropped int, "a ""quoted"" \ name" text, "é☃" text, big text, "select" int);
ALTER TABLE wide DROP dropped;
SELECT replicache.track_table('wide');
INSERT INTO wide VALUES (1, E'\n', NULL, repeat('"', 100000), 1), (2, NULL, '', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 3000) n), NULL);
SELECT key, length(value), md5(value) = md5((to_jsonb(w) - 'version')::text) OR value::jsonb = to_jsonb(w) - 'version' FROM patch(replicache.pull_since(0)) JOIN wide w ON key = 'wide/' || id ORDER BY key;
SELECT left(value, 60) FROM patch(replicache.pull_since(0)) WHERE op = 'put' ORDER BY key;
UPDATE wide SET id = 3, big = NULL, "é☃" = '\u0000' WHERE id = 1;
ALTER TABLE wide ALTER big TYPE json USING to_json(1), ADD j json DEFAULT '"\u0000 \ud83d\ude00"';
SELECT strpos(replicache.pull_since(0)::text, '{"op":"put","key":"wide/3","value":{"id":3,"a \"quoted\" \\ name":"\n","é☃":"\\u0000","big":1,"select":1,"j":"\u0000 \ud83d\ude00"}}') > 0;
CREATE TABLE bare (id int PRIMARY KEY, gone boolean);
SELECT replicache.track_table('bare', deleted => 'gone');
INSERT INTO bare VALUES (1);
SELECT replicache.untrack_table('wide');
SELECT key, value FROM patch(replicache.pull_since(0)) WHERE op = 'put';

DROP SCHEMA json_types CASCADE;
DROP EXTENSION IF EXISTS hstore, citext;
DROP EXTENSION replicache_ext;
