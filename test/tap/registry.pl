# A session that pulls in the moment between the commit of a change and the message that its caches are stale. A module makes this moment
# last. The answer claims to have seen the change. So what it lacks would never come.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->canonical;
my $server = new_server('server');
my $gate = "$ENV{TESTDIR}/gate";
my $cases = 0;

# How each kind of client asks, and takes the answer.
my %protocol = (
    pull => {
        ask => sub { "SELECT replicache.pull('" . $json->encode({pullVersion => 1, clientGroupID => 'g', cookie => $_[0]}) . "', 'u', 'u')" },
        take => \&apply_patch},
    pull_since => {ask => sub { 'SELECT replicache.pull_since(' . ($_[0] // 'NULL') . ", space => 'u')" }, take => \&apply_patch},
    sync_pull => {
        ask => sub { 'SELECT row_to_json(p) FROM replicache.sync_pull(' . ($_[0] // -1) . ", 'u', page_limit => 1000) p" },
        take => sub {
            my ($client, $answer) = @_;
            $client->{cookie} = $answer->{mutation_at};
            for my $m (@{$answer->{body}{data}{mutations}}) {
                my $key = "$m->{resource}/$m->{resourceId}";
                if ($m->{type} eq 'DELETE') { delete $client->{view}{$key} }
                else { $client->{view}{$key} = $json->encode($m->{data}) }
            }
        }});

sub apply_patch {
    my ($client, $answer) = @_;
    $client->{cookie} = $answer->{cookie} // $answer->{version};
    for my $entry (@{$answer->{patch}}) {
        if ($entry->{op} eq 'clear') { $client->{view} = {} }
        elsif ($entry->{op} eq 'del') { delete $client->{view}{$entry->{key}} }
        else { $client->{view}{$entry->{key}} = $json->encode($entry->{value}) }
    }
}

sub take {
    my ($client, $answer) = @_;
    return fail("a pull fails: " . ($answer->{error} // 'no connection')) if $answer->{error} || $answer->{lost};
    $client->{protocol}{take}->($client, $json->decode($answer->{rows}[0]));
}

# `statements` change something, and `rows` selects key and value of what clients are to have then.
sub check {
    my ($name, $protocols, $set_up, $statements, $rows) = @_;
    for my $protocol (@$protocols) {
        my $database = 'case_' . ++$cases;
        $server->safe_psql('postgres', "CREATE DATABASE $database");
        $server->safe_psql($database, "CREATE EXTENSION replicache_ext;
            CREATE FUNCTION hold_commit(gate text) RETURNS void LANGUAGE c STRICT AS '$ENV{TESTDIR}/held_commit', 'hold_commit';
            CREATE TABLE committed (yes bool);
            SELECT replicache.create_space('u', '" . ($protocol eq 'sync_pull' ? 'time' : 'counter') . "'); $set_up");
        my $client = {protocol => $protocol{$protocol}, view => {}};
        my ($puller, $changer) = map { Session->new($server->connstr($database)) } 1, 2;
        my $pid = $puller->value('SELECT pg_backend_pid()');
        my $ask = sub { $client->{protocol}{ask}->($client->{cookie}) };
        my $all = $ask->();
        take($client, $puller->query($all)) for 1, 2;  # now its caches are filled

        append_to_file($gate, '');
        $changer->send("BEGIN; SELECT hold_commit('$gate'); INSERT INTO committed VALUES (true); $statements; COMMIT");
        $server->poll_query_until($database, 'SELECT EXISTS (SELECT FROM committed)') or die "$name: no commit";
        $puller->send($ask->());
        # It has its answer, or waits for the change to be over.
        $server->poll_query_until($database, "SELECT state = 'idle' OR wait_event_type = 'Lock' FROM pg_stat_activity
            WHERE pid = $pid AND query LIKE '%pull%'") or die "$name: no answer";
        unlink $gate or die;
        my $changed = $changer->receive;
        is($changed->{error}, undef, "$name: the change");
        take($client, $puller->receive);
        take($client, $puller->query($ask->())) for 1, 2;
        my $expected = $server->safe_psql($database, "SELECT concat_ws(' ', key, value) FROM ($rows) AS r(key, value) ORDER BY key COLLATE \"C\"");
        is(join("\n", map { "$_ $client->{view}{$_}" } sort keys %{$client->{view}}), $expected, "$name, $protocol");
        undef $_ for $puller, $changer;
        $server->safe_psql('postgres', "DROP DATABASE $database WITH (FORCE)");
    }
}

my @replicache = qw(pull pull_since);
my $item = "CREATE TABLE item (id text PRIMARY KEY, v int, space text NOT NULL DEFAULT 'u', version bigint NOT NULL DEFAULT 0);
    CREATE INDEX ON item (space, version);  -- else track_table does it, which sends a message at once
    INSERT INTO item VALUES ('a', 1), ('b', 2);";
my $first = "CREATE TABLE first (id text PRIMARY KEY, space text NOT NULL DEFAULT 'u');
    SELECT replicache.track_table('first', space => 'space'); INSERT INTO first VALUES ('one');";
my $one = q(SELECT 'first/one', '{"id":"one","space":"u"}');
my $items = q(SELECT 'item/' || id, json_build_object('v', v)::text FROM item);
my $options = q(space => 'space', version => 'version', value => 'json_build_object(''v'', t.v)');
$items =~ s/json_build_object\(.*\)::text/format('{"v":%s}', v)/;

check('track_table', \@replicache, "$first $item", "SELECT replicache.track_table('item', $options)", "$one UNION ALL $items");
check('track_table, as the first one', \@replicache, $item, "SELECT replicache.track_table('item', $options)", $items);
check('track_table, which adds a column', \@replicache, "$first $item ALTER TABLE item DROP version;",
    "SELECT replicache.track_table('item', $options)", "$one UNION ALL $items");
check('track_table with other options', \@replicache, "$item SELECT replicache.track_table('item', $options);",
    q(SELECT replicache.track_table('item', space => 'space', version => 'version', value => 'json_build_object(''w'', t.v)')),
    q(SELECT 'item/' || id, format('{"w":%s}', v) FROM item));
check('untrack_table', \@replicache, "$first $item SELECT replicache.track_table('item', $options);",
    "UPDATE item SET v = 3; SELECT replicache.untrack_table('item')", $one);

my $parts = "CREATE TABLE item (id text PRIMARY KEY, v int, space text NOT NULL DEFAULT 'u', version bigint NOT NULL DEFAULT 0) PARTITION BY LIST (id);
    CREATE TABLE item_a PARTITION OF item FOR VALUES IN ('a'); INSERT INTO item VALUES ('a', 1); SELECT replicache.track_table('item', $options);";
check('a new partition', \@replicache, $parts, "CREATE TABLE item_b PARTITION OF item FOR VALUES IN ('b'); INSERT INTO item VALUES ('b', 2)", $items);
check('an attached partition', \@replicache, "$parts CREATE TABLE item_b (LIKE item INCLUDING ALL); INSERT INTO item_b VALUES ('b', 2);",
    "ALTER TABLE item ATTACH PARTITION item_b FOR VALUES IN ('b')", $items);
check('a dropped partition', \@replicache, "$parts CREATE TABLE item_b PARTITION OF item FOR VALUES IN ('b'); INSERT INTO item VALUES ('b', 2);",
    'DROP TABLE item_b', $items);

my $function = "CREATE FUNCTION value(v int) RETURNS json LANGUAGE plpgsql AS 'BEGIN RETURN json_build_object(''v'', v); END';";
check('a function and resync', \@replicache,
    "$item $function SELECT replicache.track_table('item', space => 'space', version => 'version', value => 'public.value(t.v)');",
    q(CREATE OR REPLACE FUNCTION value(v int) RETURNS json LANGUAGE plpgsql AS 'BEGIN RETURN json_build_object(''w'', v); END';
        SELECT replicache.resync('item')), q(SELECT 'item/' || id, format('{"w":%s}', v) FROM item));

# Resources: the table is one when it is tracked and exposed.
my $exposed = q(SELECT replicache.expose_crud('item'););
check('an exposed table, and track_table', ['sync_pull'], "$first $item $exposed", "SELECT replicache.track_table('item', $options)", $items);
check('a tracked table, expose_crud, and resync', ['sync_pull'], "$item SELECT replicache.track_table('item', $options);",
    "SELECT replicache.expose_crud('item'); SELECT replicache.resync('item')", $items);
check('a resource with other columns', ['sync_pull'],
    "$item SELECT replicache.track_table('item', space => 'space', version => 'version'); $exposed",
    q(SELECT replicache.expose_crud('item', columns => '{"w":"v"}'); SELECT replicache.resync('item')),
    q(SELECT 'item/' || id, format('{"w":%s}', v) FROM item));
check('a new partition of a resource', ['sync_pull'], "$parts $exposed",
    "CREATE TABLE item_b PARTITION OF item FOR VALUES IN ('b'); INSERT INTO item VALUES ('b', 2)", $items);
check('an attached partition of a resource', ['sync_pull'], "$parts $exposed CREATE TABLE item_b (LIKE item INCLUDING ALL); INSERT INTO item_b VALUES ('b', 2);",
    "ALTER TABLE item ATTACH PARTITION item_b FOR VALUES IN ('b')", $items);

done_testing();
