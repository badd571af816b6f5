-- Code of an owner, wherever PostgreSQL lets an owner or another role put some. It tells as whom it runs, and tries to become somebody else.
-- Not possible without a superuser, and so not here: base types and their functions, operator classes, access methods, C functions, event triggers
-- (there are some below, of the superuser's). Collations run no code that is anybody's.
CREATE SCHEMA trap AUTHORIZATION identity_owner;
GRANT USAGE, CREATE ON SCHEMA trap TO identity_other;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
SET SESSION AUTHORIZATION identity_owner;
SET search_path = trap, pg_catalog;

CREATE FUNCTION spring(point text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    again text := current_setting('identity.again', true);
BEGIN
    PERFORM identity.note(point);
    BEGIN
        PERFORM set_config('role', 'postgres', true);
        PERFORM identity.note(point || ', after SET ROLE');
        RAISE 'back';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    IF again <> '' AND coalesce(current_setting('identity.inside', true), '') = '' THEN
        BEGIN
            PERFORM set_config('identity.inside', 'yes', true);
            EXECUTE again;
            PERFORM identity.note('called again');
        EXCEPTION WHEN OTHERS THEN
            PERFORM identity.note('called again');
        END;
        PERFORM set_config('identity.inside', '', true);
        PERFORM identity.note(point);
    END IF;
END $$;
CREATE FUNCTION yes(point text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring(point); RETURN true; END$$;
-- Of a value, so that PostgreSQL does not evaluate it while it loads the domain: 18 has a failed assertion when that runs a subtransaction.
CREATE FUNCTION fits(point text, v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring(point); RETURN true; END$$;
CREATE FUNCTION same(point text, v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring(point); RETURN v; END$$;
CREATE FUNCTION sprung() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring(TG_ARGV[0]); RETURN coalesce(NEW, OLD); END$$;

-- Types.
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE pair AS (a integer, b mood);
CREATE DOMAIN word AS text CHECK (trap.fits('domain', VALUE));
CREATE DOMAIN number AS bigint CHECK (trap.fits('domain of a version', VALUE::pg_catalog.text));
CREATE FUNCTION difference(integer, integer) RETURNS float8 LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring('subtype_diff'); RETURN $1 - $2; END$$;
CREATE TYPE span AS RANGE (subtype = integer, subtype_diff = difference);
DO $do$
DECLARE
    t text;
BEGIN
    FOR t IN SELECT unnest('{mood,pair,span}'::text[]) LOOP
        EXECUTE format('CREATE FUNCTION to_text(%1$I) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to text''); RETURN ''calm''; END$$', t);
        EXECUTE format('CREATE FUNCTION to_varchar(%1$I) RETURNS varchar LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to varchar''); RETURN ''calm''; END$$', t);
        EXECUTE format('CREATE FUNCTION to_json(%1$I) RETURNS json LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to json''); RETURN ''"calm"''; END$$', t);
        EXECUTE format('CREATE FUNCTION to_jsonb(%1$I) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to jsonb''); RETURN ''"calm"''; END$$', t);
        EXECUTE format('CREATE FUNCTION to_bigint(%1$I) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to bigint''); RETURN 1; END$$', t);
        EXECUTE format('CREATE FUNCTION to_boolean(%1$I) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to boolean''); RETURN false; END$$', t);
        EXECUTE format('CREATE CAST (%I AS text) WITH FUNCTION to_text(%1$I) AS %s', t, CASE t WHEN 'mood' THEN 'ASSIGNMENT' ELSE 'IMPLICIT' END);
        EXECUTE format('CREATE CAST (%I AS varchar) WITH FUNCTION to_varchar(%1$I) AS ASSIGNMENT', t);
        EXECUTE format('CREATE CAST (%I AS json) WITH FUNCTION to_json(%1$I)', t);
        EXECUTE format('CREATE CAST (%I AS jsonb) WITH FUNCTION to_jsonb(%1$I)', t);
        EXECUTE format('CREATE CAST (%I AS bigint) WITH FUNCTION to_bigint(%1$I) AS ASSIGNMENT', t);
        EXECUTE format('CREATE CAST (%I AS boolean) WITH FUNCTION to_boolean(%1$I)', t);
    END LOOP;
    FOR t IN SELECT unnest('{text,json,jsonb,bigint,boolean}'::text[]) LOOP
        EXECUTE format('CREATE FUNCTION to_mood(%1$s) RETURNS mood LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring(''cast from %1$s to mood''); RETURN ''calm''::trap.mood; END$$', t);
        EXECUTE format('CREATE CAST (%s AS mood) WITH FUNCTION to_mood(%1$s) AS ASSIGNMENT', t);
    END LOOP;
END $do$;
CREATE FUNCTION equal(mood, mood) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring('operator of mood'); RETURN true; END$$;
CREATE OPERATOR trap.= (LEFTARG = mood, RIGHTARG = mood, FUNCTION = equal);
CREATE FUNCTION step(state integer, v integer) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN PERFORM trap.spring('aggregate'); RETURN coalesce(state, 0) + coalesce(v, 0); END$$;
CREATE AGGREGATE total(integer) (SFUNC = step, STYPE = integer);

-- A table with all that a table can have.
CREATE TABLE wide (
    id integer PRIMARY KEY,
    word word DEFAULT trap.same('column default', 1)::pg_catalog.text,
    mood mood DEFAULT 'calm',
    pair pair DEFAULT ROW(1, 'calm'),
    span span DEFAULT '[1,3)',
    twice integer GENERATED ALWAYS AS (trap.same('generated column', id)) STORED,
    CHECK (trap.same('check constraint', id) > 0)
);
CREATE INDEX ON wide (trap.same('index expression', id)) WHERE trap.same('index predicate', id) > 0;
CREATE INDEX ON wide USING gist (span);
CREATE STATISTICS wide_statistics ON (trap.same('statistics expression', id)), id FROM wide;
SELECT replicache.track_table('wide', value => $$pg_catalog.jsonb_build_object('id', id, 'a', trap.same('value expression', id), 'b', trap.same('constant of a value expression', 1), 'c', pair)$$) \g /dev/null
SELECT replicache.expose_crud('wide') \g /dev/null
INSERT INTO wide (id) VALUES (1), (2), (3);
DO $do$
DECLARE
    moment text;
    level text;
BEGIN
    FOR moment, level IN SELECT m, l FROM unnest('{BEFORE,AFTER}'::text[]) m, unnest('{ROW,STATEMENT}'::text[]) l LOOP
        EXECUTE format('CREATE TRIGGER "%s %s" %1$s INSERT OR UPDATE OR DELETE ON wide FOR EACH %2$s EXECUTE FUNCTION sprung(''trigger %1$s %2$s'')', moment, level);
    END LOOP;
END $do$;
CREATE TRIGGER truncated AFTER TRUNCATE ON wide EXECUTE FUNCTION sprung('trigger of TRUNCATE');
CREATE TRIGGER conditional AFTER INSERT ON wide FOR EACH ROW WHEN (trap.same('WHEN of a trigger', NEW.id) > 0) EXECUTE FUNCTION sprung('trigger with WHEN');
CREATE TRIGGER transition AFTER INSERT ON wide REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sprung('trigger with a transition table');
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE ON wide DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sprung('deferred constraint trigger');
CREATE CONSTRAINT TRIGGER immediate AFTER INSERT OR UPDATE ON wide FOR EACH ROW EXECUTE FUNCTION sprung('constraint trigger');
CREATE POLICY p ON wide USING (trap.same('policy', id) > 0) WITH CHECK (trap.same('policy WITH CHECK', id) > 0);
ALTER TABLE wide ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Keys and spaces of the owner's types.
CREATE TABLE keyed (id word PRIMARY KEY, space word NOT NULL);
SELECT replicache.track_table('keyed', space => 'space', version => 'v') \g /dev/null
SELECT replicache.create_space('timed', 'time') \g /dev/null
INSERT INTO keyed VALUES ('a', 'plain'), ('b', 'timed');
CREATE TABLE timed (id mood PRIMARY KEY, space text NOT NULL, body word);
SELECT replicache.track_table('timed', space => 'space') \g /dev/null
SELECT replicache.expose_crud('timed', name => 'TIMED') \g /dev/null
INSERT INTO timed VALUES ('calm', 'timed', 'x');
CREATE TABLE composed (id pair PRIMARY KEY, space text NOT NULL, n integer NOT NULL UNIQUE);
SELECT replicache.track_table('composed', 'composed/{n}', space => 'space') \g /dev/null
INSERT INTO composed VALUES (ROW(1, 'calm'), 'timed', 1);
CREATE TABLE ranged (id span PRIMARY KEY, space text NOT NULL, n integer NOT NULL UNIQUE);
SELECT replicache.track_table('ranged', 'ranged/{n}', space => 'space') \g /dev/null
INSERT INTO ranged VALUES ('[1,3)', 'timed', 1);

-- Partitions, one of somebody else's; a child by inheritance; rules.
CREATE TABLE parted (id integer, mood mood NOT NULL DEFAULT 'calm', space text NOT NULL DEFAULT 'timed', CHECK (trap.same('check constraint of partitions', id) > 0), PRIMARY KEY (id, mood)) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
SELECT replicache.track_table('parted', 'parted/{id}/{mood}', space => 'space') \g /dev/null
INSERT INTO parted VALUES (1), (11);
CREATE TABLE loose (LIKE parted INCLUDING ALL);
INSERT INTO loose VALUES (21, 'calm', 'timed');
CREATE TABLE parent (id integer PRIMARY KEY);
SELECT replicache.track_table('parent') \g /dev/null
CREATE TABLE child (CHECK (trap.same('check constraint of a child', id) > 0)) INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2);
CREATE TABLE ruled (id integer PRIMARY KEY, n integer);
SELECT replicache.track_table('ruled') \g /dev/null
SELECT replicache.expose_crud('ruled') \g /dev/null
CREATE TABLE heard (point boolean);
CREATE RULE r1 AS ON INSERT TO ruled DO ALSO INSERT INTO heard VALUES (trap.yes('rule'));
CREATE RULE r2 AS ON UPDATE TO ruled DO ALSO INSERT INTO heard VALUES (trap.yes('rule'));
CREATE TABLE bare (id integer NOT NULL UNIQUE);
SELECT replicache.track_table('bare', 'bare/{id}') \g /dev/null

-- Mutators.
CREATE FUNCTION whole(args json) RETURNS void LANGUAGE plpgsql SET search_path = trap, pg_catalog AS $$BEGIN
    PERFORM trap.spring('mutator');
    PERFORM total(n), total(n) OVER () FROM (VALUES (1), (2)) v (n) GROUP BY n;
    INSERT INTO wide (id) VALUES (10);
END$$;
CREATE FUNCTION named(a integer DEFAULT trap.same('mutator default', 1), b word DEFAULT 'x', c mood DEFAULT 'calm', d pair DEFAULT NULL) RETURNS mood LANGUAGE plpgsql AS $$BEGIN
    PERFORM trap.spring('mutator with named parameters'); RETURN 'calm'::trap.mood; END$$;
CREATE FUNCTION definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$BEGIN PERFORM identity.note('security definer'); END$$;
CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM trap.spring('mutator that fails'); RAISE 'no'; END$$;
SELECT replicache.register_mutator('whole', 'whole(json)'), replicache.register_mutator('named', 'named(integer,word,mood,pair)'),
    replicache.register_mutator('definer', 'definer()'), replicache.register_mutator('fails', 'fails()'), replicache.register_mutator_queue() \g /dev/null
CREATE FUNCTION asked(a integer DEFAULT trap.same('query default', 1), b word DEFAULT 'x', c mood DEFAULT 'calm', d pair DEFAULT NULL) RETURNS json LANGUAGE plpgsql AS $$BEGIN
    PERFORM trap.spring('query'); RETURN '{}'; END$$;
CREATE DOMAIN answer AS jsonb CHECK (trap.fits('domain of what a query returns', VALUE::pg_catalog.text));
CREATE FUNCTION domained() RETURNS answer LANGUAGE sql STABLE SET search_path = trap, pg_catalog AS $$SELECT '{}'::answer$$;
SELECT replicache.register_query('asked', function => 'asked(integer,word,mood,pair)'), replicache.register_query('domained', function => 'domained()'), replicache.register_query('ast', '{"table":"wide","a":{"$arg":"a"}}') \g /dev/null

-- The tables of zero-cache, with all that its role can put there.
CREATE TABLE clients (
    "clientGroupID" word,
    "clientID" word,
    "lastMutationID" number NOT NULL,
    "userID" text DEFAULT trap.same('default of clients', 1)::pg_catalog.text,
    length integer GENERATED ALWAYS AS (trap.same('generated column of clients', pg_catalog.length("clientID"))) STORED,
    CHECK (trap.same('check constraint of clients', pg_catalog.length("clientID")) > 0),
    PRIMARY KEY ("clientGroupID", "clientID")
);
CREATE TABLE mutations (
    "clientGroupID" word,
    "clientID" word,
    "mutationID" bigint,
    result json NOT NULL,
    length integer GENERATED ALWAYS AS (trap.same('generated column of results', pg_catalog.length("clientID"))) STORED,
    extra text DEFAULT trap.same('default of results', 1)::pg_catalog.text,
    CHECK (trap.same('check constraint of results', pg_catalog.length("clientID")) > 0),
    PRIMARY KEY ("clientGroupID", "clientID", "mutationID")
);
CREATE INDEX ON clients (trap.same('index on clients', pg_catalog.length("clientID")));
CREATE INDEX ON mutations ("clientID") WHERE trap.same('index on results', pg_catalog.length("clientID")) > 0;
INSERT INTO mutations VALUES ('g', 'c', 0, '{}');
DO $do$
DECLARE
    t text;
    moment text;
    level text;
BEGIN
    FOR t, moment, level IN SELECT * FROM unnest('{clients,mutations}'::text[]) a, unnest('{BEFORE,AFTER}'::text[]) b, unnest('{ROW,STATEMENT}'::text[]) c LOOP
        EXECUTE format('CREATE TRIGGER "%2$s %3$s" %2$s INSERT OR UPDATE OR DELETE ON %1$s FOR EACH %3$s EXECUTE FUNCTION sprung(''trigger %2$s %3$s of %1$s'')', t, moment, level);
    END LOOP;
    FOREACH t IN ARRAY '{clients,mutations}'::text[] LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE OR DELETE ON %1$s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sprung(''deferred trigger of %1$s'')', t);
        EXECUTE format('CREATE POLICY p ON %1$s USING (trap.same(''policy of %1$s'', pg_catalog.length("clientID")) > 0) WITH CHECK (trap.same(''WITH CHECK of %1$s'', pg_catalog.length("clientID")) > 0)', t);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    END LOOP;
END $do$;

CREATE FUNCTION wrapper(push json) RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$SELECT replicache.apply_push(push)$$;
REVOKE EXECUTE ON FUNCTION wrapper FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wrapper TO identity_app;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA trap TO identity_app;
RESET SESSION AUTHORIZATION;
RESET search_path;
ALTER TABLE trap.part1 OWNER TO identity_other;

-- The superuser's own.
CREATE FUNCTION identity.event() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN PERFORM identity.note('event trigger ' || TG_EVENT); END$$;
CREATE EVENT TRIGGER a_start ON ddl_command_start EXECUTE FUNCTION identity.event();
CREATE EVENT TRIGGER a_end ON ddl_command_end EXECUTE FUNCTION identity.event();
CREATE EVENT TRIGGER a_drop ON sql_drop EXECUTE FUNCTION identity.event();
CREATE EVENT TRIGGER z_drop ON sql_drop EXECUTE FUNCTION identity.event();
CREATE EVENT TRIGGER a_rewrite ON table_rewrite EXECUTE FUNCTION identity.event();
