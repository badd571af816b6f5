# What the clients of a load do, one step after another. Whoever does not know whether a request came through sends it again, as
# real clients do. A client is a hash; whatever it is told and should not be goes to its `failures`.
package Clients;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use List::Util qw(min);
use PostgreSQL::Test::Utils;
use Session;
use Time::HiRes qw(sleep);

our @EXPORT = qw(refused);

my $json = JSON::PP->new->canonical;

# What tells "try again" from a bug: shutdown, crash and start of a server, serialization failures, deadlocks, a space that moves.
my $for_now = qr/^(57P0[1235]|40...|08...|RE004)$/;

# Which ids are to be refused.
sub refused { return $_[0] % 5 == 0 }

sub failed {
    my ($c, $what) = @_;
    push @{$c->{failures}}, "$c->{name}: $what" if @{$c->{failures}} < 10;
    return;
}

# What a query answers, as JSON; undef when there is no answer, and one has to ask again.
sub ask {
    my ($self, $c, $query, $where) = @_;
    $where //= 'server';
    my $key = $where eq 'server' ? 'session' : $where;
    if (!$c->{$key}) {
        my $connection = eval { PostgreSQL::Test::Utils::slurp_file("$self->{dir}/$where") };
        if (!$connection) { sleep 0.05; return }
        $c->{$key} = Session->new($connection);
    }
    $c->{asked}++;
    $query = "SET default_transaction_isolation = '$self->{levels}[rand @{$self->{levels}}]'; $query" if $self->{levels};
    my $answer = $c->{$key}->query($query);
    return $json->decode($answer->{rows}[0]) if !$answer->{lost} && !$answer->{error};
    $c->{unanswered}++;
    delete $c->{$key} if $answer->{lost};
    failed($c, "$answer->{error} @{$answer->{rows}}") if $answer->{error} && $answer->{error} !~ $for_now;
    sleep 0.05;
    return;
}

