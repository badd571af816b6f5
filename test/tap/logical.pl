# Pulls from a logical subscriber: triggers that fire always see what comes over the wire, and the subscriber gives versions of its own.
# Without that, nothing of it is told.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->canonical;
my %servers;
for my $name ('publisher', 'subscriber') {
    my $server = $servers{$name} = PostgreSQL::Test::Cluster->new($name);
    $server->init(allows_streaming => 'logical');
    $server->start;
    $server->safe_psql('postgres', q(
        CREATE EXTENSION replicache_ext;
        CREATE TABLE note (id text PRIMARY KEY, team text NOT NULL, body text);
        CREATE TABLE page (id int, k int, body text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
        CREATE TABLE page1 PARTITION OF page FOR VALUES IN (1);
        CREATE TABLE page2 PARTITION OF page FOR VALUES IN (2);
        CREATE TABLE quiet (id int PRIMARY KEY);
        SELECT replicache.track_table('note', space => 'team'), replicache.track_table('page'), replicache.track_table('quiet');
        CREATE FUNCTION put(id text, team text) RETURNS void LANGUAGE sql AS 'INSERT INTO note VALUES (id, team)';
        SELECT replicache.register_mutator('put', 'put(text,text)');));
}
my ($publisher, $subscriber) = @servers{'publisher', 'subscriber'};

# The statements of docs/operations.md, for two of the three tables.
my $always = q(SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger
    WHERE tgfoid = 'replicache.on_change()'::regprocedure AND tgparentid = 0 AND tgrelid <> 'quiet'::regclass \gexec);
$subscriber->safe_psql('postgres', $always);

my %seen = map { $_ => {cookie => undef, view => {}} } '', 'a', 'b';

# What a client of the space is told since its last pull.
sub pull {
    my ($space) = @_;
    my $request = $json->encode({pullVersion => 1, clientGroupID => "reader $space", cookie => $seen{$space}{cookie}});
    my $answer = $json->decode($subscriber->safe_psql('postgres', "SELECT replicache.pull('$request', NULL, '$space')"));
    return $answer->{error} if $answer->{error};
    $seen{$space}{cookie} = $answer->{cookie};
    for my $op (@{$answer->{patch}}) {
        if ($op->{op} eq 'clear') { $seen{$space}{view} = {} }
        elsif ($op->{op} eq 'del') { delete $seen{$space}{view}{$op->{key}} }
        else { $seen{$space}{view}{$op->{key}} = $op->{value}{body} }
    }
    return join ', ', sort map { join ' ', $_->{op}, $_->{key} // () } @{$answer->{patch}};
}

sub view { my ($space) = @_; return $json->encode($seen{$space}{view}) }

# Statements on the publisher, applied on the subscriber.
sub publish {
    $publisher->safe_psql('postgres', join ';', @_);
    $publisher->wait_for_catchup('sub');
}

# The first copy.
pull($_) for sort keys %seen;
$publisher->safe_psql('postgres', q(INSERT INTO note VALUES ('n1', 'a', 'one'), ('n2', 'b', 'two'); INSERT INTO page VALUES (1, 1, 'p'), (2, 2, 'p'); INSERT INTO quiet VALUES (1);
    UPDATE replicache.space SET version = version + 1000 WHERE id IN ('a', 'b');
    CREATE PUBLICATION pub FOR TABLE note, page1, page2, quiet));
my $connection = $publisher->connstr('postgres') =~ s/'/''/gr;
my $listener = Session->new($subscriber->connstr('postgres'));
$listener->query('LISTEN replicache');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION pub");
$subscriber->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's'))) or die 'no first copy';
is(join('; ', map { pull($_) } sort keys %seen), 'put page/1/1, put page/2/2; clear, put note/n1; clear, put note/n2', 'the first copy, but for the table whose triggers fire on origin');

# What changes then: rows, keys, spaces, partitions.
publish(q(INSERT INTO note VALUES ('n3', 'a', 'three')), q(UPDATE note SET body = 'ONE' WHERE id = 'n1'), q(DELETE FROM note WHERE id = 'n2'), q(INSERT INTO quiet VALUES (2)));
is(join('; ', map { pull($_) } sort keys %seen), '; put note/n1, put note/n3; del note/n2', 'rows come, change and go');
publish(q(UPDATE note SET team = 'b' WHERE id = 'n1'), q(UPDATE note SET id = 'n4' WHERE id = 'n3'), q(UPDATE page SET k = 1 WHERE id = 2));
is(join('; ', map { pull($_) } sort keys %seen), 'del page/2/2, put page/2/1; del note/n1, del note/n3, put note/n4; put note/n1', 'a space, a key, a partition');
publish(q(UPDATE note SET body = body));
is(join('; ', map { pull($_) } sort keys %seen), '; put note/n4; put note/n1', 'what is written and has not changed is told once more, as it comes with another version');
publish(q(BEGIN), q(INSERT INTO note VALUES ('n5', 'a', 'five')), q(UPDATE page SET body = 'q' WHERE k = 1), q(COMMIT));
is(join('; ', map { pull($_) } sort keys %seen), 'put page/1/1, put page/2/1; put note/n5; ', 'of a transaction');
is(view('a'), '{"note/n4":"three","note/n5":"five"}', 'as it is');
is($subscriber->safe_psql('postgres', q(SELECT bool_and(n.version <= s.version AND n.version > 0), max(n.version) < 1000 FROM note n JOIN replicache.space s ON s.id = n.team)), 't|t',
    'versions are those of the subscriber, not those that came over the wire');
