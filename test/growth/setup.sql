-- A day of traffic in small: notes in a hundred spaces of each clock, clients that come, push for a while and stay away, readers that
-- pull, and the garbage collector once in an hour.
CREATE EXTENSION replicache_ext;
CREATE TABLE note (id bigint PRIMARY KEY, space text NOT NULL, text text NOT NULL) WITH (fillfactor = 80);
SELECT replicache.track_table('note', space => 'space');
CREATE FUNCTION put_note(id bigint, text text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO note VALUES (id, replicache.current_space(), text) ON CONFLICT (id) DO UPDATE SET text = excluded.text WHERE note.space = excluded.space $$;
CREATE FUNCTION drop_note(id bigint) RETURNS void LANGUAGE sql AS $$ DELETE FROM note WHERE note.id = drop_note.id AND space = replicache.current_space() $$;
CREATE FUNCTION refuse() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
SELECT replicache.register_mutator('put', 'put_note(bigint,text)'), replicache.register_mutator('drop', 'drop_note(bigint)'), replicache.register_mutator('refuse', 'refuse()');

CREATE SEQUENCE pushes CACHE 1;
CREATE TABLE reader (id int PRIMARY KEY, cookie json) WITH (fillfactor = 20);
CREATE TABLE sample (push bigint, at timestamptz DEFAULT clock_timestamp(), pid int DEFAULT pg_backend_pid(), private_kb int, sizes jsonb);

-- Of the calling backend: what is not shared with others.
CREATE FUNCTION private_kb() RETURNS int LANGUAGE sql AS $$ SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*(\d+)')::int $$;

CREATE FUNCTION sizes() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg(relname, pg_total_relation_size(oid) / 1024) FROM pg_class
    WHERE relnamespace = 'replicache'::regnamespace AND relname IN ('space', 'client', 'client_group', 'tombstone', 'mutation_error', 'forgotten_client') $$;

-- One push of one to three mutations by some client of the time of day. total: pushes of the day.
CREATE PROCEDURE push_one(total bigint) LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('pushes');
    client bigint := n / 20 + (random() * 500)::bigint;  -- new ones come, old ones stay away
    client_group bigint := client / 3;
    space text := (ARRAY['counter ', 'transaction ', 'time '])[1 + client_group % 3] || client_group % 100;
    last bigint := coalesce((SELECT last_mutation_id FROM replicache.client c WHERE c.id = 'c' || client), 0);
    mutations json;
BEGIN
    SELECT json_agg(json_build_object('clientID', 'c' || client, 'id', last + i, 'name', kind, 'args',
            CASE kind WHEN 'put' THEN json_build_object('id', note, 'text', md5(n::text)) WHEN 'drop' THEN json_build_object('id', note) ELSE '{}' END))
        INTO mutations
        FROM generate_series(1, 1 + (n % 3)::int) i,
            LATERAL (SELECT client_group % 300 * 1000 + (random() * 70)::bigint AS note, CASE WHEN random() < 0.005 THEN 'refuse' WHEN random() < 0.3 THEN 'drop' ELSE 'put' END AS kind WHERE i > 0) r;
    PERFORM replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g' || client_group, 'mutations', mutations), 'u', space);
    IF n % (total / 200) = 0 THEN
        INSERT INTO sample (push, private_kb, sizes) VALUES (n, private_kb(), sizes());
    END IF;
    IF n % (total / 24) = 0 THEN
        COMMIT;
        PERFORM replicache.collect_garbage(coalesce(clock_timestamp() - (SELECT max(at) FROM sample WHERE push <= n - total / 12), '1 day'));
    END IF;
END $$;

CREATE PROCEDURE pull_one() LANGUAGE plpgsql AS $$
DECLARE
    chosen int := (random() * 299)::int;
    space text := (ARRAY['counter ', 'transaction ', 'time '])[1 + chosen % 3] || chosen % 100;
BEGIN
    UPDATE reader SET cookie = replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'r' || chosen, 'cookie', cookie), 'u', space) -> 'cookie'
        WHERE id = chosen;
END $$;

INSERT INTO reader SELECT i FROM generate_series(0, 299) i;
SELECT replicache.create_space(clock || ' ' || i, clock) FROM unnest('{counter,transaction,time}'::text[]) clock, generate_series(0, 99) i;
