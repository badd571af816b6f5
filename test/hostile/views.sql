-- Cookies of private views that are forged, stolen or damaged. An answer has only keys that row-level security shows to its user, and dels for
-- keys that its own cookie has named. A cookie that is not as the server gave it to this user gets everything once. Rows that nobody may
-- see are canaries: their keys must be in no answer. Prints TAP.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = error;
CREATE EXTENSION replicache_ext;
CREATE ROLE hostile_app;
SELECT replicache.grant_usage('hostile_app') \g /dev/null

-- ann and ben have few rows, and their views are in their cookies; cy and di have many, which are recorded. In list 0 is what nobody may see.
CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list));
CREATE TABLE doc (id text PRIMARY KEY, list int NOT NULL, room text NOT NULL);
CREATE TABLE task (id text PRIMARY KEY, list int NOT NULL, room text NOT NULL);
INSERT INTO share VALUES ('ann', 1), ('ben', 2), ('cy', 3), ('di', 4), ('di', 2);
CREATE TABLE size AS SELECT * FROM (VALUES (0, 5), (1, 3), (2, 4), (3, 60), (4, 60)) t(list, rows);
INSERT INTO doc SELECT CASE list WHEN 0 THEN 'canary' ELSE list::text END || '-' || room || n || repeat(md5(n::text), 2), list, room FROM size, generate_series(1, rows) n, unnest('{r,s}'::text[]) room;
INSERT INTO task SELECT * FROM doc;
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
ALTER TABLE task ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON doc USING (list IN (SELECT list FROM share WHERE user_id = replicache.current_user_id()));
CREATE POLICY shared ON task USING (list IN (SELECT list FROM share WHERE user_id = replicache.current_user_id()));
GRANT SELECT ON share, doc, task TO hostile_app;
SELECT replicache.track_table('doc', private => true, space => 'room'),
    replicache.track_table('task', part => 'list', parts => 'SELECT list FROM public.share WHERE user_id = replicache.current_user_id()', space => 'room') \g /dev/null

CREATE FUNCTION pull(member text, room text, cookie json) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    SET LOCAL ROLE hostile_app;
    answer := replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', gen_random_uuid()::text, 'cookie', cookie), member, room);
    RESET ROLE;
    RETURN answer;
END $$;

-- Cookies as the server gives them: of each user in each room, now and before something was granted and revoked.
CREATE TABLE cookie (number int GENERATED ALWAYS AS IDENTITY, member text, room text, cookie jsonb);
CREATE FUNCTION take() RETURNS void LANGUAGE sql AS $$
    INSERT INTO cookie (member, room, cookie) SELECT member, room, pull(member, room, NULL)::jsonb -> 'cookie' FROM unnest('{ann,ben,cy,di}'::text[]) member, unnest('{r,s}'::text[]) room
$$;
SELECT take() \g /dev/null
INSERT INTO share VALUES ('ann', 2), ('cy', 1);
DELETE FROM share WHERE user_id = 'di' AND list = 2;
DELETE FROM doc WHERE id = (SELECT id FROM doc WHERE list = 1 ORDER BY id LIMIT 1);
DELETE FROM task WHERE id = (SELECT id FROM task WHERE list = 1 ORDER BY id LIMIT 1);
DELETE FROM task WHERE id = (SELECT id FROM task WHERE list = 0 ORDER BY id LIMIT 1);
DELETE FROM doc WHERE id = (SELECT id FROM doc WHERE list = 0 ORDER BY id LIMIT 1);
UPDATE doc SET list = 0 WHERE id = (SELECT id FROM doc WHERE list = 2 ORDER BY id LIMIT 1);
SELECT take() \g /dev/null

