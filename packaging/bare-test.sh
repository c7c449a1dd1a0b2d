#!/bin/bash
# bare-test.sh [COMMAND...] - run ./quickstart where nothing is installed.
#
# Unpacks a bare Debian 12, copies the committed sources into it and runs
# COMMAND there as root: by default `./quickstart --no-serve` twice, the second
# time to show that nothing is built or tiled again. Needs root. Everything it
# makes is in build/bare/, and removed; the base is kept in build/.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly work=$PWD/build/bare
readonly root=$work/root

clean_up() {
    ! mountpoint -q "$root/proc" || umount "$root/proc"
    ! mountpoint -q "$root/dev" || umount "$root/dev"
    rm -rf --one-file-system "$root"
}

inside() {
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c 'cd /source && "$@"' - "$@"
}

[ "$(id -u)" = 0 ] || { echo "bare-test: needs root" >&2 && exit 1; }
packaging/install-dependencies image
mkdir -p "$work"
packaging/make-base build/base.tar
trap clean_up EXIT
clean_up
mkdir "$root"
tar -C "$root" -xf build/base.tar
mkdir "$root/source"
git archive HEAD | tar -C "$root/source" -x
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
if [ $# -gt 0 ]; then
    inside "$@"
    exit
fi
for run in first second; do
    began=$SECONDS
    inside ./quickstart --no-serve
    echo "bare-test: the $run run took $((SECONDS - began)) s"
done
