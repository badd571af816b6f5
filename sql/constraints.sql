-- Deferred constraints are checked mutation by mutation: what one violates is its own fault only, and the commit works.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA constraints;
SET search_path = constraints, public;

CREATE TABLE list (id int PRIMARY KEY);
CREATE TABLE item (id int PRIMARY KEY, list int NOT NULL, pos int,
    CONSTRAINT item_list FOREIGN KEY (list) REFERENCES list DEFERRABLE INITIALLY DEFERRED);
SELECT replicache.track_table('list'), replicache.track_table('item');
CREATE FUNCTION m(id int, name text, args json) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('id', id, 'name', name, 'args', args) $$;
-- A push of a client, and what became of it in short.
CREATE FUNCTION push(client text, VARIADIC mutations json[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json := replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', mutations));
BEGIN
    RETURN concat_ws(', ', 'applied ' || (answer->>'applied'), (SELECT string_agg(concat_ws(' ', r->>'id', r->>'code', r->>'message', r->>'detail'), ', ') FROM json_array_elements(answer->'rejected') r),
        'halted ' || (answer->>'halted'));
END $$;
CREATE FUNCTION add_list(id int) RETURNS void LANGUAGE sql AS $$ INSERT INTO constraints.list VALUES (id) $$;
CREATE FUNCTION add_item(id int, list int, pos int DEFAULT NULL) RETURNS void LANGUAGE sql AS $$ INSERT INTO constraints.item VALUES (id, list, pos) $$;
CREATE FUNCTION add_both(id int, list int) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES (id, list);
    INSERT INTO list VALUES (list);
END $$;
SELECT replicache.register_mutator('list', 'add_list(int)'), replicache.register_mutator('item', 'add_item(int,int,int)'), replicache.register_mutator('both', 'add_both(int,int)');

-- A deferred foreign key. Within a mutation it may be violated for a while.
SELECT push('a', m(1, 'item', '{"id":1,"list":1}'), m(2, 'list', '{"id":1}'), m(3, 'item', '{"id":2,"list":1}'), m(4, 'both', '{"id":3,"list":3}'), m(5, 'item', '{"id":4,"list":4}'));
TABLE list;
SELECT id, list FROM item;
SELECT mutation_id, name, sqlstate FROM replicache.mutation_error ORDER BY error_id;
-- … in a transaction with other work: the commit works.
BEGIN;
INSERT INTO list VALUES (5);
SELECT push('a', m(6, 'item', '{"id":5,"list":5}'), m(7, 'item', '{"id":6,"list":6}'));
SELECT push('a', m(8, 'item', '{"id":6,"list":6}'), m(9, 'item', '{"id":7,"list":5}'));
-- The constraint is deferred again afterwards.
INSERT INTO item VALUES (8, 8);
INSERT INTO list VALUES (8);
COMMIT;
SELECT id, list FROM item ORDER BY id;

-- What the caller has left deferred is no mutation's fault. It is raised before the first one runs.
BEGIN;
INSERT INTO item VALUES (9, 99);
SELECT push('a', m(10, 'list', '{"id":10}'));
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT push('a', m(10, 'list', '{"id":10}'));
-- A push that runs nothing does not look at it.
BEGIN;
INSERT INTO item VALUES (9, 99);
SELECT push('a', m(10, 'list', '{"id":10}'), m(9, 'item', '{}'));
INSERT INTO list VALUES (99);
COMMIT;

-- Unique and exclusion constraints, and constraint triggers.
ALTER TABLE item ADD CONSTRAINT item_pos UNIQUE (list, pos) DEFERRABLE INITIALLY DEFERRED, ADD CONSTRAINT item_not EXCLUDE (id WITH =) DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION at_most_three() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF (SELECT count(*) FROM item WHERE list = NEW.list) > 3 THEN
        RAISE EXCEPTION 'list % is full', NEW.list USING ERRCODE = 'P0007', DETAIL = 'user ' || coalesce(replicache.current_client_id(), 'none');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_most_three AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_most_three();
CREATE FUNCTION swap(list int) RETURNS void LANGUAGE sql AS $$ UPDATE constraints.item i SET pos = 3 - pos WHERE i.list = swap.list $$;
SELECT replicache.register_mutator('swap', 'swap(int)');
SELECT push('u', m(1, 'list', '{"id":20}'), m(2, 'item', '{"id":21,"list":20,"pos":1}'), m(3, 'item', '{"id":22,"list":20,"pos":1}'), m(4, 'item', '{"id":23,"list":20,"pos":2}'), m(5, 'swap', '{"list":20}'),
    m(6, 'item', '{"id":24,"list":20}'), m(7, 'item', '{"id":25,"list":20}'));
SELECT id, pos FROM item WHERE list = 20 ORDER BY id;

-- A constraint trigger that fails for now halts, one that is to be raised is raised.
CREATE OR REPLACE FUNCTION at_most_three() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = 'RE001'; END $$;
SELECT push('u', m(8, 'list', '{"id":30}'), m(9, 'item', '{"id":31,"list":30}'), m(10, 'list', '{"id":31}'));
CREATE OR REPLACE FUNCTION at_most_three() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$;
SELECT push('u', m(9, 'item', '{"id":31,"list":30}'));
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER at_most_three ON item;
SELECT id, last_mutation_id FROM replicache.client WHERE id = 'u';

-- SET CONSTRAINTS inside a mutator, and exception blocks around violations.
CREATE FUNCTION immediate(id int, list int) RETURNS json LANGUAGE plpgsql AS
$$ BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO item VALUES (id, list);
    RETURN '"not reached"';
END $$;
CREATE FUNCTION careful(id int, list int) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    BEGIN
        SET CONSTRAINTS ALL IMMEDIATE;
        INSERT INTO item VALUES (id, list);
    EXCEPTION WHEN foreign_key_violation THEN
        INSERT INTO list VALUES (list);
        INSERT INTO item VALUES (id, list);
    END;
END $$;
CREATE FUNCTION careless(id int, list int) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES (id, list);
    BEGIN
        SET CONSTRAINTS ALL IMMEDIATE;
    EXCEPTION WHEN foreign_key_violation THEN NULL;
    END;
END $$;
SELECT replicache.register_mutator('immediate', 'immediate(int,int)'), replicache.register_mutator('careful', 'careful(int,int)'), replicache.register_mutator('careless', 'careless(int,int)');
SELECT push('s', m(1, 'immediate', '{"id":41,"list":41}'), m(2, 'both', '{"id":42,"list":42}'), m(3, 'careful', '{"id":43,"list":43}'), m(4, 'both', '{"id":44,"list":44}'), m(5, 'careless', '{"id":45,"list":45}'), m(6, 'both', '{"id":46,"list":46}'));
SELECT id FROM item WHERE id > 40 ORDER BY id;

-- Deferrable constraints that are initially immediate stay so for every mutation, whatever else there is.
CREATE TABLE third (id int CONSTRAINT third_id PRIMARY KEY, list int CONSTRAINT third_list REFERENCES list DEFERRABLE INITIALLY IMMEDIATE);
CREATE FUNCTION try_third(id int, list int) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO third VALUES (id, list);
EXCEPTION WHEN foreign_key_violation THEN
    INSERT INTO list VALUES (list);
    INSERT INTO third VALUES (id, list);
END $$;
SELECT replicache.register_mutator('third', 'try_third(int,int)');
SELECT push('t', m(1, 'both', '{"id":51,"list":51}'), m(2, 'third', '{"id":52,"list":52}'), m(3, 'third', '{"id":53,"list":53}'), m(4, 'item', '{"id":54,"list":54}'), m(5, 'both', '{"id":55,"list":55}'));
TABLE third;
SELECT id FROM item WHERE id > 50 ORDER BY id;
-- Afterwards all are as they were made.
BEGIN;
SELECT push('t', m(6, 'list', '{"id":56}'));
INSERT INTO item VALUES (57, 57);
INSERT INTO list VALUES (57);
INSERT INTO third VALUES (58, 58);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- A name that several constraints of a schema share, some not deferrable, keeps no push from working.
CREATE TABLE fourth (list int CONSTRAINT item_list REFERENCES list);
SELECT push('t', m(6, 'list', '{"id":56}'), m(7, 'item', '{"id":57,"list":56}'), m(8, 'item', '{"id":58,"list":58}'), m(9, 'third', '{"id":59,"list":59}'), m(10, 'list', '{"id":60}'));
SELECT id FROM item WHERE id > 55 ORDER BY id;
DROP TABLE fourth;

-- Foreign-key actions of a mutation count as its own.
ALTER TABLE item DROP CONSTRAINT item_list, ADD FOREIGN KEY (list) REFERENCES list ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION drop_list(id int) RETURNS void LANGUAGE sql AS $$ DELETE FROM constraints.list l WHERE l.id = drop_list.id $$;
SELECT replicache.register_mutator('drop', 'drop_list(int)');
SELECT version AS v FROM replicache.space \gset
SELECT push('c', m(1, 'drop', '{"id":20}'));
SELECT o->>'op' AS op, o->>'key' AS key FROM json_array_elements(replicache.pull_since(:v)->'patch') o ORDER BY 2;

-- To defer constraints again by their names, the extension's owner must find their schemas. If it cannot, no mutation is to blame.
DROP EXTENSION replicache_ext;
CREATE ROLE constraints_owner SUPERUSER;
SET ROLE constraints_owner;
CREATE EXTENSION replicache_ext;
RESET ROLE;
ALTER ROLE constraints_owner NOSUPERUSER;
SELECT replicache.register_mutator('both', 'add_both(int,int)');
SELECT push('o', m(1, 'both', '{"id":71,"list":71}'));
\echo :LAST_ERROR_SQLSTATE
GRANT USAGE ON SCHEMA constraints TO constraints_owner;
SELECT push('o', m(1, 'both', '{"id":71,"list":71}'), m(2, 'both', '{"id":72,"list":72}'));

SET client_min_messages = error;
DROP SCHEMA constraints CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE constraints_owner;
