-- replicache.mutation_error gets the same rows by SQL and without it. Whoever wants to see an INSERT, sees one.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA mutation_errors;
SET search_path = mutation_errors, public;
SET client_min_messages = warning;
SET replicache.poke_channel = '';
\set SHOW_CONTEXT never

CREATE FUNCTION refuse(message text, detail text, hint text, code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE USING MESSAGE = message, DETAIL = coalesce(detail, ''), HINT = coalesce(hint, ''), ERRCODE = code;
END $$;
SELECT replicache.register_mutator('refuse', 'refuse(text, text, text, text)');
-- Failures of all kinds: without args, without details, long enough to be stored out of line, of two clients, in two spaces.
CREATE FUNCTION push(client text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer json;
    s text;
BEGIN
    FOREACH s IN ARRAY '{"",elsewhere}'::text[] LOOP
        answer := replicache.apply_push(json_build_object('pushVersion', 1, 'clientGroupID', client || s, 'mutations', json_build_array(
            json_build_object('clientID', client || s || 1, 'id', 1, 'name', 'none'),
            json_build_object('clientID', client || s || 1, 'id', 2, 'name', 'refuse', 'args', json_build_object('message', 'Ä', 'detail', 'd', 'hint', 'h', 'code', 'ABCDE')),
            json_build_object('clientID', client || s || 2, 'id', 1, 'name', 'refuse', 'args', NULL),
            json_build_object('clientID', client || s || 2, 'id', 2, 'name', 'refuse', 'args', json_build_object('message', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n),
                'detail', repeat('x', 100000), 'hint', NULL, 'code', '22000')))), nullif(s, ''), s);
    END LOOP;
    RETURN format('%s rejected', json_array_length(answer->'rejected'));
END $$;
CREATE FUNCTION rows_of(client text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT replace(concat_ws(' ', rank() OVER (ORDER BY error_id), space, user_id, client_group_id, client_id, mutation_id, name, md5(args::text), sqlstate, md5(message), md5(detail), md5(hint), at = now(), version > 0), client, 'x')
    FROM replicache.mutation_error WHERE starts_with(client_group_id, client) ORDER BY error_id
$$;
BEGIN;
SELECT push('plain');
SELECT space, user_id, client_id, mutation_id, name, left(args::text, 20) AS args, sqlstate, left(message, 20) AS message, left(detail, 5) AS detail, hint, at = now() AS now, version
    FROM replicache.mutation_error ORDER BY error_id;
SELECT max(error_id) - min(error_id) AS ids FROM replicache.mutation_error;
-- By every index. The index of uploads has none of them.
SET enable_seqscan = off;
SELECT count(*) FROM replicache.mutation_error WHERE error_id > 0;
SELECT count(*) FROM replicache.mutation_error WHERE client_group_id = '' AND client_id > '';
RESET enable_seqscan;
CREATE TABLE expected AS SELECT r FROM rows_of('plain') WITH ORDINALITY AS t (r, n);

CREATE FUNCTION arrange(what text, arrangement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    client text := md5(what);
    answer text;
    differences bigint;
BEGIN
    EXECUTE arrangement;
    answer := push(client);
    RETURN concat_ws(', ', answer, (SELECT count(*) FROM rows_of(client)) || ' rows', (SELECT count(*) FROM (TABLE expected EXCEPT SELECT rows_of(client)) d) || ' different');
END $$;
CREATE TABLE seen (what text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO mutation_errors.seen VALUES (TG_NAME); RETURN NEW; END $$;
SAVEPOINT plain;
SELECT arrange('the same', 'SELECT');
SELECT arrange('statement', 'CREATE TRIGGER statement AFTER INSERT ON replicache.mutation_error FOR EACH STATEMENT EXECUTE FUNCTION see()');
SELECT * FROM seen;
ROLLBACK TO plain;
SELECT arrange('row', 'CREATE TRIGGER row BEFORE INSERT ON replicache.mutation_error FOR EACH ROW EXECUTE FUNCTION see()');
SELECT count(*) FROM seen;
ROLLBACK TO plain;
SELECT arrange('rule', 'CREATE RULE also AS ON INSERT TO replicache.mutation_error DO ALSO INSERT INTO mutation_errors.seen VALUES (NEW.message)');
SELECT count(*) FROM seen;
ROLLBACK TO plain;
SELECT arrange('check', 'ALTER TABLE replicache.mutation_error ADD CHECK (mutation_id > 0)');
SELECT arrange('column', 'ALTER TABLE replicache.mutation_error ADD mine text DEFAULT ''more''');
SELECT count(*) FROM replicache.mutation_error WHERE mine = 'more';
SELECT arrange('unique', 'CREATE UNIQUE INDEX ON replicache.mutation_error (client_id, mutation_id, (upper(name)))');
SELECT arrange('domain', 'CREATE DOMAIN words AS text CHECK (VALUE <> ''''); ALTER TABLE replicache.mutation_error ALTER name TYPE words');
ROLLBACK TO plain;
SELECT arrange('index', 'CREATE INDEX mine ON replicache.mutation_error (upper(client_id), error_id) WHERE mutation_id = 1');
SET enable_seqscan = off;
SELECT count(*) FROM replicache.mutation_error WHERE upper(client_id) > '' AND mutation_id = 1;
ROLLBACK TO plain;
SELECT arrange('tracked', $$SELECT replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', version => 'version', space => 'space')$$);
SELECT space, count(*), min(version) > 0 AS stamped FROM replicache.mutation_error WHERE client_group_id LIKE md5('tracked') || '%' GROUP BY 1 ORDER BY 1;
ROLLBACK;
SET client_min_messages = error;
DROP EXTENSION replicache_ext;
DROP SCHEMA mutation_errors CASCADE;
