#!/bin/bash
# Installs what the store is measured beside, where it is missing: packages of Debian's, and desync, which Go builds.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.cache/bench/bin:$PATH:/sbin:/usr/sbin
declare -A packages=([casync]=casync [restic]=restic [borg]=borgbackup [zstd]=zstd [curl]=curl [openssl]=openssl [qemu-img]=qemu-utils
  [mmdebstrap]=mmdebstrap [gpg]=gpg [mke2fs]=e2fsprogs [mkfs.xfs]=xfsprogs [mkfs.btrfs]=btrfs-progs [mkntfs]=ntfs-3g [sfdisk]=fdisk)
missing=()
for command in "${!packages[@]}"; do command -v "$command" > /dev/null || missing+=("${packages[$command]}"); done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -q > /dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" > /dev/null
fi

command -v desync > /dev/null && exit 0
command -v go > /dev/null || { echo 'desync is not measured: there is no Go to build it' >&2; exit 0; }
mkdir -p .cache/bench/bin
module=$(mktemp -d); trap 'rm -rf "$module"' EXIT
# Some proxies have no newest version, or one that the checksum database does not know: then an older one is better than none.
for version in latest v0.9.6 v0.9.5 v0.9.3; do
  (cd "$module" && rm -f go.mod go.sum && go mod init bench && go get "github.com/folbricht/desync/cmd/desync@$version") \
    > "$module/log" 2>&1 || continue
  (cd "$module" && go build -o desync github.com/folbricht/desync/cmd/desync) >> "$module/log" 2>&1 || continue
  mv "$module/desync" .cache/bench/bin/desync
  exit 0
done
echo 'desync is not measured: Go could not get it' >&2
