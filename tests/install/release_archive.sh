#!/bin/sh
# What is shipped is built with calls inlined across files, but the archive that
# is installed holds nothing of that: another version of gcc would refuse it.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$IMBREX_SOURCE" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=gcc -DIMBREX_TILER=OFF -DIMBREX_SERVER=OFF \
    -DIMBREX_TESTS=OFF >"$work/log"
cmake --build "$work/build" >>"$work/log"
cmake --install "$work/build" --prefix "$work/root" >>"$work/log"
installed=$(find "$work/root" -name libimbrex.a)
objdump -h "$work/build/pack/libimbrex.a" | grep -q gnu.lto ||
    { echo "nothing is inlined across files"; exit 1; }
! objdump -h "$installed" | grep gnu.lto ||
    { echo "the archive holds gcc's bytecode"; exit 1; }

PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name imbrex.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046  # a list of flags
cc -std=c17 -o "$work/consumer" "$here/consumer.c" \
    $(pkg-config --cflags --libs imbrex)
! "$work/consumer" "$work/none.imbrex"
