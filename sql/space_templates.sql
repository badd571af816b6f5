-- Spaces named by templates and generated columns.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA space_templates;
SET search_path = space_templates;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Equal ids of different things are different spaces.
CREATE TABLE chat (id int PRIMARY KEY, team_id int NOT NULL, body text);
CREATE TABLE inbox (id int PRIMARY KEY, user_id int NOT NULL, body text);
SELECT replicache.track_table('chat', space => 'team/{team_id}', value => 'to_json(body)'),
    replicache.track_table('inbox', space => 'user/{user_id}', value => 'to_json(body)');
INSERT INTO chat VALUES (1, 7, 'for the team'), (2, 8, 'for another');
INSERT INTO inbox VALUES (1, 7, 'private');
SELECT * FROM sync('team/7');
SELECT * FROM sync('user/7');
SELECT space, (SELECT count(*) FROM patch(replicache.pull_since(NULL, NULL, space)) WHERE op = 'put')
    FROM unnest(ARRAY['7', 'team/', 'team', 'team/7/', 'team/x', 'team/7 ', 'Team/7', '/team/7', 'team/99999999999999999999', 'team/9', 'team//7']) space;
SELECT relation, space_column FROM replicache.tracked_table ORDER BY relation::text;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'space_templates' AND indexdef LIKE '%version%' ORDER BY 1;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '~replicache_moved' ORDER BY tgrelid::regclass::text;
SELECT id FROM replicache.space ORDER BY id;
-- … a row that moves; and one that moves from one table's space to where another table has rows.
UPDATE chat SET team_id = 8 WHERE id = 1;
SELECT * FROM sync('team/7');
SELECT * FROM sync('team/8');
UPDATE chat SET team_id = 7, id = 3 WHERE id = 1;
SELECT * FROM sync('team/7');
SELECT * FROM sync('team/8');
DELETE FROM chat WHERE id = 3;
SELECT * FROM sync('team/7');
-- … options on record stay.
SELECT replicache.retrack('chat');
SELECT space_column FROM replicache.tracked_table WHERE relation = 'chat'::regclass;
INSERT INTO chat VALUES (4, 7, 'more');
SELECT * FROM sync('team/7');
SELECT * FROM sync('user/7');
SELECT replicache.untrack_table('chat');
SELECT * FROM sync('team/7');
SELECT * FROM sync('user/7');
DROP TABLE chat, inbox;

-- Several columns: different rows never meet in one space.
CREATE TABLE card (id int PRIMARY KEY, org text NOT NULL, team varchar NOT NULL, gone bool);
CREATE INDEX card_key ON card (team, org, id);
SELECT replicache.track_table('card', space => 'org/{org}/team/{team}.', value => 'json_build_array(org, team)', deleted => 'gone');
INSERT INTO card VALUES (1, 'a', 'b'), (2, 'a/team/b', 'c'), (3, 'a', 'b/team/c'), (4, '100%', '2F'), (5, '', ''), (6, 'a%2Fteam%2Fb', 'c'), (7, 'é', '.');
SELECT id FROM replicache.space WHERE id LIKE 'org/%' ORDER BY id;
SELECT id, (SELECT string_agg(value, ' ') FROM patch(replicache.pull_since(NULL, NULL, id)) WHERE op = 'put') FROM replicache.space WHERE id LIKE 'org/%' ORDER BY id;
SELECT space, (SELECT string_agg(value, ' ') FROM patch(replicache.pull_since(NULL, NULL, space)) WHERE op = 'put')
    FROM unnest(ARRAY['org/a/team/b', 'org/a/team/b.', 'org/a/team/b..', 'org/a/team/b/team/c.', 'org/a/b.', 'org/100%/team/2F.', 'org/100%25/team/2F.', 'org/a%2fteam%2fb/team/c.', 'org/%/team/.', 'org//team/.', 'org/%2/team/.', '']) space;
