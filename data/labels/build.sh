#!/bin/sh
# Makes the data for drawing names and icons: build.sh OUT. The packages are
# those of package-lock.json. Exit 77: it cannot be made here, and why.
set -eu
out=$(realpath -m "${1:?usage: build.sh OUT}")
cd "$(dirname "$0")"

for tool in node npm; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "labels: $tool is not installed"
        exit 77
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cp ./*.mjs package.json package-lock.json .npmrc OFL.txt "$work"/
# Install scripts are not needed: the packages come finished.
if ! (cd "$work" && npm ci --ignore-scripts --silent >npm.log 2>&1); then
    echo "labels: the pinned packages cannot be fetched"
    tail -n 3 "$work/npm.log"
    exit 77
fi
mkdir -p "$out"
node "$work/build.mjs" "$out"
