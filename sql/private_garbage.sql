-- collect_garbage(): records of private views.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA private_garbage;
SET search_path = private_garbage, public;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET timezone = 'Asia/Tokyo';

CREATE FUNCTION today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;
-- A record is named by how many days ago it was used. Groups have the first of them as their newest.
CREATE PROCEDURE fill() LANGUAGE sql AS $$
    DELETE FROM replicache.view_record;
    DELETE FROM replicache.client_view;
    INSERT INTO replicache.view_record (id, space, keys, entries, used_on) SELECT 'newest ' || n, '', '', 0, today() - n FROM unnest('{0,1,2,29,31}'::int[]) n;
    INSERT INTO replicache.view_record (id, space, keys, entries, used_on) SELECT 'older ' || n, '', '', 0, today() - n FROM unnest('{0,1,2,29,31}'::int[]) n;
    INSERT INTO replicache.client_view SELECT 'g' || n, 'newest ' || n, today() - n FROM unnest('{0,1,2,29,31}'::int[]) n;
$$;
CREATE FUNCTION kept() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', (SELECT string_agg(id, ', ' ORDER BY id COLLATE "C") FROM replicache.view_record),
        (SELECT string_agg(client_group_id, ', ' ORDER BY client_group_id COLLATE "C") FROM replicache.client_view))
$$;
CALL fill();
SELECT replicache.collect_garbage('90 days');
SELECT kept();
CALL fill();
SELECT replicache.collect_garbage('90 days', '30 days');
SELECT kept();
CALL fill();
SELECT replicache.collect_garbage('30 days', NULL);
SELECT kept();
CALL fill();
SELECT replicache.collect_garbage('30 days', views => '90 days');
SELECT kept();
-- A record that is older than its group's last use of it, and one that another group uses, too.
CALL fill();
UPDATE replicache.client_view SET used_on = today() WHERE client_group_id = 'g31';
UPDATE replicache.client_view SET record = 'newest 29' WHERE client_group_id = 'g2';
SELECT replicache.collect_garbage('90 days', '30 days');
SELECT kept();
-- All of them.
CALL fill();
SELECT replicache.collect_garbage('90 days', views => '0');
SELECT kept();

-- The row of a client group goes with the group.
CALL fill();
INSERT INTO replicache.client_group (id, space) VALUES ('g0', ''), ('g1', '');
INSERT INTO replicache.client (id, client_group_id, last_mutation_id, version, last_seen) VALUES ('c0', 'g0', 1, 1, now()), ('c1', 'g1', 1, 1, now() - interval '60 days');
SELECT replicache.collect_garbage('50 days', '90 days');
SELECT kept();
SELECT id FROM replicache.client_group;

SELECT try($$SELECT replicache.collect_garbage(NULL, '1 day')$$);
SELECT try($$SELECT replicache.collect_garbage('1 day', '-1 day')$$);
SELECT try($$SELECT replicache.collect_garbage('1 day', '7000 years')$$);
SELECT try($$SELECT replicache.collect_garbage('-1 day', '1 day')$$);

-- What called the function before it got a second parameter still does.
CREATE VIEW collected AS SELECT replicache.collect_garbage('90 days');
TABLE collected;

-- A new epoch: no cookie names any of them any more. The secret is another one.
CALL fill();
CREATE TABLE secret AS SELECT secret, id FROM replicache.origin;
SELECT length(secret) FROM secret;
SELECT replicache.new_epoch();
SELECT kept();
SELECT o.secret <> s.secret AS secret, o.id <> s.id AS id, length(o.secret) FROM replicache.origin o, secret s;

\set VERBOSITY terse
DROP SCHEMA private_garbage CASCADE;
DROP EXTENSION replicache_ext CASCADE;
