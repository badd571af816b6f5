-- Judges what has run, and prints TAP.
SET search_path = pg_catalog, pg_temp;
CREATE TABLE identity.ran AS
SELECT f[1] AS attempt, f[2] AS point, f[3]::oid AS who, f[4]::oid AS session, f[5]::boolean AS restricted
FROM (SELECT string_to_array(identity.run(n), E'\x1f') AS f FROM generate_series(1, identity.count()) n) r;

CREATE FUNCTION identity.role(name text) RETURNS oid LANGUAGE sql STABLE AS $$SELECT oid FROM pg_catalog.pg_roles WHERE rolname = name$$;
CREATE VIEW identity.bad AS
SELECT DISTINCT a.what, a.caller::regrole::text AS caller, r.point, r.who::regrole::text AS who, r.restricted
FROM identity.ran r JOIN identity.attempt a ON a.name = r.attempt
WHERE NOT CASE
    WHEN r.point = 'afterwards' THEN r.who = a.caller AND NOT r.restricted
    WHEN r.point ~ '^event trigger' AND r.who = a.caller THEN true
    WHEN r.point ~ '^shadow' THEN a.what = 'control'
    WHEN r.point = 'security definer' THEN r.who = identity.role('identity_owner')
    WHEN r.point = 'trigger on mutation_error' THEN r.who = (SELECT extowner FROM pg_extension WHERE extname = 'replicache_ext') AND r.restricted
    WHEN r.point ~ ', after SET ROLE$' THEN r.session = identity.role('identity_super') AND NOT a.own_account
    WHEN r.who = identity.role('identity_owner') AND r.restricted THEN true
    WHEN r.who = a.caller THEN NOT a.own_account
    ELSE r.who = identity.role('identity_owner') AND a.what ~ 'apply_push'  -- by the wrapper
END;

CREATE TEMP SEQUENCE number;
CREATE FUNCTION pg_temp.tap(good boolean, what text) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN good THEN 'ok ' ELSE 'not ok ' END || nextval('pg_temp.number') || ' - ' || what$$;

-- One test per kind of attempt: nothing in it ran as somebody it should not have.
SELECT pg_temp.tap(bad IS NULL, what || COALESCE(E'\n' || bad, ''))
FROM (SELECT what, string_agg(format('# %s: %s ran as %s%s', b.caller, b.point, b.who, CASE WHEN b.restricted THEN ', restricted' END), E'\n' ORDER BY b.caller, b.point) FILTER (WHERE b.point IS NOT NULL) AS bad
    FROM (SELECT DISTINCT what FROM identity.attempt WHERE what !~ '^again: ') a LEFT JOIN identity.bad b USING (what) GROUP BY what) x ORDER BY what;
SELECT pg_temp.tap(count(*) = 0, 'calls of the extension from within code that it calls' || COALESCE(E'\n' || string_agg(format('# %s, %s: %s ran as %s%s', what, caller, point, who, CASE WHEN restricted THEN ', restricted' END), E'\n'), ''))
FROM identity.bad WHERE what ~ '^again: ';

-- Nobody has got more rights.
SELECT pg_temp.tap(count(*) = 0, 'nobody has become superuser') FROM pg_roles WHERE rolname ~ '^identity_' AND rolname <> 'identity_super' AND rolsuper;

-- And the suite is not blind: it has run what it says, with the results that it expects.
SELECT pg_temp.tap(count(*) = 0, 'every attempt ends as expected' || COALESCE(E'\n' || string_agg(format('# %s: %s, not %s: %s', name, got, expected, message), E'\n'), ''))
FROM identity.attempt WHERE got <> expected AND expected <> '*';
SELECT pg_temp.tap(count(*) = 0, 'every function of the extension is called' || COALESCE(E'\n' || string_agg('# ' || oid::regprocedure::text, E'\n'), ''))
FROM pg_proc p WHERE pronamespace = 'replicache'::regnamespace AND NOT EXISTS (SELECT FROM identity.call c WHERE c.function = p.proname);
SELECT pg_temp.tap(r.point IS NOT NULL, 'ran: ' || wanted.point) FROM (SELECT DISTINCT (regexp_matches(source, 'trap\.(?:spring|same|yes|sprung|fits)\(''+([^'']+)''', 'g'))[1] AS point FROM (
        SELECT prosrc AS source FROM pg_proc WHERE pronamespace = 'trap'::regnamespace
        UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'trap'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid::regclass::text ~ '^trap\.'
        UNION ALL SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid::regclass::text ~ '^trap\.'
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text ~ '^trap\.'
        UNION ALL SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class::regclass::text ~ '^trap\.'
        UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
        UNION ALL SELECT pg_get_expr(polqual, polrelid) || pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE polrelid::regclass::text ~ '^trap\.'
        UNION ALL SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace
        UNION ALL SELECT command FROM identity.call) s) wanted
    LEFT JOIN (SELECT DISTINCT point FROM identity.ran) r USING (point) ORDER BY wanted.point;
SELECT pg_temp.tap(EXISTS (SELECT FROM identity.ran WHERE point ~ wanted), 'ran: ' || wanted) FROM unnest(ARRAY['shadow of the operator =', 'shadow of the function length', 'shadow of the type text', 'shadow of the table pg_class',
    'shadow of the temporary table pg_class', 'event trigger ddl_command_start', 'event trigger ddl_command_end', 'event trigger sql_drop', 'event trigger table_rewrite', 'security definer', 'called again']) wanted;
-- Where the extension reads on its own account, the traps are sprung as the owner, whoever calls.
SELECT pg_temp.tap(EXISTS (SELECT FROM identity.ran r JOIN identity.attempt a ON a.name = r.attempt WHERE a.what = wanted AND r.point = sprung AND r.who = identity.role('identity_owner') AND r.restricted AND a.caller = identity.role(v2.caller)),
    format('%s by %s: %s runs as the owner', wanted, caller, sprung))
FROM (VALUES ('untrack_table trap.timed', 'cast from mood to json'), ('untrack_table trap.composed', 'cast from mood to json'), ('untrack_table trap.ranged', 'cast from span to json'), ('untrack_table trap.parted', 'cast from mood to json')) v (wanted, sprung),
    unnest('{identity_owner,identity_super}'::text[]) v2 (caller);
SELECT '1..' || currval('pg_temp.number');
