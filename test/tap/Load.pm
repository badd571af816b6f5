# Clients that push, upload, pull and write all at once, each a process of its own. Each checks what it is told while it runs, and at
# the end all that they were told is compared with the tables: nothing lost, nothing twice, nothing by halves, and every client has
# what the tables hold.
package Load;

use strict;
use warnings;
use parent -norequire, 'Clients';
use Clients;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->canonical;
my @spaces = qw(counter time transaction);

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
            -- Now and then a row that others write, too.
            IF id % 4 = 0 THEN
                INSERT INTO total VALUES ('all-' || space, space, 1) ON CONFLICT ON CONSTRAINT total_pkey DO UPDATE SET n = total.n + 1;
            END IF;
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

# Starts the clients. `clients`: other ones than these; `seed`; `levels`: isolation levels, one for each request, by chance; `run`: appears in their names, to
# tell them from those of another load; `lossy`: acknowledged writes may be lost, and then the server says that it does not know the
# client; and what serve takes.
sub start {
    my ($class, $server, %options) = @_;
    my $self = bless {dir => PostgreSQL::Test::Utils::tempdir(), workers => {}, run => '', test => $$, %options}, $class;
    $self->serve($server, %options);
    my @clients = $self->{clients} ? @{$self->{clients}} : (
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
        eval { write_file("$self->{dir}/$c->{name}.json", $json->encode($c)) };
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
    while (getppid() == $self->{test}) {
        my $last = -e "$self->{dir}/stop";
        my $idle = $self->$step($c, !$last);
        return if $last && $idle;
        die "nothing comes through\n" if $last && ++$tries > 200;
    }
}

# Waits until so much more has been done, and a tenth of it in each space: on a busy machine, a space can fall far behind the others.
sub wait_for {
    my ($self, $count) = @_;
    my $each = int($count / 10);
    my $spaces = "SELECT format('(%L, %s)', space, count(*) + $each) FROM done GROUP BY space";
    my $done = $self->{server}->safe_psql($self->{database}, 'SELECT count(*) FROM done');
    my $goals = join ', ', "(NULL, 0)", split /\n/, $self->{server}->safe_psql($self->{database}, $spaces);
    $self->{server}->poll_query_until($self->{database},
        "SELECT count(*) >= $done + $count AND NOT EXISTS (SELECT FROM (VALUES $goals) g(space, goal)
             WHERE (SELECT count(*) FROM done d WHERE d.space = g.space) < goal) FROM done") or die "the load has stopped";
}

# Lets the clients finish. What each knows, by its name.
sub stop {
    my ($self) = @_;
    write_file("$self->{dir}/stop", '');
    waitpid $_, 0 for values %{$self->{workers}};
    return map { $_ => $json->decode(PostgreSQL::Test::Utils::slurp_file("$self->{dir}/$_.json")) } keys %{$self->{workers}};
}

sub told_nothing_wrong {
    my ($self, $name, $c) = @_;
    $self->pull($c) if $c->{kind} eq 'pusher';
    note "$c->{name}: asked $c->{asked}, $c->{unanswered} without an answer, $c->{forgotten} times forgotten";
    is(join("\n", @{$c->{failures}}), '', "$name: $c->{name} was told nothing wrong");
}

# `sql` asks the server. The tables come with what makes their keys.
sub has_what_tables_hold {
    my ($name, $c, $sql, %tables) = @_;
    my $rows = $sql->(join ' UNION ALL ', map { "SELECT '$_/' || $tables{$_} || ' ' || (to_jsonb(t) - 'version')::text FROM $_ t WHERE space = '$c->{space}'" } keys %tables);
    my $lines = sub { join "\n", sort @_ };
    my $there = $lines->(map { my ($key, $row) = split / /, $_, 2; "$key " . $json->encode($json->decode($row)) } split /\n/, $rows);
    is($lines->(map { "$_ " . $json->encode($c->{view}{$_}) } keys %{$c->{view}}), $there, "$name: $c->{name} has what the tables hold");
}

# Each mutation of a pusher once, and what was refused is on record once.
sub all_is_there {
    my ($name, $c, $sql) = @_;
    for my $client (sort keys %{$c->{made}}) {
        is($sql->("SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE client = '$client'"),
            join(' ', grep { !refused($_) } 1 .. $c->{made}{$client}), "$name: all of $client is there");
        is($sql->("SELECT string_agg(mutation_id::text, ' ' ORDER BY mutation_id) FROM replicache.mutation_error WHERE client_id = '$client'"),
            join(' ', grep { refused($_) } 1 .. $c->{made}{$client}), "$name: what was refused is on record");
    }
}

# Lets the clients finish, and compares what they know with the tables.
sub finish {
    my ($self, $name) = @_;
    my %clients = $self->stop;
    my $sql = sub { $self->{server}->safe_psql($self->{database}, $_[0]) };
    $self->serve($self->{server}, database => $self->{database});
    $self->told_nothing_wrong($name, $_) for @clients{sort keys %clients};
    has_what_tables_hold($name, $_, $sql, done => 'n', total => 'client_group', scratch => 'id') for grep { $_->{kind} eq 'pusher' } values %clients;
    is($sql->('SELECT client, id, count(*) FROM done GROUP BY 1, 2 HAVING count(*) > 1'), '', "$name: nothing is applied twice");
    is($sql->(q(SELECT client_group, t.n, d.n FROM total t FULL JOIN (
        SELECT regexp_replace(client, '\.\d$', '') AS client_group, count(*) AS n FROM done GROUP BY 1
        UNION ALL SELECT 'all-' || space, count(*) FROM done WHERE id % 4 = 0 GROUP BY 1) d USING (client_group)
        WHERE t.n IS DISTINCT FROM d.n)), '', "$name: nothing is applied by halves");
    is($sql->('SELECT user_id, ref FROM note WHERE ref <> \'direct\' GROUP BY 1, 2 HAVING count(*) > 1'), '', "$name: no note is there twice");
    is($sql->('SELECT client_id, mutation_id, count(*) FROM replicache.mutation_error GROUP BY 1, 2 HAVING count(*) > 1'), '',
        "$name: nothing is on record twice");
    is($sql->("SELECT client_id, mutation_id, sqlstate, message FROM replicache.mutation_error WHERE sqlstate NOT IN ('P0001', '23514')"), '',
        "$name: and nothing but what was to be refused");
    return \%clients if $self->{lossy};

    my $ids = sub { $sql->("SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE client = '$_[0]'") };
    my $errors = sub { $sql->("SELECT string_agg(mutation_id::text, ' ' ORDER BY mutation_id) FROM replicache.mutation_error WHERE client_id = '$_[0]'") };
    all_is_there($name, $_, $sql) for grep { $_->{kind} eq 'pusher' } values %clients;
    my ($upload, $device, $direct) = @clients{map { "$_$self->{run}" } qw(upload device direct)};
    is($ids->("$upload->{name}.0"), join(' ', grep { !refused($_ + $_ % 2) } 1 .. $upload->{made}), "$name: all uploads are there");
    is($errors->($upload->{name}), join(' ', grep { $_ % 2 == 0 && refused($_) } 1 .. $upload->{made}), "$name: and what was refused is on record");
    is($ids->("$direct->{name}-$_.0"), join(' ', 1 .. $direct->{acked}), "$name: all direct writes to $_ are there") for @spaces;
    is($sql->("SELECT string_agg(substr(ref, 5), ' ' ORDER BY substr(ref, 5)::int) FROM note WHERE user_id = '$device->{name}' AND ref <> 'direct'"),
        join(' ', 1 .. $device->{made}), "$name: each note of the device is there, once");
    return \%clients;
}

1;
