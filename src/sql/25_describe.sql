-- What clients can call and get: for generators of types. Only catalogs are read, and no value of a user's type is made.

CREATE FUNCTION replicache.registered() RETURNS json
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'replicache_registered';
COMMENT ON FUNCTION replicache.registered() IS
'For describe(): what is registered, with the OIDs of functions and tables, as far as the calling role may use it.
Result: it may change in any version. Use describe().';

-- The recursion makes the planner expect millions of types. JIT would compile 374 functions, which takes 200 times as long as the query.
CREATE FUNCTION replicache.describe() RETURNS json
    LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
WITH RECURSIVE registered AS MATERIALIZED (
    SELECT replicache.registered() AS r
), called AS MATERIALIZED (
    SELECT 'mutators' AS kind, m.name, m.function, NULL::json AS parameters
    FROM registered, json_to_recordset(r -> 'mutators') AS m(name text, function oid)
    UNION ALL
    SELECT 'queries', q.name, q.function, q.parameters
    FROM registered, json_to_recordset(r -> 'queries') AS q(name text, function oid, parameters json)
), input AS MATERIALIZED (
    -- Of functions. Only these parameters count; the default is found by the number among all.
    SELECT p.oid AS function, u.type, u.name, u.n, pg_get_function_arg_default(p.oid, u.n::int) AS "default"
    FROM pg_proc p,
        unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes) WITH ORDINALITY AS u(type, name, mode, n)
    WHERE p.oid IN (SELECT function FROM called) AND coalesce(u.mode, 'i') IN ('i', 'b', 'v')
), whole AS MATERIALIZED (
    SELECT function FROM input GROUP BY function HAVING count(*) = 1 AND min(type) IN ('json'::regtype, 'jsonb'::regtype)
), function AS (
    SELECT p.oid, json_build_object(
        'function', p.oid::regprocedure::text,
        'comment', obj_description(p.oid, 'pg_proc'),
        'args', CASE WHEN w.function IS NULL THEN 'members' ELSE 'whole' END,
        'parameters', coalesce(i.parameters, '[]'),
        'strict', p.proisstrict,
        'result', format_type(p.prorettype, NULL)) AS description
    FROM pg_proc p
    LEFT JOIN whole w ON w.function = p.oid
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('name', name, 'type', format_type(type, NULL), 'default', "default") ORDER BY n) AS parameters
        FROM input
        WHERE function = p.oid AND w.function IS NULL) i ON true
    WHERE p.oid IN (SELECT function FROM called)
), template AS (
    SELECT c.name, json_build_object(
        'function', NULL,
        'comment', NULL,
        'args', CASE WHEN bool_or(p IS NOT NULL AND p ->> 'name' IS NULL) THEN 'whole' ELSE 'members' END,
        'parameters', coalesce(json_agg(json_build_object('name', p ->> 'name', 'type', NULL, 'default', p ->> 'default') ORDER BY n)
            FILTER (WHERE p ->> 'name' IS NOT NULL), '[]'),
        'strict', false,
        'result', NULL) AS description
    FROM called c
    LEFT JOIN LATERAL json_array_elements(c.parameters) WITH ORDINALITY AS u(p, n) ON true
    WHERE c.function IS NULL
    GROUP BY c.name
), listed AS (
    SELECT c.kind, json_agg(json_build_object('name', c.name, 'call', coalesce(f.description, t.description)) ORDER BY c.name COLLATE "C") AS list
    FROM called c
    LEFT JOIN function f ON f.oid = c.function
    LEFT JOIN template t ON t.name = c.name AND c.function IS NULL
    GROUP BY c.kind
), relation AS MATERIALIZED (
    SELECT t.relation, t.entries, t.value, t.types, t.exposed
    FROM registered, json_to_recordset(r -> 'tables') AS t(relation oid, entries json, value json, types json, exposed json)
), not_null(type) AS (
    SELECT oid FROM pg_type WHERE typtype = 'd' AND typnotnull
    UNION
    SELECT t.oid FROM not_null n JOIN pg_type t ON t.typbasetype = n.type AND t.typtype = 'd'
), attribute AS MATERIALIZED (
    SELECT a.attrelid AS relation, a.attnum AS n, a.attname::text AS name, a.atttypid AS type,
        NOT a.attnotnull AND a.atttypid NOT IN (SELECT type FROM not_null) AS nullable,
        CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) END AS "default",
        CASE WHEN a.attidentity = 'a' OR a.attgenerated <> '' THEN 'always' WHEN a.attidentity = 'd' THEN 'by default' END AS generated,
        a.attnum = ANY (i.indkey) AS key,
        array_position(i.indkey::int2[], a.attnum) AS key_position
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.relation AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (SELECT (indkey::int2[])[0:indnkeyatts - 1] AS indkey FROM pg_index WHERE indrelid = r.relation AND indisprimary) i ON true
), writable AS (
    -- What clients call the columns that they may write, and those of the key.
    SELECT r.relation, json_agg(json_build_object('name', w.client, 'column', a.name, 'writable', w.writable)
        ORDER BY a.n, w.client <> a.name, length(w.client), w.client COLLATE "C") AS columns
    FROM relation r
    JOIN attribute a ON a.relation = r.relation
    CROSS JOIN LATERAL (
        SELECT j.key AS client, a.name IS DISTINCT FROM r.exposed ->> 'version' AS writable
        FROM json_each_text(CASE json_typeof(r.exposed -> 'columns') WHEN 'object' THEN r.exposed -> 'columns' END) j
        WHERE j.value = a.name
        UNION ALL
        SELECT a.name, json_typeof(r.exposed -> 'columns') = 'null' AND a.generated IS DISTINCT FROM 'always'
            AND a.name IS DISTINCT FROM r.exposed ->> 'version'
        WHERE json_typeof(r.exposed -> 'columns') = 'null'
            OR NOT EXISTS (SELECT FROM json_each_text(r.exposed -> 'columns') j WHERE j.value = a.name)) w
    WHERE r.exposed IS NOT NULL AND (w.writable OR a.key)
    GROUP BY r.relation
), used(type) AS (
    SELECT type FROM (
        SELECT i.type FROM input i WHERE i.function NOT IN (SELECT function FROM whole)
        UNION ALL
        SELECT prorettype FROM pg_proc WHERE oid IN (SELECT function FROM called)
        UNION ALL
        SELECT type FROM attribute
        UNION ALL
        SELECT u.type::oid FROM relation r, json_array_elements_text(r.types) AS u(type)) s
    UNION
    SELECT v.type
    FROM used u
    JOIN pg_type t ON t.oid = u.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS type WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) v
), type AS (
    -- As json_categorize_type in utils/adt/jsonfuncs.c decides it.
    SELECT format_type(t.oid, NULL) AS name, CASE
        WHEN t.typtype = 'd' THEN
            json_build_object('kind', 'domain', 'of', format_type(t.typbasetype, NULL), 'nullable', t.oid NOT IN (SELECT type FROM not_null),
                'comment', obj_description(t.oid, 'pg_type'))
        WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN
            json_build_object('kind', 'array', 'of', format_type(t.typelem, NULL))
        WHEN t.typtype = 'c' THEN
            json_build_object('kind', 'composite', 'members', coalesce((
                SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL),
                    'nullable', a.atttypid NOT IN (SELECT type FROM not_null), 'comment', col_description(t.typrelid, a.attnum)) ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
                'comment', coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class')))
        WHEN t.typtype = 'e' THEN
            json_build_object('kind', 'enum', 'json', coalesce(c.json, 'string'), 'values', coalesce((
                SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '[]'),
                'comment', obj_description(t.oid, 'pg_type'))
        ELSE
            json_build_object('kind', CASE t.typtype WHEN 'r' THEN 'range' WHEN 'm' THEN 'range' WHEN 'p' THEN 'pseudo' ELSE 'base' END, 'json', CASE
                WHEN t.oid = 'boolean'::regtype THEN 'boolean'
                WHEN t.oid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype, 'double precision'::regtype, 'numeric'::regtype) THEN 'number'
                WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) OR t.typtype = 'p' THEN 'any'
                ELSE coalesce(c.json, 'string') END)
        END AS description
    FROM pg_type t
    LEFT JOIN LATERAL (
        SELECT 'any' AS json FROM pg_cast
        WHERE castsource = t.oid AND casttarget = 'json'::regtype AND castmethod = 'f' AND t.oid >= 16384) c ON true
    WHERE t.oid IN (SELECT type FROM used)
), description AS (
    SELECT n.nspname, c.relname, json_build_object(
        'schema', n.nspname,
        'name', c.relname,
        'comment', obj_description(c.oid, 'pg_class'),
        'primary_key', coalesce((SELECT json_agg(a.name ORDER BY a.key_position) FROM attribute a WHERE a.relation = c.oid AND a.key), '[]'),
        'columns', coalesce((
            SELECT json_agg(json_build_object('name', a.name, 'type', format_type(a.type, NULL), 'nullable', a.nullable, 'default', a."default",
                'generated', a.generated, 'comment', col_description(c.oid, a.n)) ORDER BY a.n)
            FROM attribute a
            WHERE a.relation = c.oid), '[]'),
        'entries', CASE WHEN r.entries IS NOT NULL THEN json_build_object(
            'key', r.entries -> 'key',
            'space', r.entries -> 'space',
            'version', r.entries -> 'version',
            'deleted', r.entries -> 'deleted',
            'depends_on_user', r.entries -> 'depends_on_user',
            'custom', r.entries -> 'custom',
            'value', r.value) END,
        'exposed', CASE WHEN r.exposed IS NOT NULL THEN json_build_object(
            'name', r.exposed -> 'name',
            'operations', r.exposed -> 'operations',
            'conflict', r.exposed -> 'conflict',
            'conflict_column', r.exposed -> 'conflict_column',
            'replace', r.exposed -> 'replace',
            'columns', coalesce(w.columns, '[]')) END) AS description
    FROM relation r
    JOIN pg_class c ON c.oid = r.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN writable w ON w.relation = r.relation
)
SELECT json_build_object(
    'format', 1,
    'version', (SELECT extversion FROM pg_extension WHERE extname = 'replicache_ext'),
    'mutators', coalesce((SELECT list FROM listed WHERE kind = 'mutators'), '[]'),
    'queues', r -> 'queues',
    'queries', coalesce((SELECT list FROM listed WHERE kind = 'queries'), '[]'),
    'tables', coalesce((SELECT json_agg(description ORDER BY nspname, relname) FROM description), '[]'),
    'types', coalesce((SELECT json_object_agg(name, description ORDER BY name COLLATE "C") FROM type), '{}'))
FROM registered
$$;
COMMENT ON FUNCTION replicache.describe() IS
'Describes what clients can call and get, as far as the calling role may: mutators, tables, queries, and their types. Programs make types for clients of it. It runs no code of others: defaults are texts, and nothing is evaluated.
Result: docs/typescript.md describes it, member by member. The order is the same in every call.';
