# A dump, restored on another server, which goes on otherwise: cookies from before must not be taken at their word.
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
    for my $space (qw(free locked)) {
        my $late = {%{$client{$space}}, view => {%{$client{$space}{view}}}};
        like(pull_by($late, $new), qr/^clear/, "$space: everything again");
        view_is($late, $new, "the client of the new server, $burnt transactions later");
        is(pull_by($late, $new), '', 'once');
        $new->safe_psql('postgres', "UPDATE note SET id = id || '$burnt' WHERE space = '$space' AND id < 'c'");
        unlike(pull_by($late, $new), qr/clear/, 'then what changes');
        view_is($late, $new, 'no more and no less');
    }
}

done_testing();
