-- What a session itself alters in the middle of reading or writing, where no lock holds it back: by a value expression, a check of a
-- domain, a default or a trigger. (Other sessions are held back: test/isolation/specs/pull_ddl.spec.)
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA ddl_during_pull;
SET search_path = ddl_during_pull;
SET client_min_messages = warning;
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  text text; detail text; hint text;
BEGIN
  EXECUTE command INTO text;
  RETURN text;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- Runs the command in the setting, once.
CREATE FUNCTION strike() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  command text := current_setting('test.strike', true);
BEGIN
  IF command <> '' THEN
    PERFORM set_config('test.strike', '', false);
    EXECUTE command;
  END IF;
END $$;
CREATE FUNCTION value_of(id int) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM strike(); RETURN to_json(id); END $$;
-- The answer to a pull in which the command runs (an error undoes it), and to the next one. Then everything is as it was.
CREATE FUNCTION pull_with(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM replicache.pull_since(0);  -- which has everything prepared
  PERFORM set_config('test.strike', command, false);
  BEGIN
    RETURN NEXT try($q$SELECT json_agg(p) FROM json_array_elements(replicache.pull_since(0)->'patch') p WHERE p->>'key' LIKE 'second/%'$q$);
    PERFORM set_config('test.strike', '', false);
    RETURN NEXT try($q$SELECT json_agg(p) FROM json_array_elements(replicache.pull_since(0)->'patch') p WHERE p->>'key' LIKE 'second/%'$q$);
    RAISE EXCEPTION USING ERRCODE = 'RB000';
  EXCEPTION WHEN SQLSTATE 'RB000' THEN
    PERFORM set_config('test.strike', '', false);
  END;
END $$;

CREATE TABLE first (id int PRIMARY KEY);
CREATE TABLE second (id int PRIMARY KEY, b bigint, c text, hidden boolean);
SELECT replicache.track_table('first', value => 'ddl_during_pull.value_of(id)'), replicache.track_table('second', deleted => 'hidden');
INSERT INTO first VALUES (1);
INSERT INTO second VALUES (1, 5, 'c');

-- A column of another type in the place of one that the pull is about to read.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second DROP COLUMN b, ADD COLUMN b text DEFAULT 'xyz'$$);
SELECT pull_with($$ALTER TABLE ddl_during_pull.second DROP COLUMN c, ADD COLUMN c int DEFAULT 7$$);
SELECT pull_with($$ALTER TABLE ddl_during_pull.second DROP COLUMN c, ADD COLUMN c bigint NOT NULL DEFAULT 7$$);
-- … of the same type: its values are right.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second DROP COLUMN b, ADD COLUMN b bigint DEFAULT 7$$);
-- … and the rows in new files.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second ALTER COLUMN b TYPE text$$);
SELECT pull_with($$ALTER TABLE ddl_during_pull.second ALTER COLUMN c TYPE varchar(10) USING upper(c)$$);
SELECT pull_with($$TRUNCATE ddl_during_pull.second$$);
-- A key of another type.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second DROP COLUMN id CASCADE, ADD COLUMN id text DEFAULT 'k'$$);
-- Names.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second RENAME COLUMN b TO d$$);
SELECT pull_with($$ALTER TABLE ddl_during_pull.second RENAME TO third$$);
SELECT pull_with($$DROP TABLE ddl_during_pull.second$$);
SELECT pull_with($$SELECT replicache.untrack_table('ddl_during_pull.second')$$);
SELECT pull_with($$SELECT replicache.track_table('ddl_during_pull.second', value => 'json_build_array(b, c)')$$);
-- A table that is being read.
SELECT pull_with($$ALTER TABLE ddl_during_pull.first ADD COLUMN b int$$);
-- What changes nothing that the pull reads.
SELECT pull_with($$ALTER TABLE ddl_during_pull.second ADD COLUMN d int DEFAULT 7$$);
SELECT pull_with($$CREATE INDEX ON ddl_during_pull.second (b)$$);
SELECT pull_with($$GRANT SELECT ON ddl_during_pull.second TO public$$);
SELECT pull_with($$SELECT replicache.pull_since(0)$$);

-- A value of another type.
CREATE FUNCTION worth(id int) RETURNS json LANGUAGE sql AS 'SELECT to_json(id)';
SELECT replicache.track_table('second', value => 'ddl_during_pull.worth(id)', deleted => 'hidden');
SELECT pull_with($$DROP FUNCTION ddl_during_pull.worth; CREATE FUNCTION ddl_during_pull.worth(id int) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(id)'$$);
SELECT pull_with($$DROP FUNCTION ddl_during_pull.worth; CREATE FUNCTION ddl_during_pull.worth(id int) RETURNS text LANGUAGE sql AS 'SELECT id::text'$$);
SELECT regexp_replace(pull_with($$DROP FUNCTION ddl_during_pull.worth$$), ' \| No function matches.*', '') AS pull_with;  -- the hint differs by version
-- … also when a pull within the pull has seen it first.
DROP FUNCTION worth;
CREATE FUNCTION worth(id int) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM strike(); RETURN to_json(id); END $$;
CREATE FUNCTION strike_within() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DROP FUNCTION worth;
  CREATE FUNCTION worth(id int) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(id)';
  PERFORM replicache.pull_since(0);
END $$;
SELECT pull_with($$SELECT ddl_during_pull.strike_within()$$);

-- What is dropped while it is being used: an internal error of PostgreSQL, of which the caller is told what to do.
DROP FUNCTION worth;
CREATE FUNCTION worth(id int) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM strike(); RETURN to_json(id); END $$;
INSERT INTO second VALUES (2, 6, 'd');
SELECT replicache.track_table('first');
SELECT regexp_replace(answer, 'function \d+', 'function …') FROM pull_with($$DROP FUNCTION ddl_during_pull.worth$$) answer;

DROP SCHEMA ddl_during_pull CASCADE;
DROP EXTENSION replicache_ext;
