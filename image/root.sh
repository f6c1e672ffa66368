#!/bin/sh
# Lays out what a program needs beside itself, of the Debian that this runs on: root.sh PROGRAM
# The libraries that it loads, what dpkg knows of their packages, so that scanners find them, and how names are looked up.
set -eu
root=/root-file-system
mkdir -p "$root/etc" "$root/var/lib/dpkg/status.d"

loaded=$(ldd "$1" 2>&1 || true)
case $loaded in
*'not found'* | *'not a dynamic'*)
  echo "$1 does not run on this Debian: $loaded" >&2
  exit 1
  ;;
esac
libraries=$(echo "$loaded" | grep -o '/[^ ]*\.so[^ ]*')
# shellcheck disable=SC2086 # one word each
cp --parents --dereference $libraries /etc/os-release "$root"

for library in $libraries; do
  # A package may name the folder that /lib is a link to.
  owner=$(dpkg-query --search "$library" 2>/dev/null || dpkg-query --search "/usr$library")
  package=${owner%%:*}
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  cp --parents --dereference "/usr/share/doc/$package/copyright" "$root"
done

echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532:nonroot:/:/nonexistent' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
