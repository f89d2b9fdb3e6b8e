#!/bin/bash
# Four 256 MiB disks like those of debian.sh, of this machine's own files, in seconds: to try the harness, not to publish figures.
set -euo pipefail
mkdir -p "$1"; cd "$1"; PATH=$PATH:/sbin:/usr/sbin
[ -f v3.raw ] && exit 0
rm -rf root; mkdir root
fill() { find /usr/bin /usr/lib -xdev -type f -size +8k -size -2M | sort | awk "NR % 7 == $1" | head -n "$2" | xargs -d '\n' cp -t root 2> /dev/null || true; }
make() { mke2fs -q -t ext4 -F -U "$2" -E hash_seed="$2" -d root "$1" 256M; }
fill 0 600; make v1.raw 11111111-1111-4111-8111-111111111111 2> /dev/null
patch() { # IMAGE COUNT: writes COUNT files of root anew, with another end
  cp --sparse=always v1.raw "$1"
  for name in $(ls root | awk "NR % 11 == 3" | head -n "$2"); do
    { cat "root/$name"; echo "patched for $1"; } > patched
    printf 'rm %s\nwrite patched %s\n' "$name" "$name"| debugfs -w -f - "$1" > /dev/null 2>&1
  done
  rm -f patched
}
patch v2s.raw 4; patch v2.raw 200
fill 1 40; make v3.raw 33333333-3333-4333-8333-333333333333 2> /dev/null
rm -rf root
