# CHECK_LONG only: many writers in several databases, while workers and writers are ended by chance, others hold up all notifications,
# and the worker's patience changes. Each space is heard of in the end.
use strict;
use warnings;
use Pokes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'takes a minute; set CHECK_LONG' unless $ENV{CHECK_LONG};
my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
srand $seed;

my $server = new_server('load', "replicache.poke_channel = 'replicache'\nmax_connections = 60\nlog_statement = none\n");
my @databases = map { "d$_" } 1 .. 4;
for my $database (@databases) {
    $server->safe_psql('postgres', "CREATE DATABASE $database");
    set_up_pokes($server, $database);
}
my %ear = map { $_ => listener($server, $_) } @databases;
my %newest = map { $_ => {} } @databases;
my (%ended, %notified);

my @writers = map { {database => $databases[$_ % 4], space => (qw(counter time transaction))[$_ % 3] . " $_", starts => 0} } 0 .. 15;
# Writes for a while: alone, in short transactions and long ones, with pauses, with notifications of its own, in a second channel.
sub start {
    my ($writer) = @_;
    my $space = $writer->{space};
    $writer->{starts}++;
    $writer->{session} = Session->new($server->connstr($writer->{database}));
    $writer->{pid} = $writer->{session}->value('SELECT pg_backend_pid()');
    $writer->{session}->send(qq(DO \$\$ DECLARE until timestamptz := clock_timestamp() + random() * interval '3 s'; n int := 0; pause float8 := random() * random() * 0.05;
        BEGIN
            PERFORM setseed(@{[rand]});
            WHILE clock_timestamp() < until LOOP
                n := n + 1;
                PERFORM put('$space', 'row'), put('$space and more ' || i) FROM generate_series(1, CASE WHEN random() < 0.01 THEN 500 WHEN random() < 0.2 THEN 5 ELSE 0 END) i;
                PERFORM put('$space', 'row');
                IF random() < 0.1 THEN PERFORM pg_notify('own', n::text); END IF;
                BEGIN
                    PERFORM put('$space never'), put('$space', 'row');
                    RAISE division_by_zero;
                EXCEPTION WHEN division_by_zero THEN NULL; END;
                IF random() < 0.1 THEN PERFORM put('$space never'); ROLLBACK; CONTINUE; END IF;
                PERFORM pg_sleep(pause) WHERE random() < 0.1;
                COMMIT;
                PERFORM pg_sleep(pause) WHERE random() < 0.3;
                IF random() < 0.003 THEN PERFORM pg_sleep(random() * 2); END IF;
            END LOOP;
        END \$\$));
    $writer->{until} = time + 3;
}

my $watch = Session->new($server->connstr('postgres'));
my $seconds = $ENV{SECONDS} // 60;
my $end = time + $seconds;
my $idle = 0;
start($_) for @writers;
my $terminator = Session->new($server->connstr('postgres'));
$terminator->send(qq(DO \$\$ DECLARE until timestamptz := clock_timestamp() + '$seconds s'; n int := 0;
    BEGIN
        WHILE clock_timestamp() < until LOOP
            n := n + count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = 'replicache poke worker' ORDER BY random() LIMIT 1) w;
            PERFORM set_config('test.ended', n::text, false);
            COMMIT;
            PERFORM pg_sleep(random() * random() * 0.5);
        END LOOP;
    END \$\$; SHOW test.ended));
while (time < $end) {
    sleep 0.03;
    $notified{$_} = 1 for map { follow($ear{$_}, $server, $_, $newest{$_}) } @databases;
    if (rand() < 0.2) {
        my $writer = $writers[rand @writers];
        $watch->query("SELECT pg_terminate_backend($writer->{pid})");
        $ended{writer}++;
        $writer->{until} = 0;
    }
    if (rand() < 0.02) {
        $idle = (0, 10, 50, 200, 1000)[rand 5];
        Session->new($server->connstr('d1'))->query("SELECT replicache.status(); ALTER SYSTEM SET replicache.poke_worker_idle = $idle; SELECT pg_reload_conf()");
    }
    for my $writer (grep { $_->{until} < time } @writers) {
        my $answer = $writer->{session}->receive;
        is($answer->{error}, undef, "$writer->{space} goes on") unless $answer->{lost};
        start($writer);
    }
}
for my $writer (@writers) {
    my $answer = $writer->{session}->receive;
    is($answer->{error}, undef, "$writer->{space} goes on") unless $answer->{lost};
}
$ended{worker} = $terminator->receive->{rows}[0];
for my $database (@databases) {
    my %committed = versions_of($server, $database);
    my $newest = $newest{$database};
    my $lost = sub { grep { ($newest->{$_} // -1) < $committed{$_} } keys %committed };
    my $patience = time + 60;
    while ($lost->() && time < $patience) { sleep 0.05; follow($ear{$database}, $server, $database, $newest) }
    is(join('; ', map { "$_: heard " . ($newest->{$_} // 'nothing') . ", committed $committed{$_}" } $lost->()), '', "$database: nothing is lost");
    is(join('; ', grep { $newest->{$_} > ($committed{$_} // -1) } keys %$newest), '', "$database: nothing is heard that was not committed");
}
note "$ended{worker} workers and $ended{writer} writers were ended; " . scalar(keys %notified) . ' processes have notified';
my $starts = 0;
$starts += $_->{starts} for @writers;
note "$starts times a writer began";

# Nobody is waited for any more.
wait_for_no_worker($server);
pass('all workers leave');
$server->stop('fast');
unlike(PostgreSQL::Test::Utils::slurp_file($server->logfile), qr/PANIC|TRAP|was terminated by signal|could not notify/, 'the log has no trouble');
done_testing();
