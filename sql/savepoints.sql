-- Savepoints in savepoints, over several spaces of all clocks: what commits reaches the clients, what rolls back does not.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA savepoints;
SET search_path = savepoints;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET replicache.poke_channel = '';

CREATE TABLE note (id int PRIMARY KEY, place text, body int);
SELECT replicache.track_table('note', space => 'place', value => 'to_json(body)');
SELECT replicache.create_space(clock || n, clock) FROM unnest(ARRAY['counter', 'time', 'transaction']) AS clock, generate_series(1, 2) AS n;
CREATE VIEW place AS SELECT id FROM replicache.space WHERE id <> '' ORDER BY id;

-- All clients pull: then they have the notes as they are. What a space of the clock transaction sends may come twice.
CREATE FUNCTION sync_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT p.id || ': ' || s FROM place AS p, sync(p.id) AS s WHERE s ~ '^[A-Z]' AND NOT (p.id ~ 'transaction' AND s ~ '^A PATCH');
    RETURN QUERY SELECT 'LOST: ' || n::text FROM note AS n
        WHERE NOT EXISTS (SELECT FROM entry AS e WHERE e.space = n.place AND e.key = 'note/' || n.id AND e.value = n.body::text);
    RETURN QUERY SELECT 'NOT THERE: ' || e::text FROM entry AS e WHERE NOT EXISTS (SELECT FROM note AS n WHERE e.key = 'note/' || n.id AND e.space = n.place);
END $$;
CREATE FUNCTION notes() RETURNS TABLE (notes text) LANGUAGE sql AS $$
    SELECT space || ' ' || string_agg(key || '=' || value, ' ' ORDER BY key) FROM entry GROUP BY space ORDER BY space COLLATE "C"
$$;
-- One in each space, its id made from this one.
CREATE FUNCTION write(n int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO note SELECT 10 * n + row_number() OVER (ORDER BY id COLLATE "C"), id, n FROM place
$$;
SELECT sync_all();

-- What a savepoint has done goes to the one around it when it is released, and is undone with that.
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT write(1);
RELEASE b;
ROLLBACK TO a;
SELECT write(2);
COMMIT;
SELECT sync_all();
SELECT notes();
-- … over three of them, with others before and in between.
BEGIN;
SAVEPOINT a;
SELECT write(3);
SAVEPOINT b;
SAVEPOINT c;
UPDATE note SET body = 30 WHERE id % 10 < 4;
SAVEPOINT d;
DELETE FROM note WHERE body = 2;
RELEASE d;
RELEASE c;
SAVEPOINT c;
UPDATE note SET body = 31;
ROLLBACK TO c;
RELEASE c;
ROLLBACK TO b;
UPDATE note SET body = 32 WHERE id % 10 = 3;
RELEASE a;
COMMIT;
SELECT sync_all();
SELECT notes();
-- … and a floor, which the last savepoint raises in a space that the ones before have changed.
BEGIN;
SAVEPOINT a;
SELECT write(4);
SAVEPOINT b;
SELECT replicache.resync('note');
RELEASE b;
SAVEPOINT b;
TRUNCATE note;
ROLLBACK TO b;
SELECT write(5);
RELEASE a;
SAVEPOINT a;
TRUNCATE note;
SELECT write(6);
ROLLBACK TO a;
COMMIT;
SELECT sync_all();
SELECT notes();
SELECT count(DISTINCT version) FROM note WHERE place = 'counter1' AND body IN (4, 5);

-- Random ones: up to four deep, one in three rolls back, spaces come into being in them.
CREATE FUNCTION below(n int) RETURNS int LANGUAGE sql AS 'SELECT floor(random() * n)::int';
CREATE FUNCTION play(depth int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0..below(4) LOOP
        BEGIN
            FOR j IN 1..below(3) LOOP
                INSERT INTO note VALUES (below(30), (ARRAY['counter', 'time', 'transaction'])[1 + below(3)] || 1 + below(2), below(1000))
                    ON CONFLICT (id) DO UPDATE SET place = excluded.place, body = excluded.body;
            END LOOP;
            IF random() < 0.2 THEN
                INSERT INTO note VALUES (below(30), current_setting('replicache.default_clock') || '-' || below(15), below(1000)) ON CONFLICT DO NOTHING;
            END IF;
            IF random() < 0.2 THEN DELETE FROM note WHERE id = below(30); END IF;
            IF random() < 0.02 THEN TRUNCATE note; END IF;
            IF depth > 0 THEN PERFORM play(depth - 1); END IF;
            IF random() < 0.3 THEN RAISE 'roll back'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$;
SELECT setseed(0.5);
DO $$
DECLARE
    trouble text;
BEGIN
    FOR i IN 1..80 LOOP
        PERFORM set_config('replicache.default_clock', (ARRAY['counter', 'time', 'transaction'])[1 + below(3)], false);
        PERFORM play(below(4));
        COMMIT;
        trouble := (SELECT string_agg(s, E'\n') FROM sync_all() AS s);
        IF trouble <> '' THEN RAISE 'transaction %: %', i, trouble; END IF;
    END LOOP;
END $$;
SELECT count(*) > 10 FROM note;
SELECT count(DISTINCT clock) FROM place JOIN replicache.space USING (id) WHERE id ~ '-';

DROP SCHEMA savepoints CASCADE;
DROP EXTENSION replicache_ext;
