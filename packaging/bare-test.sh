#!/bin/bash
# bare-test.sh [COMMAND...] - run ./quickstart where nothing is installed.
#
# Unpacks a bare Debian 12, copies the committed sources into it and runs
# COMMAND there as root: by default `./quickstart --no-serve` twice, the second
# time to show that nothing is built or tiled again. Needs root. Everything it
# makes is in build/bare/, and removed; the base is kept in build/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=in-base.sh
. packaging/in-base.sh
base_enter "$PWD/build/bare"
if [ $# -gt 0 ]; then
    base_run "$@"
    exit
fi
for run in first second; do
    began=$SECONDS
    base_run ./quickstart --no-serve
    echo "bare-test: the $run run took $((SECONDS - began)) s"
done
