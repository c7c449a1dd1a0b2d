# npm-packages.sh - for scripts that run tests under node; sourced, after `work`
# names a folder below the build and `skip` says why a test cannot run.
# shellcheck shell=sh

# Copies the folder's scripts to $work, with the packages that its lock file
# pins, and goes there. Tests may start together: one of them prepares, the
# others wait.
prepare_packages() { # folder
    command -v npm >/dev/null 2>&1 || skip "npm is not installed"
    mkdir -p "$work"
    exec 9>"$work/lock"
    flock 9
    if ! cmp -s "$1/package-lock.json" "$work/installed.json"; then
        rm -f "$work/installed.json"
        cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$work"/
        (cd "$work" && npm ci --ignore-scripts --silent >npm.log 2>&1) ||
            skip "the pinned packages cannot be fetched"
        cp "$1/package-lock.json" "$work/installed.json"
    fi
    cp "$1"/*.mjs "$work"/
    exec 9>&-
    cd "$work"
}
