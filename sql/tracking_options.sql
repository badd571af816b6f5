-- track_table, untrack_table and resync: every option, and what they refuse. Keys are in tracking_keys.sql.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA tracking_options;
SET search_path = tracking_options;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/tracking.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE note (id int PRIMARY KEY, body text);
INSERT INTO note VALUES (1, 'one');

-- The defaults.
SELECT replicache.track_table('note');
SELECT * FROM replicache.tracked_table;
SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute
    JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 'note'::regclass;
SELECT indexdef FROM pg_indexes WHERE tablename = 'note' AND indexname <> 'note_pkey';
SELECT * FROM sync();
INSERT INTO note VALUES (2, 'two');
SELECT * FROM sync();

-- Again: nothing is doubled, and the next pull is complete.
SELECT replicache.track_table('note');
SELECT count(*) FROM replicache.tracked_table;
SELECT count(*) FROM pg_indexes WHERE tablename = 'note';
SELECT count(*) = count(DISTINCT tgname) FROM pg_trigger WHERE tgrelid = 'note'::regclass;
SELECT * FROM sync();

-- Other options: the old keys and values vanish.
SELECT replicache.track_table('note', 'n/{id}', $$jsonb_build_object('text', body, 'n', t.id)$$);
SELECT * FROM sync();
UPDATE note SET body = 'TWO' WHERE id = 2;
DELETE FROM note WHERE id = 1;
SELECT * FROM sync();
SELECT replicache.track_table('note', version => 'changed');
SELECT column_name FROM information_schema.columns WHERE table_name = 'note' ORDER BY ordinal_position;
SELECT * FROM sync();
INSERT INTO note VALUES (3, 'three');
SELECT * FROM sync();
SELECT changed > version FROM note WHERE id = 3;

-- untrack_table: a del for every entry; the columns stay; writes are no longer stamped.
SELECT replicache.untrack_table('note');
SELECT * FROM sync();
SELECT count(*) FROM replicache.tracked_table;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'note'::regclass;
CREATE TABLE versions AS SELECT id, version, changed FROM note;
UPDATE note SET body = 'silent';
INSERT INTO note VALUES (4, 'silent');
SELECT id FROM note JOIN versions v USING (id) WHERE (note.version, note.changed) IS DISTINCT FROM (v.version, v.changed);
SELECT version, changed FROM note WHERE id = 4;
SELECT * FROM sync();
SELECT try($$SELECT replicache.untrack_table('note')$$);
SELECT try($$SELECT replicache.resync('note')$$);
-- … and back: above the versions of the former life.
SELECT replicache.track_table('note', version => 'changed');
SELECT * FROM sync();
BEGIN READ ONLY;
SELECT try($$SELECT replicache.resync('note')$$);
COMMIT;
SELECT replicache.untrack_table('note');
DROP TABLE note, versions;
SELECT * FROM sync();

-- untrack_table, when rows were soft-deleted that some client does not know of.
CREATE TABLE soft (id int PRIMARY KEY, gone boolean);
SELECT replicache.track_table('soft', deleted => 'gone');
INSERT INTO soft VALUES (1, false), (2, NULL), (3, true), (4, false);
SELECT * FROM sync();
UPDATE soft SET gone = true WHERE id = 1;
DELETE FROM soft WHERE id = 4;
SELECT replicache.untrack_table('soft');
SELECT count(*) FROM sync() AS line WHERE line IN ('del soft/1', 'del soft/2', 'del soft/4') OR line ~ 'DIVERGED';
DROP TABLE soft;

-- untrack_table in several spaces; each gets its own.
CREATE TABLE many (id int PRIMARY KEY, room text NOT NULL);
SELECT replicache.track_table('many', space => 'room');
INSERT INTO many VALUES (1, 'a'), (2, 'b'), (3, 'b');
SELECT * FROM sync('a');
SELECT * FROM sync('b');
SELECT replicache.untrack_table('many');
SELECT * FROM sync('a');
SELECT * FROM sync('b');
DROP TABLE many;

