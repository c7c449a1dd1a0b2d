#!/bin/sh
# Runs one of these scripts with the pinned packages: run.sh pmtiles.mjs.
# Exit 77: it cannot run here, and why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${IMBREX_BUILD:?}/client-tests

skip() {
    echo "client tests: skipped: $*"
    exit 77
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
command -v npm >/dev/null 2>&1 || skip "npm is not installed"
[ -x "${IMBREX_TILER:-}" ] || skip "imbrex-tiler is not built"
IMBREX_DATA=${IMBREX_DATA:-${IMBREX_SOURCE:?}/../shared/data}
export IMBREX_DATA
[ -d "$IMBREX_DATA/pmtiles" ] || skip "$IMBREX_DATA/pmtiles is not there"

mkdir -p "$work"
exec 9>"$work/lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$work/installed.json"; then
    rm -f "$work/installed.json"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work"/
    (cd "$work" && npm ci --ignore-scripts --silent >npm.log 2>&1) ||
        skip "the pinned packages cannot be fetched"
    cp "$here/package-lock.json" "$work/installed.json"
fi
cp "$here"/*.mjs "$work"/
exec 9>&-
cd "$work"
exec node "$1"
