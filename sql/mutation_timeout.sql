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

-- Cancels that are not ours, in a mutator whose time is over: raised, nothing stays. statement_timeout, while the mutator handles ours …
CREATE FUNCTION defy(id text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    PERFORM pg_sleep(60);
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(60);
END $$;
-- … and is handled, too …
CREATE FUNCTION defy_all(id text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    PERFORM pg_sleep(60);
EXCEPTION WHEN query_canceled THEN
    BEGIN
        PERFORM pg_sleep(60);
    EXCEPTION WHEN query_canceled THEN
        INSERT INTO item VALUES (id);
    END;
END $$;
-- … and pg_cancel_backend, before our time is over, and after.
CREATE FUNCTION cancel(after boolean) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    BEGIN
        IF NOT after THEN PERFORM pg_cancel_backend(pg_backend_pid()); END IF;
        PERFORM pg_sleep(60);
    EXCEPTION WHEN query_canceled THEN
        IF after THEN PERFORM pg_cancel_backend(pg_backend_pid()); END IF;
    END;
    PERFORM pg_sleep(60);
END $$;
SELECT replicache.register_mutator('defy', 'defy(text)'), replicache.register_mutator('defy all', 'defy_all(text)'), replicache.register_mutator('cancel', 'cancel(boolean)');
SELECT replicache.register_mutator_queue();
SET replicache.mutation_timeout = '100ms';
SET statement_timeout = '600ms';
SELECT push('b', m(1, 'sleep', 'b1', 0), m(2, 'defy', 'b2'), m(3, 'sleep', 'b3', 0));
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
SELECT push('b', m(1, 'sleep', 'b1', 0), m(2, 'defy all', 'b2'), m(3, 'sleep', 'b3', 0));
\echo :LAST_ERROR_SQLSTATE
SELECT push('b', m(1, 'sleep', 'b1', 0), m(2, 'defy all', 'b2'));
\echo :LAST_ERROR_SQLSTATE
SET replicache.optimistic_runs = off;
SELECT push('b', m(1, 'sleep', 'b1', 0), m(2, 'defy all', 'b2'), m(3, 'sleep', 'b3', 0));
\echo :LAST_ERROR_SQLSTATE
RESET replicache.optimistic_runs;
RESET statement_timeout;
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"b","mutations":[{"id":1,"name":"sleep","args":{"id":"b1","seconds":0}},{"id":2,"name":"cancel","args":{"after":true}}]}');
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
SELECT replicache.apply_push('{"pushVersion":0,"clientID":"b","mutations":[{"id":1,"name":"sleep","args":{"id":"b1","seconds":0}},{"id":2,"name":"cancel","args":{"after":false}}]}');
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
SELECT count(*) FROM item WHERE id LIKE 'b%';
SELECT count(*) FROM replicache.client WHERE id = 'b';
-- Alone, ours is ours, also after a cancel that has been.
SELECT push('b', m(1, 'sleep', 'b1', 0), m(2, 'sleep', 'b2', 60), m(3, 'stubborn', 'b3'), m(4, 'sleep', 'b4', 0))->'applied' AS applied;
-- A call in an upload is not rejected for it, nor is what comes before it lost.
CREATE FUNCTION upload(VARIADIC calls text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', r->>'status', r#>>'{failed_operation,details,sqlstate}', r->>'message'), ', ') FROM json_array_elements(replicache.powersync_upload(json_build_object('on_error', 'skip', 'transactions',
        (SELECT json_agg(json_build_object('crud', json_build_array(json_build_object('op', 'PUT', 'type', 'mutator_calls', 'id', n, 'data', json_build_object('name', split_part(c, '/', 1), 'args', json_build_object('id', split_part(c, '/', 2)))))) ORDER BY n)
         FROM unnest(calls) WITH ORDINALITY x (c, n))))->'results') r $$;
SET statement_timeout = '600ms';
SELECT upload('default/u1', 'defy/u2', 'default/u3');
SELECT upload('default/u4', 'defy all/u5', 'default/u6');
RESET statement_timeout;
SELECT upload('default/u7', 'stubborn/u8', 'default/u9');
SELECT id FROM item WHERE id LIKE 'u%' ORDER BY id;
RESET replicache.mutation_timeout;

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
