-- Nothing for PUBLIC: see grant_usage.
REVOKE ALL ON SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA replicache FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA replicache FROM PUBLIC;
-- It makes nothing up for tables that are not tracked; and PostgreSQL wants the right from everybody who creates a partition.
GRANT EXECUTE ON FUNCTION replicache.on_change() TO PUBLIC;
