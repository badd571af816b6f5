# The worker that sends pokes: when it comes, and that it is in nobody's way: databases that are dropped, copied and renamed, shutdowns,
# crashes, standbys, and where no worker can be had.
use strict;
use warnings;
use Pokes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

my $settings = q(
    replicache.poke_channel = 'replicache'
    restart_after_crash = on
    max_connections = 80
    statement_timeout = '120s'
    log_statement = none
);
my $server = new_server('worker', $settings);
my $worker = "backend_type = 'replicache poke worker'";
sub sql { return $server->safe_psql('postgres', join '; ', @_) }
sub session { return Session->new($server->connstr($_[0] // 'postgres')) }
sub set {
    my ($name, $value) = @_;
    $server->adjust_conf('postgresql.conf', $name, undef);
    $server->append_conf('postgresql.conf', "$name = $value") if defined $value;
}

sub set_now {
    my ($name, $value) = $_[0] =~ /^(\S+) = (.*)$/;
    set($name, $value);
    $server->reload;
}

# Each write is heard, whoever sends it.
my $n = 0;
sub hear_write {
    my ($writer, $ear) = @_;
    my $space = 'counter heard ' . ++$n;
    $writer->value("SELECT put('$space')");
    hear_until($ear, sub { ($_[0]{space} // 'everyone') =~ /^($space|everyone)$/ });
}
sub heard_in {
    my ($database, $what, $writer, $ear) = @_;
    $writer //= session($database);
    $ear //= listener($server, $database);
    hear_write($writer, $ear) for 1 .. 3;
    pass($what);
}

# No settings. The servers may be slow, so time between pokes is what there is at least.
set_up_pokes($server);
sub check_start {
    my ($how) = @_;
    my $writer = session();
    my $ear = listener($server);
    my $workers = '';
    for my $i (1 .. 3) {
        $writer->value("SELECT put('counter sparse')");
        is((hear_until($ear, sub { 1 }))[-1]{pid}, $writer->value('SELECT pg_backend_pid()'), "$how: a poke now and then is the transaction's");
        for (1 .. 11) { $workers .= worker_of($server); sleep 0.1 }
    }
    is($workers, '', "$how: and calls no worker");
    my $pid = wait_for_worker($server);
    # By a session that is there: the worker leaves within a second.
    my $workers_now = $writer->query("SELECT pid, backend_type, datname, usename IS NOT NULL FROM pg_stat_activity WHERE $worker")->{rows};
    is("@$workers_now", "$pid|replicache poke worker|postgres|t", "$how: several in a second call one, just one");
    wait_for_no_worker($server);
    pass("$how: which leaves when there is nothing to do");
}
check_start('no settings');
set('shared_preload_libraries', "'replicache_ext'");
$server->restart;
check_start('preloaded');
set('shared_preload_libraries', undef);
$server->restart;

# What waits for all sessions of a database to go, for 5 s, succeeds beside a worker.
sql("CREATE DATABASE origin");
set_up_pokes($server, 'origin');
{
    sql("CREATE DATABASE d$_ TEMPLATE origin") for 1 .. 4;
    my %waits = (d1 => 'DROP DATABASE d1', d2 => 'CREATE DATABASE copy TEMPLATE d2', d3 => 'ALTER DATABASE d3 RENAME TO other', d4 => "DROP DATABASE d4 (FORCE)");
    for my $database (sort keys %waits) {
        my $pid = wait_for_worker($server, $database);
        my $answer = session()->query($waits{$database});
        is($answer->{error}, undef, "$waits{$database}, with a worker there");
        $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die;
    }
    heard_in('copy', 'pokes in the copy');
    wait_for_worker($server, 'other');
    heard_in('other', 'pokes by a worker in the database with another name');

    sql("CREATE DATABASE owned TEMPLATE origin", 'CREATE ROLE owner LOGIN', 'ALTER DATABASE owned OWNER TO owner');
    my $owner = Session->new($server->connstr('postgres') . ' user=owner');
    wait_for_worker($server, 'owned');
    is($owner->query('DROP DATABASE owned (FORCE)')->{error}, '42501', 'an owner who is no superuser cannot end the worker');
    wait_for_no_worker($server, 'owned');
    is($owner->query('DROP DATABASE owned (FORCE)')->{error}, undef, 'but waits until it has gone');
    wait_for_worker($server, 'other');
    is(session()->query('ALTER DATABASE other RENAME TO again; DROP DATABASE again; DROP DATABASE copy')->{error}, undef, 'names and databases go');
    wait_for_worker($server, 'origin');
    is(session()->query('CREATE DATABASE other STRATEGY file_copy TEMPLATE origin')->{error}, undef, 'a copy of files, with a worker there');
}

# A worker that stays holds nobody up who waits for a sign of all processes.
sql('CREATE DATABASE stays TEMPLATE origin');
$server->append_conf('postgresql.conf', "replicache.poke_worker_idle = '1h'");
$server->reload;
wait_for_no_worker($server, 'origin');
{
    my $pid = wait_for_worker($server, 'stays');
    is(session()->query('CREATE DATABASE short TEMPLATE origin; DROP DATABASE short')->{error}, undef, 'DROP DATABASE of another one does not wait for a worker that stays');
    is(sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'it is still there');
    is(session()->query('DROP DATABASE stays')->{error}, '55006', 'its own database cannot be dropped');
    is(session()->query('DROP DATABASE stays (FORCE)')->{error}, undef, 'but by force');
}

# Two databases, each with its worker and pokes of its own; the extension goes and comes beside it.
{
    wait_for_worker($server, $_) for 'postgres', 'origin';
    is(sql("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_stat_activity WHERE $worker"), 'origin postgres', 'two databases have a worker each');
    my %ear = map { $_ => listener($server, $_) } 'postgres', 'origin';
    my %writer = map { $_ => session($_) } keys %ear;
    $writer{$_}->value("SELECT put('counter only $_')") for sort keys %writer;
    is(hear($ear{$_}, $writer{$_}), "replicache:counter only $_:1", "$_ hears its own") for sort keys %ear;

    my $pid = worker_of($server, 'origin');
    is($writer{origin}->query('DROP EXTENSION replicache_ext CASCADE; DROP TABLE item; DROP FUNCTION put')->{error}, undef, 'DROP EXTENSION, with a worker there');
    set_up_pokes($server, 'origin');
    heard_in('origin', 'and created anew');
    is($writer{origin}->query("SELECT put('counter anew')")->{error}, undef, 'in a session that knew the old one');
    is(hear($ear{origin}, $writer{origin}) =~ /counter anew:1/ ? 1 : 0, 1, 'heard');
    is(worker_of($server, 'origin'), $pid, 'by the same worker');
}

# A database that allows no connections any more. No worker can come, and it is not asked for all the time.
{
    sql('CREATE DATABASE closed TEMPLATE template1');
    set_up_pokes($server, 'closed');
    my ($writer, $ear) = (session('closed'), listener($server, 'closed'));
    my $start = time;
    sql('ALTER DATABASE closed ALLOW_CONNECTIONS false');
    do { hear_write($writer, $ear) } while time < $start + 3;
    pass('pokes where no worker can come');
    my @refusals = PostgreSQL::Test::Utils::slurp_file($server->logfile) =~ /database "closed" is not currently accepting connections/g;
    cmp_ok(scalar @refusals, '<=', 2 + log(1 + time - $start) / log 2, 'each attempt is later than the one before');
    sql('ALTER DATABASE closed ALLOW_CONNECTIONS true');
    heard_in('closed', 'and when they can connect again', $writer, $ear);

    # Notes that are left there when their worker is ended.
    my $pid = wait_for_worker($server, 'closed');
    commits_wait($server, \&set_now);
    $writer->send("SET synchronous_commit = on; SELECT put('counter closed left')");
    $server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") or die;
    $server->safe_psql('postgres', 'SET synchronous_commit = local; ALTER DATABASE closed ALLOW_CONNECTIONS false');
    $server->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
    $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die;
    commits_go_on($server, \&set_now);
    $writer->receive;
    $writer->value("SELECT put('counter closed next')");
    my %missing = map { ("counter closed $_" => 1) } qw(left next);
    hear_until($ear, sub { delete $missing{$_[0]{space} // ''}; %missing = () unless defined $_[0]{space}; !%missing });
    pass('what a worker has left goes out with the next poke');
}

# More databases than are kept in mind.
{
    my $count = 18;
    my $many = session();
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('origin', 'postgres') AND $worker");
    wait_for_no_worker($server, 'origin');
    is($many->query(join '; ', map { "CREATE DATABASE m$_ TEMPLATE origin" } 1 .. $count)->{error}, undef, "$count databases");
    my @sessions = map { [session("m$_"), listener($server, "m$_")] } 1 .. $count;
    for my $round (1 .. 4) {
        $_->[0]->value("SELECT put('counter round $round')") for @sessions;
        for my $session (@sessions) { hear_until($session->[1], sub { ($_[0]{space} // '') =~ /round $round$/ }) }
        pass('pokes in each');
    }
    note sql("SELECT count(*) FROM pg_stat_activity WHERE $worker") . ' workers';
    @sessions = ();
    is($many->query(join '; ', map { "DROP DATABASE m$_ (FORCE)" } 1 .. $count)->{error}, undef, 'which are dropped');
}

# No free process for a worker, then one for several databases.
for my $processes (0, 1) {
    set('max_worker_processes', $processes);
    set('max_logical_replication_workers', 0);
    $server->restart;
    wait_for_worker($server, 'origin') if $processes;
    heard_in('postgres', "pokes with $processes processes for workers") for 1, 2;
    is(worker_of($server), '', 'and no worker');
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $worker");
    heard_in('origin', "pokes with $processes processes for workers");
    next if $processes;
    # Nobody is there to notice that prepared transactions have ended, or were not prepared after all.
    my ($writer, $ear) = (session('postgres'), listener($server, 'postgres'));
    my @errors = grep { defined } map {
        $writer->query("BEGIN; SELECT put('counter p$_'); CREATE TEMP TABLE t$_ (); PREPARE TRANSACTION 'failed'");
        $writer->query('ROLLBACK');
        $writer->query("BEGIN; SELECT put('counter p$_'); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'")->{error}
    } 1 .. 70;
    is_deeply(\@errors, [], 'transactions with pokes are prepared one after another without a worker');
    heard($ear);
    $writer->query("SELECT put('counter after')");
    hear_until($ear, sub { !defined $_[0]{space} });
    pass('a later transaction sends what they have left');
}
set('max_worker_processes', 8);

# The queue of notifications is full, because somebody who listens does not read. Commits go on; the worker sends when there is room.
# Before 17 the queue has 8 GB.
my $small_queue = sql('SHOW server_version_num') >= 170000;
set('max_notify_queue_pages', 64) if $small_queue;
$server->restart;
SKIP: {
    skip 'the queue is too large to be filled', 3 unless $small_queue;
    wait_for_worker($server, 'origin');
    my $idle = session();
    $idle->query('LISTEN nothing; BEGIN; SELECT 1');
    my ($writer, $ear) = (session('origin'), listener($server, 'origin'));
    my $filler = session();
    my $error;
    until ($error) { $error = $filler->query("SELECT pg_notify('full', repeat('x', 7000))")->{error} }
    is($error, '54000', 'the queue of notifications is full');
    is($writer->query("SELECT put('counter full queue')")->{error}, undef, 'commits go on');
    $server->wait_for_log(qr/replicache poke worker could not notify/);
    my $pid = worker_of($server, 'origin');
    sql("SELECT pg_terminate_backend($pid)");
    $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die 'the worker does not end';
    $idle->query('COMMIT');
    hear_until($ear, sub { ($_[0]{space} // '') eq 'counter full queue' });
    pass('a worker sends when there is room, though the first one was ended');
}

# Ends of the server, with a worker there that has something to do.
for my $mode (qw(smart fast immediate)) {
    heard_in('origin', "before the $mode shutdown");
    wait_for_worker($server, 'origin');
    $server->safe_psql('origin', join ';', map { "SELECT put('counter last $_')" } 1 .. 20);
    $server->stop($mode);
    pass("$mode shutdown, with a worker there");
    $server->start;
    wait_for_worker($server, 'origin');
    heard_in('origin', 'and all goes on');
}
{
    # The worker waits for another session's notification, which waits for its commit.
    wait_for_worker($server, 'origin');
    commits_wait($server, \&set_now);
    my $holder = hold_notify($server);
    $server->safe_psql('origin', "SET synchronous_commit = local; SELECT put('counter held')");
    $server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE $worker AND wait_event_type = 'Lock'") or die 'the worker does not wait';
    set('synchronous_standby_names', "''");  # for the next start
    $server->stop('fast');
    pass('fast shutdown, with a worker that cannot send');
    $server->start;
    heard_in('origin', 'and all goes on');
}
{
    my $session = session('origin');
    my $pid = wait_for_worker($server, 'origin');
    my $start = $server->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
    kill 'KILL', $pid or die;
    $session->query('SELECT pg_sleep(60)');
    sleep 0.1 while $server->psql('postgres', 'SELECT 1') != 0;
    is($server->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $start, 'the worker is killed, and the server recovers');
    wait_for_worker($server, 'origin');
    heard_in('origin', 'and all goes on');
}

# A standby has no worker and no pokes of its own; when it is promoted, it has.
{
    $server->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 5");
    $server->restart;
    $server->backup('backup');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($server, 'backup', has_streaming => 1);
    $standby->start;
    wait_for_worker($server, 'postgres');
    $server->wait_for_catchup($standby, 'replay', $server->lsn('insert'));
    is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE $worker"), 0, 'no worker on a standby');
    $standby->promote;
    wait_for_worker($standby, 'postgres');
    pass('a worker after its promotion');
    $standby->stop('fast');
}

$server->stop('fast');
my $log = PostgreSQL::Test::Utils::slurp_file($server->logfile);
unlike($log, qr/PANIC|TRAP|could not notify: (?!too many)/, 'the log has no trouble');
my @killed = $log =~ /was terminated by signal/g;
is(scalar @killed, 1, 'but for the worker that was killed');
done_testing();
