#!/usr/bin/env bash
# Builds the retention binary: NativeAOT, or ReadyToRun where that can't be linked.
# Usage: tools/retention/publish.sh [OUTPUT_DIRECTORY]   (default: artifacts/publish/retention/<kind>)
# RETENTION_PUBLISH=aot|r2r chooses; RID=linux-arm64 and the like for ReadyToRun on another machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
rid=${RID:-linux-x64}
kind=${RETENTION_PUBLISH:-auto}
if [ "$kind" = auto ]; then
    kind=r2r
    if command -v clang >/dev/null || command -v gcc >/dev/null; then
        if [ -e /usr/include/zlib.h ] && [ "$rid" = "linux-$(uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')" ]; then
            kind=aot
        fi
    fi
fi
out=${1:-artifacts/publish/retention/$kind}
mkdir -p artifacts/publish-build
common=(-c Release -r "$rid" -o "$out" -p:IsRidPublish=true -p:DebugType=none
    --artifacts-path "$PWD/artifacts/publish-build")
case "$kind" in
    aot)
        # FASTER and its serializers are not made for trimming, but what we use of them works: the
        # warnings that name a whole assembly are theirs. Those about our own code stay errors.
        linker=$(command -v clang >/dev/null && echo clang || echo gcc)
        dotnet publish tools/retention "${common[@]}" -p:PublishAot=true \
            -p:CppCompilerAndLinker="$linker" -p:IlcInstructionSet=x86-64-v2 \
            -p:StripSymbols=true -p:NoWarn='IL2104%3BIL3053'
        ;;
    r2r)
        dotnet publish tools/retention "${common[@]}" --self-contained false \
            -p:PublishReadyToRun=true -p:TieredCompilation=true
        ;;
    *)
        echo "publish.sh: RETENTION_PUBLISH is aot or r2r" >&2
        exit 64
        ;;
esac
ls -l "$out/retention"
