#!/bin/sh
# What pipe(8) hands mail to: swallows it, or fails as the recipient's name asks.
cat > /dev/null
case $2 in
  broken*) echo "no such queue: relay=none, status=sent (ok)"; exit 67 ;;
  later*) echo "data base is away"; exit 75 ;;
esac
