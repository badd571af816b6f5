# What the tests with servers of their own share: a server with a space of each clock, and clients that pull from it.
package Replicache;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep);

our @EXPORT = qw(new_server set_up burn client pull_by view_is);

my $json = JSON::PP->new->canonical;

# PREPARE TRANSACTION makes a long-running transaction without a session. No pokes, so that no worker waits for its end.
my $settings = "max_prepared_transactions = 5\nreplicache.poke_channel = ''\nautovacuum = off\nshared_buffers = 32MB\n";

# When the server takes no connections, psql may end before it has read the query from its input. IPC::Run dies of that, so ask again.
{
    no warnings 'redefine';
    my $poll_query_until = \&PostgreSQL::Test::Cluster::poll_query_until;
    *PostgreSQL::Test::Cluster::poll_query_until = sub {
        my @arguments = @_;
        for (1 .. 100) {
            my $answered = eval { $poll_query_until->(@arguments) };
            return $answered unless $@;
            die $@ unless $@ =~ /Broken pipe/;
            sleep 0.1;
        }
        return 0;
    };
}

# A server of this name, started; allows a standby.
sub new_server {
    my ($name, $more_settings, @options) = @_;
    my $server = PostgreSQL::Test::Cluster->new($name, @options);
    $server->init(allows_streaming => 1);
    $server->adjust_conf('postgresql.conf', 'autovacuum_worker_slots', undef);  # written by 18, for older servers, too
    $server->append_conf('postgresql.conf', $settings . ($more_settings // ''));
    $server->start;
    return $server;
}

# A table of notes in the spaces `free` (clock transaction) and `locked` (clock counter).
sub set_up {
    my ($server) = @_;
    $server->safe_psql('postgres', q(
        CREATE EXTENSION replicache_ext;
        CREATE TABLE note (id text PRIMARY KEY, space text NOT NULL);
        SELECT replicache.create_space('free', 'transaction'), replicache.create_space('locked', 'counter');
        SELECT replicache.track_table('note', space => 'space');));
}

# Uses up transaction ids.
sub burn {
    my ($server, $count) = @_;
    $server->safe_psql('postgres', 'SELECT pg_current_xact_id();' x $count);
}

# A client of a space: its cookie and its view.
sub client {
    my ($space, $group) = @_;
    return {space => $space, group => $group // "g-$space", cookie => undef, view => {}};
}

# Pulls, and applies the patch. Returns what came: 'clear', 'put note/a' and so on, or the error.
sub pull_by {
    my ($client, $server) = @_;
    my $request = $json->encode({pullVersion => 1, clientGroupID => $client->{group}, cookie => $client->{cookie}});
    my $answer = $json->decode($server->safe_psql('postgres', "SELECT replicache.pull('$request', 'ann', '$client->{space}')"));
    return $answer->{error} if $answer->{error};
    my $order = sub { ref $_[0] ? $_[0]{order} : $_[0] // -1 };
    my $same = $json->encode([$answer->{cookie}]) eq $json->encode([$client->{cookie}]);
    ok($same ? !@{$answer->{patch}} : $order->($answer->{cookie}) > $order->($client->{cookie}),
        "$client->{space}: the cookie rises with changes, and only then may stay");
    $client->{cookie} = $answer->{cookie};
    for my $entry (@{$answer->{patch}}) {
        if ($entry->{op} eq 'clear') { $client->{view} = {} }
        elsif ($entry->{op} eq 'del') { delete $client->{view}{$entry->{key}} }
        else { $client->{view}{$entry->{key}} = 1 }
    }
    return join ', ', map { join ' ', $_->{op}, $_->{key} // () } @{$answer->{patch}};
}

# The client has what the server's table holds.
sub view_is {
    my ($client, $server, $name) = @_;
    my $rows = $server->safe_psql('postgres', "SELECT 'note/' || id FROM note WHERE space = '$client->{space}' ORDER BY id COLLATE \"C\"");
    is(join("\n", sort keys %{$client->{view}}), $rows, "$client->{space}: $name");
}

1;
