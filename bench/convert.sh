#!/bin/sh
# convert.sh - how fast tiles go in and out, and in how much memory.
#
#   bench/convert.sh [TILES]      default: 1000000
#
# Makes an MBTiles file of so many small tiles, 60 % of which share 1,000
# contents, and times imbrex-tiler over it, warm, fsync and all: MBTiles in,
# PMTiles out, PMTiles in, MBTiles out. Beside it `pmtiles convert` (from
# go-pmtiles, also found as go-pmtiles), which makes PMTiles of MBTiles only,
# pmtiles-convert (of the Python package pmtiles), which goes the other way, and
# mb-util do what they can of that, where they are on PATH. Each line is one run:
#
#   what                        wall s   cpu s  peak MB   tiles/s     MB/s
#
# IMBREX_TILER names the program, else build/release/tiler/imbrex-tiler.
# Everything is made in a new folder below TMPDIR, which needs about 500 bytes
# per tile, and removed again.
set -eu
tiles=${1:-1000000}
here=$(cd "$(dirname "$0")" && pwd)
tiler=${IMBREX_TILER:-$here/../build/release/tiler/imbrex-tiler}
[ -x "$tiler" ] || { echo "convert.sh: build the preset release first" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/imbrex-bench-convert.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

python3 "$here/convert_input.py" "$work/in.mbtiles" "$tiles"
cat "$work/in.mbtiles" >/dev/null # warm

printf '%-28s %8s %8s %8s %9s %8s\n' what 'wall s' 'cpu s' 'peak MB' tiles/s MB/s
# label, bytes of the input, command...
run() {
    label=$1 nbytes=$2
    shift 2
    if ! /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" \
        >"$work/log" 2>&1; then
        echo "$label failed:"
        tail -n 3 "$work/log"
        return
    fi
    tail -n 1 "$work/time" | awk -v label="$label" -v n="$tiles" -v b="$nbytes" '{
        printf "%-28s %8.2f %8.2f %8.1f %9.0f %8.1f\n",
            label, $1, $2 + $3, $4 / 1024, n / $1, b / $1 / 1e6 }'
}
size() { stat -c %s "$1"; }

run 'import MBTiles' "$(size "$work/in.mbtiles")" \
    "$tiler" import -q -o "$work/a.imbrex" "$work/in.mbtiles"
run 'export PMTiles' "$(du -sb "$work/a.imbrex" | cut -f1)" \
    "$tiler" export -q -o "$work/a.pmtiles" "$work/a.imbrex"
run 'import PMTiles' "$(size "$work/a.pmtiles")" \
    "$tiler" import -q -o "$work/b.imbrex" "$work/a.pmtiles"
run 'export MBTiles' "$(du -sb "$work/a.imbrex" | cut -f1)" \
    "$tiler" export -q -o "$work/a.mbtiles" "$work/a.imbrex"

go_pmtiles=$(command -v go-pmtiles || command -v pmtiles || true)
if [ -n "$go_pmtiles" ]; then
    # A sync, as everything above ends with one.
    # shellcheck disable=SC2016  # expanded by the inner shell
    run 'go-pmtiles convert' "$(size "$work/in.mbtiles")" sh -c \
        '"$0" convert "$1" "$2" && sync "$2"' \
        "$go_pmtiles" "$work/in.mbtiles" "$work/go.pmtiles"
else
    echo 'go-pmtiles is not on PATH'
fi
if command -v pmtiles-convert >/dev/null; then
    run 'pmtiles-convert to MBTiles' "$(size "$work/a.pmtiles")" \
        pmtiles-convert "$work/a.pmtiles" "$work/py.mbtiles"
else
    echo 'pmtiles-convert is not on PATH'
fi
if command -v mb-util >/dev/null; then
    run 'mb-util to a folder' "$(size "$work/in.mbtiles")" \
        mb-util --image_format=pbf "$work/in.mbtiles" "$work/folder"
    run 'export a folder' "$(du -sb "$work/a.imbrex" | cut -f1)" \
        "$tiler" export -q -o "$work/folder2/" "$work/a.imbrex"
else
    echo 'mb-util is not on PATH'
fi
