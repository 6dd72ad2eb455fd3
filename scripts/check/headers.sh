#!/usr/bin/env bash
# headers.sh - whether each header compiles alone, with gcc and with clang.
#
# A header is compiled with the flags of a source beside it (or of the folder of lib/ it belongs
# to), taken from the debug build: so a header of a room that reaches into a room above fails too.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

database=$root/build/debug/compile_commands.json
[[ -f $database ]] || database=/dev/null # nothing to compile yet

# Adds to `flags` the include paths and definitions of the first source found below the folder $1.
flags_of_folder() {
    local command words=() i
    command=$(awk -v folder="\"$root/$1/" '
        /"command":/ { command = $0 }
        /"file":/ && index($0, folder) { print command; exit }' "$database")
    command=$(sed -E 's/^ *"command": "(.*)",$/\1/; s/\\(.)/\1/g' <<<"$command")
    eval "words=($command)"
    for ((i = 0; i < ${#words[@]}; i++)); do
        case ${words[i]} in
        -I* | -D*) flags+=("${words[i]}") ;;
        -isystem) flags+=("${words[i]}" "${words[i + 1]}") ;;
        esac
    done
}

# The folder whose flags a header is compiled with: the nearest above it that has a source.
check() {
    local header=$1 folder compiler flags=()
    folder=${header%/*}
    folder=${folder%%/include/*}
    while [[ $folder == */* && ${#flags[@]} == 0 ]]; do
        flags_of_folder "$folder"
        folder=${folder%/*}
    done
    if ((${#flags[@]} == 0)); then
        flags=(-D_GNU_SOURCE)
        for folder in "$root"/lib/*/include; do
            flags+=(-I "$folder")
        done
    fi
    for compiler in gcc clang; do
        "$compiler" -x c -std=c17 "${flags[@]}" -Wall -Wextra -Werror \
            -Wno-unused-function -fsyntax-only "$root/$header" || return 1
    done
}

if [[ $# -gt 0 ]]; then
    check "$1"
else
    configure debug
    sources '*.h' | from_root xargs -0 -r -n 1 -P "$(nproc)" "$root/scripts/check/headers.sh"
fi
