-- A change of a row needs the rights that it uses, and no others. What row-level security forbids is an error, not a success.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA write_rights;
SET search_path = write_rights, public;
\set SHOW_CONTEXT never
CREATE ROLE write_rights_app;
SELECT replicache.grant_usage('write_rights_app');
GRANT USAGE ON SCHEMA write_rights TO write_rights_app;

-- What becomes of changes "op table id data old", one transaction each; and of mutations "name args".
CREATE FUNCTION upload(VARIADIC changes text[]) RETURNS TABLE (status text, code text, message text) LANGUAGE sql AS $$
    SELECT r->>'status', r#>>'{failed_operation,details,sqlstate}', r->>'message' FROM json_array_elements(replicache.powersync_upload(json_build_object('on_error', 'skip', 'transactions',
        (SELECT json_agg(json_build_object('crud', json_build_array(json_build_object('op', w[1], 'table', w[2], 'id', w[3], 'data', w[4]::json, 'old', w[5]::json))) ORDER BY n)
         FROM unnest(changes) WITH ORDINALITY c (c, n), string_to_array(c, ' ') w)), 'ann')->'results') r $$;
CREATE SEQUENCE ids;
CREATE FUNCTION push(VARIADIC mutations text[]) RETURNS SETOF text LANGUAGE plpgsql SET search_path = write_rights AS $$
DECLARE
    answer json := replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations',
        (SELECT json_agg(json_build_object('clientID', 'c', 'id', nextval('ids'), 'name', split_part(m, ' ', 1), 'args', split_part(m, ' ', 2)::json) ORDER BY n) FROM unnest(mutations) WITH ORDINALITY x (m, n))), 'ann');
BEGIN
    RETURN NEXT concat('applied ', answer->>'applied');
    RETURN QUERY SELECT concat_ws(' ', r->>'name', r->>'code', r->>'message') FROM json_array_elements(answer->'rejected') r;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA write_rights TO write_rights_app;
GRANT USAGE ON SEQUENCE ids TO write_rights_app;

-- A PUT of a new row needs the right to insert, one of a row that is there the right to update what it writes.
CREATE TABLE d (id int PRIMARY KEY, owner text NOT NULL, x text, email text UNIQUE);
CREATE TABLE merged (LIKE d INCLUDING ALL);
CREATE TABLE newest (LIKE d INCLUDING ALL, at int);
CREATE TABLE delta (LIKE d INCLUDING ALL, n int);
CREATE TABLE replaced (LIKE d INCLUDING ALL);
CREATE TABLE soft (LIKE d INCLUDING ALL, gone boolean NOT NULL DEFAULT false);
CREATE TABLE soft_replaced (LIKE soft INCLUDING ALL);
SELECT replicache.track_table('soft', deleted => 'gone'), replicache.track_table('soft_replaced', deleted => 'gone');
SELECT replicache.expose_crud('d'), replicache.expose_crud('merged', conflict => 'merge'), replicache.expose_crud('newest', conflict => 'newest', conflict_column => 'at'), replicache.expose_crud('delta', conflict => 'delta'),
    replicache.expose_crud('replaced', replace => true), replicache.expose_crud('soft'), replicache.expose_crud('soft_replaced', replace => true, columns => '{"id":"id","x":"x","owner":"owner"}');
