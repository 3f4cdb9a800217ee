#!/usr/bin/env bash
# First process of one host: its name, its users, its daemons. Runs until it is killed.
set -euo pipefail
host=$1 root=$2
hostname "$host.example.org"
mount -t proc none "$root/proc"
# Process ids of a machine that has been up for a while, not 1, 2, 3.
case $host in mx1) echo 11800 ;; mx2) echo 2280 ;; *) echo 4310 ;; esac \
  > /proc/sys/kernel/ns_last_pid ||
  echo "process ids stay small"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TZ=Europe/Berlin LANG=C \
  chroot "$root" /bin/bash "/sample/$host/start.sh"
