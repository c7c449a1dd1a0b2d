#!/bin/sh
# Runs one of the browser tests: run.sh viewer.mjs. Prepares the packages that
# it needs in the build folder first. Exit 77: it cannot run here, and why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${IMBREX_BUILD:?}/browser-tests

skip() {
    echo "browser tests: skipped: $*"
    exit 77
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
# The page's modules need nothing but node.
[ "${1:?}" != modules.mjs ] || exec node "$here/modules.mjs"
command -v npm >/dev/null 2>&1 || skip "npm is not installed"
[ -x "${IMBREX_SERVER:-}" ] || skip "imbrex-server is not built"
[ -x "${IMBREX_TILER:-}" ] || skip "imbrex-tiler is not built"
found=
for name in "${IMBREX_CHROMIUM:-}" /usr/bin/chromium \
    /usr/bin/chromium-browser /usr/bin/google-chrome; do
    [ -z "$name" ] || [ ! -x "$name" ] || found=$name
done
[ -n "$found" ] || skip "chromium is not installed"

mkdir -p "$work"
# Tests may start together; one of them prepares, the others wait.
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
