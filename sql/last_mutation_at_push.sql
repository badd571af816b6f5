-- sync_push: what it answers, and that it does all or nothing.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA sync_push;
SET search_path = sync_push;
SET replicache.default_clock = 'time';
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set sync_helpers :srcdir '/sql/include/last_mutation_at.sql'
\set ECHO none
\i :helpers
\i :sync_helpers
\set ECHO all

CREATE SEQUENCE ids;
CREATE TABLE note (id text PRIMARY KEY DEFAULT 'n' || nextval('ids'), user_id text NOT NULL, body text CHECK (body <> 'bad'), stars int DEFAULT 0);
CREATE TABLE session (user_id text, chapter int, verse int, seconds int, PRIMARY KEY (user_id, chapter, verse));
CREATE TABLE plain (id int PRIMARY KEY, user_id text);
SELECT replicache.track_table('note', space => 'user_id'), replicache.expose_crud('note', name => 'NOTE');
SELECT replicache.track_table('session', space => 'user_id'), replicache.expose_crud('session', name => 'SESSION');
SELECT new_user('ann'), new_user('bob');

-- Accepted: the same count and order, with what the server has made of it.
SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{"body":"a"}},{"type":"CREATE","resource":"SESSION","data":{"chapter":1,"verse":2,"seconds":3}},{"type":"CREATE","resource":"NOTE","data":{}}');
SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"n1","data":{"body":"b"}},{"type":"DELETE","resource":"NOTE","resourceId":"n2"},{"type":"UPDATE","resource":"SESSION","data":{"chapter":1,"verse":2,"seconds":4}}');
SELECT push('ann', '{"type":"DELETE","resource":"SESSION","data":{"chapter":1,"verse":2,"seconds":9}}');
SELECT push('ann', '');
SELECT id, user_id, body, stars, short(version::text) FROM note ORDER BY version;
-- … null is as good as nothing.
SELECT push('ann', '{"type":"CREATE","resource":"NOTE","resourceId":null,"data":{"body":null}},{"type":"DELETE","resource":"NOTE","resourceId":"n3","data":null}');
-- … several of one row; the head moves for each.
SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"n1","data":{"stars":1}},{"type":"UPDATE","resource":"NOTE","resourceId":"n1","data":{"stars":2}},{"type":"DELETE","resource":"NOTE","resourceId":"n1"}');
SELECT push('ann', '{"type":"CREATE","resource":"SESSION","data":{"chapter":1,"verse":1}},{"type":"DELETE","resource":"SESSION","data":{"chapter":1,"verse":1}},{"type":"CREATE","resource":"SESSION","data":{"chapter":1,"verse":1,"seconds":1}}');
-- … updates that change nothing are mutations all the same.
SELECT push('ann', '{"type":"UPDATE","resource":"SESSION","data":{"chapter":1,"verse":1,"seconds":1}},{"type":"UPDATE","resource":"SESSION","data":{"chapter":1,"verse":1}}');
SELECT short(version::text) FROM session;
BEGIN;
SELECT push('ann', '{"type":"UPDATE","resource":"SESSION","data":{"chapter":1,"verse":1}}') LIKE '200%';
SELECT push('ann', '{"type":"UPDATE","resource":"SESSION","data":{"chapter":1,"verse":1}}') LIKE '200%', head('ann');
SELECT head('ann');
ROLLBACK;
SELECT head('ann');
SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{"body":"kept"}}');
SELECT push('bob', '{"type":"CREATE","resource":"NOTE","data":{"body":"bob''s"}}');
SELECT head('ann'), head('bob');

-- 409: the head is another.
SELECT refuse('ann', '{"type":"CREATE","resource":"NOTE","data":{}}', -1);
SELECT refuse('ann', '{"type":"CREATE","resource":"NOTE","data":{}}', 1);
SELECT refuse('ann', '{"type":"DELETE","resource":"NOTE","resourceId":"unknown"}', 1);
SELECT refuse('ann', '', 1);
SELECT short(t::text) FROM replicache.sync_push('{"mutations":[]}', -1, 'ann') t;
-- … no history: -1 only, and then the head is now.
SELECT t FROM replicache.sync_push('{"mutations":[]}', 0, 'new') t;
SELECT t FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"NOTE","data":{}}]}', 10000000000000, 'new') t;
SELECT t FROM replicache.sync_push('{"mutations":[]}', -1, 'new') t;
SELECT t FROM replicache.sync_pull(-1, 'new') t;
SELECT status, mutation_at = (body->'data'->'mutations'->0->>'timestamp')::bigint, abs(mutation_at - extract(epoch FROM now()) * 1000) < 60000
    FROM replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"NOTE","data":{}}]}', -1, 'new');
SELECT status, body FROM replicache.sync_push('{"mutations":[]}', -1, 'new');

