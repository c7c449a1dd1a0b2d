#!/bin/sh
# The installed library is enough to build a program with nothing but
# `pkg-config --cflags --libs imbrex`, and still is after the tree was moved.
set -eu
[ -n "${IMBREX_TILER:-}" ] || { echo "imbrex-tiler is not built"; exit 77; }
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$IMBREX_BUILD" --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/moved"
found=$(find "$work/moved" -name imbrex.pc)
PKG_CONFIG_PATH=$(dirname "$found")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046  # a list of flags
cc -std=c17 -Wall -Werror -o "$work/consumer" "$here/consumer.c" \
    $(pkg-config --cflags --libs imbrex)

"$work/moved/bin/imbrex-tiler" build --quiet --zoom 0 -o "$work/world.imbrex" \
    "$IMBREX_SOURCE/data/world.jpg"
got=$("$work/consumer" "$work/world.imbrex")
"$work/moved/bin/imbrex-tiler" export --quiet -o "$work/tiles/" \
    "$work/world.imbrex"
want="$(cat "$work"/tiles/0/0/0.* | wc -c) bytes"
echo "consumer: $got"
[ "$got" = "$want" ] || { echo "imbrex-tiler wrote $want"; exit 1; }
! "$work/consumer" "$work/none.imbrex" || { echo "opened nothing"; exit 1; }
