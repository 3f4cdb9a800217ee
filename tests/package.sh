#!/usr/bin/env bash
# Builds the daemon's package, installs it into a directory, runs what is installed, and purges it:
# nothing may be left. As root, on Debian. Prints "package: ok" when all is so.
# Usage: tests/package.sh [PACKAGE]   (default: builds it)
set -euo pipefail
given=$(realpath "${1:-.}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
daemon=
finish() {
    [ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
fail() { echo "package: $*" >&2; exit 1; }

deb=$given
if [ ! -f "$deb" ]; then
    tools/retentiond/package.sh "$work/out" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    deb=$(echo "$work"/out/retentiond_*.deb)
fi

# A root of its own, with what dpkg and useradd want to find.
root=$work/root
mkdir -p "$root"/{etc,var/log} "$root"/var/lib/dpkg/{info,updates,triggers}
touch "$root"/var/lib/dpkg/{status,available} \
    "$root"/etc/{passwd,shadow,group,gshadow,subuid,subgid}
cp /etc/login.defs "$root/etc"
chmod 755 "$work" "$root"
listing() {
    (cd "$root" && find . -mindepth 1 ! -path './var/lib/dpkg/*' ! -name '.pwd.lock' \
        ! -name '*-' | sort)
}
packages() { dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@"; }
listing >"$work/before"
packages --install "$deb" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "not installed"; }

grep -q '^retentiond:.*:/usr/sbin/nologin$' "$root/etc/passwd" || fail "no user"
config=$root/etc/retentiond/retentiond.toml
[ "$(stat -c '%a %U' "$root/etc/retentiond")" = "750 root" ] || fail "configuration is open"
tool=$root/usr/bin/retentiond
"$tool" config check --config "$config" | head -1 | grep -qx ok || fail "config check"
echo 'colour = 1' | "$tool" config check --config /dev/stdin 2>"$work/log" && fail "wrong config"
grep -q ':1: colour is not a setting' "$work/log" || fail "no line of a mistake"
systemd-analyze verify "$root/usr/lib/systemd/system/retentiond.service" 2>&1 |
    grep -v 'is not executable: No such file' | grep . && fail "unit"

# It runs as its own user, reads a log, answers, and ends when asked to.
sed -i "s|/var/log/mail.log|$root/var/log/mail.log|; s|:9461|:19461|" "$config"
user=$(sed -n 's/^retentiond:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
install -d -o "$user" -m 700 "$root/var/lib/retentiond"
stamp=$(date -u +%Y-%m-%dT%H:%M:%S.000000+00:00)
login="imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.5, lip=192.0.2.1"
echo "$stamp mx1 dovecot: $login, mpid=1, TLS, session=<s1>" >"$root/var/log/mail.log"
group=$(stat -c %g "$root/etc/retentiond")
setpriv --reuid="$user" --regid="$group" --clear-groups "$tool" serve --config "$config" \
    --set "store.path=$root/var/lib/retentiond/store" 2>"$work/serve.log" &
daemon=$!
http=http://127.0.0.1:19461
lines() { curl -fsS --max-time 5 "$http/metrics" | grep -c '^retentiond_lines_total 1$'; }
for _ in $(seq 300); do
    [ "$(lines 2>/dev/null)" = 1 ] && break
    kill -0 "$daemon" 2>/dev/null || { cat "$work/serve.log" >&2; fail "it ended"; }
    sleep 0.2
done
[ "$(curl -fsS "$http/readyz")" = ok ] || fail "not ready"
grep VmHWM "/proc/$daemon/status" | sed 's/^/package: /'
kill -TERM "$daemon"
wait "$daemon" || { cat "$work/serve.log" >&2; fail "it did not end well"; }
daemon=
[ -s "$root/var/lib/retentiond/store.key" ] || fail "no store"

packages --purge retentiond >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "not purged"; }
rm -f "$root/var/log/mail.log"
listing >"$work/after"
diff "$work/before" "$work/after" >&2 || fail "the purge left something"
[ ! -s "$root/etc/passwd" ] && [ ! -s "$root/etc/group" ] || fail "the purge left the user"
du -k "$deb" | sed 's|\s.*/| KiB |; s/^/package: /'
echo "package: ok"
