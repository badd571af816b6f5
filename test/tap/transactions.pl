# What callers make of a transaction: PREPARE it, and have a crash before its end; REPEATABLE READ and SERIALIZABLE.
use strict;
use warnings;
use JSON::PP;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
my $json = JSON::PP->new->canonical;
my $server = new_server('server', "max_connections = 30\nlog_statement = none\nautovacuum = on\n");
$server->safe_psql('postgres', q(
    CREATE EXTENSION replicache_ext;
    CREATE TABLE item (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL, space text NOT NULL);
    SELECT replicache.track_table('item', space => 'space', value => 'json_build_object(''id'', t.id)');
    SELECT replicache.create_space(clock, clock) FROM unnest('{counter,time,transaction}'::text[]) clock;
    CREATE FUNCTION put(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO item (id, space) VALUES (id, replicache.current_space())';
    SELECT replicache.register_mutator('put', 'put(text)');));
my @clocks = qw(counter time transaction);

sub push_of {
    my ($clock, @ids) = @_;
    my $push = $json->encode({pushVersion => 1, clientGroupID => "g-$clock", mutations =>
        [map { {clientID => "c-$clock", id => $_, name => 'put', args => {id => "m$_"}} } @ids]});
    return "SELECT replicache.apply_push('$push', 'ann', '$clock')";
}

sub outcome {
    my $answer = $json->decode($server->safe_psql('postgres', $_[0]));
    return "$answer->{applied} applied, $answer->{skipped} skipped";
}

my (%cookie, %mutation);
# What a client gets that goes on from where it is: ids of rows, and its lastMutationID.
sub news {
    my ($clock) = @_;
    my $request = $json->encode({pullVersion => 1, clientGroupID => "g-$clock", cookie => $cookie{$clock}});
    my $answer = $json->decode($server->safe_psql('postgres', "SELECT replicache.pull('$request', 'ann', '$clock')"));
    $cookie{$clock} = $answer->{cookie};
    return join ' ', (map { $_->{op} eq 'put' ? $_->{value}{id} : $_->{op} } @{$answer->{patch}}), values %{$answer->{lastMutationIDChanges}};
}

for my $clock (@clocks) {
    my $session = Session->new($server->connstr('postgres'));
    outcome(push_of($clock, 1));
    is(news($clock), 'clear m1 1', "$clock: before");
    is($session->query("SET replicache.poke_channel = 'replicache'; SET replicache.poke_mode = transaction; BEGIN; " . push_of($clock, 2) . "; PREPARE TRANSACTION 'never'")->{error},
        '55000', "$clock: without the worker, a poke cannot be prepared");
    $session->query("RESET replicache.poke_channel; RESET replicache.poke_mode");
    is(news($clock), '', "$clock: and nothing stands");
}
for my $end ('COMMIT PREPARED', 'ROLLBACK PREPARED') {
    $mutation{$_} += 2 for @clocks;
    for my $clock (@clocks) {
        my $session = Session->new($server->connstr('postgres'));
        my $answer = $session->query('BEGIN; ' . push_of($clock, $mutation{$clock}, $mutation{$clock} + 1) . "; PREPARE TRANSACTION '$clock'");
        is($answer->{error}, undef, "$end, $clock: a push is prepared");
    }
    my $in_doubt = sub {
        my ($when) = @_;
        for my $clock (@clocks) {
            is(news($clock), '', "$end, $clock, $when: not there yet");
            my $session = Session->new($server->connstr('postgres'));
            $session->query("SET lock_timeout = '50ms'");
            is($session->query(push_of($clock, $mutation{$clock}))->{error}, '55P03', "$end, $clock, $when: the same push waits");
        }
        # Others of this space go on meanwhile, and what they do is seen.
        $server->safe_psql('postgres', "INSERT INTO item (id, space) VALUES ('$when', 'transaction')");
        is(news('transaction'), $when, "$end, transaction, $when: another writer");
    };
    $in_doubt->('prepared');
    $server->stop('immediate');
    $server->start;
    $in_doubt->('crashed');
    for my $clock (@clocks) {
        $server->safe_psql('postgres', "$end '$clock'");
        my $committed = $end eq 'COMMIT PREPARED';
        my @ids = ($mutation{$clock}, $mutation{$clock} + 1);
        is(news($clock), $committed ? "m$ids[0] m$ids[1] $ids[1]" : '', "$end, $clock: at its end");
        is(outcome(push_of($clock, @ids)), $committed ? '0 applied, 2 skipped' : '2 applied, 0 skipped', "$end, $clock: sent again");
        is(news($clock), $committed ? '' : "m$ids[0] m$ids[1] $ids[1]", "$end, $clock: then it is there, once");
    }
}

# Sessions of all levels at once. Who gets 40001 tries again.
$server->safe_psql('postgres', 'CREATE DATABASE load');
Load::set_up($server, 'load');
my $load = Load->start($server, seed => $seed, database => 'load', levels => ['read committed', 'repeatable read', 'serializable']);
$load->wait_for($ENV{CHECK_LONG} ? 10000 : 150);
my $clients = $load->finish('isolation levels');
my $failures = 0;
$failures += $_->{unanswered} for values %$clients;
cmp_ok($failures, '>', 0, 'some had to try again');

done_testing();
