#!/bin/bash
# build.sh - imbrex-tiler's raster build beside `vips dzsave` and gdal2tiles.
#
#     bench/build.sh [-n RUNS] [-o FILE] [jpeg] [png] [webp] [gdal2tiles] [warp]
#
# Every pair reads the same file and writes the same format and quality, with
# the same number of threads; runs are interleaved, so that what else the
# machine does meets both, and the median of each counts. Printed per program:
# seconds, Mpixel/s of the source, CPU seconds, peak memory, bytes and files of
# the output; then the ratios. Absolute numbers are this machine's; ratios are
# what to compare.
#
#   jpeg        16384 x 16384 Blue Marble (EPSG:3857), JPEG quality 80, vips
#   png         the same, PNG at zlib level 6, vips
#   webp        the same, lossy WebP quality 80, vips
#   gdal2tiles  a quarter of it as PNG, gdal2tiles with as many processes
#   warp        5400 x 2700 plate carree to PNG, gdalwarp and then gdal2tiles
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
tiler=${IMBREX_TILER:-$here/build/release/tiler/imbrex-tiler}
data=${IMBREX_DATA:-$here/../shared/data}/raster
runs=3
threads=$(nproc)
log=

die() { echo "bench/build.sh: $*" >&2; exit 1; }

while getopts n:o: flag; do
    case $flag in
    n) runs=$OPTARG ;;
    o) log=$OPTARG ;;
    *) die "see the top of this file" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- jpeg png webp gdal2tiles warp

[ -x "$tiler" ] || die "$tiler: build it first, or set IMBREX_TILER"
[ -d "$data" ] || die "$data: set IMBREX_DATA to the folder of test data"
[ -x /usr/bin/time ] || die "GNU time is missing: apt-get install time"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imbrex-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# measure NAME OUT COMMAND... - runs once; appends "seconds cpu peak_kb bytes
# files" to $work/NAME.log.
measure() {
    local name=$1 out=$2
    shift 2
    rm -rf "$out" "$out"_files "$out.imbrex"
    if ! /usr/bin/time -q -o "$work/time" -f '%e %U %S %M' "$@" \
        >"$work/said" 2>&1; then
        cat "$work/said" >&2
        die "$name failed"
    fi
    local bytes files
    bytes=$(find "$out"* -type f -printf '%s\n' | awk '{s += $1} END {print s + 0}')
    files=$(find "$out"* -type f | wc -l)
    awk -v b="$bytes" -v f="$files" '{print $1, $2 + $3, $4, b, f}' \
        "$work/time" >>"$work/$name.log"
    rm -rf "$out" "$out.imbrex"
}

# median NAME COLUMN
median() {
    awk -v c="$2" '{print $c}' "$work/$1.log" | sort -n |
        awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

say() {
    printf '%s\n' "$*"
    [ -z "$log" ] || printf '%s\n' "$*" >>"$log"
}

row() {
    local name=$1 mpixels=$2
    say "$(awk -v n="$name" -v p="$mpixels" -v t="$(median "$name" 1)" \
        -v c="$(median "$name" 2)" -v m="$(median "$name" 3)" \
        -v b="$(median "$name" 4)" -v f="$(median "$name" 5)" 'BEGIN {
            printf "  %-22s %7.2f s %7.1f Mpixel/s %7.2f CPU s %5.0f MB %10.1f MB in %d files",
                n, t, p / t, c, m / 1024, b / 1e6, f}')"
}

# compare OURS THEIRS MPIXELS
compare() {
    row "$1" "$3"
    row "$2" "$3"
    say "$(awk -v t="$(median "$1" 1)" -v u="$(median "$2" 1)" \
        -v c="$(median "$1" 2)" -v d="$(median "$2" 2)" \
        -v b="$(median "$1" 4)" -v e="$(median "$2" 4)" 'BEGIN {
            printf "  ratio: %.2f times as fast, %.2f of the CPU time, %.3f of the bytes",
                u / t, c / d, b / e}')"
}

ours() {
    local name=$1
    shift
    measure "$name" "$work/$name" \
        "$tiler" build -q --threads "$threads" -o "$work/$name.imbrex" "$@"
}

marble=$data/bluemarble_3857_16384.tif

beside_vips() {
    local name=$1 suffix=$2
    shift 2
    command -v vips >/dev/null || die "vips is missing: apt-get install libvips-tools"
    say "$name: $(basename "$marble"), zooms 0 to 6, $threads threads, median of $runs"
    for _ in $(seq "$runs"); do
        ours "$name-imbrex" "$@" "$marble"
        VIPS_WARNING=0 VIPS_CONCURRENCY=$threads measure "$name-vips" \
            "$work/$name-vips" vips dzsave "$marble" "$work/$name-vips" \
            --layout google --suffix "$suffix"
    done
    compare "$name-imbrex" "$name-vips" 268.435
}

bench_jpeg() { beside_vips jpeg '.jpg[Q=80]' --format jpeg --quality 80; }
bench_png() { beside_vips png '.png[compression=6]' --format png; }
bench_webp() { beside_vips webp '.webp[Q=80]' --format webp --quality 80; }

gdal2tiles() {
    local name=$1 source=$2
    shift 2
    measure "$name" "$work/$name" gdal2tiles.py -q -w none --xyz \
        --processes="$threads" "$@" "$source" "$work/$name"
}

bench_gdal2tiles() {
    local quarter=$work/quarter.tif
    command -v gdal2tiles.py >/dev/null ||
        die "gdal2tiles.py is missing: apt-get install gdal-bin"
    gdal_translate -q -srcwin 8192 0 8192 8192 -co TILED=YES \
        -co COMPRESS=JPEG -co PHOTOMETRIC=YCBCR "$marble" "$quarter"
    say "gdal2tiles: 8192 x 8192 of $(basename "$marble"), PNG, zooms 0 to 6, median of $runs"
    for _ in $(seq "$runs"); do
        ours g2t-imbrex --format png --zoom 0-6 "$quarter"
        gdal2tiles g2t-gdal2tiles "$quarter" -z 0-6 -r average
    done
    compare g2t-imbrex g2t-gdal2tiles 67.109
    rm -f "$quarter"
}

# gdalwarp to the grid of zoom 5, then gdal2tiles, as one program.
warp_and_tile() {
    gdalwarp -q -overwrite -t_srs EPSG:3857 -r bilinear -multi \
        -wo NUM_THREADS="$2" -te -20037508.342789 -20037508.342789 \
        20037508.342789 20037508.342789 -ts 8192 8192 -co TILED=YES \
        -s_srs EPSG:4326 "$1" "$3.tif"
    gdal2tiles.py -q -w none --xyz --processes="$2" -z 0-5 -r average \
        "$3.tif" "$3"
    rm -f "$3.tif"
}
export -f warp_and_tile

bench_warp() {
    local source=$data/bmng_4326_5400x2700.jpg
    say "warp: $(basename "$source") to EPSG:3857, PNG, zooms 0 to 5, median of $runs"
    for _ in $(seq "$runs"); do
        ours warp-imbrex --format png --zoom 0-5 "$source"
        measure warp-gdal "$work/warp-gdal" bash -c \
            'warp_and_tile "$@"' _ "$source" "$threads" "$work/warp-gdal"
    done
    compare warp-imbrex warp-gdal 14.58
}

say "$("$tiler" --version); $(gdalinfo --version); $(vips --version 2>/dev/null || true)"
say "$threads processors, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
for part in "$@"; do
    declare -F "bench_$part" >/dev/null || die "$part: there is no such part"
    "bench_$part"
done
