#!/usr/bin/env bash
# Measures and writes a dated result file: bench/run.sh quick|full [section...] [--work DIR]
# `bench/run.sh micro [filter]` runs the small benchmarks. See docs/BENCHMARKS.md.
# The published binary is measured too; it is made here when it is missing or older than its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- quick
published=$(ls -t artifacts/publish/retention/*/retention 2>/dev/null | head -n 1 || true)
if [ "$1" != micro ]; then
    mkdir -p artifacts
    if [ -z "$published" ] || [ -n "$(find src tools/retention Directory.*.props \
        \( -name obj -o -name bin \) -prune -o -type f -newer "$published" -print -quit)" ]; then
        tools/retention/publish.sh >artifacts/publish.log 2>&1 \
            || echo "run.sh: publishing failed, see artifacts/publish.log; its figures are left out" >&2
    fi
fi
exec dotnet run -c Release --project bench/RetentionEngine.Bench -- "$@"