SELECT * FROM sync('org/a/team/b.');
UPDATE card SET gone = true WHERE id = 1;
SELECT * FROM sync('org/a/team/b.');
UPDATE card SET gone = false, team = 'x' WHERE id = 1;
SELECT * FROM sync('org/a/team/b.');
SELECT * FROM sync('org/a/team/x.');
TRUNCATE card;
SELECT * FROM sync('org/a/team/x.');
SELECT indexdef FROM pg_indexes WHERE tablename = 'card' AND indexdef LIKE '%version%';
-- … an index that is there will do, whatever the order of the space's columns.
DROP INDEX card_org_team_version_idx;
CREATE INDEX mine ON card (team, org, version);
SELECT replicache.retrack('card');
SELECT indexname FROM pg_indexes WHERE tablename = 'card' AND indexdef LIKE '%version%';
DROP INDEX mine;
CREATE INDEX not_mine ON card (team, version, org);
SELECT replicache.retrack('card');
SELECT indexname FROM pg_indexes WHERE tablename = 'card' AND indexdef LIKE '%version%' ORDER BY 1;
-- … and it serves.
INSERT INTO card SELECT n, 'o' || n % 100, 't' || n % 90 FROM generate_series(1, 9000) n;
ANALYZE card;
CREATE FUNCTION scans() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_stat_get_xact_numscans('card_org_team_version_idx'::regclass) $$;
BEGIN;
SELECT scans();
SELECT count(*) FROM json_array_elements(replicache.pull_since((SELECT version - 1 FROM replicache.space WHERE id = 'org/o1/team/t1.'), NULL, 'org/o1/team/t1.') -> 'patch');
SELECT scans();
COMMIT;
DROP TABLE card;

-- No column of a space may be null.
CREATE TABLE n (id int PRIMARY KEY, a int, b uuid);
INSERT INTO n VALUES (1, NULL, '00000000-0000-0000-0000-000000000001'), (2, 1, NULL), (3, 1, '00000000-0000-0000-0000-000000000001');
SELECT replicache.track_table('n', space => 'x/{a}/{b}', value => 'to_json(id)');
SELECT try('INSERT INTO n VALUES (4, NULL, NULL)');
SELECT try($$INSERT INTO n VALUES (4, NULL, '00000000-0000-0000-0000-000000000001')$$);
SELECT try('INSERT INTO n VALUES (4, 1, NULL)');
SELECT try('UPDATE n SET b = NULL WHERE id = 3');
SELECT * FROM sync('x/1/00000000-0000-0000-0000-000000000001');
UPDATE n SET a = 1 WHERE id = 1;
DELETE FROM n WHERE id = 2;
SELECT * FROM sync('x/1/00000000-0000-0000-0000-000000000001');
SELECT replicache.untrack_table('n');
SELECT * FROM sync('x/1/00000000-0000-0000-0000-000000000001');
DROP TABLE n;

-- Versions of a former life: the space goes on above them.
CREATE TABLE old (id int PRIMARY KEY, t int, version bigint NOT NULL DEFAULT 0);
INSERT INTO old VALUES (1, 1, 100), (2, 1, 900), (3, 2, 300);
SELECT replicache.track_table('old', space => 'old/{t}', value => 'to_json(id)', version => 'version');
SELECT id, version FROM replicache.space WHERE id LIKE 'old/%' ORDER BY id;
UPDATE old SET id = 4 WHERE id = 3;
SELECT * FROM old ORDER BY id;
SELECT * FROM sync('old/2');
DROP TABLE old;

-- Templates, and what is none.
CREATE TABLE t (id int PRIMARY KEY, a int, b text, f float8, "we{i}rd" text, "}" text, j jsonb);
SELECT space, try(format('SELECT replicache.track_table(''t'', space => %L); SELECT replicache.untrack_table(''t'')', space))
    FROM unnest(ARRAY['{a}', 'a', '{a}{b}', '{a}-{b}', '{a}/{b}', '{', '{}', 'x{a', 'x}{a}', '{{x}}', '{{{a}}}', 'x/{c}', 'x/{f}', 'x/{j}', 'x/{version}', '{a}/{a}', 'we{i}rd', '}', 'a}', '{a}}}',
        repeat('x', 55) || '/{a}', repeat('x', 56) || '/{a}', repeat('é', 30) || '/{a}']) space;
