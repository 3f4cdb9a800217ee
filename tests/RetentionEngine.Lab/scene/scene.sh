# Sourced by net.sh: the hosts of this scene, and who drives them.
hosts="mx3 mx4 mx5 mx6"
drive() {
  /usr/bin/python3 "$scene/milter.py" &
  "$DOTNET" "$DRIVER" "$1"
}
