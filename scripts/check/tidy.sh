#!/usr/bin/env bash
# tidy.sh - clang-tidy over every source, as .clang-tidy says.
#
# What a source was found clean with is remembered in build/tidy: the digest of the source after
# preprocessing, comments kept, and of the checks. A second run analyses only what has changed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

build_folder=$root/build/debug

# The command that compiles $1, made into one that preprocesses it.
preprocess() {
    local command
    command=$(awk -v file="\"file\": \"$root/$1\"" '
        /"command":/ { command = $0 }
        index($0, file) { print command; exit }' "$build_folder/compile_commands.json")
    command=$(sed -E 's/^ *"command": "(.*)",$/\1/; s/\\(.)/\1/g; s/ -o .+ -c / -E -C /; s/^[^ ]+/clang/' <<<"$command")
    # A source that no target compiles has no flags to be analysed with.
    [[ -n $command ]] || die "no target compiles $1"
    (cd -- "$build_folder" && eval "$command")
}

check() {
    local stamp=$root/build/tidy/$1 digest output
    digest=$({ preprocess "$1" && cat -- "$root/.clang-tidy" && clang-tidy --version; } | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$digest" ]]; then
        return 0
    fi
    # It tells how many warnings it keeps to itself; only of interest where there are others.
    output=$(clang-tidy --quiet -p "$build_folder" "$root/$1" 2>&1) || {
        printf '%s\n' "$output"
        return 1
    }
    mkdir -p -- "${stamp%/*}"
    printf '%s\n' "$digest" >"$stamp"
}

if [[ $# -gt 0 ]]; then
    check "$1"
else
    configure debug
    sources '*.c' | from_root xargs -0 -r -n 1 -P "$(nproc)" "$root/scripts/check/tidy.sh"
fi
