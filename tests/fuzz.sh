#!/usr/bin/env bash
# usage: fuzz.sh [SECONDS [LINES SOURCES [SEED]]]
# Fuzzes what reads logs, for so many seconds (default 30) in which afl-fuzz (Debian's afl++) runs
# the instrumented library by SharpFuzz, and before that a loop of our own, which runs the same
# targets in one process on mutations of the corpus, LINES and SOURCES times (default 200,000 and
# 500). The last line is "N runs, N bad"; anything bad makes the exit code 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30} lines=${2:-200000} sources=${3:-500} seed=${4:-$((RANDOM * 32768 + RANDOM))}
work=artifacts/fuzz/work.$$
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
bin=artifacts/bin/RetentionEngine.Fuzz/release
dotnet build tests/RetentionEngine.Fuzz -c Release -v quiet --nologo
bad=0 runs=0

loop() {
    "$bin/RetentionEngine.Fuzz" loop "$1" "$2" "$seed" | tee "$work/loop" || bad=$((bad + 1))
    runs=$((runs + $(sed -n 's/^loop [a-z]*: \([0-9]*\) runs, [0-9]* bad.*/\1/p' "$work/loop")))
}
loop line "$lines"
loop source "$sources"

# afl TARGET SECONDS
afl() {
    "$work/bin/RetentionEngine.Fuzz" seeds "$1" "$work/seeds-$1"
    AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_FAST_CAL=1 \
        AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
        afl-fuzz -i "$work/seeds-$1" -o "$work/found-$1" -m none -t 5000 -V "$2" -- \
        "$work/bin/RetentionEngine.Fuzz" afl "$1" >"$work/afl-$1.log" 2>&1 \
        || { tail -20 "$work/afl-$1.log"; bad=$((bad + 1)); return; }
    stats=$work/found-$1/default/fuzzer_stats
    done=$(sed -n 's/^execs_done *: //p' "$stats")
    found=$(find "$work/found-$1/default/crashes" "$work/found-$1/default/hangs" \
        -type f ! -name README.txt | wc -l)
    echo "afl $1: $done runs, $found bad, $(sed -n 's/^execs_per_sec *: //p' "$stats")/s"
    runs=$((runs + done)) bad=$((bad + found))
    if [ "$found" -gt 0 ]; then
        mkdir -p artifacts/fuzz
        cp -r "$work/found-$1" artifacts/fuzz/
        echo "kept in artifacts/fuzz/found-$1"
    fi
}
if [ "$seconds" -gt 0 ] && command -v afl-fuzz >/dev/null; then
    cp -r "$bin" "$work/bin"
    "$bin/RetentionEngine.Fuzz" instrument "$work/bin/RetentionEngine.dll"
    afl line $((seconds / 2))
    afl source $((seconds - seconds / 2))
fi
echo "$runs runs, $bad bad"
[ "$bad" = 0 ]
