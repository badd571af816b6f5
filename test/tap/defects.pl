# A push that a defect of the server halts leaves a line in the server's log: one a minute and cause, and none for the client.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = PostgreSQL::Test::Cluster->new('defects');
$server->init;
$server->start;
$server->safe_psql('postgres', q(
    CREATE EXTENSION replicache_ext;
    CREATE TABLE note (id text PRIMARY KEY, title text);
    CREATE FUNCTION rename(id text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE note SET title = 'x'; END $$;
    CREATE FUNCTION again(id text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'later' USING ERRCODE = 'RE001'; END $$;
    SELECT replicache.register_mutator('rename', 'rename(text)'), replicache.register_mutator('again', 'again(text)'), replicache.expose_crud('note');
    ALTER TABLE note RENAME title TO heading;));

my @push = map { qq(SELECT replicache.apply_push('{"pushVersion":0,"clientID":"$_->[0]","mutations":[{"id":1,"name":"$_->[1]","args":{"id":"a"}}]}') #>> '{halted,code}';) }
    ['c1', 'rename'], ['c2', 'rename'], ['c3', 'again'], ['c4', 'no such'], ['c5', 'no such'];
my $upload = q(SELECT replicache.powersync_upload('{"client_id":"d","crud":[{"op_id":1,"op":"PUT","type":"note","id":"a","data":{"title":"x"}}]}') #>> '{results,0,status}';);

# What these statements of one session have written into the log, and what the client was told.
sub log_of {
    my @statements = @_;
    my $start = -s $server->logfile;
    my ($status, $out, $err) = $server->psql('postgres', join ';', 'SET client_min_messages = debug1', @statements);
    my $log = substr slurp_file($server->logfile), $start;
    my @lines = map { s/^.*?(?=LOG:|DETAIL:|HINT:|CONTEXT:)//r } grep { /is halted by a defect|is left out of pulls|DETAIL:|HINT:|CONTEXT:/ } split /\n/, $log;
    return ($out, $err =~ /halted by/ ? $err : '', @lines);
}

my ($answer, $told, @lines) = log_of($push[0], $push[1], $push[0], $push[2], $push[3]);
is($answer, "42703\n42703\n42703\nRE001\n", 'halted, whenever it is pushed');
is($told, '', 'the client is told by the answer only');
is(join("\n", @lines), join("\n",
    'LOG:  mutation "rename" is halted by a defect: column "title" of relation "note" does not exist',
    'DETAIL:  SQLSTATE 42703, client "c1".',
    'HINT:  The client sends it again until the defect is fixed.',
    'CONTEXT:  PL/pgSQL function rename(text) line 1 at SQL statement'), 'one line for all three; none for what is no defect, or rejected');
($answer, $told, @lines) = log_of('SET replicache.on_defect = halt', $push[4], $upload, 'SET replicache.on_defect = reject', $push[0]);
is($answer, "42883\nretryable_error\n", 'what the client may be to blame for');
is($told, '', 'again, only by the answer');
like($lines[$_->[0]], $_->[1], 'a cause of its own each') for [0, qr/"no such" is halted by a defect: unknown mutator/], [2, qr/until the defect is fixed\. Register it/], [3, qr/"note\.upsert" is halted.* has no column "title"/];
is(scalar(grep { /^LOG/ } @lines), 2, 'and none for what is rejected');

# Clients choose names: they cannot fill the log.
($answer, $told, @lines) = log_of('SET replicache.on_defect = halt', map { $push[4] =~ s/no such/no such $_/r } 1 .. 150);
is(scalar(grep { /^LOG/ } @lines), 100, 'a hundred causes a minute');

# So does a table that pulls leave out.
$server->safe_psql('postgres', q(CREATE TABLE memo (id int PRIMARY KEY, body text); SELECT replicache.track_table('memo', value => 'body::json'); INSERT INTO memo VALUES (1, 'oops')));
my $pull = q(SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g"}') #> '{patch,0}');
($answer, $told, @lines) = log_of('SET replicache.skip_broken_tables = on', $pull, $pull);
is($answer, qq({"op":"clear"}\n{"op":"clear"}), 'the pull goes on');
is(scalar(@lines), 3, 'one line for both');
like($lines[0], qr/^LOG:  table "memo" is left out of pulls: invalid input syntax for type json$/, 'which table, and why');
like($lines[2], qr{^HINT:  Pulls try again until it can be read\. Correct the row}, 'and until when');

$server->stop;
done_testing();
