# What the tests of pokes share: a database with spaces of each clock, those who listen, and the worker that sends pokes.
package Pokes;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(set_up_pokes listener heard hear hear_until worker_of wait_for_worker wait_for_no_worker stopped_worker setter commits_wait commits_go_on hold_notify versions_of follow);

my $json = JSON::PP->new->canonical;
my $worker = "backend_type = 'replicache poke worker'";

# A row is in the space that it names. A space has the clock that its name begins with.
sub set_up_pokes {
    my ($server, $database) = @_;
    $server->safe_psql($database // 'postgres', q(
        CREATE EXTENSION replicache_ext;
        CREATE TABLE item (id text PRIMARY KEY, space text NOT NULL, n int NOT NULL DEFAULT 0);
        SELECT replicache.track_table('item', space => 'space');
        CREATE FUNCTION put(space text, id text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
        DECLARE clock text := substring(space FROM '^(counter|time|transaction)');
        BEGIN
            IF clock <> 'counter' THEN PERFORM replicache.create_space(space, clock) WHERE NOT EXISTS (SELECT FROM replicache.space s WHERE s.id = put.space); END IF;
            INSERT INTO item VALUES (space || '/' || id, space) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET n = item.n + 1;
        END $$;));
}

# A session that listens to these channels.
sub listener {
    my ($server, $database, @channels) = @_;
    my $session = Session->new($server->connstr($database // 'postgres'));
    $session->query(join '; ', map { qq(LISTEN "$_") } @channels ? @channels : 'replicache');
    return $session;
}

# What has arrived since: {channel, space, version, pid} of each, but for those that have only called a worker.
sub heard {
    my ($session) = @_;
    return grep { ($_->{space} // '') ne 'counter start' } all_heard($session);
}
sub all_heard {
    my ($session) = @_;
    my $answer = $session->query('SELECT 1');
    die 'the listener has lost its connection' if $answer->{lost};
    return map {
        /^Asynchronous notification "(.*)" with payload "(.*)" received from server process with PID (\d+)\.$/
            ? {channel => $1, pid => $3, %{$json->decode($2)}} : ()
    } @{$answer->{rows}};
}

# All that arrives until one is there that the condition accepts.
sub hear_until {
    my ($session, $condition) = @_;
    my $end = time + ($PostgreSQL::Test::Utils::timeout_default // 180);
    my @all;
    while (time < $end) {
        my @new = heard($session);
        push @all, @new;
        return @all if grep { $condition->($_) } @new;
        sleep 0.01;
    }
    die 'not heard, but: ' . $json->encode([@all]) . "\n";
}

# What a listener has heard when a mark is there that is written last: a text like 'replicache:a:1 replicache:b:2'. The worker sends
# in the order of the commits, so nothing is under way then.
my $marks = 0;
sub hear {
    my ($session, $writer) = @_;
    my $mark = 'counter mark ' . ++$marks;
    $writer->value("SELECT put('$mark')");
    my @all = hear_until($session, sub { ($_[0]{space} // '') eq $mark });
    return join ' ', map { "$_->{channel}:" . ($_->{space} // 'everyone') . ':' . ($_->{version} // '') } grep { ($_->{space} // '') ne $mark } @all;
}

# The process id of the worker of the database, if there is one.
sub worker_of {
    my ($server, $database) = @_;
    $database //= 'postgres';
    return $server->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE $worker AND datname = '$database'");
}

# Pokes until there is a worker that sends them. It sends under its own process id.
sub wait_for_worker {
    my ($server, $database) = @_;
    $database //= 'postgres';
    my $listener = listener($server, $database);
    my $writer = Session->new($server->connstr($database));
    my $pid = $writer->value('SELECT pg_backend_pid()');
    my $end = time + ($PostgreSQL::Test::Utils::timeout_default // 180);
    while (time < $end) {
        $writer->value("SELECT put('counter start')");
        my @pokes;
        push @pokes, all_heard($listener) until @pokes || time > $end;
        return $pokes[-1]{pid} if @pokes && $pokes[-1]{pid} != $pid;
        sleep 0.02;
    }
    die "no worker comes to $database";
}

sub wait_for_no_worker {
    my ($server, $database) = @_;
    my $whose = $database ? "AND datname = '$database'" : '';
    $server->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE $worker $whose") or die 'the worker does not go';
}

# Stops the worker where it waits for something to do, and gives its process id.
sub stopped_worker {
    my ($server, $database) = @_;
    my $pid = wait_for_worker($server, $database);
    $server->poll_query_until('postgres', "SELECT wait_event_type IN ('Extension', 'Activity') FROM pg_stat_activity WHERE pid = $pid") or die 'the worker does not rest';
    sleep 0.05;
    kill 'STOP', $pid or die "$pid: $!";
    return $pid;
}

# What sets a setting of the server, in a session that knows our settings, and for all.
sub setter {
    my ($server, $session) = @_;
    return sub {
        my ($setting) = @_;
        $session->value("ALTER SYSTEM SET $setting");
        $server->reload;
        my ($name, $value) = $setting =~ /^([\w.]+) = '(.*)'$/;
        sleep 0.01 until $session->value("SHOW $name") eq $value;
    };
}

# From now on, commits with synchronous_commit = on wait for a standby that never comes. `set` sets a setting of the server.
sub commits_wait {
    my ($server, $set) = @_;
    $set->("synchronous_standby_names = 'nobody'");
    # The checkpointer tells the others, a little later.
    my $probe = Session->new($server->connstr('postgres'));
    my $pid = $probe->value('SET synchronous_commit = on; SELECT pg_backend_pid()');
    my $wait;
    my $try = 0;
    do {
        ++$try;
        $probe->send("SELECT pg_logical_emit_message(true, 'try $try.', '')");
        $server->poll_query_until('postgres', "SELECT query ~ 'try $try\\.' AND (wait_event = 'SyncRep' OR state = 'idle') FROM pg_stat_activity WHERE pid = $pid") or die;
        $wait = $server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'SyncRep'");
        $server->safe_psql('postgres', "SELECT pg_cancel_backend($pid)") if $wait;
        $probe->receive;
    } until $wait;
}

sub commits_go_on {
    my ($server, $set) = @_;
    $set->("synchronous_standby_names = ''");
}

# A session that keeps all others from sending notifications, where commits wait.
sub hold_notify {
    my ($server) = @_;
    my $holder = Session->new($server->connstr('postgres'));
    my $pid = $holder->value('SELECT pg_backend_pid()');
    $holder->send("SET synchronous_commit = on; BEGIN; NOTIFY held; SELECT pg_logical_emit_message(true, '', ''); COMMIT");
    $server->poll_query_until('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid") or die 'the commit does not wait';
    return $holder;
}

# The last committed version of each space that has rows. The clock `time` also counts changes that a savepoint has rolled back.
sub versions_of {
    my ($server, $database) = @_;
    my $rows = $server->safe_psql($database, 'SELECT i.space, greatest(max(i.version), max(s.version)) FROM item i JOIN replicache.space s ON s.id = i.space GROUP BY 1');
    return map { split /\|/ } split /\n/, $rows;
}

# What has arrived since, for somebody who keeps the newest version of each space. {"space":null} makes them look at all. Returns the
# process ids that it came from.
sub follow {
    my ($session, $server, $database, $newest) = @_;
    my @pokes = heard($session);
    my %new = (grep { !defined $_->{space} } @pokes) ? versions_of($server, $database) : ();
    for (@pokes) { $new{$_->{space}} = $_->{version} if defined $_->{space} && $_->{version} > ($new{$_->{space}} // -1) }
    for (keys %new) { $newest->{$_} = $new{$_} if $new{$_} > ($newest->{$_} // -1) }
    return map { $_->{pid} } @pokes;
}

1;
