-- Parameters by name: every type takes from every value what json_populate_record makes of it, or fails with the same error.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA named;
SET search_path = named, public;
SET client_min_messages = warning;
SET replicache.poke_channel = '';
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE TYPE mood AS ENUM ('sad', 'ok', '1', 'true');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN needed AS text NOT NULL;
CREATE DOMAIN whole_pair AS pair CHECK ((VALUE).a IS NOT NULL);
CREATE TABLE types (n int GENERATED ALWAYS AS IDENTITY, type text);
INSERT INTO types (type) SELECT unnest(ARRAY['text', 'varchar', 'bpchar', 'char(3)', 'varchar(3)', 'name', '"char"', 'int2', 'int4', 'int8', 'float4', 'float8',
    'numeric', 'numeric(4,1)', 'bool', 'uuid', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'timestamptz(0)', 'interval', 'bytea', 'json', 'jsonb',
    'oid', 'regclass', 'regtype', 'inet', 'cidr', 'macaddr', 'bit', 'varbit', 'money', 'point', 'box', 'path', 'tsvector', 'tsquery', 'jsonpath', 'pg_lsn', 'xid8',
    'int4range', 'int4multirange', 'tstzrange', 'int2vector', 'oidvector', 'int[]', 'text[]', 'json[]', 'mood', 'mood[]', 'pair', 'pair[]', 'positive', 'positive[]',
    'needed', 'whole_pair']);

CREATE TABLE args (n int GENERATED ALWAYS AS IDENTITY, args text);
INSERT INTO args (args) SELECT format('{"p":%s}', v) FROM unnest(ARRAY[
    'null', 'true', 'false', '0', '-0', '1', '-1', '7', '1.0', '1e3', '1E+3', '0.10', '-0.0', '32768', '2147483648', '9223372036854775808',
    '123456789012345678', '1234567890123456789', '123456789012345678901234567890', '0.1234567890123456789012345678901', '1e400', '-1e400', '1e-400', '1e200000',
    '""', '" "', '"1"', '" 1 "', '"-1"', '"1.0"', '"1e3"', '"0x1F"', '"t"', '"true"', '"off"', '"null"', '"NaN"', '"infinity"', '"abc"', '"ABCDEF"', '"ok"',
    '"2020-02-29"', '"2020-02-30"', '"12:34:56.789"', '"12:34:56+02"', '"2020-02-29T12:34:56.7891234Z"', '"2020-02-29 12:34:56+02"', '"1 day 02:03"', '"P1DT2H"',
    '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', '"A0EEBC999C0B4EF8BB6D6BB9BD380A11"', '"pg_class"', '"pg_catalog.int4"', '"10.0.0.1/8"', '"08:00:2b:01:02:03"', '"101"', '"(1,2)"', '"(1,2),(3,4)"', '"[2020-01-01,2020-02-01)"',
    '"[1,5)"', '"{[1,5)}"', '"{}"', '"{1,2}"', '"{sad,ok}"', '"(1,x)"', '"[1,2]"', '"a & b"', '"$.a"', '"0/1"', '"1 2 3"', '"\\x4142"', '"\\\\"', '"\\x4"', '"\"quoted\""', '"a\/b"', '"\b\f\n\r\t"',
    '"\u00e9"', '"\u0041\u0042"', '"\ud83d\ude00"', '"\u0000"', '"\ud800"', '"\udc00\ud800"', '"\\u0041"', '"é😀"', '"' || repeat('x', 5000) || '"', '"' || repeat('\"', 300) || '"',
    '{}', '[]', '{ "a" : 1 ,"b":"x" }', '{"a":"7","b":{"c":[1, 2.50]}}', '{"b":"x\/y\n"}', '{"a":null}', '{"a":1,"a":2,"b":"\u0041"}', '{"a":"\u0000"}', '{"c":"\ud800"}', '{"a":"x","c":1}',
    '[1, 2,3]', '["1","2"]', '[null,true]', '[[1,2],[3,4]]', '[[1],[2,3]]', '["a\/b","\u00e9"]', '[{"a":1},{"b":"\\"}]', '["sad"]', '[-1]', '["\u0000"]', repeat('[', 300) || repeat(']', 300)]) AS v;
INSERT INTO args (args) VALUES
    ('{"p":1,"p":2}'), ('{"p":2,"p":null}'), ('{"p":null,"p":"1"}'), ('{"p":{"a":1},"p":3}'), ('{"p":"a","p":[1]}'), ('{"p":"\u0000","p":1}'), ('{"\u0070":1}'), ('{"p":1,"\u0070":2}'),
    (E' {\n"p"\t:\r 1 } '), ('{"p" :"x" }'), ('{"p":{"p":":,"}}'), ('{"p":"{\"p\":1}"}'), ('{"p":[ ":" , "," ]}'), ('{"p":"a\\"}');