GRANT SELECT, INSERT, UPDATE (x) ON d, merged, replaced, soft TO write_rights_app;
GRANT SELECT, INSERT, UPDATE (x, at) ON newest TO write_rights_app;
GRANT SELECT, INSERT, UPDATE (x, n) ON delta TO write_rights_app;
GRANT SELECT, INSERT, UPDATE (x, owner) ON soft_replaced TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT d 1 {"owner":"ann","x":"new"}', 'PUT d 1 {"x":"again"}', 'PUT d 1 {"owner":"eve","x":"stolen"}', 'PUT d 1 {"owner":"eve"}', 'PUT d 1 {}', 'PUT d 2 {"x":"no_owner"}');
SELECT * FROM upload('PUT merged 1 {"owner":"ann","x":"new"}', 'PUT merged 1 {"x":"again"} {"x":"new"}', 'PUT merged 1 {"x":"lost"} {"x":"new"}', 'PUT merged 1 {"owner":"eve"} {"owner":"ann"}');
SELECT * FROM upload('PUT newest 1 {"owner":"ann","at":2}', 'PUT newest 1 {"x":"again","at":3}', 'PUT newest 1 {"x":"lost","at":1}', 'PUT newest 1 {"owner":"eve","at":4}');
SELECT * FROM upload('PUT delta 1 {"owner":"ann","n":2}', 'PUT delta 1 {"n":3} {"n":1}', 'PUT delta 1 {"owner":"eve","n":4} {"n":3}');
SELECT * FROM upload('PUT replaced 1 {"owner":"ann","x":"new"}', 'PUT replaced 1 {"x":"again"}');
-- To bring back a row takes the right to do so; to change one that is not deleted does not.
SELECT * FROM upload('PUT soft 1 {"owner":"ann","x":"new"}', 'PUT soft 1 {"x":"again"}', 'PUT soft 1 {"owner":"eve"}', 'DELETE soft 1');
SELECT * FROM upload('PUT soft_replaced 1 {"owner":"ann","x":"new"}', 'PUT soft_replaced 1 {"owner":"bob"}', 'PUT soft_replaced 1 {}');
RESET ROLE;
UPDATE soft SET gone = true;
UPDATE soft_replaced SET gone = true;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT soft 1 {"x":"back"}', 'PATCH soft 1 {"x":"back"}', 'PUT soft_replaced 1 {"owner":"ann"}');
RESET ROLE;
GRANT UPDATE (gone) ON soft, soft_replaced TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT soft 1 {"x":"back"}', 'PUT soft_replaced 1 {"owner":"ann"}', 'DELETE soft_replaced 1', 'DELETE soft 2');
-- Mutators are the same, and so are many at once.
SELECT push('d.upsert {"id":10,"owner":"ann","x":"new"}', 'd.upsert {"id":11,"owner":"ann","x":"new"}', 'd.upsert {"id":12,"owner":"ann","x":"new"}', 'd.upsert {"id":13,"owner":"ann","x":"new"}');
SELECT push('d.upsert {"id":14,"owner":"ann","x":"new"}', 'd.upsert {"id":15,"owner":"ann","x":"new"}', 'd.upsert {"id":11,"owner":"eve","x":"stolen"}', 'd.upsert {"id":16,"owner":"ann","x":"new"}', 'd.upsert {"id":12,"x":"again"}', 'd.upsert {"id":13,"x":"again"}');
RESET ROLE;
TABLE d ORDER BY id;
TABLE merged;
TABLE newest;
TABLE delta;
TABLE replaced;
SELECT id, owner, x, gone FROM soft;
SELECT id, owner, x, gone FROM soft_replaced;

-- Nor does a new row need the right to read.
REVOKE ALL ON d FROM write_rights_app;
GRANT INSERT ON d TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT d 20 {"owner":"ann","x":"new"}', 'PUT d 21 {"owner":"ann"}', 'PUT d 22 {"owner":"ann"}', 'PUT d 20 {"owner":"ann","x":"again"}', 'PATCH d 20 {"x":"again"}', 'DELETE d 20');
RESET ROLE;
GRANT UPDATE ON d TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT d 23 {"owner":"ann","x":"new"}', 'PUT d 20 {"owner":"ann","x":"again"}');
RESET ROLE;
REVOKE ALL ON d FROM write_rights_app;
GRANT SELECT (id), INSERT, UPDATE (x) ON d TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM upload('PUT d 24 {"owner":"ann","email":"a"}', 'PUT d 25 {"owner":"ann","email":"a"}', 'PUT d 24 {"x":"again"}', 'PUT d 24 {"owner":"eve"}');
RESET ROLE;
TABLE d ORDER BY id OFFSET 7;

