-- PUBLIC gets no rights. See grant_usage.
REVOKE ALL ON SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA replicache FROM PUBLIC;
-- This is safe, because the function writes nothing for tables that are not tracked. It is needed, because PostgreSQL demands
-- the right from everybody who creates a partition.
GRANT EXECUTE ON FUNCTION replicache.on_change() TO PUBLIC;
-- Monitoring. The right to use the schema is for you to grant, because it is more than that.
GRANT EXECUTE ON FUNCTION replicache.status(), replicache.check(regrole) TO pg_monitor;
