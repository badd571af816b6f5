# Two servers that Patroni and etcd keep, with the configuration of examples/cluster/patroni. It can be asked like one server: whoever
# is the primary answers.
package Patroni;

use strict;
use warnings;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new;
my $http = HTTP::Tiny->new(timeout => 60);  # a switchover is answered when it is done
my @running;  # for those who end early

# Why they cannot run here, if so.
sub missing {
    my @missing = grep { my $program = $_; !grep { -x "$_/$program" } split /:/, $ENV{PATH} } qw(patroni etcd);
    return @missing ? "there is no @missing" : undef;
}

# `synchronous`: a commit waits for the standby.
sub new {
    my ($class, %options) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir_short();
    my $self = bless {dir => $dir, etcd => 'http://127.0.0.1:' . port(), nodes => {}}, $class;
    push @running, $self;
    my $peers = 'http://127.0.0.1:' . port();
    $self->{processes}{etcd} = $self->background('etcd', {}, 'etcd', '--data-dir', "$dir/etcd",
        '--listen-client-urls', $self->{etcd}, '--advertise-client-urls', $self->{etcd},
        '--listen-peer-urls', $peers, '--initial-advertise-peer-urls', $peers, '--initial-cluster', "default=$peers");

    # Shorter times, so that the test does not wait long. No machine loses power here, so nothing need reach the disk.
    my $config = PostgreSQL::Test::Utils::slurp_file("$ENV{TESTDIR}/patroni.yml");
    my %set = (ttl => 6, loop_wait => 1, maximum_lag_on_failover => 100_000_000, synchronous_mode => $options{synchronous} ? 'true' : 'false');
    for (sort keys %set) { $config =~ s/^( +$_:) \S+$/$1 $set{$_}/m or die "patroni.yml has no $_" }
    $config =~ s/^( +)(unix_socket_directories: .*)$/$1$2\n$1fsync: false/m or die;
    PostgreSQL::Test::Utils::append_to_file("$dir/patroni.yml", $config);
    $self->{synchronous} = $options{synchronous};
    for my $name (names()) {
        $self->{nodes}{$name} = {name => $name, port => port(), api => port(), data => "$dir/$name"};
        $self->start_node($name);
    }
    $self->wait_for_standby;
    return $self;
}

sub port { return PostgreSQL::Test::Cluster::get_free_port() }

sub background {
    my ($self, $name, $environment, @command) = @_;
    local @ENV{keys %$environment} = values %$environment;
    return IPC::Run::start(\@command, '<', \undef, '>>', "$self->{dir}/$name.log", '2>>', "$self->{dir}/$name.log");
}

