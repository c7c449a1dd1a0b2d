#!/bin/sh
# Runs one of the browser tests: run.sh viewer.mjs. Prepares the packages that
# it needs in the build folder first. Exit 77: it cannot run here, and why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${IMBREX_BUILD:?}/browser-tests
. "$here/../support/npm-packages.sh"

skip() {
    echo "browser tests: skipped: $*"
    exit 77
}

command -v node >/dev/null 2>&1 || skip "node is not installed"
# The page's modules need nothing but node.
[ "${1:?}" != modules.mjs ] || exec node "$here/modules.mjs"
[ -x "${IMBREX_SERVER:-}" ] || skip "imbrex-server is not built"
[ -x "${IMBREX_TILER:-}" ] || skip "imbrex-tiler is not built"
found=
for name in "${IMBREX_CHROMIUM:-}" /usr/bin/chromium \
    /usr/bin/chromium-browser /usr/bin/google-chrome; do
    [ -z "$name" ] || [ ! -x "$name" ] || found=$name
done
[ -n "$found" ] || skip "chromium is not installed"

prepare_packages "$here"
exec node "$1"
