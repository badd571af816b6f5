# shellcheck shell=bash
# Shared by test/check and examples/demo, which set $root and then source this file: what a fresh machine lacks, the
# build, Node, a private PostgreSQL, and leaving nothing behind. Descriptor 3 is where the user reads.

cd "$root" || exit
export LC_ALL=C.UTF-8 PGCLIENTENCODING=UTF8
# The caller may work with another PostgreSQL.
for name in $(compgen -e | grep -E '^PG[A-Z]+$' || true); do unset "$name"; done

# For programs that were built with sanitizers, pg_config among them. PostgreSQL's do not free what they need to their end.
# An allocation beyond all bounds is out of memory, as elsewhere.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1

pg_config_given=${PG_CONFIG:-}
export PG_CONFIG=${PG_CONFIG:-pg_config}
scratch=  # directory of the private server and of whatever else must not outlive us
child=    # process group of what runs in the background
no_main_cluster=  # Debian's setting, in force while we install

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

have() { type -P "$1" >/dev/null; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this must run as root or with sudo: $*"
    fi
}

# PostgreSQL refuses to run as root.
as_server() (
    cd "$scratch" || exit
    if [ "$(id -u)" = 0 ]; then
        exec runuser -u "$server_user" -- "$@"
    fi
    exec "$@"
)

# What is expensive to make and independent of the tree. As root not in the home directory, which is closed to the user
# that servers run as.
cache_directory() {
    local parent=${XDG_CACHE_HOME:-$HOME/.cache}
    [ "$(id -u)" != 0 ] || [ -n "${XDG_CACHE_HOME:-}" ] || parent=/var/cache
    echo "$parent/replicache_ext"
}

server_present() {
    have "$PG_CONFIG" && [ -f "$("$PG_CONFIG" --pgxs)" ] && [ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] &&
        [ -x "$("$PG_CONFIG" --bindir)/initdb" ]
}

# Which version Debian's package without a version stands for.
depends() {
    apt-cache depends "$1" | sed -n "s/.*Depends: $1-\([0-9][0-9]*\)$/\1/p"
}

