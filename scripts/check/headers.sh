#!/usr/bin/env bash
# headers.sh - whether each header compiles alone, with gcc and with clang.
#
# A header is compiled with the flags of the sources beside it (or of the folder of lib/ it belongs
# to), taken from the debug build: so a header of a room that reaches into a room above fails too.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

database=$root/build/debug/compile_commands.json
[[ -f $database ]] || database=/dev/null # nothing to compile yet

# Adds to `flags` the include paths and definitions that the sources of the folder $1 have.
flags_of_folder() {
    local command words i
    local -A known=()
    while IFS= read -r command; do
        eval "words=($command)"
        for ((i = 0; i < ${#words[@]}; i++)); do
            case ${words[i]} in
            -I* | -D*) known[${words[i]}]=yes ;;
            -isystem) known[-isystem${words[i + 1]}]=yes ;;
            esac
        done
    done < <(awk -v folder="\"$root/$1/" '
        /"command":/ { command = $0 }
        /"file":/ && (at = index($0, folder)) && substr($0, at + length(folder)) !~ "/" { print command }
        ' "$database" | sed -E 's/^ *"command": "(.*)",$/\1/; s/\\(.)/\1/g')
    flags+=("${!known[@]}")
}

# check HEADER: with the flags of the nearest folder above it that has a source.
check() {
    local header=$1 folder compiler flags=()
    folder=${header%/*}
    folder=${folder%%/include/*}
    flags_of_folder "$folder"
    while [[ $folder == */* && ${#flags[@]} == 0 ]]; do
        folder=${folder%/*}
        flags_of_folder "$folder"
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