# Pushes what the last pull has not confirmed, and pulls.
sub pusher {
    my ($self, $c, $more) = @_;
    $c->{group} //= $c->{forgotten} ? "$c->{name}-$c->{forgotten}" : $c->{name};
    if ($more) {
        for (0 .. rand 4) {
            my $client = "$c->{group}." . int rand 2;
            push @{$c->{pending}}, {clientID => $client, id => ++$c->{made}{$client}};
        }
    }
    for my $again (0 .. (rand() < 0.2)) {  # as after an answer that got lost
        my @batch = @{$c->{pending} // []} or last;
        my $push = $json->encode({pushVersion => 1, clientGroupID => $c->{group}, mutations =>
            [map { {%$_, name => 'act', args => {refuse => refused($_->{id}) ? JSON::PP::true : JSON::PP::false}} } @batch]});
        my $answer = $self->ask($c, "SELECT replicache.apply_push('$push', 'ann', '$c->{space}')") or return 0;
        return $self->forget($c) if ($answer->{error} // '') eq 'ClientStateNotFound';
        my $halted = $answer->{halted};
        if ($answer->{error} || $halted && ($halted->{code} // '') !~ /^RE00[14]$/) {
            failed($c, 'push: ' . $json->encode($answer));
            return 0;
        }
        my $processed = 0;
        for (@batch) {
            last if $halted && $halted->{clientID} eq $_->{clientID} && $halted->{id} == $_->{id};
            $processed++;
            failed($c, 'what was acknowledged is applied again') if $_->{acked} && $processed > $answer->{skipped};
        }
        my $sum = $answer->{applied} + $answer->{skipped} + @{$answer->{rejected}};
        failed($c, "push: $processed processed, " . $json->encode($answer)) if $sum != $processed;
        $c->{acked}{$_->{clientID}} = $_->{id} for @batch[0 .. $processed - 1];
        redo if $halted;
        failed($c, 'a push is not skipped the second time') if $again && $answer->{skipped} != @batch;
    }
    return $self->pull($c) && !@{$c->{pending}};
}

# The server does not know the client any more. As Replicache does, it goes on as another one, from the view and cookie that it has.
sub forget {
    my ($self, $c) = @_;
    failed($c, 'the server does not know the client') unless $self->{lossy};
    $c->{forgotten}++;
    delete @$c{qw(group pending made acked seen)};
    return 0;
}

sub order_of { my ($cookie) = @_; return ref $cookie ? $cookie->{order} : $cookie // -1 }

# Pulls, and checks the view that it gets. Returns whether there was an answer.
sub pull {
    my ($self, $c) = @_;
    my $where = -e "$self->{dir}/standby" && rand() < 0.7 ? 'standby' : 'server';
    my $request = $json->encode({pullVersion => 1, clientGroupID => $c->{group}, cookie => $c->{cookie}});
    my $answer = $self->ask($c, "SELECT replicache.pull('$request', 'ann', '$c->{space}')", $where) or return 0;
    return $self->forget($c) if ($answer->{error} // '') eq 'ClientStateNotFound';
    return failed($c, "pull: $answer->{error}") if $answer->{error};
    my $same = $json->encode([$answer->{cookie}]) eq $json->encode([$c->{cookie}]);
    failed($c, "$where: the cookie " . $json->encode([$answer->{cookie}, $c->{cookie}]))
        unless $same ? !@{$answer->{patch}} && !%{$answer->{lastMutationIDChanges}} : order_of($answer->{cookie}) > order_of($c->{cookie});
    $c->{cookie} = $answer->{cookie};
    for my $entry (@{$answer->{patch}}) {
        if ($entry->{op} eq 'clear') { $c->{view} = {} }
        elsif ($entry->{op} eq 'del') { delete $c->{view}{$entry->{key}} }
        else { $c->{view}{$entry->{key}} = $entry->{value} }
    }
    while (my ($client, $id) = each %{$answer->{lastMutationIDChanges}}) {
        failed($c, "$client: lastMutationID falls from $c->{seen}{$client} to $id") if $id < ($c->{seen}{$client} // 0);
        $c->{seen}{$client} = $id;
    }
    for my $client (keys %{$c->{acked} // {}}) {
        failed($c, "$client: what was acknowledged is not there") if $where eq 'server' && ($c->{seen}{$client} // 0) < $c->{acked}{$client};
    }
    $c->{pending} = [grep { $_->{id} > ($c->{seen}{$_->{clientID}} // 0) } @{$c->{pending} // []}];
    consistent($c, $where);
    return 1;
}

# One snapshot: of each group as many rows as its total says, and of our own what lastMutationID says.
sub consistent {
    my ($c, $where) = @_;
    my (%ids, %count);
    for my $key (grep { m{^done/} } keys %{$c->{view}}) {
        my $row = $c->{view}{$key};
        push @{$ids{$row->{client}}}, $row->{id};
        $count{$row->{client} =~ s/\.\d$//r}++;
        $count{"all-$row->{space}"}++ if $row->{id} % 4 == 0;
    }
    for my $group (keys %count) {
        my $total = $c->{view}{"total/$group"}{n} // 0;
        failed($c, "$where: $group has $count{$group} rows and a total of $total") if $total != $count{$group};
    }
    for my $client (keys %{$c->{seen} // {}}) {
        my $is = join ' ', sort { $a <=> $b } @{$ids{$client} // []};
        my $expected = join ' ', grep { !refused($_) } 1 .. $c->{seen}{$client};
        failed($c, "$where: $client is at $c->{seen}{$client} and has $is") if $is ne $expected;
    }
}

# Uploads the head of its queue until that is acknowledged. Each transaction has two changes.
sub uploader {
    my ($self, $c, $more) = @_;
    if ($more) {
        for (0 .. rand 3) {
            my $id = $c->{made} = ($c->{made} // 0) + 2;
            push @{$c->{pending}}, {crud => [
                {op_id => $id - 1, op => 'PUT', type => 'line', id => "$c->{name} " . int rand 50, data => {n => 1}},
                {op_id => $id, op => 'PUT', type => 'line', id => "$c->{name} $id", data => {n => refused($id) ? -1 : 1}}]};
        }
    }
    my $size = min(20, scalar @{$c->{pending}}) or return 1;
    for my $again (0 .. (rand() < 0.2)) {
        my @batch = @{$c->{pending}}[0 .. $size - 1];
        my $request = $json->encode({client_id => $c->{name}, on_error => 'skip', transactions => \@batch});
        my $answer = $self->ask($c, "SELECT replicache.powersync_upload('$request', 'ann')") or return 0;
        my $is = join ' ', map { $_->{status} } @{$answer->{results}};
        my $expected = join ' ', map { refused($_->{crud}[1]{op_id}) ? 'fatal_error' : 'success' } @batch;
        return 0 if $is =~ /retryable_error/;
        failed($c, "upload: $is, expected $expected") if $is ne $expected;
    }
    splice @{$c->{pending}}, 0, $size;
    return !@{$c->{pending}};
}

# Pushes on its head; when it is told that it is behind, it looks whether its own rows had arrived.
sub device {
    my ($self, $c, $more) = @_;
    $c->{pending} = [map { 'ref ' . ++$c->{made} } 0 .. rand 3] if $more && !@{$c->{pending} // []};
    return 1 unless @{$c->{pending}};
    my $push = $json->encode({mutations => [map { {type => 'CREATE', resource => 'NOTE', data => {ref => $_}} } @{$c->{pending}}]});
    my $answer = $self->ask($c, "SELECT row_to_json(p) FROM replicache.sync_push('$push', $c->{head}, '$c->{name}') p") or return 0;
    if ($answer->{status} == 200) {
        return 0 if rand() < 0.2;  # as if the answer had got lost
        $c->{head} = $answer->{mutation_at};
        $c->{pending} = [];
        return 1;
    }
    return failed($c, $json->encode($answer)) if $answer->{status} != 409;
    $answer = $self->ask($c, "SELECT row_to_json(p) FROM replicache.sync_pull($c->{head}, '$c->{name}', page_limit => 1000) p") or return 0;
    my %there = map { ($_->{data}{ref} => 1) } @{$answer->{body}{data}{mutations}};
    my $arrived = grep { $there{$_} } @{$c->{pending}};
    failed($c, "$arrived of @{$c->{pending}} have arrived") if $arrived && $arrived < @{$c->{pending}};
    $c->{head} = $answer->{mutation_at};
    $c->{pending} = [] if $arrived;
    return !@{$c->{pending}};
}

# Writes past the extension's functions, as psql or a cron job does, and looks whether it came through when it does not know.
sub writer {
    my ($self, $c) = @_;
    my $id = ($c->{acked} // 0) + 1;
    if ($c->{unsure}) {
        my $there = $self->ask($c, "SELECT count(*) FROM done WHERE client = '$c->{name}-time.0' AND id = $id") // return 0;
        $c->{unsure} = 0;
        if ($there) { $c->{acked} = $id; return 1 }
    }
    $self->ask($c, "BEGIN; SELECT 1 FROM write_directly('$c->{name}', -1); ROLLBACK") if $id % 6 == 0;
    $c->{unsure} = 1;
    $self->ask($c, "SELECT 1 FROM write_directly('$c->{name}', $id)") or return 0;
    $c->{unsure} = 0;
    $c->{acked} = $id;
    return 1;
}

1;
