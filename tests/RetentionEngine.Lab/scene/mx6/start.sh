#!/bin/bash
# Configures and starts Courier's mail server on mx6, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user courier 117 /var/lib/courier
add_user hugo 1001 /home/hugo
cd /etc/courier
chown -R courier:courier /var/lib/courier /etc/courier
chmod 750 /var/lib/courier/{allfilters,filters,msgq,msgs,track}
chmod 770 /var/lib/courier/tmp
mkdir -p /run/courier/authdaemon && chown courier:courier /run/courier /run/courier/authdaemon
chown root:courier /usr/sbin/sendmail && chmod 2755 /usr/sbin/sendmail
chown courier:courier /usr/lib/courier/courier/submitmkdir
chmod 4755 /usr/lib/courier/courier/submitmkdir
ln -sf makedat.courier /usr/bin/makedat
echo mx6.example.org | tee me > defaultdomain
printf 'localhost\nmx6.example.org\n' > locals
echo postmaster@mx6.example.org > dsnfrom
echo 'postmaster: hugo' > aliases/system
# The other side lives on this machine's addresses, which Courier takes for its own: by route it
# does not ask.
printf 'example.net:[198.51.100.25]\nexample.com:[203.0.113.25]\n' > esmtproutes
# One network may send on; mail from elsewhere is for mx6 alone.
printf '192.0.2.200\tallow,RELAYCLIENT\n' > smtpaccess/default
printf '1\n' > retryalpha; printf '2\n' > retrybeta; printf '3\n' > retrygamma
echo 2 > retrymaxdelta; printf '20s\n' > queuetime; printf '0\n' > warntime
sed -i -e 's/^authmodulelist=.*/authmodulelist="authuserdb"/' authdaemonrc
for name in hugo hugo@mx6.example.org; do
  printf '%s\tuid=1001|gid=1001|home=/home/hugo|mail=/home/hugo/Maildir|systempw=%s\n' \
    "$name" "$(openssl passwd -1 secret-hugo)"
done > userdb
chmod 600 userdb
chown root:root userdb
makeuserdb
sed -i -e 's/^BOFHCHECKDNS=.*/BOFHCHECKDNS=0/' -e 's/^PORT=.*/PORT=203.0.113.6.25/' \
  -e 's/^MAXPERIP=.*/MAXPERIP=40/' -e 's/^ESMTPAUTH=.*/ESMTPAUTH="PLAIN LOGIN"/' \
  -e 's/^TARPIT=.*/TARPIT=0/' esmtpd
maildirmake.courier /home/hugo/Maildir && chown -R hugo:hugo /home/hugo
authdaemond start
makesmtpaccess && makealiases && makeacceptmailfor
courier start
esmtpd start
until (: < /dev/tcp/203.0.113.6/25) 2> /dev/null; do sleep 0.2; done
touch /run/ready
while :; do sleep 60; done
