#!/bin/sh
# write-root.sh TAR FILES TREE FILE SIZE_MIB LABEL: makes an ext4 file system in FILE of an archive and the files that are laid over it.
# Runs as root, or as one whom a user namespace takes for root: owners are kept, no device is made or mounted.
set -eu
tar=$1 files=$2 tree=$3 file=$4 size_mib=$5 label=$6
umask 022
mkdir "$tree"
# Some of it belongs to users whom only the namespace has: nobody outside could remove it.
trap 'rm -rf "$tree"' EXIT
# The kernel fills /dev by itself, and an ordinary user makes no devices.
tar -C "$tree" --exclude './dev/*' --numeric-owner -xpf "$tar"
cp -R --no-preserve=mode,ownership "$files/." "$tree/"
# Every machine gets its own: of its firmware, and by cloud-init.
: >"$tree/etc/machine-id"
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/var/lib/dbus/machine-id" "$tree/etc/resolv.conf"
ln -s ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
mke2fs -q -F -t ext4 -b 4096 -m 1 -L "$label" -d "$tree" "$file" "${size_mib}M"