SELECT replicache.track_table('t', space => 'we{i}rd', value => 'to_json(id)');
INSERT INTO t (id, "we{i}rd") VALUES (1, 'a/b%');
SELECT * FROM sync('a/b%');
ALTER TABLE t RENAME COLUMN "we{i}rd" TO normal;
SELECT try('INSERT INTO t (id) VALUES (2)');
SELECT try($$SELECT replicache.pull_since(NULL, NULL, 'we1rd')$$);
SELECT replicache.track_table('t', space => 'a/{a}/b/{b}', value => 'to_json(id)');
ALTER TABLE t RENAME COLUMN b TO c;
SELECT try('INSERT INTO t (id, a, c) VALUES (2, 1, 1)');
SELECT try($$SELECT replicache.pull_since(NULL, NULL, 'a/1/b/1')$$);
ALTER TABLE t RENAME COLUMN c TO b;
INSERT INTO t (id, a, b) VALUES (2, 1, '1');
SELECT * FROM sync('a/1/b/1');
SELECT * FROM sync('a/01/b/1');
SELECT try($$INSERT INTO t (id, a, b) VALUES (3, 1, repeat('x', 994))$$);
SELECT try($$INSERT INTO t (id, a, b) VALUES (4, 1, repeat('x', 995))$$);
SELECT try($$INSERT INTO t (id, a, b) VALUES (4, 1, repeat('x', 992) || '/')$$);
DROP TABLE t;

