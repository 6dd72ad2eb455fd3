#!/usr/bin/env bash
# test_crowd.sh CROWD FETCHONCE - the crowds of the bench get what they should, however long it takes.
#
# Times are for scripts/bench.sh; what a crowd costs its origin is the same on every machine.
set -euo pipefail

crowd=$1
fetchonce=$2

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

"$fetchonce" --listen 127.0.0.1:0 --loops 2 --allow 127.0.0.0/8 >"$work/out" 2>"$work/log" &
server=$!
until grep -qs 'http://' "$work/out"; do
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$work/out" "$work/log" >&2
        exit 1
    fi
    sleep 0.05
done
port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$work/out" | head -n 1)
for case in single cold uncacheable; do
    "$crowd" "$case" "$port" 0 '/fetch?url=http://127.0.0.1:%p/%k' | tee -a "$work/crowds"
done
diff - <(cut -d ' ' -f 1-4 "$work/crowds") <<'END'
crowd=single clients=1 served=1 upstream=1
crowd=cold clients=1000 served=1000 upstream=1
crowd=first clients=200 served=200 upstream=200
crowd=second clients=200 served=200 upstream=200
END
