#!/usr/bin/env bash
# Runs all tests and prints the test runner's summary. Needs a Rust toolchain, a C compiler, openssl, PostgreSQL's programs
# and PgBouncer; as root on Debian it installs the latter two. Arguments are passed to the test runner: `tests/run.sh vendor_faults`
# runs the tests with that in their names.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "tests/run.sh: $*" >&2; exit 1; }

command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs"
command -v cc >/dev/null || fail "a C compiler is missing; on Debian: apt-get install gcc libc6-dev"

chosen="$*"

# A separate PostgreSQL server for the duration of the tests: a server that is already there is not touched.
postgres_bin() {
    local found
    found=$(find /usr/lib/postgresql -name initdb -type f 2>/dev/null | sort -V | tail -n 1)
    if [ -n "$found" ]; then dirname "$found"; elif command -v initdb >/dev/null; then dirname "$(command -v initdb)"; fi
}
bin=$(postgres_bin)
if [ -z "$bin" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "PostgreSQL is missing; on Debian: apt-get install postgresql (no server needs to run)"
    fi
    apt-get update -qq
    # No system cluster: the programs are enough.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
    bin=$(postgres_bin)
    [ -n "$bin" ] || fail "PostgreSQL was installed, but its initdb was not found"
fi

pooler() { PATH="$PATH:/usr/sbin" command -v pgbouncer; }
if ! pooler >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "PgBouncer is missing; on Debian: apt-get install pgbouncer (no service needs to run)"
    fi
    apt-get update -qq
    # At run level 1, the package does not start its service.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer
fi

place=$(mktemp -d)
chmod 755 "$place"
# PostgreSQL refuses to run as root.
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    id -u postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
    chown postgres "$place"
    as_server() { setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups -- "$@"; }
fi
stop() {
    if [ -f "$place/pooler.pid" ]; then kill "$(cat "$place/pooler.pid")" 2>/dev/null || true; fi
    as_server "$bin/pg_ctl" -D "$place/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap stop EXIT
# Without these, a signal would end this script before the trap above runs.
trap 'exit 130' INT
trap 'exit 143' TERM
# The server supports TLS, with a self-signed certificate.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -addext subjectAltName=IP:127.0.0.1 \
    -addext basicConstraints=critical,CA:FALSE \
    -keyout "$place/server.key" -out "$place/server.crt" 2>/dev/null || fail "openssl is missing; on Debian: apt-get install openssl"
chmod 600 "$place/server.key"
if [ "$(id -u)" = 0 ]; then chown postgres "$place/server.key"; fi
export TELECONSULT_TEST_POSTGRES_CERTIFICATE="$place/server.crt"
as_server "$bin/initdb" -D "$place/data" -U postgres -A trust --no-sync -E UTF8 >/dev/null
# Parallel runs must not collide: if the port is in use, the loop tries another one.
for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM))
    settings="-p $port -k $place -c listen_addresses=127.0.0.1 -c max_connections=400 -c fsync=off"
    settings="$settings -c ssl=on -c ssl_cert_file=$place/server.crt -c ssl_key_file=$place/server.key"
    if as_server "$bin/pg_ctl" -D "$place/data" -o "$settings" -l "$place/log" -w start >/dev/null 2>&1; then break; fi
    port=
done
[ -n "$port" ] || fail "PostgreSQL does not start: $(cat "$place/log")"
# A pooler before the server, with few sessions for each database.
for _ in 1 2 3 4 5; do
    pooler_port=$((20000 + RANDOM))
    cat >"$place/pooler.ini" <<END
[databases]
* = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler_port
unix_socket_dir =
auth_type = trust
auth_file = $place/pooler.users
pool_mode = transaction
default_pool_size = 3
max_client_conn = 400
server_round_robin = 1
ignore_startup_parameters = extra_float_digits
pidfile = $place/pooler.pid
logfile = $place/pooler.log
END
    echo '"postgres" ""' >"$place/pooler.users"
    if as_server "$(pooler)" -q -d "$place/pooler.ini" >/dev/null 2>&1; then break; fi
    pooler_port=
done
[ -n "$pooler_port" ] || fail "PgBouncer does not start: $(cat "$place/pooler.log")"
export TELECONSULT_TEST_PGBOUNCER="$pooler_port"
# The folder for all output of the server.
export TELECONSULT_TEST_OUTPUT="$place/output"
export TELECONSULT_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"

# Tests that crash the server run the real binary; building it first keeps the build out of their time.
cargo build --locked -p teleconsult-server --features crash-points
# A selection of tests shows its output, such as the number of cases.
if cargo nextest --version >/dev/null 2>&1; then
    if (($# > 0)); then set -- --success-output final "$@"; fi
    cargo nextest run --locked --workspace --all-features --no-fail-fast "$@"
else
    if (($# > 0)); then set -- --show-output "$@"; fi
    cargo test --locked --workspace --all-features --no-fail-fast --lib --bins --tests -- "$@"
fi
# The examples, each of which exits by itself; a selection of tests skips them.
if [ -z "$chosen" ]; then
    for example in bandyer-client/examples/*.rs; do
        name=$(basename "$example" .rs)
        echo "example $name"
        cargo run --quiet --locked -p bandyer-client --example "$name" >/dev/null
    done
fi
# Documentation examples, including the README of the crate.
cargo test --locked --doc -p bandyer-client --all-features
# No output of the server may contain a name, a link or a key. A selection of tests may not have run a server.
if [ -z "$chosen" ] || [ -d "$TELECONSULT_TEST_OUTPUT" ]; then tests/scan-output.sh "$TELECONSULT_TEST_OUTPUT"; fi
