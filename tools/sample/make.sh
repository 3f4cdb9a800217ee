#!/usr/bin/env bash
# Makes tests/corpus/sample: real Postfix, Dovecot, Courier and rsyslog from Debian 12, run on
# loopback inside their own namespaces. Needs root and the packages of tests/lab-packages.sh; takes
# about two minutes. With SEED set it makes another run, to be thrown away: see
# tests/RetentionEngine.Lab. Nothing is written outside a temporary
# folder and the output folder, no service of the machine is touched, and all processes end with
# the namespace.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../tests/corpus/sample}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d /tmp/mailsample.XXXXXX)
trap '[ -n "${KEEP-}" ] || rm -rf "$work"' EXIT

# courier-imap conflicts with every other imap-server, so its files are unpacked into mx2's own
# root instead of being installed.
mkdir -p "$work/deb/mx2"
(
  cd "$work/deb/mx2"
  apt-get download -qq courier-imap courier-pop courier-base courier-authdaemon courier-authlib \
    courier-authlib-userdb libcourier-unicode4 gamin libgamin0 libgdbm6 libidn12 libpcre3 libltdl7 \
    2>/dev/null
)

# A network of its own (only loopback), and process ids that die with their first process.
unshare --mount --net --pid --fork --kill-child --mount-proc \
  bash "$here/net.sh" "$here" "$work" "$here"

/usr/bin/python3 "$here/expect.py" "$work" "$out"
