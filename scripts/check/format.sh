#!/usr/bin/env bash
# format.sh [--fix] - whether every C file is laid out as .clang-format says; --fix lays it out.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

how=(--dry-run --Werror)
if [[ ${1:-} == --fix ]]; then
    how=(-i)
fi
sources '*.c' '*.h' | from_root xargs -0 -r -n 16 -P "$(nproc)" clang-format --style=file "${how[@]}"
