#!/usr/bin/env bash
# The correctness of the whole way at full size: records equal loggen's truth, exactly, for 5
# million lines in each timestamp style, cut into files at random places, imported at once, one by
# one, and with kill -9 at random moments between. tests/run.sh runs the same tests smaller.
# Usage: tests/acceptance.sh [SEED [LINES]]   (some 4 minutes on two cores, 3 GB in $TMPDIR)
set -euo pipefail
cd "$(dirname "$0")/.."
export RETENTION_TRUTH_SEED=${1:-$((RANDOM * 32768 + RANDOM))}
export RETENTION_TRUTH_LINES=${2:-5000000}
echo "seed $RETENTION_TRUTH_SEED, $RETENTION_TRUTH_LINES lines a style"
dotnet build tests/RetentionEngine.Tests -c Release -v quiet --nologo
exec artifacts/bin/RetentionEngine.Tests/release/RetentionEngine.Tests \
    -class '*TruthTests' -parallelMode none -diagnostics -noColor -preEnumerateTheories
