#!/bin/bash
# Makes the 2 GiB disks of a Debian server in FOLDER, each once: debian.sh FOLDER
#   v1.raw   the distribution's release, nothing newer
#   v2s.raw  v1, mounted, with a handful of packages patched in place: what a monthly image is
#   v2.raw   v1, mounted, with everything upgraded and a new kernel, package lists left behind
#   v3.raw   built anew with the updates and three packages more: every file lies elsewhere
# Needs root, loop devices, mmdebstrap, e2fsprogs and a Debian machine: packages come from the archives that apt here is set up for.
set -euo pipefail
mkdir -p "$1"; cd "$1"
here=$PWD
codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
archive() { apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk -v name="$1" '$2 == name { print $1; exit }'; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
release="deb [signed-by=$keys] $(archive "$codename") $codename main"
updates="deb [signed-by=$keys] $(archive "$codename-security") $codename-security main"
packages=linux-image-cloud-amd64,systemd-sysv,openssh-server,python3,nginx,cloud-init,sudo,git,vim,curl,locales,postgresql,rsync,python3-venv,build-essential,man-db

build() { # IMAGE UUID PACKAGES SOURCE...
  local image=$1 uuid=$2 included=$3; shift 3
  rm -rf root
  mmdebstrap --quiet --mode=root --variant=minbase --include="$included" --aptopt='Apt::Install-Recommends "0"' "$codename" root "$@"
  mke2fs -q -t ext4 -F -L root -U "$uuid" -E hash_seed="$uuid" -d root "$image.new" 2G
  rm -rf root; mv "$image.new" "$image"
}

patch() { # IMAGE COMMAND...: runs the command inside of a copy of v1
  local image=$1; shift
  cp --sparse=always v1.raw "$image.new"; mkdir -p mounted; mount -o loop "$image.new" mounted
  trap 'umount -R "$here/mounted" || true' EXIT
  echo "$updates" > mounted/etc/apt/sources.list.d/updates.list; cp -L /etc/resolv.conf mounted/etc/resolv.conf
  mount --bind /proc mounted/proc; mount --bind /dev mounted/dev
  "$@"
  umount -R mounted; trap - EXIT; rmdir mounted
  cp --sparse=always "$image.new" "$image.holes"; rm "$image.new"; mv "$image.holes" "$image"
}

inside() { chroot mounted env DEBIAN_FRONTEND=noninteractive sh -ec "$1" > "$here/patch.log" 2>&1 || { tail -5 "$here/patch.log"; return 1; } }
install='apt-get -y -q -o Dpkg::Options::=--force-confold -o Apt::Install-Recommends=0'
few() {
  for kept in lib/apt/lists cache/apt; do mount -t tmpfs none "mounted/var/$kept"; done
  inside "mkdir -p /var/cache/apt/archives/partial; apt-get update -q; $install --only-upgrade install openssl libssl3 openssh-server openssh-client nginx curl libcurl4 git"
}
all() { inside "apt-get update -q; $install upgrade; $install --with-new-pkgs upgrade; apt-get clean"; }

[ -f v1.raw ] || build v1.raw 11111111-1111-4111-8111-111111111111 "$packages" "$release"
[ -f v2s.raw ] || patch v2s.raw few
[ -f v2.raw ] || patch v2.raw all
[ -f v3.raw ] || build v3.raw 33333333-3333-4333-8333-333333333333 "$packages,htop,jq,tmux" "$release" "$updates"
rm -f patch.log
