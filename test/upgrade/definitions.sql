-- All that the extension consists of, a line each: the same whether it was created or updated.
SELECT 'member: ' || pg_describe_object(classid, objid, objsubid) FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'replicache_ext')
    AND classid <> 'pg_type'::regclass OR classid = 'pg_event_trigger'::regclass
UNION ALL
SELECT 'version: ' || extversion FROM pg_extension WHERE extname = 'replicache_ext'
UNION ALL
SELECT 'dumped: ' || t.oid::regclass || ' ' || t.condition FROM pg_extension e, unnest(extconfig, extcondition) t(oid, condition) WHERE extname = 'replicache_ext'
UNION ALL
SELECT 'schema: ' || concat_ws(' ', nspacl, obj_description(oid)) FROM pg_namespace WHERE nspname = 'replicache'
UNION ALL
SELECT 'function: ' || concat_ws(' ', pg_get_functiondef(oid), proacl, obj_description(oid),
        (SELECT i.initprivs::text FROM pg_init_privs i WHERE i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass)) FROM pg_proc p WHERE pronamespace = 'replicache'::regnamespace
UNION ALL
SELECT 'relation: ' || concat_ws(' ', oid::regclass, relkind, relpersistence, reloptions, relacl, obj_description(oid),
        (SELECT i.initprivs::text FROM pg_init_privs i WHERE i.objoid = c.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0))
    FROM pg_class c WHERE relnamespace = 'replicache'::regnamespace
UNION ALL
SELECT 'column: ' || concat_ws(' ', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attstorage, attnotnull, attidentity, attcollation::regcollation,
        pg_get_expr(d.adbin, d.adrelid), col_description(attrelid, attnum))
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
    WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'replicache'::regnamespace) AND attnum > 0
UNION ALL
SELECT 'index: ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'replicache'::regnamespace)
UNION ALL
SELECT 'constraint: ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'replicache'::regnamespace
UNION ALL
SELECT 'trigger: ' || concat_ws(' ', pg_get_triggerdef(oid), 'fires', tgenabled) FROM pg_trigger
    WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'replicache'::regnamespace) AND NOT tgisinternal
ORDER BY 1;
