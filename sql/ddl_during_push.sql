-- What a session itself alters in the middle of writing clients' changes, or of reading a user's rows: by a check of a domain, a default,
-- a trigger, a mutator or a value expression. No lock holds that back. (Other sessions: test/isolation/specs/push_ddl.spec.)
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA ddl_during_push;
SET search_path = ddl_during_push;
SET client_min_messages = warning;
-- Runs the command in the setting, once.
CREATE FUNCTION strike() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  command text := current_setting('test.strike', true);
BEGIN
  IF command <> '' THEN
    PERFORM set_config('test.strike', '', false);
    EXECUTE command;
  END IF;
  RETURN true;
END $$;
CREATE DOMAIN checked AS int CHECK (strike());
CREATE TABLE item (id text PRIMARY KEY, n checked, a text, b bigint);
CREATE TABLE other (id text PRIMARY KEY, a text, b bigint DEFAULT 5, c int);
CREATE FUNCTION strike_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM strike(); RETURN NEW; END $$;
SELECT replicache.track_table('item'), replicache.track_table('other'), replicache.expose_crud('item'), replicache.expose_crud('other', replace => true);

CREATE FUNCTION rows_of(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows text;
BEGIN
  IF to_regclass(relation) IS NULL THEN RETURN 'gone'; END IF;
  EXECUTE format('SELECT string_agg((to_jsonb(t) - %L)::text, '', '' ORDER BY id) FROM %s t', 'version', relation) INTO rows;
  RETURN rows;
END $$;
-- What becomes of mutations, and of the same changes as an upload, while the command runs in the middle of them; and the rows then. Everything is undone.
CREATE FUNCTION during(command text, VARIADIC changes text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  how text; answer text; step int;
BEGIN
  FOREACH how IN ARRAY CASE WHEN changes[1] LIKE 'put %' THEN '{push}' ELSE '{push,upload}' END::text[] LOOP
    BEGIN
      FOR step IN 1 .. 2 LOOP  -- the first time, all is prepared
        PERFORM set_config('test.strike', CASE WHEN step = 2 THEN command ELSE '' END, false);
        IF how = 'push' THEN
          answer := (SELECT concat_ws(' ', 'applied', a->>'applied', a->'halted'->>'message', (SELECT string_agg(concat_ws(' ', r->>'code', r->>'message'), ', ') FROM json_array_elements(a->'rejected') r))
            FROM replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g' || step, 'mutations', (SELECT json_agg(json_build_object('clientID', 'c' || step, 'id', n,
              'name', split_part(change, ' ', 1), 'args', substr(change, strpos(change, ' '))::json) ORDER BY n) FROM unnest(string_to_array(replace(array_to_string(changes, '|'), '#', step::text), '|')) WITH ORDINALITY u (change, n)))) a);
        ELSE
          answer := (SELECT string_agg(concat_ws(' ', r->>'status', r#>>'{failed_operation,details,sqlstate}', r->>'message'), ', ') FROM json_array_elements(replicache.powersync_upload(json_build_object('batch',
            (SELECT json_agg(json_build_object('op_id', n, 'tx_id', n, 'op', CASE split_part(change, ' ', 1) WHEN 'item.update' THEN 'PATCH' WHEN 'other.update' THEN 'PATCH' ELSE 'PUT' END, 'type', split_part(change, '.', 1),
              'id', substr(change, strpos(change, ' '))::json->'id', 'data', substr(change, strpos(change, ' '))::jsonb - 'id') ORDER BY n) FROM unnest(string_to_array(replace(array_to_string(changes, '|'), '#', step::text), '|')) WITH ORDINALITY u (change, n))))->'results') r);
        END IF;
      END LOOP;
      RETURN NEXT how || ': ' || answer;
      RETURN NEXT concat_ws('; ', rows_of('item'), rows_of('other'));
      RAISE EXCEPTION USING ERRCODE = 'RB000';
    EXCEPTION
      WHEN SQLSTATE 'RB000' THEN NULL;
      WHEN OTHERS THEN RETURN NEXT concat_ws(' ', how || ':', SQLSTATE, SQLERRM);
    END;
    PERFORM set_config('test.strike', '', false);
  END LOOP;
END $$;
INSERT INTO item VALUES ('i', 1, 'a', 1), ('j', 1, 'a', 1);
INSERT INTO other VALUES ('o', 'a', 1);

