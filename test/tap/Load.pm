# Clients that push, upload, pull and write all at once, each a process of its own that behaves as real ones do: whoever does not
# know whether a request came through sends it again. Each checks what it is told while it runs, and at the end all that they were
# told is compared with the tables: nothing lost, nothing twice, nothing by halves, and every client has what the tables hold.
package Load;

use strict;
use warnings;
use JSON::PP;
use List::Util qw(min);
use POSIX ();
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->canonical;
my @spaces = qw(counter time transaction);

# What tells "try again" from a bug: shutdown, crash and start of a server, serialization failures, deadlocks.
my $for_now = qr/^(57P0[1235]|40...|08...)$/;

# No unique constraint on client and id: what is applied twice shows. Half a mutation leaves `total` behind `done`.
sub set_up {
    my ($server, $database) = @_;
    $server->safe_psql($database // 'postgres', q(
        CREATE EXTENSION replicache_ext;
        CREATE TABLE done (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, space text NOT NULL, client text NOT NULL, id bigint NOT NULL);
        CREATE TABLE total (client_group text PRIMARY KEY, space text NOT NULL, n bigint NOT NULL);
        CREATE TABLE scratch (id text PRIMARY KEY, space text NOT NULL, n bigint NOT NULL);
        CREATE TABLE line (id text PRIMARY KEY, n bigint NOT NULL CHECK (n >= 0));
        CREATE TABLE note (id text PRIMARY KEY DEFAULT gen_random_uuid()::text, user_id text NOT NULL, ref text NOT NULL);
        SELECT replicache.create_space(clock, clock) FROM unnest('{counter,time,transaction}'::text[]) clock;
        SELECT replicache.track_table(t, space => 'space') FROM unnest('{done,total,scratch}'::regclass[]) t;
        SELECT replicache.track_table('note', space => 'user_id');
        SELECT replicache.expose_crud('note', name => 'NOTE', columns => '{"ref":"ref"}'), replicache.expose_crud('line');

        CREATE FUNCTION do_it(space text, client_group text, client text, id bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO done (space, client, id) VALUES (space, client, id);
            PERFORM pg_sleep(random() * 0.004);
            INSERT INTO total VALUES (client_group, space, 1) ON CONFLICT ON CONSTRAINT total_pkey DO UPDATE SET n = total.n + 1;
        END $$;
        CREATE FUNCTION act(refuse boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM do_it(replicache.current_space(), replicache.current_client_group_id(), replicache.current_client_id(),
                replicache.current_mutation_id());
            IF refuse THEN RAISE EXCEPTION 'refused'; END IF;
            IF random() < 0.03 THEN RAISE EXCEPTION 'not now' USING ERRCODE = 'RE001'; END IF;
        END $$;
        SELECT replicache.register_mutator('act', 'act(boolean)');
        CREATE FUNCTION line_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM do_it('counter', replicache.current_client_id(), replicache.current_client_id() || '.0', replicache.current_mutation_id());
            RETURN NULL;
        END $$;
        CREATE TRIGGER line_written AFTER INSERT OR UPDATE ON line FOR EACH ROW EXECUTE FUNCTION line_written();
        CREATE FUNCTION write_directly(writer text, id bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM do_it(s, writer || '-' || s, writer || '-' || s || '.0', id) FROM unnest('{counter,time,transaction}'::text[]) s;
            INSERT INTO scratch SELECT s || id % 5, s, id FROM unnest('{counter,time,transaction}'::text[]) s
                ON CONFLICT ON CONSTRAINT scratch_pkey DO UPDATE SET n = excluded.n;
            DELETE FROM scratch s WHERE s.n = write_directly.id - 3;
            INSERT INTO note (user_id, ref) SELECT s.id, 'direct' FROM replicache.space s WHERE s.id LIKE 'device%' AND write_directly.id % 4 = 0;
        END $$;));
}

sub refused { return $_[0] % 5 == 0 }

# Starts the clients. `seed`; `levels`: isolation levels, one for each of their sessions, by chance; `run`: appears in their names, to tell them from those of another load; `lossy`: acknowledged writes
# may be lost, and then the server says that it does not know the client.
sub start {
    my ($class, $server, %options) = @_;
    my $self = bless {dir => PostgreSQL::Test::Utils::tempdir(), workers => {}, run => '', %options}, $class;
    $self->serve($server, %options);
    my @clients = (
        (map { {kind => 'pusher', name => "$_-1$self->{run}", space => $_} } @spaces),
        {kind => 'pusher', name => "transaction-2$self->{run}", space => 'transaction'},
        {kind => 'uploader', name => "upload$self->{run}"},
        {kind => 'device', name => "device$self->{run}", head => -1},
        {kind => 'writer', name => "direct$self->{run}"});
    for my $n (0 .. $#clients) {
        my $pid = fork // die "fork: $!";
        if ($pid) { $self->{workers}{$clients[$n]{name}} = $pid; next }
        srand($self->{seed} + $n);
        my $c = $clients[$n];
        $c->{$_} = 0 for qw(asked unanswered forgotten);
        $c->{failures} = [];
        # What a test does at its end, such as stopping the servers, is not for a worker.
        eval { $self->work($c); 1 } or push @{$c->{failures}}, $@;
        delete @$c{qw(session standby)};
        write_file("$self->{dir}/$c->{name}.json", $json->encode($c));
        POSIX::_exit(0);
    }
    return $self;
}

# Tells the clients which server to connect to. `standby`: most pulls go there; `database`; `connection`: another way to it.
sub serve {
    my ($self, $server, %options) = @_;
    $self->{server} = $server;
    $self->{database} = $options{database} // 'postgres';
    unlink "$self->{dir}/standby";
    write_file("$self->{dir}/standby", $options{standby}->connstr($self->{database})) if $options{standby};
    write_file("$self->{dir}/server", $options{connection} // $server->connstr($self->{database}));
}

# No server until the next one is named.
sub serve_nothing {
    my ($self) = @_;
    unlink map { "$self->{dir}/$_" } qw(standby server);
}

sub write_file {
    my ($name, $text) = @_;
    open my $file, '>', "$name.new" or die "$name: $!";
    print $file $text;
    close $file or die "$name: $!";
    rename "$name.new", $name or die "$name: $!";
}

sub work {
    my ($self, $c) = @_;
    my $step = $self->can($c->{kind});
    my $tries = 0;
    while (1) {
        my $last = -e "$self->{dir}/stop";
        my $idle = $self->$step($c, !$last);
        return if $last && $idle;
        die "nothing comes through\n" if $last && ++$tries > 200;
    }
}

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
        $c->{$key}->query("SET default_transaction_isolation = '$self->{levels}[rand @{$self->{levels}}]'") if $self->{levels};
    }
    $c->{asked}++;
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
        failed($c, 'push: ' . $json->encode($answer)) if $answer->{error} || ($halted && ($halted->{code} // '') ne 'RE001');
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

sub forget {
    my ($self, $c) = @_;
    failed($c, 'the server does not know the client') unless $self->{lossy};
    $c->{forgotten}++;
    delete @$c{qw(group pending made acked cookie view seen)};
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
    $answer = $self->ask($c, "SELECT row_to_json(p) FROM replicache.sync_pull(-1, '$c->{name}', page_limit => 1000) p") or return 0;
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

# Waits until so much more has been done.
sub wait_for {
    my ($self, $count) = @_;
    my $done = $self->{server}->safe_psql($self->{database}, 'SELECT count(*) FROM done');
    $self->{server}->poll_query_until($self->{database}, "SELECT count(*) >= $done + $count FROM done") or die "the load has stopped";
}

# Lets the clients finish, and compares what they know with the tables.
sub finish {
    my ($self, $name) = @_;
    write_file("$self->{dir}/stop", '');
    waitpid $_, 0 for values %{$self->{workers}};
    my $sql = sub { $self->{server}->safe_psql($self->{database}, $_[0]) };
    my %clients = map { $_ => $json->decode(PostgreSQL::Test::Utils::slurp_file("$self->{dir}/$_.json")) } sort keys %{$self->{workers}};
    $self->serve($self->{server}, database => $self->{database});
    for my $c (@clients{sort keys %clients}) {
        $self->pull($c) if $c->{kind} eq 'pusher';
        note "$c->{name}: asked $c->{asked}, $c->{unanswered} without an answer, $c->{forgotten} times forgotten";
        is(join("\n", @{$c->{failures}}), '', "$name: $c->{name} was told nothing wrong");
    }
    for my $c (grep { $_->{kind} eq 'pusher' } values %clients) {
        my $rows = $sql->(join ' UNION ALL ', map { "SELECT '$_->[0]/' || $_->[1] || ' ' || (to_jsonb(t) - 'version')::text FROM $_->[0] t WHERE space = '$c->{space}'" }
            [qw(done n)], [qw(total client_group)], [qw(scratch id)]);
        my $lines = sub { join "\n", sort @_ };
        my $there = $lines->(map { my ($key, $row) = split / /, $_, 2; "$key " . $json->encode($json->decode($row)) } split /\n/, $rows);
        is($lines->(map { "$_ " . $json->encode($c->{view}{$_}) } keys %{$c->{view}}), $there, "$name: $c->{name} has what the tables hold");
    }
    is($sql->('SELECT client, id, count(*) FROM done GROUP BY 1, 2 HAVING count(*) > 1'), '', "$name: nothing is applied twice");
    is($sql->(q(SELECT client_group, t.n, d.n FROM total t FULL JOIN (SELECT regexp_replace(client, '\.\d$', '') AS client_group, count(*) AS n
        FROM done GROUP BY 1) d USING (client_group) WHERE t.n IS DISTINCT FROM d.n)), '', "$name: nothing is applied by halves");
    is($sql->('SELECT user_id, ref FROM note WHERE ref <> \'direct\' GROUP BY 1, 2 HAVING count(*) > 1'), '', "$name: no note is there twice");
    is($sql->('SELECT client_id, mutation_id, count(*) FROM replicache.mutation_error GROUP BY 1, 2 HAVING count(*) > 1'), '',
        "$name: nothing is on record twice");
    return \%clients if $self->{lossy};

    my $ids = sub { $sql->("SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE client = '$_[0]'") };
    my $errors = sub { $sql->("SELECT string_agg(mutation_id::text, ' ' ORDER BY mutation_id) FROM replicache.mutation_error WHERE client_id = '$_[0]'") };
    for my $c (grep { $_->{kind} eq 'pusher' } values %clients) {
        for my $client (sort keys %{$c->{made}}) {
            is($ids->($client), join(' ', grep { !refused($_) } 1 .. $c->{made}{$client}), "$name: all of $client is there");
            is($errors->($client), join(' ', grep { refused($_) } 1 .. $c->{made}{$client}), "$name: what was refused is on record");
        }
    }
    my ($upload, $device, $direct) = @clients{map { "$_$self->{run}" } qw(upload device direct)};
    is($ids->("$upload->{name}.0"), join(' ', grep { !refused($_ + $_ % 2) } 1 .. $upload->{made}), "$name: all uploads are there");
    is($errors->($upload->{name}), join(' ', grep { $_ % 2 == 0 && refused($_) } 1 .. $upload->{made}), "$name: and what was refused is on record");
    is($ids->("$direct->{name}-$_.0"), join(' ', 1 .. $direct->{acked}), "$name: all direct writes to $_ are there") for @spaces;
    is($sql->("SELECT string_agg(substr(ref, 5), ' ' ORDER BY substr(ref, 5)::int) FROM note WHERE user_id = '$device->{name}' AND ref <> 'direct'"),
        join(' ', 1 .. $device->{made}), "$name: each note of the device is there, once");
    return \%clients;
}

1;
