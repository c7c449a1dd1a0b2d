#!/bin/bash
# vector.sh - imbrex-tiler's vector build beside tippecanoe, ogr2ogr, tilemaker.
#
#     bench/vector.sh [-n RUNS] [-l SECONDS] [-o FILE] [roads] [countries] [osm]
#
# Every program makes the same zooms of the same file with as many threads;
# runs are interleaved, so that what else the machine does meets all of them,
# and the median of each counts. Who takes longer than 60 s (-l) is stopped and
# named. Programs that are not on PATH are left out by
# name: tippecanoe (2.x, built by whoever runs this), ogr2ogr (Debian
# gdal-bin), tilemaker (Debian). Printed per program: seconds, input features
# per second, CPU seconds, peak memory; bytes of the tiles; bytes written to
# files that are not the result (temporary ones, and those written twice);
# tiles; tiles over 500,000 bytes; and features of the input that are in no
# tile of the deepest zoom. The programs' schemas differ for osm, so bytes and
# features are not to be compared there.
#
#   roads      the 49,667 roads of Porto, zooms 0 to 14
#   countries  the world at 1:10m, zooms 0 to 8
#   osm        Porto's OpenStreetMap extract (PBF), zooms 0 to 14
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tiler=${IMBREX_TILER:-$here/../build/release/tiler/imbrex-tiler}
data=${IMBREX_DATA:-$here/../../shared/data}
runs=3
threads=$(nproc)
limit=60
log=

die() { echo "bench/vector.sh: $*" >&2; exit 1; }

while getopts n:l:o: flag; do
    case $flag in
    n) runs=$OPTARG ;;
    l) limit=$OPTARG ;;
    o) log=$OPTARG ;;
    *) die "see the top of this file" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- roads countries osm
[ -x "$tiler" ] || die "$tiler: build it first, or set IMBREX_TILER"
[ -d "$data/vector" ] || die "$data: set IMBREX_DATA to the folder of test data"
[ -x /usr/bin/time ] || die "GNU time is missing: apt-get install time"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imbrex-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

say() {
    printf '%s\n' "$*"
    [ -z "$log" ] || printf '%s\n' "$*" >>"$log"
}

# measure NAME OUT COMMAND... - runs once; appends "seconds cpu peak_kb
# written_bytes out_bytes" to NAME.log.
measure() {
    local name=$1 out=$2
    shift 2
    [ ! -e "$work/$name.slow" ] || return 0
    rm -rf "$out"
    local code=0
    TMPDIR=$work timeout "$limit" /usr/bin/time -q -o "$work/time" \
        -f '%e %U %S %M %O' "$@" >"$work/said" 2>&1 || code=$?
    if [ "$code" = 124 ]; then
        say "  $name: stopped after $limit s"
        : >"$work/$name.slow"
        rm -f "$work/$name.log"
        return
    fi
    if [ "$code" != 0 ]; then
        tail -n 5 "$work/said" >&2
        die "$name failed"
    fi
    awk -v b="$(du -sb --apparent-size "$out" | cut -f1)" \
        '{print $1, $2 + $3, $4, $5 * 512, b}' "$work/time" >>"$work/$name.log"
}

median() {
    awk -v c="$2" '{print $c}' "$work/$1.log" | sort -n |
        awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

# row NAME FEATURES INPUT ZOOM ATTRIBUTE - the medians, and what is in the tiles
row() {
    local name=$1 tiles=$work/$1.mbtiles
    if [ -d "$work/$name.imbrex" ]; then
        "$tiler" export -q -o "$tiles" "$work/$name.imbrex"
    fi
    say "$(python3 "$here/vector_count.py" "$tiles" "$3" "$4" "$5" |
        awk -v n="$name" -v f="$2" -v t="$(median "$name" 1)" \
            -v c="$(median "$name" 2)" -v m="$(median "$name" 3)" \
            -v w="$(median "$name" 4)" -v b="$(median "$name" 5)" '{
                other = w > b ? (w - b) / 1e6 : 0
                printf "  %-22s %6.2f s %8.0f features/s %6.2f CPU s %4.0f MB" \
                    " %6.1f MB of tiles %6.1f MB besides %6d tiles %3d over" \
                    " %s lost\n",
                    n, t, f / t, c, m / 1024, $2 / 1e6, other, $1, $3, $4 }')"
}

