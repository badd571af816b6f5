-- replicache.mutation_timeout: a mutator that runs longer is rejected; the clock stops with it.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
CREATE SCHEMA mutation_timeout;
SET search_path = mutation_timeout, public;

CREATE TABLE item (id text PRIMARY KEY);
SELECT replicache.track_table('item');
CREATE FUNCTION sleep(id text, seconds float8) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES (id);
    PERFORM pg_sleep(seconds);
END $$;
CREATE FUNCTION busy(id text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES (id);
    LOOP END LOOP;
END $$;
-- Does not let itself be interrupted.
CREATE FUNCTION stubborn(id text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    BEGIN
        PERFORM pg_sleep(60);
    EXCEPTION WHEN query_canceled THEN
        INSERT INTO item VALUES (id);
    END;
END $$;
-- The deferred part of a mutation counts, too.
CREATE FUNCTION slow_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id LIKE 'deferred%' THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow_check AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_check();
CREATE FUNCTION slow_default() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN 'never'; END $$;
CREATE FUNCTION defaulted(id text DEFAULT slow_default()) RETURNS void LANGUAGE sql AS $$ INSERT INTO mutation_timeout.item VALUES (id) $$;
SELECT replicache.register_mutator('sleep', 'sleep(text,float8)'), replicache.register_mutator('busy', 'busy(text)'), replicache.register_mutator('stubborn', 'stubborn(text)'),
    replicache.register_mutator('default', 'defaulted(text)');
CREATE FUNCTION push(client text, VARIADIC mutations json[]) RETURNS json LANGUAGE sql AS
$$ SELECT replicache.apply_push(json_build_object('pushVersion', 0, 'clientID', client, 'mutations', mutations)) $$;
CREATE FUNCTION m(id int, name text, item text, seconds float8 DEFAULT NULL) RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('id', id, 'name', name, 'args', json_strip_nulls(json_build_object('id', item, 'seconds', seconds))) $$;

SHOW replicache.mutation_timeout;
SET replicache.mutation_timeout = '300ms';
SELECT push('a', m(1, 'sleep', 'quick', 0), m(2, 'sleep', 'slow', 60), m(3, 'sleep', 'next', 0));
SELECT push('a', m(4, 'busy', 'busy'), m(5, 'stubborn', 'stubborn'), m(6, 'sleep', 'deferred', 0), m(7, 'default', NULL), m(8, 'default', 'given'));
SELECT id FROM item ORDER BY id;
SELECT id, last_mutation_id FROM replicache.client;
SELECT mutation_id, name, args, sqlstate, message, detail, hint FROM replicache.mutation_error ORDER BY 1;
-- It is the limit of one mutation, not of the push: together these take longer.
SELECT push('a', m(9, 'sleep', 's1', 0.12), m(10, 'sleep', 's2', 0.12), m(11, 'sleep', 's3', 0.12), m(12, 'sleep', 's4', 0.12));
-- Afterwards nothing is cancelled.
SELECT pg_sleep(0.5);
BEGIN;
SELECT push('a', m(13, 'sleep', 'slow', 60))->'applied' AS applied;
SELECT pg_sleep(0.5);
COMMIT;
SELECT push('a', m(14, 'sleep', 'exact', 0))->'applied' AS applied, pg_sleep(0.5);
-- Not even when a mutator fails or a push is raised while the clock runs.
CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'failed' USING ERRCODE = code; END $$;
SELECT replicache.register_mutator('fail', 'fail(text)');
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[{"id":15,"name":"fail","args":{"code":"P0001"}},{"id":16,"name":"fail","args":{"code":"RE001"}}]}')->'halted' AS halted;
SELECT pg_sleep(0.5);
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[{"id":16,"name":"fail","args":{"code":"40001"}}]}');
\echo :LAST_ERROR_SQLSTATE
SELECT pg_sleep(0.5);
-- A mutator that cancels itself in time is raised, as ever.
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"a","mutations":[{"id":16,"name":"fail","args":{"code":"57014"}}]}');
\echo :LAST_ERROR_SQLSTATE

-- statement_timeout is the caller's: raised, nothing stays.
SET replicache.mutation_timeout = 0;
SET statement_timeout = '300ms';
SELECT push('a', m(16, 'sleep', 'kept', 0), m(17, 'sleep', 'slow', 60));
\echo :LAST_ERROR_SQLSTATE
SET replicache.mutation_timeout = '1h';
SELECT push('a', m(16, 'sleep', 'kept', 0), m(17, 'sleep', 'slow', 60));
\echo :LAST_ERROR_SQLSTATE
-- Below it, mutation_timeout comes first.
SET statement_timeout = '1min';
SET replicache.mutation_timeout = '100ms';
SELECT push('a', m(16, 'sleep', 'slow', 60), m(17, 'sleep', 'fine', 0))->'applied' AS applied;
RESET statement_timeout;
SELECT id, last_mutation_id FROM replicache.client;

-- A push may set it for itself; nothing negative, nothing else.
BEGIN;
SET LOCAL replicache.mutation_timeout = '50ms';
SELECT push('a', m(18, 'sleep', 'slow', 60))->'rejected'->0->>'message' AS message;
COMMIT;
SHOW replicache.mutation_timeout;
\set VERBOSITY sqlstate
SET replicache.mutation_timeout = -1;
SET replicache.mutation_timeout = 'soon';
SET replicache.mutation_timeout = '25d';

SET client_min_messages = error;
DROP SCHEMA mutation_timeout CASCADE;
DROP EXTENSION replicache_ext;
