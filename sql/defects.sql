-- Mistakes of the server's set-up (replicache.on_defect): mutations wait until they are mended, and are not lost.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA defects;
SET search_path = defects, public;

CREATE TABLE item (id text PRIMARY KEY, n int CHECK (n < 10));
CREATE TABLE other (id text PRIMARY KEY, extra text);
CREATE SEQUENCE next;
SELECT replicache.track_table('item');
CREATE FUNCTION helper(id text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION put(id text, n int DEFAULT 0) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO item VALUES (put.id, put.n) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET n = excluded.n; END $$;
SELECT replicache.register_mutator('put', 'put(text,int)');
-- What becomes of a mutation, and of those before and behind it: its fate, what is applied, the client's last mutation, what is on record, whether the row of the mutation itself is there.
CREATE FUNCTION fate(name text, args json DEFAULT '{}', mode text DEFAULT 'auto') RETURNS TABLE (fate text, applied int, last_id bigint, recorded bigint, halted text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE c text := 'c' || nextval('defects.next'); answer json;
BEGIN
    PERFORM set_config('replicache.on_defect', mode, true);
    answer := replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', c, 'mutations', json_build_array(
        json_build_object('id', 1, 'name', 'put', 'args', json_build_object('id', c)), json_build_object('id', 2, 'name', name, 'args', args),
        json_build_object('id', 3, 'name', 'put', 'args', json_build_object('id', c, 'n', 3)))), 'ann');
    RETURN QUERY SELECT coalesce(answer #>> '{halted,reason}' || CASE WHEN answer #>> '{halted,defect}' = 'true' THEN ', defect' ELSE '' END || ' ' || (answer #>> '{halted,code}'),
        'rejected ' || (answer #>> '{rejected,0,code}'), 'applied'), (answer ->> 'applied')::int,
        (SELECT last_mutation_id FROM replicache.client WHERE id = c), (SELECT count(*) FROM replicache.mutation_error WHERE client_id = c),
        coalesce(answer #>> '{halted,message}', answer #>> '{rejected,0,message}');
END $$;
CREATE FUNCTION each_mode(name text, args json DEFAULT '{}') RETURNS TABLE (mode text, fate text, applied int, last_id bigint, recorded bigint, message text) LANGUAGE sql AS
$$ SELECT mode, f.* FROM unnest('{auto,halt,reject}'::text[]) WITH ORDINALITY m(mode, n), LATERAL fate(name, args, mode) f ORDER BY n $$;
SHOW replicache.on_defect;

-- A certain defect: the parts of the server do not fit each other.
CREATE FUNCTION certain(what text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict error
DECLARE n int; r record; BEGIN
    INSERT INTO item VALUES ('half of ' || what);
    CASE what
        WHEN 'column' THEN UPDATE item SET no_such_column = 1;
        WHEN 'field' THEN SELECT * INTO r FROM item; PERFORM r.no_such_field;
        WHEN 'table' THEN PERFORM FROM no_such_table;
        WHEN 'schema' THEN PERFORM FROM no_such_schema.item;
        WHEN 'schema of a type' THEN PERFORM NULL::no_such_schema.type;
        WHEN 'function' THEN PERFORM no_such_function(1);
        WHEN 'arguments' THEN PERFORM helper(1, 2);
        WHEN 'operator' THEN PERFORM FROM item WHERE id = 1;
        WHEN 'type' THEN PERFORM NULL::no_such_type;
        WHEN 'constraint' THEN INSERT INTO item VALUES ('x') ON CONFLICT ON CONSTRAINT no_such_constraint DO NOTHING;
        WHEN 'index' THEN INSERT INTO other VALUES ('x') ON CONFLICT (extra) DO NOTHING;
        WHEN 'ambiguous column' THEN PERFORM n FROM item;
        WHEN 'ambiguous function' THEN PERFORM overloaded('x');
        WHEN 'type of a column' THEN UPDATE item SET n = ARRAY[1];
        WHEN 'type of rows' THEN n := (SELECT (t).n FROM returns_wrong() t);
        WHEN 'number of columns' THEN INSERT INTO item VALUES ('x', 1, 2, 3);
        WHEN 'view' THEN PERFORM helper_procedure();
        WHEN 'nested' THEN PERFORM nested();
        WHEN 'handled' THEN BEGIN PERFORM FROM no_such_table; EXCEPTION WHEN OTHERS THEN RAISE; END;
        WHEN 'setting' THEN PERFORM current_setting('app.no_such_setting');
        WHEN 'query' THEN EXECUTE 'SELECT no_such_column FROM item';
    END CASE;
END $$;
CREATE FUNCTION overloaded(a text, b int DEFAULT 0) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION overloaded(a text, b text DEFAULT '') RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION returns_wrong() RETURNS item LANGUAGE sql AS 'SELECT item FROM item LIMIT 1';
CREATE FUNCTION nested() RETURNS void LANGUAGE sql SET check_function_bodies = off AS 'SELECT 1';
CREATE PROCEDURE helper_procedure() LANGUAGE sql AS '';
SET check_function_bodies = off;
CREATE OR REPLACE FUNCTION nested() RETURNS void LANGUAGE sql AS 'INSERT INTO no_such_table VALUES (1)';
CREATE OR REPLACE FUNCTION returns_wrong() RETURNS item LANGUAGE sql AS 'SELECT 1, 2, 3, 4';
RESET check_function_bodies;
SELECT replicache.register_mutator('certain', 'certain(text)');
SELECT what, f.* FROM unnest('{column,field,table,schema,schema of a type,function,arguments,operator,type,constraint,index,ambiguous column,ambiguous function,type of a column,type of rows,
    number of columns,view,nested,handled,setting,query}'::text[]) WITH ORDINALITY w(what, n), LATERAL fate('certain', json_build_object('what', what)) f ORDER BY n;
SELECT * FROM each_mode('certain', '{"what":"column"}');
SELECT count(*) FROM item WHERE id LIKE 'half%';

-- … also in what the mutator sets off: a trigger, a deferred constraint trigger, a policy, a default, a trigger of ours.
CREATE FUNCTION in_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = TG_ARGV[0] THEN NEW.no_such_column := 1; END IF; RETURN NEW; END $$;
CREATE TRIGGER broken BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION in_trigger('in a trigger');
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION in_trigger('in a deferred trigger');
SELECT id, f.* FROM unnest('{in a trigger,in a deferred trigger,fine}'::text[]) id, LATERAL fate('put', json_build_object('id', id)) f;
DROP TRIGGER broken ON item;
DROP TRIGGER deferred ON item;
CREATE TABLE keyed (id text PRIMARY KEY, a int NOT NULL UNIQUE, b int);
SELECT replicache.track_table('keyed', key => 'k/{a}');
CREATE FUNCTION put_keyed(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO defects.keyed (id, b) VALUES (id, 1)';
SELECT replicache.register_mutator('putKeyed', 'put_keyed(text)');
ALTER TABLE keyed RENAME COLUMN a TO c;
SELECT * FROM each_mode('putKeyed', '{"id":"k"}');
SELECT replicache.untrack_table('keyed');

-- A mutator that is registered, and whose function is gone, or cannot be one any more.
CREATE FUNCTION gone() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION now_stable() RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('gone', 'gone()'), replicache.register_mutator('stable', 'now_stable()');
SELECT fate FROM fate('gone');
DROP FUNCTION gone();
ALTER FUNCTION now_stable() STABLE;
SELECT * FROM each_mode('gone');
SELECT * FROM fate('stable');

-- No defect: what a function raises itself, whatever its code; and what is in the data.
CREATE FUNCTION raising(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    CASE what
        WHEN '42703' THEN RAISE undefined_column;
        WHEN '42P01' THEN RAISE EXCEPTION 'no' USING ERRCODE = '42P01';
        WHEN '42501' THEN RAISE insufficient_privilege;
        WHEN 'handled' THEN BEGIN PERFORM FROM no_such_table; EXCEPTION WHEN undefined_table THEN RAISE EXCEPTION 'decided' USING ERRCODE = SQLSTATE; END;
        WHEN 'check' THEN INSERT INTO item VALUES ('x', 99);
        WHEN 'tsquery' THEN PERFORM to_tsquery('a b');
        WHEN 'jsonpath' THEN PERFORM '$.'::jsonpath;
        WHEN 'number' THEN PERFORM 'x'::int;
    END CASE;
END $$;
SELECT replicache.register_mutator('raising', 'raising(text)');
SELECT what, f.* FROM unnest('{42703,42P01,42501,handled,check,tsquery,jsonpath,number,no case}'::text[]) WITH ORDINALITY w(what, n), LATERAL fate('raising', json_build_object('what', what), 'halt') f ORDER BY n;

-- A possible defect: the client may be to blame.
CREATE FUNCTION casting(of_type regtype, of_table regclass DEFAULT NULL) RETURNS void LANGUAGE sql AS '';
SELECT replicache.register_mutator('casting', 'casting(regtype,regclass)');
SELECT replicache.expose_crud('item', operations => '{insert,update}', columns => '{"id":"id","n":"n"}');
SELECT w.name, w.args, f.mode, f.fate, f.message FROM (VALUES ('no such', '{}'), ('put', '{}'), ('put', '{"id":"x","m":1}'), ('put', '[]'), ('casting', '{"of_type":"no_such_type"}'), ('casting', '{"of_type":"text","of_table":"no_such_table"}'),
    ('item.insert', '{"id":"x","m":1}'), ('item.update', '{"n":1}'), ('item.delete', '{"id":"x"}'), ('list.insert', '{"id":"x"}')) w(name, args),
    LATERAL each_mode(name, args::json) f;
CREATE ROLE regress_defects;
SELECT replicache.grant_usage('regress_defects');
GRANT USAGE ON SCHEMA defects TO regress_defects;
GRANT SELECT, INSERT, UPDATE ON item TO regress_defects;
GRANT SELECT ON other TO regress_defects;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON item TO regress_defects USING (id NOT LIKE 'secret%');
REVOKE EXECUTE ON FUNCTION helper(text) FROM PUBLIC;
CREATE FUNCTION rights(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    CASE what
        WHEN 'table' THEN INSERT INTO other VALUES ('x');
        WHEN 'function' THEN PERFORM helper('x');
        WHEN 'owner' THEN DROP TABLE item;
        WHEN 'row' THEN INSERT INTO item VALUES ('secret');
    END CASE;
END $$;
SELECT replicache.register_mutator('rights', 'rights(text)');
CREATE FUNCTION as_role(name text, args json, mode text) RETURNS json LANGUAGE plpgsql AS $$ DECLARE answer json; BEGIN
    PERFORM set_config('role', 'regress_defects', true), set_config('replicache.on_defect', mode, true);
    answer := replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', 'r' || md5(args::text || mode), 'mutations', json_build_array(json_build_object('id', 1, 'name', name, 'args', args))));
    PERFORM set_config('role', 'none', true);
    RETURN answer;
END $$;
SELECT what, mode, a #>> '{halted,code}' AS halted, a #>> '{rejected,0,code}' AS rejected, coalesce(a #>> '{halted,message}', a #>> '{rejected,0,message}') AS message
    FROM unnest('{table,function,owner,row}'::text[]) WITH ORDINALITY w(what, n), unnest('{auto,halt,reject}'::text[]) m(mode), LATERAL as_role('rights', json_build_object('what', what), mode) a ORDER BY n, mode;
ALTER TABLE item DISABLE ROW LEVEL SECURITY;

-- In full; and when the defect is mended, the same push goes through.
CREATE FUNCTION rename(id text) RETURNS void LANGUAGE sql AS $$ UPDATE defects.item SET n = 5 WHERE item.id = rename.id $$;
SELECT replicache.register_mutator('rename', 'rename(text)');
ALTER TABLE item RENAME COLUMN n TO number;
\set push '{"pushVersion":1,"clientGroupID":"full","mutations":[{"clientID":"full","id":1,"name":"rename","args":{"id":"c1"}},{"clientID":"full2","id":1,"name":"rename","args":{"id":"c1"}}]}'
SELECT replicache.apply_push(:'push', 'ann');
SELECT count(*) FROM replicache.client WHERE id LIKE 'full%';
ALTER TABLE item RENAME COLUMN number TO n;
SELECT replicache.apply_push(:'push', 'ann') -> 'applied' AS applied;

-- Many in one push, whatever comes first; the defect in the middle.
CREATE FUNCTION many(pattern text, mode text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE client text := 'c' || nextval('defects.next'); answer json; BEGIN
    PERFORM set_config('replicache.on_defect', mode, true);
    SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', json_agg(json_build_object('id', i, 'name', CASE c WHEN 'd' THEN 'certain' WHEN 'u' THEN 'no such' WHEN 'r' THEN 'raising' ELSE 'put' END,
        'args', CASE c WHEN 'd' THEN '{"what":"column"}'::json WHEN 'r' THEN '{"what":"check"}' ELSE json_build_object('id', client || i) END) ORDER BY i)))
        INTO answer FROM string_to_table(pattern, NULL) WITH ORDINALITY s(c, i);
    RETURN concat_ws(' ', answer ->> 'applied', 'applied', json_array_length(answer -> 'rejected'), 'rejected, halted at', answer #>> '{halted,id}', (SELECT count(*) FROM item WHERE id LIKE client || '%'), 'rows');
END $$;
SELECT pattern, many(pattern, 'auto'), many(pattern, 'halt'), many(pattern, 'reject') FROM unnest('{aaad,daaa,adada,uaud,rradrra,aaaaaaaarraaaaaaaaaaaarararadaaaa}'::text[]) pattern;

-- Uploads: to be sent again, and nothing behind it is tried.
CREATE TABLE note (id text PRIMARY KEY, text text);
CREATE FUNCTION note_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.text = 'bad' THEN NEW.no_such_column := 1; END IF; RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION note_trigger();
SELECT replicache.expose_crud('note'), replicache.register_mutator_queue('calls');
CREATE FUNCTION upload(mode text, VARIADIC entries text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT set_config('replicache.on_defect', mode, true);
    SELECT concat_ws(' ', r ->> 'status', r ->> 'message') FROM replicache.powersync_upload(('{"client_id":"d","transactions":[' || (SELECT string_agg('{"crud":[' || e || ']}', ',' ORDER BY n) FROM unnest(entries) WITH ORDINALITY u(e, n)) || ']}')::json) a, json_array_elements(a -> 'results') r $$;
SELECT mode, upload(mode, '{"op":"PUT","type":"note","id":"1","data":{"text":"good"}}', '{"op":"PUT","type":"note","id":"2","data":{"text":"bad"}}', '{"op":"PUT","type":"note","id":"3","data":{"text":"good"}}') FROM unnest('{auto,halt,reject}'::text[]) mode;
SELECT mode, upload(mode, '{"op":"PUT","type":"no_such","id":"1","data":{}}') FROM unnest('{auto,halt,reject}'::text[]) mode;
SELECT mode, upload(mode, '{"op":"PUT","type":"note","id":"1","data":{"no_such":1}}') FROM unnest('{auto,halt,reject}'::text[]) mode;
SELECT mode, upload(mode, '{"op":"PUT","type":"calls","id":"1","data":{"name":"certain","args":{"what":"table"}}}') FROM unnest('{auto,halt,reject}'::text[]) mode;
SELECT mode, upload(mode, '{"op":"PUT","type":"calls","id":"1","data":{"name":"no such"}}') FROM unnest('{auto,halt,reject}'::text[]) mode;
SELECT name, sqlstate FROM replicache.mutation_error WHERE client_id = 'd' ORDER BY error_id;
-- What was rejected is replayed when the defect is mended.
SELECT replicache.replay(min(error_id)) FROM replicache.mutation_error WHERE client_id = 'd' AND name = 'note.upsert' AND sqlstate = '42703';
CREATE OR REPLACE FUNCTION note_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
DELETE FROM note;
SELECT replicache.replay(min(error_id)) ->> 'name' AS name FROM replicache.mutation_error WHERE client_id = 'd' AND name = 'note.upsert' AND sqlstate = '42703';
SELECT * FROM note;

-- lastMutationAt: raised to the caller, as all that is to be tried again; the client's own mistakes are told to it.
CREATE TABLE mark (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner text NOT NULL, n int);
CREATE FUNCTION mark_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.no_such_column := 1; RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT ON mark FOR EACH ROW WHEN (NEW.n = 1) EXECUTE FUNCTION mark_trigger();
SELECT replicache.track_table('mark', space => 'owner'), replicache.expose_crud('mark', name => 'MARK');
SELECT status, body FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"MARK","data":{"n":1}}]}', -1, 'ann');
SET replicache.on_defect = 'reject';
SELECT status, body FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"MARK","data":{"n":1}}]}', -1, 'ann');
SET replicache.on_defect = 'auto';
SELECT status, body FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"MARK","data":{"no_such":1}}]}', -1, 'ann');
SET replicache.on_defect = 'halt';
SELECT status, body FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"MARK","data":{"no_such":1}}]}', -1, 'ann');
RESET replicache.on_defect;
SELECT count(*) FROM mark;
SET replicache.on_defect = 'sometimes';

SET client_min_messages = error;
DROP SCHEMA defects CASCADE;
DROP OWNED BY regress_defects;
DROP ROLE regress_defects;
DROP EXTENSION replicache_ext;
