#!/bin/sh
# The Debian packages hold the programs, pages, unit and library, each once,
# and name the libraries that they need.
set -eu
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is not installed"; exit 77; }
if [ -z "${IMBREX_TILER:-}" ] || [ -z "${IMBREX_SERVER:-}" ]; then
    echo "a program is not built"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cpack -G DEB --config "$IMBREX_BUILD/CPackConfig.cmake" -B "$work" >log 2>&1 ||
    { cat log; exit 1; }

holds() { # package, path
    dpkg-deb -c "$1"_*.deb >list
    grep -q " \./$2\$" list || { echo "$1 lacks $2"; cat list; exit 1; }
}
needs() { # package, library
    dpkg-deb -f "$1"_*.deb Depends | grep -q "$2" ||
        { echo "$1 does not depend on $2"; exit 1; }
}
holds imbrex-server usr/bin/imbrex-server
holds imbrex-server usr/lib/systemd/system/imbrex-server.service
holds imbrex-server usr/share/man/man1/imbrex-server.1
holds imbrex-server usr/share/doc/imbrex-server/copyright
holds imbrex-tiler usr/bin/imbrex-tiler
holds imbrex-tiler usr/share/man/man1/imbrex-tiler.1
holds libimbrex-dev usr/include/imbrex.h
needs imbrex-server libmicrohttpd12
needs imbrex-tiler libgdal32
needs libimbrex-dev libxxhash-dev
! dpkg-deb -f imbrex-server_*.deb Depends | grep -q gdal ||
    { echo "the server depends on GDAL"; exit 1; }
# No file is in two packages.
for package in *.deb; do dpkg-deb -c "$package"; done |
    awk '!/\/$/ { print $6 }' | sort | uniq -d >twice
[ ! -s twice ] || { echo "in two packages:"; cat twice; exit 1; }
