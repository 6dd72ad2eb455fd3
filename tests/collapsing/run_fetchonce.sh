#!/usr/bin/env bash
# run_fetchonce.sh WAY COLLAPSING FETCHONCE [OPTION]... - runs the suite against our own server.
#
# The way in is fetch, route or proxy; the options are the suite's. The server listens where the system
# chooses, and stores less than its default, so that a body too long to store need not be long. When it
# gives up a silent origin is for the caller to say, in the environment.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/peers.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../../scripts/peers.sh"

way=$1
collapsing=$2
fetchonce=$3
shift 3
case $way in
fetch)
    server_options=(--allow 127.0.0.0/8)
    suite_options=(--fetch)
    ;;
proxy)
    export FETCHONCE_FORWARD_PROXY_ENABLED=true
    server_options=(--allow 127.0.0.0/8)
    suite_options=(--proxy)
    ;;
route)
    origin_port=$(peer_free_port)
    server_options=(--route "/=http://127.0.0.1:$origin_port")
    suite_options=(--origin-port "$origin_port")
    ;;
*) die "a way in is fetch, route or proxy" ;;
esac

work=$(mktemp -d)
server=
stop() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf -- "$work"
}
trap stop EXIT

FETCHONCE_FETCH_STORED_BODY_BYTES_MAX=8388608 \
    "$fetchonce" --listen 127.0.0.1:0 --loops 2 "${server_options[@]}" >"$work/out" 2>"$work/log" &
server=$!
until grep -qs 'http://' "$work/out"; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$work/out" "$work/log" >&2
        exit 1
    fi
    sleep 0.05
done
status=0
"$collapsing" --cache "$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/out" | head -n 1)" \
    "${suite_options[@]}" --large-mib 12 "$@" || status=$?

# A sanitizer's report is at the server's end; so is its word on whether it stopped in order.
kill "$server"
if ! wait "$server"; then
    cat "$work/log" >&2
    status=1
fi
server=
((status == 0))