has() {
    command -v "$1" >/dev/null && return
    [ "$round" != 1 ] || say "  $1 is not on PATH"
    return 1
}

# beside NAME INPUT MIN MAX - one round of everybody
beside() {
    local name=$1 input=$2 min=$3 max=$4
    measure "$name-imbrex" "$work/$name-imbrex.imbrex" "$tiler" build -q \
        --threads "$threads" --zoom "$min-$max" \
        -o "$work/$name-imbrex.imbrex" "$input"
    if has tippecanoe; then
        measure "$name-tippecanoe" "$work/$name-tippecanoe.mbtiles" tippecanoe \
            -q -f -t "$work" -Z"$min" -z"$max" \
            -o "$work/$name-tippecanoe.mbtiles" "$input"
    fi
    if has ogr2ogr; then
        measure "$name-ogr2ogr" "$work/$name-ogr2ogr.mbtiles" ogr2ogr \
            -f MBTILES -dsco MINZOOM="$min" -dsco MAXZOOM="$max" \
            --config GDAL_NUM_THREADS "$threads" \
            "$work/$name-ogr2ogr.mbtiles" "$input"
    fi
}

# compare NAME FILE MIN MAX ATTRIBUTE
compare() {
    local name=$1 input=$work/$1.geojson features
    gunzip -c "$data/vector/$2" >"$input"
    features=$(grep -o '"type": *"Feature"' "$input" | wc -l)
    say "$name: $2, $features features, zooms $3 to $4, $threads threads, median of $runs"
    for round in $(seq "$runs"); do
        beside "$name" "$input" "$3" "$4"
    done
    for log_of in "$work/$name"-*.log; do
        row "$(basename "$log_of" .log)" "$features" "$input" "$4" "$5"
    done
}

bench_roads() { compare roads porto_roads.geojson.gz 0 14 osm_id; }
bench_countries() {
    compare countries ne_10m_admin_0_countries.geojson.gz 0 8 name
}

# tilemaker's own example schema, without the shapefiles that it names.
tilemaker_config() {
    local examples=/usr/share/doc/tilemaker/examples
    python3 - "$examples/config-openmaptiles.json" "$work/config.json" <<'EOF'
import json, sys
config = json.load(open(sys.argv[1]))
config["layers"] = {name: layer for name, layer in config["layers"].items()
                    if "source" not in layer}
config["settings"]["minzoom"] = 0
json.dump(config, open(sys.argv[2], "w"))
EOF
    cp "$examples/process-openmaptiles.lua" "$work/process.lua"
}

bench_osm() {
    local input=$data/osm/porto.osm.pbf
    say "osm: $(basename "$input"), zooms 0 to 14, $threads threads, median of $runs"
    for round in $(seq "$runs"); do
        measure osm-imbrex "$work/osm-imbrex.imbrex" "$tiler" build -q \
            --threads "$threads" --zoom 0-14 -o "$work/osm-imbrex.imbrex" \
            "$input"
        if has tilemaker; then
            tilemaker_config
            measure osm-tilemaker "$work/osm-tilemaker.mbtiles" tilemaker \
                --threads "$threads" --input "$input" \
                --output "$work/osm-tilemaker.mbtiles" \
                --config "$work/config.json" --process "$work/process.lua"
        fi
    done
    for log_of in "$work"/osm-*.log; do
        row "$(basename "$log_of" .log)" 51458 - 14 -
    done
}

for name in "$@"; do
    case $name in
    roads | countries | osm) "bench_$name" ;;
    *) die "$name: roads, countries or osm" ;;
    esac
done