-- resync: complete, once, though no row has changed.
CREATE TABLE note (id int PRIMARY KEY, body text);
CREATE FUNCTION shown(text) RETURNS json STABLE LANGUAGE sql AS 'SELECT to_json($1)';
SELECT replicache.track_table('note', value => 'tracking_options.shown(body)');
INSERT INTO note VALUES (1, 'one');
SELECT * FROM sync();
CREATE OR REPLACE FUNCTION shown(text) RETURNS json STABLE LANGUAGE sql AS 'SELECT to_json(upper($1))';
SELECT replicache.resync('note');
SELECT * FROM sync();
SELECT * FROM sync();
SELECT replicache.untrack_table('note');

-- What can be tracked.
CREATE VIEW note_view AS SELECT * FROM note;
CREATE MATERIALIZED VIEW note_matview AS SELECT * FROM note;
CREATE UNIQUE INDEX ON note_matview (id);
CREATE TEMP TABLE note_temp (id int PRIMARY KEY);
CREATE UNLOGGED TABLE note_unlogged (id int PRIMARY KEY);
CREATE FOREIGN DATA WRAPPER regress_replicache_fdw;
CREATE SERVER regress_replicache_server FOREIGN DATA WRAPPER regress_replicache_fdw;
CREATE FOREIGN TABLE note_foreign (id int NOT NULL) SERVER regress_replicache_server;
CREATE TABLE note_parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE note_part PARTITION OF note_parts FOR VALUES FROM (0) TO (9);
CREATE SEQUENCE note_sequence;
CREATE TYPE note_type AS (id int);
CREATE TABLE note_typed OF note_type (PRIMARY KEY (id));
SELECT relation, try(format('SELECT replicache.track_table(%L, %L)', relation, 'note/{id}')) FROM unnest('{note_view,note_matview,
    note_temp,note_unlogged,note_foreign,note_part,note_sequence,note_pkey,note_type,note_parts_pkey,note_typed}'::text[]) AS relation;
SELECT relation, try(format('SELECT replicache.track_table(%L, %L)', relation, 'note/{oid}')) FROM unnest('{pg_class,pg_proc,pg_authid}'::text[]) AS relation;
SELECT relation, try(format('SELECT replicache.track_table(%L)', 'replicache.' || relation))
    FROM unnest('{space,client_group,client,mutator,tracked_table}'::text[]) AS relation;
SELECT try($$SELECT replicache.track_table('nothing')$$);
SELECT try($$SELECT replicache.track_table(4294967295::oid::regclass)$$);
SELECT try($$SELECT replicache.untrack_table(4294967295::oid::regclass)$$);
SELECT try($$SELECT replicache.resync(0::oid::regclass)$$);
DROP VIEW note_view;
DROP MATERIALIZED VIEW note_matview;
DROP FOREIGN DATA WRAPPER regress_replicache_fdw CASCADE;

-- NULL is no table. Other arguments: NULL is the default.
SELECT try('SELECT replicache.track_table(NULL)');
SELECT try('SELECT replicache.untrack_table(NULL)');
SELECT try('SELECT replicache.resync(NULL)');
SELECT try($$SELECT replicache.track_table('note', version => NULL)$$);
SELECT try($$SELECT replicache.track_table('note', version => '')$$);
SELECT try($$SELECT replicache.track_table('note', NULL, NULL, NULL, NULL)$$);
SELECT key, value, space_column, deleted_column, version_column FROM replicache.tracked_table;
SELECT replicache.untrack_table('note');

-- version: any bigint column; one of another type, a generated one, or one that says something else is refused.
CREATE DOMAIN whole AS bigint;
CREATE TABLE v (id bigint PRIMARY KEY, small int, big bigint, dom whole, body text, flag boolean, space text,
    twice bigint GENERATED ALWAYS AS (id * 2) STORED, room bigint, auto bigint GENERATED ALWAYS AS IDENTITY);
