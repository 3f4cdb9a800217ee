#!/bin/bash
# Configures and starts Postfix and Dovecot of mx1, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user vmail 5000 /srv/mail
add_user ticket 5001 /srv/ticket
add_user dana 1001 /home/dana
add_user eva 1002 /home/eva
add_user frank 1003 /home/frank
add_user gone 1004 /home/gone

cd /etc/postfix
cp /sample/mx1/main.cf /sample/mx1/master.cf .
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mx1.example.org \
  -keyout key.pem -out cert.pem 2> /dev/null
for box in anna ben carla archive; do echo "$box@example.org -"; done > mailboxes
cat > virtual <<'X'
info@example.org      anna@example.org, ben@example.org
old.anna@example.org  anna@example.org
sales@example.org     partner@example.com
agency@example.org    gone.agency@example.net
office@example.org    emil@kontor.example.org
root@example.org      root@mx1.example.org
dana@example.org      dana@mx1.example.org
eva@example.org       eva@mx1.example.org
frank@example.org     frank@mx1.example.org
postmaster@example.org anna@example.org
X
echo 'tickets.example.org ticket:' > transport
echo 'ben@example.org archive@example.org' > sender_bcc
cat > header_checks <<'X'
/^Subject: .*refuse-me/  REJECT We do not want this subject
/^Subject: .*hold-me/    HOLD to be looked at
/^Subject: .*discard-me/ DISCARD thrown away
/^Subject: .*warn-me/    WARN just a remark
X
cat > clients <<'X'
192.0.2.0/28      FILTER scan:[127.0.0.1]:10025
192.0.2.64/27     FILTER amavis:[127.0.0.1]:10024
192.0.2.250/32    REJECT Go away
X
echo 'spam.example.com REJECT That is not your name' > helo
cat > recipients <<'X'
grey@example.org     450 4.7.1 Greylisted, see http://example.org/?to=<x>, from=<y>
closed@example.org   554 5.7.1 This mailbox is closed
X
cat > /etc/aliases <<'X'
postmaster: root
root: anna@example.org
team: ben@example.org, emil@kontor.example.org
X
postalias /etc/aliases
echo 'dana@kontor.example.org' > /home/dana/.forward
echo '"|/bin/cat > /dev/null"' > /home/eva/.forward
echo 'gone.private@example.net' > /home/gone/.forward
chown dana /home/dana/.forward; chown eva /home/eva/.forward; chown gone /home/gone/.forward

cp /sample/mx1/dovecot.conf /etc/dovecot/dovecot.conf
for box in anna ben carla archive; do echo "$box@example.org:{PLAIN}secret-$box"; done \
  > /etc/dovecot/users
for box in emil dana fritz; do echo "$box@kontor.example.org:{PLAIN}secret-$box"; done \
  >> /etc/dovecot/users
mkdir -p /srv/mail/example.org/carla/sieve
ln -s sieve/main.sieve /srv/mail/example.org/carla/.dovecot.sieve
cat > /srv/mail/example.org/carla/sieve/main.sieve <<'X'
if header :contains "subject" "throwaway" { discard; stop; }
if header :contains "subject" "pass-on" { redirect "partner@example.com"; stop; }
X
chown -R vmail:vmail /srv/mail
dovecot -c /etc/dovecot/dovecot.conf
postfix start
touch /run/ready
while :; do sleep 60; done
