-- zero_push: every answer that zero-cache may get, and what becomes of the mutations.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA zero_push;
SET search_path = zero_push, public;
\set ECHO none
\i sql/include/zero.sql
\set ECHO queries

CREATE TABLE todo (id text PRIMARY KEY, title text NOT NULL CHECK (title <> 'checked'), done boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('todo');
CREATE FUNCTION create_todo(id text, title text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO todo VALUES (id, title);
    IF title = 'bad' THEN RAISE 'title is bad' USING DETAIL = '{"field":"title"}'; END IF;
    IF title LIKE '%text' THEN RAISE 'title is bad' USING DETAIL = title; END IF;
    IF title = 'no detail' THEN RAISE 'title is bad'; END IF;
    IF title = 'coded' THEN RAISE 'title is bad' USING ERRCODE = 'ZZ001', DETAIL = 'not for the client'; END IF;
    IF title = 'coded json' THEN RAISE 'title is bad' USING ERRCODE = 'ZZ001', DETAIL = ' [1, "two"] '; END IF;
    IF title = 'null' THEN RETURN NULL; END IF;
    RETURN json_build_object('id', id);
END $$;
CREATE FUNCTION rename_todo(args jsonb) RETURNS void LANGUAGE sql AS $$ UPDATE zero_push.todo SET title = args ->> 'title' WHERE id = args ->> 'id' $$;
CREATE FUNCTION who() RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('user', replicache.current_user_id(), 'space', replicache.current_space(), 'group', replicache.current_client_group_id(),
    'client', replicache.current_client_id(), 'id', replicache.current_mutation_id(), 'version', replicache.current_version() IS NOT NULL, 'schema', replicache.current_schema_version()) $$;
CREATE FUNCTION echo(args json) RETURNS json LANGUAGE sql AS 'SELECT args';
CREATE FUNCTION text_result() RETURNS text LANGUAGE sql AS $$ SELECT 'a text is no result' $$;
SELECT replicache.register_mutator('todo.create', 'create_todo(text,text)'), replicache.register_mutator('todo.rename', 'rename_todo(jsonb)'), replicache.register_mutator('who', 'who()'),
    replicache.register_mutator('a.b.echo', 'echo(json)'), replicache.register_mutator('text', 'text_result()');

-- Success. A mutator that returns JSON gives it as data.
SELECT push(m('c', 1, 'todo.create', '{"id":"a","title":"A"}'));
SELECT push(m('c', 2, 'todo.create', '{"id":"b","title":"null"}'), m('c', 3, 'todo.rename', '{"id":"b","title":"B"}', '"more arguments"'), m('c', 4, 'text'), m('d', 1, 'who'));
TABLE client; TABLE result;
SELECT * FROM todo ORDER BY id;
-- "." and "|" are the same in names. The first argument is the one that counts.
SELECT push(m('c', 5, 'todo|rename', '{"id":"a","title":"A2"}'), m('c', 6, 'a|b.echo', '{"k":[1.0,"\u00e9",1e2]}'), m('c', 7, 'a.b|echo', 'null'), m('c', 8, 'a.b.echo', '[]'), m('c', 9, 'a.b.echo'));
-- A user that is not logged in.
SELECT replicache.zero_push(request('g2', m('e', 1, 'who')), 'zero_0', 'zero');
SELECT replicache.zero_push(request('g2'), 'zero_0', 'zero', '');
-- schemaVersion is what current_schema_version() says.
SELECT replicache.zero_push((request('g2', m('e', 2, 'who'))::jsonb || '{"schemaVersion":7,"auth":"x","traceparent":"y","anything":1}')::json, 'zero_0', 'zero', 'bob');

-- Errors of the app: each leaves no trace but its result, and the rest goes on.
SELECT push(m('c', 10, 'todo.create', '{"id":"c","title":"bad"}'), m('c', 11, 'todo.create', '{"id":"c","title":"a text"}'), m('c', 12, 'todo.create', '{"id":"c","title":"no detail"}'),
    m('c', 13, 'todo.create', '{"id":"c","title":"coded"}'), m('c', 14, 'todo.create', '{"id":"c","title":"coded json"}'), m('c', 15, 'todo.create', '{"id":"a","title":"twice"}'),
    m('c', 16, 'todo.create', '{"id":"c"}'), m('c', 17, 'todo.create', '{"id":"c","title":null}'), m('c', 18, 'todo.create', '{"id":"c","title":"checked"}'), m('c', 19, 'no|such'),
    m('c', 20, 'todo.create'), m('c', 21, 'todo.create', '{"id":"c","title":"C"}'));
TABLE client; TABLE result;
SELECT * FROM todo ORDER BY id;
SELECT space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail FROM replicache.mutation_error ORDER BY mutation_id LIMIT 4;
-- A mutation that was refused can be replayed, as in a push.
CREATE OR REPLACE FUNCTION create_todo(id text, title text) RETURNS json LANGUAGE sql AS $$ INSERT INTO zero_push.todo VALUES (id, title || ' replayed by ' || replicache.current_user_id()); SELECT NULL::json $$;
SELECT count(replicache.replay(error_id)) FROM replicache.mutation_error WHERE mutation_id = 10;
UPDATE replicache.mutation_error SET args = '{"id":"r","title":"R"}' WHERE mutation_id = 10;
SELECT replicache.replay(error_id) IS NOT NULL AS replayed FROM replicache.mutation_error WHERE mutation_id = 10;
SELECT * FROM todo WHERE id = 'r';

-- What was processed already.
SELECT push(m('c', 21, 'todo.create', '{"id":"c","title":"C"}'), m('c', 0, 'who'), m('c', 22, 'who'), m('c', 22, 'who'), m('new', 0, 'who'));
SELECT count(*) FROM client WHERE c = 'new';
-- A gap. What came before it stands.
SELECT push(m('d', 2, 'who'), m('c', 30, 'who'), m('c', 31, 'who'), m('d', 3, 'who'));
SELECT push(m('new', 2, 'who'));
SELECT * FROM client WHERE c IN ('c', 'd', 'new');
-- … What comes after it is not done, and does not count.
SELECT push(m('c', 30, 'who'), m('d', 3, 'who'))->>'kind' AS kind;
SELECT * FROM client WHERE c IN ('c', 'd');

-- Cleanups.
CREATE FUNCTION results() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(c || id, ' ' ORDER BY c, id) FROM result $$;
SELECT push(m('d', 3, 'no'), m('x', 1, 'no'), m('x', 2, 'no'), m('y', 1, 'no'))->>'kind' AS kind, results();
SELECT results();
SELECT push(cleanup('{"type":"single","clientGroupID":"g","clientID":"c","upToMutationID":12}')), results();
SELECT push(cleanup('{"clientGroupID":"g","clientID":"x","upToMutationID":1}')), results();
SELECT results();
-- … malformed, of another group, or of nobody.
SELECT push(cleanup('{"clientGroupID":"g2","clientID":"x","upToMutationID":9}'), cleanup('{"type":"bulk","clientGroupID":"g2","clientIDs":["x"]}'), cleanup('{"type":"all","clientGroupID":"g","clientID":"x","upToMutationID":9}'),
    cleanup('{"type":"bulk","clientGroupID":"g","clientIDs":[]}'), cleanup('{"type":"bulk","clientGroupID":"g","clientIDs":["x",1]}'), cleanup('{"clientGroupID":"g","clientID":"x"}'), cleanup('7'), cleanup('null'),
    m('c', 0, '_zero_cleanupResults'), cleanup('{"clientGroupID":"g","clientID":"nobody","upToMutationID":9}'));
SELECT results();
SELECT push(cleanup('{"type":"bulk","clientGroupID":"g","clientIDs":["c","x"]}'));
SELECT results();
-- … among mutations: those that come later keep their results.
SELECT push(m('y', 2, 'no'), cleanup('{"type":"bulk","clientGroupID":"g","clientIDs":["y"]}'), m('y', 3, 'no'))->'mutations' AS mutations;
SELECT results();
-- … not after a gap.
SELECT push(m('y', 9, 'no'), cleanup('{"type":"bulk","clientGroupID":"g","clientIDs":["y"]}'))->>'reason' AS reason, results();

-- What Zero's own CRUD sends is not served. What came before it stands.
SELECT push(m('d', 4, 'who'), m('d', 5, '_zero_crud', '{"ops":[]}'), m('d', 6, 'who'));
SELECT * FROM client WHERE c = 'd';
SELECT push(m('d', 5, '_zero_crud', '{"ops":[]}'));
-- … nor another version of the protocol. The names of the schema and the app must be there.
SELECT replicache.zero_push((request('g', m('d', 5, 'who'))::jsonb || '{"pushVersion":2}')::json, 'zero_0', 'zero');
SELECT replicache.zero_push(request('g', m('d', 5, 'who')), NULL, NULL);
SELECT replicache.zero_push(request('g', m('d', 5, 'who')), 'zero_0', NULL);
SELECT replicache.zero_push('{"clientGroupID":1}', NULL, NULL);
SELECT replicache.zero_push(NULL, 'zero_0', 'zero');
\echo :LAST_ERROR_SQLSTATE
-- Schemas that are not there; and one with an odd name.
SELECT replicache.zero_push(request('g', m('d', 5, 'who'), m('d', 6, 'who')), 'nosuch_0', 'zero');
SELECT replicache.zero_push(request('g', cleanup('{"clientGroupID":"g","clientID":"c","upToMutationID":12}'), m('d', 5, 'who')), 'public', 'zero');
SELECT replicache.zero_push(request('g'), 'nosuch_0', 'zero');
SELECT replicache.zero_push(request('g', cleanup('{"clientGroupID":"g","clientID":"c","upToMutationID":12}')), 'nosuch_0', 'zero');
SELECT replicache.zero_push(request('g', m('d', 5, 'who')), '', 'zero')->>'message' AS message;
SELECT replicache.zero_push(request('g', m('d', 5, 'who')), 'a"; DROP SCHEMA zero_0; --', 'zero')->>'message' AS message;
CREATE SCHEMA "Odd {}"" name";
CREATE TABLE "Odd {}"" name".clients (LIKE zero_0.clients INCLUDING ALL);
CREATE TABLE "Odd {}"" name".mutations (LIKE zero_0.mutations INCLUDING ALL);
SELECT replicache.zero_push(request('g', m('d', 1, 'who'), m('d', 2, 'no')), 'Odd {}" name', 'zero')->>'kind' AS kind;
SELECT "clientID", "lastMutationID" FROM "Odd {}"" name".clients;
-- … that are dropped and created again while their statements are kept.
DROP SCHEMA "Odd {}"" name" CASCADE;
SELECT replicache.zero_push(request('g', m('d', 3, 'who')), 'Odd {}" name', 'zero')->>'message' AS message;

-- Malformed bodies, in the words of Zero's library.
CREATE TABLE body (n int GENERATED ALWAYS AS IDENTITY, body json);
INSERT INTO body (body) VALUES ('null'), ('[]'), ('"x"'), ('{}'), ('{"clientGroupID":"g"}'), ('{"clientGroupID":"g","mutations":{}}'), ('{"clientGroupID":"g","mutations":[]}'),
    ('{"clientGroupID":"g","mutations":[],"pushVersion":"1"}'), ('{"clientGroupID":"g","mutations":[],"pushVersion":1}'), ('{"clientGroupID":"g","mutations":[],"pushVersion":1,"timestamp":1}'),
    ('{"clientGroupID":"g","mutations":[],"pushVersion":1,"timestamp":1,"requestID":1}'), ('{"clientGroupID":"g","mutations":[],"pushVersion":1,"timestamp":1,"requestID":"r","auth":1}');
INSERT INTO body (body) SELECT request('g', m('c', 1, 'who'), m) FROM unnest(ARRAY['7', '{}', '{"type":"other"}', '{"type":"custom"}', '{"type":"custom","id":"1"}', '{"type":"custom","id":1}', '{"type":"custom","id":1,"clientID":2}',
    '{"type":"custom","id":1,"clientID":"c","name":null}', '{"type":"custom","id":1,"clientID":"c","name":"n","args":{}}', '{"type":"custom","id":1,"clientID":"c","name":"n","args":[]}',
    '{"type":"crud","id":1,"clientID":"c","name":"n","args":[],"timestamp":1}']::json[]) m;
INSERT INTO body (body) SELECT request('g', m) FROM unnest(ARRAY['{"type":"custom","id":1.5}', '{"type":"custom","id":-1}', '{"type":"custom","id":9007199254740992}', '{"type":"custom","id":1,"clientID":"\u0000"}', '{"type":"custom","id":1,"clientID":"\ud800"}']::json[]) m;
SELECT n, a->>'reason' AS reason, a->>'message' AS message FROM body, LATERAL replicache.zero_push(body, 'zero_0', 'zero') a ORDER BY n;
SELECT replicache.zero_push(request('g', m('c', 1, 'who'), '7'), 'zero_0', 'zero');

-- An exposed table: its mutators are Zero's, too.
SELECT replicache.expose_crud('todo');
SELECT push(m('d', 5, 'todo.insert', '{"id":"e1","title":"E"}'), m('d', 6, 'todo.update', '{"id":"e1","done":true}'), m('d', 7, 'todo.insert', '{"id":"e1","title":"twice"}'), m('d', 8, 'todo.delete', '{"id":"a"}'));
SELECT * FROM todo ORDER BY id;
-- Clients of Replicache get what Zero's clients have written.
SELECT replicache.pull_since(0)->'patch'->-1 AS last;
-- A push that changes no tracked row makes no version.
SELECT version AS v FROM replicache.space \gset
SELECT push(m('d', 9, 'who'))->>'kind' AS kind;
SELECT version - :v AS versions FROM replicache.space;
-- … nor does one whose change is rolled back.
SELECT push(m('undone', 1, 'todo.insert', '{"id":"e1","title":"twice"}'))->'mutations'->0->'result'->>'error' AS error;
SELECT version - :v AS versions FROM replicache.space;
SELECT push(m('d', 10, 'todo.rename', '{"id":"e1","title":"E2"}'))->>'kind' AS kind;
SELECT version - :v AS versions FROM replicache.space;

-- Constraints that are deferred fail in their mutation. A violation of the caller is the caller's.
CREATE TABLE child (todo text REFERENCES todo DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION adopt(todo text) RETURNS void LANGUAGE sql AS $$ INSERT INTO zero_push.child VALUES (todo) $$;
SELECT replicache.register_mutator('adopt', 'adopt(text)');
SELECT push(m('d', 11, 'adopt', '{"todo":"nobody"}'), m('d', 12, 'adopt', '{"todo":"e1"}'))->'mutations' AS mutations;
BEGIN;
INSERT INTO child VALUES ('nobody');
SELECT push(m('d', 13, 'who'));
ROLLBACK;
TABLE child;
-- A push that changes rows in its subtransaction makes no MultiXact, and a version only when a change has stayed.
CREATE TABLE before AS SELECT version, mxid_age('1') AS multixacts FROM replicache.space;
SELECT push(m('d', 13, 'todo.rename', '{"id":"e1","title":"E4"}'))->>'kind' AS kind;
SELECT push(m('d', 14, 'adopt', '{"todo":"nobody"}'), m('d', 15, 'todo.rename', '{"id":"e1","title":null}'), m('d', 16, 'who'))->>'kind' AS kind;
SELECT space.version - before.version AS versions, mxid_age('1') - multixacts AS multixacts FROM replicache.space, before;
-- A table that does not keep one row per client: nothing is answered, and nothing is applied. A trigger of yours; two rows of a client.
CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE zero_0.clients SET "lastMutationID" = 17 WHERE "clientID" = old."clientID"; RETURN NULL; END';
BEGIN;
CREATE TRIGGER drop_row BEFORE UPDATE ON zero_0.clients FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION drop_row();
SELECT push(m('d', 17, 'todo.rename', '{"id":"e1","title":"lost"}'));
ROLLBACK;
BEGIN;
ALTER TABLE zero_0.clients DROP CONSTRAINT clients_pkey;
INSERT INTO zero_0.clients SELECT * FROM zero_0.clients WHERE "clientID" = 'd';
SELECT push(m('d', 17, 'todo.rename', '{"id":"e1","title":"lost"}'));
ROLLBACK;
SELECT title FROM todo WHERE id = 'e1';
-- Not where nothing may be written, and not by a mutator.
BEGIN READ ONLY;
SELECT push(m('d', 17, 'who'));
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CREATE FUNCTION again() RETURNS json LANGUAGE sql AS $$ SELECT zero_push.push(zero_push.m('d', 18, 'who')) $$;
SELECT replicache.register_mutator('again', 'again()');
SELECT push(m('d', 17, 'again'))->'mutations' AS mutations;
-- Nothing stays when the caller rolls back.
BEGIN;
SELECT push(m('d', 18, 'todo.rename', '{"id":"e1","title":"E3"}'), m('q', 1, 'who'))->>'kind' AS kind;
ROLLBACK;
SELECT * FROM client WHERE c IN ('d', 'q');

SET client_min_messages = warning;
DROP SCHEMA zero_push, zero_0 CASCADE;
DROP EXTENSION replicache_ext CASCADE;
