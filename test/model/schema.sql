-- What the random programs work with. Loaded once; model_reset starts a program.
CREATE EXTENSION replicache_ext;
SET check_function_bodies = off;  -- the tables come with each program

-- The tables as they are at the start. They are made anew only where a program has changed more than rows.
CREATE FUNCTION model_tables() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM replicache.tracked_table) = 3 AND NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid IN (SELECT relation FROM replicache.tracked_table) AND attname LIKE 'extra%') THEN RETURN;
    END IF;
    DROP TABLE IF EXISTS note, card, page;
    CREATE TABLE note (id text PRIMARY KEY, text text, n int NOT NULL DEFAULT 0 CHECK (n <= 10));
    CREATE TABLE card (id int PRIMARY KEY, board text NOT NULL, title text);
    CREATE TABLE page (id int PRIMARY KEY, book text NOT NULL, title text, gone boolean NOT NULL DEFAULT false);
    PERFORM model_track('note'), model_track('card'), model_track('page');
END $$;

-- Nothing has happened yet. `clocks`: {"space":"clock"}; other spaces come into being on first use.
CREATE FUNCTION model_reset(clocks json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    DELETE FROM note;
    DELETE FROM card;
    DELETE FROM page;
    DELETE FROM replicache.client_group;
    DELETE FROM replicache.client;
    DELETE FROM replicache.forgotten_client;
    DELETE FROM replicache.tombstone;
    DELETE FROM replicache.mutation_error;
    TRUNCATE replicache.space;  -- and with it what sessions know of the clocks
    PERFORM replicache.create_space(key, value) FROM json_each_text(clocks) WHERE value IS NOT NULL;
END $$;

CREATE FUNCTION model_track(relation text) RETURNS void LANGUAGE sql AS $$
    SELECT replicache.track_table(relation::regclass, space => CASE relation WHEN 'card' THEN 'board' WHEN 'page' THEN '{book}' END,
        deleted => CASE relation WHEN 'page' THEN 'gone' END)
$$;

-- All that the model knows of, too. The complete view of each space goes by pull_since.
CREATE FUNCTION model_state() RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT json_build_object(
        'rows', json_build_object(
            'note', (SELECT json_agg(to_jsonb(t) - 'version' ORDER BY id) FROM note t),
            'card', (SELECT json_agg(to_jsonb(t) - 'version' ORDER BY id) FROM card t),
            'page', (SELECT json_agg(to_jsonb(t) - 'version' ORDER BY id) FROM page t)),
        'groups', (SELECT json_agg(json_build_array(id, user_id, space) ORDER BY id) FROM replicache.client_group),
        'clients', (SELECT json_agg(json_build_array(id, client_group_id, last_mutation_id) ORDER BY id) FROM replicache.client),
        'forgotten', (SELECT json_agg(id ORDER BY id) FROM replicache.forgotten_client),
        'errors', (SELECT json_agg(json_build_array(space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate) ORDER BY error_id)
                   FROM replicache.mutation_error),
        'views', (SELECT json_object_agg(s, replicache.pull_since(NULL, NULL, s)) FROM unnest(ARRAY['', 'A', 'B']) s)));
END $$;

CREATE FUNCTION put_note(id text, text text, n int DEFAULT 0) RETURNS void LANGUAGE sql AS
    'INSERT INTO note AS t (id, text, n) VALUES (put_note.id, put_note.text, put_note.n)
         ON CONFLICT (id) DO UPDATE SET text = excluded.text, n = excluded.n';
CREATE FUNCTION add(id text, by int DEFAULT 1) RETURNS void LANGUAGE sql AS 'UPDATE note SET n = n + by WHERE note.id = add.id';
CREATE FUNCTION delete_note(id text) RETURNS void LANGUAGE sql AS 'DELETE FROM note WHERE note.id = delete_note.id';
CREATE FUNCTION copy_note(source text, target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put_note(target, note.text || '+', note.n) FROM note WHERE note.id = source;
    IF NOT FOUND THEN RAISE no_data_found; END IF;
END $$;
CREATE FUNCTION put_card(args jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO card (id, board, title) VALUES ((args ->> 'id')::int, args ->> 'board', args ->> 'title')
        ON CONFLICT (id) DO UPDATE SET board = excluded.board, title = excluded.title
$$;
CREATE FUNCTION delete_card(id int) RETURNS void LANGUAGE sql AS 'DELETE FROM card WHERE card.id = delete_card.id';
CREATE FUNCTION put_page(id int, book text, title text, gone boolean DEFAULT false) RETURNS void LANGUAGE sql AS
    'INSERT INTO page (id, book, title, gone) VALUES (put_page.id, put_page.book, put_page.title, put_page.gone)
         ON CONFLICT (id) DO UPDATE SET book = excluded.book, title = excluded.title, gone = excluded.gone';
CREATE FUNCTION pair(text text, board text) RETURNS void LANGUAGE sql AS $$
    SELECT put_note('pair', text);
    SELECT put_card(jsonb_build_object('id', 9, 'board', board, 'title', text));
$$;
-- For concurrent.mjs: appends a number to lists, in the order given.
CREATE FUNCTION append(tag int, ids int[], fails boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(ids) LOOP
        INSERT INTO card VALUES (ids[i], 'A', tag) ON CONFLICT (id) DO UPDATE SET title = card.title || ',' || excluded.title;
    END LOOP;
    IF fails THEN RAISE EXCEPTION 'as asked'; END IF;
END $$;
CREATE FUNCTION raise_after(id text, code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put_note(id, 'never to be seen');
    RAISE EXCEPTION 'as asked' USING ERRCODE = code;
END $$;
CREATE FUNCTION who() RETURNS void LANGUAGE sql AS $$
    SELECT put_note('who', json_build_array(replicache.current_user_id(), replicache.current_space(), replicache.current_client_group_id(),
        replicache.current_client_id(), replicache.current_mutation_id())::text)
$$;

SELECT replicache.register_mutator(proname, oid::regprocedure) FROM pg_proc
    WHERE proname IN ('put_note', 'add', 'delete_note', 'copy_note', 'put_card', 'delete_card', 'put_page', 'pair', 'raise_after', 'who', 'append')
        AND pronamespace = 'public'::regnamespace;
