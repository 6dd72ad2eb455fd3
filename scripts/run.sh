#!/usr/bin/env bash
# run.sh [ARGUMENT...] - installs what is missing, builds the server and runs it in the foreground.
#
# All arguments are the server's (try --help). The folder it is called from stays the current one,
# so that `--config my.json` means what it says.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

"$root/scripts/install.sh" build
if [[ ! -x $root/build/release/server/fetchonce ]]; then
    say "building"
fi
configure release -DBUILD_TESTING=OFF
build release fetchonce
exec "$root/build/release/server/fetchonce" "$@"
