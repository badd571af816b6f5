-- The backend calls these functions to push, pull and upload. Operators call replay.

CREATE FUNCTION replicache.apply_push(push json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_apply_push';
COMMENT ON FUNCTION replicache.apply_push(json, text, text) IS
'Applies a Replicache push (V0 or V1) in the calling transaction.
push: the body of the request. user_id: whom the backend has authenticated; client groups belong to one. space: the space that is pushed to; a uuid or an integer in it may be written in any way, unless a text column could have the same text.
Result: {"version","applied","skipped","rejected":[…],"halted"}; answer 503 when halted is not null, 200 otherwise; "defect":true in halted: mend the database (replicache.on_defect). {"error":"ClientStateNotFound"} or {"error":"VersionNotSupported","versionType":…} go to the client with 200.
Errors: 22023 malformed request; 42501 the client group or client belongs to somebody else, or the role may not execute a mutator; 25006 read-only transaction; classes 40, 57 and XX from a mutator: roll back and try again.
Rules: https://doc.replicache.dev/reference/server-push';

CREATE FUNCTION replicache.pull(request json, user_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull';
COMMENT ON FUNCTION replicache.pull(json, text, text) IS
'Answers a Replicache pull (V0 or V1) with what changed since its cookie. Writes nothing.
request: the body of the request. user_id, space: as for apply_push.
Result: {"cookie","lastMutationIDChanges" (V0: "lastMutationID"),"patch":[…]}; the cookie says what the client has seen and of which history. One of another history, or of another backend, gets everything under a greater order. Or {"error":"VersionNotSupported","versionType":…}, or {"error":"ClientStateNotFound"} where confirmed mutations of the client are not known here; all with 200.
Errors: 22023 malformed request; 42501 the client group belongs to somebody else, or the role may not read a tracked table; 54000 the answer would pass 1 GB; 40001 or 55000 tables were altered meanwhile: pull again.
Rules: https://doc.replicache.dev/reference/server-pull';

CREATE FUNCTION replicache.pull_since(version bigint, client_group_id text DEFAULT NULL, space text DEFAULT '') RETURNS json
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_pull_since';
COMMENT ON FUNCTION replicache.pull_since(bigint, text, text) IS
'What changed in a space after a version, in the form of a pull answer. Writes nothing. Where the space has the clock transaction, changes may be sent more than once.
version: the cookie of the last answer, a number; NULL or 0 asks for everything. client_group_id: whose lastMutationIDChanges are wanted. space: the space.
Result and errors: as for pull; {"error":"ClientStateNotFound"} for a version that is greater than the space''s (on a standby: no changes); 22023 negative version.';

CREATE FUNCTION replicache.powersync_upload(request json, user_id text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_powersync_upload';
COMMENT ON FUNCTION replicache.powersync_upload(json, text, text) IS
'Applies an upload of PowerSync in the calling transaction: row changes of exposed tables and calls of mutators, each client transaction whole or not at all.
request: the body of the request: {"transactions":[{"transaction_id","crud":[…]}]}, {"batch":[…]} or {"crud":[…]}. user_id: whom the backend has authenticated. client_id: the client''s database, if the request does not name it; with it and op_ids, nothing is applied twice.
Result: {"results":[…]}, one per client transaction, in order: success, retryable_error, fatal_error or not_attempted; answer 200 with it. What was rejected is kept in replicache.mutation_error.
Errors: 22023 malformed request, or client_id is empty; 25006 read-only transaction; 0A000 called by a mutator; class XX: roll back and try again.
Rules: https://docs.powersync.com/installation/app-backend-setup/writing-client-changes';

CREATE FUNCTION replicache.sync_pull(mutations_since bigint, user_id text, resources text[] DEFAULT NULL, metadata_only boolean DEFAULT false,
    page integer DEFAULT 1, page_limit integer DEFAULT 100) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_pull';
COMMENT ON FUNCTION replicache.sync_pull(bigint, text, text[], boolean, integer, integer) IS
'Answers GET /v1/sync of the lastMutationAt protocol: what has become of each row of the user since a time. Writes nothing but where the pages of a longer answer end; without that, in a read-only transaction, pages are not stable.
mutations_since: milliseconds since 1970, exclusive; -1 for everything. user_id: whom the backend has authenticated; the space of the rows. resources: names of exposed tables that are tracked with a space column, NULL for all. metadata_only: the head alone. page: from 1. page_limit: mutations per page, 1 to 1000.
Result: the status of the answer (200), its header X-Mutation-At, and its body.
Errors: 22004 null; 22023 number out of range; 42501 the role may not read a table; 55000 the user''s space has another clock than time; 40001 another first page has been answered since the snapshot of a REPEATABLE READ transaction: try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/get-mutations';

CREATE FUNCTION replicache.sync_push(request json, last_mutation_at bigint, user_id text) RETURNS TABLE (status integer, mutation_at bigint, body json)
    LANGUAGE c VOLATILE ROWS 1 PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_sync_push';
COMMENT ON FUNCTION replicache.sync_push(json, bigint, text) IS
'Applies POST /v1/sync of the lastMutationAt protocol in the calling transaction: all mutations of exposed tables, or none.
request: the body. last_mutation_at: the head that it was made on, in milliseconds since 1970; -1 without any. user_id: whom the backend has authenticated; makes a space of the clock time on first use.
Result: the status of the answer, its header X-Mutation-At, and its body: 200 applied; 409 the head is another; 422 the request breaks the protocol, names a row that is not the user''s, or the database refuses its data. Other than with 200, no row and no head has changed.
Errors: 22004 null; 22023 number out of range; 42501 the role may not read or write a table, or clients may not do that to its rows; 55000 the user''s space has another clock than time; 25006 read-only transaction; 0A000 called by a mutator; classes 40, 53, 57 and XX, 55P03 and RE001, and 42703 and its like from a defect of the database (replicache.on_defect): roll back and try again.
Rules: https://api-docs.quran.foundation/docs/user_related_apis_versioned/sync-local-mutations';

CREATE FUNCTION replicache.replay(error_id bigint) RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicache_replay';
COMMENT ON FUNCTION replicache.replay(bigint) IS
'Applies what was rejected once more, when its cause is mended, and takes it off the record: a client transaction of row changes whole, or a mutation. As the calling role, with the user, client and space of the record; lastMutationID and op_ids do not move.
error_id: of replicache.mutation_error.
Result: the record as it was. Errors: 42704 no such record, 22004 error_id is null, 25006 read-only transaction, or what it fails with again: then nothing of it stands, and the record stays.';
