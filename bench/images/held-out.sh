#!/bin/bash
# Pairs of disks that nothing was tuned on: held-out.sh FOLDER. Of the files of the Debian disks in ../debian, up to 400 MiB each:
#   NAME-1.raw   files of the first build
#   NAME-2.raw   the same files of the second build, made from scratch
# as XFS, btrfs, NTFS (by ntfscp, without folders), and ext4 in a partition that starts at sector 63.
set -euo pipefail
mkdir -p "$1"; cd "$1"; PATH=$PATH:/sbin:/usr/sbin
[ -f done ] && exit 0
source=../debian; here=$PWD
trap 'umount -R "$here/mounted" 2> /dev/null || true' EXIT
pick() { # IMAGE: the files of some folders of it
  mkdir -p mounted; mount -o loop,ro,noload "$source/$1" mounted
  rm -rf root; mkdir root
  cp -a --parents mounted/usr/lib/python3* mounted/usr/lib/git-core mounted/usr/share/perl* mounted/usr/lib/postgresql mounted/usr/sbin root
  umount mounted
}
for build in 1:v1.raw 2:v3.raw; do
  number=${build%%:*}
  pick "${build#*:}"
  truncate -s 1G "xfs-$number.raw"; mkfs.xfs -q -f "xfs-$number.raw"
  mount -o loop "xfs-$number.raw" mounted; cp -a root mounted/; umount mounted
  truncate -s 1G "btrfs-$number.raw"; mkfs.btrfs -q -f --rootdir root "btrfs-$number.raw" > /dev/null
  truncate -s 1G "ntfs-$number.raw"; mkntfs -q -F -f "ntfs-$number.raw" > /dev/null 2>&1
  find root -type f -size +20k | sort | awk 'NR % 3 == 0' | head -n 400 | while read -r file; do
    ntfscp -q -f "ntfs-$number.raw" "$file" "$(echo "$file" | tr / _)" > /dev/null 2>&1
  done
  truncate -s 1G "sector63-$number.raw"
  echo '63,,L' | sfdisk -q --force "sector63-$number.raw" > /dev/null 2>&1
  mke2fs -q -t ext4 -F -d root -E offset=32256 "sector63-$number.raw" 1000M 2> /dev/null
done
rm -rf root; rmdir mounted; touch done
