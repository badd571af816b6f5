-- Every command that the extension takes part in: by its event triggers, and by its triggers. Where PostgreSQL itself runs code of the owner as whoever gives the command, that is so.
SELECT identity.try(what, own_account, path, '00000', VARIADIC before || (who || ': ' || command)) FROM (VALUES
    ('CREATE TABLE … PARTITION OF', true, '{}'::text[], 'CREATE TABLE trap.part3 PARTITION OF trap.parted FOR VALUES FROM (30) TO (40)'),
    ('CREATE SCHEMA with a partition', true, '{}', 'CREATE SCHEMA sub CREATE TABLE part3 PARTITION OF trap.parted FOR VALUES FROM (30) TO (40) CREATE VIEW v AS SELECT 1 AS a'),
    ('CREATE TABLE AS', true, '{}', 'CREATE TABLE trap.copied AS SELECT 1 AS a'),
    ('ATTACH', true, '{"owner: ALTER TABLE trap.loose ALTER mood TYPE trap.mood"}', 'ALTER TABLE trap.parted ATTACH PARTITION trap.loose FOR VALUES FROM (20) TO (30)'),
    ('ATTACH with a space of type mood', true, '{"super: ALTER TABLE trap.part1 OWNER TO identity_owner","owner: DROP TRIGGER \"~replicache_moved\" ON trap.parted","owner: ALTER TABLE trap.parted ALTER space DROP DEFAULT","owner: ALTER TABLE trap.loose ALTER space DROP DEFAULT","owner: ALTER TABLE trap.parted ALTER space TYPE trap.mood USING ''calm''::trap.mood","owner: ALTER TABLE trap.loose ALTER space TYPE trap.mood USING ''calm''::trap.mood"}',
        'ALTER TABLE trap.parted ATTACH PARTITION trap.loose FOR VALUES FROM (20) TO (30)'),
    ('DETACH', true, '{}', 'ALTER TABLE trap.parted DETACH PARTITION trap.part2'),
    ('DETACH with a space of type mood', true, '{"super: ALTER TABLE trap.part1 OWNER TO identity_owner","owner: DROP TRIGGER \"~replicache_moved\" ON trap.parted","owner: ALTER TABLE trap.parted ALTER space DROP DEFAULT","owner: ALTER TABLE trap.parted ALTER space TYPE trap.mood USING ''calm''::trap.mood"}',
        'ALTER TABLE trap.parted DETACH PARTITION trap.part2'),
    ('DETACH of somebody else''s', true, '{}', 'ALTER TABLE trap.parted DETACH PARTITION trap.part1'),
    ('DROP of a partition', true, '{}', 'DROP TABLE trap.part2'),
    ('DROP', true, '{}', 'DROP TABLE trap.wide, trap.timed, trap.keyed, trap.parted'),
    ('DROP TYPE CASCADE', true, '{}', 'DROP TYPE trap.mood CASCADE'),
    ('DROP DOMAIN CASCADE', true, '{}', 'DROP DOMAIN trap.word CASCADE'),
    ('DROP OWNED', true, '{"super: ALTER TABLE trap.part1 OWNER TO identity_owner"}', 'DROP OWNED BY identity_owner CASCADE'),
    ('DROP SCHEMA CASCADE', true, '{}', 'DROP SCHEMA trap CASCADE'),
    ('rename', true, '{}', 'ALTER TABLE trap.wide RENAME TO wider'),
    ('SET SCHEMA', true, '{"super: CREATE SCHEMA elsewhere AUTHORIZATION identity_owner"}', 'ALTER TABLE trap.wide SET SCHEMA elsewhere'),
    ('swap', true, '{"owner: CREATE TABLE trap.twin (LIKE trap.ruled INCLUDING ALL)","owner: ALTER TABLE trap.ruled RENAME TO ruled_old"}', 'ALTER TABLE trap.twin RENAME TO ruled'),
    ('swap, then pull', false, '{"owner: CREATE TABLE trap.twin (LIKE trap.ruled INCLUDING ALL)","owner: ALTER TABLE trap.ruled RENAME TO ruled_old","owner: ALTER TABLE trap.twin RENAME TO ruled","super: SELECT replicache.retrack(''trap.ruled_old'')"}', 'SELECT replicache.pull_since(NULL)'),
    ('ENABLE TRIGGER', true, '{"super: ALTER TABLE trap.timed DISABLE TRIGGER ALL"}', 'ALTER TABLE trap.timed ENABLE TRIGGER "~replicache_stamp", ENABLE ALWAYS TRIGGER "~replicache_moved", ENABLE TRIGGER USER'),
    ('ALTER TYPE', true, '{}', 'ALTER TYPE trap.mood RENAME VALUE ''calm'' TO ''quiet'''),
    ('ALTER TYPE of a composite', true, '{}', 'ALTER TYPE trap.mood ADD VALUE ''new'''),
    ('ALTER OWNER', true, '{"super: GRANT identity_other TO identity_owner"}', 'ALTER TABLE trap.timed OWNER TO identity_other'),
    ('ALTER TABLE with a rewrite', false, '{}', 'ALTER TABLE trap.wide ADD another integer DEFAULT trap.same(''default in a rewrite'', 1), ALTER word TYPE trap.word USING pg_catalog.lower(word)'),
    ('ALTER COLUMN TYPE of key and space', false, '{}', 'ALTER TABLE trap.keyed ALTER id TYPE pg_catalog.text, ALTER space TYPE pg_catalog.text'),
    ('RENAME of a column that a value uses', true, '{}', 'ALTER TABLE trap.wide RENAME pair TO couple'),
    ('DROP of a column that a value uses', true, '{}', 'ALTER TABLE trap.wide DROP pair'),
    ('TRUNCATE', false, '{}', 'TRUNCATE trap.wide, trap.timed, trap.part2'),
    ('INSERT, UPDATE, DELETE', false, '{}', 'WITH i AS (INSERT INTO trap.wide (id) VALUES (50), (51)), u AS (UPDATE trap.wide SET word = ''y''), t AS (UPDATE trap.timed SET id = ''cross'', space = ''timed''), p AS (UPDATE trap.parted SET mood = ''cross'') DELETE FROM trap.composed'),
    ('MERGE', false, '{}', 'MERGE INTO trap.wide w USING (SELECT 1 AS a) s ON true WHEN MATCHED THEN UPDATE SET word = ''z'''),
    ('DELETE of a row with a time', false, '{}', 'DELETE FROM trap.timed')) c (what, own_account, before, command),
    unnest('{owner,super}'::text[]) who, unnest('{pg_catalog,"shadow, pg_temp, pg_catalog, trap"}'::text[]) path \g /dev/null

