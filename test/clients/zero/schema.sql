-- What the tests of this folder run on: one table of mutators, one that clients write as rows, and queries of both.
CREATE EXTENSION replicache_ext;

CREATE TABLE item (
    id text PRIMARY KEY,
    title text NOT NULL CHECK (title <> ''),
    owner text,
    n integer NOT NULL DEFAULT 0
);
CREATE TABLE todo (id text PRIMARY KEY, text text NOT NULL, done boolean NOT NULL DEFAULT false);

SELECT replicache.track_table('item');
SELECT replicache.track_table('todo');
SELECT replicache.expose_crud('todo');

CREATE FUNCTION item_put(id text, title text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO item (id, title, owner) VALUES ($1, $2, replicache.current_user_id())
        ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title, owner = EXCLUDED.owner
$$;

CREATE FUNCTION item_add(id text, title text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO item (id, title, owner) VALUES ($1, $2, replicache.current_user_id())
$$;

CREATE FUNCTION item_delete(id text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM item WHERE item.id = $1
$$;

-- Reads, takes its time, and writes what it has read plus one: where two may do so at once, one of them is lost.
CREATE FUNCTION item_count(id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    seen integer := (SELECT n FROM item WHERE item.id = item_count.id);
BEGIN
    PERFORM pg_sleep(0.01);
    IF seen IS NULL THEN
        INSERT INTO item (id, title, owner, n) VALUES (item_count.id, 'counted', replicache.current_user_id(), 1);
    ELSE
        UPDATE item SET n = seen + 1 WHERE item.id = item_count.id;
    END IF;
END
$$;

-- Writes first and refuses afterwards: nothing of it may stay.
CREATE FUNCTION item_refuse(id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM item_put(item_refuse.id, 'refused');
    RAISE 'item % is refused', item_refuse.id USING DETAIL = json_build_object('field', 'title', 'id', item_refuse.id);
END
$$;

CREATE FUNCTION item_answer(id text) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    PERFORM item_count(item_answer.id);
    RETURN json_build_object('id', item_answer.id, 'n', (SELECT n FROM item WHERE item.id = item_answer.id));
END
$$;

-- Fails for now as often as is said here; the sequence counts the attempts, rollback or not.
CREATE SEQUENCE attempt;
CREATE TABLE outage (failures bigint PRIMARY KEY);
INSERT INTO outage VALUES (0);
CREATE FUNCTION item_flaky(id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM item_count(item_flaky.id);
    IF nextval('attempt') <= (SELECT failures FROM outage) THEN
        RAISE 'out of order' USING ERRCODE = 'RE001';
    END IF;
END
$$;

SELECT replicache.register_mutator(name, function) FROM (VALUES
    ('item.put', 'item_put(text, text)'::regprocedure),
    ('item.add', 'item_add(text, text)'),
    ('item.delete', 'item_delete(text)'),
    ('item.count', 'item_count(text)'),
    ('item.refuse', 'item_refuse(text)'),
    ('item.answer', 'item_answer(text)'),
    ('item.flaky', 'item_flaky(text)')) AS mutator (name, function);

-- Nobody sees the items of others, except the titles that are asked for.
CREATE FUNCTION items_of(owner text) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF owner <> replicache.current_user_id() THEN
        RAISE 'the items of % are none of your business', owner USING DETAIL = json_build_object('owner', owner);
    END IF;
    RETURN json_build_object(
        'table', 'item',
        'where', json_build_object('type', 'simple', 'op', '=',
            'left', json_build_object('type', 'column', 'name', 'owner'), 'right', json_build_object('type', 'literal', 'value', owner)),
        'orderBy', json_build_array(json_build_array('id', 'asc')));
END
$$;

SELECT
    replicache.register_query('item.all', '{"table":"item","orderBy":[["id","asc"]]}'),
    replicache.register_query('todo.all', '{"table":"todo","orderBy":[["id","asc"]]}'),
    replicache.register_query('item.titled', '{"table":"item","where":{"type":"simple","op":"IN","left":{"type":"column","name":"title"},"right":{"type":"literal","value":{"$arg":"titles"}}},"limit":{"$arg":"limit","default":100},"orderBy":[["id","asc"]]}'),
    replicache.register_query('item.mine', '{"table":"item","where":{"type":"simple","op":"=","left":{"type":"column","name":"owner"},"right":{"type":"literal","value":{"$user":true}}},"orderBy":[["id","asc"]]}'),
    replicache.register_query('item.of', function => 'items_of(text)');
