# pg_upgrade, as an outage of clients at work: they go on afterwards. And back to the old server, as when the new one disappoints.
# PG_CONFIG names the new server, OLD_PG_CONFIG one to upgrade from, which has the extension installed, too. Without it, the server
# is upgraded to itself: pg_upgrade does the same then.
use strict;
use warnings;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Test::More;

my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";

my ($new_bin) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
my $old_bin = $ENV{OLD_PG_CONFIG} ? `$ENV{OLD_PG_CONFIG} --bindir` : $new_bin;
chomp $old_bin;
my $settings = "max_connections = 30\nlog_statement = none\n";

my $old = new_server('old', $settings, install_path => $old_bin =~ s{/bin$}{}r);
my $new = PostgreSQL::Test::Cluster->new('new');
# They are on by default since 18, and pg_upgrade wants both to agree.
my $no_checksums = $old->safe_psql('postgres', 'SHOW data_checksums') eq 'off' && `$new_bin/initdb --help` =~ /--no-data-checksums/;
$new->init(allows_streaming => 1, $no_checksums ? (extra => ['--no-data-checksums']) : ());
$new->append_conf('postgresql.conf', $settings . "max_prepared_transactions = 5\nautovacuum = off\nshared_buffers = 32MB\n");
set_up($old);
$old->safe_psql('postgres', 'CREATE DATABASE load');
Load::set_up($old, 'load');
my $load = Load->start($old, seed => $seed, database => 'load');
burn($old, 300);
$old->safe_psql('postgres', "INSERT INTO note VALUES ('a', 'free'), ('b', 'locked'), ('c', 'free'), ('d', 'locked')");
$old->safe_psql('postgres', "DELETE FROM note WHERE id IN ('c', 'd')");
my %client = map { $_ => client($_) } qw(free locked);
pull_by($_, $old) for values %client;
$old->safe_psql('postgres', "DELETE FROM note WHERE id IN ('a', 'b')");
$load->wait_for(40);
$load->serve_nothing;
$old->stop;

# The registries of tables hold OIDs.
chdir PostgreSQL::Test::Utils::tempdir();
my $upgraded = PostgreSQL::Test::Utils::run_log(['pg_upgrade', '-b', $old_bin, '-B', $new_bin, '-d', $old->data_dir, '-D', $new->data_dir,
    '-p', $old->port, '-P', $new->port, '-s', $new->host]);
my $log = $upgraded ? '' : join '', map { slurp_file($_) } glob $new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log';
# Servers since 15.20 and 17.12 note this option on every column. Older ones, of newer versions too, do not know it and take no table.
if ($log =~ /unrecognized parameter "pg_attver"/) {
    SKIP: { skip 'the new server is older than what the old one writes', 1 }
    done_testing();
    exit;
}
ok($upgraded, 'pg_upgrade') or die 'no upgrade: ', substr $log, -3000;
$new->start;
note `$old_bin/postgres --version`, $new->safe_psql('postgres', 'SELECT version()');
$load->serve($new, database => 'load');
$load->wait_for(40);
$load->finish('after pg_upgrade');

# The new server is taken for what it is, another one.
is(pull_by($client{$_}, $new), 'clear', "$_: everything, once") for qw(locked free);
$new->safe_psql('postgres', "INSERT INTO note VALUES ('e', 'free'), ('f', 'locked')");
is(pull_by($client{free}, $new), 'put note/e', 'free: then what changes');
is(pull_by($client{locked}, $new), 'put note/f', 'locked: likewise');
view_is($_, $new, 'no more and no less') for values %client;

# Back to the old server, which gives the same transaction ids to other changes.
$new->safe_psql('postgres', "INSERT INTO note VALUES ('g', 'free'), ('g2', 'locked')");
pull_by($_, $new) for values %client;
$new->stop;
$old->start;
$old->safe_psql('postgres', "INSERT INTO note VALUES ('h$_', 'free'), ('l$_', 'locked')") for 1 .. 5;
burn($old, 300);
for my $space (qw(free locked)) {
    like(pull_by($client{$space}, $old), qr/^clear/, "$space: back on the old server everything");
    view_is($client{$space}, $old, 'and nothing is missed');
}

done_testing();