-- 422: the request.
SELECT body->'error' FROM (VALUES ('{}'), ('[]'), ('"x"'), ('1'), ('null'), ('{"mutations":{}}'), ('{"mutations":null}'), ('{"mutations":"[]"}')) r (request), replicache.sync_push(request::json, -1, 'ann');
SELECT DISTINCT status, short(mutation_at::text) FROM (VALUES ('{}'), ('null')) r (request), replicache.sync_push(request::json, -1, 'ann');
SELECT refuse('ann', m) FROM (VALUES
    (1, '{}'), (2, '1'), (3, 'null'), (4, '[]'), (5, '{"resource":null}'), (6, '{"resource":""}'), (7, '{"resource":1}'), (8, '{"resource":"no \"such\" Ä"}'), (9, '{"resource":"note"}'),
    (10, '{"resource":"NOTE"}'), (11, '{"resource":"NOTE","type":null}'), (12, '{"resource":"NOTE","type":""}'), (13, '{"resource":"NOTE","type":"create"}'), (14, '{"resource":"NOTE","type":["CREATE"]}'),
    (15, '{"resource":"NOTE","type":"UPDATE","data":{}}'), (16, '{"resource":"NOTE","type":"DELETE","resourceId":null}'), (17, '{"resource":"NOTE","type":"DELETE","resourceId":"none"}'),
    (18, '{"resource":"NOTE","type":"DELETE","resourceId":1}'), (19, '{"resource":"NOTE","type":"DELETE","resourceId":["n4"]}'), (20, '{"resource":"NOTE","type":"DELETE","resourceId":true}'),
    (21, '{"resource":"NOTE","type":"DELETE","resourceId":""}'), (22, '{"resource":"NOTE","type":"UPDATE","resourceId":"none","data":{"body":"x"}}'), (23, '{"resource":"NOTE","type":"UPDATE","resourceId":"none","data":{}}'),
    (24, '{"resource":"NOTE","type":"CREATE"}'), (25, '{"resource":"NOTE","type":"CREATE","data":null}'), (26, '{"resource":"NOTE","type":"CREATE","data":[]}'), (27, '{"resource":"NOTE","type":"UPDATE","resourceId":"n4"}'),
    (28, '{"resource":"SESSION","type":"DELETE"}'), (29, '{"resource":"SESSION","type":"DELETE","data":{"chapter":9,"verse":9}}'), (30, '{"resource":"SESSION","type":"UPDATE","data":{"chapter":9,"verse":9,"seconds":1}}'),
    (31, '{"resource":"SESSION","type":"UPDATE","data":{"seconds":1}}'), (32, '{"resource":"SESSION","type":"CREATE","data":{"seconds":1}}'), (33, '{"resource":"SESSION","type":"DELETE","data":{"chapter":"x","verse":9}}'),
    (34, '{"resource":"NOTE","type":"CREATE","data":{"body":"bad"}}'), (35, '{"resource":"NOTE","type":"CREATE","data":{"stars":"many"}}'), (36, '{"resource":"NOTE","type":"CREATE","data":{"colour":"red"}}'),
    (37, '{"resource":"NOTE","type":"CREATE","data":{"user_id":"bob"}}'), (38, '{"resource":"NOTE","type":"CREATE","data":{"version":1}}'), (39, '{"resource":"NOTE","type":"CREATE","data":{"id":"mine"}}'),
    (40, '{"resource":"SESSION","type":"CREATE","data":{"chapter":1,"verse":1}}'), (41, '{"resource":"SESSION","type":"UPDATE","data":{"chapter":1,"verse":1,"user_id":"bob"}}'),
    (42, '{"resource":"NOTE","type":"CREATE","data":{"body":"\u0000"}}')) v (n, m) ORDER BY n;
-- … at its place; of a later one, nothing of those before it stands.
SELECT refuse('ann', '{"type":"CREATE","resource":"NOTE","data":{}},{"type":"UPDATE","resource":"NOTE","resourceId":"n4","data":{"body":"x"}},{"type":"DELETE","resource":"SESSION","data":{"chapter":1,"verse":1}},' || m) FROM (VALUES
    (1, '{"type":"DELETE","resource":"NOTE","resourceId":"none"}'), (2, '{"type":"DELETE","resource":"x","resourceId":"none"}'), (3, '{"type":"CREATE","resource":"NOTE","data":{"body":"bad"}}'),
    (4, '{"type":"DELETE","resource":"SESSION","data":{"chapter":1,"verse":1}}')) v (n, m) ORDER BY n;