-- By the check of a domain, while a change is read.
SELECT during('ALTER TABLE ddl_during_push.item DROP COLUMN b, ADD COLUMN b text', 'item.update {"id":"i","b":7,"n":2,"a":"x"}');
SELECT during('ALTER TABLE ddl_during_push.item DROP COLUMN a, ADD COLUMN a bigint', 'item.update {"id":"i","a":"7","n":2}');
SELECT during('ALTER TABLE ddl_during_push.item DROP COLUMN b', 'item.update {"id":"i","b":7,"n":2}');
SELECT during('ALTER TABLE ddl_during_push.item RENAME COLUMN b TO c', 'item.upsert {"id":"i","b":7,"n":2}');
SELECT during('ALTER TABLE ddl_during_push.item ALTER COLUMN b TYPE text', 'item.update {"id":"i","b":7,"n":2}', 'item.update {"id":"j","b":"y","n":2}');
SELECT during('ALTER TABLE ddl_during_push.item DROP CONSTRAINT item_pkey', 'item.upsert {"id":"i","b":7,"n":2}');
SELECT during('ALTER TABLE ddl_during_push.item DROP COLUMN id CASCADE, ADD COLUMN id int PRIMARY KEY DEFAULT 5', 'item.upsert {"id":"i","b":7,"n":2}');
SELECT during('DROP TABLE ddl_during_push.item', 'item.update {"id":"i","b":7,"n":2}', 'item.update {"id":"j","b":7,"n":2}');
SELECT during('SELECT replicache.hide_crud(''ddl_during_push.item'')', 'item.update {"id":"i","b":7,"n":2}', 'item.update {"id":"j","b":7,"n":2}');
SELECT during('SELECT replicache.untrack_table(''ddl_during_push.item'')', 'item.update {"id":"i","b":7,"n":2}');
-- … of another table than the one whose changes wait, and that comes next.
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN b, ADD COLUMN b text', 'other.upsert {"id":"o","a":"x"}', 'item.update {"id":"i","n":2}', 'other.upsert {"id":"o","b":"now a text"}');
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN c', 'other.upsert {"id":"o","a":"x"}', 'other.upsert {"id":"p","a":"x"}', 'item.update {"id":"i","n":2}', 'other.upsert {"id":"o","a":"y"}');
-- By a trigger.
CREATE TRIGGER strike BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION strike_trigger();
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN b, ADD COLUMN b text', 'item.update {"id":"i","a":"x"}', 'other.upsert {"id":"o","b":"now a text"}');
SELECT during('ALTER TABLE ddl_during_push.item ADD COLUMN d text', 'item.update {"id":"i","a":"x"}');
-- … which alters another tracked table and writes to it at once: the version goes where its column is now.
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN a, ADD COLUMN d text; UPDATE ddl_during_push.other SET d = ''d''', 'item.update {"id":"i","a":"x"}');
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN version, ADD COLUMN version text; UPDATE ddl_during_push.other SET c = 6', 'item.update {"id":"i","a":"x"}');
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN version; ALTER TABLE ddl_during_push.other ADD COLUMN e text, ADD COLUMN version bigint; UPDATE ddl_during_push.other SET e = ''e''', 'item.update {"id":"i","a":"x"}');
SELECT during('ALTER TABLE ddl_during_push.other ALTER COLUMN version TYPE numeric; UPDATE ddl_during_push.other SET c = 6', 'item.update {"id":"i","a":"x"}');
DROP TRIGGER strike ON item;
-- By a CHECK, of rows that are written when the next table comes. (It lies when it says that it is IMMUTABLE, and so rows wait.)
CREATE FUNCTION lie(id text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN strike(); END $$;
CREATE TABLE late (id text PRIMARY KEY, a text, CHECK (lie(id)));
SELECT replicache.expose_crud('late');
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN b, ADD COLUMN b text', 'late.upsert {"id":"1#","a":"x"}', 'late.upsert {"id":"2#","a":"x"}', 'late.upsert {"id":"3#","a":"x"}', 'other.update {"id":"o","b":"01#"}');
SELECT during('ALTER TABLE ddl_during_push.other DROP COLUMN b', 'late.upsert {"id":"1#","a":"x"}', 'late.upsert {"id":"2#","a":"x"}', 'late.upsert {"id":"3#","a":"x"}', 'other.upsert {"id":"o","a":"y"}');

-- Mutators: what the check of a parameter's domain does with the mutator that is about to be called.
CREATE FUNCTION put(id text, n checked, a text DEFAULT 'default') RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN INSERT INTO item VALUES (put.id, put.n, put.a) ON CONFLICT (id) DO UPDATE SET a = concat(item.a, '/', excluded.a); END $$;
SELECT replicache.register_mutator('put', 'put(text, checked, text)');
SELECT during('CREATE OR REPLACE FUNCTION ddl_during_push.put(id text, n checked, a text DEFAULT ''new'') RETURNS void LANGUAGE sql AS ''INSERT INTO ddl_during_push.item VALUES (id || chr(43), n, a)''', 'put {"id":"m","n":1}', 'put {"id":"n","n":1}');
SELECT during('CREATE OR REPLACE FUNCTION ddl_during_push.put(id text, n checked, a text DEFAULT ''new'') RETURNS void LANGUAGE plpgsql STRICT AS ''BEGIN INSERT INTO ddl_during_push.item VALUES (id || chr(43), n, a); END''', 'put {"id":"m","n":1,"a":null}', 'put {"id":"n","n":1,"a":null}');
SELECT during('DROP FUNCTION ddl_during_push.put', 'put {"id":"m","n":1}', 'put {"id":"n","n":1}');
SELECT during('DROP FUNCTION ddl_during_push.put; CREATE FUNCTION ddl_during_push.put(id text, n checked, a text DEFAULT ''new'') RETURNS void LANGUAGE plpgsql AS ''BEGIN INSERT INTO ddl_during_push.item VALUES (id || chr(43), n, a); END''', 'put {"id":"m","n":1}', 'put {"id":"n","n":1}');
SELECT during('SELECT replicache.unregister_mutator(''put'')', 'put {"id":"m","n":1}', 'put {"id":"n","n":1}');
SELECT during('DROP DOMAIN ddl_during_push.checked CASCADE', 'put {"id":"m","n":1}');
SELECT during('DROP SCHEMA ddl_during_push CASCADE', 'put {"id":"m","n":1}');

-- A user's rows: what a value expression does with the tables that are being read.
CREATE TABLE note (id text PRIMARY KEY, owner text NOT NULL, a text);
CREATE TABLE zettel (id text PRIMARY KEY, owner text NOT NULL, a text);
CREATE FUNCTION value_of(a text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM strike(); RETURN json_build_object('a', a); END $$;
SELECT replicache.track_table('note', space => 'owner', value => 'ddl_during_push.value_of(a)'), replicache.track_table('zettel', space => 'owner'), replicache.expose_crud('note'), replicache.expose_crud('zettel'), replicache.create_space('u', 'time');
UPDATE replicache.space SET version = 10000000000000 WHERE id = 'u';
INSERT INTO note VALUES ('n', 'u', 'a');
INSERT INTO zettel VALUES ('z', 'u', 'a');
CREATE FUNCTION sync_during(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  FOR step IN 1 .. 2 LOOP
    PERFORM set_config('test.strike', CASE WHEN step = 1 THEN command ELSE '' END, false);
    BEGIN
      RETURN NEXT (SELECT string_agg(concat_ws(' ', (m->>'timestamp')::bigint - 10000000000000, m->>'resource', m->>'resourceId', m->>'data'), ', ') FROM replicache.sync_pull(-1, 'u') s, json_array_elements(s.body->'data'->'mutations') m);
      RETURN NEXT (SELECT concat_ws(' ', status, mutation_at - 10000000000000, s.body->'data') FROM replicache.sync_push('{"mutations":[{"type":"UPDATE","resource":"zettel","resourceId":"z","data":{"a":"b"}},{"type":"UPDATE","resource":"note","resourceId":"n","data":{"a":"b"}}]}',
        (SELECT mutation_at FROM replicache.sync_pull(-1, 'u', metadata_only => true)), 'u') s) LIKE '200%';
      RAISE EXCEPTION USING ERRCODE = 'RB000';
    EXCEPTION
      WHEN SQLSTATE 'RB000' THEN NULL;
      WHEN OTHERS THEN RETURN NEXT concat_ws(' ', SQLSTATE, SQLERRM);
    END;
  END LOOP;
END $$;
SELECT sync_during('');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel DROP COLUMN version, ADD COLUMN version numeric DEFAULT 10000000000002');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel DROP COLUMN version, ADD COLUMN version float8 DEFAULT 10000000000002');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel DROP COLUMN version, ADD COLUMN version text DEFAULT ''5''');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel ALTER COLUMN a TYPE json USING to_json(a)');
SELECT sync_during('TRUNCATE ddl_during_push.zettel');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel DROP COLUMN id CASCADE, ADD COLUMN id int PRIMARY KEY DEFAULT 7');
SELECT sync_during('ALTER TABLE ddl_during_push.zettel DROP COLUMN owner CASCADE, ADD COLUMN owner jsonb DEFAULT ''"u"''');
SELECT sync_during('SELECT replicache.untrack_table(''ddl_during_push.zettel'')');
SELECT sync_during('DROP TABLE ddl_during_push.zettel');

DROP SCHEMA ddl_during_push CASCADE;
DROP EXTENSION replicache_ext;
