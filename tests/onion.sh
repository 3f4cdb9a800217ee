#!/usr/bin/env bash
# The whole experiment: a private Tor network in namespaces of its own with nothing but lo, two
# Postfix, unbound, a signed zone; mail goes out by discovery and arrives through an onion service.
# Takes about four minutes; Debian, as root. Prints one line a check, "ok NAME" or "failed NAME".
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for pair in tor:tor unbound:unbound named:bind9 dnssec-signzone:bind9-utils postfix:postfix \
  torsocks:torsocks openssl:openssl ip:iproute2 unshare:util-linux; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
[ -e /usr/lib/postfix/postfix-pcre.so ] || missing+=(postfix-pcre)
[ -e /usr/share/dns/root.ds ] || missing+=(dns-root-data)
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -qq -y --no-install-recommends "${missing[@]}"
fi
dotnet build tools/retention -c Release -v quiet --nologo
dotnet build src/RetentionEngine.Onion -c Release -v quiet --nologo
folder=$(mktemp -d /tmp/onion-net.XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
unshare --net --mount --pid --fork --kill-child --mount-proc \
  env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
  tests/RetentionEngine.Onion.Tests/Net/experiment.py "$folder" \
  artifacts/bin/RetentionEngine.Onion/release/onion-transport \
  artifacts/bin/retention/release/retention src/RetentionEngine.Onion/config |
  tee "$folder/shown"
! grep -q '^failed' "$folder/shown"