publish('TRUNCATE page1');
like(pull(''), qr/^clear/, 'TRUNCATE, of a partition');
is(view(''), '{"quiet/1":null,"quiet/2":null}', 'which is empty; a complete pull tells the other table, too');
publish('TRUNCATE note');
is(join('; ', map { pull($_) } 'a', 'b'), 'clear; clear', 'TRUNCATE');
my $pokes = '';
for (1 .. 600) {
    $pokes .= join ' ', @{$listener->query('SELECT 1')->{rows}};
    last if $pokes =~ /"space":"a","version":\d/;
    sleep 0.1;
}
like($pokes, qr/"space":"a","version":\d/, 'and pokes');

# Pushes to the subscriber go on beside it, and are seen by all who pull there.
publish(q(INSERT INTO note VALUES ('p', 'a', 'published')));
is($subscriber->safe_psql('postgres', q(SELECT replicache.apply_push('{"pushVersion":0,"clientID":"c","mutations":[{"id":1,"name":"put","args":{"id":"l","team":"a"}}]}', NULL, 'a') ->> 'applied')), 1, 'a push');
is(pull('a'), 'put note/l, put note/p', 'what was published, and what was pushed');

# Who pushes to the publisher and pulls here gets the rows, and never hears what has become of its mutations.
my $push = q({"pushVersion":1,"clientGroupID":"away","mutations":[{"clientID":"x","id":%d,"name":"put","args":{"id":"x%1$d","team":"b"}}]});
publish(sprintf "SELECT replicache.apply_push('$push', NULL, 'b')", 1);
my $away = $json->decode($subscriber->safe_psql('postgres', q(SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"away","cookie":null}', NULL, 'b'))));
is($json->encode([[grep { $_ eq 'note/x1' } map { $_->{key} // () } @{$away->{patch}}], $away->{lastMutationIDChanges}]), '[["note/x1"],{}]', 'the row of a mutation comes, and its number does not');
is($subscriber->safe_psql('postgres', sprintf "SELECT replicache.apply_push('$push', NULL, 'b') ->> 'error'", 2), 'ClientStateNotFound', 'the subscriber does not know the client');
is(pull('b'), 'put note/x1', 'others just get the row');

# Tracked anew, and with one more partition.
$subscriber->safe_psql('postgres', q(SELECT replicache.retrack('note'), replicache.retrack('page'); CREATE TABLE page3 PARTITION OF page FOR VALUES IN (3)));
$publisher->safe_psql('postgres', q(CREATE TABLE page3 PARTITION OF page FOR VALUES IN (3); ALTER PUBLICATION pub ADD TABLE page3));
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
$subscriber->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's'))) or die 'no copy of the partition';
pull($_) for sort keys %seen;
publish(q(INSERT INTO note VALUES ('n6', 'b', 'six')), q(INSERT INTO page VALUES (3, 3, 'p')));
is(join('; ', map { pull($_) } sort keys %seen), 'put page/3/3; ; put note/n6', 'after retrack, and in a new partition');
publish('TRUNCATE page3');
like(pull(''), qr/^clear/, 'and TRUNCATE there');

# Without it.
my $versions = 'SELECT string_agg(version::text, q ORDER BY id) FROM quiet, (VALUES (chr(32))) v(q)';
is($subscriber->safe_psql('postgres', $versions), $publisher->safe_psql('postgres', $versions), 'rows with the versions of the publisher, where triggers do not fire');
publish('DELETE FROM quiet WHERE id = 1');
is(pull(''), '', 'and no pull tells that one has gone');
$subscriber->safe_psql('postgres', $always =~ s/ AND tgrelid <> 'quiet'::regclass//r . "\nSELECT replicache.retrack('quiet')");
pull('');
publish('INSERT INTO quiet VALUES (3)', 'DELETE FROM quiet WHERE id = 2');
is(pull(''), 'del quiet/2, put quiet/3', 'until they fire always');

$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION sub');
$_->stop for values %servers;
done_testing();
