# What a poke means, whether a worker sends it or the transaction itself: nothing comes too early, and a worker that cannot keep up holds
# nobody up. SEED repeats what was left to chance, CHECK_LONG takes more chances.
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

# The worker stays until it is told to go.
my $server = new_server('pokes', q(replicache.poke_channel = 'replicache'
    replicache.poke_worker_idle = '1h'
    max_connections = 40
    statement_timeout = '120s'
    log_statement = none
));
set_up_pokes($server);
my $server_version = $server->safe_psql('postgres', 'SHOW server_version_num');
my $writer = Session->new($server->connstr('postgres'));
my $writer_pid = $writer->value('SELECT pg_backend_pid()');
my $ear = listener($server, 'postgres', 'replicache', 'a', 'b');
my $n = 0;

my $set = setter($server, $writer);

# Figures of replicache.status().
sub figures {
    return map { split /\|/ } @{$writer->query("SELECT substring(topic FROM 'pokes_(.*)'), value FROM replicache.status() WHERE topic LIKE 'pokes%'")->{rows}};
}

# A prepared transaction pokes everyone after its commit, whoever commits it.
sub check_prepared {
    my ($how, $sender, $space, $poked) = @_;
    my $prepare = sub { $writer->query("BEGIN; SELECT put('$space'); PREPARE TRANSACTION 'p'") };
    if ($sender ne 'worker') {
        is($prepare->()->{error}, '55000', "$how: PREPARE TRANSACTION is refused with a poke");
        is($writer->query('ROLLBACK')->{error}, undef, "$how: it is rolled back");
        is($server->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), 0, "$how: and nothing is prepared");
        return;
    }
    my $to_everyone = sub { !defined $_[0]{space} && $_[0]{channel} eq 'replicache' };
    is($prepare->()->{error}, undef, "$how: a transaction with a poke is prepared");
    is(hear($ear, $writer), '', "$how: it has not poked yet");
    my @workers = (worker_of($server));
    $server->safe_psql('postgres', "COMMIT PREPARED 'p'");
    hear_until($ear, $to_everyone);
    pass("$how: it pokes everyone when it is committed");
    $prepare->();
    $server->safe_psql('postgres', "ROLLBACK PREPARED 'p'");
    is($poked->("SELECT 1"), '', "$how: not when it is rolled back");
    is($poked->("BEGIN; UPDATE item SET n = n WHERE space = '$space'; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'"), '', "$how: nor when it has changed nothing");
    # The worker that was there may go.
    $prepare->();
    $server->safe_psql('postgres', "SELECT pg_terminate_backend($workers[0])");
    $server->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $workers[0])") or die 'the worker stays';
    $server->safe_psql('postgres', "COMMIT PREPARED 'p'");
    hear_until($ear, $to_everyone);
    wait_for_worker($server);
    isnt(worker_of($server), $workers[0], "$how: another worker pokes, if that of before has ended");
}

