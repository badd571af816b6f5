# A psql that stays connected. It tells a lost connection from an error, and can be left running while the test does something
# else: kills its backend, say.
package Session;

use strict;
use warnings;
use IPC::Open3;

sub new {
    my ($class, $connection) = @_;
    local $SIG{PIPE} = 'IGNORE';
    local $ENV{PGOPTIONS} = '-c client_min_messages=error';
    my $pid = open3(my $in, my $out, undef, 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $connection);
    $in->autoflush(1);
    return bless {pid => $pid, in => $in, out => $out}, $class;
}

# Sends statements, to be followed by receive.
sub send {
    my ($self, $statements) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print {$self->{in}} "$statements;\n\\echo -- :ERROR :SQLSTATE\n";
}

# The rows of what was sent; `error`: the SQLSTATE of the last error, which need not be the last statement's; `lost`: the connection, and with it the answer.
sub receive {
    my ($self) = @_;
    my (@rows, $error);
    local $SIG{ALRM} = sub { die "no answer in three minutes, after: @rows\n" };
    alarm 180;
    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        if ($line =~ /^-- (true|false) (\w+)$/) {
            alarm 0;
            return {rows => \@rows, error => $1 eq 'true' ? $2 : $error, lost => 0};
        }
        # A session that is ended while it is idle tells so before the next answer, if there is one.
        last if $line =~ /^FATAL:/;
        $error = $1 if $line =~ /^ERROR:  (\w{5})$/;
        push @rows, $line unless $line =~ /^WARNING:/;
    }
    alarm 0;
    return {rows => \@rows, error => undef, lost => 1};
}

sub query {
    my ($self, $statements) = @_;
    $self->send($statements);
    return $self->receive;
}

# The one value that a query gives, which must succeed.
sub value {
    my ($self, $query) = @_;
    my $answer = $self->query($query);
    die "$query: " . ($answer->{error} // 'connection lost') . " @{$answer->{rows}}\n" if $answer->{error} || $answer->{lost};
    return $answer->{rows}[0];
}

# Without it, psql would wait for input that never comes, since workers that were forked later hold the other end of the pipe, too.
sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}

1;
