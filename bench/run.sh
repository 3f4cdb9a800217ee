#!/usr/bin/env bash
# Measures and writes a dated result file: bench/run.sh quick|full [section...] [--work DIR]
# `bench/run.sh micro [filter]` runs the small benchmarks. See docs/BENCHMARKS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- quick
exec dotnet run -c Release --project bench/RetentionEngine.Bench -- "$@"
