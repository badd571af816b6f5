-- Conflict policies of exposed tables.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA conflicts;
SET search_path = conflicts, public;
\i sql/include/tracking.sql

CREATE FUNCTION change(op text, data json, old json DEFAULT NULL, id text DEFAULT '1', type text DEFAULT 'doc') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r->>'status', r->>'message', r->'failed_operation'->'details'->>'sqlstate', r->'failed_operation'->'details'->>'detail', r->'failed_operation'->'details'->>'hint')
    FROM replicache.powersync_upload(json_build_object('crud', json_build_array(json_build_object('op', op, 'type', type, 'id', id, 'data', data, 'old', old))), 'ann') a,
        json_array_elements(a->'results') r
$$;
CREATE TABLE doc (id int PRIMARY KEY, title text, n int, price numeric, j json, tags text[], rev int NOT NULL DEFAULT 1, at timestamptz);
CREATE FUNCTION reset() RETURNS void LANGUAGE sql AS $$ DELETE FROM doc; INSERT INTO doc VALUES (1, 'server', 10, 1.50, '{"a": 1}', '{x}', 5, '2024-06-01Z') $$;

-- Set-up.
SELECT try($$SELECT replicache.expose_crud('doc', conflict => 'newest')$$);
SELECT try($$SELECT replicache.expose_crud('doc', conflict => 'newest', conflict_column => 'nope')$$);
SELECT try($$SELECT replicache.expose_crud('doc', conflict => 'merge', conflict_column => 'n')$$);
SELECT try($$SELECT replicache.expose_crud('doc', conflict => 'reject_stale', conflict_column => 'title')$$);
SELECT try($$SELECT replicache.expose_crud('doc', conflict => 'delta', conflict_column => 'title')$$);

-- last_write: it wins.
SELECT replicache.expose_crud('doc'), reset();
SELECT change('PATCH', '{"title":"client"}', '{"title":"base"}');
SELECT title FROM doc;

-- reject_stale: the row must be as the client knew it, in all that it says about it.
SELECT replicache.expose_crud('doc', conflict => 'reject_stale'), reset();
SELECT change('PATCH', '{"title":"client"}', '{"title":"base"}');
SELECT change('PATCH', '{"title":"client"}', '{"title":"server","n":11}');
SELECT change('PATCH', '{"title":"client"}', '{"title":"server","n":"10","price":1.5,"tags":"[\"x\"]","at":"2024-06-01T02:00:00+02:00","unknown":1}');
SELECT change('PATCH', '{"title":"client 2"}', '{"title":"client","j":"{\"a\": 1}"}');
SELECT change('PATCH', '{"title":null}', '{"title":"client 2"}');
SELECT change('PATCH', '{"title":"again"}', '{"title":null}');
SELECT * FROM doc;
SELECT change('PATCH', '{"title":"blind"}');
SELECT change('PATCH', '{}');
SELECT change('PATCH', '{"title":"x"}', '{"title":"y"}', '2');
SELECT change('PUT', '{"title":"mine"}');
SELECT change('PUT', '{"title":"new"}', NULL, '2');
SELECT change('DELETE', NULL, '{"title":"server"}');
SELECT change('DELETE', NULL, '{"title":"again"}');
SELECT change('DELETE', NULL, '{"title":"again"}');
SELECT id, title FROM doc;
SELECT name, sqlstate, message, detail FROM replicache.mutation_error ORDER BY error_id DESC LIMIT 1;

