-- track_table(…, private, filter, part, parts): what it accepts, and what the registry keeps.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA private_options;
SET search_path = private_options, public;
\i sql/include/tracking.sql

CREATE TABLE doc (id int PRIMARY KEY, list_id uuid, title text, done boolean, made timestamptz, small smallint, code varchar(9), kind name,
    twice text GENERATED ALWAYS AS (title || title) STORED);
CREATE TABLE share (user_id text, list_id uuid, small bigint, title text, kind name);
CREATE VIEW options AS SELECT private, filter, part_column, parts FROM replicache.tracked_table WHERE relation = 'doc'::regclass;

SELECT replicache.track_table('doc', private => true);
TABLE options;
SELECT replicache.retrack('doc');
TABLE options;
-- A call replaces all options.
SELECT replicache.track_table('doc');
TABLE options;
SELECT replicache.track_table('doc', private => NULL);
TABLE options;

-- A filter implies private.
SELECT replicache.track_table('doc', private => false, filter => 't.done -- a comment');
TABLE options;
SELECT replicache.retrack('doc');
TABLE options;
SELECT replicache.track_table('doc', filter => '');
TABLE options;
-- It may read other tables, and the table itself.
SELECT replicache.track_table('doc', filter => 't.id IN (SELECT d.id FROM doc d ORDER BY d.made DESC LIMIT 10) OR list_id IN (SELECT s.list_id FROM share s)');
SELECT try($$SELECT replicache.track_table('doc', filter => 'done) OR (true')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'done, true')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'done FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'title')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'nope')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'u.done')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'id = $1')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'generate_series(1, 2) > 1')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'max(id) > 1')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'row_number() OVER () > 1')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'replicache.current_space()')$$);
-- Nothing of a refused call stays.
TABLE options;

-- Parts.
SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT s.list_id FROM share s WHERE s.user_id = replicache.current_user_id() -- mine');
TABLE options;
SELECT replicache.retrack('doc');
TABLE options;
SELECT replicache.track_table('doc', part => 'list_id', deleted => 'done', parts => '(SELECT list_id FROM share) UNION (SELECT NULL)');
SELECT replicache.track_table('doc', part => 'list_id', parts => 'WITH s AS (SELECT * FROM share) SELECT list_id FROM s');
SELECT replicache.track_table('doc', part => 'small', parts => 'SELECT small FROM share');
SELECT replicache.track_table('doc', part => 'code', parts => 'SELECT title FROM share');
SELECT replicache.track_table('doc', part => 'twice', parts => $$VALUES ('a')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id')$$);
SELECT try($$SELECT replicache.track_table('doc', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', private => true, part => 'list_id', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', filter => 'done', part => 'list_id', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'nope', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'done', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'kind', parts => 'SELECT kind FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'version', parts => 'SELECT small FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT title FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'title', parts => 'SELECT kind FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'title', parts => 'SELECT list_id FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id, title FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM share;')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM share) UNION (SELECT list_id FROM doc')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM share; SELECT list_id FROM doc')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id INTO other FROM share')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id INTO other FROM share UNION SELECT list_id FROM doc')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'DELETE FROM share RETURNING list_id')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'WITH s AS (DELETE FROM share RETURNING list_id) SELECT list_id FROM s')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM share FOR UPDATE')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM share WHERE user_id = $1')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'list_id')$$);
SELECT try($$SELECT replicache.track_table('doc', part => 'list_id', parts => 'SELECT list_id FROM nope')$$);
TABLE options;

-- The default of a new call is a table that all users see.
SELECT replicache.track_table('doc');
TABLE options;
-- Tables of the extension, too.
SELECT replicache.track_table('replicache.mutation_error', key => 'error/{error_id}', space => 'space', filter => 't.user_id = replicache.current_user_id()');
SELECT private, filter FROM replicache.tracked_table WHERE relation = 'replicache.mutation_error'::regclass;

\set VERBOSITY terse
DROP SCHEMA private_options CASCADE;
DROP EXTENSION replicache_ext CASCADE;
