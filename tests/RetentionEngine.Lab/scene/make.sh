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

# cyrus-imapd conflicts with every other imap-server, and courier-mta with every other mail server:
# their files are unpacked into the roots of mx5 and mx6 instead of being installed. So are those
# of amavis on mx3, with the modules that it needs to look at nothing.
mkdir -p "$work/deb/mx3" "$work/deb/mx5" "$work/deb/mx6"
(
  cd "$work/deb/mx3"
  apt-get download -qq amavisd-new libarchive-zip-perl libcommon-sense-perl \
    libconvert-binhex-perl libconvert-tnef-perl libconvert-uulib-perl libidn12 \
    libio-multiplex-perl libio-socket-inet6-perl libio-socket-ssl-perl libio-stringy-perl \
    libmailtools-perl libmime-tools-perl libnet-libidn-perl libnet-server-perl \
    libnet-ssleay-perl libsocket6-perl libtimedate-perl libunix-syslog-perl \
    perl-openssl-defaults 2> /dev/null
) || { echo "make.sh: apt-get could not download amavis" >&2; exit 1; }
(
  cd "$work/deb/mx5"
  apt-get download -qq cyrus-common cyrus-imapd cyrus-pop3d sasl2-bin libsasl2-modules \
    libsasl2-modules-db libical3 libclamav12 libmspack0 libxapian30 libzephyr4 db-util \
    db5.3-util 2> /dev/null
) || { echo "make.sh: apt-get could not download Cyrus" >&2; exit 1; }
(
  cd "$work/deb/mx6"
  apt-get download -qq courier-mta courier-base courier-authdaemon courier-authlib \
    courier-authlib-userdb libcourier-unicode4 gamin libgamin0 libgdbm6 libidn12 libpcre3 \
    libltdl7 2> /dev/null
) || { echo "make.sh: apt-get could not download Courier" >&2; exit 1; }

# A network of its own (only loopback), and process ids that die with their first process.
unshare --mount --net --pid --fork --kill-child --mount-proc \
  bash "$here/net.sh" "$here" "$work" "$scene"

/usr/bin/python3 "$scene/expect.py" "$here" "$work" "$out"
