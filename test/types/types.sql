\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET statement_timeout = '15min';
CREATE SCHEMA types;
SET search_path = types, public;
\i :definitions
CREATE FUNCTION read_column(type text, value json) RETURNS text LANGUAGE c AS :'module', 'read_column';

-- The value, or the SQLSTATE.
CREATE FUNCTION outcome(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce(read_column(type, value::json), 'NULL');
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate;
END $$;

-- The message, detail and hint.
CREATE FUNCTION complaint(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    RETURN 'no error: ' || coalesce(read_column(type, value::json), 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;

CREATE SEQUENCE number;
CREATE FUNCTION is(got anycompatible, wanted anycompatible, name text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN got IS NOT DISTINCT FROM wanted THEN '' ELSE 'not ' END || 'ok ' || nextval('number') || ' - ' || name
        || CASE WHEN got IS NOT DISTINCT FROM wanted THEN '' ELSE E'\n    expected ' || coalesce(wanted::text, 'NULL') || E'\n    got      ' || coalesce(got::text, 'NULL') END
$$;

-- The table of the document.
\set document `cat docs/types.md`
\set example '`([^`]+)` (?:→ (?:`([^`]+)`|(NULL))|([0-9A-Z]{5}))'
CREATE TABLE row_of_document AS
    SELECT n, split_part(line, '|', 2) AS types, split_part(line, '|', 3) || ' ' || split_part(line, '|', 4) AS examples
    FROM regexp_split_to_table(:'document', '\n') WITH ORDINALITY AS l(line, n) WHERE line ~ '^\| `';
SELECT is(regexp_replace(examples, :'example', '', 'g') ~ '^[ ,]*$', true, 'the examples of' || types || 'are understood')
    FROM row_of_document ORDER BY n;
SELECT is(outcome(type[1], example[1]), coalesce(example[2], example[3], example[4]), type[1] || ' from ' || example[1])
    FROM row_of_document, regexp_matches(types, '`([^`]+)`', 'g') AS type, regexp_matches(examples, :'example', 'g') AS example;
SELECT is(outcome(type[1], 'null'), CASE type[1] WHEN 'email' THEN '23502' ELSE 'NULL' END, type[1] || ' from null')
    FROM row_of_document, regexp_matches(types, '`([^`]+)`', 'g') AS type;

-- Odd values.
CREATE DOMAIN small_positive AS positive CHECK (value < 10);
CREATE DOMAIN few AS positive[] CHECK (cardinality(value) < 4);
CREATE DOMAIN code AS varchar(3);
CREATE DOMAIN document AS jsonb CHECK (jsonb_typeof(value) = 'object');
CREATE DOMAIN raw AS json;
CREATE DOMAIN flag AS boolean;
CREATE DOMAIN instant AS timestamptz;
CREATE DOMAIN place AS address CHECK ((value).number IS NOT NULL);
CREATE TYPE person AS (name code, home address, places place[], "quoted ""name" numeric(4,1), data jsonb, "é" text);
CREATE TYPE mood_range AS RANGE (subtype = mood);
CREATE TABLE row_type (a int, gone text, b date);
ALTER TABLE row_type DROP gone;
CREATE TABLE odd (n serial, type text, json text, wanted text);
INSERT INTO odd(type, json, wanted) VALUES
    -- Numbers.
    ('bigint', '9223372036854775807', '9223372036854775807'), ('bigint', '9223372036854775807.000', '9223372036854775807'),
    ('bigint', '9.223372036854775807e18', '9223372036854775807'), ('bigint', '-9223372036854775808.0', '-9223372036854775808'),
    ('bigint', '-9223372036854775809', '22003'), ('bigint', '92233720368547758070', '22003'), ('bigint', '9223372036854775807.5', '22P02'),
    ('bigint', '99999999999999999999.5', '22P02'), ('bigint', '1e18', '1000000000000000000'), ('bigint', '1e19', '22003'), ('bigint', '10000000000000000000', '22003'),
    ('bigint', '1000e-3', '1'), ('bigint', '1000e-4', '22P02'), ('bigint', '0e999999999999999999999', '0'), ('bigint', '1e999999999999999999999', '22003'), ('bigint', '1e18446744073709551616', '22003'), ('bigint', '18446744073709551617', '22003'), ('bigint', '36893488147419103233', '22003'), ('bigint', '"1e1x"', '22P02'), ('bigint', '"1x"', '22P02'),
    ('bigint', '1e-999999999999999999999', '22P02'), ('bigint', '0.00000000000000000000000000000', '0'), ('bigint', '"+5"', '5'), ('bigint', '"5."', '5'), ('bigint', '".5e1"', '5'), ('bigint', '"."', '22P02'),
    ('bigint', '"1e"', '22P02'), ('bigint', '"1e+"', '22P02'), ('bigint', '"- 1"', '22P02'), ('bigint', '"--1"', '22P02'), ('bigint', '"1 2"', '22P02'), ('bigint', '"NaN"', '22P02'), ('bigint', '"true"', '22P02'),
    ('bigint', '"\t7\n"', '7'), ('bigint', '"1e-0"', '1'), ('bigint', '"000000000000000000000000000000000000007"', '7'), ('bigint', '{}', '22P02'), ('bigint', '[1]', '22P02'),
    ('integer', '2147483647.0', '2147483647'), ('integer', '2147483648', '22003'), ('integer', '-2147483648', '-2147483648'), ('integer', '-2147483649', '22003'), ('integer', 'false', '0'),
    ('smallint', '32767', '32767'), ('smallint', '32768', '22003'), ('smallint', '-32768', '-32768'), ('smallint', '"-32769"', '22003'), ('smallint', '65536', '22003'), ('smallint', '4294967296', '22003'),
    ('numeric', '1e400000000', '22003'), ('numeric', '"1e-400000000"', '22003'), ('numeric', '1.10e1', '11.0'), ('numeric', '-0.00', '0.00'),
    ('numeric', '123456789012345678901234567890.123456789012345678901234567890', '123456789012345678901234567890.123456789012345678901234567890'),
    ('numeric', '" 1 "', '1'), ('numeric', '[]', '22P02'), ('numeric(4,2)', '"NaN"', 'NaN'), ('numeric(4,2)', '"Infinity"', '22003'), ('numeric(3)[]', '[1.5, "2"]', '{2,2}'), ('numeric(3)[]', '[1000]', '22003'),
    ('double precision', '-0.0', '-0'), ('double precision', '1e-400', '22003'), ('double precision', '0.1', '0.1'), ('double precision', '"-Infinity"', '-Infinity'), ('real', '1e39', '22003'), ('real', '16777217', '1.6777216e+07'),
    ('money', '"$1,234.50"', '$1,234.50'), ('oid', '4294967295', '4294967295'),
    -- Booleans.
    ('boolean', '-0.0', 'f'), ('boolean', '10e-1', 't'), ('boolean', '0.5', '22P02'), ('boolean', '-1', '22P02'), ('boolean', '"1.0"', 't'), ('boolean', '" TRUE "', 't'), ('boolean', '{"a":1}', '22P02'), ('flag', '1', 't'), ('flag[]', '[1,0,"yes",null]', '{t,f,t,NULL}'),
    -- Text.
    ('text', '""', ''), ('text', '"a\"b\\c\/\b\f\n\r\t"', E'a"b\\c/\b\f\n\r\t'), ('text', '"\ud83d\ude00\u0041"', '😀A'), ('text', '"é😀"', 'é😀'), ('text', '"\\u0041"', '\u0041'), ('text', '"\udc00"', '22P02'), ('text', '"\ud800x"', '22P02'),
    ('text', '"null"', 'null'), ('text', ' 1.50 ', '1.50'), ('text', '{"a":"\u0000"}', '{"a":"\u0000"}'), ('varchar(2)', '"éé"', 'éé'), ('varchar(2)', '"ééé"', '22001'), ('varchar(2)', '123', '22001'),
    ('varchar(2)', '"\u00e9\u00e9"', 'éé'), ('code', '"abcd"', '22001'), ('code', '"abc"', 'abc'), ('name', '"x"', 'x'), ('"char"', '"x"', 'x'), ('char(2)[]', '["a","abc"]', '22001'), ('varchar(2)[]', '[["a"],["b"]]', '{{a},{b}}'), ('bit(3)', '"101"', '101'), ('bit(3)', '"1"', '22026'),
    -- JSON.
    ('jsonb', '1.50', '1.50'), ('jsonb', '"1.50"', '1.50'), ('jsonb', '" {\"a\":1} "', '{"a": 1}'), ('json', '" {\"a\":1} "', ' {"a":1} '), ('jsonb', '"\"\\u00e9\""', '"é"'), ('jsonb', '"\"\\u0000\""', '22P05'), ('json', '"\"\\u0000\""', '"\u0000"'),
    ('jsonb', '"{\"a\":1}}"', '22P02'), ('jsonb', '"{''a'':1}"', '22P02'), ('jsonb', '"{\"a\":\"{\\\"b\\\":1}\"}"', '{"a": "{\"b\":1}"}'), ('jsonb', '"NaN"', '22P02'), ('jsonb', '"\u0000"', '22P05'), ('jsonb', '[]', '[]'), ('jsonb', '{"a":1,"a":2}', '{"a": 2}'),
    ('document', '"{\"a\":1}"', '{"a": 1}'), ('document', '[1]', '23514'), ('document', 'null', 'NULL'), ('raw', '"[1, 2]"', '[1, 2]'), ('raw', '[1,  2]', '[1,  2]'), ('json[]', '[1, "\"a\"", "null", null, [1], {"a" :1}]', '{1,"\"a\"","null",NULL,[1],"{\"a\" :1}"}'), ('json[]', '"[[1],[2,3]]"', '{[1],"[2,3]"}'),
    ('jsonpath', '"$.a"', '$."a"'),
    -- Arrays.
    ('integer[]', '" [1,2]"', '{1,2}'), ('integer[]', '"[0:1]={1,2}"', '[0:1]={1,2}'), ('integer[]', '"[2:2][1:2]={{1,2}}"', '[2:2][1:2]={{1,2}}'), ('integer[]', '"[1"', '22P02'), ('integer[]', '"[1]]"', '22P02'), ('integer[]', '"{1"', '22P02'), ('integer[]', '""', '22P02'), ('integer[]', 'true', '22P02'),
    ('integer[]', '[[]]', '{}'), ('integer[]', '[[],[]]', '{}'), ('integer[]', '[[],[1]]', '22P02'), ('integer[]', '[[1],[]]', '22P02'), ('integer[]', '[[],1]', '22P02'), ('integer[]', '[1,[]]', '22P02'), ('integer[]', '[null,[1]]', '22P02'), ('integer[]', '[[1],null]', '22P02'), ('integer[]', '[[[1],[2]],[[3],[4]]]', '{{{1},{2}},{{3},{4}}}'),
    ('integer[]', '[[[1],[2]],[[3]]]', '22P02'), ('integer[]', '[[[1]],[2]]', '22P02'), ('integer[]', '[[[[[[1]]]]]]', '{{{{{{1}}}}}}'), ('integer[]', '[[[[[[[1]]]]]]]', '54000'), ('integer[]', '[[[[[[[]]]]]]]', '54000'), ('integer[]', '[null]', '{NULL}'), ('integer[]', '["null"]', '22P02'), ('integer[]', '["[1]"]', '22P02'),
    ('text[]', '["", "null", null, "a\"b", "{}", "\\", " "]', '{"","null",NULL,"a\"b","{}","\\"," "}'), ('text[]', '[{"a":[1]}, 1.0, true]', '{"{\"a\":[1]}",1.0,true}'), ('text[]', '"[\"]=\"]"', '{]=}'), ('timestamptz[]', '["2024-01-01T00:00:00Z"]', '{"2024-01-01 00:00:00+00"}'), ('bytea[]', '["AA==","\\xff"]', '{"\\x00","\\xff"}'),
    ('uuid[]', '"[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]"', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('mood[]', '["ok","sad"]', '{ok,sad}'), ('few', '[1,2.0]', '{1,2}'), ('few', '"[1,2,3,4]"', '23514'), ('few', '"{1,2}"', '{1,2}'), ('few', '"{0}"', '23514'), ('few', '[0]', '23514'), ('few[]', '[[1,2],[3],null,"{4}"]', '{"{1,2}","{3}",NULL,"{4}"}'),
    ('email[]', '["a@b", null]', '23502'), ('int4range[]', '["[1,2)"]', '{"[1,2)"}'), ('int2vector', '"1 2"', '1 2'), ('int2vector', '[1,2]', '22P02'), ('box[]', '["(1,1),(0,0)"]', '{(1,1),(0,0)}'),
    -- Dates and times.
    ('timestamptz', '"2024-02-29T12:34:56.123456789Z"', '2024-02-29 12:34:56.123457+00'), ('timestamptz', '"2024-02-29T12:34:56-0330"', '2024-02-29 16:04:56+00'), ('timestamptz', '"2024-02-29"', '2024-02-29 00:00:00+00'), ('timestamptz', '"2024-02-29T24:00:00Z"', '2024-03-01 00:00:00+00'), ('timestamptz', '"2024-02-29t12:34:56z"', '2024-02-29 12:34:56+00'), ('timestamptz', 'true', '22007'), ('timestamptz', '{}', '22007'), ('timestamptz', '"2024-13-01"', '22008'),
    ('timestamptz(0)', '"2024-02-29T12:34:56.5Z"', '2024-02-29 12:34:57+00'), ('timestamp(3)', '"2024-02-29T12:34:56.0005"', '2024-02-29 12:34:56.001'), ('timetz', '"12:34:56+05:30"', '12:34:56+05:30'), ('timetz', '123456', '22007'), ('timestamp', '20240229', '22007'), ('time', '"2024-02-29 12:34:56"', '12:34:56'), ('instant', '"2024-02-29T12:34:56Z"', '2024-02-29 12:34:56+00'), ('instant', '0', '22007'), ('date[]', '["2024-02-29", 20240229]', '22007'),
    -- Composites.
    ('address', '{}', '(,)'), ('address', '"{}"', '(,)'), ('address', '" ( a ,1)"', '(" a ",1)'), ('address', '{"number":1,"number":2}', '(,2)'), ('address', '{"street":"a\"b,c"}', '("a""b,c",)'), ('address', '"{\"street\""', '22P02'), ('address', '7', '22P02'), ('address', '{"street":{"a":[1]},"number":null}', '("{""a"":[1]}",)'),
    ('place', '{"number":1}', '(,1)'), ('place', '{}', '23514'), ('place', '"(,)"', '23514'), ('place', 'null', '23514'), ('person', '{"name":"abcd"}', '22001'), ('person', '{"home":"{\"number\":\"7.0\"}"}', '(,"(,7)",,,,)'), ('person', '{"home":{"number":7.5}}', '22P02'), ('person', '{"places":[{"number":1},"(a,2)"]}', '(,,"{""(,1)"",""(a,2)""}",,,)'),
    ('person', '{"places":"[{}]"}', '23514'), ('person', '{"quoted \"name":12.34,"data":"{\"a\":1}","\u00e9":"x","name":"n"}', '(n,,,12.3,"{""a"": 1}",x)'), ('person', '{"QUOTED":1}', '42703'), ('person[]', '[{"home":{"street":"s"}},null]', '{"(,\"(s,)\",,,,)",NULL}'), ('row_type', '{"b":"2024-02-29","a":"1.0"}', '(1,2024-02-29)'), ('row_type', '{"gone":"x"}', '42703'), ('row_type', '{"........pg.dropped.2........":"x"}', '42703'),
    -- Bytes.
    ('bytea', '"AA=="', '\x00'), ('bytea', '"AAA="', '\x0000'), ('bytea', '"AA"', '\x00'), ('bytea', '"AAAA"', '\x000000'), ('bytea', '"A"', '22P02'), ('bytea', '"AAAAA"', '22P02'), ('bytea', '"AB=="', '22P02'), ('bytea', '"AAB="', '22P02'), ('bytea', '"A==="', '22P02'), ('bytea', '"="', '22P02'), ('bytea', '"===="', '22P02'), ('bytea', '"AA="', '22P02'), ('bytea', '"AA==AA=="', '22P02'), ('bytea', '"+/+/"', '\xfbffbf'), ('bytea', '"-_-_"', '\xfbffbf'), ('bytea', '"\\xZZ"', '22023'), ('bytea', '"\\X00"', '22P02'), ('bytea', '"\\x"', '\x'), ('bytea', '{"0":104}', '22P02'), ('bytea', 'true', '22P02'), ('bytea', '"é"', '22P02'),
    -- The rest.
    ('mood_range', '"[sad,ok)"', '[sad,ok)'), ('daterange', '"[2024-01-01,2024-02-01)"', '[2024-01-01,2024-02-01)'), ('numrange', '1', '22P02'), ('numrange', '"[1.10,2.0]"', '[1.10,2.0]'), ('point', '"(1,2)"', '(1,2)'), ('tsvector', '"a b"', '''a'' ''b'''), ('pg_lsn', '"16/B374D848"', '16/B374D848'), ('cidr', '"10.0.0.1/8"', '22P02'), ('small_positive', '5', '5'), ('small_positive', '10', '23514'), ('small_positive', '0', '23514');
SELECT is(outcome(type, json), wanted, type || ' from ' || json) FROM odd ORDER BY n;

-- Text that holds the JSON of a JSON text is what that text is: as SQLite stores it.
SELECT is(outcome(type, to_json(json)::text), wanted, type || ' from the text of ' || json) FROM odd
    WHERE json ~ '^ *[[{]' AND (type ~ '\[\]$' OR type IN ('json', 'jsonb', 'few', 'address', 'place', 'person', 'row_type')) AND type <> 'text' ORDER BY n;

-- Any value for any type is stored, or refused for what it is: no internal error, nothing that calls for another try.
SELECT is(string_agg(type || ' from ' || json || ': ' || outcome, ', ') FILTER (WHERE outcome ~ '^(XX|0[0-9A-Z]|40|53|57|58)[0-9A-Z]{3}$'), NULL,
    count(*) || ' values for other types')
FROM (SELECT t.type, v.json, outcome(t.type, v.json) FROM (SELECT DISTINCT type FROM odd) AS t, (SELECT DISTINCT json FROM odd) AS v) AS crossed;

-- ISO text means the same whatever is set.
SET DateStyle = 'SQL, DMY';
CREATE TEMP TABLE dmy AS SELECT n, extract(epoch FROM read_column('timestamptz', json::json)::timestamptz) AS epoch
    FROM odd WHERE type = 'timestamptz' AND wanted ~ '^2024';
SET DateStyle = 'ISO, MDY';
SELECT is(d.epoch, extract(epoch FROM wanted::timestamptz), json || ' under another DateStyle') FROM dmy d JOIN odd USING (n) ORDER BY n;
SET TimeZone = 'Asia/Tokyo';
SELECT is(outcome('timestamptz', '"2024-02-29T12:34:56Z"'), '2024-02-29 21:34:56+09', 'a time with its zone');
SELECT is(outcome('timestamptz', '"2024-02-29T12:34:56"'), '2024-02-29 12:34:56+09', 'a time without a zone is local');
SET TimeZone = 'UTC';

-- What clients are told. The document's messages come first.
SELECT is(complaint(type, json), replace(wanted, '$', E'\n'), 'message for ' || type || ' from ' || left(json, 60)) FROM (VALUES
    ('integer', '"1.5"', 'column "v": invalid input syntax for type integer: "1.5"'),
    ('varchar(3)', '"abcd"', 'column "v": value too long for type character varying(3): "abcd"'),
    ('jsonb', '"abc"', 'column "v": invalid input syntax for type json: "abc"$DETAIL: Token "abc" is invalid.$HINT: Write JSON in the text. A string of JSON needs quotes inside the text: "\"abc\"".'),
    ('integer[]', '[1,"x"]', 'column "v": invalid input syntax for type integer: "x": [1,"x"]'),
    ('smallint', '70000', 'column "v": value "70000" is out of range for type smallint'),
    ('boolean', '2', 'column "v": invalid input syntax for type boolean: "2"'),
    ('timestamptz', '1709210096', 'column "v": invalid input syntax for type timestamp with time zone: "1709210096"$HINT: Write ISO 8601 text, such as "2024-02-29T12:34:56Z".'),
    ('interval', '5', 'column "v": invalid input syntax for type interval: "5"$HINT: Write text, such as "1 day 02:00" or "P1DT2H".'),
    ('bytea', '"hello"', 'column "v": invalid input syntax for type bytea: "hello"$HINT: Write base64, or hexadecimal digits after \x, as text.'),
    ('int4range', '[1,5]', 'column "v": invalid input syntax for type int4range: "[1,5]"$HINT: Write the range as text, such as "[1,5)".'),
    ('integer[]', '{"a":1}', 'column "v": type integer[] takes a JSON array: {"a":1}'),
    ('address', '[1]', 'column "v": type address takes a JSON object: [1]'),
    ('address', '{"city":"Bonn"}', 'column "v": type address has no attribute "city": {"city":"Bonn"}'),
    ('integer[]', '[[1],[2,3]]', 'column "v": malformed JSON array: [[1],[2,3]]$DETAIL: Multidimensional arrays must have sub-arrays with matching dimensions.'),
    ('positive', '0', 'column "v": value for domain positive violates check constraint "positive_check": 0'),
    ('email', 'null', 'column "v": domain email does not allow null values'),
    ('text', '"\u0000"', 'column "v": unsupported Unicode escape sequence: "\u0000"$DETAIL: \u0000 cannot be converted to text.'),
    ('varchar(3)', '"' || repeat('é', 60) || '"', 'column "v": value too long for type character varying(3): "' || repeat('é', 39) || '…'),
    ('jsonb', '"' || repeat('x', 1000000) || '"', 'column "v": invalid input syntax for type json: "' || repeat('x', 79) || '…$DETAIL: Token "' || repeat('x', 293) || '…$HINT: Write JSON in the text. A string of JSON needs quotes inside the text: "\"abc\"".'),
    ('integer', '"x' || repeat('é', 1000000) || '"', 'column "v": invalid input syntax for type integer: "x' || repeat('é', 129) || '…')
) AS t(type, json, wanted);
-- What is not about the value stays as it is.
CREATE FUNCTION fails(integer) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
    CASE $1
        WHEN 1 THEN RAISE serialization_failure USING MESSAGE = 'again';
        WHEN 2 THEN RAISE insufficient_resources USING MESSAGE = 'full';
        WHEN 3 THEN RAISE 'never' USING HINT = 'Not that.';
        ELSE RETURN true;
    END CASE;
END$$;
CREATE DOMAIN failing AS integer CHECK (fails(value));
SELECT is(complaint('failing', json), wanted, 'a domain whose check fails, ' || json) FROM (VALUES
    ('1', 'again'), ('2', 'full'), ('3', E'column "v": never: 3\nHINT: Not that.'), ('4', 'no error: 4')) AS t(json, wanted);

-- What ALTER changes, the next read knows.
SELECT is(outcome('person', '{"home":{"city":"Bonn"}}'), '42703', 'before ALTER TYPE');
ALTER TYPE address ADD ATTRIBUTE city text;
SELECT is(outcome('person', '{"home":{"city":"Bonn"}}'), '(,"(,,Bonn)",,,,)', 'after ADD ATTRIBUTE');
ALTER TYPE address DROP ATTRIBUTE city;
SELECT is(outcome('person', '{"home":{"city":"Bonn"}}'), '42703', 'after DROP ATTRIBUTE');
ALTER TYPE mood ADD VALUE 'great';
SELECT is(outcome('mood[]', '["great"]'), '{great}', 'after ADD VALUE');
ALTER DOMAIN positive ADD CONSTRAINT even CHECK (value % 2 = 0);
SELECT is(outcome('positive', '1'), '23514', 'after ADD CONSTRAINT');
SELECT is(outcome('few', '[1]'), '23514', 'after ADD CONSTRAINT, in an array of the domain');
SELECT is(outcome('small_positive', '1'), '23514', 'after ADD CONSTRAINT, in a domain over the domain');
ALTER DOMAIN positive DROP CONSTRAINT even;
SELECT is(outcome('positive', '1'), '1', 'after DROP CONSTRAINT');

-- Random values come back as they were, whole and inside text, as PostgreSQL's own casts have them.
SELECT setseed(0.5) \gset
CREATE TABLE random_value(type text, value text);
INSERT INTO random_value
    SELECT type, CASE type
            WHEN 'boolean' THEN (r < 0.5)::text
            WHEN 'smallint' THEN trunc(power(s, 3) * 32767)::text
            WHEN 'integer' THEN trunc(power(s, 5) * 2147483647)::text
            WHEN 'bigint' THEN trunc(power(s, 7)::numeric * 9223372036854775807)::text
            WHEN 'numeric' THEN (trunc((s * 1e15)::numeric * 982451653) * power(10::numeric, trunc(r * 60)::integer - 30))::text
            WHEN 'double precision' THEN (s * power(10::double precision, trunc(r * 600) - 300))::text
            WHEN 'real' THEN (s * power(10::double precision, trunc(r * 60) - 30))::real::text
            WHEN 'date' THEN (date '2000-01-01' + trunc(s * 700000)::integer)::text
            WHEN 'timestamp' THEN (timestamp '2000-01-01' + s * interval '1900 years')::text
            WHEN 'timestamptz' THEN (timestamptz '2000-01-01' + s * interval '1900 years')::text
            WHEN 'time' THEN (time '00:00' + r * interval '24 hours')::text
            WHEN 'interval' THEN (s * interval '100 years 3 hours')::text
            WHEN 'uuid' THEN md5(r::text)::uuid::text
            WHEN 'bytea' THEN ('\x' || repeat(md5(r::text), trunc(r * 3)::integer))::bytea::text
            WHEN 'int8range' THEN int8range(trunc(s * 100)::bigint, trunc(s * 100 + r * 10)::bigint)::text
            ELSE (SELECT coalesce(string_agg(substr(E'aé☃😀"\\/\b\n\t{}[],:''\u007f 0u', 1 + trunc(random() * 22 + 0 * i)::integer, 1), ''), '')
                FROM generate_series(1, trunc(r * 12)::integer) AS i)
        END
    FROM (SELECT random() AS r, random() * 2 - 1 AS s FROM generate_series(1, 1000)) AS number,
        unnest(ARRAY['boolean', 'smallint', 'integer', 'bigint', 'numeric', 'double precision', 'real', 'date', 'timestamp', 'timestamptz', 'time', 'interval',
            'uuid', 'bytea', 'int8range', 'text', 'varchar(20)', 'char(20)']) AS type;
CREATE FUNCTION cast_to(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT concat(CAST($1 AS %s))', type) INTO result USING value;
    RETURN result;
END $$;
CREATE FUNCTION json_of(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT to_json(CAST($1 AS %s))::text', type) INTO result USING value;
    RETURN result;
END $$;
SELECT is(count(*) FILTER (WHERE CASE WHEN type = 'char(20)' THEN rtrim(read_column(type, to_json(value))) <> rtrim(value) ELSE read_column(type, to_json(value)) <> cast_to(type, value) END),
    0, count(*) || ' random texts to ' || type) FROM random_value GROUP BY type ORDER BY type;
SELECT is(count(*) FILTER (WHERE CASE WHEN type = 'char(20)' THEN rtrim(read_column(type, json_of(type, value)::json)) <> rtrim(value) ELSE read_column(type, json_of(type, value)::json) <> cast_to(type, value) END),
    0, count(*) || ' random values of JSON to ' || type) FROM random_value GROUP BY type ORDER BY type;
SELECT is(count(*) FILTER (WHERE read_column(type || '[]', json::json) <> wanted OR read_column(type || '[]', to_json(json)) <> wanted), 0, count(*) || ' random arrays to ' || type)
    FROM (SELECT type, n % 97 AS part, json_of(type || '[]', array_agg(value)::text) AS json, cast_to(type || '[]', array_agg(value)::text) AS wanted
        FROM (SELECT *, row_number() OVER () AS n FROM random_value) AS v WHERE type <> 'char(20)' GROUP BY type, n % 97) AS a GROUP BY type ORDER BY type;
SELECT is(count(*) FILTER (WHERE outcome('jsonb', j::text) <> j::text OR outcome('jsonb', to_json(j::text)::text) <> j::text OR outcome('json', to_json(j::text)::text) <> j::text), 0, count(*) || ' random JSON values')
    FROM (SELECT jsonb_build_object('a', jsonb_agg(to_jsonb(value)), value, jsonb_build_array(random()::numeric, null, true)) AS j
        FROM (SELECT value, row_number() OVER () AS n FROM random_value WHERE type = 'text') AS v GROUP BY value) AS objects;

-- Huge and deep: no crash, and time in proportion.
CREATE FUNCTION seconds(type text, value text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := clock_timestamp();
BEGIN
    PERFORM outcome(type, value);
    RETURN extract(epoch FROM clock_timestamp() - start);
END $$;
SELECT is(left(outcome(type, json), 60), wanted, what) FROM (VALUES
    ('jsonb', to_json(repeat('[', 200000) || repeat(']', 200000))::text, '54001', 'deep JSON in text'),
    ('integer[]', to_json(repeat('[', 200000) || repeat(']', 200000))::text, '54001', 'a deep array in text'),
    ('text', to_json(repeat('x', 20000000))::text, repeat('x', 60), 'a text of 20 MB'),
    ('text', '"' || repeat('\u0061', 2000000) || '"', repeat('a', 60), 'a text of escapes'),
    ('bytea', '"' || repeat('AAAA', 4000000) || '"', '\x' || repeat('0', 58), 'bytes of 12 MB'),
    ('bigint', repeat('9', 1000000), '22003', 'an integer of 1 000 000 digits'),
    ('bigint', '1' || repeat('0', 1000000) || 'e-1000000', '1', 'one, in 1 000 000 digits'),
    ('integer[]', '[' || repeat('1,', 499999) || '1]', '{' || repeat('1,', 29) || '1', 'an array of 500 000 elements'),
    ('integer[]', '[' || repeat('[1],', 499999) || '[1]]', '{' || repeat('{1},', 14) || '{1}', 'an array of 500 000 arrays'),
    ('address[]', '[' || repeat('{"number":1},', 99999) || '{"number":1}]', '{' || repeat('"(,1)",', 8) || '"(,', 'an array of 100 000 composites'),
    ('address', '{' || repeat('"number":1,', 199999) || '"number":1}', '(,1)', 'an object of 200 000 members')
) AS t(type, json, wanted, what);
SELECT is(seconds('address[]', '[' || repeat('{"number":1},', 99999) || '{}]') < greatest(0.5, 40 * seconds('address[]', '[' || repeat('{"number":1},', 9999) || '{}]')), true, 'ten times the composites take no more than some ten times as long');
SELECT 'ok ' || nextval('number') || ' - the end is reached';
SELECT '1..' || currval('number');
