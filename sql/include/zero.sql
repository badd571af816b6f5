-- Zero: the tables that zero-cache makes, in a schema of its own, and short words for its requests.
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients ("clientGroupID" text, "clientID" text, "lastMutationID" bigint NOT NULL, "userID" text, PRIMARY KEY ("clientGroupID", "clientID"));
CREATE TABLE zero_0.mutations ("clientGroupID" text, "clientID" text, "mutationID" bigint, result json NOT NULL, PRIMARY KEY ("clientGroupID", "clientID", "mutationID"));
-- A mutation of a client.
CREATE FUNCTION m(client text, id bigint, name text, VARIADIC args json[] DEFAULT '{}') RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('type', CASE name WHEN '_zero_crud' THEN 'crud' ELSE 'custom' END, 'id', id, 'clientID', client, 'name', name, 'args', args, 'timestamp', 1) $$;
CREATE FUNCTION cleanup(args json) RETURNS json LANGUAGE sql AS $$ SELECT m('c', 0, '_zero_cleanupResults', args) $$;
CREATE FUNCTION request(client_group text, VARIADIC mutations json[] DEFAULT '{}') RETURNS json LANGUAGE sql AS
$$ SELECT json_build_object('clientGroupID', client_group, 'mutations', mutations, 'pushVersion', 1, 'timestamp', 1, 'requestID', 'r') $$;
CREATE FUNCTION push(VARIADIC mutations json[] DEFAULT '{}') RETURNS json LANGUAGE sql AS
$$ SELECT replicache.zero_push(request('g', VARIADIC mutations), 'zero_0', 'zero', 'ann') $$;
-- What zero-cache sees.
CREATE VIEW client AS SELECT "clientGroupID" AS g, "clientID" AS c, "lastMutationID" AS lmid, "userID" AS "user" FROM zero_0.clients ORDER BY 1, 2;
CREATE VIEW result AS SELECT "clientGroupID" AS g, "clientID" AS c, "mutationID" AS id, result FROM zero_0.mutations ORDER BY 1, 2, 3;
