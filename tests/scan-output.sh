#!/usr/bin/env bash
# Scans all output of the server during the tests, in the folder that TELECONSULT_TEST_OUTPUT named, for what must never
# be revealed: names of people, personal links, keys, tokens, passwords. If it finds any, it prints the places, shortened,
# and exits with 1.
#
#   tests/scan-output.sh <folder>
set -euo pipefail

folder=${1:?the folder with the output of the tests}
# A scan of an empty folder proves nothing.
[ -n "$(find "$folder" -type f -size +0 -print -quit 2>/dev/null)" ] || { echo "scan-output.sh: $folder contains no output" >&2; exit 1; }

# Tests call people "Name of …" or "Canary …". The emulator's links hold rest-call-handler/<token>, its keys begin with
# ak_, and tokens for the SDK are JSON Web Tokens.
canaries=(
    'Name of '
    'Canary Name'
    'canarykey|canarycookie|canary\.mail'
    'rest-call-handler/[A-Za-z0-9]'
    '\bak_[A-Za-z0-9]'
    '\beyJ[A-Za-z0-9_-]{8}'
    'postgres(ql)?://[^/@[:space:]]*:[^/@[:space:]]*@'
)
found=$(IFS='|'; grep -rnaE --binary-files=text -o ".{0,60}(${canaries[*]}).{0,20}" "$folder" || true)
if [ -n "$found" ]; then
    echo "scan-output.sh: secrets are in the output of the tests:" >&2
    head -n 50 <<<"$found" >&2
    echo "$(wc -l <<<"$found") places" >&2
    exit 1
fi
echo "$(find "$folder" -type f | wc -l) files of output ($(du -sh "$folder" | cut -f1)) contain no name, link, key or token"
