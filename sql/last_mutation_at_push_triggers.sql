-- sync_push among triggers, constraints, mutators, conflict policies and those who listen.
CREATE EXTENSION replicache_ext;
SET replicache.poke_mode = transaction; -- so that the pokes come at once
CREATE SCHEMA sync_push_triggers;
SET search_path = sync_push_triggers;
SET replicache.default_clock = 'time';
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set sync_helpers :srcdir '/sql/include/last_mutation_at.sql'
\set ECHO none
\i :helpers
\i :sync_helpers
\set ECHO all
CREATE TABLE note (id int PRIMARY KEY, user_id text, body text, seen text);
CREATE TABLE log (id serial PRIMARY KEY, user_id text, line text);
SELECT replicache.track_table('note', space => 'user_id'), replicache.expose_crud('note'), replicache.track_table('log', space => 'user_id'), replicache.expose_crud('log');
SELECT new_user('ann'), new_user('bob');

-- The context functions. current_version() is the head from before.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.seen := concat_ws(' ', replicache.current_user_id(), replicache.current_space(), replicache.current_version() - 10000000000000); RETURN NEW; END $$;
CREATE TRIGGER tell BEFORE INSERT OR UPDATE ON note FOR EACH ROW EXECUTE FUNCTION tell();
SELECT push('ann', '{"type":"CREATE","resource":"note","data":{"id":1}},{"type":"CREATE","resource":"note","data":{"id":2}}');
SELECT replicache.current_user_id(), replicache.current_space();
DROP TRIGGER tell ON note;

-- Triggers that write other rows: the answer tells of those that were asked for, and so names the head from before the others.
CREATE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (user_id, line) VALUES ('ann', TG_WHEN || ' ' || TG_OP), ('bob', TG_WHEN || ' ' || TG_OP);
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER before BEFORE INSERT OR DELETE ON note FOR EACH ROW EXECUTE FUNCTION write_log();
CREATE TRIGGER after AFTER INSERT OR UPDATE ON note FOR EACH ROW EXECUTE FUNCTION write_log();
SELECT head('ann') AS ann \gset
SELECT push('ann', '{"type":"CREATE","resource":"note","data":{"id":3}},{"type":"UPDATE","resource":"note","resourceId":3,"data":{"body":"b"}},{"type":"DELETE","resource":"note","resourceId":3}');
SELECT pull('ann', :ann), pull('bob');
-- … A client that goes on from there gets those, and the deletion of what the answer had told.
SELECT (body #>> '{data,lastMutationAt}')::bigint AS known FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"note","data":{"id":5}}]}', (SELECT mutation_at FROM replicache.sync_pull(-1, 'ann', metadata_only => true)), 'ann') \gset
DELETE FROM note WHERE id = 5;
SELECT pull('ann', :known - 10000000000000);
-- … all undone when one is refused.
SELECT refuse('ann', '{"type":"CREATE","resource":"note","data":{"id":4}},{"type":"DELETE","resource":"note","resourceId":9}');
DROP TRIGGER before ON note;
DROP TRIGGER after ON note;
-- … that do without: the row is not there.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE OR DELETE ON note FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT refuse('ann', format('{"type":"%s","resource":"note","resourceId":1,"data":{"body":"x"%s}}', type, CASE type WHEN 'CREATE' THEN ',"id":5' END)) FROM unnest('{CREATE,UPDATE,DELETE}'::text[]) type;
DROP TRIGGER nothing ON note;

-- Constraints that are deferred are checked with each mutation, which is blamed.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, user_id text, parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
SELECT replicache.track_table('child', space => 'user_id'), replicache.expose_crud('child');
INSERT INTO parent VALUES (1);
SELECT refuse('ann', '{"type":"CREATE","resource":"child","data":{"id":1,"parent":1}},{"type":"CREATE","resource":"child","data":{"id":2,"parent":2}},{"type":"CREATE","resource":"child","data":{"id":3,"parent":1}}');
SELECT push('ann', '{"type":"CREATE","resource":"child","data":{"id":1,"parent":1}}') LIKE '200%';
-- … what the caller has left is not blamed on any.
BEGIN;
INSERT INTO child VALUES (9, 'bob', 9);
SELECT try($$SELECT push('ann', '{"type":"CREATE","resource":"child","data":{"id":4,"parent":1}}')$$);
ROLLBACK;

-- Within a mutator or another push there is none.
CREATE FUNCTION inner_push() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM replicache.sync_push('{"mutations":[]}', -1, 'inner'); END $$;
SELECT replicache.register_mutator('inner', 'inner_push()');
SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"g","mutations":[{"clientID":"c","id":1,"name":"inner","args":{}}]}', 'ann', 'ann')->'rejected'->0->>'message';
CREATE FUNCTION pushes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM replicache.sync_push('{"mutations":[]}', -1, 'inner'); RETURN NEW; END $$;
CREATE TRIGGER pushes BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION pushes();
SELECT try($$SELECT push('ann', '{"type":"UPDATE","resource":"note","resourceId":1,"data":{"body":"x"}}')$$);
DROP TRIGGER pushes ON note;
SELECT push('ann', '{"type":"UPDATE","resource":"note","resourceId":1,"data":{"body":"after that"}}') LIKE '200%';

-- Conflict policies have no say: who pushes has seen the head.
CREATE TABLE judged (id int PRIMARY KEY, user_id text, v int, at int);
SELECT replicache.track_table('judged', space => 'user_id');
SELECT head('ann') AS ann \gset
INSERT INTO judged VALUES (1, 'ann', 1, 100), (2, 'ann', 1, 100), (3, 'ann', 1, 100), (4, 'ann', 1, 100);
SELECT replicache.expose_crud('judged', conflict => 'newest', conflict_column => 'at');
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":1,"data":{"v":2,"at":1}},{"type":"UPDATE","resource":"judged","resourceId":1,"data":{"v":3}}') LIKE '200%';
SELECT replicache.expose_crud('judged', conflict => 'merge');
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":2,"data":{"v":2}}') LIKE '200%';
SELECT replicache.expose_crud('judged', conflict => 'delta', replace => true);
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":3,"data":{"v":2}}') LIKE '200%';
SELECT replicache.expose_crud('judged', conflict => 'reject_stale');
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":4,"data":{"v":2}},{"type":"DELETE","resource":"judged","resourceId":2}') LIKE '200%';
-- … but the server still counts where it does.
SELECT replicache.expose_crud('judged', conflict => 'reject_stale', conflict_column => 'at');
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":4,"data":{"v":3}}');
SELECT push('ann', '{"type":"UPDATE","resource":"judged","resourceId":4,"data":{"v":4,"at":7}}');
SELECT id, v, at FROM judged ORDER BY id;

-- Pokes: one, with the head; none for a push that is refused.
LISTEN replicache;
\o | (notes=$(sed 's/ received from .*//'); printf "%s\n" "$notes")
SELECT left(push('bob', '{"type":"CREATE","resource":"note","data":{"id":50}},{"type":"CREATE","resource":"note","data":{"id":51}}'), 9);
SELECT left(push('bob', '{"type":"CREATE","resource":"note","data":{"id":52}},{"type":"CREATE","resource":"note","data":{"id":50}}'), 9);
SELECT left(push('bob', '', -1), 9);
SELECT left(push('bob', ''), 9);
SELECT left(push('bob', '{"type":"UPDATE","resource":"note","resourceId":50,"data":{}}'), 9);
\o
UNLISTEN *;

SET client_min_messages = error;
DROP EXTENSION replicache_ext;
DROP SCHEMA sync_push_triggers CASCADE;
