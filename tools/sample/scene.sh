# Sourced by net.sh: what the sample logs are made of.
hosts="mx1 mx2"
drive() { /usr/bin/python3 "$here/drive.py" "$1"; }