SELECT version, try(format('SELECT replicache.track_table(''v'', version => %L)', version))
    FROM unnest('{small,body,flag,twice,id}'::text[]) AS version;
SELECT try($$SELECT replicache.track_table('v', version => 'room', space => 'room')$$);
SELECT try($$SELECT replicache.track_table('v', version => 'ctid')$$) ~ '^42701';
SELECT count(*) FROM replicache.tracked_table;
-- … values that were there before: the space goes on above them.
INSERT INTO v (id, big) VALUES (1, 1000000), (2, 5), (3, NULL), (4, -7);
SELECT replicache.track_table('v', version => 'big', value => 'to_json(id)');
SELECT * FROM sync();
UPDATE v SET body = 'x' WHERE id IN (3, 4);
INSERT INTO v (id, big) VALUES (5, 9999999);
SELECT id, big FROM v ORDER BY id;
SELECT * FROM sync();
SELECT replicache.track_table('v', version => 'auto', value => 'to_json(id)');
INSERT INTO v (id) VALUES (6);
SELECT count(*) FROM sync() AS line WHERE line IN ('clear', 'put v/6 6') OR line ~ 'DIVERGED';
SELECT replicache.untrack_table('v');
-- … an index that serves is used: on the version, or on space and version. One that does not, is not.
SELECT DISTINCT indexname FROM pg_indexes WHERE tablename = 'v' ORDER BY 1;
CREATE TABLE served (id int PRIMARY KEY, room text, version bigint);
CREATE INDEX served_1 ON served (version DESC, id);
SELECT replicache.track_table('served', version => 'version');
SELECT indexname FROM pg_indexes WHERE tablename = 'served' ORDER BY 1;
SELECT replicache.track_table('served', space => 'room');
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'served' ORDER BY 1;
SELECT replicache.untrack_table('served');
CREATE TABLE unserved (id int PRIMARY KEY, room text, version bigint);
CREATE INDEX unserved_1 ON unserved USING hash (version);
CREATE INDEX unserved_2 ON unserved USING brin (version);
CREATE INDEX unserved_3 ON unserved (version) WHERE id > 0;
CREATE INDEX unserved_4 ON unserved ((version + 0));
CREATE INDEX unserved_5 ON unserved (id, version);
CREATE INDEX unserved_6 ON unserved (id) INCLUDE (version);
SELECT replicache.track_table('unserved', version => 'version');
SELECT indexdef FROM pg_indexes WHERE indexname = 'unserved_version_idx';
SELECT replicache.untrack_table('unserved');

-- deleted and space: columns of the right type.
SELECT deleted, try(format('SELECT replicache.track_table(''v'', deleted => %L)', deleted)) FROM unnest('{body,small,none,"Flag"}'::text[]) AS deleted;
CREATE DOMAIN room AS text;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE s (id int PRIMARY KEY, t text, vc varchar(20), u uuid, s smallint, i int, b bigint, d room, version bigint,
    n numeric, f float8, c char(5), nm name, bl boolean, ts timestamptz, e mood, a text[], j jsonb, g text GENERATED ALWAYS AS ('g') STORED);
SELECT space, try(format('SELECT replicache.track_table(''s'', space => %L, version => ''version''); SELECT replicache.untrack_table(''s'')', space))
    FROM unnest('{t,vc,u,s,i,b,d,n,f,c,nm,bl,ts,e,a,j,g,none,version,tableoid}'::text[]) AS space;

