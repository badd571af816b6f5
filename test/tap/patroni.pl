# Two servers that Patroni keeps, under load. Leaders are killed and changed, pulls come from the standby all the while. In synchronous
# mode nothing that was acknowledged is lost. In asynchronous mode a kill may lose something, and new_epoch() lets clients start afresh.
use strict;
use warnings;
use Load;
use Patroni;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

plan skip_all => Patroni::missing() if Patroni::missing();
my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
my $steps = $ENV{CHECK_LONG} ? 1000 : 50;
my $rounds = $ENV{CHECK_LONG} ? 5 : 1;

# A connection string is all that an application needs. Pulls have one of their own.
sub standby_of { my ($cluster) = @_; return bless {cluster => $cluster}, 'Standby' }
sub Standby::connstr { my ($self, $database) = @_; return $self->{cluster}->connstr($database, 'prefer-standby') }

my $cluster = Patroni->new(synchronous => 1);
Load::set_up($cluster);
my $load = Load->start($cluster, seed => $seed, standby => standby_of($cluster));
$load->wait_for($steps);
my $pulls = "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%replicache.pull(%'";
is(Session->new($cluster->connstr('postgres', 'standby'))->value($pulls), 't', 'the standby serves pulls');
for my $round (1 .. $rounds) {
    my $old = $cluster->kill_leader;
    $load->wait_for($steps);
    isnt($cluster->leader, $old, 'the standby has taken over');
    $cluster->start_node($old);
    $cluster->wait_for_standby;
    pass("$old has come back as the standby");
    $cluster->switch_over;
    $load->wait_for($steps);
    is($cluster->leader, $old, 'a planned change makes it the leader again');
    $cluster->wait_for_standby if $round < $rounds;
}
my $clients = $load->finish('synchronous mode');
cmp_ok($clients->{direct}{unanswered}, '>', 0, 'there were requests without an answer');
$cluster->stop;

if ($ENV{CHECK_LONG}) {
    # A planned change loses nothing here, either.
    $cluster = Patroni->new(synchronous => 0);
    Load::set_up($cluster);
    $load = Load->start($cluster, seed => $seed + 100, standby => standby_of($cluster));
    $load->wait_for($steps);
    for (1 .. $rounds) {
        $cluster->switch_over;
        $load->wait_for($steps);
        $cluster->wait_for_standby;
    }
    $load->finish('asynchronous mode, planned changes');

    # The standby is away when the leader dies, and comes back alone.
    $load = Load->start($cluster, seed => $seed + 200, run => 'b', lossy => 1, standby => standby_of($cluster));
    $load->wait_for($steps);
    my ($old, $new) = ($cluster->leader, grep { $_ ne $cluster->leader } $cluster->names);
    $cluster->kill_node($new);
    $load->wait_for($steps);
    $load->serve_nothing;
    my $count = 'SELECT count(*) FROM done';
    my $had = $cluster->safe_psql('postgres', $count);
    $cluster->kill_node($old);
    $cluster->start_node($new);
    cmp_ok($cluster->safe_psql('postgres', $count), '<', $had, 'what the standby did not have is lost');
    $cluster->safe_psql('postgres', 'SELECT replicache.new_epoch()');
    $load->serve($cluster, standby => standby_of($cluster));
    $load->wait_for($steps);
    $cluster->start_node($old);
    $cluster->wait_for_standby;
    is($cluster->leader, $new, "$old has come back as the standby, without what it had alone");
    $load->wait_for($steps);
    $clients = $load->finish('asynchronous mode');
    is($clients->{"$_-1b"}{forgotten}, 1, "the client of $_ has started afresh, once") for qw(counter time transaction);
}

done_testing();
