# Private views on a standby and in READ ONLY: exact as long as nothing has to be recorded, else 25006. Then a promotion and a crash.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;

my $json = JSON::PP->new->canonical;
my $filter = 't.list IN (SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id())';
my $primary = new_server('primary');
# A key has 100 characters: 30 of them fit into a cookie.
$primary->safe_psql('postgres', qq(
    CREATE EXTENSION replicache_ext;
    CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list));
    CREATE TABLE doc (id text PRIMARY KEY, space text NOT NULL, list int NOT NULL);
    SELECT replicache.create_space('free', 'transaction'), replicache.create_space('locked', 'counter');
    SELECT replicache.track_table('doc', space => 'space', filter => '$filter');
    INSERT INTO doc SELECT format('%s-%s-%s-', list, space, n) || repeat(md5(n::text), 3), space, list
        FROM unnest('{free,locked}'::text[]) space, generate_series(1, 5) list, generate_series(1, CASE WHEN list = 1 THEN 5 ELSE 45 END) n;
    INSERT INTO share VALUES ('ann', 1)));
$primary->backup('backup');

sub standby {
    my ($name) = @_;
    my $standby = PostgreSQL::Test::Cluster->new($name);
    $standby->init_from_backup($primary, 'backup', has_streaming => 1);
    $standby->start;
    return $standby;
}
my $standby = standby('standby');

sub write_to {
    my ($server, @statements) = @_;
    $server->safe_psql('postgres', join ';', @statements);
}
sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }

sub request {
    my ($client) = @_;
    my $request = $json->encode({pullVersion => 1, clientGroupID => $client->{group}, cookie => $client->{cookie}});
    return "SELECT replicache.pull('$request', 'ann', '$client->{space}')";
}

