# Moves when there are standbys: the tool waits for them. And what export_space refuses on a standby, and while transactions are prepared.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;
use Time::HiRes qw(sleep);

my (%server, %standby);
for my $name (qw(old new)) {
    $server{$name} = new_server($name);
    set_up($server{$name});
    $server{$name}->backup('backup');
    $standby{$name} = PostgreSQL::Test::Cluster->new("standby_of_$name");
    $standby{$name}->init_from_backup($server{$name}, 'backup', has_streaming => 1);
    $standby{$name}->start;
}
my $sql = sub { my ($server, $query) = @_; return $server->safe_psql('postgres', $query) };
my $error_of = sub {
    my ($server, $query) = @_;
    my (undef, undef, $error) = $server->psql('postgres', "\\set VERBOSITY verbose\n$query");
    return $error;
};
my $held = sub { my ($server, $space) = @_; return $sql->($server, "SELECT held IS NOT NULL FROM replicache.space WHERE id = '$space'") };
$sql->($server{new}, "SELECT replicache.close_space(s, replicache.hold_space(s)) FROM unnest('{free,locked}'::text[]) s");
$sql->($server{old}, 'CREATE TABLE home (space text PRIMARY KEY, server text)');
$sql->($server{old}, "INSERT INTO home VALUES ('free', 'old'), ('locked', 'old')");
$sql->($server{old}, "INSERT INTO note VALUES ('a', 'free'), ('b', 'locked')");

# What export_space must not do.
$sql->($server{old}, "SELECT replicache.hold_space('free'), replicache.hold_space('locked')");
$sql->($server{old}, "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'open'");
like($error_of->($server{old}, "SELECT replicache.export_space('free')"),
    qr/55006: a prepared transaction may have written the space\nHINT:  End the prepared transactions of this database first\./,
    'a prepared transaction is in the way of a space with the clock transaction');
is($sql->($server{old}, "SELECT replicache.export_space('locked') ->> 'space'"), 'locked', 'but not of another one');
$sql->($server{old}, "ROLLBACK PREPARED 'open'");
is($sql->($server{old}, "SELECT replicache.export_space('free') ->> 'space'"), 'free', 'nor when it has ended');
$server{old}->wait_for_catchup($standby{old}, 'replay', $server{old}->lsn('insert'));
like($error_of->($standby{old}, "SELECT replicache.export_space('locked')"), qr/25006: cannot execute replicache\.export_space\(\) during recovery/,
    'a standby does not export');
$sql->($server{old}, "SELECT replicache.release_space('free'), replicache.release_space('locked')");

# A standby that does not replay: the tool goes no further than that.
sub move {
    my ($from, $to, %options) = @_;
    my $connection = sub { $server{$_[0]}->connstr('postgres') . ($options{user} ? " user=$options{user}" : '') };
    my $run = {out => ''};
    $run->{tool} = IPC::Run::start(["$ENV{TESTDIR}/move", '--from', $connection->($from), '--to', $connection->($to), '--directory', $connection->('old'),
        '--sql', "UPDATE home SET server = '$to' WHERE space = :'space'", 'locked'], '<', \undef, '>&', \$run->{out}, IPC::Run::timeout(180));
    return $run;
}
sub until_it_says {
    my ($run, $what) = @_;
    $run->{tool}->pump until $run->{out} =~ /$what/;
}
sub pause {
    my ($standby) = @_;
    $sql->($standby, 'SELECT pg_wal_replay_pause()');
    $standby->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die 'it does not pause';
}

my $client = client('locked');
pull_by($client, $standby{old});
for my $synchronous (0, 1) {
    my ($from, $to) = $synchronous ? qw(new old) : qw(old new);
    my $how = $synchronous ? 'a synchronous standby' : 'a standby';
    if ($synchronous) {
        for my $name (qw(old new)) {
            $server{$name}->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
            $server{$name}->reload;
            $server{$name}->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'") or die 'it is not synchronous';
        }
    }
    pause($standby{$to});
    my $run = move($from, $to);
    until_it_says($run, $synchronous ? 'copied to the new server' : 'waits for standbys of the new server');
    sleep 0.5;
    is($held->($server{$from}, 'locked'), 't', "the old server keeps the space while $how of the new one does not show it");
    is($sql->($standby{$to}, "SELECT count(*) FROM replicache.space WHERE id = 'locked'"), 0, 'which it does not');
    pause($standby{$from});
    $sql->($standby{$to}, 'SELECT pg_wal_replay_resume()');
    until_it_says($run, $synchronous ? 'closed on the old server' : 'waits for standbys of the old server');
    sleep 0.5;
    is($sql->($server{old}, "SELECT server FROM home WHERE space = 'locked'"), $from, 'the directory waits for that of the old one');
    is($sql->($standby{$to}, "SELECT count(*) FROM replicache.space WHERE id = 'locked'"), 1, 'while that of the new one has the space');
    is(pull_by($client, $standby{$from}), '', 'clients that still pull from the one are told nothing wrong');
    $sql->($standby{$from}, 'SELECT pg_wal_replay_resume()');
    ok($run->{tool}->finish, 'then the move ends') or diag $run->{out};
    is($sql->($server{old}, "SELECT server FROM home WHERE space = 'locked'"), $to, 'and the directory names the new server');
    $sql->($server{$to}, "INSERT INTO note VALUES ('$to', 'locked')");
    $server{$to}->wait_for_catchup($standby{$to}, 'replay', $server{$to}->lsn('insert'));
    is(pull_by($client, $standby{$to}), "put note/$to", 'whose standby answers with what has changed');
}

# Who may not see the standbys cannot wait for them.
for my $name (qw(old new)) {
    $sql->($server{$name}, q(
        CREATE ROLE mover LOGIN BYPASSRLS;
        GRANT USAGE ON SCHEMA replicache TO mover;
        GRANT SELECT ON replicache.space, replicache.moved_space TO mover;
        GRANT UPDATE ON replicache.moved_space TO mover;
        GRANT EXECUTE ON FUNCTION replicache.hold_space(text), replicache.release_space(text), replicache.export_space(text, text[]),
            replicache.space_tables(text), replicache.import_space(json), replicache.close_space(text, text) TO mover;
        GRANT SELECT, INSERT, DELETE ON note TO mover;
        GRANT EXECUTE ON FUNCTION pg_control_system() TO mover;));
}
$sql->($server{old}, 'GRANT SELECT, UPDATE ON home TO mover');
my $run = move('old', 'new', user => 'mover');
ok(!$run->{tool}->finish, 'a role that may not see the standbys cannot move a space');
like($run->{out}, qr/^locked: the role may not see how far the standbys of the new server are: grant it pg_monitor$/m, 'and is told why');
$sql->($server{$_}, 'GRANT pg_monitor TO mover') for qw(old new);
$run = move('old', 'new', user => 'mover');
ok($run->{tool}->finish, 'with pg_monitor it can') or diag $run->{out};
is($held->($server{new}, 'locked'), 'f', 'and the space takes writes there');

done_testing();
