-- track_table(…, columns => …): which columns the default value has.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA value_columns;
SET search_path = value_columns, public;
\i sql/include/tracking.sql

CREATE TABLE account (id int PRIMARY KEY, name text NOT NULL, password_hash text, gone boolean, "Über uns" text, far int GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO account VALUES (1, 'Ann', 'x', false, '"');
SELECT try($$SELECT replicache.track_table('account', columns => '{}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id,NULL}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id,nope}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id,ctid}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id,name,id}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id,version}')$$);
SELECT try($$SELECT replicache.track_table('account', columns => '{id}', value => 'to_jsonb(id)')$$);
SELECT replicache.track_table('account', columns => '{name,id,"Über uns",far}');
SELECT relation, value, columns FROM replicache.tracked_table;
SELECT sync();
-- A column that comes later is not in it.
ALTER TABLE account ADD token text DEFAULT 'secret';
SELECT replicache.resync('account');
SELECT sync();
-- retrack keeps it; a call without it does not, as of all options.
SELECT replicache.retrack('account');
SELECT sync();
SELECT replicache.track_table('account', deleted => 'gone', columns => '{id,gone}');
SELECT sync();
UPDATE account SET gone = true;
SELECT sync();
UPDATE account SET gone = false;
-- Columns that are not in it still give the row a new version.
UPDATE account SET token = 'new';
SELECT sync();
-- A column that is renamed or dropped: nobody guesses.
SELECT replicache.track_table('account', columns => '{id,name}');
ALTER TABLE account RENAME name TO "full name";
SELECT try('SELECT replicache.pull_since(NULL)');
UPDATE account SET token = 'newer';
SELECT try($$SELECT replicache.retrack('account')$$);
BEGIN;
ALTER TABLE account RENAME "full name" TO nick;
SELECT replicache.track_table('account', columns => '{id,nick}');
COMMIT;
SELECT sync();
ALTER TABLE account DROP nick;
SELECT try('SELECT replicache.pull_since(NULL)');
SELECT replicache.track_table('account', columns => '{far}');
SELECT sync();
-- The same rights as for any other value: those on what is read.
CREATE ROLE value_columns_app;
SELECT replicache.grant_usage('value_columns_app');
GRANT USAGE ON SCHEMA value_columns TO value_columns_app;
GRANT SELECT (id, far, version) ON account TO value_columns_app;
SET ROLE value_columns_app;
SELECT replicache.pull_since(NULL) -> 'patch';
RESET ROLE;
SELECT replicache.untrack_table('account');
-- lastMutationAt: answers of pulls and pushes have no other column, whatever expose_crud lists.
SET replicache.default_clock = 'time';
CREATE TABLE note (id text PRIMARY KEY DEFAULT 'n', user_id text NOT NULL, title text, body text, secret text DEFAULT 's');
SELECT replicache.track_table('note', space => 'user_id', columns => '{id,user_id,body,title}'), replicache.expose_crud('note');
SELECT body #>> '{data,mutations,0,data}' FROM replicache.sync_push('{"mutations":[{"type":"CREATE", "resource":"note", "data":{"title":"t", "secret":"mine"}}]}', -1, 'ann');
SELECT body #>> '{data,mutations,0,data}' FROM replicache.sync_pull(-1, 'ann');
SELECT replicache.expose_crud('note', columns => '{"heading":"title", "secret":"secret"}');
SELECT body #>> '{data,mutations,0,data}' FROM replicache.sync_pull(-1, 'ann');
SELECT secret FROM note;

DROP SCHEMA value_columns CASCADE;
DROP EXTENSION replicache_ext;
DROP OWNED BY value_columns_app;
DROP ROLE value_columns_app;