sub start_node {
    my ($self, $name) = @_;
    my $node = $self->{nodes}{$name};
    my ($api, $address) = map { "127.0.0.1:$node->{$_}" } qw(api port);
    $self->{processes}{$name} = $self->background($name, {
        PATRONI_NAME => $name, PATRONI_ETCD3_HOST => $self->{etcd} =~ s{^http://}{}r, PATRONI_RESTAPI_LISTEN => $api, PATRONI_RESTAPI_CONNECT_ADDRESS => $api,
        PATRONI_POSTGRESQL_LISTEN => $address, PATRONI_POSTGRESQL_CONNECT_ADDRESS => $address, PATRONI_POSTGRESQL_DATA_DIR => $node->{data},
        PATRONI_POSTGRESQL_PGPASS => "$self->{dir}/$name.pgpass", PATRONI_POSTGRESQL_BIN_DIR => scalar(`pg_config --bindir`) =~ s/\n//r,
        PATRONI_SUPERUSER_USERNAME => 'postgres', PATRONI_SUPERUSER_PASSWORD => 'secret',
        PATRONI_REPLICATION_USERNAME => 'replicator', PATRONI_REPLICATION_PASSWORD => 'secret'}, 'patroni', "$self->{dir}/patroni.yml");
}

# What an application connects with. `role`: read-write, or prefer-standby.
sub connstr {
    my ($self, $database, $role) = @_;
    my @ports = map { $self->{nodes}{$_}{port} } names();
    local $" = ',';
    return "host=127.0.0.1,127.0.0.1 port=@ports dbname=$database user=postgres password=secret target_session_attrs=" . ($role // 'read-write');
}

sub safe_psql {
    my ($self, $database, $sql) = @_;
    my $end = time + 120;
    my ($out, $err) = ('', '');
    while (time < $end) {
        return $out =~ s/\n\z//r if IPC::Run::run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->connstr($database), '-c', $sql], '<', \undef, '>', \$out, '2>', \$err);
        die "$sql: $err" unless $err =~ /^psql: error: connection to server/;
        sleep 0.2;
    }
    die "there is no primary: $err";
}

sub poll_query_until {
    my ($self, $database, $query) = @_;
    my $end = time + 120;
    while (time < $end) {
        return 1 if $self->safe_psql($database, $query) eq 't';
        sleep 0.1;
    }
    return 0;
}

# What Patroni says: {role, state, timeline, lag} of each node by its name.
sub members {
    my ($self) = @_;
    for (values %{$self->{nodes}}) {
        my $answer = $http->get("http://127.0.0.1:$_->{api}/cluster");
        return map { $_->{name} => $_ } @{$json->decode($answer->{content})->{members}} if $answer->{success};
    }
    return;
}

sub wait_until {
    my ($self, $what, $condition) = @_;
    my $end = time + 120;
    while (time < $end) {
        my %members = $self->members;
        return if $condition->(\%members);
        sleep 0.1;
    }
    die "$what: " . $json->encode({$self->members}) . "\n";
}

# Both nodes are there, and who would take over has all that is acknowledged.
sub wait_for_standby {
    my ($self) = @_;
    my $role = $self->{synchronous} ? 'sync_standby' : 'replica';
    $self->wait_until('no standby', sub {
        my ($members) = @_;
        return 2 == grep { $_->{role} eq 'leader' && $_->{state} eq 'running' || $_->{role} eq $role && $_->{state} =~ /^(running|streaming)$/ && $_->{lag} eq 0 } values %$members;
    });
    $self->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'") or die;
}

sub names { return qw(a b) }

# The name of the primary.
sub leader {
    my ($self) = @_;
    my $port = $self->safe_psql('postgres', 'SHOW port');
    return (grep { $self->{nodes}{$_}{port} eq $port } names())[0];
}

# Kills the leader with -9. Returns its name.
sub kill_leader {
    my ($self) = @_;
    my $leader = $self->leader;
    $self->kill_node($leader);
    return $leader;
}

# As if a machine had lost power: Patroni and all processes of PostgreSQL end at once.
sub kill_node {
    my ($self, $name) = @_;
    my $file = "$self->{nodes}{$name}{data}/postmaster.pid";
    my ($postmaster) = -e $file ? split /\n/, PostgreSQL::Test::Utils::slurp_file($file) : ();
    my @processes = $postmaster ? ($postmaster, split ' ', `ps -o pid= --ppid $postmaster`) : ();
    my $patroni = delete $self->{processes}{$name} or return;
    $patroni->signal('KILL');
    kill 'KILL', @processes;
    $patroni->finish;
}

# A planned change of the leader.
sub switch_over {
    my ($self) = @_;
    my $leader = $self->leader;
    my ($other) = grep { $_ ne $leader } names();
    my $answer = $http->post("http://127.0.0.1:$self->{nodes}{$leader}{api}/switchover", {content => $json->encode({leader => $leader, candidate => $other})});
    die "switchover: $answer->{content}\n" unless $answer->{success};
}

sub stop {
    my ($self) = @_;
    $self->kill_node($_) for names();
    my $etcd = delete $self->{processes}{etcd};
    $etcd->kill_kill if $etcd;
}

END {
    local $?;
    $_->stop for @running;
}

1;
