#!/bin/bash
# Makes two disks of another distribution in FOLDER, of 1 GiB, ext4, both built from scratch: ubuntu.sh FOLDER
#   ubuntu-1.raw   the release, nothing newer
#   ubuntu-2.raw   the same packages with all updates
# Needs root and mmdebstrap. The archive is looked for beside Debian's; OPENGALLERY_BENCH_UBUNTU names another one.
set -euo pipefail
mkdir -p "$1"; cd "$1"; PATH=$PATH:/sbin:/usr/sbin
[ -f ubuntu-2.raw ] && exit 0
codename=noble
packages=systemd-sysv,openssh-server,python3,nginx,sudo,git,vim,curl,locales,rsync,postgresql-client
debian=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n '\,/debian/$,p' | head -n 1)
archive=${OPENGALLERY_BENCH_UBUNTU:-${debian%debian/}ubuntu}
trusted=F6ECB3762474EDA9D21B7022871920D1991BC93C # Ubuntu Archive Automatic Signing Key (2018)
merged='/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh "$1"' # its other hooks are for Debian

# Debian has no keyring of Ubuntu's. It comes unverified and is only unpacked; nothing of it is used unless it is the key that we know.
mmdebstrap --quiet --mode=root --variant=extract --include=ubuntu-keyring --setup-hook="$merged" "$codename" root \
  "deb [trusted=yes] $archive $codename main"
cp root/usr/share/keyrings/ubuntu-archive-keyring.gpg all.gpg
rm -rf root home; mkdir -m 700 home
gpg -q --homedir home --import all.gpg 2> /dev/null
gpg -q --homedir home --export "$trusted" > key.gpg
[ -s key.gpg ] || { echo "The archive's keyring lacks $trusted" >&2; exit 1; }
rm -rf home all.gpg

build() { # NUMBER POCKET...
  local number=$1 pocket sources=(); shift
  for pocket in "$@"; do sources+=("deb [signed-by=$PWD/key.gpg] $archive $pocket main universe"); done
  mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --setup-hook="$merged" \
    --aptopt='Apt::Install-Recommends "0"' "$codename" root "${sources[@]}"
  mke2fs -q -t ext4 -F -d root "ubuntu-$number.new" 1G
  rm -rf root; mv "ubuntu-$number.new" "ubuntu-$number.raw"
}
build 1 "$codename"
build 2 "$codename" "$codename-updates"
rm key.gpg
