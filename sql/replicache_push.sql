-- Push V1: every row of the table in the contract.
CREATE EXTENSION replicache_ext;
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA push;
SET search_path = push, public;

CREATE FUNCTION m(client text, id bigint, name text, args json DEFAULT NULL) RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('id', id, 'name', name, 'args', args, 'timestamp', 118.537055, 'clientID', client) $$;
CREATE FUNCTION req(client_group text, VARIADIC mutations json[]) RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('profileID', 'p1', 'clientGroupID', client_group, 'mutations', mutations, 'pushVersion', 1, 'schemaVersion', '') $$;
CREATE VIEW clients AS SELECT id, client_group_id, last_mutation_id, version FROM replicache.client ORDER BY id;
CREATE VIEW spaces AS SELECT id, version FROM replicache.space ORDER BY id;

CREATE TABLE item (id text PRIMARY KEY, v int CHECK (v >= 0));
SELECT replicache.track_table('item');
CREATE FUNCTION put(id text, v int) RETURNS void LANGUAGE sql AS
$$ INSERT INTO push.item VALUES (id, v) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET v = excluded.v $$;
CREATE FUNCTION half(id text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO item VALUES (id, 1);
    RAISE EXCEPTION 'no "%" today', id USING ERRCODE = 'P0099', DETAIL = 'It rains.', HINT = 'Come back.';
END $$;
CREATE FUNCTION nop() RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
SELECT replicache.register_mutator('put', 'put(text,int)');
SELECT replicache.register_mutator('half', 'half(text)');
SELECT replicache.register_mutator('nop', 'nop()');
TABLE spaces;

-- id = lastMutationID + 1: applied. The group and its clients come into being.
SELECT replicache.apply_push(req('g1', m('c1', 1, 'put', '{"id":"a","v":1}'), m('c1', 2, 'put', '{"id":"b","v":2}')), 'ann');
TABLE item ORDER BY id;
TABLE clients;
TABLE replicache.client_group;
TABLE spaces;

-- id ≤ lastMutationID: skipped, and nothing is written: no version, no new row version of anything.
BEGIN;
CREATE TEMP TABLE before AS SELECT 's' AS t, xmin::text AS x, id FROM replicache.space
    UNION ALL SELECT 'g', xmin::text, id FROM replicache.client_group UNION ALL SELECT 'c', xmin::text, id FROM replicache.client;
COMMIT;
SELECT replicache.apply_push(req('g1', m('c1', 1, 'put', '{"id":"a","v":9}'), m('c1', 2, 'put', '{"id":"b","v":9}')), 'ann');
SELECT replicache.apply_push(req('g1', m('c1', 2, 'half', '{"id":"z"}'), m('c1', 1, 'no such mutator')), 'ann');
SELECT replicache.apply_push(req('g1', VARIADIC '{}'), 'ann');
(SELECT 's' AS t, xmin::text AS x, id FROM replicache.space
    UNION ALL SELECT 'g', xmin::text, id FROM replicache.client_group UNION ALL SELECT 'c', xmin::text, id FROM replicache.client)
    EXCEPT TABLE before;
SELECT count(*) FROM replicache.mutation_error;
TABLE item ORDER BY id;
TABLE spaces;

-- Duplicates inside one push.
SELECT replicache.apply_push(req('g1', m('c1', 3, 'put', '{"id":"c","v":3}'), m('c1', 3, 'put', '{"id":"c","v":9}'),
    m('c1', 4, 'put', '{"id":"d","v":4}'), m('c1', 3, 'put', '{"id":"c","v":9}'), m('c1', 4, 'nop')), 'ann');
TABLE item ORDER BY id;
TABLE clients;

-- A mutator that fails for good: undone, marked, recorded; what is around it stands.
SELECT replicache.apply_push(req('g1', m('c1', 5, 'put', '{"id":"e","v":5}'), m('c1', 6, 'half', '{"id":"f"}'),
    m('c1', 7, 'put', '{"id":"g","v":7}')), 'ann');
TABLE item ORDER BY id;
TABLE clients;
SELECT space, user_id, client_group_id, client_id, mutation_id, name, args, sqlstate, message, detail, hint, at = now() AS at_now,
    at > now() - interval '1 hour' AS recent FROM replicache.mutation_error;

-- … also when it is the only one: the version moves, so that the client hears of it.
SELECT replicache.apply_push(req('g1', m('c1', 8, 'put', '{"id":"a","v":-1}')), 'ann');
TABLE clients;
SELECT replicache.pull_since(4, 'g1');
-- Sent again, it is skipped, not recorded twice.
SELECT replicache.apply_push(req('g1', m('c1', 8, 'put', '{"id":"a","v":-1}')), 'ann');
SELECT mutation_id, name, args, sqlstate, message, detail, hint FROM replicache.mutation_error ORDER BY error_id;

-- An unknown mutator fails for good, too; without args there is none in the record.
SELECT replicache.apply_push('{"pushVersion":1,"schemaVersion":"","clientGroupID":"g1","mutations":[{"clientID":"c1","id":9,"name":"gone"},
    {"clientID":"c1","id":10,"name":"","args":[1.10, "ä"]}]}', 'ann');
