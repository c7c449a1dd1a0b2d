#!/bin/sh
# systemd accepts the unit; its memory limit covers the caps it sets; and the
# options it, the image and the Kubernetes example use exist.
set -eu
command -v systemd-analyze >/dev/null ||
    { echo "systemd-analyze is not installed"; exit 77; }
unit=$IMBREX_SOURCE/packaging/systemd/imbrex-server.service
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# It looks for the program and the page where they would be installed.
sed -e "s|/usr/bin/imbrex-server|/bin/true|" -e '/^Documentation=/d' "$unit" \
    >"$work/imbrex-server.service"
systemd-analyze verify --man=no "$work/imbrex-server.service" >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
! grep -F imbrex-server.service "$work/log" || exit 1

value() { sed -n "s/.*$1[ =]\([0-9]*\)M.*/\1/p" "$unit" | head -n 1; }
limit=$(value MemoryMax) memory=$(value --memory) mapped=$(value --max-mapped)
echo "MemoryMax ${limit}M, --memory ${memory}M, --max-mapped ${mapped}M"
[ "$limit" -ge $((memory + mapped)) ]

[ -n "${IMBREX_SERVER:-}" ] || exit 0
"$IMBREX_SERVER" --help >"$work/help"
cat "$unit" "$IMBREX_SOURCE/packaging/kubernetes/imbrex-server.yaml" \
    "$IMBREX_SOURCE/Dockerfile" >"$work/users"
grep -v 'docker run\|cmake\|apt-get\|HEALTHCHECK\|COPY' "$work/users" |
    grep -o -- '[ "]--[a-z][a-z-]*' | tr -d ' "' | sort -u >"$work/used"
while read -r option; do
    grep -q -- "$option" "$work/help" ||
        { echo "imbrex-server has no $option"; exit 1; }
done <"$work/used"