# The same with and without a worker.
sub check_meaning {
    my ($how, $sender) = @_;
    heard($ear);
    my $poked = sub {
        my ($statements) = @_;
        my $answer = $writer->query($statements);
        is($answer->{error}, undef, "$how: no error") if $answer->{error};
        my $text = hear($ear, $writer);
        return $text =~ s/(?<=:)\d{2,}/N/gr;
    };
    my $space = 'counter ' . ++$n;
    is($poked->("INSERT INTO item VALUES ('$n a', '$space'), ('$n b', '$space')"), "replicache:$space:1", "$how: a transaction pokes");
    is($poked->("BEGIN; UPDATE item SET n = 7 WHERE space = '$space'; INSERT INTO item VALUES ('$n c', '$space'); SAVEPOINT s; DELETE FROM item WHERE id = '$n c'; RELEASE s; COMMIT"),
        "replicache:$space:2", "$how: once, whatever it has changed");
    is($poked->("UPDATE item SET n = n WHERE space = '$space'; DELETE FROM item WHERE false"), '', "$how: not when nothing has changed");
    is($poked->("BEGIN; UPDATE item SET n = 8 WHERE space = '$space'; ROLLBACK"), '', "$how: not when it is rolled back");
    is($poked->("BEGIN; SAVEPOINT s; UPDATE item SET n = 8 WHERE space = '$space'; ROLLBACK TO s; COMMIT"), '', "$how: nor by a savepoint that is rolled back");
    is($poked->("BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT put('$space b'); RELEASE b; SELECT put('$space c'); ROLLBACK TO a; SELECT put('$space d'); SAVEPOINT e; SELECT put('$space e');
        SAVEPOINT f; SELECT put('$space f'); ROLLBACK TO f; RELEASE e; COMMIT"), "replicache:$space d:1 replicache:$space e:1", "$how: only what stands");
    is($poked->("BEGIN; SAVEPOINT s; UPDATE item SET n = 9 WHERE space = '$space'; ROLLBACK TO s; UPDATE item SET n = 10 WHERE space = '$space'; COMMIT"),
        "replicache:$space:3", "$how: rolled back, and done again");
    is($poked->("DO 'BEGIN PERFORM put(''$space x''); BEGIN PERFORM put(''$space y''); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END; END'"),
        "replicache:$space x:1", "$how: nor what an exception block takes back");
    is($poked->("DO 'BEGIN PERFORM put(''$space p''); COMMIT; PERFORM put(''$space q''); ROLLBACK; PERFORM put(''$space r''); END'"),
        "replicache:$space p:1 replicache:$space r:1", "$how: transactions of a procedure");
    is($poked->("BEGIN; SELECT put('time $n'), put('time $n', 'b'); SELECT put('time $n', 'c'); SELECT put('transaction $n'), put('transaction $n', 'b'); COMMIT"),
        join(' ', map { "replicache:$_ $n:N" } qw(transaction time)), "$how: the other clocks");

    # Channels.
    is($poked->("SET replicache.poke_channel = 'a'; UPDATE item SET n = n + 1 WHERE space = '$space'; RESET replicache.poke_channel; UPDATE item SET n = n + 1 WHERE space = '$space'"),
        "a:$space:4 replicache:$space:5", "$how: the channel is the transaction's");
    is(join(' ', sort split / (?=[ab]:)/, $poked->("BEGIN; SET LOCAL replicache.poke_channel = 'a'; SELECT put('$space g'); SET LOCAL replicache.poke_channel = 'b'; SELECT put('$space h'); COMMIT")),
        "a:$space g:1 b:$space h:1", "$how: or several");
    is($poked->("SET replicache.poke_channel = ''; SELECT put('$space g'); SET replicache.poke_channel = 'nobody listens'; SELECT put('$space h'); RESET replicache.poke_channel"),
        '', "$how: or none");
    is($poked->("SET replicache.poke_names = off; BEGIN; SELECT put('$space g'); SAVEPOINT s; SELECT put('$space h'); RELEASE s; COMMIT; RESET replicache.poke_names"),
        'replicache:everyone:', "$how: without names, once");
    my $all = '';
    for my $odd (q(it''s), '"', '\\', '{"space":"x"}', '; DROP', 'ü', '😀') {
        is($writer->query("SELECT put('counter $n $odd')")->{error}, undef, "$how: a space with an odd name");
    }
    is(scalar(split(/ replicache:/, hear($ear, $writer))), 7, "$how: odd names");
    $writer->query("INSERT INTO item VALUES ('long $n', 'l$n' || repeat(E'\\x01', 990))");
    my ($long) = hear_until($ear, sub { length($_[0]{space} // '') > 900 });
    is(length($long->{space}), 990 + length "l$n", "$how: a name that is as long as it can be, in a payload that is six times as long");

    # Who sends.
    $writer->query("SELECT put('$space')");
    my @last = hear_until($ear, sub { ($_[0]{space} // '') eq $space });
    if ($sender eq 'worker') { isnt($last[-1]{pid}, $writer_pid, "$how: another process notifies") }
    else { is($last[-1]{pid}, $writer_pid, "$how: the writer notifies") }
    check_prepared($how, $sender, $space, $poked);
    is($poked->("SELECT put('$space g')"), "replicache:$space g:4", "$how: what comes then is as before");
}

$writer->query('SET replicache.poke_mode = transaction');
check_meaning('in the transaction', 'writer');
$writer->query('RESET replicache.poke_mode');
my %before = figures();
$writer->query("SELECT put('counter figures')");
is({figures()}->{in_transaction}, $before{in_transaction} + 1, 'status() counts transactions that found no worker');
wait_for_worker($server);
check_meaning('by the worker', 'worker');
# The writer that has chosen the transaction has all in its hands, also beside a worker.
$writer->query('SET replicache.poke_mode = transaction');
my @own = do { $writer->query("SELECT put('counter own')"); hear_until($ear, sub { ($_[0]{space} // '') eq 'counter own' }) };
is($own[-1]{pid}, $writer_pid, 'poke_mode = transaction beside a worker');
$writer->query('RESET replicache.poke_mode');

# More channels than the area keeps. They come and go, together with others.
{
    my @channels = map { "channel $_" } 1 .. 12;
    my $everywhere = listener($server, 'postgres', @channels);
    my $write = sub {
        my ($space, @of) = @_;
        $writer->query(join '; ', 'BEGIN', (map { ("SET LOCAL replicache.poke_channel = '$_'", "SELECT put('counter $space $_')") } @of), 'COMMIT');
        my %missing = map { ("$_: counter $space $_" => 1) } @of;
        hear_until($everywhere, sub { delete $missing{"$_[0]{channel}: " . ($_[0]{space} // '')}; !%missing });
        pass("channels: @of");
    };
    $write->("one $_", $_) for @channels, @channels;
    $write->('all', @channels);
    # Each pair has one that was used last, and one that is new.
    $write->("pair $_", @channels[$_ % 12, ($_ + 5) % 12]) for 0 .. 23;
    $write->("three $_", @channels[map { int rand 12 } 1 .. 3]) for 0 .. 23;
    my $longest = 'c' x 63;
    my $there = listener($server, 'postgres', $longest);
    $writer->query("SET replicache.poke_channel = '$longest'; SELECT put('counter longest'); RESET replicache.poke_channel");
    is((hear_until($there, sub { 1 }))[0]{space}, 'counter longest', 'the longest name of a channel');
}

# After the commit. A commit waits for a standby that never comes. Nobody hears of it before it is done, and it holds nobody up.
{
    wait_for_worker($server);
    commits_wait($server, $set);
    my %waiting = map { $_ => Session->new($server->connstr('postgres')) } qw(counter time transaction);
    $waiting{$_}->send("SET synchronous_commit = on; SELECT put('$_ waits')") for sort keys %waiting;
    $server->poll_query_until('postgres', "SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") or die 'they do not wait';
    $writer->query('SET synchronous_commit = local');
    is(hear($ear, $writer), '', 'a commit that waits has not poked, and others do');
    is(hear($ear, $writer), '', 'as before');
    is($server->safe_psql('postgres', "SELECT count(*) FROM item WHERE space LIKE '% waits'"), 0, 'nor is it to be seen');
    commits_go_on($server, $set);
    my %missing = map { ("$_ waits" => 1) } keys %waiting;
    hear_until($ear, sub { delete $missing{$_[0]{space} // ''}; !%missing });
    is($server->safe_psql('postgres', "SELECT count(*) FROM item WHERE space LIKE '% waits'"), 3, 'then all hear of them, and see them');
    $_->receive for values %waiting;
}

# Who pulls when they hear that a table is tracked gets its rows, also where processes wait for each other's processor.
{
    $writer->query("CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1); SELECT replicache.track_table('late')");
    wait_for_worker($server);
    my $reader = Session->new($server->connstr('postgres'));
    my $pull = q(SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}'));
    my @busy = map { my $pid = fork // die "fork: $!"; if (!$pid) { alarm 120; 1 while 1 } $pid } 1 .. 3;
    my $missing = 0;
    for (1 .. ($ENV{CHECK_LONG} ? 500 : 50)) {
        $writer->query("SELECT replicache.untrack_table('late')");
        my $version = $reader->value("SELECT version FROM replicache.space WHERE id = ''");
        $reader->value($pull);
        $writer->send("SELECT replicache.track_table('late')");
        hear_until($ear, sub { ($_[0]{space} // '') eq '' && ($_[0]{version} // 0) > $version });
        $missing++ unless $reader->value($pull) =~ m{late/1};
        $writer->receive;
    }
    kill 'KILL', @busy;
    waitpid $_, 0 for @busy;
    is($missing, 0, 'who hears that a table is tracked gets its rows');
    $writer->query('DROP TABLE late');
    hear($ear, $writer);
}

# While somebody else holds up all notifications, commits go on. What comes together goes out together.
{
    wait_for_worker($server);
    commits_wait($server, $set);
    my $holder = hold_notify($server);
    my %before = figures();
    $writer->query("SET synchronous_commit = local");
    is($writer->query(join '; ', map { "SELECT put('counter held " . $_ % 5 . "')" } 1 .. 100)->{error}, undef, 'commits do not wait for NOTIFY');
    is(scalar(heard($ear)), 0, 'and nothing is heard');
    my %held = figures();
    is($held{sent}, $before{sent}, 'nothing is sent, as status() tells');
    is($held{waiting} + $held{coalesced} - $before{coalesced}, 100, 'but waits');
    commits_go_on($server, $set);
    my %versions;
    hear_until($ear, sub { $versions{$_[0]{space} // ''} = $_[0]{version}; 5 == grep { ($versions{"counter held $_"} // 0) == 20 } 0 .. 4 });
    pass('the newest version of each is heard');
    my %after = figures();
    for (1 .. 100) { last if $after{waiting} == 0; sleep 0.1; %after = figures() }
    is($after{waiting}, 0, 'then nothing waits');
    is($after{sent} + $after{coalesced} - $before{sent} - $before{coalesced}, 100, 'each note is sent, or goes out with another one');
    cmp_ok($after{coalesced}, '>', $before{coalesced}, 'some do');
    $holder->receive;
    $writer->query('RESET synchronous_commit');
}

# More notes than there is room for: everybody is poked.
{
    my $pid = stopped_worker($server);
    heard($ear);
    is($writer->query("SELECT put('counter full')")->{error}, undef, 'a commit goes on while the worker stands still');
    is($writer->query(join '; ', map { "SELECT put('counter over $_ ' || repeat('x', 100))" } 1 .. 300)->{error}, undef, 'and 300 do');
    is($writer->query("SET replicache.poke_channel = 'b'; SELECT put('counter b'); RESET replicache.poke_channel")->{error}, undef, 'on another channel, too');
    # Where there is no room for its channel, it has notified itself.
    my @early = heard($ear);
    is(scalar(grep { $_->{channel} ne 'b' } @early), 0, 'and nothing is heard');
    kill 'CONT', $pid or die;
    my %everyone = (b => scalar @early);
    my @all = hear_until($ear, sub { $everyone{$_[0]{channel}} ||= !defined $_[0]{space}; $everyone{replicache} && ($everyone{b} || ($_[0]{space} // '') eq 'counter b' )});
    is(scalar(grep { ($_->{space} // '') eq 'counter full' } @all), 1, 'what came while there was room is named');
    is(scalar(grep { !defined $_->{space} && $_->{channel} eq 'replicache' } @all), 1, 'for the rest everybody is poked, once');
    is(hear($ear, $writer) =~ s/b:(everyone|counter b)\S* ?//r, '', 'and then it is as before');

    # One transaction with more than there is room for.
    heard($ear);
    is($writer->query("SELECT count(put('counter many ' || n)) FROM generate_series(1, 2000) n")->{error}, undef, 'a transaction with very many spaces');
    my %seen;
    hear_until($ear, sub { $seen{$_[0]{space} // 'everyone'} = 1; $seen{everyone} || 2000 == grep /many/, keys %seen });
    pass('is heard of');
    is(hear($ear, $writer) =~ s/replicache:counter many \d+:1 ?//gr, '', 'and then it is as before');
}

# Settings of the database are not the worker's.
{
    $server->safe_psql('postgres', 'CREATE DATABASE settings');
    set_up_pokes($server, 'settings');
    my ($there, $ear_there) = (Session->new($server->connstr('settings')), listener($server, 'settings'));
    my $pid = $there->value('SELECT pg_backend_pid()');
    $server->safe_psql('postgres', join '', map { "ALTER DATABASE settings SET $_;" } "statement_timeout = '1ms'", "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'", $server_version >= 170000 ? "transaction_timeout = '1ms'" : (), "search_path = ''",
        "default_transaction_isolation = 'serializable'", 'default_transaction_deferrable = on', 'default_transaction_read_only = on');
    my @sent;
    do {
        $there->value("SELECT put('counter settings')");
        @sent = hear_until($ear_there, sub { 1 });
    } until $sent[-1]{pid} != $pid;
    pass('a worker comes, whatever the settings of the database');
    commits_wait($server, $set);
    my $holder = hold_notify($server);
    is($there->query(join '; ', 'SET synchronous_commit = local', map { "SELECT put('counter settings $_')" } 1 .. 50)->{error}, undef, 'commits');
    $server->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'replicache poke worker' AND datname = 'settings' AND wait_event_type = 'Lock'")
        or die 'the worker does not wait';
    commits_go_on($server, $set);
    $holder->receive;
    my %missing = map { ("counter settings $_" => 1) } 1 .. 50;
    hear_until($ear_there, sub { delete $missing{$_[0]{space} // ''}; !%missing });
    pass('and is not held up by them');
}

$server->stop('fast');
my $log = PostgreSQL::Test::Utils::slurp_file($server->logfile);
unlike($log, qr/PANIC|TRAP|was terminated by signal|could not notify/, 'the log has no trouble');
done_testing();
