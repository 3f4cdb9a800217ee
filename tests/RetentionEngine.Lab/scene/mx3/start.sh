#!/bin/bash
# Configures and starts Postfix and Dovecot of mx3, inside its own root.
set -euo pipefail
. /sample/users.sh
add_user vmail 5000 /srv/mail
add_user amavis 5002 /var/lib/amavis
cd /etc/postfix
cp /sample/mx3/main.cf /sample/mx3/master.cf .
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mx3.example.org \
  -keyout key.pem -out cert.pem 2> /dev/null
boxes="anna ben journal files drops turns away both back"
by_lda="keeps.lda files.lda drops.lda turns.lda away.lda back.lda"
for box in $by_lda; do echo "$box@lab.example.org dovecot:"; done > transport
boxes="$boxes $by_lda"
for box in $boxes; do echo "$box@lab.example.org -"; done > mailboxes
printf '%s@lab.example.org -\n' jürgen unwanted >> mailboxes
cat > virtual <<'Y'
everyone@lab.example.org  anna@lab.example.org, ben@lab.example.org
Y
echo '192.0.2.66/32 reject' > postscreen
printf 'root: anna@lab.example.org\n' > /etc/aliases
postalias /etc/aliases

cp /sample/mx3/dovecot.conf /etc/dovecot/dovecot.conf
for box in $boxes; do echo "$box@lab.example.org:{PLAIN}secret-$box"; done > /etc/dovecot/users
sieve() { # mailbox, script from stdin
  mkdir -p "/srv/mail/lab.example.org/$1/sieve"
  ln -s sieve/main.sieve "/srv/mail/lab.example.org/$1/.dovecot.sieve"
  cat > "/srv/mail/lab.example.org/$1/sieve/main.sieve"
}
for by in "" .lda; do
  sieve "files$by" <<< 'require ["fileinto", "mailbox"]; fileinto :create "Lists";'
  sieve "drops$by" <<< 'discard;'
  sieve "back$by" <<< 'require "reject"; reject "Not here";'
  sieve "turns$by" <<< 'redirect "partner@example.com";'
  sieve "away$by" <<< 'require "vacation"; vacation "Back on Monday";'
done
sieve both <<< 'require "copy"; redirect :copy "partner@example.com";'
chown -R vmail:vmail /srv/mail
dovecot -c /etc/dovecot/dovecot.conf
# Slow to start; what comes too early is deferred.
amavisd -c /sample/mx3/amavisd.conf start &
postfix start
touch /run/ready
while :; do sleep 60; done
