# in-base.sh - for scripts that work inside a bare Debian 12; they source it.
#
# base_enter FOLDER [ARCHITECTURE] unpacks one to FOLDER/root, copies the
# committed sources to its /source, and undoes everything at the end of the
# script. base_run COMMAND... runs there, as root, in /source. The base itself
# is kept in build/. Needs root and debootstrap.
# shellcheck shell=bash

base_root=

base_leave() {
    local at
    for at in proc dev sys/fs/cgroup sys; do
        ! mountpoint -q "$base_root/$at" || umount -R "$base_root/$at"
    done
    rm -rf --one-file-system "$base_root"
}

base_run() {
    chroot "$base_root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c 'cd /source && "$@"' - "$@"
}

base_enter() { # folder, architecture
    local base=build/base${2:+-$2}.tar
    [ "$(id -u)" = 0 ] || { echo "${0##*/}: needs root" >&2 && exit 1; }
    packaging/install-dependencies image
    mkdir -p "$1"
    packaging/make-base "$base" ${2:+"$2"}
    base_root=$1/root
    trap base_leave EXIT
    base_leave
    mkdir "$base_root"
    tar -C "$base_root" -xf "$base"
    chmod 755 "$base_root" # some tests go on as nobody
    mkdir "$base_root/source"
    git archive HEAD | tar -C "$base_root/source" -x
    cp /etc/resolv.conf "$base_root/etc/resolv.conf"
    mount -t proc proc "$base_root/proc"
    mount --bind /dev "$base_root/dev"
}
