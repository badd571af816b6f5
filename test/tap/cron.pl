# Garbage collection on the schedule of pg_cron, as docs/operations.md has it. The same job at each start of the server, since nobody
# wants to wait for half past three.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = qx(pg_config --pkglibdir) =~ s/\n//r . '/pg_cron.so';
plan skip_all => "pg_cron is not installed for this server ($library)" unless -e $library;

my $server = PostgreSQL::Test::Cluster->new('cron');
$server->init;
$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.use_background_workers = on\nmax_worker_processes = 20\n");
$server->start;
$server->safe_psql('postgres', q(
    CREATE EXTENSION pg_cron;
    CREATE EXTENSION replicache_ext;
    CREATE FUNCTION nop() RETURNS void LANGUAGE sql AS '';
    SELECT replicache.register_mutator('nop', 'nop()');
    SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"g", "mutations":[{"clientID":"old", "id":1, "name":"nop", "args":{}}]}');
    UPDATE replicache.client SET last_seen = last_seen - interval '100 days';
    SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"g", "mutations":[{"clientID":"new", "id":1, "name":"nop", "args":{}}]}');
    CREATE ROLE janitor LOGIN;
    GRANT USAGE ON SCHEMA replicache, cron TO janitor;
    GRANT EXECUTE ON FUNCTION replicache.collect_garbage TO janitor;
    SET ROLE janitor;
    SELECT cron.schedule('replicache garbage', '30 3 * * *', $$SELECT replicache.collect_garbage('90 days')$$);
    SELECT cron.schedule('at start', '@reboot', $$SELECT replicache.collect_garbage('90 days')$$);));
$server->restart;
ok($server->poll_query_until('postgres', q(SELECT status = 'succeeded' FROM cron.job_run_details), 't'), 'the job has run');
is($server->safe_psql('postgres', 'SELECT id FROM replicache.client'), 'new', 'and forgotten who was idle, as a role that may do nothing else');
is($server->safe_psql('postgres', 'SELECT count(DISTINCT command), count(*) FROM cron.job'), '1|2', 'the job is the one on the schedule');
$server->stop;
done_testing();
