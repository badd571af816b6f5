# A server goes back to an older state, by point-in-time recovery and by a dump, while clients are at work. After new_epoch() they
# recover by themselves.
use strict;
use warnings;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
my $steps = 50;
my $count = 'SELECT count(*) FROM done';

my $server = new_server('server', "max_connections = 40\nlog_statement = none\n");
$server->enable_archiving;
$server->restart;
Load::set_up($server);
$server->backup('base');
my $load = Load->start($server, seed => $seed, lossy => 1);
$load->wait_for($steps);

$server->safe_psql('postgres', "SELECT pg_create_restore_point('here')");
my $at_point = $server->safe_psql('postgres', $count);
$load->wait_for($steps);
$load->serve_nothing;
my $had = $server->safe_psql('postgres', $count);
$server->stop;  # archives the last of it

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($server, 'base', has_restoring => 1, standby => 0);
$restored->append_conf('postgresql.conf', "archive_mode = off\nrecovery_target_name = 'here'\nrecovery_target_action = promote\n");
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
my $has = $restored->safe_psql('postgres', $count);
ok($has > 0 && $has <= $at_point && $has < $had, "point-in-time recovery: $has rows of $had");
$restored->safe_psql('postgres', 'SELECT replicache.new_epoch()');
$load->serve($restored);
$load->wait_for($steps);

# A dump is a snapshot of its own.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
command_ok(['pg_dump', '-Fc', '-f', $dump, '-d', $restored->connstr('postgres')], 'a dump under load');
$load->wait_for($steps);
$load->serve_nothing;
# The old database is still there, but whoever is connected to it must not stay: what it still gave out after new_epoch() would be
# taken for good.
$restored->safe_psql('template1', 'ALTER DATABASE postgres ALLOW_CONNECTIONS false');
$restored->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'");
$restored->safe_psql('template1', 'CREATE DATABASE again TEMPLATE template0');
command_ok(['pg_restore', '--exit-on-error', '-d', $restored->connstr('again'), $dump], 'and its restore');
$restored->safe_psql('again', 'SELECT replicache.new_epoch()');
$load->serve($restored, database => 'again');
$load->wait_for($steps);
my $clients = $load->finish('after the restores');
is($clients->{"$_-1"}{forgotten}, 2, "the client of $_ has started afresh, twice") for qw(counter time transaction);

done_testing();