-- Row-level security: a row that the role sees and may not write is refused, one that it does not see is as if it were not there.
CREATE TABLE k (id int PRIMARY KEY, owner text DEFAULT 'ann', a int, b int, hidden boolean NOT NULL DEFAULT false);
CREATE TABLE k_merged (LIKE k INCLUDING ALL);
CREATE TABLE k_stale (LIKE k INCLUDING ALL);
CREATE TABLE k_soft (LIKE k INCLUDING ALL, gone boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('k_soft', deleted => 'gone');
SELECT replicache.expose_crud('k'), replicache.expose_crud('k_merged', conflict => 'merge'), replicache.expose_crud('k_stale', conflict => 'reject_stale'), replicache.expose_crud('k_soft');
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY '{k,k_merged,k_stale,k_soft}'::text[] LOOP
        EXECUTE format('INSERT INTO %I (id, owner, a) VALUES (1, ''ann'', 1), (2, ''bob'', 2), (3, ''bob'', 3), (4, ''ann'', 4), (5, ''ann'', 5)', t);
        EXECUTE format('UPDATE %I SET hidden = true WHERE id = 3', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO write_rights_app', t);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY see ON %I FOR SELECT USING (NOT hidden)', t);
        EXECUTE format('CREATE POLICY add ON %I FOR INSERT WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY edit ON %I FOR UPDATE USING (owner = replicache.current_user_id()) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY remove ON %I FOR DELETE USING (owner = replicache.current_user_id() AND a <> 4)', t);
    END LOOP;
END $$;
SET ROLE write_rights_app;
SELECT * FROM upload('PATCH k 1 {"a":11}', 'PATCH k 2 {"a":12}', 'PATCH k 3 {"a":13}', 'PATCH k 9 {"a":19}', 'PATCH k 2 {}', 'DELETE k 2', 'DELETE k 3', 'DELETE k 4', 'DELETE k 9', 'PUT k 2 {"a":12}', 'PUT k 2 {}', 'PUT k 3 {"a":13}', 'PUT k 6 {"hidden":true}');
SELECT push('k.update {"id":1,"a":21}', 'k.update {"id":2,"a":22}', 'k.update {"id":3,"a":23}', 'k.update {"id":9,"a":29}', 'k.delete {"id":2}', 'k.delete {"id":3}', 'k.delete {"id":4}', 'k.delete {"id":9}', 'k.upsert {"id":2,"a":22}');
-- With a policy for conflicts: what is forbidden has not lost.
SELECT * FROM upload('PATCH k_merged 1 {"a":11} {"a":1}', 'PATCH k_merged 1 {"a":12} {"a":1}', 'PATCH k_merged 2 {"a":12} {"a":2}', 'PATCH k_merged 3 {"a":13} {"a":3}', 'PATCH k_merged 9 {"a":1} {"a":9}', 'DELETE k_merged 2', 'DELETE k_merged 4', 'PUT k_merged 2 {"a":12} {"a":2}', 'PUT k_merged 1 {"a":12} {"a":1}');
SELECT * FROM upload('PATCH k_stale 1 {"a":11} {"a":1}', 'PATCH k_stale 1 {"a":12} {"a":1}', 'PATCH k_stale 2 {"a":12} {"a":2}', 'DELETE k_stale 1 null {"a":1}', 'DELETE k_stale 2 null {"a":2}', 'DELETE k_stale 4 null {"a":4}', 'DELETE k_stale 4 null {"a":3}', 'DELETE k_stale 5 null {"a":5}');
SELECT * FROM upload('PATCH k_soft 2 {"a":12}', 'DELETE k_soft 2', 'DELETE k_soft 3', 'DELETE k_soft 4', 'PATCH k_soft 4 {"a":14}', 'PUT k_soft 2 {"a":12}');
-- Many at once: those that are forbidden are found, the others are written, also when rows are missing.
SELECT * FROM upload('PATCH k 1 {"b":1}', 'PATCH k 4 {"b":1}', 'PATCH k 5 {"b":1}', 'PATCH k 2 {"b":1}', 'PATCH k 9 {"b":1}', 'PATCH k 3 {"b":1}');
SELECT push('k.update {"id":1,"b":2}', 'k.update {"id":4,"b":2}', 'k.update {"id":9,"b":2}', 'k.update {"id":2,"b":2}', 'k.update {"id":5,"b":2}', 'k.delete {"id":5}', 'k.delete {"id":2}', 'k.delete {"id":1}');
RESET ROLE;
SELECT id, owner, a, b, hidden FROM k ORDER BY id;
SELECT id, owner, a FROM k_merged ORDER BY id;
SELECT id, owner, a FROM k_stale ORDER BY id;
SELECT id, owner, a, gone FROM k_soft ORDER BY id;
SELECT name, sqlstate, count(*) FROM replicache.mutation_error WHERE name LIKE 'k.%' GROUP BY 1, 2 ORDER BY 1, 2;

-- A trigger that lets nothing happen is no refusal, and fires for good but once.
CREATE TABLE log (what text);
GRANT INSERT ON log TO write_rights_app;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO write_rights.log VALUES (TG_OP || ' ' || OLD.id); RETURN NULL; END $$;
CREATE TRIGGER nothing BEFORE UPDATE OR DELETE ON k FOR EACH ROW EXECUTE FUNCTION nothing();
SET ROLE write_rights_app;
SELECT * FROM upload('PATCH k 4 {"a":0}', 'PATCH k 2 {"a":0}', 'DELETE k 2');
RESET ROLE;
TABLE log;

-- A table of resources: the same, to be rolled back.
SELECT replicache.create_space('ann', 'time');
CREATE TABLE note (id int PRIMARY KEY, owner text NOT NULL, text text, locked boolean NOT NULL DEFAULT false);
SELECT replicache.track_table('note', space => 'owner'), replicache.expose_crud('note', name => 'NOTE', columns => '{"text":"text"}');
INSERT INTO note (id, owner, text, locked) VALUES (1, 'ann', 'free', false), (2, 'ann', 'locked', true);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON note FOR SELECT USING (true);
CREATE POLICY edit ON note FOR UPDATE USING (NOT locked);
CREATE POLICY remove ON note FOR DELETE USING (NOT locked);
GRANT SELECT, UPDATE, DELETE ON note TO write_rights_app;
CREATE FUNCTION sync_push(VARIADIC mutations text[]) RETURNS TABLE (status int, body text) LANGUAGE sql AS $$
    SELECT p.status, left(p.body->>'message', 60) FROM replicache.sync_push(concat('{"mutations":[', array_to_string(mutations, ','), ']}')::json, (SELECT mutation_at FROM replicache.sync_pull(0, 'ann', metadata_only => true)), 'ann') p $$;
GRANT EXECUTE ON FUNCTION sync_push TO write_rights_app;
SET ROLE write_rights_app;
SELECT * FROM sync_push('{"type":"UPDATE","resource":"NOTE","resourceId":"1","data":{"text":"a"}}');
SELECT * FROM sync_push('{"type":"UPDATE","resource":"NOTE","resourceId":"9","data":{"text":"a"}}');
SELECT * FROM sync_push('{"type":"UPDATE","resource":"NOTE","resourceId":"2","data":{"text":"a"}}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sync_push('{"type":"DELETE","resource":"NOTE","resourceId":"2"}');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT id, text FROM note ORDER BY id;

SET client_min_messages = error;
DROP SCHEMA write_rights CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE write_rights_app;
