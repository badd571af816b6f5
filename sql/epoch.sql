-- new_epoch(): after a restore, nobody gets a delta from a history that is lost.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA epoch;
SET search_path = epoch;
CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO epoch.item VALUES (id)';
SELECT replicache.register_mutator('add', 'add(text)');
CREATE FUNCTION push(client text, mutation bigint, item text) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'schemaVersion', '', 'profileID', 'p',
        'clientGroupID', 'g-' || client, 'mutations', json_build_array(json_build_object(
        'clientID', client, 'id', mutation, 'name', 'add', 'args', json_build_object('id', item), 'timestamp', 1))))
$$;
CREATE FUNCTION pull(client text, cookie json) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.pull(json_build_object('pullVersion', 1, 'schemaVersion', '', 'profileID', 'p',
        'clientGroupID', 'g-' || client, 'cookie', cookie))
$$;
SELECT push('a', 1, 'one');
-- The backup was taken here, at version 2. The lost history went on to version 4, and a client has seen it.
SELECT (pull('a', NULL) -> 'cookie')::jsonb || '{"order":4, "version":4}' AS seen \gset
SELECT replicache.new_epoch();
SELECT s.version > e.number << 32 AS jumped, s.floor = s.version AS floor FROM replicache.space s, replicache.epoch e;
SELECT count(*) FROM replicache.client, replicache.client_group;
-- Without the jump, version 4 would be reached again, and this client would get a delta of it.
INSERT INTO item VALUES ('two');
INSERT INTO item VALUES ('three');
SELECT replicache.pull_since(4) -> 'patch';
-- A cookie tells of which history it is. The group is told to start afresh, and comes with the same cookie as another one.
SELECT pull('a', :'seen');
SELECT pull('another', :'seen') -> 'patch', (pull('another', :'seen') #>> '{cookie,order}')::bigint > 4 AS above;
-- Mutations whose predecessors are lost are not run.
SELECT push('a', 4, 'four');
-- Nor those that may have been applied before the backup.
SELECT push('a', 1, 'one');
-- A client that starts afresh works.
SELECT push('b', 1, 'five') ->> 'applied' AS applied;
-- In one transaction with other writes, too.
BEGIN;
INSERT INTO item VALUES ('six');
SELECT replicache.new_epoch();
INSERT INTO item VALUES ('seven');
COMMIT;
SELECT s.version > max(e.number) << 32 AS jumped, s.floor = s.version AS floor, max(i.version) <= s.version AS rows_below
    FROM replicache.space s, item i, replicache.epoch e GROUP BY s.version, s.floor;
-- A space that the lost history had created, and the backup does not have: its versions are not used again either.
CREATE TABLE task (room text NOT NULL, id int PRIMARY KEY);
SELECT replicache.track_table('task', space => 'room');
INSERT INTO task VALUES ('new', 1);
INSERT INTO task VALUES ('new', 2);
SELECT replicache.pull_since(1, NULL, 'new') -> 'patch';
SELECT max(number) - min(number) AS apart FROM replicache.epoch;
DROP EXTENSION replicache_ext;
DROP SCHEMA epoch CASCADE;