# What came: how many entries of each kind and list, or the SQLSTATE.
sub apply {
    my ($client, $answer) = @_;
    my %count;
    for my $entry (@{$answer->{patch}}) {
        if ($entry->{op} eq 'clear') { $client->{view} = {} }
        elsif ($entry->{op} eq 'del') { delete $client->{view}{$entry->{key}} or fail("$entry->{key} was not there") }
        else { $client->{view}{$entry->{key}} = 1 }
        $count{join ' ', $entry->{op}, ($entry->{key} // '') =~ m{doc/(\d)}}++;
    }
    my $order = sub { $_[0] ? $_[0]{order} : -1 };
    cmp_ok($order->($answer->{cookie}), '>=', $order->($client->{cookie}), "$client->{space}: the order does not fall") or diag($json->encode($answer->{cookie}));
    $client->{cookie} = $answer->{cookie};
    return join ', ', map { $_ eq 'clear' ? $_ : "$_: $count{$_}" } sort keys %count;
}
sub pull_from {
    my ($server, $client, $before) = @_;
    my ($status, $out, $error) = $server->psql('postgres', ($before // '') . request($client), extra_params => ['-q', '-v', 'VERBOSITY=sqlstate']);
    return $error =~ /ERROR:  (\w{5})/ ? $1 : $error if $status;
    return apply($client, $json->decode($out));
}
my $read_only = 'SET default_transaction_read_only = on; ';
sub is_exact {
    my ($client, $server, $name) = @_;
    my $rows = $server->safe_psql('postgres', "SELECT 'doc/' || id FROM doc WHERE space = '$client->{space}' AND list IN (SELECT list FROM share WHERE user_id = 'ann') ORDER BY id COLLATE \"C\"");
    is(join("\n", sort keys %{$client->{view}}), $rows, "$client->{space}: $name");
}
sub records { $primary->safe_psql('postgres', 'SELECT count(*) FROM replicache.view_record') }

for my $space (qw(free locked)) {
    write_to($primary, "DELETE FROM share WHERE list > 1");
    caught_up();
    my $client = client($space);
    is(pull_from($standby, $client), 'clear, put 1: 5', "$space: a small view from the standby");
    is_exact($client, $standby, 'all of it');
    is(pull_from($standby, $client), '', "$space: and no more");

    write_to($primary, "INSERT INTO share VALUES ('ann', 2)");
    caught_up();
    is(pull_from($standby, $client), '25006', "$space: a large one has to be recorded");
    is(pull_from($primary, $client, $read_only), '25006', "$space: also on the primary in READ ONLY");
    my $fresh = client($space);
    is(pull_from($standby, $fresh), '25006', "$space: also for a new client");
    my $before = records();
    is(pull_from($primary, $client), 'put 2: 45', "$space: the primary records it");
    is(records(), $before + 1, "$space: once");
    caught_up();
    is(pull_from($standby, $client), '', "$space: the standby knows it");
    is(pull_from($standby, $fresh), 'clear, put 1: 5, put 2: 45', "$space: now a new client gets it, too, because it is recorded");
    is(records(), $before + 1, "$space: and shares the record");

    # Little has changed.
    write_to($primary, "DELETE FROM share WHERE list = 1", "DELETE FROM doc WHERE id IN (SELECT id FROM doc WHERE list = 2 AND space = '$space' ORDER BY id LIMIT 3)");
    caught_up();
    is(pull_from($standby, $client), 'del 1: 5, del 2: 3', "$space: a small change from the standby");
    is_exact($client, $standby, 'nothing else');
    is(pull_from($primary, $fresh, $read_only), 'del 1: 5, del 2: 3', "$space: and in READ ONLY on the primary");
    is_deeply($fresh->{cookie}{view}, $client->{cookie}{view}, "$space: with the same record");
    write_to($primary, "INSERT INTO share VALUES ('ann', 1)");
    caught_up();
    is(pull_from($primary, $client), 'put 1: 5', "$space: on from there on the primary");
    is(pull_from($standby, $client), '', "$space: and back");

    # The standby is behind the cookie.
    $standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
    $standby->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'") or die;
    write_to($primary, "INSERT INTO share VALUES ('ann', 3)");
    is(pull_from($primary, $client), 'put 3: 45', "$space: ahead on the primary");
    is(pull_from($standby, $client), '', "$space: nothing from the standby behind, whatever the record");
    is_exact($client, $primary, 'and the view stays as it is');
    $standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
    caught_up();
    is(pull_from($standby, $client), '', "$space: nor when it has caught up");

    # The standby has all that the client has seen, but not the record yet. It does not begin anew.
    write_to($primary, "INSERT INTO share VALUES ('ann', 4)");
    my $session = Session->new($primary->connstr('postgres'));
    my $answer = $json->decode($session->value('BEGIN; ' . request($client)));
    caught_up();
    is(apply($client, $answer), 'put 4: 45', "$space: a record that is not committed yet");
    like(pull_from($standby, $client), qr/^(25006)?$/, "$space: the standby does not know it");
    $session->query('COMMIT');
    caught_up();
    is(pull_from($standby, $client), '', "$space: until it is");
    is_exact($client, $standby, 'no more and no less');

    # A record that is gone. READ ONLY cannot begin anew.
    write_to($primary, 'DELETE FROM replicache.view_record');
    caught_up();
    is(pull_from($standby, $client), '25006', "$space: a record that is gone, on the standby");
    is(pull_from($primary, $client, $read_only), '25006', "$space: and in READ ONLY on the primary");
    like(pull_from($primary, $client), qr/^clear, put 1: 5/, "$space: everything on the primary");
    is_exact($client, $primary, 'all of it');
}

# A crash takes back the record of an answer that has left the server.
for my $space (qw(free locked)) {
    my $client = client($space);
    write_to($primary, "DELETE FROM share WHERE list > 1", 'DELETE FROM replicache.view_record');
    pull_from($primary, $client);
    write_to($primary, "INSERT INTO share VALUES ('ann', 2), ('ann', 5)");
    $primary->safe_psql('postgres', 'CHECKPOINT');
    my @writers = split /\n/, $primary->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'checkpointer', 'background writer')");
    kill 'STOP', @writers;
    is(pull_from($primary, $client, 'SET synchronous_commit = off; '), 'put 2: 42, put 5: 45', "$space: a record that is not on disk");
    $primary->stop('immediate');
    $primary->start;
    is(records(), 0, "$space: the crash takes it back");
    write_to($primary, "INSERT INTO doc VALUES ('2-$space $_', '$space', 2), ('1-$space $_', '$space', 1)") for 1 .. 10;
    write_to($primary, "DELETE FROM share WHERE list = 5");
    unlike(pull_from($primary, $client), qr/^\d/, "$space: goes on after the crash");
    is_exact($client, $primary, 'nothing is missed, and nothing left over');
}

# Promotion: with the last record, and without it.
my $client = client('locked');
my $other = client('free');
caught_up();
isnt(pull_from($primary, $_), '25006', 'recorded before the promotion') for $client, $other;
caught_up();
is(pull_from($standby, $_), '', 'the standby has it') for $client, $other;
$standby->stop;
my $ahead = client('free');
write_to($primary, "INSERT INTO share VALUES ('ann', 4)", "DELETE FROM share WHERE list = 2");
isnt(pull_from($primary, $_), '25006', 'recorded without the standby') for $other, $ahead;
$primary->stop('immediate');
$standby->start;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
write_to($standby, "INSERT INTO doc VALUES ('1-later $_', 'free', 1), ('1-later-$_', 'locked', 1)") for 1 .. 30;
is(pull_from($standby, $client), 'put 1: 30', 'locked: goes on after the promotion');
like(pull_from($standby, $_), qr/^clear/, 'free: everything for who has seen what is lost') for $other, $ahead;
is_exact($_, $standby, 'no more and no less') for $client, $other, $ahead;
is(pull_from($standby, $_), '', 'once') for $client, $other, $ahead;

done_testing();
