-- check(): each finding is provoked, and mended. What is well gives no row.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE SCHEMA checks;
SET search_path = checks;
CREATE FUNCTION findings(asked regrole DEFAULT NULL) RETURNS TABLE (finding text) LANGUAGE sql AS
    $$ SELECT concat_ws(E'\n  ', concat_ws(' ', severity, code, '|', object), c.finding, hint) FROM replicache.check(asked) WITH ORDINALITY c ORDER BY ordinality $$;
\pset tuples_only on
\pset format unaligned

-- A sound set-up: no row.
CREATE ROLE regress_web LOGIN;
ALTER ROLE regress_web SET lock_timeout = '2s';
ALTER ROLE regress_web SET idle_in_transaction_session_timeout = '30s';
SELECT replicache.grant_usage('regress_web') \g /dev/null
GRANT USAGE ON SCHEMA checks TO regress_web;
CREATE TABLE list (id int PRIMARY KEY, team int NOT NULL, title text NOT NULL);
CREATE TABLE "Odd ""list'" (id int PRIMARY KEY, "the team" int NOT NULL, "a'b" text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF "Odd ""list'" FOR VALUES FROM (0) TO (100);
SELECT replicache.track_table('list', space => 'team/{team}'), replicache.track_table('"Odd ""list''"', space => 'odd/{the team}') \g /dev/null
GRANT SELECT, INSERT, UPDATE, DELETE ON list, "Odd ""list'" TO regress_web;
GRANT DELETE ON part TO regress_web;
CREATE FUNCTION put_list(id int, team int) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO checks.list VALUES (id, team, '') ON CONFLICT (id) DO UPDATE SET team = excluded.team; DELETE FROM checks.part; $$;
SELECT replicache.register_mutator('put ''list''', 'put_list(int,int)') \g /dev/null
SELECT replicache.expose_crud('list') \g /dev/null
SELECT findings();

-- Tables that mutators write and nobody tracks. For SQL it is known if the name has a schema; for other languages it is a guess.
CREATE TABLE audit (at timestamptz DEFAULT now());
CREATE TABLE "Audit ""2" (id int);
CREATE FUNCTION atomic() RETURNS void LANGUAGE sql BEGIN ATOMIC WITH gone AS (DELETE FROM audit RETURNING 1) INSERT INTO list SELECT 1, 1, 'x' FROM gone; END;
CREATE FUNCTION texts() RETURNS void LANGUAGE sql AS $$ UPDATE audit SET at = 'now'; INSERT INTO checks."Audit ""2" VALUES (1); SELECT 'INSERT INTO checks.other'; $$;
CREATE FUNCTION merges() RETURNS void LANGUAGE sql AS $$ MERGE INTO checks.audit a USING checks.list l ON l.id = 0 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING $$;
CREATE FUNCTION guessed() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO list VALUES (1, 1, ''); insert
    into checks."Audit ""2" VALUES (1); DELETE FROM ONLY audit; UPDATE nothing SET a = 1; END $$;
SELECT replicache.register_mutator(f, (f || '()')::regprocedure) FROM unnest('{atomic,texts,merges,guessed}'::text[]) f \g /dev/null
GRANT ALL ON audit TO regress_web;
SELECT findings();
SELECT replicache.unregister_mutator(f) FROM unnest('{merges,guessed,texts}'::text[]) f \g /dev/null
ALTER TABLE audit ADD PRIMARY KEY (at);
SELECT replicache.track_table('audit') \g /dev/null
SELECT findings();
SELECT replicache.unregister_mutator('atomic'), replicache.untrack_table('audit') \g /dev/null
DROP FUNCTION atomic;

-- Mutators and queries whose function is gone. The text of a function may be wrong, too.
CREATE TYPE gone AS (a int);
CREATE FUNCTION vanishes(a gone) RETURNS json LANGUAGE sql AS 'SELECT NULL::json';
SELECT replicache.register_mutator('van''ish', 'vanishes(gone)'), replicache.register_query('vanish', function => 'vanishes(gone)') \g /dev/null
DROP TYPE gone CASCADE;
SET check_function_bodies = off;
CREATE FUNCTION wrong() RETURNS void LANGUAGE sql AS 'INSERT INTO';
CREATE FUNCTION wrong_type() RETURNS void LANGUAGE sql AS 'SELECT 1::float(0)';  -- the parser has an error of another class for it
RESET check_function_bodies;
SELECT replicache.register_mutator('wrong', 'wrong()'), replicache.register_mutator('wrong type', 'wrong_type()') \g /dev/null
SELECT findings();
SELECT replicache.unregister_mutator('wrong'), replicache.unregister_mutator('wrong type'), replicache.unregister_mutator('van''ish'), replicache.unregister_query('vanish') \g /dev/null

-- SECURITY DEFINER.
CREATE FUNCTION definer() RETURNS void LANGUAGE sql SECURITY DEFINER AS '';
SELECT replicache.register_mutator('definer', 'definer()') \g /dev/null
SELECT findings();
ALTER FUNCTION definer() SET search_path = checks, pg_temp;
REVOKE EXECUTE ON FUNCTION definer FROM PUBLIC;
-- Rights that the role lacks.
SELECT findings();
GRANT EXECUTE ON FUNCTION definer TO regress_web;
REVOKE ALL ON list FROM regress_web;
REVOKE ALL ON "Odd ""list'" FROM regress_web;
GRANT SELECT (id, "the team") ON "Odd ""list'" TO regress_web;
REVOKE USAGE ON SCHEMA checks FROM regress_web;
SELECT findings();
GRANT USAGE ON SCHEMA checks TO regress_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON list, "Odd ""list'" TO regress_web;
-- Columns that are not part of the value need no right.
REVOKE ALL ON "Odd ""list'" FROM regress_web;
GRANT SELECT (id, "the team", version) ON "Odd ""list'" TO regress_web;
SELECT replicache.track_table('"Odd ""list''"', space => 'odd/{the team}', columns => '{id}') \g /dev/null
SELECT findings();
GRANT SELECT ON "Odd ""list'" TO regress_web;
-- Other roles: one that has no rights at all, one that only pulls, and those that policies do not bind.
CREATE ROLE "regress_No; ""one""";
SELECT findings('"regress_No; ""one"""');
GRANT EXECUTE ON FUNCTION replicache.pull TO "regress_No; ""one""";
SELECT findings();
DROP OWNED BY "regress_No; ""one""";
ALTER TABLE list ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON list USING (true);
SELECT finding, hint FROM replicache.check(CURRENT_USER::regrole) WHERE code = 'unbound_by_policies';
SELECT findings();
ALTER ROLE regress_web BYPASSRLS;
SELECT findings();
ALTER ROLE regress_web NOBYPASSRLS;
GRANT CREATE ON SCHEMA checks TO regress_web;
ALTER TABLE list OWNER TO regress_web;
SELECT findings();
ALTER TABLE list FORCE ROW LEVEL SECURITY;
SELECT findings();
ALTER TABLE list OWNER TO CURRENT_USER;
GRANT SELECT, INSERT, UPDATE, DELETE ON list TO regress_web;
DROP POLICY p ON list;
-- No limit for waits.
ALTER ROLE regress_web SET lock_timeout = '0';
ALTER ROLE regress_web RESET idle_in_transaction_session_timeout;
SELECT findings();
SELECT format('ALTER DATABASE %I SET lock_timeout = ''3s''', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''1min''', current_database()) \gexec
SELECT findings();
SELECT format('ALTER DATABASE %I RESET lock_timeout', current_database()) \gexec
SELECT format('ALTER DATABASE %I RESET idle_in_transaction_session_timeout', current_database()) \gexec
ALTER ROLE regress_web SET lock_timeout = '2s';
ALTER ROLE regress_web SET idle_in_transaction_session_timeout = '30s';

-- Triggers that are missing or disabled: all tables, not only the first one.
ALTER TABLE list DISABLE TRIGGER "~replicache_stamp";
DROP TRIGGER "~replicache_truncated" ON part;
SELECT findings();
SELECT replicache.retrack('list'), replicache.retrack('"Odd ""list''"') \g /dev/null
-- Keys that are not unique any more, unlogged tables, and tables that were dropped behind the extension's back.
ALTER TABLE list DROP CONSTRAINT list_pkey;
ALTER TABLE list SET UNLOGGED;
SELECT findings();
ALTER TABLE list SET LOGGED;
ALTER TABLE list ADD PRIMARY KEY (id);
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT replicache.hide_crud('list') \g /dev/null
DROP TABLE list;
SET LOCAL session_replication_role = origin;
SELECT regexp_replace(findings(), '[0-9]+', '…', 'g');
ROLLBACK;
BEGIN;
DELETE FROM replicache.tracked_table;
SELECT findings();
ROLLBACK;
-- A trigger that fires after ours, a missing index, a column that may be null, and one that is missing.
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "ébène" BEFORE UPDATE ON list FOR EACH ROW EXECUTE FUNCTION late();
DROP INDEX list_team_version_idx;
ALTER TABLE list ALTER team DROP NOT NULL;
SELECT findings();
CREATE INDEX ON list (team, version);
ALTER TRIGGER "ébène" ON list RENAME TO ebony;
ALTER TABLE list ALTER team SET NOT NULL;
ALTER TABLE "Odd ""list'" RENAME COLUMN "the team" TO team;
SELECT findings();
ALTER TABLE "Odd ""list'" RENAME COLUMN team TO "the team";
SELECT findings();

-- Columns that clients should perhaps not have.
ALTER TABLE list ADD "passwordHash" text, ADD api_token text, ADD hashtag text, ADD "Salt" text, ADD basalt text;
SELECT findings();
SELECT replicache.track_table('list', space => 'team/{team}', columns => '{id,team,title,Salt}') \g /dev/null
SELECT findings();

-- Spaces that could meet: once for each two ways to name them.
CREATE TABLE chat (id int PRIMARY KEY, team_id int NOT NULL);
CREATE TABLE inbox (id int PRIMARY KEY, user_id int NOT NULL);
CREATE TABLE outbox (id int PRIMARY KEY, user_id int NOT NULL);
CREATE TABLE place (id int PRIMARY KEY, map uuid NOT NULL);
GRANT SELECT ON chat, inbox, outbox, place TO regress_web;
SELECT replicache.track_table('chat', space => 'team_id'), replicache.track_table('inbox', space => 'user_id'), replicache.track_table('outbox', space => 'user_id'), replicache.track_table('place', space => 'map') \g /dev/null
SELECT findings();
SELECT replicache.track_table('chat', space => 'chat/{team_id}') \g /dev/null
SELECT findings();
SELECT replicache.untrack_table(t) FROM unnest('{chat,inbox,outbox,place}'::regclass[]) t \g /dev/null

-- Policies of private tables that make PostgreSQL look at each row, and policies of other tables that read tables.
CREATE TABLE member (list_id int PRIMARY KEY, user_id text NOT NULL);
CREATE FUNCTION is_member(list_id int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM checks.member m WHERE m.list_id = $1)';
CREATE POLICY "in '%s" ON list FOR SELECT USING (id IN (SELECT m.list_id FROM member m WHERE m.user_id = replicache.current_user_id()));
CREATE POLICY "exists" ON list USING (EXISTS (SELECT FROM member m WHERE m.list_id = list.id));
CREATE POLICY calls ON list USING (is_member(id));
CREATE POLICY once ON list USING (id = ANY (ARRAY(SELECT m.list_id FROM member m)) OR EXISTS (SELECT FROM member) OR title = replicache.current_user_id() OR upper(title) = 'X');
CREATE POLICY writes ON list FOR INSERT WITH CHECK (id IN (SELECT m.list_id FROM member m));
SELECT findings();
SELECT replicache.track_table('list', space => 'team/{team}', columns => '{id}', private => true) \g /dev/null
SELECT findings();
DROP POLICY "in '%s" ON list;
DROP POLICY "exists" ON list;
DROP POLICY calls ON list;
SELECT findings();
-- Row-level security that is off.
ALTER TABLE list DISABLE ROW LEVEL SECURITY;
SELECT findings();
SELECT replicache.track_table('list', space => 'team/{team}', columns => '{id}', filter => 'true') \g /dev/null
DROP POLICY once ON list;
DROP POLICY writes ON list;
SELECT findings();

-- Logical replication.
CREATE PUBLICATION "regress all" FOR ALL TABLES;
BEGIN;
INSERT INTO pg_subscription_rel VALUES (1, 'list'::regclass, 'r');
SELECT findings();
ROLLBACK;
DROP PUBLICATION "regress all";
SELECT findings();

-- Who may ask, and what they are told: owners of their own objects, members of pg_monitor of all.
CREATE ROLE regress_owner;
CREATE ROLE regress_monitor;
GRANT pg_monitor TO regress_monitor;
GRANT USAGE ON SCHEMA replicache TO regress_monitor;
SELECT replicache.grant_setup('regress_owner') \g /dev/null
GRANT USAGE, CREATE ON SCHEMA checks TO regress_owner;
ALTER TABLE list DISABLE TRIGGER "~replicache_deleted";
SET ROLE regress_owner;
CREATE TABLE mine (id int PRIMARY KEY, password text, space text NOT NULL);
CREATE FUNCTION mine() RETURNS void LANGUAGE sql AS 'INSERT INTO checks.audit DEFAULT VALUES';
SELECT replicache.track_table('mine', space => 'space'), replicache.register_mutator('mine', 'mine()') \g /dev/null
SELECT code, object FROM replicache.check();
SET ROLE regress_monitor;
SELECT code, object FROM replicache.check();
SET ROLE regress_web;
SELECT * FROM replicache.check();
RESET ROLE;
SELECT replicache.check(0::oid);
\echo :LAST_ERROR_SQLSTATE
SELECT replicache.check(4294967295::oid);
-- It writes nothing, and the search_path of the caller decides nothing.
CREATE SCHEMA evil;
CREATE FUNCTION evil.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''evil was called''; END';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom);
CREATE OPERATOR evil.~* (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom);
CREATE TABLE evil.pg_class (oid oid);
BEGIN READ ONLY;
SELECT count(*) FROM replicache.check();
SET LOCAL search_path = evil, pg_catalog;
SELECT pg_catalog.count(*) FROM replicache.check();
ROLLBACK;

DROP EXTENSION replicache_ext CASCADE;
DROP SCHEMA checks, evil CASCADE;
DROP OWNED BY regress_owner, regress_monitor, regress_web;
DROP ROLE regress_owner, regress_monitor, regress_web, "regress_No; ""one""";
