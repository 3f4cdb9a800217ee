#!/usr/bin/env bash
# One run of the laboratory: real daemons of Debian 12 on loopback, in namespaces of their own,
# driven by DRIVER (an assembly, run by DOTNET). Fills the folder OUT with logs and the records
# that must come of them. Usage: SEED=N DOTNET=… DRIVER=… make.sh OUT
set -euo pipefail
scene=$(cd "$(dirname "$0")" && pwd)
here=$(cd "$scene/../../../tools/sample" && pwd)
out=$1
work=$(mktemp -d /tmp/maillab.XXXXXX)
trap '[ -n "${KEEP-}" ] || rm -rf "$work"' EXIT
mkdir "$work/deb"

# A network of its own (only loopback), and process ids that die with their first process.
unshare --mount --net --pid --fork --kill-child --mount-proc \
  bash "$here/net.sh" "$here" "$work" "$scene"

/usr/bin/python3 "$scene/expect.py" "$here" "$work" "$out"
