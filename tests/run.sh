#!/usr/bin/env bash
# Runs all tests and prints the runner's own summary. Needs a Rust toolchain and a C compiler.
# Arguments go to the test runner: `tests/run.sh vendor_faults` runs the tests with that in their names.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || { echo "tests/run.sh: cargo is missing; install Rust from https://rustup.rs" >&2; exit 1; }
command -v cc >/dev/null || { echo "tests/run.sh: a C compiler is missing; on Debian: apt-get install gcc libc6-dev" >&2; exit 1; }

# The tests that kill the server drive the real binary; building it first keeps their own time short.
cargo build --locked -p teleconsult-server
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --all-features --no-fail-fast "$@"
else
    cargo test --locked --workspace --all-features --no-fail-fast --lib --bins --tests -- "$@"
fi
# The examples, all but the one that waits for webhooks; a search for tests leaves them out.
if (($# == 0)); then
    for example in examples/*.rs; do
        name=$(basename "$example" .rs)
        if [ "$name" != webhook_receiver ]; then
            echo "example $name"
            cargo run --quiet --locked --example "$name" >/dev/null
        fi
    done
fi
# Documentation examples, the README of the crate among them.
cargo test --locked --doc -p bandyer-client --all-features
