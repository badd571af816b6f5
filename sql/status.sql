-- status(): each figure moves when it should, large tables are estimated, and operators may ask.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA status;
SET search_path = status;
CREATE TABLE item (id text PRIMARY KEY, owner text NOT NULL DEFAULT 'ann');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO status.item VALUES (id)';
CREATE FUNCTION push(client text, mutation bigint, item text, space text DEFAULT '') RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g ' || client,
        'mutations', json_build_array(json_build_object('clientID', client, 'id', mutation, 'name', 'add', 'args', json_build_object('id', item)))), 'ann', space)
$$;
-- The figures that are not those of the last call. Of sizes and times, which differ from run to run, only whether they are known.
CREATE TABLE seen (topic text PRIMARY KEY, value numeric, details text);
CREATE FUNCTION news() RETURNS SETOF seen LANGUAGE sql AS $$
    WITH now AS MATERIALIZED (
        SELECT topic, CASE WHEN topic ~ '_(seconds|bytes)$' THEN value * 0 ELSE value END AS value, regexp_replace(details, '^[0-9]{4}-.* UTC$', 'a time') AS details FROM replicache.status()),
    noted AS (INSERT INTO seen SELECT * FROM now ON CONFLICT (topic) DO UPDATE SET value = excluded.value, details = excluded.details)
    SELECT * FROM now EXCEPT SELECT * FROM seen ORDER BY topic
$$;

SELECT topic, value IS NOT NULL AS known FROM replicache.status();
SELECT topic, value, regexp_replace(details, '[0-9]+\.[0-9]+\.[0-9]+', '…', 'g') AS details FROM news() WHERE topic !~ '^poke';

-- A table too large to be counted. Nothing is known of what no ANALYZE has seen.
BEGIN;
INSERT INTO replicache.client SELECT 'client ' || n, 'group ' || n, 1, 1, now() - interval '720 hours' FROM generate_series(1, 20000) n;
SELECT * FROM news() WHERE topic !~ '^poke';
ANALYZE replicache.client;
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT replicache.collect_garbage('40 days');
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT value BETWEEN 720 * 3600 AND 721 * 3600 AS a_month FROM replicache.status() WHERE topic = 'oldest_idle_client_seconds';
-- A VACUUM has seen the table when it was smaller.
INSERT INTO replicache.client SELECT 'later ' || n, 'group ' || n, 1, 1, now() FROM generate_series(1, 20000) n;
SELECT topic, value BETWEEN 35000 AND 45000 AS doubled, details FROM replicache.status() WHERE topic = 'clients';
ROLLBACK;
TRUNCATE replicache.client;
SELECT * FROM news() WHERE topic !~ '^poke';

-- A push of two spaces, a rejected mutation, and what is tracked.
SELECT replicache.track_table('item', key => '{id}'), replicache.register_mutator('add', 'add(text)');
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT push('c1', 1, 'a') ->> 'applied' AS a, push('c2', 1, 'b', 'other') ->> 'applied' AS b, push('c1', 2, 'a') #>> '{rejected,0,code}' AS c;
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT replicache.expose_crud('item'), replicache.powersync_upload('{"crud":[{"op_id":1,"op":"PUT","type":"item","id":"d","data":{}}]}', 'ann', 'device');
INSERT INTO replicache.creation VALUES ('', 1, 'd');
SELECT * FROM news() WHERE topic !~ '^poke';
DELETE FROM item WHERE id = 'a';
SELECT * FROM news() WHERE topic !~ '^poke';
UPDATE replicache.client SET last_seen = last_seen - interval '8760 hours' WHERE id = 'c2';
SELECT value BETWEEN 8760 * 3600 AND 8761 * 3600 AS a_year FROM replicache.status() WHERE topic = 'oldest_idle_client_seconds';
SELECT replicache.collect_garbage('1 month');
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT replicache.collect_garbage('0');
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT at AS noted FROM replicache.garbage_collection \gset
BEGIN;
SELECT replicache.collect_garbage('0');
SELECT at > :'noted' AS later FROM replicache.garbage_collection;
ROLLBACK;
SELECT at = :'noted' AS as_before FROM replicache.garbage_collection;

-- Records of views.
SELECT value AS bytes FROM replicache.status() WHERE topic = 'view_record_bytes' \gset
SELECT replicache.track_table('item', key => '{id}', private => true);
INSERT INTO item SELECT 'item ' || n FROM generate_series(1, 3000) n;
SELECT json_array_length(replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}', 'ann') -> 'patch') AS patch;
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT value > :bytes AS more FROM replicache.status() WHERE topic = 'view_record_bytes';

-- A space that is held, and that has moved away.
SELECT replicache.hold_space('other') AS move \gset
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT replicache.release_space('other');
SELECT * FROM news() WHERE topic !~ '^poke';
SELECT replicache.hold_space('other') AS move \gset
SELECT replicache.close_space('other', :'move');
SELECT * FROM news() WHERE topic !~ '^poke';
-- Too many spaces to look at each.
BEGIN;
INSERT INTO replicache.space (id, clock) SELECT 'many ' || n, 'counter' FROM generate_series(1, 20000) n;
SELECT topic, value, details FROM replicache.status() WHERE topic = 'spaces_held';
ROLLBACK;
VACUUM replicache.space;

-- Changes that would go unnoticed.
ALTER TABLE item DISABLE TRIGGER "~replicache_deleted";
SELECT * FROM news() WHERE topic !~ '^poke';
ALTER TABLE item ENABLE TRIGGER "~replicache_deleted";
SELECT * FROM news() WHERE topic !~ '^poke';

-- A library of another version.
BEGIN;
UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'replicache_ext';
SELECT value, details LIKE 'extension 0.0.1, library _.%' AS told FROM replicache.status() WHERE topic = 'version_mismatch';
ROLLBACK;

-- It writes nothing. A collection can run in each isolation level.
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SELECT count(*) FROM replicache.status();
COMMIT;
SET default_transaction_isolation = serializable;
SELECT replicache.collect_garbage('1 day');
RESET default_transaction_isolation;

-- Who may ask. Details name nobody's data.
CREATE ROLE status_stranger;
CREATE ROLE status_app;
CREATE ROLE status_monitor;
SELECT replicache.grant_usage('status_app');
GRANT pg_monitor TO status_monitor;
GRANT USAGE ON SCHEMA replicache TO status_monitor;
SELECT push('secret client', 1, 'secret item', 'secret space') ->> 'applied' AS applied;
SELECT push('secret client', 2, 'secret item', 'secret space') #>> '{rejected,0,code}' AS rejected;
\set VERBOSITY sqlstate
SET ROLE status_stranger;
SELECT replicache.status();
SET ROLE status_app;
SELECT replicache.status();
SET ROLE status_monitor;
SELECT count(*), count(*) FILTER (WHERE details ~ 'secret') AS leaks FROM replicache.status();
SELECT replicache.collect_garbage('1 day');
SELECT replicache.current_user_id();
TABLE replicache.garbage_collection;
RESET ROLE;
\set VERBOSITY default
REVOKE ALL ON FUNCTION replicache.status() FROM pg_monitor;
REVOKE USAGE ON SCHEMA replicache FROM status_monitor;
DROP EXTENSION replicache_ext;
DROP SCHEMA status CASCADE;
DROP ROLE status_stranger, status_app, status_monitor;