-- …by a column that counts, which the server does.
SELECT replicache.expose_crud('doc', conflict => 'reject_stale', conflict_column => 'rev'), reset();
SELECT change('PATCH', '{"title":"client"}', '{"title":"base","rev":5}');
SELECT change('PATCH', '{"title":"late"}', '{"rev":5}');
SELECT change('PATCH', '{"title":"by data","rev":6}');
SELECT change('PATCH', '{"title":"blind"}', '{"title":"by data"}');
SELECT change('PUT', '{"title":"put","rev":6}');
SELECT change('PUT', '{"title":"put","rev":7}');
SELECT change('PUT', '{"title":"new","rev":1}', NULL, '2');
SELECT id, title, rev FROM doc ORDER BY id;
SELECT change('DELETE', NULL, '{"rev":7}');
SELECT change('DELETE', NULL, '{"rev":8}');

-- merge: different columns merge, the same one conflicts, unless both wrote the same.
SELECT replicache.expose_crud('doc', conflict => 'merge'), reset();
SELECT change('PATCH', '{"n":20}', '{"title":"base","n":10}');
SELECT change('PATCH', '{"title":"client"}', '{"title":"base"}');
SELECT change('PATCH', '{"title":"server","n":30}', '{"title":"base","n":20}');
SELECT change('PATCH', '{"title":"client","n":40}', '{"title":"server","n":20}');
SELECT change('PATCH', '{"title":"blind"}');
SELECT change('PUT', '{"title":"put"}');
SELECT id, title, n FROM doc;
SELECT change('DELETE', NULL, '{"title":"base"}');

-- newest: by a column that says when.
SELECT replicache.expose_crud('doc', conflict => 'newest', conflict_column => 'at'), reset();
SELECT change('PATCH', '{"title":"older","at":"2024-05-31T23:59:59Z"}');
SELECT change('PATCH', '{"title":"same","at":"2024-06-01T00:00:00Z"}');
SELECT change('PATCH', '{"title":"newer","at":"2024-06-02T00:00:00Z"}');
SELECT change('PATCH', '{"title":"timeless"}');
SELECT change('PUT', '{"title":"older","at":"2024-06-01T00:00:00Z"}');
SELECT change('PUT', '{"title":"put","at":"2024-06-03T00:00:00Z"}');
SELECT change('PUT', '{"title":"new"}', NULL, '2');
SELECT change('PUT', '{"title":"new","at":null}', NULL, '2');
SELECT change('PUT', '{"title":"first time","at":"2020-01-01T00:00:00Z"}', NULL, '2');
SELECT id, title, at AT TIME ZONE 'UTC' FROM doc ORDER BY id;
SELECT change('DELETE', NULL);

-- delta: numbers change by as much as they did for the client; the rest is written.
SELECT replicache.expose_crud('doc', conflict => 'delta'), reset();
SELECT change('PATCH', '{"n":7,"price":"2.25","title":"client"}', '{"n":5,"price":"1.00","title":"base"}');
SELECT change('PATCH', '{"n":100}');
SELECT change('PATCH', '{"rev":null}', '{"rev":3}');
UPDATE doc SET price = NULL;
SELECT change('PATCH', '{"price":3}', '{"price":2}');
SELECT id, title, n, price FROM doc;
SELECT change('PATCH', '{"n":2147483647}', '{"n":0}');
SELECT replicache.expose_crud('doc', conflict => 'delta', conflict_column => 'n'), reset();
SELECT change('PATCH', '{"n":6,"price":"9"}', '{"n":5,"price":"1.00"}');
SELECT id, n, price FROM doc;

-- Without the right to read the row, it is not told.
CREATE ROLE conflicts_app;
SELECT replicache.grant_usage('conflicts_app'), replicache.expose_crud('doc', conflict => 'merge'), reset();
GRANT USAGE ON SCHEMA conflicts TO conflicts_app;
GRANT SELECT (id, title), UPDATE ON doc TO conflicts_app;
SET ROLE conflicts_app;
SELECT change('PATCH', '{"title":"client"}', '{"title":"base"}');
SELECT change('PATCH', '{"title":"client"}', '{"title":"server"}');
RESET ROLE;

DROP SCHEMA conflicts CASCADE;
DROP EXTENSION replicache_ext;
DROP ROLE conflicts_app;