-- value: one expression over the row, of type json or jsonb.
CREATE TABLE other (id int PRIMARY KEY, body text);
SELECT value, regexp_replace(try(format('SELECT replicache.track_table(''other'', value => %L)', value)), '( at or near| at end|\n  (HINT: No function|DETAIL: There is no function)).*', '') FROM unnest(ARRAY[
    'body', '1', $$'{}'$$, 'NULL', 'none', 'to_json(none)', 'to_json(x.id)', 'nothing(id)', 'to_json(id', 'to_json(id))', 'to_json(id),',
    'to_json(id), to_json(id)', 'to_json(id) AS v', 'to_json(id);', 'to_json(id); DROP TABLE other', 'to_json(id) FROM other', '*', 't.*',
    '-- to_json(id)', '/* to_json(id)', 'to_json(id) /*', $$to_json('id)$$, 'to_json($1)', 'to_json(count(*))', 'to_json(max(id))', 'json_agg(id)',
    'to_json(rank() OVER (ORDER BY t.id))', $$json_array_elements('[1,2]')$$, 'json_build_object($$id$$, generate_series(1, 2))',
    $$'{}'::json), t.id FROM other AS t UNION ALL SELECT ('{}'::json$$, $$'{}'::json), (1$$, '(SELECT to_json(1), 2)', 'to_json(id) ORDER BY 1', 'ARRAY[to_json(id)]'
    ]) WITH ORDINALITY AS u (value, n) ORDER BY n;
SELECT count(*) FROM replicache.tracked_table;
INSERT INTO other VALUES (1, 'one'), (2, NULL);
DELETE FROM cookie;
DELETE FROM entry;
CREATE FUNCTION shows(value text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM replicache.track_table('other', value => value);
    PERFORM replicache.untrack_table('other') FROM (SELECT count(*) FROM sync()) AS s;
    RETURN QUERY SELECT e.value FROM entry e WHERE key ~ '^other/' ORDER BY key;
END $$;
SELECT shows('to_jsonb(t)');
SELECT shows('row_to_json(t)');
SELECT shows('to_json(body) -- a comment');
SELECT shows('to_json(body) /* a comment */');
SELECT shows('NULL::json');
SELECT shows('(SELECT json_agg(o.id ORDER BY o.id) FROM tracking_options.other o WHERE o.id >= t.id)');
SELECT shows($$CASE WHEN body IS NULL THEN '[]' ELSE json_build_object('b', body) END$$);
SELECT shows($$json_build_object('user', replicache.current_user_id(), 'space', replicache.current_space(), 'version', replicache.current_version() > 0)$$);
SELECT shows($$'{ "a" :
 1 }'::json$$);
DROP TABLE v, served, unserved, s, other;

-- Only the owner.
CREATE ROLE regress_replicache_owner;
CREATE ROLE regress_replicache_other;
GRANT USAGE ON SCHEMA replicache, tracking_options TO regress_replicache_owner, regress_replicache_other;
GRANT CREATE ON SCHEMA tracking_options TO regress_replicache_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache TO regress_replicache_owner, regress_replicache_other;
GRANT ALL ON note TO regress_replicache_other;
SET ROLE regress_replicache_other;
SELECT try($$SELECT replicache.track_table('note')$$);
SELECT try($$SELECT replicache.track_table('pg_catalog.pg_class')$$);
RESET ROLE;
ALTER TABLE note OWNER TO regress_replicache_owner;
SET ROLE regress_replicache_owner;
SELECT replicache.track_table('note');
RESET ROLE;
SET ROLE regress_replicache_other;
SELECT try($$SELECT replicache.untrack_table('note')$$);
SELECT try($$SELECT replicache.resync('note')$$);
SELECT try($$SELECT replicache.track_table('note', 'mine/{id}')$$);
INSERT INTO note VALUES (2, 'two');
RESET ROLE;
SELECT * FROM sync();
SET ROLE regress_replicache_owner;
SELECT replicache.resync('note');
SELECT replicache.untrack_table('note');
RESET ROLE;
DROP OWNED BY regress_replicache_owner, regress_replicache_other;
DROP ROLE regress_replicache_owner, regress_replicache_other;

DROP SCHEMA tracking_options CASCADE;
DROP EXTENSION replicache_ext;
