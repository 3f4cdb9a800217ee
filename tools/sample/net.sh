#!/usr/bin/env bash
# Inside the network namespace: addresses, DNS, one rsyslogd, the hosts, then the driver.
# Usage: net.sh HERE WORK SCENE; SCENE/scene.sh names the hosts and the driver.
set -euo pipefail
here=$1 work=$2 scene=$3
. "$scene/scene.sh"
mount --make-rprivate /
export TZ=Europe/Berlin

# Every documentation address the scenario uses lives on loopback; 198.51.100.99 has no listener
# ("connection refused"), 198.51.100.77 is left out ("network is unreachable").
ip link set lo up
for address in $(seq -f '203.0.113.%g' 1 9) 203.0.113.25 198.51.100.25 198.51.100.99 \
  $(seq -f '192.0.2.%g' 1 254) $(seq -f '198.51.100.%g' 200 220); do
  ip address add "$address/32" dev lo
done
for address in $(seq -f '2001:db8::%g' 1 9) 2001:db8:25::25 $(seq -f '2001:db8:a::%g' 1 40); do
  ip -6 address add "$address/128" dev lo nodad
done

mkdir "$work/ov"
mount -t tmpfs none "$work/ov"
for host in $hosts; do
  root=$work/ov/$host/root
  mkdir -p "$work/ov/$host/up" "$work/ov/$host/tmp" "$root"
  mount -t overlay none -o "lowerdir=/,upperdir=$work/ov/$host/up,workdir=$work/ov/$host/tmp" \
    "$root"
  mount -t tmpfs none "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mount -t tmpfs none "$root/run"
  mount -t tmpfs none "$root/tmp"
  chmod 1777 "$root/tmp"
  # Queue ids carry inode numbers, and those of a disk look like a server's.
  cp -a /var/spool/postfix "$work/spool-$host"
  mount --bind "$work/spool-$host" "$root/var/spool/postfix"
  mkdir -p "$root/sample"
  cp -r "$here/." "$scene/." "$root/sample/"
  for package in "$work/deb/$host"/*.deb; do
    [ -e "$package" ] || continue
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
  done
done

mkdir "$work/log"
sed -e "s|@ROOTS@|$work/ov|g" -e "s|@LOG@|$work/log|g" "$scene/rsyslog.conf" \
  > "$work/rsyslog.conf"
rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslogd.pid" &
cp "$here/resolv.conf" "$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
/usr/bin/python3 "$here/services.py" &
sleep 1

for host in $hosts; do
  cp "$here/resolv.conf" "$work/ov/$host/root/etc/resolv.conf"
  unshare --mount --uts --pid --fork --kill-child bash "$here/host.sh" "$host" \
    "$work/ov/$host/root" > "$work/$host.out" 2>&1 &
  echo $! > "$work/$host.unshare"
done
for host in $hosts; do
  for _ in $(seq 300); do
    [ -e "$work/ov/$host/root/run/ready" ] && break
    sleep 0.2
  done
  [ -e "$work/ov/$host/root/run/ready" ] || { cat "$work/$host.out" >&2; exit 1; }
  pgrep -P "$(cat "$work/$host.unshare")" > "$work/$host.pid"
done

drive "$work" || { cat "$work"/*.out >&2; exit 1; }
