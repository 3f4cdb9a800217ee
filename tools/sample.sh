#!/usr/bin/env bash
# Builds the tool, imports the sample logs into a store of its own, and traces one mail.
# Usage: tools/sample.sh [LOG_OR_DIRECTORY...]   (default: tests/corpus/sample/mail.log*)
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$log" "$work"' EXIT
if ! dotnet build tools/retention -c Release -v quiet --nologo >"$log" 2>&1; then
    cat "$log" >&2
    exit 70
fi
retention=artifacts/bin/retention/release/retention
export RETENTION_STORE="$work/store" RETENTION_KEY="$work/master.key"
domains=()
if [ $# -eq 0 ]; then
    set -- tests/corpus/sample/mail.log*
    for domain in {,kontor.,tickets.,mx1.,mx2.}example.org; do
        domains+=(--local-domain "$domain")
    done
fi
# Ten years, with a reason: so the sample is not past its period on the day you try this.
"$retention" import "$@" "${domains[@]}" --timezone Europe/Berlin \
    --retain all=3650d --basis "sample logs"
echo
# One mail worth looking at: deferred first, delivered later.
key=$("$retention" query --class sent --status sent --format csv --fields attempts,queue_id |
    tr -d '\r' | awk -F, 'NR > 1 && $1 > most { most = $1; id = $2 } END { print id }')
if [ -n "$key" ]; then
    echo "\$ retention trace $key"
    "$retention" trace "$key"
fi
