#!/bin/bash
# Configures and starts Postfix and Courier of mx2, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user courier 117 /var/lib/courier
add_user vmail 5000 /srv/mail
add_user gus 1001 /home/gus
add_user hanna 1002 /home/hanna

cd /etc/postfix
cp /sample/mx2/main.cf /sample/mx2/master.cf .
boxes="dana emil fritz ina"
for box in $boxes; do
  echo "$box@kontor.example.org kontor/$box/Maildir/"
done > mailboxes
cat > virtual <<'X'
alle@kontor.example.org   dana@kontor.example.org, emil@kontor.example.org,
    fritz@kontor.example.org, gus@mx2.example.org
chef@kontor.example.org   anna@example.org
gus@kontor.example.org    gus@mx2.example.org
hanna@kontor.example.org  hanna@mx2.example.org
X
cat > transport <<'X'
closed.example.com  error:5.1.2 We do not write to them
paused.example.com  retry:4.3.0 Waiting for their move
X
cat > clients <<'X'
198.51.100.220/32  REJECT Your network is not welcome
X
echo '198.51.100.200/29 FILTER scan:[127.0.0.1]:10035' > filtered
printf 'root: emil@kontor.example.org\n' > /etc/aliases
postalias /etc/aliases
echo 'hanna.home@example.net' > /home/hanna/.forward
chown hanna /home/hanna/.forward

for box in $boxes; do
  mkdir -p "/srv/mail/kontor/$box"
  maildirmake.courier "/srv/mail/kontor/$box/Maildir"
done
chown -R vmail:vmail /srv/mail
mkdir -p /run/courier/authdaemon && chown courier:courier /run/courier /run/courier/authdaemon
sed -i -e 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
for box in $boxes; do
  hash=$(openssl passwd -1 "secret-$box")
  printf '%s@kontor.example.org\tuid=5000|gid=5000|home=/srv/mail/kontor/%s|systempw=%s\n' \
    "$box" "$box" "$hash"
done > /etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
/usr/sbin/authdaemond start
serve() { # tag address port login server
  set -a
  . "/etc/courier/$1"
  set +a
  couriertcpd -address="$2" -maxprocs=40 -maxperip=20 -nodnslookup -noidentlookup \
    -stderrlogger=/usr/sbin/courierlogger -stderrloggername="$1" \
    -pid="/run/courier/$1-${2//:/_}.pid" -group=courier "$3" "$4" "$5" Maildir &
}
serve imapd 203.0.113.2 143 /usr/lib/courier/courier/imaplogin /usr/bin/imapd
serve imapd 2001:db8::2 143 /usr/lib/courier/courier/imaplogin /usr/bin/imapd
serve pop3d 203.0.113.2 110 /usr/lib/courier/courier/courierpop3login \
  /usr/lib/courier/courier/courierpop3d
serve pop3d 2001:db8::2 110 /usr/lib/courier/courier/courierpop3login \
  /usr/lib/courier/courier/courierpop3d
postfix start
touch /run/ready
while :; do sleep 60; done
