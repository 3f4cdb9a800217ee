#!/bin/bash
# Configures and starts Cyrus of mx5, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user cyrus 118 /var/spool/cyrus
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mx5.example.org \
  -keyout /etc/cyrus-key.pem -out /etc/cyrus-cert.pem 2> /dev/null
cp /sample/mx5/imapd.conf /sample/mx5/cyrus.conf /etc/
for box in vera walt; do
  echo "secret-$box" | saslpasswd2 -p -c -u mx5.example.org "$box"
done
mkdir -p /var/lib/cyrus /var/spool/cyrus/mail /run/cyrus/socket /run/cyrus/proc /run/cyrus/lock
/usr/lib/cyrus/bin/makedirs > /dev/null
chown -R cyrus:cyrus /var/lib/cyrus /var/spool/cyrus /run/cyrus /etc/sasldb2 /etc/cyrus-key.pem
/usr/lib/cyrus/bin/master -C /etc/imapd.conf -M /etc/cyrus.conf &
for port in 143 993 110 995; do
  until (: < "/dev/tcp/203.0.113.5/$port") 2> /dev/null; do sleep 0.2; done
done
touch /run/ready
while :; do sleep 60; done
