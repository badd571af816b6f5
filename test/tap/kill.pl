# The server, or one of its processes, is killed at random points of a running load. Set SEED to one that was printed, and
# CHECK_LONG for many more rounds.
use strict;
use warnings;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
srand $seed;

my $server = new_server('kill', "restart_after_crash = on\nmax_connections = 30\nlog_statement = none\n");
Load::set_up($server);
my $load = Load->start($server, seed => $seed);

my %fault = (
    'the server is stopped at once' => sub { $server->stop('immediate'); $server->start },
    'the postmaster is killed' => sub {
        # Its children notice, but not at once, and as long as one is there no other server starts. It stands still while they
        # are counted, and makes no new ones.
        my $session = Session->new($server->connstr('postgres'));
        $session->query('SELECT 1');
        my ($postmaster) = PostgreSQL::Test::Utils::slurp_file($server->data_dir . '/postmaster.pid') =~ /^(\d+)/;
        kill 'STOP', $postmaster;
        my @children = @{$session->query('SELECT pid FROM pg_stat_activity')->{rows}};
        $server->kill9;
        sleep 0.02 while kill 0, @children;
        $server->start;
    },
    # The others end then, too, and the server starts again by itself; until it notices, it answers, and the dead one is on its list.
    'a backend is killed' => sub {
        my @backends = split /\n/, $server->safe_psql('postgres',
            "SELECT pid FROM pg_stat_activity WHERE query ~ 'replicache|write_directly' AND pid <> pg_backend_pid()");
        my $victim = $backends[rand @backends];
        kill 'KILL', $victim;
        $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $victim") or die;
    },
);
for my $round (1 .. ($ENV{CHECK_LONG} ? 30 : 2)) {
    for my $what (sort { $a->[1] <=> $b->[1] } map { [$_, rand] } sort keys %fault) {
        $load->wait_for(20 + int rand 60);
        sleep rand 0.1;
        note "round $round: $what->[0]";
        $fault{$what->[0]}->();
    }
}
$load->wait_for(50);
my $clients = $load->finish('after the crashes');
cmp_ok($clients->{$_}{unanswered}, '>', 0, "$_ has lost answers") for sort keys %$clients;

done_testing();