-- Generated columns have their value when the trigger of ours asks.
CREATE TABLE g (id int PRIMARY KEY, a int, b text, place text GENERATED ALWAYS AS (lower(b) || '-' || a % 10) STORED);
SELECT replicache.track_table('g', space => 'place', value => 'to_json(id)');
INSERT INTO g VALUES (1, 17, 'X'), (2, 27, 'x');
INSERT INTO g VALUES (3, 18, 'X');
SELECT * FROM sync('x-7');
SELECT * FROM sync('x-8');
UPDATE g SET a = a + 1 WHERE id = 1;
SELECT * FROM sync('x-7');
SELECT * FROM sync('x-8');
INSERT INTO g VALUES (3, 5, 'Y') ON CONFLICT (id) DO UPDATE SET b = 'x', a = 7;
SELECT * FROM sync('x-7');
SELECT * FROM sync('x-8');
COPY g (id, a, b) FROM stdin;
5	7	X
6	8	X
\.
SELECT * FROM sync('x-7');
SELECT * FROM sync('x-8');
DELETE FROM g WHERE id = 5;
SELECT * FROM sync('x-7');
SELECT try('INSERT INTO g VALUES (7, NULL, ''x'')');
SELECT try('UPDATE g SET b = NULL');
SELECT replicache.track_table('g', space => 'of/{place}/{a}', value => 'to_json(id)');
UPDATE g SET b = 'Z' WHERE id = 1;
SELECT * FROM sync('of/z-8/18');
ALTER TABLE g ALTER place DROP EXPRESSION;
INSERT INTO g VALUES (8, 18, 'other', 'z-8');
SELECT * FROM sync('of/z-8/18');
DROP TABLE g;
CREATE TABLE g (id int PRIMARY KEY, v bigint NOT NULL DEFAULT 0, place text GENERATED ALWAYS AS ('v' || v) STORED);
SELECT try($$SELECT replicache.track_table('g', space => 'place', version => 'v')$$);
SELECT try($$SELECT replicache.track_table('g', space => 'p/{place}', version => 'v')$$);
SELECT try($$SELECT replicache.track_table('g', space => 'place', version => 'place')$$);
DROP TABLE g;
-- … virtual ones are in no row; before PostgreSQL 18 there are none.
CREATE FUNCTION track_virtual(space text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    refusal text := '0A000: space column "place" is a virtual generated column
  DETAIL: The table does not hold its values.
  HINT: Declare it STORED, or use the columns that it is generated from in a template.';
BEGIN
    IF current_setting('server_version_num')::int < 180000 THEN RETURN refusal; END IF;
    EXECUTE 'CREATE TABLE g (id int PRIMARY KEY, a int, place int GENERATED ALWAYS AS (a) VIRTUAL)';
    refusal := try(format('SELECT replicache.track_table(''g'', space => %L)', space));
    DROP TABLE g;
    RETURN refusal;
END $$;
SELECT track_virtual('place');
SELECT track_virtual('g/{place}');
-- … of a domain.
CREATE DOMAIN place AS text CHECK (value <> 'nowhere');
CREATE TABLE g (id int PRIMARY KEY, a text, place place GENERATED ALWAYS AS (lower(a)) STORED);
SELECT replicache.track_table('g', space => 'place', value => 'to_json(id)');
INSERT INTO g VALUES (1, 'HERE');
SELECT * FROM sync('here');
SELECT try($$INSERT INTO g VALUES (2, 'Nowhere')$$);
ALTER DOMAIN place ADD CHECK (value <> 'there');
SELECT try($$INSERT INTO g VALUES (2, 'There')$$);
SELECT * FROM sync('here');
DROP TABLE g;

-- What generates them runs as the caller, with his rights, and is always up to date.
CREATE FUNCTION place_of(a int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'as %', current_user; RETURN 'p' || a; END $$;
CREATE FUNCTION sql_place_of(a int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'p' || a $$;
CREATE TABLE g (id int PRIMARY KEY, a int, place text GENERATED ALWAYS AS (place_of(a)) STORED, place2 text GENERATED ALWAYS AS (sql_place_of(a)) STORED);
SELECT replicache.track_table('g', space => '{place}/{place2}', value => 'to_json(id)');
CREATE ROLE regress_writer;
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA space_templates TO regress_writer, regress_stranger;
GRANT ALL ON g TO regress_writer, regress_stranger;
REVOKE EXECUTE ON FUNCTION place_of, sql_place_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_of, sql_place_of TO regress_writer;
SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = 'g'::regclass;
BEGIN;
SET LOCAL ROLE regress_writer;
INSERT INTO g VALUES (1, 1);
SET LOCAL ROLE regress_stranger;
SELECT try('INSERT INTO g VALUES (2, 1)');
RESET ROLE;
GRANT EXECUTE ON FUNCTION place_of TO regress_stranger;
SET LOCAL ROLE regress_stranger;
SET LOCAL client_min_messages = error;  -- some versions look at all rights first
SELECT try('INSERT INTO g VALUES (2, 1)');
RESET ROLE;
COMMIT;
SELECT * FROM sync('p1/p1');
BEGIN;
CREATE OR REPLACE FUNCTION place_of(a int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 'q' || a; END $$;
INSERT INTO g VALUES (3, 1);
CREATE OR REPLACE FUNCTION sql_place_of(a int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'r' || a $$;
INSERT INTO g VALUES (4, 1);
COMMIT;
SELECT id, place, place2 FROM g ORDER BY id;
SELECT * FROM sync('q1/p1');
SELECT * FROM sync('q1/r1');
-- … and may write the same table meanwhile, in a subtransaction of its own.
CREATE FUNCTION write(a int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO g VALUES (a, a - 1) ON CONFLICT DO NOTHING;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
CREATE OR REPLACE FUNCTION place_of(a int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF a > 10 THEN PERFORM write(a); END IF;
    RETURN 's' || a % 2;
END $$;
CREATE OR REPLACE FUNCTION sql_place_of(a int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 's' $$;
INSERT INTO g VALUES (5, 14), (6, 13);
SELECT id, a, place FROM g WHERE id > 4 ORDER BY id;
SELECT * FROM sync('s0/s');
SELECT * FROM sync('s1/s');
-- … and give another value each time, or none when it counts: nothing is promised then, but that nothing breaks.
CREATE SEQUENCE times;
CREATE OR REPLACE FUNCTION place_of(a int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN CASE WHEN nextval('space_templates.times') % 2 = 1 THEN 's0' END; END $$;
UPDATE g SET a = 2 WHERE id = 5;
SELECT id, a, place FROM g WHERE id = 5;
SELECT * FROM sync('s0/s');
DROP TABLE g;
DROP FUNCTION place_of, sql_place_of;

-- Partitions: each has its own order of columns.
CREATE TABLE p (id int, region text, team int, place text GENERATED ALWAYS AS (region || '.' || team) STORED, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');
SELECT replicache.track_table('p', 'p/{id}/{region}', space => 'of/{place}/{team}', value => 'to_json(id)');
CREATE TABLE p_b (version bigint NOT NULL DEFAULT 0, team int, id int NOT NULL, place text GENERATED ALWAYS AS (region || '.' || team) STORED, region text NOT NULL);
INSERT INTO p_b VALUES (50, 1, 1, DEFAULT, 'b');
ALTER TABLE p ATTACH PARTITION p_b FOR VALUES IN ('b');
SELECT id, version FROM replicache.space WHERE id LIKE 'of/b%';
SELECT * FROM sync('of/b.1/1');
INSERT INTO p VALUES (2, 'a', 1), (3, 'b', 1);
INSERT INTO p_b (id, region, team) VALUES (4, 'b', 1);
SELECT * FROM sync('of/b.1/1');
SELECT * FROM sync('of/a.1/1');
UPDATE p SET region = 'a' WHERE id = 3;
SELECT * FROM sync('of/b.1/1');
SELECT * FROM sync('of/a.1/1');
UPDATE p SET team = 2 WHERE id = 4;
SELECT * FROM sync('of/b.1/1');
SELECT * FROM sync('of/b.2/2');
ALTER TABLE p DETACH PARTITION p_a;
SELECT * FROM sync('of/a.1/1');
SELECT replicache.untrack_table('p');
SELECT * FROM sync('of/b.1/1');
DROP TABLE p, p_a;

-- Equal is what has the same bytes.
SELECT try($$CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)$$) IS NOT NULL;
SELECT CASE WHEN to_regcollation('space_templates.insensitive') IS NULL THEN 'C' ELSE 'insensitive' END AS collation \gset
CREATE TABLE c (id int PRIMARY KEY, room text COLLATE :"collation", place text COLLATE :"collation" GENERATED ALWAYS AS (room) STORED);
SELECT replicache.track_table('c', space => 'c/{room}/{place}', value => 'to_json(id)');
INSERT INTO c VALUES (1, 'Room'), (2, 'room');
SELECT * FROM sync('c/Room/Room');
UPDATE c SET room = 'room' WHERE id = 1;
SELECT * FROM sync('c/Room/Room');
SELECT * FROM sync('c/room/room');
DROP TABLE c;

-- A resource has a space column that is neither generated nor a template.
CREATE TABLE r (id int PRIMARY KEY, owner text NOT NULL, text text, whose text GENERATED ALWAYS AS (owner) STORED);
SELECT replicache.expose_crud('r');
CREATE FUNCTION try_push() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', status, body->'code') FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"r","data":{"id":1,"text":"x"}}]}', -1, 'ann')
    UNION ALL SELECT 'logged' FROM pg_trigger WHERE tgrelid = 'r'::regclass AND tgname = '~replicache_created';
$$;
SELECT replicache.create_space('ann', 'time'), replicache.track_table('r', space => 'user/{owner}');
SELECT try_push();
SELECT replicache.track_table('r', space => '{owner}');
SELECT try_push();
SELECT replicache.track_table('r', space => 'whose');
SELECT try_push();
SELECT replicache.track_table('r', space => 'owner');
SELECT try_push();
DROP TABLE r;

DROP OWNED BY regress_writer, regress_stranger;
DROP ROLE regress_writer, regress_stranger;
DROP SCHEMA space_templates CASCADE;
DROP EXTENSION replicache_ext;
