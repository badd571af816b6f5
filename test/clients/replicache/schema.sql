CREATE EXTENSION replicache_ext;

CREATE TABLE note (id text PRIMARY KEY, body text NOT NULL, count integer NOT NULL DEFAULT 0);
CREATE TABLE cell (sheet text, name text, value jsonb, PRIMARY KEY (sheet, name));
CREATE TABLE task (id text PRIMARY KEY, title text NOT NULL, deleted boolean NOT NULL DEFAULT false);

SELECT replicache.track_table('note');
SELECT replicache.track_table('cell');
SELECT replicache.track_table('task', deleted => 'deleted');

CREATE FUNCTION put_note(id text, body text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO note AS n (id, body) VALUES ($1, $2)
        ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body WHERE n.body <> EXCLUDED.body
$$;

CREATE FUNCTION delete_note(id text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM note WHERE note.id = $1
$$;

-- Applied twice, it shows.
CREATE FUNCTION count_up(id text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO note AS n (id, body, count) VALUES ($1, '', 1)
        ON CONFLICT (id) DO UPDATE SET count = n.count + 1
$$;

CREATE FUNCTION put_cell(sheet text, name text, value jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO cell VALUES ($1, $2, $3) ON CONFLICT (sheet, name) DO UPDATE SET value = EXCLUDED.value
$$;

CREATE FUNCTION delete_cell(sheet text, name text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM cell WHERE cell.sheet = $1 AND cell.name = $2
$$;

CREATE FUNCTION put_task(id text, title text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO task (id, title) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET deleted = false, title = EXCLUDED.title
$$;

CREATE FUNCTION delete_task(id text) RETURNS void LANGUAGE sql AS $$
    UPDATE task SET deleted = true WHERE task.id = $1
$$;

-- Writes first and refuses afterwards: nothing of it may stay.
CREATE FUNCTION refuse(id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_up(refuse.id);
    RAISE 'note % is refused', refuse.id USING ERRCODE = 'check_violation', HINT = 'Try another.';
END
$$;

-- Fails for now while `outage` has a row; the sequence counts the attempts, rollback or not.
CREATE TABLE outage (since timestamptz NOT NULL);
CREATE SEQUENCE attempt;
CREATE FUNCTION count_up_if_possible(id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('attempt'), count_up(count_up_if_possible.id);
    IF EXISTS (SELECT FROM outage) THEN
        RAISE 'out of order' USING ERRCODE = 'RE001';
    END IF;
END
$$;

SELECT replicache.register_mutator(name, function) FROM (VALUES
    ('putNote', 'put_note(text, text)'::regprocedure),
    ('deleteNote', 'delete_note(text)'),
    ('countUp', 'count_up(text)'),
    ('putCell', 'put_cell(text, text, jsonb)'),
    ('deleteCell', 'delete_cell(text, text)'),
    ('putTask', 'put_task(text, text)'),
    ('deleteTask', 'delete_task(text)'),
    ('refuse', 'refuse(text)'),
    ('countUpIfPossible', 'count_up_if_possible(text)')) AS mutator (name, function);