# Install what is missing for the given purposes, with apt. Asks for nothing and needs no network when nothing is.
provide() {
    local missing=() purpose server= cron= plproxy= cluster= clang_runtime=
    for purpose; do
        case $purpose in
            module)
                have g++ || missing+=(g++)
                have make || missing+=(make)
                [ -f /usr/include/nlohmann/json.hpp ] || missing+=(nlohmann-json3-dev)
                if ! server_present; then
                    [ -z "$pg_config_given" ] || die "$PG_CONFIG: no server with its development files there"
                    server=wanted
                fi ;;
            layers)
                have clang-format || missing+=(clang-format) ;;
            tidy)
                have clang-tidy || missing+=(clang-tidy) ;;
            unit)
                have cmake || missing+=(cmake)
                [ -f /usr/include/gtest/gtest.h ] || missing+=(libgtest-dev) ;;
            fuzz)
                compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null || missing+=(clang) clang_runtime=wanted ;;
            hostile)
                have sqlsmith || missing+=(sqlsmith) ;;
            tap)
                perl -e 'use Test::More; use JSON::PP; use IPC::Run' 2>/dev/null || missing+=(perl libipc-run-perl)
                [ -n "$pg_config_given" ] || { server_present && [ -e "$("$PG_CONFIG" --pkglibdir)/pg_cron.so" ]; } || cron=wanted ;;
            pool)
                [ -x /usr/sbin/pgbouncer ] || have pgbouncer || missing+=(pgbouncer) ;;
            shards)
                # For the server's own package. A server that was built from source uses what is there.
                [ -n "$pg_config_given" ] || compgen -G '/usr/lib/postgresql/*/lib/plproxy.so' >/dev/null || plproxy=wanted ;;
            cluster)
                { have patroni && have etcd; } || cluster=wanted ;;
            node)
                have node || missing+=(nodejs)
                have npm || missing+=(npm)
                have ip || missing+=(iproute2) ;;  # for the loopback of a network namespace, in which zero-cache runs
            count)
                have valgrind || missing+=(valgrind) ;;
            browser)
                have chromium || missing+=(chromium) ;;
            pictures)  # the font
                [ -n "$(fc-list 'Noto Sans' 2>/dev/null)" ] || missing+=(fontconfig fonts-noto-core) ;;
            packages)
                have debootstrap || missing+=(debootstrap)
                have git || missing+=(git)
                have unzip || missing+=(unzip) ;;
            servers)
                have g++ || missing+=(g++)
                have make || missing+=(make)
                have patchelf || missing+=(patchelf)
                perl -e 'use IPC::Run' 2>/dev/null || missing+=(libipc-run-perl)
                have flex || missing+=(flex)
                have bison || missing+=(bison)
                have valgrind || missing+=(valgrind)
                perl -e 'use IPC::Run' 2>/dev/null || missing+=(libipc-run-perl)  # configure wants it for TAP tests
                [ -f /usr/include/zlib.h ] || missing+=(zlib1g-dev) ;;
        esac
    done
    [ "${#missing[@]}" -gt 0 ] || [ -n "$server$cron$plproxy$cluster" ] || return 0

    have apt-get || die "no apt-get to install this with: ${missing[*]} ${server:+PostgreSQL, with its development files}"
    as_root apt-get -qq update || true
    local major
    major=$(depends postgresql)
    [ -n "$server" ] && missing+=("postgresql-${major:-15}" "postgresql-server-dev-${major:-15}")
    [ -n "$server" ] || ! server_present || major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    # What tests can do without.
    [ -z "$cron" ] || [ -z "$(apt-cache show "postgresql-$major-cron" 2>/dev/null)" ] || missing+=("postgresql-$major-cron")
    [ -z "$plproxy" ] || [ -z "$(apt-cache show "postgresql-$major-plproxy" 2>/dev/null)" ] || missing+=("postgresql-$major-plproxy")
    [ -z "$cluster" ] || [ -z "$(apt-cache show etcd-server 2>/dev/null)" ] || missing+=(patroni etcd-server)
    [ -z "$clang_runtime" ] || missing+=("libclang-rt-$(depends clang)-dev")
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "installing ${missing[*]}" >&3
    if [ -n "$server" ]; then
        # Only the programs are wanted, not the server that the package would create and start.
        no_main_cluster=/etc/postgresql-common/createcluster.d/zz-replicache-ext.conf
        as_root mkdir -p "${no_main_cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$no_main_cluster" >/dev/null
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
        install "${missing[@]}" </dev/null || die "could not install ${missing[*]}"
    allow_main_cluster
}

allow_main_cluster() {
    [ -n "$no_main_cluster" ] || return 0
    as_root rm -f "$no_main_cluster"
    as_root rmdir --ignore-fail-on-non-empty "${no_main_cluster%/*}"
    no_main_cluster=
}

# Debian 12 has Node 18; what we run wants 20. Then its npm fetches one that only our scripts see.
use_node() {
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -lt 20 ] || return 0
    [ -d test/node/node_modules ] || echo "node is version $major, fetching one of 20 with npm" >&3
    npm_node=$(type -P node)
    npm_script=$(type -P npm)
    export npm_node npm_script
    npm() { "$npm_node" "$npm_script" "$@"; }
    export -f npm
    npm_ci test/node || die "could not fetch node 20 with npm; a node >= 20 on PATH does as well"
    PATH=$(echo "$root"/test/node/node_modules/node-linux-*/bin):$PATH
    # npm takes it for optional, and says nothing when it could not be had.
    if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
        rm -rf test/node/node_modules
        die "npm could not fetch node 20; a node >= 20 on PATH does as well"
    fi
}

