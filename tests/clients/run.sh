#!/bin/sh
# Runs one of these scripts with the pinned packages: run.sh pmtiles.mjs.
# Exit 77: it cannot run here, and why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${IMBREX_BUILD:?}/client-tests
. "$here/../support/npm-packages.sh"

skip() {
    echo "client tests: skipped: $*"
    exit 77
}

# The package sqlite3 wants to download a binary of its binding, or node-gyp
# with the headers of node. Compiled by hand it needs neither: the interface of
# node is in a package, and SQLite is the system's, as in imbrex-tiler.
build_sqlite_binding() {
    modules=$work/node_modules
    binding=$modules/sqlite3/build/Release/node_sqlite3.node
    [ ! -e "$binding" ] || return 0
    mkdir -p "$(dirname "$binding")"
    c++ -shared -fPIC -O1 -std=c++17 -w -DNAPI_VERSION=6 \
        -DNAPI_DISABLE_CPP_EXCEPTIONS=1 -I "$modules/node-addon-api" \
        -I "$modules/node-api-headers/include" "$modules"/sqlite3/src/*.cc \
        -lsqlite3 -o "$binding.new"
    mv "$binding.new" "$binding"
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
[ -x "${IMBREX_TILER:-}" ] || skip "imbrex-tiler is not built"
IMBREX_DATA=${IMBREX_DATA:-${IMBREX_SOURCE:?}/../shared/data}
export IMBREX_DATA
[ -d "$IMBREX_DATA/pmtiles" ] || skip "$IMBREX_DATA/pmtiles is not there"
prepare_packages "$here"
[ "$1" != mbtiles.mjs ] || build_sqlite_binding
exec node "$1"
