# A table that another module hides from queries of pg_class, as Citus hides shards, is there nevertheless.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;

my $server = new_server('hidden');
$server->safe_psql('postgres', qq(
    CREATE EXTENSION replicache_ext;
    CREATE FUNCTION hide_table(relation regclass) RETURNS void LANGUAGE c STRICT AS '$ENV{TESTDIR}/hidden_table', 'hide_table';
    CREATE TABLE note (id text PRIMARY KEY, place text NOT NULL);
    CREATE TABLE other (id text PRIMARY KEY);
    SELECT replicache.track_table('note', space => 'place');
    SELECT replicache.expose_crud('note');
    SELECT replicache.create_space('here', 'time');
    INSERT INTO note VALUES ('a', 'here'), ('b', 'here');
    DELETE FROM note WHERE id = 'b';));
my $session = Session->new($server->connstr('postgres'));
$session->query("SELECT hide_table('note')");
is($session->value("SELECT count(*) FROM pg_class WHERE oid = 'note'::regclass"), 0, 'the table is hidden');
my $pull = $session->query("SELECT replicache.pull_since(0, space => 'here')");
is($pull->{error}, undef, 'a pull does not take it for dropped');
like(join('', @{$pull->{rows}}), qr/note\/a/, 'and has its rows');
is($session->query("SELECT replicache.track_table('other')")->{error}, undef, 'another table is tracked');
is($server->safe_psql('postgres', 'SELECT count(*) FROM replicache.exposed_table'), 1, 'it is still exposed');
is($server->safe_psql('postgres', 'SELECT count(*) FROM replicache.tracked_table'), 2, 'and tracked');
my $export = $session->query("BEGIN; SELECT replicache.hold_space('here'); COMMIT; SELECT replicache.export_space('here') -> 'tombstones'");
is($export->{error}, undef, 'a space with its rows is exported') or diag explain $export;
like(join('', @{$export->{rows}}), qr/note\/b/, 'with their tombstones');
done_testing();
