# Many clients over few sessions of a transaction pool: nothing depends on the session, and what one caller was is nothing to the
# next.
use strict;
use warnings;
use IPC::Run;
use JSON::PP;
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Replicache;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'there is no pgbouncer' unless grep { -x "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
$ENV{PATH} .= ':/usr/sbin';
my $seed = $ENV{SEED} // int rand 1e9;
diag "SEED=$seed";
my $server = new_server('server', "max_connections = 20\nlog_statement = none\n");
Load::set_up($server);
$server->safe_psql('postgres', q(
    CREATE TABLE secret (id text PRIMARY KEY, owner text NOT NULL DEFAULT current_user, by text DEFAULT replicache.current_user_id());
    ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON secret USING (owner = current_user);
    SELECT replicache.track_table('secret');
    CREATE FUNCTION keep(id text) RETURNS void LANGUAGE sql AS 'INSERT INTO secret (id) VALUES (id)';
    REVOKE ALL ON FUNCTION keep FROM PUBLIC;
    SELECT replicache.register_mutator('keep', 'keep(text)');
    CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE web LOGIN IN ROLE ann, bob;
    SELECT replicache.grant_usage(r) FROM unnest('{ann,bob,eve,web}'::regrole[]) r;
    GRANT SELECT, INSERT ON secret TO ann, bob, eve;
    GRANT SELECT ON done, total, scratch, note TO ann, bob, eve;
    GRANT EXECUTE ON FUNCTION keep TO ann, bob;
    ALTER ROLE eve SET replicache.schema_versions = '7';));

# One session per user at most, and everything is forgotten between two transactions; the load has three.
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = PostgreSQL::Test::Cluster::get_free_port();
PostgreSQL::Test::Utils::append_to_file("$dir/users", join '', map { qq("$_" ""\n) } qw(ann bob eve web), getpwuid $<);
my $host = $server->host;
my $server_port = $server->port;
PostgreSQL::Test::Utils::append_to_file("$dir/ini", <<"INI");
[databases]
postgres = host=$host port=$server_port dbname=postgres pool_size=1
load = host=$host port=$server_port dbname=postgres pool_size=3
[pgbouncer]
pool_mode = transaction
listen_addr =
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
ignore_startup_parameters = options
server_reset_query = DISCARD ALL
server_reset_query_always = 1
max_client_conn = 50
logfile = $dir/log
INI
my $pool = IPC::Run::start(['pgbouncer', "$dir/ini"], '>', "$dir/out", '2>', "$dir/out");
END { local $?; $pool->kill_kill if $pool }
my $connection = "host=$dir port=$port dbname=";
sleep 0.05 until -S "$dir/.s.PGSQL.$port" || !$pool->pumpable;

my $load = Load->start($server, seed => $seed, connection => "${connection}load");
$load->wait_for($ENV{CHECK_LONG} ? 10000 : 150);
# The sessions of the pool stay. Those of this script end a little later than psql does.
my $others = "FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
ok($server->poll_query_until('postgres', "SELECT count(*) BETWEEN 1 AND 3 $others"), 'seven clients share three sessions');
$load->finish('through a pool');
ok($server->poll_query_until('postgres', "SELECT array_agg(DISTINCT query) = '{DISCARD ALL}' $others"), 'and each transaction found its session as new');

# Through the one session of the user web, in turn: roles with other rights and rows.
my $json = JSON::PP->new->canonical;
my %session = map { $_ => Session->new("$connection" . "postgres user=$_") } qw(web ann bob eve);
my %last;
sub keep {
    my ($client) = @_;
    my $push = $json->encode({pushVersion => 1, schemaVersion => '1', clientGroupID => "g-$client", mutations =>
        [{clientID => $client, id => ++$last{$client}, name => 'keep', args => {id => "$client $last{$client}"}}]});
    return "SELECT replicache.apply_push('$push', 'user of $client')";
}
sub visible {
    my ($answer) = @_;
    my ($body) = grep { /^\{"cookie/ } @{$answer->{rows}};
    return $answer->{error} // join ', ', sort map { $_->{value}{id} } grep { ($_->{key} // '') =~ /^secret/ } @{$json->decode($body)->{patch}};
}
my $pull = "SELECT replicache.pull_since(NULL)";
for my $n (1, 2) {
    for my $role (qw(ann bob)) {
        is($session{web}->query("BEGIN; SET LOCAL ROLE $role; " . keep("web-$role") . '; COMMIT')->{error}, undef, "web as $role pushes");
        is($session{$role}->query(keep($role))->{error}, undef, "$role pushes");
    }
    is($session{eve}->query(keep('eve'))->{rows}[0], '{"error":"VersionNotSupported","versionType":"schema"}', 'the setting of a role holds');
    is($session{web}->query('BEGIN; SET LOCAL ROLE ann; ' . keep('web-ann') . '; ROLLBACK')->{error}, undef, 'what is rolled back');
    $last{'web-ann'}--;
    is($session{web}->query(keep('web'))->{error}, undef, 'web inherits the right to push');
    for my $role (qw(ann bob)) {
        my $own = join ', ', map { ("$role $_") } 1 .. $n;
        my $for = join ', ', map { ("web-$role $_") } 1 .. $n;
        is(visible($session{$role}->query($pull)), "$own, $for", "$role sees what is hers or his");
        is(visible($session{web}->query("BEGIN; SET LOCAL ROLE $role; $pull; COMMIT")), "$own, $for", "and so does web as $role");
    }
    is(visible($session{web}->query($pull)), join(', ', map { "web $_" } 1 .. $n), 'web is itself again');
    is(visible($session{eve}->query($pull)), '', 'eve sees nothing');
}
$last{eve} = 0;
is($session{eve}->query("BEGIN; SET LOCAL replicache.schema_versions = ''; " . keep('eve'))->{error}, '42501', 'nor may she push');
$session{eve}->query('ROLLBACK');
is($server->safe_psql('postgres', q(SELECT count(*) FROM secret WHERE by <> 'user of ' || regexp_replace(id, ' .*', ''))), 0, 'each push had its own context');

done_testing();
