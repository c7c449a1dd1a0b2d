#!/bin/bash
# threads.sh - what a second thread brings a build.
#
#     bench/threads.sh [-n RUNS] [jpeg] [png] [webp] [roads] [countries]
#
# Builds the same with one thread and with as many as there are processors, in
# turns, and prints medians: seconds, CPU seconds, and the efficiency, which is
# the time of one thread over threads x the time of all.
# awk expands what stands in single quotes, not the shell.
# shellcheck disable=SC2016
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
tiler=${IMBREX_TILER:-$here/build/release/tiler/imbrex-tiler}
data=${IMBREX_DATA:-$here/../shared/data}
threads=$(nproc)
runs=3

die() { echo "bench/threads.sh: $*" >&2; exit 1; }

while getopts n: flag; do
    case $flag in
    n) runs=$OPTARG ;;
    *) die "see the top of this file" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- jpeg png webp roads countries
[ "$threads" -gt 1 ] || die "there is one processor only"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imbrex-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# once NAME THREADS ARGUMENTS... - appends "seconds cpu" to a log.
once() {
    local log=$work/$1-$2.log
    /usr/bin/time -q -a -o "$log" -f '%e %U %S' "$tiler" build --quiet \
        --threads "$2" -o "$work/out.imbrex" "${@:3}" 2> "$work/said" ||
        { cat "$work/said" >&2; die "$1 failed"; }
    rm -rf "$work/out.imbrex"
}

# median FILE EXPRESSION: of awk's, which the shell is not to expand.
median() {
    awk "{print $2}" "$1" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

part() {
    local name=$1
    shift
    for _ in $(seq "$runs"); do
        once "$name" 1 "$@"
        once "$name" "$threads" "$@"
    done
    local one=$work/$name-1.log all=$work/$name-$threads.log
    awk -v n="$name" -v t="$threads" -v a="$(median "$one" '$1')" \
        -v b="$(median "$all" '$1')" -v c="$(median "$one" '$2 + $3')" \
        -v d="$(median "$all" '$2 + $3')" 'BEGIN {
        printf "| %s | %.2f | %.2f | %.2f | %.2f | %.0f %% |\n", n, a, c, b, d,
            100 * a / (t * b)}'
}

marble=$data/raster/bluemarble_3857_16384.tif
printf '| build | 1 thread, s | CPU s | %d threads, s | CPU s | efficiency |\n' \
    "$threads"
printf -- '|---|---:|---:|---:|---:|---:|\n'
for name in "$@"; do
    case $name in
    jpeg | webp) part "$name" --format "$name" --quality 80 "$marble" ;;
    png) part png --format png "$marble" ;;
    roads) part roads --zoom 0-14 "$data/vector/porto_roads.geojson.gz" ;;
    countries)
        part countries --zoom 0-8 \
            "$data/vector/ne_10m_admin_0_countries.geojson.gz"
        ;;
    *) die "$name: there is no such part" ;;
    esac
done
