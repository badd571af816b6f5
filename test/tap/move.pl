# Spaces move between two servers with examples/cluster/move while their clients push, pull and write. The tool is killed at random
# places, and so are the servers; then it is run again, or the other way round. Set SEED to one that was printed, and CHECK_LONG for
# many more moves.
package Moving;

use strict;
use warnings;
use Load;
use Time::HiRes qw(sleep);
our @ISA = ('Load');

# The server is the one that the directory names. After a request without an answer, one looks there again. With the clocks counter
# and time, only the first pull is a complete one, and rows that never change come once.
sub ask {
    my ($self, $c, $query) = @_;
    $c->{home} //= $self->SUPER::ask($c, "SELECT to_json(server) FROM directory WHERE space = '$c->{space}'", 'directory') or return;
    my $answer = $self->SUPER::ask($c, $query, $self->{name_of}{$c->{home}});
    if (ref $answer) {
        my $halted = $answer->{halted} && $answer->{halted}{code} eq 'RE004';
        if ($halted) {
            $c->{held}++;
            delete $c->{home};
            sleep 0.05;
        }
        if ($c->{cookie} && $c->{space} ne 'transaction') {
            my @again = grep { $_->{op} eq 'clear' || $_->{op} eq 'put' && $_->{key} =~ m{^(done|part)/} && $c->{view}{$_->{key}} } @{$answer->{patch}};
            Clients::failed($c, join ' ', $query, $again[0]{op}, $again[0]{key} // (), 'again') if @again;
        }
    }
    delete $c->{home} unless defined $answer;
    return $answer;
}

# The tool and the servers need the machine, too.
sub pusher {
    my ($self, $c, $more) = @_;
    sleep 0.03 + rand 0.03;
    return $self->SUPER::pusher($c, $more);
}

# Writes without a push.
sub scribe {
    my ($self, $c) = @_;
    sleep 0.03 + rand 0.03;
    my $id = ($c->{acked} // 0) + 1;
    my $there = $c->{unsure} ? $self->ask($c, "SELECT count(*) FROM done WHERE client = '$c->{name}.0' AND id = $id") // return 0 : 0;
    $c->{unsure} = 1;
    $there ||= $self->ask($c, "SELECT 1 FROM do_it('$c->{space}', '$c->{name}', '$c->{name}.0', $id)") or return 0;
    $c->{unsure} = 0;
    $c->{acked} = $id;
    return 1;
}

sub work {
    my ($self, $c) = @_;
    my $done = eval { $self->SUPER::work($c); 1 };
    my $error = $@;
    delete @$c{qw(a b directory)};  # the sessions
    die $error unless $done;
}

package main;

use strict;
use warnings;
use List::Util qw(shuffle);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
srand $seed;

my @spaces = qw(counter time transaction);
my %tables = (done => 'n', total => 'client_group', scratch => 'id', part => 'done');
my $settings = "restart_after_crash = on\nmax_connections = 40\nlog_statement = none\n";
my %server = map { $_ => new_server($_, $settings) } qw(a b directory);
my %connection = map { $_ => $server{$_}->connstr('postgres') } keys %server;
my %name_of = reverse %connection;
my $sql = sub { my ($name, $query) = @_; return $server{$name}->safe_psql('postgres', $query) };

# `part` refers to `done`, so the order of copying and of deleting matters. Each server numbers rows in a range of its own.
for my $name ('a', 'b') {
    Load::set_up($server{$name});
    $sql->($name, q(
        CREATE INDEX ON done (client, id);
        CREATE TABLE part (done bigint PRIMARY KEY REFERENCES done, space text NOT NULL);
        SELECT replicache.track_table('part', space => 'space');
        CREATE OR REPLACE FUNCTION act(refuse boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            here text := replicache.current_space();
            me text := replicache.current_client_id();
            mutation bigint := replicache.current_mutation_id();
        BEGIN
            PERFORM do_it(here, replicache.current_client_group_id(), me, mutation);
            INSERT INTO part SELECT n, space FROM done WHERE client = me AND id = mutation;
            INSERT INTO scratch VALUES (me || mutation % 5, here, mutation) ON CONFLICT ON CONSTRAINT scratch_pkey DO UPDATE SET n = excluded.n;
            DELETE FROM scratch WHERE id = me || (mutation + 2) % 5;
            IF refuse THEN RAISE EXCEPTION 'refused'; END IF;
        END $$;));
}
$sql->('b', 'ALTER TABLE done ALTER n RESTART WITH 1000000000');
$sql->('b', "SELECT replicache.close_space('$_', replicache.hold_space('$_'))") for @spaces;
$sql->('directory', 'CREATE TABLE directory (space text PRIMARY KEY, server text NOT NULL)');
$sql->('directory', "INSERT INTO directory VALUES ('$_', '" . $connection{a} =~ s/'/''/gr . "')") for @spaces;

my $load = Moving->start($server{a}, seed => $seed, name_of => \%name_of, clients => [
    (map { {kind => 'pusher', name => $_->[0], space => $_->[1]} } ['counter-1', 'counter'], ['counter-2', 'counter'], ['time-1', 'time'],
        ['transaction-1', 'transaction'], ['transaction-2', 'transaction']),
    (map { {kind => 'scribe', name => "scribe-$_", space => $_} } @spaces)]);
Load::write_file("$load->{dir}/$_", $connection{$_}) for keys %connection;

# Where each space is, as far as the test knows, and the last move of each.
my %home = map { $_ => 'a' } @spaces;
my %last;
my %count = map { $_ => 0 } qw(move given_up left);
my $log = "$load->{dir}/move.log";

# Starts the tool, in a process group of its own.
sub start_tool {
    my ($from, $to, @names) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    POSIX::setsid();
    open STDOUT, '>>', $log or die "$log: $!";
    open STDERR, '>&', \*STDOUT;
    print STDOUT "# $from to $to: @names\n";
    exec "$ENV{TESTDIR}/move", '--from', $connection{$from}, '--to', $connection{$to}, '--directory', $connection{directory}, '--sql',
        "UPDATE directory SET server = :'to' WHERE space = :'space'", @names or POSIX::_exit(99);
}

sub ended {
    my ($pid) = @_;
    waitpid $pid, 0;
    return $?;
}

# Runs it until it has done everything. What an earlier run has left behind may be in the way at first.
sub finish_move {
    my ($from, $to, @names) = @_;
    for (1 .. 30) {
        if (ended(start_tool($from, $to, @names)) == 0) {
            $home{$_} = $to, $last{$_} = [$from, $to] for @names;
            return;
        }
        sleep 0.2;
    }
    die "@names: the move from $from to $to does not end\n" . slurp_file($log);
}

sub done_in { my ($space) = @_; return $sql->($home{$space}, "SELECT count(*) FROM done WHERE space = '$space'") }

# Clients go on, where the space is now.
sub clients_go_on {
    for my $space (@_) {
        my $done = done_in($space);
        $server{$home{$space}}->poll_query_until('postgres', "SELECT count(*) > $done + 5 FROM done WHERE space = '$space'") or die "$space: no client goes on";
    }
}

clients_go_on(@spaces);
my $began = time;
finish_move('a', 'b', @spaces);
my $takes = (time - $began) / @spaces;
clients_go_on(@spaces);
my %fault = (
    'the tool and all that it runs are killed' => sub { kill 'KILL', -$_[0] },
    'the tool is killed, and what it runs goes on' => sub { kill 'KILL', $_[0] },
    'the old server is stopped at once' => sub { $server{$_[1]}->stop('immediate'); $server{$_[1]}->start },
    'the new server is stopped at once' => sub { $server{$_[2]}->stop('immediate'); $server{$_[2]}->start },
);
for my $round (1 .. ($ENV{CHECK_LONG} ? 15 : 2)) {
    for my $what (shuffle((sort keys %fault), grep { /killed/ } sort keys %fault)) {
        my $space = $spaces[rand @spaces];
        my $from = $home{$space};
        my $to = $from eq 'a' ? 'b' : 'a';
        note "round $round: $space from $from to $to, $what";
        my $before = -s $log;
        my $pid = start_tool($from, $to, $space);
        sleep rand 1.5 * $takes;
        $fault{$what}->($pid, $from, $to);
        $count{move}++;
        if (ended($pid)) {
            my ($step) = substr(slurp_file($log), $before) =~ /.*^$space: (?:the )?(\w+)/ms;
            $count{'killed after ' . ($step // 'nothing')}++;
        }
        if ($what =~ /all/ && rand() < 0.3 && ended(start_tool($to, $from, $space)) == 0) {
            $count{given_up}++;
            $last{$space} = [$to, $from];
        } elsif (rand() < 0.5 && $sql->($to, "SELECT held IS NULL FROM replicache.space WHERE id = '$space'") eq 't') {
            # Rows may be left on the old server. The space comes back there nevertheless.
            $count{left}++;
            $home{$space} = $to;
            $last{$space} = [$from, $to];
        } else {
            finish_move($from, $to, $space);
        }
        clients_go_on($space) if rand() < 0.5;
    }
}

# The tool is killed right after each of its steps. Then it is run again, or the move is given up.
for my $step (qw(hold copy close directory release delete), 'copy, given up', 'close, given up') {
    my $space = $spaces[rand @spaces];
    my $from = $home{$space};
    my $to = $from eq 'a' ? 'b' : 'a';
    my ($after, $given_up) = split /, /, $step;
    my $before = -s $log;
    my $status = do { local $ENV{MOVE_STOP_AFTER} = $after; ended(start_tool($from, $to, $space)) };
    is($status, 9, "$space: killed right after the step $step") or diag substr slurp_file($log), $before;
    finish_move($given_up ? ($to, $from) : ($from, $to), $space);
    clients_go_on($space);
}

# What is left of runs that were killed while they waited for something.
{
    my $space = 'counter';
    my ($from, $to) = $home{$space} eq 'a' ? ('a', 'b') : ('b', 'a');
    finish_move(@{$last{$space}}, $space);
    my $sessions = "FROM pg_stat_activity WHERE application_name LIKE 'move %' AND wait_event_type = 'Lock'";
    my $waits = sub { my ($query) = @_; $server{$from}->poll_query_until('postgres', "SELECT count(*) > 0 $sessions AND query ~ '$query'") or die "no $query" };
    my ($table, $row) = map { Session->new($connection{$from}) } 1 .. 2;
    $sql->($from, "SELECT replicache.hold_space('$space')");  # writers would wait for the table, and hold_space for them
    $table->value('BEGIN; LOCK TABLE part; SELECT 1');
    my $pid = start_tool($from, $to, $space);
    $waits->('COPY .* public.part');
    my $reader = $sql->($from, "SELECT pid $sessions");
    kill 'KILL', $pid;
    ended($pid);
    $pid = start_tool($from, $to, $space);
    $server{$from}->poll_query_until('postgres', "SELECT count(*) > 0 $sessions AND pid <> $reader") or die 'the second run does not read';
    is($sql->($from, "SELECT count(*) FROM pg_stat_activity WHERE pid = $reader"), 0, 'a run ends what an earlier one was doing');
    $sql->($from, "SELECT pg_terminate_backend(pid) $sessions");
    isnt(ended($pid), 0, 'a copy that is cut off is an error');
    is($sql->($to, "SELECT 1 FROM replicache.space WHERE id = '$space' UNION ALL SELECT 1 FROM done WHERE space = '$space'"), '', 'and nothing of it is there');

    $pid = start_tool($from, $to, $space);
    $waits->('COPY .* public.part');
    $row->value("BEGIN; SELECT 1 FROM replicache.space WHERE id = '$space' FOR UPDATE");
    $table->value('COMMIT; SELECT 1');
    $waits->('close_space');
    my $closer = $sql->($from, "SELECT pid $sessions");
    kill 'KILL', -$pid;
    ended($pid);
    $pid = start_tool($to, $from, $space);
    $server{$from}->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $closer") or die 'the old server still waits to close the space';
    $row->value('COMMIT; SELECT 1');
    is(ended($pid), 0, 'a move is given up after the rows were copied');
    $last{$space} = [$to, $from];
    clients_go_on($space);
}

# What is left, and then nothing.
for my $space (@spaces) {
    finish_move(@{$last{$space}}, $space);
    my $before = -s $log;
    is(ended(start_tool(@{$last{$space}}, $space)), 0, "$space: once more");
    like(substr(slurp_file($log), $before), qr/^$space: has moved before, nothing is left to do$/m, 'does nothing');
}
clients_go_on(@spaces);
my %clients = $load->stop;
my $answer = sub { my ($space) = @_; return sub { $sql->($home{$space}, $_[0]) } };
for my $name (sort keys %clients) {
    my $c = $clients{$name};
    $load->told_nothing_wrong('after the moves', $c);
    if ($c->{kind} eq 'pusher') {
        Load::has_what_tables_hold('after the moves', $c, $answer->($c->{space}), %tables);
        Load::all_is_there('after the moves', $c, $answer->($c->{space}));
        cmp_ok($c->{held}, '>', 0, "$name has pushed to a space that was on its way");
    } else {
        is($answer->($c->{space})->("SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE client = '$name.0'"), join(' ', 1 .. $c->{acked}),
            "all of $name is there");
    }
}
for my $space (@spaces) {
    my $away = $home{$space} eq 'a' ? 'b' : 'a';
    my $left = join ' UNION ALL ', (map { "SELECT '$_' FROM $_ WHERE space = '$space'" } sort keys %tables, map { "replicache.$_" } qw(tombstone client_group mutation_error)),
        "SELECT 'client' FROM replicache.client WHERE client_group_id ~ '^$space'", "SELECT 'space' FROM replicache.space WHERE id = '$space'";
    is($sql->($away, $left), '', "nothing of $space is left on the other server");
    is($sql->($home{$space}, "SELECT held IS NULL FROM replicache.space WHERE id = '$space'"), 't', "$space takes writes on the one");
    is($sql->('directory', "SELECT server FROM directory WHERE space = '$space'"), $connection{$home{$space}}, 'which the directory names');
}
note join ', ', map { "$_: $count{$_}" } sort keys %count;
note "a move takes $takes s";
cmp_ok(scalar(grep { /^killed/ } keys %count), '>', 1, 'moves have ended at more than one step');

done_testing();
