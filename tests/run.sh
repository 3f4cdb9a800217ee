#!/usr/bin/env bash
# Builds everything and runs all tests; the last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
dotnet test --solution RetentionEngine.sln -c Release --no-progress --no-ansi "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
awk -v status="$status" '
  /^ +failed: [0-9]+$/ { failed = $2 }
  /^ +succeeded: [0-9]+$/ { passed = $2 }
  END {
    if (status != 0 && failed + 0 == 0) { failed = 1 }
    printf "%d passed, %d failed\n", passed, failed
  }' "$log"
exit "$status"
