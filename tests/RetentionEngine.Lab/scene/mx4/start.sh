#!/bin/bash
# Configures and starts Postfix and Dovecot of mx4, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user vmail 5000 /srv/mail
cd /etc/postfix
cp /sample/mx4/main.cf /sample/mx4/master.cf .
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mx4.example.org \
  -keyout key.pem -out cert.pem 2> /dev/null
for box in olga paul jürgen; do
  echo "$box@own.example.org own/$box/Maildir/"
done > mailboxes
echo 'all@own.example.org olga@own.example.org, paul@own.example.org' > virtual
printf 'root: olga@own.example.org\n' > /etc/aliases
postalias /etc/aliases
cp /sample/mx4/dovecot.conf /etc/dovecot/dovecot.conf
for box in olga paul; do echo "$box@own.example.org:{PLAIN}secret-$box"; done \
  > /etc/dovecot/users
mkdir -p /srv/mail/own
chown -R vmail:vmail /srv/mail
rm -f /var/log/postfix.log* /var/log/dovecot.log*
dovecot -c /etc/dovecot/dovecot.conf
postfix start
touch /run/ready
while :; do sleep 60; done