-- The version of a space, as a restore of the data brings it.
SELECT identity.try('restore of spaces', true, path, '00000', 'super: INSERT INTO replicache.space (id, clock, version) VALUES (''timed'', ''time'', 5), ('''', ''counter'', 7)')
FROM unnest('{pg_catalog,"shadow, pg_temp, pg_catalog, trap"}'::text[]) path \g /dev/null

-- Who has TRIGGER on mutation_error has his code run as the extension's owner, restricted.
SELECT identity.try('trigger on mutation_error', false, 'pg_catalog', '00000', 'super: GRANT TRIGGER ON replicache.mutation_error TO identity_owner', 'super: GRANT USAGE ON SCHEMA replicache TO identity_owner',
    'owner: CREATE TRIGGER t AFTER INSERT ON replicache.mutation_error FOR EACH ROW EXECUTE FUNCTION trap.sprung(''trigger on mutation_error'')',
    'app: SELECT replicache.apply_push(identity.push(''fails {}''))') \g /dev/null
-- A tracked mutation_error.
SELECT identity.try('tracked mutation_error', false, 'pg_catalog', '00000', 'super: SELECT replicache.track_table(''replicache.mutation_error'')', 'app: SELECT replicache.apply_push(identity.push(''fails {}''))', 'super: SELECT replicache.pull_since(NULL)') \g /dev/null

-- What runs in no transaction block, or commits.
CREATE FUNCTION identity.open(what text, who regrole, own_account boolean) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO identity.attempt VALUES (what, what, who, own_account AND who = 'identity_super'::regrole, '00000', '00000', '');
    PERFORM identity.begin(what);
END $$;
\set path 'shadow, pg_temp, pg_catalog, trap'
-- Statistics, indexes: as PostgreSQL does it, and we do.
SELECT identity.open('VACUUM, CLUSTER, REINDEX', 'identity_super', true) \g /dev/null
SET SESSION AUTHORIZATION identity_super;
SET search_path = :path;
VACUUM (ANALYZE) trap.wide;
CLUSTER trap.wide USING wide_pkey;
REINDEX TABLE trap.wide;
ANALYZE trap.timed;
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.open('DETACH CONCURRENTLY', 'identity_super', true) \g /dev/null
SET SESSION AUTHORIZATION identity_super;
SET search_path = :path;
ALTER TABLE trap.parted DETACH PARTITION trap.part2 CONCURRENTLY;
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.open('COPY of spaces', 'identity_super', true) \g /dev/null
SET SESSION AUTHORIZATION identity_super;
SET search_path = :path;
COPY replicache.space (id, clock, version) FROM stdin;
timed	time	9
copied	counter	9
\.
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.open('push with a commit', 'identity_app', false) \g /dev/null
SET SESSION AUTHORIZATION identity_app;
SET search_path = pg_catalog;
SELECT replicache.apply_push(identity.push('whole {}')) \g /dev/null
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.open('untrack with a commit', 'identity_super', true) \g /dev/null
SET SESSION AUTHORIZATION identity_super;
SET search_path = :path;
SELECT replicache.untrack_table('trap.timed') \g /dev/null
SELECT replicache.untrack_table('trap.wide') \g /dev/null
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.begin('') \g /dev/null
-- Before 16, a rule makes a view of a table.
SELECT current_setting('server_version_num')::int < 160000 AS has_return_rules \gset
\if :has_return_rules
DO $$DECLARE t text; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'trap.bare'::regclass LOOP EXECUTE format('DROP TRIGGER %I ON trap.bare', t); END LOOP; END$$;
ALTER TABLE trap.bare DROP CONSTRAINT bare_id_key, ALTER id DROP NOT NULL, ALTER version DROP NOT NULL, ALTER version DROP DEFAULT;
DROP INDEX trap.bare_version_idx;
VACUUM trap.bare;
SET SESSION AUTHORIZATION identity_owner;
CREATE RULE "_RETURN" AS ON SELECT TO trap.bare DO INSTEAD SELECT trap.same('_RETURN rule', 1) AS id, 1::bigint AS version;
SELECT id FROM trap.bare \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT identity.try('untrack_table of a view by a rule', true, path, '00000', who || ': SELECT replicache.untrack_table(''trap.bare'')') FROM unnest('{owner,super}'::text[]) who, unnest(ARRAY['pg_catalog', :'path']) path \g /dev/null
\endif
-- That the traps and shadows work at all.
SELECT identity.open('control', 'identity_owner', false) \g /dev/null
SET SESSION AUTHORIZATION identity_owner;
DO $$
DECLARE
    t text;
    c text;
BEGIN
    FOR t IN SELECT unnest('{mood,pair,span}'::text[]) LOOP
        FOR c IN SELECT unnest('{text,varchar,json,jsonb,bigint,boolean}'::text[]) LOOP
            EXECUTE format('SELECT CAST(%L::trap.%s AS %s)', CASE t WHEN 'mood' THEN 'calm' WHEN 'pair' THEN '(1,calm)' ELSE '[1,2)' END, t, c);
        END LOOP;
    END LOOP;
    FOR c IN SELECT unnest('{text,json,jsonb,bigint,boolean}'::text[]) LOOP
        EXECUTE format('SELECT CAST(CAST(%L AS %s) AS trap.mood)', CASE c WHEN 'boolean' THEN 't' ELSE '1' END, c);
    END LOOP;
    PERFORM 'calm'::trap.mood OPERATOR(trap.=) 'calm', 1::trap.number;
END $$;
SET search_path = shadow, pg_temp, pg_catalog;
SELECT 1 = 2, length('x'::pg_catalog.text), '1'::text IS DISTINCT FROM '2'::pg_catalog.text \g /dev/null
SELECT FROM pg_class LIMIT 1 \g /dev/null
SET search_path = pg_catalog;
SELECT FROM pg_class LIMIT 1 \g /dev/null
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT identity.begin('') \g /dev/null
