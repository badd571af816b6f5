-- The backend calls these functions to push, pull and upload. Operators call replay.

CREATE FUNCTION replicache.apply_push(push json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_apply_push';
COMMENT ON FUNCTION replicache.apply_push(json, text, text) IS
'Applies a Replicache push (V0 or V1) in the calling transaction.
push: the body of the request.
user_id: the user that the backend has authenticated. A client group belongs to one user.
space: the space that is pushed to. A uuid or an integer in it may be written in any way, unless a text column could have the same text.
Result: {"version","applied","skipped","rejected":[…],"halted"}. Answer 503 if halted is not null, otherwise 200. "defect":true in halted means that you must repair the database (replicache.on_defect). Or {"error":"ClientStateNotFound"}, or {"error":"VersionNotSupported","versionType":…}: send these to the client with 200.
Errors: 22023 malformed request; 42501 the client group or client belongs to somebody else, or the role may not execute a mutator; 25006 read-only transaction; classes 40, 57 and XX from a mutator: roll back and try again.
Rules: https://doc.replicache.dev/reference/server-push';

CREATE FUNCTION replicache.pull(request json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull';
COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with the changes since its cookie. It reads under the snapshot of the calling statement. It writes nothing, except the record of a view: what a client has of private tables.
request: the body of the request.
user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}. With "more":true, there are further pages (replicache.page_size): pull again. The cookie says what the client has seen, and of which history. A cookie of another history, or of another backend, gets everything, under a greater order. Or {"error":"VersionNotSupported","versionType":…}. Or {"error":"ClientStateNotFound"}, if confirmed mutations of the client are not known here. Send each of them with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 25006 a view must be recorded, or its record is not known on this standby: repeat the pull on the primary, in a transaction that may write; 54000 the answer would be larger than 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

CREATE FUNCTION replicache.pull_for(
    client_group_ids text[],
    cookie json,
    space text DEFAULT '',
    user_id text DEFAULT NULL,
    schema_version text DEFAULT NULL
) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_for';
COMMENT ON FUNCTION replicache.pull_for(text[], json, text, text, text) IS
'Answers the pulls of many client groups that have the same cookie, once for all of them. The backend makes a poke for each client from the answer. It reads and writes as pull does.
client_group_ids: the client groups. An id that is not on record is a group without mutations. An id may come twice.
cookie: the cookie of their clients. Its member confirmed does not count. NULL or null: they have no data.
space: as for apply_push.
user_id: the user that all these groups belong to. NULL: groups of any users, who must all see the same.
schema_version: the schemaVersion of these clients. NULL: it is not checked.
Result: {"baseCookie","cookie","confirmed":{…},"lastMutationIDChanges":{…},"patch":[…]}. baseCookie is the argument. cookie is the new one, without its member confirmed. confirmed and lastMutationIDChanges have a member for each client group with news, by its id. With "more":true, there are further pages. NULL: there is no common answer, because the cookie is of another history. Let every client pull. Or {"error":"VersionNotSupported","versionType":"schema"}.
Errors: 22004 client_group_ids, an element of it or space is null; 42501 a client group belongs to another space or, with user_id, to another user, or the role may not read a tracked table; 0A000 the clients may not see the same: without user_id, a table of the space is private or has parts, row-level security applies to the calling role, or an expression has called current_user_id(), and always if an expression has called current_client_group_id() or current_client_id(); the other errors of pull.';

CREATE FUNCTION replicache.pull_since(version bigint, client_group_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_since';
COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'Returns the changes in a space since a version, in the form of a pull answer. It writes nothing. If the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number. NULL or 0 asks for everything.
client_group_id: the client group whose lastMutationIDChanges are wanted.
space: the space.
Result and errors: as for pull. {"error":"ClientStateNotFound"} for a version that is greater than that of the space (on a standby: no changes). 22023 for a negative version. 0A000 for a version other than 0, if a table of the space is private or has parts.';

CREATE FUNCTION replicache.zero_push(request json, schema text, app_id text, user_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_zero_push';
COMMENT ON FUNCTION replicache.zero_push(json, text, text, text) IS
'Answers Zero''s mutate endpoint in the calling transaction. Applies the mutations of a push of zero-cache, in the space ''''.
request: the body of the request.
schema: the parameter "schema" of its URL: the schema of zero-cache''s tables "clients" and "mutations". The calling role needs USAGE on it, SELECT, INSERT and UPDATE on clients, and SELECT, INSERT and DELETE on mutations.
app_id: the parameter "appID" of its URL.
user_id: the user that the backend has authenticated. NULL: a client that is logged out.
Result: the answer, to be sent with 200: {"kind":"MutateResponse",…}, or {"kind":"PushFailed",…} if the request is malformed, out of order or of another version, or if the tables do not exist. A mutation that its mutator refuses is in "mutations" with {"error":"app",…}. Or {"halted":{…}} if the time of the push is over (replicache.push_time): answer 503, and the rest comes again.
Errors: answer 503 to all of them. Nothing was processed then. 08, 40, 53, 55P03, 55006, 58 and RE001 from a mutator: three attempts have failed. 42501 the role lacks a right; 25006 read-only transaction; 22004 request is null; 0A000 called by a mutator; defects of the database (replicache.on_defect).
Rules: https://zero.rocicorp.dev/docs/mutators';

CREATE FUNCTION replicache.powersync_upload(request json, user_id text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_powersync_upload';
COMMENT ON FUNCTION replicache.powersync_upload(json, text, text) IS
'Applies an upload of PowerSync in the calling transaction: row changes of exposed tables and calls of mutators. Each client transaction is applied whole or not at all.
request: the body of the request, {"transactions":[{"transaction_id","crud":[…]}]}, {"batch":[…]} or {"crud":[…]}.
user_id: the user that the backend has authenticated.
client_id: the database of the client, if the request does not name it. With client_id and op_ids, nothing is applied twice.
Result: {"results":[…]}, one per client transaction, in order: success, retryable_error, fatal_error or not_attempted. Answer 200 with it. Rejected transactions are kept in replicache.mutation_error.
Errors: 22023 malformed request, or client_id is empty; 25006 read-only transaction; 0A000 called by a mutator; class XX: roll back and try again.
Rules: https://docs.powersync.com/installation/app-backend-setup/writing-client-changes';

CREATE FUNCTION replicache.sync_pull(mutations_since bigint, user_id text, resources text[] DEFAULT NULL, metadata_only boolean DEFAULT false,
    page integer DEFAULT 1, page_limit integer DEFAULT 100) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_pull';
COMMENT ON FUNCTION replicache.sync_pull(bigint, text, text[], boolean, integer, integer) IS
'Answers GET /v1/sync of the lastMutationAt protocol: what has happened to each row of the user since a time. It writes nothing, except where the pages of a long answer end. In a read-only transaction it cannot write this, and pages are not stable.
mutations_since: milliseconds since 1970, exclusive. -1 asks for everything.
user_id: the user that the backend has authenticated. The rows are in the space of this name.
resources: names of exposed tables that are tracked with a space column. NULL means all.
metadata_only: true: the answer has only the head.
page: the number of the page, from 1.
page_limit: mutations per page, 1 to 1000.
Result: the status of the answer (200), its header X-Mutation-At, and its body.
Errors: 22004 an argument is null; 22023 a number is out of range; 42501 the role may not read a table; 55000 the space of the user has another clock than time; 40001 another first page was answered after the snapshot of a REPEATABLE READ transaction: try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/get-mutations';

CREATE FUNCTION replicache.sync_push(request json, last_mutation_at bigint, user_id text) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_push';
COMMENT ON FUNCTION replicache.sync_push(json, bigint, text) IS
'Applies POST /v1/sync of the lastMutationAt protocol in the calling transaction: all mutations of exposed tables, or none.
request: the body of the request.
last_mutation_at: the head that the push is based on, in milliseconds since 1970. -1 means no head.
user_id: the user that the backend has authenticated. On first use, a space with the clock time is created for the user.
Result: the status of the answer, its header X-Mutation-At, and its body. 200: it is applied. 409: the head is another one. 422: the request breaks the protocol, names a row that does not belong to the user, or has data that the database refuses. With 409 and 422, no row and no head has changed.
Errors: 22004 an argument is null; 22023 a number is out of range; 42501 the role may not read or write a table, or clients may not do that to its rows; 55000 the space of the user has another clock than time; 25006 read-only transaction; 0A000 called by a mutator; classes 40, 53, 57 and XX: roll back and try again; 55P03, RE001: roll back and try again; 42703 or a similar code, from a defect of the database (replicache.on_defect): roll back and try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/sync-local-mutations';

CREATE FUNCTION replicache.zero_queries(request json, user_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_zero_queries';
COMMENT ON FUNCTION replicache.zero_queries(json, text) IS
'Answers the query endpoint of Zero: the AST of each named query that a client asks for. The extension writes nothing, so it works on a standby, too.
request: the body of the request, ["transform",[{"id","name","args"}]].
user_id: the user that the backend has authenticated. NULL: a client that is logged out.
Result: send it to zero-cache with 200. {"kind":"QueryResponse","queries":[{"id","name","ast"}],"userID"}. A query that is unknown or fails has {"error":"app","id","name","message","details"} instead. Or {"kind":"TransformFailed",…} for a malformed request.
Errors: 22004 request is null; 42501 the role may not execute the function of a query; classes 08, 40, 53, 57, 58 and XX, 25006, 55006, 55P03 and RE001 from a function: answer 503, and zero-cache asks again.
Rules: https://zero.rocicorp.dev/docs/queries';

CREATE FUNCTION replicache.replay(error_id bigint) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_replay';
COMMENT ON FUNCTION replicache.replay(bigint) IS
'Applies once more what was rejected: a mutation, or a whole client transaction of row changes. Call it after you have fixed the cause. If it succeeds, the row in replicache.mutation_error is deleted. It runs as the calling role, with the user, client and space of the error. lastMutationID and op_ids do not change.
error_id: of replicache.mutation_error.
Result: the row of replicache.mutation_error as it was.
Errors: 42704 no such row; 22004 error_id is null; 25006 read-only transaction; any error with which it fails again: then nothing of it is applied, and the row stays.';
