-- Settings: values, wrong values, and what they do where no other test shows it.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
LOAD 'replicache_ext';
CREATE SCHEMA settings;
SET search_path = settings, public;

SELECT name, setting, unit, vartype, context, min_val, max_val, enumvals, boot_val, short_desc, extra_desc FROM pg_settings WHERE name LIKE 'replicache.%' ORDER BY name;

-- Wrong values are refused, and the old ones stay.
\set VERBOSITY sqlstate
SET replicache.default_clock = 'sundial';
SET replicache.default_clock = '';
SET replicache.mutation_timeout = 'soon';
SET replicache.mutation_timeout = -1;
SET replicache.mutation_timeout = '1 year';
SET replicache.poke_channel = 'a name of sixty-four bytes, which is one more than a channel has';
SET replicache.no_such_setting = 1;
\set VERBOSITY default
SET replicache.poke_channel = 'a name of sixty-four bytes, which is one more than a channel has';
SELECT name, setting FROM pg_settings WHERE name LIKE 'replicache.%' ORDER BY name;
SET replicache.poke_channel = 'a name of sixty-three bytes, which is as long as a channel gets';
SHOW replicache.poke_channel;
-- Bytes count, not characters.
SET replicache.poke_channel = 'ääääääääääääääääääääääääääääääää';
\echo :LAST_ERROR_SQLSTATE
RESET replicache.poke_channel;
SET replicache.mutation_timeout = '1.5s';
SHOW replicache.mutation_timeout;
RESET replicache.mutation_timeout;
SET replicache.default_clock = 'COUNTER';
SHOW replicache.default_clock;
RESET replicache.default_clock;

-- Set before the module is loaded, a wrong value gives way to the default with a warning.
\c -
SET replicache.poke_channel = 'a name of sixty-four bytes, which is one more than a channel has';
SET replicache.mutation_timeout = 'soon';
SET replicache.schema_versions = '1';
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[]}');
SELECT name, setting FROM pg_settings WHERE name LIKE 'replicache.%' ORDER BY name;

-- By role and database, as usual.
CREATE ROLE regress_settings;
ALTER ROLE regress_settings SET replicache.schema_versions = '7, 8';
SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'regress_settings'::regrole;
DROP ROLE regress_settings;

-- schema_versions: blanks around the items do not count; an empty item stands for the client's default, the empty one.
CREATE FUNCTION allowed(setting text, version text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('replicache.schema_versions', setting, true);
    RETURN coalesce(replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'schemaVersion', version, 'mutations', '[]'::json))->>'error', 'allowed');
END $$;
SELECT quote_literal(s) AS setting, allowed(s, '') AS empty, allowed(s, '1') AS one, allowed(s, '2') AS two, allowed(s, ' 1') AS " one", allowed(s, '1,2') AS "1,2"
    FROM unnest(ARRAY['', '  ', '1', ' 1 ', '1,2', ' 2 , 1 ', '12', '1,', ',1', ',', ', ,', '"1"', E'1\t,2', '{1,2}', '*']) s;

-- A list of another kind is refused where it is set.
SET replicache.schema_versions = '1;2';
ALTER ROLE CURRENT_USER SET replicache.schema_versions = '1; 2';
SHOW replicache.schema_versions;
-- One that has been set elsewhere, or before the module is loaded, does not give way to the default, which allows every version.
\c -
SET replicache.schema_versions = '1;2';
SELECT allowed.answer ->> 'error' AS before, current_setting('replicache.schema_versions') FROM replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","schemaVersion":"1","mutations":[]}') AS allowed(answer);
\c -
ALTER ROLE CURRENT_USER SET replicache.schema_versions = '1;2';
\c -
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","schemaVersion":"1","mutations":[]}') ->> 'error' AS role;
ALTER ROLE CURRENT_USER RESET replicache.schema_versions;

DROP FUNCTION allowed;
DROP SCHEMA settings;
DROP EXTENSION replicache_ext;