-- … not even in a transaction that has changed something before.
BEGIN;
SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"n4","data":{"stars":5}}');
SELECT push('ann', '{"type":"CREATE","resource":"NOTE","data":{}},{"type":"CREATE","resource":"NOTE","data":{}},{"type":"DELETE","resource":"NOTE","resourceId":"none"}');
SELECT head('ann');
SELECT push('ann', '{"type":"UPDATE","resource":"NOTE","resourceId":"n4","data":{"stars":6}}');
SELECT pull('ann', 17);
COMMIT;
SELECT pull('ann', 17);
-- … another user's rows.
SELECT id AS bobs FROM note WHERE user_id = 'bob' \gset
SELECT refuse('ann', format('{"type":"UPDATE","resource":"NOTE","resourceId":"%s","data":{"body":"stolen"}}', :'bobs'));
SELECT refuse('ann', format('{"type":"UPDATE","resource":"NOTE","resourceId":"%s","data":{}}', :'bobs'));
SELECT refuse('ann', format('{"type":"DELETE","resource":"NOTE","resourceId":"%s"}', :'bobs'));
SELECT refuse('bob', '{"type":"DELETE","resource":"SESSION","data":{"chapter":1,"verse":1}}');
-- … a hundred.
SELECT left(push('ann', string_agg('{"type":"UPDATE","resource":"NOTE","resourceId":"n4","data":{}}', ',')), 60) FROM generate_series(1, 100);
SELECT refuse('ann', string_agg(CASE n WHEN 1 THEN '{"resource":"x"}' ELSE '{"type":"UPDATE","resource":"NOTE","resourceId":"n4","data":{}}' END, ',' ORDER BY n)) FROM generate_series(1, 101) n;
-- … what is no resource: not exposed, not tracked, tracked without a column that names the user.
SELECT refuse('ann', '{"type":"CREATE","resource":"plain","data":{"id":1}}');
SELECT replicache.expose_crud('plain');
SELECT refuse('ann', '{"type":"CREATE","resource":"plain","data":{"id":1}}');
SELECT replicache.track_table('plain');
SELECT refuse('ann', '{"type":"CREATE","resource":"plain","data":{"id":1}}');
SELECT replicache.track_table('plain', space => 'user_id');
SELECT push('ann', '{"type":"CREATE","resource":"plain","data":{"id":1}}') LIKE '200%';
SELECT replicache.hide_crud('plain');
SELECT refuse('ann', '{"type":"DELETE","resource":"plain","resourceId":1}');
SELECT replicache.untrack_table('plain');

-- What is raised.
SELECT try($$SELECT replicache.sync_push(NULL, -1, 'ann')$$);
SELECT try($$SELECT replicache.sync_push('{}', NULL, 'ann')$$);
SELECT try($$SELECT replicache.sync_push('{}', -1, NULL)$$);
SELECT try($$SELECT replicache.sync_push('{}', -2, 'ann')$$);
SELECT try($$SELECT replicache.sync_push('{"mutations":[]}', -1, repeat('u', 1001))$$);
BEGIN READ ONLY;
SELECT try($$SELECT replicache.sync_push('{"mutations":[]}', -1, 'ann')$$);
COMMIT;
-- … a space with another clock.
SELECT replicache.create_space('counted', 'counter');
SELECT try($$SELECT replicache.sync_push('{"mutations":[]}', -1, 'counted')$$);
SELECT try($$SELECT replicache.sync_pull(-1, 'counted')$$);
SELECT try($$SELECT replicache.sync_pull(-1, 'counted', metadata_only => true)$$);
-- … a user that a push brings gets the right one; a direct write goes by the setting.
SET replicache.default_clock = 'counter';
SELECT body FROM replicache.sync_push('{"mutations":[]}', -1, 'brought');
INSERT INTO note VALUES ('direct', 'directed');
SELECT id, clock FROM replicache.space WHERE id IN ('brought', 'directed') ORDER BY id;
SET replicache.default_clock = 'time';

-- Triggers' errors: the data's are answered, others are for the caller.
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'so says the trigger' USING ERRCODE = NEW.body; END $$;
CREATE TRIGGER fail BEFORE INSERT ON note FOR EACH ROW WHEN (NEW.body ~ '^[0-9A-Z]{5}$') EXECUTE FUNCTION fail();
SELECT code, try(format('SELECT refuse(''ann'', ''{"type":"CREATE","resource":"NOTE","data":{"body":"%s"}}'')', code)) FROM unnest('{P0001,22012,23514,54000,RE001,40001,40P01,53100,XX000,42501,55P03}'::text[]) code;
SELECT refuse('ann', format('{"type":"CREATE","resource":"NOTE","data":{"body":"%s"}}', code)) FROM unnest('{P0001,22012,23514,54000}'::text[]) code;
DROP TRIGGER fail ON note;

SET client_min_messages = error;
DROP EXTENSION replicache_ext;
DROP SCHEMA sync_push CASCADE;
