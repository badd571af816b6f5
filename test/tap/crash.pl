# A crash takes back the ends of transactions that had not reached the disk, and their ids and versions are given to others.
# A cookie that has left the server must not call those seen.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;

my $server = new_server('crash');
set_up($server);

# What a client sees that a crash takes back: the end of a transaction that rolled back, whose id goes to another one, and a
# commit with synchronous_commit = off, whose version does.
my %statement = (
    free => "BEGIN; INSERT INTO note VALUES ('lost', 'free'); ROLLBACK",
    locked => "SET synchronous_commit = off; INSERT INTO note VALUES ('lost', 'locked') ON CONFLICT (id) DO UPDATE SET id = 'lost'; DELETE FROM note WHERE id = 'lost'",
);

for my $space (qw(free locked)) {
    my $client = client($space);
    $server->safe_psql('postgres', "INSERT INTO note VALUES ('$space', '$space')");
    pull_by($client, $server);
    $server->safe_psql('postgres', "INSERT INTO note VALUES ('new in $space', '$space')");

    # What writes WAL in the background stands still, so nothing reaches the disk by itself.
    $server->safe_psql('postgres', 'CHECKPOINT');
    my @writers = split /\n/, $server->safe_psql('postgres',
        "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'checkpointer', 'background writer')");
    kill 'STOP', @writers;
    my $state = 'SELECT pg_current_wal_flush_lsn(), pg_snapshot_xmax(pg_current_snapshot())';
    my ($flushed, $xmax) = split /\|/, $server->safe_psql('postgres', $state);
    $server->safe_psql('postgres', $statement{$space}) for 1 .. 20;
    my ($flushed_now, $seen) = split /\|/, $server->safe_psql('postgres', $state);
    is($flushed_now, $flushed, "$space: nothing has reached the disk meanwhile");
    cmp_ok($seen, '>=', $xmax + 20, "$space: and transactions have ended");
    pull_by($client, $server);

    # pg_ctl waits for the stopped ones, which the postmaster kills after five seconds.
    $server->stop('immediate');
    $server->start;
    note "next transaction: $xmax before, $seen seen, now " . $server->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())');

    # Without the cure, some of these get the ids and versions that the cookie calls seen.
    $server->safe_psql('postgres', "INSERT INTO note VALUES ('$space$_', '$space')") for 1 .. 30;
    unlike(pull_by($client, $server), qr/clear|ClientStateNotFound/, "$space: the cookie is still good");
    view_is($client, $server, 'nothing is missed after the crash');
}

done_testing();