-- What may stand in place of a member.
CREATE TABLE damage (member text, value jsonb);
INSERT INTO damage SELECT m, v FROM unnest('{view,plus,minus,seal}'::text[]) m,
    (SELECT to_jsonb(t) AS v FROM unnest(ARRAY['', 'AAAA', '*no base64*', '====', 'A', repeat('f', 32), repeat('A', 1000000), 'é', E'\x01', ''' OR true --']) t
    UNION ALL SELECT unnest(ARRAY['null', '1', '-1', '1e999', '{}', '[]', '["AAAA"]', 'true']::jsonb[])
    -- Packed keys, or what looks like them: none, canaries, names of parts, unsorted, endless, twice the same.
    UNION ALL SELECT to_jsonb(translate(encode(b, 'base64'), E'\n', '')) FROM unnest(ARRAY['\x00'::bytea, '\xff', '\xffffffffffffffffff', '\x0000', '\x0003636261000361', '\x00'::bytea || '\x0a' || convert_to('doc/canary', 'UTF8'),
        '\x000a' || convert_to('doc/canary-r1' || repeat(md5('1'), 2), 'UTF8'), decode(repeat('0001ff', 100000), 'hex')]) b) each(v);
INSERT INTO damage SELECT m, v FROM unnest('{version,at,order,xmax,inProgress,origin,lsn}'::text[]) m, unnest(ARRAY['0', '-1', '9007199254740993', '9223372036854775807', '1e999', 'null', '"x"', '{}', '[]', '[1,2]']::jsonb[]) v;
-- Members of each other's cookies, alone and all of them.
CREATE TABLE attempt AS
    SELECT 'damaged ' || d.member || ' ' || left(d.value::text, 60) AS name, c.member, c.room, c.cookie AS own, jsonb_set(c.cookie, ARRAY[d.member], d.value) AS cookie FROM cookie c, damage d WHERE c.number <= 8 AND (c.member, c.room) IN (('ann', 'r'), ('cy', 's'), ('di', 'r'))
    UNION ALL SELECT 'without ' || m, c.member, c.room, c.cookie, c.cookie - m FROM cookie c, unnest('{view,plus,minus,seal,version,at,order,origin}'::text[]) m
    UNION ALL SELECT format('%s of %s in %s', array_to_string(m, '+'), o.member, o.room), c.member, c.room, c.cookie, c.cookie || jsonb_strip_nulls(jsonb_build_object(m[1], o.cookie -> m[1], m[2], o.cookie -> m[2], m[3], o.cookie -> m[3]))
        FROM cookie c, cookie o, (VALUES ('{view,view,view}'::text[]), ('{plus,plus,plus}'), ('{minus,minus,minus}'), ('{seal,seal,seal}'), ('{view,seal,seal}'), ('{plus,seal,seal}'), ('{view,plus,minus}')) t(m) WHERE c.number <> o.number AND c.number <= 8 AND c.room = 'r'
    UNION ALL SELECT format('the cookie of %s in %s', o.member, o.room), c.member, c.room, c.cookie, o.cookie FROM cookie c, cookie o WHERE (c.member, c.room) <> (o.member, o.room)
    UNION ALL SELECT 'its own', member, room, cookie, cookie FROM cookie;

CREATE FUNCTION outcome(member text, room text, cookie jsonb, OUT answer jsonb, OUT state text) LANGUAGE plpgsql AS $$
BEGIN
    answer := pull(member, room, cookie::json);
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
END $$;
CREATE TABLE result AS SELECT a.*, o.* FROM attempt a, outcome(a.member, a.room, a.cookie) o;

CREATE FUNCTION visible(member text, room text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT t || '/' || id FROM (SELECT 'doc' AS t, * FROM doc UNION ALL SELECT 'task', * FROM task) d WHERE d.room = visible.room AND list IN (SELECT s.list FROM share s WHERE s.user_id = member)
$$;
CREATE TABLE key AS SELECT row_number() OVER () AS number, r.name, r.member, r.room, p ->> 'op' AS op, p ->> 'key' AS key FROM result r, jsonb_array_elements(r.answer -> 'patch') p;
-- The view is as the server gave it to this user in this room, in one of its cookies.
CREATE FUNCTION is_own(member text, room text, cookie jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM cookie c WHERE c.member = is_own.member AND c.room = is_own.room
        AND (c.cookie -> 'view', c.cookie -> 'plus', c.cookie -> 'minus', c.cookie -> 'seal') = (is_own.cookie -> 'view', is_own.cookie -> 'plus', is_own.cookie -> 'minus', is_own.cookie -> 'seal'))
$$;

CREATE TABLE finding (test text, what text);
INSERT INTO finding SELECT 'an error that is not expected', format('%s, by %s: %s', name, member, state) FROM result WHERE state IS NOT NULL AND state <> '22023';
INSERT INTO finding SELECT 'a canary', format('%s, by %s: %s', name, member, left(answer::text, 200)) FROM result WHERE answer::text LIKE '%canary%';
INSERT INTO finding SELECT 'a put that the user may not see', format('%s, by %s: %s', name, member, key) FROM key k WHERE op = 'put' AND NOT EXISTS (SELECT FROM visible(k.member, k.room) v WHERE v = k.key);
-- dels name what this user had in the room, before or now.
INSERT INTO finding SELECT 'a del that the user never had', format('%s, by %s: %s', name, member, key) FROM key k
    WHERE op = 'del' AND k.key NOT LIKE ALL (SELECT format('%%/%s-%s%%', list, k.room) FROM (SELECT list FROM share WHERE user_id = k.member UNION ALL SELECT 2 WHERE k.member = 'di') l);
INSERT INTO finding SELECT 'not everything for a view that is not its own', format('%s, by %s: %s', name, member, left(answer::text, 200)) FROM result r
    WHERE state IS NULL AND NOT is_own(member, room, cookie) AND answer -> 'patch' -> 0 ->> 'op' IS DISTINCT FROM 'clear'
        AND NOT (NOT cookie ? 'view' AND answer -> 'patch' = '[]');  -- as before the first private table
INSERT INTO finding SELECT 'a complete answer that is not complete', format('%s, by %s', name, member) FROM result r
    WHERE answer -> 'patch' -> 0 ->> 'op' = 'clear' AND (SELECT count(*) FROM visible(member, room)) <> jsonb_array_length(answer -> 'patch') - 1;
INSERT INTO finding SELECT 'everything for its own cookie', format('%s in %s', member, room) FROM result WHERE name = 'its own' AND answer -> 'patch' -> 0 ->> 'op' = 'clear';
-- Neither the cookie nor a table tells what the role may not read.
INSERT INTO finding SELECT 'tables of views', format('%s can be read', c) FROM unnest('{view_record,client_view,origin}'::text[]) c WHERE has_table_privilege('hostile_app', 'replicache.' || c, 'SELECT');

SELECT format('%sok - views: %s', CASE WHEN count(f.test) > 0 THEN 'not ' END, t.name) || coalesce(E'\n' || string_agg('# ' || translate(f.what, E'\n', ' '), E'\n'), '')
    FROM unnest(ARRAY['an error that is not expected', 'a canary', 'a put that the user may not see', 'a del that the user never had', 'not everything for a view that is not its own',
        'a complete answer that is not complete', 'everything for its own cookie', 'tables of views']) t(name)
        LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY test) AS n FROM finding) f ON f.test = t.name AND n <= 5 GROUP BY t.name;
SELECT format('%sok - views: %s cookies, of which %s answered with everything, %s dels', CASE WHEN count(*) > 1000 AND (SELECT count(*) FROM key WHERE op = 'del') > 100 THEN '' ELSE 'not ' END, count(*),
    count(*) FILTER (WHERE answer -> 'patch' -> 0 ->> 'op' = 'clear'), (SELECT count(*) FROM key WHERE op = 'del')) FROM result;
DROP OWNED BY hostile_app;
DROP ROLE hostile_app;
