-- The context functions: in mutators, defaults, triggers, policies and value expressions; NULL outside.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA context;
SET search_path = context, public;

CREATE FUNCTION whole() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', coalesce(replicache.current_user_id(), 'NULL'), coalesce(replicache.current_space(), 'NULL'), coalesce(replicache.current_client_group_id(), 'NULL'),
    coalesce(replicache.current_client_id(), 'NULL'), coalesce(replicache.current_mutation_id()::text, 'NULL'), coalesce(replicache.current_version()::text, 'NULL'), coalesce(quote_literal(replicache.current_schema_version()), 'NULL')) $$;
SELECT whole() AS outside;

CREATE TABLE item (id text, what text, who text DEFAULT whole(), space text NOT NULL DEFAULT replicache.current_space(), PRIMARY KEY (space, id));
SELECT replicache.track_table('item', space => 'space', value => 'jsonb_build_object(''what'', what, ''pulled'', context.whole())');
CREATE FUNCTION deferred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE context.item SET what = what || ' | deferred: ' || whole() WHERE id = NEW.id; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deferred();
CREATE FUNCTION note(id text, at text DEFAULT whole()) RETURNS void LANGUAGE sql AS $$ INSERT INTO context.item (id, what) VALUES (id, at) $$;
CREATE FUNCTION fail(code text DEFAULT 'P0001') RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', context.whole() USING ERRCODE = code; END $$;
CREATE FUNCTION pulls() RETURNS void LANGUAGE plpgsql AS
$$ DECLARE r json;
BEGIN
    r := replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null,"schemaVersion":"of the pull"}', 'ann', 'room');
    RAISE EXCEPTION '%', whole() USING DETAIL = r->'patch'->1->'value'->>'pulled';
END $$;
CREATE FUNCTION pushes() RETURNS void LANGUAGE plpgsql AS
$$ DECLARE r json;
BEGIN
    BEGIN
        r := replicache.apply_push('{"pushVersion":1,"clientGroupID":"inner","mutations":[]}', 'eve', 'room');
    EXCEPTION WHEN feature_not_supported THEN
        RAISE EXCEPTION '%', whole() USING DETAIL = SQLERRM;
    END;
END $$;
SELECT replicache.register_mutator('note', 'note(text,text)'), replicache.register_mutator('fail', 'fail(text)'), replicache.register_mutator('pulls', 'pulls()'), replicache.register_mutator('pushes', 'pushes()');

SELECT r->'version' AS version, r->'applied' AS applied, (SELECT string_agg((m->>'message') || coalesce(' / ' || (m->>'detail'), ''), E'\n') FROM json_array_elements(r->'rejected') m) AS rejected
    FROM replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","schemaVersion":"v7","mutations":[{"clientID":"c","id":1,"name":"note","args":{"id":"one"}},
        {"clientID":"d","id":1,"name":"fail"},{"clientID":"c","id":2,"name":"pulls"},{"clientID":"c","id":3,"name":"pushes"},{"clientID":"d","id":2,"name":"note","args":{"id":"two"}},{"clientID":"c","id":4,"name":"no such"}]}', 'ann', 'room') r;
SELECT whole() AS outside;
SELECT id, what, who, version FROM item ORDER BY id;
-- V0: the client is its group. No user, no space, no schema version.
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":1,"name":"note","args":{"id":"three"}}]}')->'version' AS version;
SELECT id, what, who, version FROM item WHERE id = 'three';

-- The version is that of the transaction, also in its second push.
BEGIN;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":2,"name":"note","args":{"id":"four"}}]}')->'version' AS version;
SELECT whole() AS between;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":3,"name":"note","args":{"id":"five"}}]}')->'version' AS version;
INSERT INTO item (id, space) VALUES ('direct', '');
COMMIT;
SELECT id, who, version FROM item WHERE id IN ('four', 'five', 'direct') ORDER BY id;

-- Whatever ends a push ends its context: a raised error, a halt, an error before anything ran.
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":4,"name":"fail","args":{"code":"40001"}}]}');
\echo :LAST_ERROR_SQLSTATE
SELECT whole() AS outside;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":4,"name":"fail","args":{"code":"RE001"}}]}')->'halted'->'message' AS halted, whole() AS outside;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"zero","mutations":[{"id":4,"name":"fail"}]}', 'eve');
\echo :LAST_ERROR_SQLSTATE
SELECT whole() AS outside;

-- A pull: in value expressions. pull_since knows no user, and the group only when it is given.
SELECT o->>'key' AS key, o->'value'->>'pulled' AS pulled FROM json_array_elements(replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null,"schemaVersion":"v8"}', 'ann', 'room')->'patch') o OFFSET 1;
SELECT o->>'key' AS key, o->'value'->>'pulled' AS pulled FROM json_array_elements(replicache.pull('{"pullVersion":0,"clientID":"zero","cookie":null,"lastMutationID":1}')->'patch') o OFFSET 1;
SELECT o->>'key' AS key, o->'value'->>'pulled' AS pulled FROM json_array_elements(replicache.pull_since(0, NULL, 'room')->'patch') o OFFSET 1;
SELECT o->>'key' AS key, o->'value'->>'pulled' AS pulled FROM json_array_elements(replicache.pull_since(0, 'g', 'room')->'patch') o OFFSET 1;
SELECT whole() AS outside;
-- An error within a pull ends its context, too.
SELECT replicache.track_table('item', space => 'space', value => 'to_jsonb(1 / 0)');
SELECT replicache.pull_since(0, NULL, 'room');
\echo :LAST_ERROR_SQLSTATE
SELECT whole() AS outside;

-- Policies.
CREATE TABLE note (id int PRIMARY KEY, owner text);
INSERT INTO note VALUES (1, 'ann'), (2, 'bob'), (3, NULL);
SELECT replicache.untrack_table('item'), replicache.track_table('note');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (owner = replicache.current_user_id()) WITH CHECK (owner = replicache.current_user_id());
CREATE FUNCTION add(id int, owner text) RETURNS void LANGUAGE sql AS $$ INSERT INTO context.note VALUES (id, owner) $$;
CREATE FUNCTION take(id int) RETURNS void LANGUAGE sql AS $$ UPDATE context.note SET owner = replicache.current_user_id() WHERE note.id = take.id $$;
SELECT replicache.register_mutator('add', 'add(int,text)'), replicache.register_mutator('take', 'take(int)');
CREATE ROLE regress_app;
SELECT replicache.grant_usage('regress_app');
GRANT USAGE ON SCHEMA context TO regress_app;
GRANT SELECT, INSERT, UPDATE ON note TO regress_app;
SET ROLE regress_app;
SELECT who, (SELECT string_agg(o->>'key', ' ' ORDER BY o->>'key') FROM json_array_elements(replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'new', 'cookie', NULL), who)->'patch') o) AS sees
    FROM unnest(ARRAY['ann', 'bob', 'eve', NULL]) who;
SELECT who, replicache.pull_since(0)->'patch' AS "nobody sees" FROM unnest(ARRAY['ann']) who;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"p","mutations":[{"id":1,"name":"add","args":{"id":4,"owner":"ann"}},{"id":2,"name":"add","args":{"id":5,"owner":"bob"}},{"id":3,"name":"take","args":{"id":2}}]}', 'ann') AS answer;
SELECT replicache.pull('{"pullVersion":0,"clientID":"p","cookie":null}', 'ann')->'patch' AS patch;
RESET ROLE;
SELECT id, owner FROM note ORDER BY id;

SET client_min_messages = error;
DROP SCHEMA context CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE regress_app;
