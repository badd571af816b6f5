# No poke is lost, and no worker stays for nothing, when workers and writers are ended, and while workers come and go beside a load.
# CHECK_LONG for longer loads; SEED repeats what was left to chance.
use strict;
use warnings;
use Pokes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
srand $seed;

# The worker stays until it is told to go, but for the loads.
my $server = new_server('lost', q(replicache.poke_channel = 'replicache'
    replicache.poke_worker_idle = '1h'
    max_connections = 40
    statement_timeout = '120s'
    log_statement = none
));
set_up_pokes($server);
my $writer = Session->new($server->connstr('postgres'));
$writer->value("SELECT put('counter begin')");  # a session that knows our settings
my $ear = listener($server);
my $set = setter($server, $writer);

# Writers that die between the announcement of their pokes and the end of the commit are not waited for: the worker leaves.
{
    $writer->query('DROP TABLE IF EXISTS dot; CREATE TABLE dot (id int); INSERT INTO dot VALUES (1)');
    wait_for_worker($server);
    commits_wait($server, $set);
    my $holder = hold_notify($server);
    $server->safe_psql('postgres', "SET synchronous_commit = local; SELECT put('counter serial " . $_ . "')") for 1, 2;
    my %dying = map { $_ => Session->new($server->connstr('postgres')) } qw(timeout terminated cancelled);
    my %pid = map { $_ => $dying{$_}->value('SELECT pg_backend_pid()') } keys %dying;
    $dying{timeout}->query("SET lock_timeout = '10ms'");
    $dying{$_}->send("BEGIN; SELECT put('counter dies'); NOTIFY mine; COMMIT") for qw(terminated);
    $server->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid{terminated}") or die;
    $server->safe_psql('postgres', "SELECT pg_terminate_backend($pid{terminated})");
    is($dying{terminated}->receive->{lost}, 1, 'a writer is ended in its commit');
    $dying{cancelled}->send("BEGIN; SELECT put('counter dies'); NOTIFY mine; COMMIT");
    $server->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid{cancelled}") or die;
    $server->safe_psql('postgres', "SELECT pg_cancel_backend($pid{cancelled})");
    is($dying{cancelled}->receive->{error}, '57014', 'another one is cancelled there');
    is($dying{timeout}->query("BEGIN; SELECT put('counter dies'); NOTIFY mine; COMMIT")->{error}, '55P03', 'a third one waits too long');
    is($server->safe_psql('postgres', "SET synchronous_commit = local; SELECT count(*) FROM item WHERE space = 'counter dies'"), 0, 'nothing of them stands');
    commits_go_on($server, $set);
    $holder->receive;

    # A serialization failure that comes with the commit.
    my @pair = map { Session->new($server->connstr('postgres')) } 0, 1;
    for my $i (0, 1) {
        $pair[$i]->query("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM item WHERE space LIKE 'counter serial%'; SELECT sum(id) FROM dot");
    }
    $pair[$_]->query("INSERT INTO dot VALUES ($_); SELECT put('counter serial $_' || 1)") for 0, 1;
    my @ends = map { $_->query('COMMIT')->{error} // '' } @pair;
    is(join(' ', sort @ends), ' 40001', 'one of two serializable transactions fails');
    is(hear($ear, $writer) =~ /dies/ ? 'heard' : '', '', 'nobody hears of what failed');
    $set->("replicache.poke_worker_idle = '50ms'");
    wait_for_no_worker($server);
    pass('the worker does not wait for the dead');
}

# Notes that come after the end of the worker.
{
    $set->("replicache.poke_worker_idle = '1h'");
    my $pid = wait_for_worker($server);
    commits_wait($server, $set);
    my $late = Session->new($server->connstr('postgres'));
    my $late_pid = $late->value('SELECT pg_backend_pid()');
    my $ended = Session->new($server->connstr('postgres'));
    my $ended_pid = $ended->value('SELECT pg_backend_pid()');
    $late->send("SET synchronous_commit = on; SELECT put('counter late')");
    $ended->send("SET synchronous_commit = on; SELECT put('counter ended')");
    $server->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") or die;
    $server->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
    $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die 'the worker does not end';
    pass('the worker ends though a transaction has announced itself');
    heard($ear);
    # What is ended while it waits has committed.
    $server->safe_psql('postgres', "SELECT pg_terminate_backend($ended_pid)");
    hear_until($ear, sub { ($_[0]{space} // 'everyone') =~ /^(everyone|counter ended)$/ });
    pass('a note that comes after that calls a worker, though its writer is ended');
    commits_go_on($server, $set);
    hear_until($ear, sub { ($_[0]{space} // 'everyone') =~ /^(everyone|counter late)$/ });
    pass('and so does the next one');
    $late->receive;
}

# Nothing is lost while sessions write, and the worker is ended again and again, or goes and comes because writers pause.
my $round = 0;
sub check_load {
    my ($what, $seconds, $pause, $disturb) = @_;
    ++$round;
    my @spaces = map { my $i = $_; map { "$_ load $round/$i" } qw(counter time transaction) } 1 .. 4;
    my $all_ears = listener($server, 'postgres');
    my @writers = map { Session->new($server->connstr('postgres')) } @spaces;
    for my $i (0 .. $#spaces) {
        $writers[$i]->send(qq(DO \$\$ DECLARE until timestamptz := clock_timestamp() + '$seconds s'; n int := 0;
            BEGIN
                PERFORM setseed(@{[rand]});
                WHILE clock_timestamp() < until LOOP
                    n := n + 1;
                    PERFORM put('$spaces[$i]', 'row');
                    BEGIN
                        PERFORM put('$spaces[$i] never'), put('$spaces[$i]', 'row');
                        RAISE division_by_zero;
                    EXCEPTION WHEN division_by_zero THEN NULL; END;
                    IF n % 7 = 0 THEN PERFORM put('$spaces[$i] never'); ROLLBACK; CONTINUE; END IF;
                    IF n % 5 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
                    PERFORM pg_sleep($pause);
                END LOOP;
            END \$\$));
    }
    my (%newest, %count, %workers);
    my $hear = sub { $count{$_}++ for follow($all_ears, $server, 'postgres', \%newest) };
    my $end = time + $seconds;
    while (time < $end) { $workers{$_} = 1 for grep $_, $disturb->(); $hear->() }
    is(join(' ', map { $_->receive->{error} // () } @writers), '', "$what: writers go on");
    my %committed = versions_of($server, 'postgres');
    my $lost = sub { grep { ($newest{$_} // -1) < $committed{$_} } @spaces };
    my $patience = time + 60;
    while ($lost->() && time < $patience) { sleep 0.05; $hear->() }
    is(join('; ', map { "$_: heard " . ($newest{$_} // 'nothing') . ", committed $committed{$_}" } $lost->()), '', "$what: nothing is lost");
    is(join('; ', grep { $newest{$_} > $committed{$_} } grep { exists $newest{$_} } @spaces), '', "$what: nothing is heard that was not committed");
    is(join('; ', grep { /never$/ } keys %newest), '', "$what: nor of spaces that were left as they were");
    note "$what: " . scalar(keys %workers) . ' workers, ' . scalar(keys %count) . ' processes have notified';
    return scalar keys %workers;
}

my $seconds = $ENV{CHECK_LONG} ? 20 : 4;
my $worker = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'replicache poke worker'";
my $watch = Session->new($server->connstr('postgres'));
$set->("replicache.poke_worker_idle = '1s'");
check_load('in peace', $ENV{CHECK_LONG} ? 10 : 2, '0', sub { sleep 0.05; @{$watch->query($worker)->{rows}} });
check_load('the worker is ended all the time', $seconds, 'random() * 0.004', sub {
    sleep 0.05;
    map { /^(\d+)\|/ } @{$watch->query("SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'replicache poke worker'")->{rows}};
});
$set->("replicache.poke_worker_idle = '50ms'");
# All of them pause for about as long.
my $together = 'CASE WHEN n % 2 = 0 THEN random() * 0.005 + 0.06 - (extract(epoch FROM clock_timestamp())::numeric % 0.06)::float8 ELSE 0 END';
check_load('around the idle time-out', $seconds, $together, sub { sleep 0.02; @{$watch->query($worker)->{rows}} });

$server->stop('fast');
my $log = PostgreSQL::Test::Utils::slurp_file($server->logfile);
unlike($log, qr/PANIC|TRAP|was terminated by signal|could not notify/, 'the log has no trouble');
done_testing();