# npm ci, when the lock file is not the one that is installed already. Suites that run side by side take turns. What uses the
# package in node/ finds it built.
npm_ci() (
    flock 9
    ! grep -q '"file:[./]*/node"' "$1/package.json" || build_package || return
    cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund) && cp "$1/package-lock.json" "$1/node_modules/.installed"
) 9<"$1/package-lock.json"

# Build the npm package in node/, if it is not built.
build_package() (
    npm_ci node || return
    flock 9
    [ ! -e node/node_modules/.built ] || [ -n "$(find node/src node/tsconfig.json node/package.json -newer node/node_modules/.built)" ] || return 0
    (cd node && npm run build) && touch node/node_modules/.built
) 9<node/package.json
export -f npm_ci build_package

# Build the module and put it where the server looks for it.
build_module() {
    PG_CONFIG=$(type -P "$PG_CONFIG")
    make -j"$(nproc)" PG_CONFIG="$PG_CONFIG"
    local install=(make -s install PG_CONFIG="$PG_CONFIG")
    if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
        "${install[@]}"
    else
        as_root "${install[@]}"
    fi
}

make_scratch() {
    local parent=${TMPDIR:-/tmp}
    [ "${#parent}" -le 60 ] || parent=/tmp  # the path of a Unix socket has 107 bytes
    scratch=$(mktemp -d "$parent/replicache.XXXXXX")
}

# Whom servers run as: the scratch directory is theirs.
choose_server_user() {
    server_user=$(id -un)
    bindir=$("$PG_CONFIG" --bindir)
    if [ "$(id -u)" = 0 ]; then
        server_user=postgres
        id postgres >/dev/null 2>&1 || server_user=nobody
        chown "$server_user" "$scratch"
        chmod 755 "$scratch"
    fi
}

# A server of our own: reached only by a socket in its directory, gone with it.
start_server() {
    choose_server_user
    # Where sanitizers and valgrind write what they find, in any program of this server.
    export FINDINGS=$scratch/findings
    mkdir -m 1777 "$FINDINGS"
    export ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$FINDINGS/asan UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$FINDINGS/ubsan
    as_server "$bindir/initdb" -D "$scratch/data" -U postgres -A trust -N --no-locale -E UTF8 </dev/null
    as_server tee -a "$scratch/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$scratch'
unix_socket_permissions = 0700
port = 5432
max_connections = 100
max_prepared_transactions = 10
fsync = off
log_line_prefix = '%m [%p] %d '
CONF
    # With our own input or output the caller would wait for the server for ever.
    as_server "$bindir/pg_ctl" -D "$scratch/data" -l "$scratch/server.log" -w -t 60 start </dev/null >/dev/null 2>&1 3>&- || {
        cat "$scratch/server.log"
        die "the private server does not start"
    }
    export PGHOST=$scratch PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    PATH=$bindir:$PATH
}

# Start a command in a process group of its own, with a time limit in seconds (0: none).
start_group() {
    setsid timeout -k 10 "$@" </dev/null 3>&- &
    child=$!
}

# Run one, and end what it leaves running.
run_group() {
    local status=0
    start_group "$@"
    wait "$child" || status=$?
    end_child
    return "$status"
}

end_child() {
    [ -n "$child" ] || return 0
    local tries=30
    kill -TERM -- "-$child" 2>/dev/null || tries=0
    while [ "$tries" -gt 0 ] && kill -0 -- "-$child" 2>/dev/null; do
        sleep 0.1
        tries=$((tries - 1))
    done
    kill -KILL -- "-$child" 2>/dev/null || true
    child=
}

leave_nothing() {
    end_child
    allow_main_cluster
    [ -n "$scratch" ] || return 0
    if [ -s "$scratch/data/postmaster.pid" ]; then
        local pid
        pid=$(head -n 1 "$scratch/data/postmaster.pid")
        as_server "$bindir/pg_ctl" -D "$scratch/data" -m immediate -w -t 20 stop </dev/null >/dev/null 2>&1 ||
            kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    scratch=
}
