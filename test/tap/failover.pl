# A standby serves pulls while the primary is written, and takes over: first as a synchronous one, without losing anything; then
# as one that was behind, and clients recover by themselves after new_epoch().
use strict;
use warnings;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
my $steps = $ENV{CHECK_LONG} ? 3000 : 50;

sub add_standby {
    my ($primary, $name) = @_;
    $primary->backup("for $name");
    my $standby = PostgreSQL::Test::Cluster->new($name);
    $standby->init_from_backup($primary, "for $name", has_streaming => 1);
    $standby->start;
    return $standby;
}

sub take_over {
    my ($standby) = @_;
    $standby->promote;
    $standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
}

my $first = new_server('first', "max_connections = 40\nlog_statement = none\nhot_standby_feedback = on\n");
Load::set_up($first);
my $second = add_standby($first, 'second');
my $load = Load->start($first, seed => $seed);
$load->serve($first, standby => $second);
$load->wait_for($steps);

# The next commit waits for the standby, and so for all that came before it.
$first->safe_psql('postgres', $_) for "ALTER SYSTEM SET synchronous_standby_names = '*'", 'ALTER SYSTEM SET synchronous_commit = remote_apply',
    'SELECT pg_reload_conf()';
$first->poll_query_until('postgres', "SELECT sync_state = 'sync' FROM pg_stat_replication") or die;
$load->wait_for($steps);
$first->stop('immediate');
$load->serve_nothing;
take_over($second);
$load->serve($second);
$load->wait_for($steps);
my $clients = $load->finish('synchronous failover');
cmp_ok($clients->{direct}{unanswered}, '>', 0, 'there were requests without an answer');

my $third = add_standby($second, 'third');
$load = Load->start($second, seed => $seed + 100, run => 'b', lossy => 1);
$load->serve($second, standby => $third);
$load->wait_for($steps);
$load->serve($second);
$third->stop;
$load->wait_for($steps);
$load->serve_nothing;
my $count = "SELECT count(*) FROM done";
my $had = $second->safe_psql('postgres', $count);
$second->stop('immediate');
$third->start;
take_over($third);
cmp_ok($third->safe_psql('postgres', $count), '<', $had, 'what the standby did not have is lost');
$third->safe_psql('postgres', 'SELECT replicache.new_epoch()');
$load->serve($third);
$load->wait_for($steps);
$clients = $load->finish('asynchronous failover');
is($clients->{"$_-1b"}{forgotten}, 1, "the client of $_ has started afresh, once") for qw(counter time transaction);

done_testing();
