#!/usr/bin/env bash
# Installs what tests/RetentionEngine.Lab runs: mail daemons of Debian, stopped. Nothing is removed
# for it, no daemon is started, and what is there stays as it is. Says so where it cannot.
set -uo pipefail

packages=()
# need PACKAGE FILE
need() { [ -e "$2" ] || packages+=("$1"); }
need postfix /usr/lib/postfix/sbin/smtpd
need dovecot-core /usr/sbin/dovecot
need dovecot-imapd /usr/lib/dovecot/imap
need dovecot-pop3d /usr/lib/dovecot/pop3
need dovecot-lmtpd /usr/lib/dovecot/lmtp
need dovecot-sieve /usr/lib/dovecot/modules/lib90_sieve_plugin.so
need dovecot-managesieved /usr/lib/dovecot/managesieve
need rsyslog /usr/sbin/rsyslogd
need rsyslog-openssl /usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so
need iproute2 /usr/sbin/ip
need openssl /usr/bin/openssl
need perl /usr/bin/perl
need procps /usr/bin/pgrep
need python3 /usr/bin/python3
need util-linux /usr/bin/unshare
need tzdata /usr/share/zoneinfo/Europe/Berlin
# syslog-ng can't be installed beside rsyslog, so it is only unpacked; these are its libraries.
libraries=/usr/lib/x86_64-linux-gnu
need libglib2.0-0 "$libraries/libglib-2.0.so.0"
need libjson-c5 "$libraries/libjson-c.so.5"
need libwrap0 "$libraries/libwrap.so.0"
syslog_ng=/var/lib/retention-lab/syslog-ng
has_syslog_ng() { [ -e "$syslog_ng/usr/sbin/syslog-ng" ]; }
[ "${#packages[@]}" -gt 0 ] || ! has_syslog_ng || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "lab: needs ${packages[*]} syslog-ng-core, and root on Debian to install them" >&2
    exit 1
fi
# Debian starts what it installs unless this file forbids it; one that is there already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
if ! has_syslog_ng; then
    mkdir -p "$syslog_ng/download"
    (cd "$syslog_ng/download" && apt-get download -qq syslog-ng-core libivykis0 libnet1) 2>/dev/null
    for package in "$syslog_ng"/download/*.deb; do
        dpkg -x "$package" "$syslog_ng"
    done
    rm -rf "$syslog_ng/download"
    has_syslog_ng || { echo "lab: syslog-ng-core could not be downloaded" >&2; exit 1; }
fi
if ! DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends --no-remove \
        "${packages[@]}" </dev/null >/tmp/lab-packages.$$ 2>&1; then
    tail -20 /tmp/lab-packages.$$ >&2
    rm -f /tmp/lab-packages.$$
    echo "lab: apt-get could not install ${packages[*]}" >&2
    exit 1
fi
rm -f /tmp/lab-packages.$$
