# No room on the disk: where a table is, and where the write-ahead log is. Nothing is done by halves, and when there is room again,
# what was sent before goes through. Needs a small disk of its own, which test/tap/run makes when it may mount one.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;

my $disk = $ENV{SMALL_DISK};
plan skip_all => 'there is no SMALL_DISK: to mount one takes root, and the right to' unless $disk;
my $json = JSON::PP->new->canonical;
my $server = PostgreSQL::Test::Cluster->new('server');
$server->init(extra => ['--wal-segsize=1']);
$server->append_conf('postgresql.conf', "log_statement = none\nautovacuum = off\nmin_wal_size = 2MB\nmax_wal_size = 4MB\n");
$server->start;
mkdir "$disk/table" or die "$disk: $!";
sub sql { return $server->safe_psql('postgres', $_[0]) }
sql("CREATE TABLESPACE small LOCATION '$disk/table'");
# Of the table, only the rows are on the small disk.
sql(q(
    CREATE EXTENSION replicache_ext;
    CREATE TABLE item (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY USING INDEX TABLESPACE pg_default, space text NOT NULL, id bigint NOT NULL, body text NOT NULL)
        TABLESPACE small;
    ALTER TABLE item ALTER body SET STORAGE PLAIN;
    CREATE TABLE before (space text, id bigint);
    CREATE TABLE line (id bigint PRIMARY KEY, n int);
    SELECT replicache.track_table('item', space => 'space', value => 'json_build_object(''id'', t.id)');
    SELECT replicache.expose_crud('item', name => 'ITEM', columns => '{"id":"id","body":"body"}'), replicache.expose_crud('line');
    CREATE FUNCTION put(space text, id bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO before VALUES (space, id);
        INSERT INTO item (space, id, body) VALUES (space, id, repeat('x', 1900));
    END $$;
    CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql AS
        'BEGIN PERFORM put(replicache.current_space(), replicache.current_mutation_id()); END';
    CREATE FUNCTION line_written() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM put(''upload'', NEW.id); RETURN NULL; END';
    CREATE TRIGGER line_written AFTER INSERT OR UPDATE ON line FOR EACH ROW EXECUTE FUNCTION line_written();
    SELECT replicache.register_mutator('act', 'act()');));

my $filler = "$disk/filler";
sub fill {
    open my $file, '>>', $filler or die "$filler: $!";
    1 while syswrite $file, "\0" x 4096;
    die "the disk is not full: $!" unless $!{ENOSPC};
    close $file;
}
sub free { unlink $filler or die "$filler: $!" }

my $count = 40;
sub push_to {
    my ($space, $first, $last) = @_;
    my $push = $json->encode({pushVersion => 1, clientGroupID => "g-$space", mutations =>
        [map { {clientID => "c-$space", id => $_, name => 'act'} } $first .. $last]});
    return "SELECT replicache.apply_push('$push', 'ann', '$space')";
}
sub is_done {
    my ($space, $last, $name) = @_;
    is(sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM item WHERE space = '$space'"), join(' ', 1 .. $last), $name);
    is(sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM before WHERE space = '$space'"), join(' ', 1 .. $last), "$name: nothing by halves");
}

fill();
my %done;
for my $clock (qw(counter time transaction)) {
    sql("SELECT replicache.create_space('$clock', '$clock')");
    my $answer = $json->decode(sql(push_to($clock, 1, $count)));
    is($answer->{halted}{code}, '53100', "$clock: the push stops where the disk is full") or diag $json->encode($answer);
    $done{$clock} = $answer->{applied};
    is($answer->{halted}{id}, $done{$clock} + 1, "$clock: and says so");
    is_done($clock, $done{$clock} || -1, "$clock: what came before stands");
    my $pull = $json->decode(sql("SELECT replicache.pull_since(NULL, 'g-$clock', '$clock')"));
    is(($pull->{lastMutationIDChanges}{"c-$clock"} // 0) . ' ' . grep({ $_->{op} eq 'put' } @{$pull->{patch}}), "$done{$clock} $done{$clock}", "$clock: a pull tells it");
}
my $upload = $json->encode({client_id => 'c', on_error => 'skip', batch => [map { {op_id => $_, tx_id => $_, op => 'PUT', type => 'line', id => $_, data => {n => 1}} } 1 .. $count]});
my $answer = $json->decode(sql("SELECT replicache.powersync_upload('$upload', 'ann')"));
my @status = map { $_->{status} } @{$answer->{results}};
my $stands = grep { $_ eq 'success' } @status;
is("@status[$stands .. $#status]", join(' ', 'retryable_error', ('not_attempted') x ($count - $stands - 1)), 'upload: later');
is_done('upload', $stands || -1, 'upload: what came before stands');
my $sync_push = "SELECT status FROM replicache.sync_push('" . $json->encode({mutations =>
    [map { {type => 'CREATE', resource => 'ITEM', data => {id => $_, body => 'x' x 1900}} } 1 .. $count]}) . "', -1, 'device')";
is(Session->new($server->connstr('postgres'))->query($sync_push)->{error}, '53100', 'sync_push: an error');
is(sql("SELECT count(*) FROM item WHERE space = 'device'"), 0, 'sync_push: and nothing stands');

free();
for my $clock (qw(counter time transaction)) {
    my $answer = $json->decode(sql(push_to($clock, 1, $count)));
    is("$answer->{skipped} $answer->{applied}", "$done{$clock} " . ($count - $done{$clock}), "$clock: with room again the rest is applied");
    is_done($clock, $count, "$clock: each once");
}
$answer = $json->decode(sql("SELECT replicache.powersync_upload('$upload', 'ann')"));
is(scalar(grep { $_->{status} eq 'success' } @{$answer->{results}}), $count, 'upload: with room again the rest is applied');
is_done('upload', $count, 'upload: each once');
is(sql($sync_push), 200, 'sync_push: with room again it is applied');

# The write-ahead log. PostgreSQL panics: then the client does not know whether its last push came through.
sql('ALTER TABLE item SET TABLESPACE pg_default');
$server->stop;
my $log = $server->data_dir . '/pg_wal';
PostgreSQL::Test::Utils::system_or_bail('mv', $log, "$disk/log");
symlink "$disk/log", $log or die $!;
$server->start;
my $session = Session->new($server->connstr('postgres'));
$session->query("SELECT replicache.create_space('log', 'counter')");
fill();
my ($acknowledged, $got) = (0);
while ($acknowledged < 20000) {
    $got = $session->query(push_to('log', $acknowledged + 1, $acknowledged + $count));
    last if $got->{lost} || $got->{error} || $json->decode($got->{rows}[0])->{applied} != $count;
    $acknowledged += $count;
}
ok($got->{lost}, "after $acknowledged mutations the server panics") or diag $json->encode($got);
free();
# It has ended itself, or is about to.
$server->stop('immediate', fail_ok => 1);
$server->start;
like(PostgreSQL::Test::Utils::slurp_file($server->logfile), qr/PANIC: .*No space left on device/, 'because its log has no room');
my $there = sql("SELECT last_mutation_id FROM replicache.client WHERE id = 'c-log'");
ok($there == $acknowledged || $there == $acknowledged + $count, "the client is at $there");
is_done('log', $there, 'all that was acknowledged is there');
$answer = $json->decode(sql(push_to('log', $acknowledged + 1, $acknowledged + $count)));
is($answer->{skipped} + $answer->{applied}, $count, 'the last push, sent again');
is_done('log', $acknowledged + $count, 'each once');

done_testing();
