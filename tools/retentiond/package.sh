#!/usr/bin/env bash
# Builds the Debian package of the daemon: publishes the binary, then packs it.
# Usage: tools/retentiond/package.sh [DIRECTORY]   (default: artifacts/publish/retentiond)
# RETENTIOND_PUBLISH: see publish.sh. The same sources give the same package.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tools/retentiond
out=${1:-artifacts/publish/retentiond}
version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

"$here/publish.sh" "$out/binary"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
doc=$root/usr/share/doc/retentiond
install -D -m 755 "$out/binary/retentiond" "$root/usr/bin/retentiond"
install -D -m 644 "$here/retentiond.service" "$root/usr/lib/systemd/system/retentiond.service"
install -D -m 640 "$here/retentiond.toml" "$root/etc/retentiond/retentiond.toml"
install -D -m 644 -t "$doc" docs/OPERATING.md docs/CHANGELOG.md "$here/listen.conf"
install -D -m 644 LICENSE "$doc/copyright"
install -d -m 755 "$root/DEBIAN"
install -m 755 "$here"/debian/{postinst,prerm,postrm} "$root/DEBIAN"
echo /etc/retentiond/retentiond.toml > "$root/DEBIAN/conffiles"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" "$here/debian/control" \
    > "$root/DEBIAN/control"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference \
    --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --uniform-compression -Zxz --build "$root" \
    "$out/retentiond_${version}_$architecture.deb"
