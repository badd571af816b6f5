-- Both servers of a move: two tables, one of which refers to the other, and calls as a backend makes them.
SET client_min_messages = warning;
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA app;
SET search_path = app, public;
CREATE TABLE card (id text PRIMARY KEY, list text NOT NULL, board text NOT NULL, n int GENERATED ALWAYS AS IDENTITY, shout text GENERATED ALWAYS AS (upper(id)) STORED);
CREATE TABLE list (id text PRIMARY KEY, board text NOT NULL, title text);
ALTER TABLE card ADD FOREIGN KEY (list) REFERENCES list;
SELECT replicache.track_table('card', space => 'board');
SELECT replicache.track_table('list', space => 'board');
SELECT replicache.expose_crud('list');
CREATE FUNCTION put(id text, list text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO app.card (id, list, board) VALUES (put.id, put.list, replicache.current_space()); END $$;
SELECT replicache.register_mutator('put', 'put(text, text)');
CREATE FUNCTION push(board text, id int) RETURNS json LANGUAGE sql AS $$ SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g-' || board, 'mutations',
    json_build_array(json_build_object('clientID', 'c-' || board, 'id', id, 'name', 'put', 'args', json_build_object('id', board || id, 'list', board || '-l')))), 'ann', board) $$;
CREATE FUNCTION pull(board text, cookie json) RETURNS json LANGUAGE sql AS $$
    SELECT replicache.pull(json_build_object('pullVersion', 1, 'clientGroupID', 'g-' || board, 'cookie', cookie), 'ann', board) $$;
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; answer text;
BEGIN
    EXECUTE 'SELECT ' || call INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE FUNCTION bookkeeping(board text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', 'space', clock, version, floor, collected, held IS NOT NULL) FROM replicache.space WHERE id = board
    UNION ALL SELECT concat_ws(' ', 'client', c.id, last_mutation_id, c.version) FROM replicache.client c WHERE client_group_id = 'g-' || board
    UNION ALL SELECT concat_ws(' ', 'tombstone', key, version) FROM replicache.tombstone WHERE space = board
    UNION ALL SELECT concat_ws(' ', 'error', mutation_id, sqlstate) FROM replicache.mutation_error WHERE space = board
    UNION ALL SELECT concat_ws(' ', 'list', id, version) FROM app.list WHERE list.board = bookkeeping.board
    UNION ALL SELECT concat_ws(' ', 'card', id, shout, version) FROM app.card WHERE card.board = bookkeeping.board ORDER BY 1 $$;
