#!/usr/bin/env bash
# shell.sh - shellcheck over every script of the project.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

from_root find . -path ./build -prune -o -path ./.git -prune -o -type f "(" -name "*.sh" -o -path ./.ci/run ")" -print0 |
    from_root xargs -0 -r shellcheck --external-sources
