#!/bin/sh
# imbrex-labels holds glyphs, icons and their licence, where a server that is
# installed in the same prefix finds them without being told.
set -eu
for tool in dpkg-deb node npm curl; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
[ -n "${IMBREX_SERVER:-}" ] || { echo "imbrex-server is not built"; exit 77; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
"$IMBREX_SOURCE/data/labels/build.sh" "$work/try" >log 2>&1 || {
    status=$?
    cat log
    exit "$status"
}
make_package() {
    cmake -S "$IMBREX_SOURCE" -B build -DIMBREX_LABELS=ON -DIMBREX_SERVER=OFF \
        -DIMBREX_TILER=OFF -DIMBREX_TESTS=OFF
    cmake --build build --target labels
    cpack -G DEB --config build/CPackConfig.cmake -D CPACK_COMPONENTS_ALL=labels
}
make_package >log 2>&1 || { cat log; exit 1; }
dpkg-deb -x imbrex-labels_*_all.deb root
diff -r try root/usr/share/imbrex
grep -q "OPEN FONT LICENSE" root/usr/share/imbrex/fonts/OFL.txt
[ -s root/usr/share/doc/imbrex-labels/copyright ]

mkdir -p root/usr/bin
cp "$IMBREX_SERVER" root/usr/bin/
"$IMBREX_BUILD/tests/support/make_tileset" "$work/v.imbrex" kind=vector >/dev/null
root/usr/bin/imbrex-server --listen "unix:$work/socket" --admin off \
    v.imbrex 2>serving &
server=$!
for _ in $(seq 100); do
    grep -q "started in" serving && break
    sleep 0.1
done
fetch() {
    curl -fsS --unix-socket "$work/socket" "http://x/$1"
}
fetch fonts/Noto%20Sans%20Regular/0-255.pbf |
    cmp - "root/usr/share/imbrex/fonts/Noto Sans Regular/0-255.pbf"
fetch sprites/sprite@2x.png | cmp - root/usr/share/imbrex/sprites/sprite@2x.png
fetch styles/v.json | grep -q '"glyphs":"http://x/fonts/{fontstack}/{range}.pbf"'
fetch styles/v.json | grep -q '"sprite":"http://x/sprites/sprite"'
