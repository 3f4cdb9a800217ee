#!/usr/bin/env bash
# Builds the retentiond binary: NativeAOT, or one self-contained file where that can't be linked.
# Usage: tools/retentiond/publish.sh [DIRECTORY]   (default: artifacts/publish/retentiond/<kind>)
# RETENTIOND_PUBLISH=aot|file chooses.
set -euo pipefail
cd "$(dirname "$0")/../.."
rid="linux-$(uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')"
kind=${RETENTIOND_PUBLISH:-auto}
if [ "$kind" = auto ]; then
    kind=file
    if { command -v clang || command -v gcc; } >/dev/null && [ -e /usr/include/zlib.h ]; then
        kind=aot
    fi
fi
out=${1:-artifacts/publish/retentiond/$kind}
mkdir -p artifacts/publish-build
common=(-c Release -r "$rid" -o "$out" -p:IsRidPublish=true -p:DebugType=none
    --artifacts-path "$PWD/artifacts/publish-build" -v quiet --nologo)
case "$kind" in
    aot)
        # FASTER and its serializers are not made for trimming, but what we use of them works: the
        # warnings that name a whole assembly are theirs. Those about our own code stay errors.
        linker=$(command -v clang >/dev/null && echo clang || echo gcc)
        dotnet publish tools/retentiond "${common[@]}" -p:PublishAot=true \
            -p:CppCompilerAndLinker="$linker" -p:IlcInstructionSet=x86-64-v2 \
            -p:StripSymbols=true -p:NoWarn='IL2104%3BIL3053'
        ;;
    file)
        dotnet publish tools/retentiond "${common[@]}" --self-contained true \
            -p:PublishSingleFile=true -p:PublishReadyToRun=true -p:TieredCompilation=true \
            -p:IncludeNativeLibrariesForSelfExtract=false
        ;;
    *)
        echo "publish.sh: RETENTIOND_PUBLISH is aot or file" >&2
        exit 64
        ;;
esac
ls -l "$out/retentiond"
