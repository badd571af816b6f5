# A dump, restored on another server, whose transactions have other ids: cookies from before must not be taken at their word.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;

my $old = new_server('old');
my $new = new_server('new');
set_up($old);
burn($old, 3000);
$old->safe_psql('postgres', "INSERT INTO note VALUES ('a', 'free'), ('b', 'locked')");
my %client = map { $_ => client($_) } qw(free locked);
pull_by($_, $old) for values %client;
view_is($_, $old, 'the client of the old server') for values %client;

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
command_ok(['pg_dump', '-f', $dump, '-d', $old->connstr('postgres')], 'dump');
command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $new->connstr('postgres')], 'restore');
cmp_ok($new->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())'), '<', $client{free}{cookie}{xmax} - 1000,
    'the new server is far behind in its transactions');

# Written under ids that the cookie calls seen; then the server gets past the cookie.
$new->safe_psql('postgres', "INSERT INTO note VALUES ('c', 'free'), ('d', 'locked')");
for my $burnt (0, 5000) {
    burn($new, $burnt);
    my $late = {%{$client{free}}, view => {%{$client{free}{view}}}};
    like(pull_by($late, $new), qr/^clear/, 'everything again');
    view_is($late, $new, "the client of the new server, $burnt transactions later");
    is(pull_by($late, $new), '', 'once');
    $new->safe_psql('postgres', "UPDATE note SET id = 'a$burnt' WHERE id LIKE 'a%'");
    unlike(pull_by($late, $new), qr/clear/, 'then what changes');
    view_is($late, $new, 'no more and no less');
}
is(pull_by($client{locked}, $new), 'put note/d', 'a counter goes on where it was');
view_is($client{locked}, $new, 'nothing is missed');

done_testing();
