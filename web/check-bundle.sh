#!/bin/sh
# Rebuilds the page from src/ and the lock file and compares it with dist/
# byte for byte. Exit 0 same, 1 different, 77 when it cannot be tried here.
set -eu
cd "$(dirname "$0")"

for tool in node npm; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "check-bundle: skipped: $tool is not installed"
        exit 77
    }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cp -R src build.mjs package.json package-lock.json .npmrc "$work"/
# Install scripts are not needed: the tools come as finished packages.
if ! (cd "$work" && npm ci --ignore-scripts --silent >install.log 2>&1); then
    echo "check-bundle: skipped: the pinned packages cannot be fetched"
    tail -n 3 "$work/install.log"
    exit 77
fi
(cd "$work" && node build.mjs out)

status=0
for name in index.html app.js style.css favicon.svg; do
    cmp "dist/$name" "$work/out/$name" || status=1
done
for name in dist/*; do
    [ -e "$work/out/${name#dist/}" ] || { echo "$name is not built"; status=1; }
done
bytes=0
for name in dist/*; do
    bytes=$((bytes + $(gzip -9 -c "$name" | wc -c)))
done
echo "check-bundle: the page is $bytes bytes compressed"
if [ "$bytes" -gt 200000 ]; then
    echo "check-bundle: that is more than the 200,000 it may have"
    status=1
fi
[ "$status" -ne 0 ] || echo "check-bundle: dist is what src builds"
exit "$status"