-- The row that a parameter of the type is to get.
CREATE FUNCTION expected(type text, args text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT ROW(r.p)::text FROM json_to_record(%L) AS r(p %s)', args, type) INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END $$;

CREATE TABLE got (value text);
CREATE SEQUENCE ids;
CREATE FUNCTION got(mutator text, args text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    DELETE FROM got;
    answer := replicache.apply_push(format('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":%s,"name":"%s","args":%s}]}',
        nextval('ids'), mutator, args)::json);
    RETURN COALESCE(concat_ws(' ', answer->'rejected'->0->>'code', answer->'rejected'->0->>'message'), '') || COALESCE((SELECT value FROM got), '');
END $$;

-- A parameter has no length: char(3) is bpchar, and bit is not bit(1).
CREATE FUNCTION compare() RETURNS TABLE (type text, args text, expected text, got text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    t record;
    plain text;
BEGIN
    FOR t IN SELECT * FROM types ORDER BY n LOOP
        EXECUTE format('CREATE FUNCTION take_%s(p %s, only_json_comes_whole int DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS ''BEGIN INSERT INTO got VALUES (ROW(p)::text); END''', t.n, t.type);
        PERFORM replicache.register_mutator('take_' || t.n, p.oid) FROM pg_proc p WHERE p.proname = 'take_' || t.n;
        plain := CASE WHEN t.type LIKE 'char(%' THEN 'bpchar' WHEN t.type = 'bit' THEN '"bit"' ELSE split_part(t.type, '(', 1) END;
        RETURN QUERY SELECT t.type, a.args, expected(plain, a.args), got('take_' || t.n, a.args) FROM args a ORDER BY a.n;
    END LOOP;
END $$;
CREATE TABLE compared AS SELECT * FROM compare();
SELECT type, left(args, 60) AS args, left(expected, 60) AS expected, left(got, 60) AS got FROM compared WHERE got IS DISTINCT FROM expected;

-- The args whole are what jsonb's input function makes of them.
CREATE FUNCTION whole(args jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO got VALUES (args::text || pg_column_size(args)); END';
SELECT replicache.register_mutator('whole', 'whole(jsonb)');
CREATE FUNCTION expected_jsonb(args text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN args::jsonb::text || pg_column_size(args::jsonb);
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END $$;
SELECT left(v, 60) AS args, left(expected_jsonb(v), 60) AS expected, left(got('whole', v), 60) AS got
    FROM (SELECT args FROM args UNION ALL SELECT args::json->'p' #>> '{}' FROM args WHERE args !~ 'u0000|ud800' AND json_typeof(args::json->'p') IN ('object', 'array')) AS a(v)
    WHERE got('whole', v) IS DISTINCT FROM expected_jsonb(v);
-- The test is worth something only when both happen, and every type took something.
SELECT count(*) > 5000 AS many, count(*) FILTER (WHERE got LIKE '(%') > 1500 AS taken, count(*) FILTER (WHERE got NOT LIKE '(%') > 1500 AS refused FROM compared;
SELECT t.type AS took_nothing FROM types t WHERE NOT EXISTS (SELECT FROM compared c WHERE c.type = t.type AND c.got LIKE '(_%)');

-- Parameters of several types, some with defaults; one that needs json_populate_record does not change what the others get.
CREATE FUNCTION mixed(a int, b text DEFAULT 'b' || 1, c jsonb DEFAULT '{"x": [1]}', d positive DEFAULT 5, e int[] DEFAULT NULL, f timestamptz DEFAULT now()) RETURNS void
    LANGUAGE plpgsql AS 'BEGIN INSERT INTO got VALUES (ROW(a, b, c, d, e, f = now())::text); END';
SELECT replicache.register_mutator('mixed', p.oid) FROM pg_proc p WHERE p.proname = 'mixed' AND p.pronamespace = 'named'::regnamespace;
SELECT args, got('mixed', args) FROM unnest(ARRAY['{"a":1}', '{"a":1,"b":"\n","c":{"y":"\/"}}', '{"a":1,"d":2,"b":"\n","c":{"y":"\/"}}', '{"a":1,"d":-2}', '{"a":"1","e":[1,2],"c":"x"}',
    '{"e":null,"a":null,"b":null,"c":null}', '{"a":1,"d":null}', '{"f":"x","a":"y"}', '{"a":1,"d":2,"f":"x","b":7}', '{"b":1}', '{"a":1,"\u0062":2,"x":3}', '{"a":1,"x\/":3,"b":"\u0000"}', '["\u0000"]', '["x"]', '"x"', '1', 'null', '{}']) AS args;

-- What the types mean may change from one push to the next.
CREATE FUNCTION changing(m mood, d positive, p pair) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO got VALUES (ROW(m, d, p)::text); END';
SELECT replicache.register_mutator('changing', p.oid) FROM pg_proc p WHERE p.proname = 'changing' AND p.pronamespace = 'named'::regnamespace;
SELECT got('changing', '{"m":"ok","d":1,"p":{"a":1}}'), got('changing', '{"m":"fine","d":1,"p":{"a":1}}'), got('changing', '{"m":"ok","d":0,"p":{"a":1}}');
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';
ALTER DOMAIN positive DROP CONSTRAINT positive_check;
ALTER TYPE pair ADD ATTRIBUTE c text;
SELECT got('changing', '{"m":"ok","d":1,"p":{"a":1}}'), got('changing', '{"m":"fine","d":1,"p":{"a":1}}'), got('changing', '{"m":"fine","d":0,"p":{"a":1,"c":"x"}}');
DROP EXTENSION replicache_ext;
DROP SCHEMA named CASCADE;
