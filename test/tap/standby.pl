# Pulls from a standby, while transactions are in progress on the primary, while it is behind, and after its promotion.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;

my $primary = new_server('primary');
set_up($primary);
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
my $client = client('free');
my $counter = client('locked');

sub write_to {
    my ($server, @statements) = @_;
    $server->safe_psql('postgres', join ';', @statements);
}
sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }

# A long-running transaction, one with more subtransactions than a snapshot has room for, and a short one that ends meanwhile.
write_to($primary, "INSERT INTO note VALUES ('a', 'free')");
caught_up();
is(pull_by($client, $standby), 'clear, put note/a', 'the first pull');
write_to($primary, 'BEGIN', "INSERT INTO note VALUES ('long', 'free')", "PREPARE TRANSACTION 'long'");
write_to($primary, 'BEGIN', "DO 'BEGIN FOR n IN 1 .. 200 LOOP BEGIN INSERT INTO note VALUES (''wide'' || n, ''free'');
    EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END'", "PREPARE TRANSACTION 'wide'");
write_to($primary, "INSERT INTO note VALUES ('short', 'free')");
caught_up();
is(pull_by($client, $standby), 'put note/short', 'what has committed');
is(pull_by($client, $standby), '', 'nothing else');
write_to($primary, "INSERT INTO note VALUES ('short2', 'free')", "DELETE FROM note WHERE id = 'a'");
is(pull_by($client, $primary), 'del note/a, put note/short2', 'on from there on the primary');
caught_up();
is(pull_by($client, $standby), '', 'and back on the standby');
write_to($primary, "COMMIT PREPARED 'long'");
caught_up();
is(pull_by($client, $standby), 'put note/long', 'the long one, when it commits');
write_to($primary, "COMMIT PREPARED 'wide'");
caught_up();
pull_by($client, $standby);
view_is($client, $standby, 'the wide one, when it commits');
is(pull_by($client, $primary), '', 'the primary knows nothing else');

# Monitoring reads only.
$primary->safe_psql('postgres', q(SELECT replicache.collect_garbage('1 day')));
caught_up();
is($standby->safe_psql('postgres', q(SELECT string_agg(topic, ' ' ORDER BY topic) FROM replicache.status() WHERE value IS NOT NULL AND topic IN ('spaces', 'tracking_faults', 'last_garbage_collection_seconds'))),
    'last_garbage_collection_seconds spaces tracking_faults', 'status()');

# A standby that is behind has nothing new to say.
write_to($primary, "INSERT INTO note VALUES ('l1', 'locked')");
caught_up();
pull_by($counter, $standby);
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die;
write_to($primary, "INSERT INTO note VALUES ('f2', 'free'), ('l2', 'locked')");
for my $c ($client, $counter) {
    isnt(pull_by($c, $primary), '', 'ahead on the primary');
    is(pull_by($c, $standby), '', 'nothing from the standby behind');
}
my $ahead = $primary->safe_psql('postgres', q(SELECT replicache.pull('{"pullVersion":0,"clientID":"v0"}', 'ann', 'locked') -> 'cookie'));
is($standby->safe_psql('postgres', qq(SELECT replicache.pull('{"pullVersion":0,"clientID":"v0","cookie":$ahead,"lastMutationID":3}', 'ann', 'locked'))),
    qq({"cookie":$ahead,"lastMutationID":3,"patch":[]}), 'V0, too');
my $shared = $primary->safe_psql('postgres', q(SELECT replicache.pull_for('{g,h}', NULL, 'locked') -> 'cookie'));
is($standby->safe_psql('postgres', qq(SELECT replicache.pull_for('{g,h}', '$shared', 'locked'))),
    qq({"baseCookie":$shared,"cookie":$shared,"confirmed":{},"lastMutationIDChanges":{},"patch":[]}), 'nor for many clients at once');
like($standby->safe_psql('postgres', q(SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":99}', 'ann', 'locked'))), qr/"op":"clear"/,
    'a cookie of another backend gets everything here, too');
write_to($primary, "INSERT INTO note VALUES ('f3', 'free'), ('l3', 'locked')");
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
caught_up();
for my $c ($client, $counter) {
    isnt(pull_by($c, $standby), '', 'the rest when it has caught up');
    view_is($c, $standby, 'all of it');
}

like($standby->safe_psql('postgres', qq(SELECT replicache.pull_for('{g,h}', '$shared', 'locked') ->> 'patch')), qr/^\[[^]]*"note\/l3"[^]]*\]$/, 'also for many clients at once');

# A primary that waits for a synchronous standby shows a commit later than other standbys do. Then it is the primary that is behind.
$primary->safe_psql('postgres', q(CREATE FUNCTION note(id text, space text) RETURNS void LANGUAGE sql AS 'INSERT INTO note VALUES (id, space)';
    SELECT replicache.register_mutator('note', 'note(text, text)')));
sub push_by {
    my ($client, $id) = @_;
    return qq(SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"$client->{group}","mutations":[{"clientID":"$client->{group}","id":$id,"name":"note",
        "args":{"id":"p$id $client->{space}","space":"$client->{space}"}}]}', 'ann', '$client->{space}'));
}
sub wait_for_nobody {
    my ($names) = @_;
    $primary->safe_psql('postgres', $_) for "ALTER SYSTEM SET synchronous_standby_names = '$names'", 'SELECT pg_reload_conf()';
    $primary->poll_query_until('postgres', "SELECT current_setting('synchronous_standby_names') = '$names'") or die;
    $primary->safe_psql('postgres', 'CHECKPOINT');  # it is the checkpointer that makes commits wait
}
for my $space (qw(free locked)) {
    my $c = client($space, "pusher of $space");
    $primary->safe_psql('postgres', push_by($c, 1));
    isnt(pull_by($c, $primary), '', "$space: a mutation is confirmed");
    wait_for_nobody('nobody');
    my $session = Session->new($primary->connstr('postgres'));
    $session->send(push_by($c, 2));
    $standby->poll_query_until('postgres', "SELECT count(*) = 1 FROM note WHERE id = 'p2 $space'") or die;
    $primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") or die;
    is(pull_by($c, $standby), "put note/p2 $space", "$space: the standby has a commit that the primary does not show yet");
    is(pull_by($c, $primary), '', "$space: nothing from the primary");
    wait_for_nobody('');
    ok(!defined $session->receive->{error}, "$space: the commit ends");
    is(pull_by($c, $primary), '', "$space: nor then");
    view_is($c, $primary, 'no more and no less');
}
caught_up();

# So is a transaction that keeps an old snapshot.
for my $space (qw(free locked)) {
    my $c = client($space, "pusher of $space");
    my $session = Session->new($primary->connstr('postgres'));
    $session->value('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM note');
    $primary->safe_psql('postgres', push_by($c, 3));
    pull_by($c, $primary);
    my $cookie = JSON::PP->new->canonical->encode($c->{cookie});
    like($session->value(qq(SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"$c->{group}","cookie":$cookie}', 'ann', '$space'))), qr/"patch":\[\]/, "$space: nothing from an old snapshot");
}
caught_up();

# The standby takes over without the last transactions of the primary. Their ids and versions go to others then: whoever had seen them
# starts again, and nobody else does.
my %other = map { $_ => client($_) } qw(free locked);
pull_by($_, $standby) for values %other;
$standby->stop;
burn($primary, 20);
write_to($primary, "INSERT INTO note VALUES ('gone', 'free'), ('gone too', 'locked')");
pull_by($_, $primary) for $client, $counter;
# Far behind: in the log of the primary, many bytes follow that the new one will take long to write.
my %lost = map { $_ => client($_) } qw(free locked);
$primary->safe_psql('postgres', "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 20)");
pull_by($_, $primary) for values %lost;
$primary->stop('immediate');
$standby->start;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
for my $n (1 .. 30) { write_to($standby, "INSERT INTO note VALUES ('new$n', 'free'), ('newer$n', 'locked')") }
for my $c ($client, $counter, values %other) {
    my $got = pull_by($c, $standby);
    if ($c == $client || $c == $counter) { like($got, qr/^clear/, 'everything again after the promotion') }
    else { like($got, qr/^put/, 'changes only, for whoever had seen nothing else') }
    view_is($c, $standby, 'and nothing is missed');
    is(pull_by($c, $standby), '', 'once');
}
write_to($standby, "INSERT INTO note VALUES ('last', 'free')");
is(pull_by($client, $standby), 'put note/last', 'then what changes');

# Another standby that has not heard of the promotion yet: it is behind, like any other.
my $late = PostgreSQL::Test::Cluster->new('late');
$late->init_from_backup($primary, 'backup', has_streaming => 1);
$late->start;
is(pull_by($_, $late), '', 'nothing from a standby that has not followed yet') for $client, $counter;
like(pull_by(client('free'), $late), qr/^clear/, 'what it has goes to new clients');
$late->stop;
$late->enable_streaming($standby);
$late->start;
$standby->wait_for_catchup($late, 'replay', $standby->lsn('insert'));
is(pull_by($_, $late), '', 'nor when it has followed') for $client, $counter;
for my $c (values %lost) {
    like(pull_by($c, $late), qr/^clear/, 'everything again from a standby that will never get to where the client has been');
    view_is($c, $late, 'and nothing else');
}
write_to($standby, "DELETE FROM note WHERE id = 'last'");
$standby->wait_for_catchup($late, 'replay', $standby->lsn('insert'));
is(pull_by($client, $late), 'del note/last', 'then what changes');

# …and one that has not heard of a new epoch.
$late->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$late->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die;
write_to($standby, 'SELECT replicache.new_epoch()');
for my $c ($client, $counter) {
    like(pull_by($c, $standby), qr/^clear/, 'everything again in a new epoch');
    is(pull_by($c, $late), '', 'nothing from a standby that is not there yet');
}
$late->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
$standby->wait_for_catchup($late, 'replay', $standby->lsn('insert'));
for my $c ($client, $counter) {
    is(pull_by($c, $late), '', 'nor when it is');
    view_is($c, $late, 'no more and no less');
}

done_testing();
