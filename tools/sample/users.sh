# Sourced by the hosts: no account of the machine but Debian's own, then those of the scenario.
sed -i -E '/^[^:]*:[^:]*:[0-9]{4}:/d' /etc/passwd
rm -f /etc/shadow- /etc/passwd-
printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
cp /usr/share/zoneinfo/Europe/Berlin /etc/localtime.new && mv -f /etc/localtime.new /etc/localtime
add_user() { # name uid home
  printf '%s:x:%s:%s::%s:/bin/sh\n' "$1" "$2" "$2" "$3" >> /etc/passwd
  printf '%s:x:%s:\n' "$1" "$2" >> /etc/group
  mkdir -p "$3" && chown "$2:$2" "$3"
}
mkdir -p /run/lock /srv/mail
