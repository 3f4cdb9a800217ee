#!/usr/bin/env bash
# Builds everything, runs all tests, then tools/sample.sh, tests/package.sh and a short
# tests/fuzz.sh; the last line is "N passed, N failed".
# The laboratory's daemons are installed first where they are missing (Debian 12, as root).
# Arguments go to dotnet test.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
bash tests/lab-packages.sh
dotnet test --solution RetentionEngine.sln -c Release --no-progress --no-ansi "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
sample=0
bash tools/sample.sh || sample=1
package=0
bash tests/package.sh || package=1
fuzz=0
bash tests/fuzz.sh 16 100000 300 || fuzz=1
awk -v status="$status" -v sample="$sample" -v package="$package" -v fuzz="$fuzz" '
  /^ +failed: [0-9]+$/ { failed = $2 }
  /^ +succeeded: [0-9]+$/ { passed = $2 }
  END {
    if (status != 0 && failed + 0 == 0) { failed = 1 }
    bad = sample + package + fuzz
    printf "%d passed, %d failed\n", passed + 3 - bad, failed + bad
  }' "$log"
exit "$((status != 0 ? status : sample + package + fuzz))"
