# Requests that are ended in the middle: by a timeout, a cancel, the end of their session, a deadlock. What stands, what is
# answered, and that the same request completes when it is sent again.
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
my $server = new_server('cancel', "deadlock_timeout = 20ms\nlog_statement = none\nmax_connections = 20\n");

# Whatever is number 5 of its request meets the obstacle. Nothing in `done` is unique but its own id.
$server->safe_psql('postgres', q(
    CREATE EXTENSION replicache_ext;
    CREATE TABLE obstacle (kind text);
    INSERT INTO obstacle VALUES ('none');
    CREATE TABLE gate ();
    INSERT INTO gate DEFAULT VALUES;
    CREATE TABLE done (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, space text NOT NULL, id bigint NOT NULL);
    CREATE TABLE line (id text PRIMARY KEY, space text NOT NULL);
    CREATE TABLE note (id text PRIMARY KEY DEFAULT gen_random_uuid()::text, user_id text NOT NULL, ref bigint NOT NULL);
    CREATE FUNCTION meet(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        IF id = 5 THEN
            PERFORM set_config('application_name', 'at the obstacle', false);
            CASE (SELECT kind FROM obstacle)
                WHEN 'sleep' THEN PERFORM pg_sleep(600);
                WHEN 'loop' THEN LOOP END LOOP;
                WHEN 'lock' THEN PERFORM * FROM gate FOR UPDATE;
                ELSE NULL;
            END CASE;
        END IF;
        RETURN id;
    END $$;
    CREATE FUNCTION do_it(space text, id bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO done (space, id) VALUES (space, id);
        PERFORM meet(id);
    END $$;
    CREATE FUNCTION act(refuse boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM do_it(replicache.current_space(), replicache.current_mutation_id());
        IF refuse THEN RAISE 'refused'; END IF;
    END $$;
    CREATE FUNCTION line_written() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM do_it(NEW.space, replicache.current_mutation_id()); RETURN NULL; END';
    CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM do_it(NEW.user_id, NEW.ref); RETURN NULL; END';
    CREATE TRIGGER line_written AFTER INSERT OR UPDATE ON line FOR EACH ROW EXECUTE FUNCTION line_written();
    CREATE TRIGGER note_written AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION note_written();
    SELECT replicache.track_table('done', space => 'space', value => $$json_build_object('id', meet(t.id))$$);
    SELECT replicache.track_table('note', space => 'user_id');
    SELECT replicache.expose_crud('note', name => 'NOTE', columns => '{"ref":"ref"}'), replicache.expose_crud('line');
    SELECT replicache.register_mutator('act', 'act(boolean)');));

my $here = Session->new($server->connstr('postgres'));
sub sql {
    my $answer = $here->query($_[0]);
    die "$_[0]: $answer->{error} @{$answer->{rows}}" if $answer->{error} || $answer->{lost};
    return join "\n", @{$answer->{rows}};
}
sub obstacle { sql("UPDATE obstacle SET kind = '$_[0]'") }

# All that a request could leave.
sub state {
    my ($space) = @_;
    return sql(join '; ', "SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE space = '$space'",
        "SELECT * FROM line WHERE space = '$space' ORDER BY id", "SELECT ref FROM note WHERE user_id = '$space' ORDER BY ref",
        "SELECT id, version FROM replicache.space WHERE id = '$space'", "SELECT id, last_mutation_id FROM replicache.client WHERE id = 'c-$space'",
        "SELECT last_number FROM replicache.upload_client WHERE client_id = 'c-$space'",
        "SELECT count(*) FROM replicache.mutation_error WHERE client_id = 'c-$space'");
}
sub done { return sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM done WHERE space = '$_[0]'") }

my %request = (
    push => sub {
        my ($space) = @_;
        my $push = $json->encode({pushVersion => 1, clientGroupID => "g-$space", mutations => [
            map { {clientID => "c-$space", id => $_, name => 'act', args => {refuse => $_ == 3 ? JSON::PP::true : JSON::PP::false}} } 1 .. 8]});
        return "SELECT replicache.apply_push('$push', 'ann', '$space')";
    },
    upload => sub {
        my ($space) = @_;
        my $upload = $json->encode({client_id => "c-$space", on_error => 'skip', batch => [map {
            {op_id => $_, tx_id => $_, op => 'PUT', type => 'line', id => "$space $_", data => $_ == 3 ? {} : {space => $space}} } 1 .. 8]});
        return "SELECT replicache.powersync_upload('$upload', 'ann')";
    },
    sync_push => sub {
        my ($space) = @_;
        my $push = $json->encode({mutations => [map { {type => 'CREATE', resource => 'NOTE', data => {ref => $_}} } 1, 2, 4 .. 8]});
        return "SELECT row_to_json(p) FROM replicache.sync_push('$push', -1, '$space') p";
    },
    pull => sub { return "SELECT replicache.pull('{\"pullVersion\":1,\"clientGroupID\":\"g-$_[0]\",\"cookie\":null}', 'ann', '$_[0]')" },
);

# Sends the request in a session with these settings, lets `end` end it when it is at the obstacle, and returns the answer.
sub interrupted {
    my ($request, $settings, $end) = @_;
    my $session = Session->new($server->connstr('postgres'));
    my $pid = $session->value('SELECT pg_backend_pid()');
    $session->query($settings) if $settings;
    $session->send($request);
    if ($end) {
        sleep 0.01 until sql("SELECT application_name FROM pg_stat_activity WHERE pid = $pid") eq 'at the obstacle';
        sql("SELECT $end($pid)");
    }
    return $session->receive;
}

my %end = (
    'statement_timeout' => ["SET statement_timeout = '500ms'", undef],
    'pg_cancel_backend' => ['', 'pg_cancel_backend'],
    'pg_terminate_backend' => ['', 'pg_terminate_backend'],
);
my @clocks = qw(counter transaction time);
my $gate = Session->new($server->connstr('postgres'));
my $n = 0;
for my $door (qw(push upload sync_push pull)) {
    for my $obstacle ($door =~ /^sync|pull/ ? 'sleep' : qw(sleep loop lock)) {
        for my $end (sort keys %end, $obstacle eq 'lock' ? 'lock_timeout' : ()) {
            my $clock = $door eq 'sync_push' ? 'time' : $clocks[$n % 3];
            my $space = sprintf 's%02d', ++$n;
            my $name = "$door, $clock, $obstacle, $end";
            sql("SELECT replicache.create_space('$space', '$clock')");
            sql("SELECT do_it('$space', id) FROM generate_series(1, 8) id WHERE id <> 3") if $door eq 'pull';
            my $before = state($space);
            obstacle($obstacle);
            $gate->query('BEGIN; SELECT * FROM gate FOR UPDATE') if $obstacle eq 'lock';
            my $request = $request{$door}->($space);
            my $answer = interrupted($request, @{$end{$end} // ["SET lock_timeout = '50ms'", undef]});
            $gate->query('ROLLBACK');
            obstacle('none');

            my $halts = $end eq 'lock_timeout' && $door eq 'push' || $end ne 'pg_terminate_backend' && $door eq 'upload';
            if ($halts) {
                my $got = $json->decode($answer->{rows}[0]);
                is($door eq 'push' ? $got->{halted}{code} : $got->{results}[4]{status}, $door eq 'push' ? '55P03' : 'retryable_error', "$name: not now");
                is($door eq 'push' ? "$got->{applied} $got->{halted}{id}" : join(' ', map { $_->{status} } @{$got->{results}}),
                    $door eq 'push' ? '3 5' : 'success success fatal_error success retryable_error not_attempted not_attempted not_attempted',
                    "$name: the answer tells how far it came");
                is(done($space), '1 2 4', "$name: what came before stands");
            } else {
                is($answer->{lost} ? 'lost' : $answer->{error}, $end eq 'pg_terminate_backend' ? 'lost' : $end eq 'lock_timeout' ? '55P03' : '57014',
                    "$name: an error");
                is(state($space), $before, "$name: and nothing stands");
            }

            my $retried = $json->decode(sql($request));
            my $left = $halts ? 4 : 7;
            if ($door eq 'push') {
                is("$retried->{applied} $retried->{skipped} " . @{$retried->{rejected}}, $halts ? '4 4 0' : '7 0 1', "$name: a retry completes");
                is($json->decode(sql($request))->{skipped}, 8, "$name: once more, and all is skipped");
            } elsif ($door eq 'upload') {
                is(join(' ', map { $_->{status} } @{$retried->{results}}), 'success success fatal_error' . ' success' x 5, "$name: a retry completes");
                my $again = $json->decode(sql($request));
                is(join(' ', map { $_->{message} // 'ok' } @{$again->{results}}), join(' ', map { $_->{message} // 'ok' } @{$retried->{results}}),
                    "$name: once more, and the answer is the same");
            } elsif ($door eq 'sync_push') {
                is("$retried->{status} " . @{$retried->{body}{data}{mutations}}, '200 7', "$name: a retry completes");
                is($json->decode(sql($request))->{status}, 409, "$name: once more, and it is behind");
            } else {
                is(scalar(grep { $_->{op} eq 'put' } @{$retried->{patch}}), 7, "$name: a retry completes");
            }
            is(done($space), '1 2 4 5 6 7 8', "$name: each is applied once");
        }
    }
}

# Two pushes of a space without a lock, or a push and a direct write, that lock each other's rows: one of them gets 40P01.
sql(q(
    CREATE TABLE account (id text PRIMARY KEY, n int NOT NULL DEFAULT 0);
    INSERT INTO account VALUES ('a'), ('b');
    SELECT replicache.create_space('', 'transaction');
    SELECT replicache.track_table('account');
    CREATE FUNCTION add(id text) RETURNS void LANGUAGE sql AS 'UPDATE account SET n = n + 1 WHERE account.id = add.id; SELECT pg_sleep(0.002)';
    SELECT replicache.register_mutator('add', 'add(text)');));
my @sessions = map { Session->new($server->connstr('postgres')) } 0 .. 3;
my %deadlocks = map { $_ => 0 } qw(push write);
my (@last, $rounds);
for (1 .. 200) {
    $rounds = $_;
    my %open = map { $_ => 1 } 0 .. 3;
    while (%open) {
        for my $i (sort keys %open) {
            my @order = $i % 2 ? qw(a b) : qw(b a);
            my $push = $json->encode({pushVersion => 1, clientGroupID => "d$i", mutations =>
                [map { {clientID => "d$i", id => ($rounds - 1) * 2 + 1 + $_, name => 'add', args => {id => $order[$_]}} } 0, 1]});
            $sessions[$i]->send($i < 3 ? "SELECT replicache.apply_push('$push')" : "DO 'BEGIN PERFORM add(''a''); PERFORM add(''b''); END'");
        }
        for my $i (sort keys %open) {
            my $answer = $sessions[$i]->receive;
            if (!$answer->{error}) { delete $open{$i} }
            elsif ($answer->{error} eq '40P01') { $deadlocks{$i < 3 ? 'push' : 'write'}++ }
            else { die "$answer->{error} @{$answer->{rows}}" }
        }
    }
    last if $rounds >= 10 && $deadlocks{push} && $deadlocks{write};
}
note "deadlocks: $deadlocks{push} of pushes, $deadlocks{write} of direct writes, in $rounds rounds";
cmp_ok($deadlocks{push}, '>', 0, 'a push is ended by a deadlock');
cmp_ok($deadlocks{write}, '>', 0, 'and so is a direct write');
is(sql('SELECT id, n FROM account ORDER BY id'), 'a|' . 4 * $rounds . "\nb|" . 4 * $rounds, 'nothing is lost, nothing is done twice');
is(sql('SELECT string_agg(last_mutation_id::text, \' \') FROM replicache.client WHERE id LIKE \'d%\''), join(' ', (2 * $rounds) x 3), 'each push is marked');

done_testing();
