-- why_one_by_one says what is in the way of writing several rows by one statement. It never says nothing when they are written one by one.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA why;
SET search_path = why;
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, a text, b int DEFAULT 1);
SELECT replicache.expose_crud('t');
SELECT * FROM replicache.why_one_by_one('t');
-- Functions in SQL, such as auth.uid(), if they read no table; and others.
CREATE FUNCTION uid() RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce(nullif(current_setting('why.user', true), ''), 'nobody') $$;
CREATE FUNCTION atomic_uid() RETURNS text STABLE RETURN coalesce(why.uid(), 'nobody');
CREATE FUNCTION reads() RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(a) FROM why.t $$;
CREATE FUNCTION nested() RETURNS text LANGUAGE sql STABLE AS $$ SELECT why.reads() $$;
CREATE FUNCTION locks() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT relname::text FROM pg_class LIMIT 1 $$;
CREATE FUNCTION configured() RETURNS text LANGUAGE sql STABLE SET search_path = why AS $$ SELECT 'x'::text $$;
CREATE FUNCTION plp() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 'x'; END $$;
SET check_function_bodies = off;
CREATE FUNCTION endless() RETURNS text LANGUAGE sql STABLE AS $$ SELECT why.endless() $$;
RESET check_function_bodies;
CREATE SEQUENCE s;
CREATE FUNCTION why(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('ALTER TABLE why.t ALTER a SET DEFAULT %s', expression);
    SELECT string_agg(operation || ': ' || coalesce(reason, '-'), E'\n') INTO result FROM replicache.why_one_by_one('why.t') WHERE operation <> 'upsert';
    ALTER TABLE why.t ALTER a DROP DEFAULT;
    RETURN result;
END $$;
SELECT f, why(f) FROM unnest('{uid(),atomic_uid(),reads(),nested(),locks(),configured(),plp(),endless(),replicache.current_user_id(),replicache.current_mutation_id()::text}'::text[]) f;
CREATE OR REPLACE FUNCTION uid() RETURNS text LANGUAGE sql STABLE AS $$ SELECT why.plp() $$;
SELECT why('atomic_uid()');
CREATE OR REPLACE FUNCTION uid() RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce(nullif(current_setting('why.user', true), ''), 'nobody') $$;
-- A text that is wrong. PostgreSQL finds out when it plans the statement, or leaves that to the call.
SET check_function_bodies = off;
CREATE FUNCTION broken() RETURNS text LANGUAGE sql STABLE AS $$ SELECT nothing FROM nowhere $$;
CREATE FUNCTION broken_late() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 1; SELECT nothing FROM nowhere $$;
RESET check_function_bodies;
SELECT why('broken()');
SELECT why('broken_late()');
-- Functions that run SQL, change settings, or make values of types that only they know.
CREATE FUNCTION in_c(text) RETURNS text LANGUAGE c STABLE AS '$libdir/replicache_ext', 'replicache_current_user_id';
CREATE FUNCTION in_c(uuid) RETURNS text LANGUAGE c STABLE AS '$libdir/replicache_ext', 'replicache_current_user_id';
CREATE DOMAIN checked AS text CHECK (why.reads() <> VALUE);
CREATE DOMAIN harmless AS text CHECK (length(VALUE) < 10);
CREATE TYPE pair AS (a checked, b int);
CREATE TYPE own_text AS ENUM ('a');
CREATE TYPE cast_text AS ENUM ('a');
CREATE TYPE casts AS (a why.cast_text, b int);
CREATE FUNCTION as_json(cast_text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RETURN '1'; END $$;
CREATE CAST (cast_text AS json) WITH FUNCTION as_json(cast_text);
CREATE FUNCTION aggregated() RETURNS text STABLE RETURN (SELECT json_agg('a'::why.cast_text));
CREATE FUNCTION of_record() RETURNS text STABLE RETURN (SELECT row_to_json(r) FROM (SELECT 'a'::why.cast_text) r);
CREATE FUNCTION makes(text) RETURNS checked LANGUAGE sql STABLE AS 'SELECT $1; SELECT $1';
CREATE FUNCTION shows(text) RETURNS text STABLE RETURN length($1::why.checked);
SELECT f, why(f) FROM unnest(ARRAY['query_to_xml(''SELECT 1'', true, true, '''')::text', 'table_to_xml(''why.t'', true, true, '''')::text', 'schema_to_xmlschema(''why'', true, true, '''')::text',
    'ts_rewrite(''a'', ''SELECT 1'')::text', 'set_config(''a.b'', ''c'', false)', 'pg_get_viewdef(1)', 'nextval(''why.s'')::text', 'gen_random_uuid()::text', 'clock_timestamp()::text', 'lo_get(1)::text',
    'why.in_c(''SELECT 1'')', 'why.in_c(gen_random_uuid())', 'jsonb_populate_record(NULL::why.pair, ''{}'')::text', '(random()::text::why.pair)::text', '(random()::text::why.checked[])::text', '(random()::text::harmless[])::text',
    'random()::text::checked', 'random()::text::harmless', 'why.makes(''x'')', 'why.shows(''x'')', 'to_jsonb(''a''::why.own_text)::text', 'to_jsonb(''a''::why.cast_text)::text', 'to_json(ARRAY[ROW(''a'', 1)::why.casts])::text', 'json_build_array(1, random())::text', 'json_build_array(ROW(1))::text', 'json_build_array(ROW(''a''::why.cast_text))::text', 'why.of_record()', 'why.aggregated()', '''n-'' || nextval(''why.s'')', '''n-'' || ''a''::why.own_text', 'array_in(''{1}'', 25, -1)::text']) f;
-- What aggregates call is not looked at.
CREATE FUNCTION step(text, text) RETURNS text LANGUAGE sql AS 'SELECT why.reads()';
CREATE AGGREGATE own(text) (SFUNC = step, STYPE = text);
CREATE FUNCTION own() RETURNS text LANGUAGE sql STABLE AS $$ SELECT own(x) FROM unnest('{a,b}'::text[]) x $$;
CREATE FUNCTION builtin() RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(x) FROM unnest('{a,b}'::text[]) x $$;
-- A text means what its names mean when it is called.
CREATE FUNCTION by_text() RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper('x') $$;
CREATE FUNCTION by_path() RETURNS text STABLE SET search_path = why RETURN why.by_text();
CREATE FUNCTION by_owner() RETURNS text STABLE SECURITY DEFINER RETURN why.by_text();
CREATE FUNCTION own_atomic() RETURNS text STABLE SET search_path = why BEGIN ATOMIC SELECT 'a'; SELECT upper('x'); END;
SELECT f, why(f) FROM unnest('{own(),builtin(),by_text(),by_path(),by_owner(),own_atomic()}'::text[]) f;
-- What names mean may change.
CREATE FUNCTION for_insert(OUT reason text) LANGUAGE sql AS $$ SELECT reason FROM replicache.why_one_by_one('why.t') WHERE operation = 'insert' $$;
CREATE FUNCTION compares() RETURNS text LANGUAGE sql STABLE AS $$ SELECT ('a' < 'b'::text)::text; SELECT ('a' < 'b'::text)::text $$;
CREATE FUNCTION less(text, text) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN true; END';
ALTER TABLE t ALTER a SET DEFAULT compares();
SELECT for_insert();
CREATE OPERATOR why.< (FUNCTION = less, LEFTARG = text, RIGHTARG = text);
SELECT for_insert();
SET search_path = why, pg_catalog;
SELECT for_insert();
SET search_path = why;
SELECT for_insert();
CREATE FUNCTION names() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a'::text; SELECT 'b'::name::text $$;
ALTER TABLE t ALTER a SET DEFAULT names();
SET search_path = why, pg_catalog;
SELECT for_insert();
CREATE DOMAIN name AS text CHECK (VALUE <> why.plp());
SELECT for_insert();
DROP DOMAIN why.name;
SELECT for_insert();
SET search_path = why;
CREATE TYPE mood AS ENUM ('calm');
CREATE FUNCTION as_text(mood) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 'x'; END $$;
CREATE FUNCTION shown() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a'; SELECT 'calm'::why.mood::text $$;
ALTER TABLE t ALTER a SET DEFAULT shown();
SELECT for_insert();
CREATE CAST (mood AS text) WITH FUNCTION as_text(mood);
SELECT for_insert();
ALTER TABLE t ALTER a DROP DEFAULT;
-- The table.
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION with_(ddl text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE ddl;
    SELECT string_agg(operation || ': ' || coalesce(reason, '-'), E'\n') INTO result FROM replicache.why_one_by_one('why.t');
    RAISE USING MESSAGE = result;
EXCEPTION WHEN raise_exception THEN RETURN SQLERRM;
END $$;
SELECT ddl, with_(ddl) FROM unnest(ARRAY['CREATE TRIGGER trig BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trig()',
    'CREATE TRIGGER trig AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION trig()', 'CREATE TRIGGER trig AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION trig()',
    'CREATE TRIGGER trig BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION trig(); ALTER TABLE t DISABLE TRIGGER trig', 'CREATE TRIGGER trig BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE TRIGGER trig BEFORE UPDATE ON t FOR EACH ROW WHEN (why.plp() = NEW.a) EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'CREATE RULE r AS ON DELETE TO t DO ALSO NOTHING', 'CREATE TABLE child () INHERITS (t)',
    'ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES t', 'ALTER TABLE t ADD UNIQUE (a) DEFERRABLE', 'ALTER TABLE t ADD CHECK (a <> reads())', 'ALTER TABLE t ADD CHECK (a <> uid())', 'ALTER TABLE t ADD CHECK (a <> own_atomic())',
    'CREATE TABLE other (t int REFERENCES t ON DELETE CASCADE)', 'ALTER TABLE t ALTER id TYPE numeric', 'ALTER TABLE t ALTER id TYPE bpchar', 'ALTER TABLE t ADD UNIQUE (a)',
    'CREATE DOMAIN d AS text CHECK (VALUE <> plp()); ALTER TABLE t ALTER a TYPE d']) ddl;
-- Policies count for the role.
CREATE ROLE regress_why;
GRANT USAGE ON SCHEMA why TO regress_why;
GRANT ALL ON t TO regress_why;
SELECT replicache.grant_usage('regress_why');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE TABLE member (name text);
GRANT SELECT ON member TO regress_why;
CREATE POLICY p ON t USING (a IN (SELECT name FROM why.member));
SELECT * FROM replicache.why_one_by_one('t') WHERE reason IS NOT NULL;
SET ROLE regress_why;
SELECT * FROM replicache.why_one_by_one('t');
RESET ROLE;
ALTER POLICY p ON t USING (a = plp());
SET ROLE regress_why;
SELECT * FROM replicache.why_one_by_one('t');
RESET ROLE;
-- A subquery may run once for several rows. Sequences go on while they are written, and so do the tables of the extension.
GRANT ALL ON SEQUENCE s TO regress_why;
CREATE FUNCTION counting() RETURNS int STABLE LANGUAGE sql AS $$ SELECT nextval('why.s')::int $$;
CREATE FUNCTION with_policy(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('ALTER POLICY p ON t USING (%s)', expression);
    SET ROLE regress_why;
    SELECT string_agg(concat_ws(': ', operation, reason), ', ') INTO result FROM replicache.why_one_by_one('t') WHERE operation IN ('insert', 'delete');
    RESET ROLE;
    RETURN result;
END $$;
SELECT p, with_policy(p) FROM unnest(ARRAY['b < random()', 'b < (SELECT random())', 'b > (SELECT 1)', 'a = (SELECT why.uid())', 'b < (SELECT counting())', 'b < counting()', 'b < (SELECT last_value FROM s)',
    'b < (SELECT max(version) FROM replicache.space)', 'EXISTS (SELECT FROM member WHERE name = a)', 'EXISTS (SELECT FROM member WHERE name = plp())']) p;
-- Only what clients may do; and what is wrong.
SELECT replicache.expose_crud('t', '{update}');
SELECT * FROM replicache.why_one_by_one('t');
CREATE TABLE partitioned (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE partition PARTITION OF partitioned DEFAULT;
CREATE TABLE above (id int PRIMARY KEY);
CREATE TABLE below (PRIMARY KEY (id)) INHERITS (above);
SELECT replicache.expose_crud(t) FROM unnest('{partitioned,partition,above,below}'::regclass[]) t;
SELECT t, w.* FROM unnest('{partitioned,partition,above,below}'::regclass[]) t, replicache.why_one_by_one(t) w WHERE operation = 'insert';
-- Settings; and tables that are special.
SET replicache.set_wise = off;
SELECT * FROM replicache.why_one_by_one('t');
RESET replicache.set_wise;
SET replicache.optimistic_runs = off;
SELECT * FROM replicache.why_one_by_one('t');
RESET replicache.optimistic_runs;
CREATE TABLE key_only (id int PRIMARY KEY);
CREATE TABLE generated (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);
CREATE TABLE defaults (id text PRIMARY KEY DEFAULT plp(), a int);
CREATE TABLE judged (id int PRIMARY KEY, a int, b json);
CREATE TABLE newest (id int PRIMARY KEY, a int);
SELECT replicache.expose_crud(t) FROM unnest('{key_only,generated,defaults}'::regclass[]) t;
SELECT replicache.expose_crud('judged', conflict => 'reject_stale'), replicache.expose_crud('newest', conflict => 'newest', conflict_column => 'a');
SELECT t, w.* FROM unnest('{key_only,generated,defaults,judged,newest}'::regclass[]) t, replicache.why_one_by_one(t) w;
SELECT * FROM replicache.why_one_by_one('member');
\echo :SQLSTATE
SELECT * FROM replicache.why_one_by_one(NULL);
\echo :SQLSTATE
SET client_min_messages = warning;
DROP SCHEMA why CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_why;