SELECT mutation_id, name, args, args IS NULL AS without, sqlstate, message, detail, hint FROM replicache.mutation_error ORDER BY error_id OFFSET 2;

-- A mutation that changes nothing is applied and moves the version all the same.
SELECT replicache.apply_push(req('g1', m('c1', 11, 'nop')), 'ann');
SELECT replicache.pull_since(6, 'g1');

-- id above lastMutationID + 1: stop. What came before stands, the rest was not looked at.
SELECT replicache.apply_push(req('g1', m('c1', 13, 'put', '{"id":"never","v":0}')), 'ann');
TABLE spaces;
SELECT replicache.apply_push(req('g1', m('c1', 12, 'put', '{"id":"h","v":8}'), m('c1', 14, 'put', '{"id":"never","v":0}'), m('c1', 13, 'put', '{"id":"never","v":0}')), 'ann');
SELECT replicache.apply_push(req('g1', m('c1', 12, 'nop'), m('c1', 9007199254740991, 'nop')), 'ann');
TABLE clients;
SELECT count(*) FROM item WHERE id = 'never';

-- An unknown client whose first id is above 1: forgotten.
SELECT replicache.apply_push(req('g1', m('c9', 2, 'put', '{"id":"never","v":0}')), 'ann');
SELECT replicache.apply_push(req('unknown', m('c9', 5, 'nop')), 'ann');
SELECT replicache.apply_push(req('unknown', VARIADIC '{}'), 'ann');
TABLE clients;
TABLE replicache.client_group;
TABLE spaces;
-- … behind applied mutations of another client, which stand.
SELECT replicache.apply_push(req('g1', m('c1', 13, 'put', '{"id":"i","v":9}'), m('c9', 2, 'nop'), m('c1', 14, 'nop')), 'ann');
TABLE clients;
SELECT * FROM item WHERE id = 'i';
-- A new client that goes on out of order in the push that brings it is known.
SELECT replicache.apply_push(req('g1', m('c2', 1, 'nop'), m('c2', 3, 'nop')), 'ann');
-- … id 0 was never given out, so it counts as processed.
SELECT replicache.apply_push(req('g1', m('c2', 0, 'nop'), m('c3', 0, 'nop'), m('c2', 2, 'nop')), 'ann');
TABLE clients;

-- Several clients of one group, interleaved.
SELECT replicache.apply_push(req('g2', m('x', 1, 'put', '{"id":"x1","v":1}'), m('y', 1, 'half', '{"id":"y1"}'), m('x', 2, 'put', '{"id":"x2","v":2}'),
    m('y', 2, 'put', '{"id":"y2","v":2}'), m('x', 1, 'nop'), m('z', 1, 'nop'), m('y', 3, 'nop'), m('x', 3, 'put', '{"id":"x1","v":11}')), 'bob');
SELECT * FROM clients WHERE client_group_id = 'g2';
SELECT * FROM item WHERE id > 'x' ORDER BY id;
-- Only the clients that moved get the new version.
SELECT replicache.apply_push(req('g2', m('x', 3, 'nop'), m('y', 4, 'nop')), 'bob');
SELECT * FROM clients WHERE client_group_id = 'g2';

