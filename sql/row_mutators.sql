-- The mutators of exposed tables: <name>.insert, .upsert, .update and .delete.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA rows;
SET search_path = rows, public;
\i sql/include/tracking.sql

CREATE TABLE todo (id text PRIMARY KEY, title text NOT NULL, n int CHECK (n < 100), "by" text DEFAULT concat_ws('/', replicache.current_user_id(), replicache.current_client_id(), replicache.current_mutation_id()));
SELECT replicache.track_table('todo');
CREATE TABLE pair (a int, b text, v int, PRIMARY KEY (a, b));
SELECT replicache.track_table('pair');

-- Pushes mutations of the forms "name args"; answers what was applied and rejected.
CREATE SEQUENCE ids;
CREATE FUNCTION push(VARIADIC mutations text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    answer json := replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations',
        (SELECT json_agg(format('{"clientID":"c","id":%s,"name":%s%s}', nextval('ids'), to_json(split_part(m, ' ', 1)), ',"args":' || nullif(substr(m, strpos(m || ' ', ' ') + 1), ''))::json ORDER BY n) FROM unnest(mutations) WITH ORDINALITY AS x (m, n))), 'ann');
BEGIN
    RETURN NEXT concat_ws(' ', 'applied', answer->>'applied', 'halted ' || (answer#>>'{halted,reason}'));
    RETURN QUERY SELECT concat_ws(' ', r->>'name', r->>'code', r->>'message', r->>'detail', '(' || (r->>'hint') || ')') FROM json_array_elements(answer->'rejected') r;
END $$;

SELECT push('todo.insert {"id":"t1","title":"one"}');
SELECT replicache.expose_crud('todo'), replicache.expose_crud('pair');
SELECT push('todo.insert {"id":"t1","title":"one"}', 'todo.insert {"id":"t1","title":"twice"}', 'todo.upsert {"id":"t1","n":1}', 'todo.upsert {"id":"t2","title":"two","n":2}', 'todo.update {"id":"t2","title":"2"}', 'todo.update {"id":"t9","title":"none"}');
SELECT * FROM todo ORDER BY id;
SELECT sync();
SELECT push('todo.delete {"id":"t2","title":"whatever"}', 'todo.delete {"id":"t9"}');
SELECT sync();
-- Keys of several columns; the key is never set.
SELECT push('pair.insert {"a":1,"b":"x","v":1}', 'pair.update {"a":1,"b":"x","v":2}', 'pair.upsert {"a":1,"b":"y","v":3}', 'pair.update {"a":1,"v":9}', 'pair.delete {"b":"y","a":1}', 'pair.delete {"a":1}', 'pair.update {"a":1,"b":"x"}');
SELECT * FROM pair;
SELECT sync();
-- What a client got wrong.
SELECT push('todo.insert', 'todo.insert null', 'todo.insert ["t3"]', 'todo.upsert "t3"', 'todo.update {}', 'todo.delete {}', 'todo.insert {"id":"t3","title":"x","nope":1}', 'todo.insert {"id":"t3","title":"x","n":"many"}',
    'todo.insert {"id":"t3"}', 'todo.insert {"id":"t3","title":"x","n":100}', 'todo.insert {"id":"t3","title":"x","version":1}', 'todo.update {"id":null,"title":"x"}', 'todo.update {"title":"x"}');
SELECT push('todo', 'todo.', 'todo.merge {}', '.insert {}', 'nope.insert {}', 'Todo.insert {}', 'todo.insert.insert {}', 'todo.INSERT {}');
SELECT name, args, sqlstate FROM replicache.mutation_error ORDER BY error_id DESC LIMIT 3;
SELECT count(*) FROM todo;

-- A registered mutator of that name wins, and ends.
CREATE FUNCTION insert_todo(id text, title text) RETURNS void LANGUAGE sql AS $$ INSERT INTO rows.todo VALUES (id, title || ' by function') $$;
SELECT replicache.register_mutator('todo.insert', 'insert_todo(text,text)');
SELECT push('todo.insert {"id":"f1","title":"f1"}', 'todo.upsert {"id":"f2","title":"f2"}');
SELECT replicache.unregister_mutator('todo.insert');
SELECT push('todo.insert {"id":"f3","title":"f3"}');
SELECT replicache.register_mutator('todo.insert', 'insert_todo(text,text)');
ALTER FUNCTION insert_todo RENAME TO add_todo;
SET replicache.on_defect = reject;
SELECT push('todo.insert {"id":"f4","title":"f4"}');
RESET replicache.on_defect;
SELECT replicache.unregister_mutator('todo.insert');
SELECT id, title FROM todo WHERE id LIKE 'f%' ORDER BY 1;

-- What was exposed, under which name; a session follows changes.
SELECT replicache.expose_crud('todo', '{insert}');
SELECT push('todo.insert {"id":"o1","title":"o"}', 'todo.upsert {"id":"o2","title":"o"}', 'todo.upsert {"id":"o1","title":"oo"}', 'todo.update {"id":"o1","title":"oo"}', 'todo.delete {"id":"o1"}');
SELECT replicache.expose_crud('todo', name => 'app.task', columns => '{"text":"title"}');
SELECT push('todo.insert {"id":"o3","title":"o"}', 'app.task.insert {"id":"o3","text":"o"}', 'app.task.update {"id":"o3","title":"oo"}', 'app.task.upsert {"id":"o3","text":"ooo"}');
ALTER TABLE todo ADD done boolean;
SELECT replicache.expose_crud('todo');
SELECT push('todo.update {"id":"o3","done":true}');
SELECT id, title, done FROM todo WHERE id LIKE 'o%' ORDER BY 1;
SELECT replicache.hide_crud('pair');
SELECT push('pair.delete {"a":1,"b":"x"}');
-- The table's privileges decide, and row-level security.
CREATE ROLE rows_app;
SELECT replicache.grant_usage('rows_app');
GRANT USAGE ON SCHEMA rows TO rows_app;
GRANT USAGE ON SEQUENCE ids TO rows_app;
GRANT SELECT, UPDATE (title) ON todo TO rows_app;
SET ROLE rows_app;
SELECT push('todo.update {"id":"o1","title":"granted"}', 'todo.update {"id":"o1","n":2}', 'todo.insert {"id":"p1","title":"p"}', 'todo.update {"id":"o3","title":"granted"}');
RESET ROLE;
GRANT INSERT, UPDATE ON todo TO rows_app;
ALTER TABLE todo ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON todo USING ("by" LIKE replicache.current_user_id() || '/%');
UPDATE todo SET "by" = 'bob/' WHERE id = 'o3';
SET ROLE rows_app;
SELECT push('todo.update {"id":"o1","n":3}', 'todo.update {"id":"o3","n":3}', 'todo.upsert {"id":"o3","title":"mine"}', 'todo.insert {"id":"p1","title":"p"}', 'todo.insert {"id":"p2","title":"p","by":"bob/"}');
RESET ROLE;
ALTER TABLE todo DISABLE ROW LEVEL SECURITY;
SELECT id, title, n, "by" FROM todo WHERE id ~ '^[op]' ORDER BY 1;

-- Functions and rows in one push, each seeing the one before it; what is deferred is checked mutation by mutation.
CREATE TABLE part (id int PRIMARY KEY, todo text REFERENCES todo DEFERRABLE INITIALLY DEFERRED, seen bigint);
CREATE FUNCTION count_todos() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM rows.todo $$;
ALTER TABLE part ALTER seen SET DEFAULT rows.count_todos();
CREATE FUNCTION is_known(text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM rows.todo WHERE id = $1) $$;
CREATE DOMAIN todo_id AS text CHECK (VALUE IS NULL OR is_known(VALUE));
ALTER TABLE part ADD known todo_id;
SELECT replicache.track_table('part'), replicache.expose_crud('part'), replicache.register_mutator('add', 'add_todo(text,text)');
CREATE FUNCTION moody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.title ~ '^[0-9A-Z]{5}$' THEN RAISE 'moody' USING ERRCODE = NEW.title; END IF;
    IF NEW.title = 'slow' THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$;
CREATE TRIGGER moody BEFORE INSERT OR UPDATE ON todo FOR EACH ROW EXECUTE FUNCTION moody();
CREATE FUNCTION mixed() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE todo, part;
    RETURN QUERY SELECT rows.push('add {"id":"a","title":"a"}', 'part.insert {"id":1,"todo":"a","known":"a"}', 'todo.insert {"id":"b","title":"b"}', 'part.insert {"id":2,"todo":"later"}',
        'part.upsert {"id":3,"todo":"b","known":"b"}', 'todo.insert {"id":"c","title":"P0001"}', 'add {"id":"b","title":"twice"}', 'nope.insert {}', 'part.insert {"id":4,"known":"c"}',
        'todo.insert {"id":"c","title":"c"}', 'part.insert {"id":4,"known":"c"}', 'todo.delete {"id":"a"}', 'part.update {"id":1,"todo":"b"}', 'todo.delete {"id":"a"}', 'add {"id":"d"}', 'todo.update {"id":"b","title":"end"}');
    RETURN QUERY SELECT concat_ws(' ', 'todo', id, title) FROM rows.todo ORDER BY id;
    RETURN QUERY SELECT concat_ws(' ', 'part', p.id, todo, seen, known) FROM rows.part p ORDER BY p.id;
END $$;
SELECT mixed();
CREATE TEMP TABLE optimistic AS SELECT mixed() AS line;
SET replicache.optimistic_runs = off;
CREATE TEMP TABLE single AS SELECT mixed() AS line;
RESET replicache.optimistic_runs;
(TABLE optimistic EXCEPT ALL TABLE single) UNION ALL (TABLE single EXCEPT ALL TABLE optimistic);
-- Many failures among many: blocks.
CREATE FUNCTION many() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE todo, part;
    RETURN QUERY SELECT rows.push(VARIADIC (SELECT array_agg(format(CASE n % 7 WHEN 0 THEN 'add {"id":"%s","title":"f"}' WHEN 1 THEN 'todo.delete {"id":"%s"}' ELSE 'todo.insert {"id":"%s","title":"r"}' END, n * n % 90) ORDER BY n) FROM generate_series(1, 300) n));
    RETURN QUERY SELECT concat_ws(' ', 'todo', id, title) FROM rows.todo ORDER BY id;
END $$;
DROP TABLE optimistic, single;
CREATE TEMP TABLE optimistic AS SELECT many() AS line;
SET replicache.optimistic_runs = off;
CREATE TEMP TABLE single AS SELECT many() AS line;
RESET replicache.optimistic_runs;
(TABLE optimistic EXCEPT ALL TABLE single) UNION ALL (TABLE single EXCEPT ALL TABLE optimistic);
SELECT count(*), count(*) FILTER (WHERE line LIKE '%23505%') FROM optimistic;
-- For now; and not longer than any mutation.
SELECT push('todo.insert {"id":"n1","title":"n"}', 'todo.insert {"id":"n2","title":"RE001"}', 'todo.insert {"id":"n3","title":"n"}');
SELECT setval('ids', (SELECT last_mutation_id FROM replicache.client)) IS NOT NULL;
SELECT try($$SELECT push('todo.insert {"id":"n2","title":"40001"}')$$);
SELECT setval('ids', (SELECT last_mutation_id FROM replicache.client)) IS NOT NULL;
SET replicache.mutation_timeout = '300ms';
SELECT push('todo.insert {"id":"n4","title":"n"}', 'todo.insert {"id":"n5","title":"slow"}', 'todo.insert {"id":"n6","title":"n"}');
RESET replicache.mutation_timeout;
SELECT id FROM todo WHERE id LIKE 'n%' ORDER BY 1;
-- Conflict policies, as far as args can have what they ask for.
CREATE TABLE doc (id int PRIMARY KEY, v text, rev int NOT NULL DEFAULT 1, at int);
SELECT replicache.track_table('doc'), replicache.expose_crud('doc', conflict => 'reject_stale', conflict_column => 'rev');
SELECT push('doc.insert {"id":1,"v":"a"}', 'doc.insert {"id":2,"v":"a"}', 'doc.update {"id":1,"v":"b","rev":1}', 'doc.update {"id":1,"v":"stale","rev":1}', 'doc.update {"id":1,"v":"?"}', 'doc.delete {"id":1,"v":"b","rev":1}', 'doc.delete {"id":1}', 'doc.delete {"id":2,"rev":1}');
SELECT replicache.expose_crud('doc', conflict => 'newest', conflict_column => 'at');
SELECT push('doc.upsert {"id":1,"v":"c","at":5}', 'doc.upsert {"id":1,"v":"old","at":4}', 'doc.update {"id":1,"v":"?"}', 'doc.upsert {"id":3,"v":"a","at":1}', 'doc.delete {"id":3}');
SELECT id, v, rev, at FROM doc;
-- What was rejected can be replayed.
SELECT push('todo.insert {"id":"r1","title":"r","n":100}');
SELECT try(format('SELECT replicache.replay(%s)', max(error_id))) FROM replicache.mutation_error;
ALTER TABLE todo DROP CONSTRAINT todo_n_check;
SELECT replicache.replay(max(error_id)) ->> 'name' FROM replicache.mutation_error;
SELECT id, n, "by" = 'ann/c/' || (SELECT last_mutation_id FROM replicache.client) FROM todo WHERE id = 'r1';
SELECT sync() LIKE '%DIVERGED%' AS diverged GROUP BY 1;

DROP SCHEMA rows CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE rows_app;
