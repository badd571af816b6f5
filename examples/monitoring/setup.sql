-- What monitoring may see: figures, and how often what is rejected. No users, no clients, no arguments.
-- Run it as the superuser who has created the extension.
CREATE ROLE replicache_monitor LOGIN;
GRANT pg_monitor TO replicache_monitor;
GRANT USAGE ON SCHEMA replicache TO replicache_monitor;

CREATE SCHEMA monitoring;
GRANT USAGE ON SCHEMA monitoring TO replicache_monitor;
-- A view reads as its owner, so the policy of mutation_error does not hide the errors of all users.
CREATE VIEW monitoring.rejection AS SELECT at, name, sqlstate FROM replicache.mutation_error;
CREATE VIEW monitoring.space AS SELECT clock, count(*) AS spaces, max(version) AS newest, count(*) FILTER (WHERE held IS NOT NULL) AS held FROM replicache.space GROUP BY clock;
CREATE VIEW monitoring.push AS SELECT last_seen FROM replicache.client WHERE last_seen > now() - interval '1 day';
GRANT SELECT ON ALL TABLES IN SCHEMA monitoring TO replicache_monitor;