-- Two pushes and direct writes in one transaction get one version, across savepoints, too.
BEGIN;
INSERT INTO item VALUES ('direct', 1);
SELECT replicache.apply_push(req('g2', m('x', 4, 'put', '{"id":"p1","v":1}')), 'bob');
SAVEPOINT s;
UPDATE item SET v = 2 WHERE id = 'direct';
SELECT replicache.apply_push(req('g2', m('x', 5, 'put', '{"id":"p2","v":1}')), 'bob');
ROLLBACK TO s;
SELECT * FROM clients WHERE id = 'x';
SELECT replicache.apply_push(req('g2', m('x', 5, 'put', '{"id":"p3","v":1}'), m('x', 6, 'half', '{"id":"p4"}')), 'bob');
SELECT replicache.apply_push(req('g2', m('x', 6, 'nop')), 'bob');
DELETE FROM item WHERE id = 'x2';
COMMIT;
SELECT * FROM clients WHERE id = 'x';
SELECT *, version = (SELECT version FROM replicache.space) AS newest FROM item WHERE id > 'dir' ORDER BY id;
SELECT replicache.pull_since(12, 'g2');

-- The first push of a transaction rolled back to a savepoint, then again.
BEGIN;
SAVEPOINT s;
SELECT replicache.apply_push(req('g2', m('x', 7, 'put', '{"id":"q","v":1}'), m('w', 1, 'nop')), 'bob');
ROLLBACK TO s;
TABLE spaces;
SELECT replicache.apply_push(req('g2', m('x', 7, 'put', '{"id":"q","v":2}')), 'bob');
COMMIT;
SELECT * FROM item WHERE id = 'q';
SELECT * FROM clients WHERE client_group_id = 'g2';
TABLE spaces;

-- Rolled back as a whole: nothing happened, and the same push applies.
BEGIN;
SELECT replicache.apply_push(req('g3', m('v', 1, 'put', '{"id":"r","v":1}'), m('v', 2, 'half', '{"id":"r2"}')), 'bob', 'elsewhere');
ROLLBACK;
TABLE spaces;
SELECT count(*) FROM replicache.client_group WHERE id = 'g3';
SELECT count(*) FROM replicache.mutation_error WHERE client_id = 'v';
SELECT replicache.apply_push(req('g3', m('v', 1, 'put', '{"id":"r","v":1}'), m('v', 2, 'half', '{"id":"r2"}')), 'bob', 'elsewhere');
-- Each space has versions of its own; item is in the space ''.
TABLE spaces;
SELECT replicache.pull_since(0, 'g3', 'elsewhere');
SELECT space, client_group_id, mutation_id FROM replicache.mutation_error WHERE client_id = 'v';

-- Without a user; the same group of nobody.
SELECT replicache.apply_push(req('g4', m('n', 1, 'nop')));
SELECT replicache.apply_push(req('g4', m('n', 2, 'half', '{"id":"no"}')), NULL);
SELECT user_id IS NULL AS nobody, mutation_id FROM replicache.mutation_error WHERE client_id = 'n';

-- A large push.
SELECT r->'version' AS version, r->'applied' AS applied, json_array_length(r->'rejected') AS rejected, r->'halted' AS halted FROM
    (SELECT replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', 'big', 'mutations', (SELECT json_agg(
        m('b' || i % 3, (i + 2) / 3, CASE WHEN i % 10 = 0 THEN 'half' ELSE 'put' END, CASE WHEN i % 10 = 0 THEN json_build_object('id', 'h' || i)
        ELSE json_build_object('id', 'big' || i, 'v', i) END) ORDER BY i) FROM generate_series(1, 999) i))) AS r) AS s;
SELECT count(*), count(DISTINCT version) FROM item WHERE id LIKE 'big%';
SELECT * FROM clients WHERE client_group_id = 'big';
SELECT count(*), min(mutation_id), max(mutation_id) FROM replicache.mutation_error WHERE client_group_id = 'big';

DROP TABLE before;
SET client_min_messages = error;
DROP SCHEMA push CASCADE;
DROP EXTENSION replicache_ext;
