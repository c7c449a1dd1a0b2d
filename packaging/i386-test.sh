#!/bin/bash
# i386-test.sh [CTEST-ARGUMENT...] - build and test library and server in 32
# bits, natively.
#
# Unpacks a bare Debian 12 for i386, copies the committed sources into it, builds
# the preset i386 there and runs its unit tests, conversations and faults; with
# arguments, ctest gets those instead. Runs on i386 and amd64. Needs root.
# Everything it makes is in build/i386-base/, and removed; the base is kept in
# build/. Control groups are seen inside, so that the tests that need them run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=in-base.sh
. packaging/in-base.sh
base_enter "$PWD/build/i386-base" i386
mount --rbind /sys "$base_root/sys"
mount --make-rslave "$base_root/sys"
base_run packaging/install-dependencies build server i386
base_run cmake --preset i386
base_run cmake --build --preset i386
[ $# -gt 0 ] || set -- -L '^(unit|http|fault)$' -LE slow
base_run ctest --preset i386 -j "$(nproc)" "$@"
