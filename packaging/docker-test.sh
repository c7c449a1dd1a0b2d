#!/bin/bash
# docker-test.sh - build the image and fetch a tile from it, without a registry.
#
# Makes a Debian 12 base with debootstrap, builds the Dockerfile over it with
# `buildah bud --isolation chroot`, and runs the result as the image says: its
# user, its entry point, its root file system mounted read-only, the tileset as
# a read-only volume. Needs root. Takes a few minutes. Everything it makes is in
# build/image/, and removed; the base is kept in build/ for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly work=$PWD/build/image
readonly tileset=$PWD/build/quickstart/world.imbrex
store=(--root "$work/storage" --runroot "$work/run")
container='' root='' runner='' server=''

die() {
    printf 'docker-test: %s\n' "$*" >&2
    exit 1
}

step() {
    printf '==> %s\n' "$*"
}

buildah_() {
    buildah "${store[@]}" "$@"
}

clean_up() {
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    [ -z "$container" ] || buildah_ rm "$container" >/dev/null || true
    buildah_ rmi --all --force >/dev/null 2>&1 || true
    rm -rf "$work/storage" "$work/run" "$work/tiles"
}

make_base() {
    step "making a Debian 12 base"
    packaging/make-base build/base.tar
    local scratch
    scratch=$(buildah_ from scratch)
    buildah_ add -q "$scratch" build/base.tar / >/dev/null
    buildah_ commit -q --rm "$scratch" imbrex-test-base >/dev/null
}

build_image() {
    step "building the image"
    buildah_ bud --isolation chroot --format docker --pull-never \
        --build-arg BASE=localhost/imbrex-test-base -t imbrex-server . \
        >"$work/build.log" 2>&1 || {
        tail -n 40 "$work/build.log" >&2
        die "the image does not build; see $work/build.log"
    }
}

image_config() { # field, a list
    buildah_ inspect --type image --format \
        "{{range .Docker.Config.$1}}{{.}}{{\"\\n\"}}{{end}}" imbrex-server
}

# Runs a command in the image's root, read-only, as the image's user, with no
# privileges left to gain: what `docker run --read-only` does, without cgroups.
in_image() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    unshare --mount bash -euc '
        root=$1 tileset=$2; shift 2
        mount --bind "$root" "$root"
        mount -t proc -o ro,nosuid,nodev,noexec proc "$root/proc"
        mkdir -p "$root/tilesets/world.imbrex"
        mount --bind -o ro "$tileset" "$root/tilesets/world.imbrex"
        mount -o remount,bind,ro "$root/tilesets/world.imbrex"
        mount -o remount,bind,ro "$root"
        exec chroot "$root" setpriv --reuid 65532 --regid 65532 \
            --clear-groups --no-new-privs --bounding-set=-all "$@"
    ' in_image "$root" "$tileset" "$@"
}

free_port() {
    local port
    for ((port = 22800; port < 22900; port++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
            echo "$port"
            return
        }
    done
    die "no free port"
}

wait_for() { # URL
    curl --silent --fail --output /dev/null --retry 50 --retry-delay 1 \
        --retry-connrefused --max-time 30 "$1"
}

start_server() {
    local entry command
    mapfile -t entry < <(image_config Entrypoint)
    mapfile -t command < <(image_config Cmd)
    [ "$(buildah_ inspect --type image --format '{{.Docker.Config.User}}' \
        imbrex-server)" = 65532:65532 ] || die "the image's user is not 65532"
    in_image "${entry[@]}" --port "$port" --admin "127.0.0.1:$admin" \
        "${command[@]}" >"$work/server.log" 2>&1 &
    runner=$!
    wait_for "http://127.0.0.1:$port/catalog.json" || {
        cat "$work/server.log" >&2
        die "the server in the image does not answer"
    }
    server=$(pgrep -P "$runner") || server=$runner
    grep -q '^Uid:[[:space:]]*65532' "/proc/$server/status" ||
        die "the server does not run as user 65532"
    ! in_image touch /probe 2>/dev/null || die "the root is writable"
}

check_tile() {
    local tile=$work/tile type
    type=$(curl --silent --fail --output "$tile" --write-out '%{content_type}' \
        "http://127.0.0.1:$port/world/2/1/1") || die "no tile"
    build/release/tiler/imbrex-tiler export --quiet -o "$work/tiles/" \
        "$tileset" || die "the tileset cannot be exported"
    cmp "$tile" "$work"/tiles/2/1/1.* || die "the tile is not the tileset's"
    echo "a tile: $(wc -c <"$tile") bytes of $type, as in the tileset"
}

check_health() {
    local health
    mapfile -t health < <(image_config Healthcheck.Test)
    [ "${health[0]}" = CMD ] || die "the image has no HEALTHCHECK"
    [ "${health[-1]}" = 127.0.0.1:8081 ] || die "another port than the image's"
    health[-1]=127.0.0.1:$admin
    in_image "${health[@]:1}" || die "HEALTHCHECK fails while the server runs"
    kill -TERM "$server"
    wait "$runner" || die "the server ended with status $?"
    server=''
    ! in_image "${health[@]:1}" 2>/dev/null ||
        die "HEALTHCHECK succeeds without a server"
    echo "HEALTHCHECK succeeds with the server and fails without it"
}

[ "$(id -u)" = 0 ] || die "needs root"
packaging/install-dependencies image tests
./quickstart --no-serve
mkdir -p "$work"
trap clean_up EXIT
make_base
build_image
step "running it"
container=$(buildah_ from --pull-never imbrex-server)
root=$(buildah_ mount "$container")
port=$(free_port) admin=$((port + 1))
start_server
check_tile
check_health
buildah_ images --format '{{.Name}} {{.Size}}' | grep imbrex-server
echo "docker-test: passed"
