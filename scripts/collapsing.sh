#!/usr/bin/env bash
# collapsing.sh [--write] [--peers] [SUITE OPTION]... - the conformance suite against fetchonce and others.
#
# Runs tests/collapsing against fetchonce (a route, the forward proxy, /fetch) and against those
# of nginx, Varnish, Squid and HAProxy that are installed; --peers installs them first. Prints a matrix;
# --write also puts it into docs/COLLAPSING.md. A suite option such as --only 13 goes to every run.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
source "$root/scripts/peers.sh"

invocation=scripts/collapsing.sh
suite_options=()
write=
while (($# > 0)); do
    case $1 in
    --write) write=yes ;;
    --peers) peers_install ;;
    *)
        suite_options+=("$1")
        invocation+=" $1"
        ;;
    esac
    shift
done

bin=$root/build/release
work=$(peers_folder)
running=
columns=() # the runs, in their order; the results of the n-th are in $work/n.tsv

stop_all() {
    if [[ -n $running ]]; then
        peer_stop "$running"
    fi
    [[ -z ${peer_pid:-} ]] || peer_stop "$peer_pid" # it did not serve yet
    rm -rf -- "$work"
}
trap stop_all EXIT

# run_suite TITLE OPTION... - one column.
run_suite() {
    local title=$1 status=0
    shift
    columns+=("$title")
    say "$title"
    "$bin/tests/collapsing/collapsing" --tsv --stall-ms 5000 "$@" "${suite_options[@]}" \
        >"$work/${#columns[@]}.tsv" || status=$?
    ((status < 2)) || die "the suite could not run against $title"
    awk -F'\t' '{ n[$4]++ } END { printf "%d passed, %d failed, %d not applicable\n",
        n["pass"], n["FAIL"], n["n/a"] }' "$work/${#columns[@]}.tsv" >&2
}

# start_fetchonce OPTION... - sets `running` and `url`. One loop, as the others have one worker.
start_fetchonce() {
    rm -f -- "$work/out" # of the one before
    FETCHONCE_FETCH_TIMEOUTS_STALL_MS=5000 \
        "$bin/server/fetchonce" --listen 127.0.0.1:0 --loops 1 "$@" >"$work/out" 2>"$work/log" &
    running=$!
    until grep -qs 'http://' "$work/out"; do
        kill -0 "$running" 2>/dev/null || die "fetchonce did not start: $(cat "$work/out" "$work/log")"
        sleep 0.05
    done
    url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/out" | head -n 1)
}

stop_running() {
    peer_stop "$running"
    running=
}

# Each of its ways in by itself, with a cold store.
run_fetchonce() {
    local version origin_port
    version=$("$bin/server/fetchonce" --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)
    origin_port=$(peer_free_port)
    start_fetchonce --route "/=http://127.0.0.1:$origin_port"
    run_suite "fetchonce $version, route" --cache "$url" --origin-port "$origin_port"
    stop_running
    FETCHONCE_FORWARD_PROXY_ENABLED=true start_fetchonce --allow 127.0.0.0/8
    run_suite "fetchonce $version, forward proxy" --cache "$url" --proxy
    stop_running
    start_fetchonce --allow 127.0.0.0/8
    run_suite "fetchonce $version, /fetch" --cache "$url" --fetch
    stop_running
}

run_peers() {
    local name port origin_port
    for name in "${peer_names[@]}"; do
        if [[ -z $(peer_program "$name") ]]; then
            say "$name is not installed; --peers installs it"
            continue
        fi
        port=$(peer_free_port)
        origin_port=$(peer_free_port)
        peer_start "$name" "$port" "$origin_port" "$work/$name"
        running=$peer_pid
        run_suite "$(peer_version "$name")" --cache "http://127.0.0.1:$port" --origin-port "$origin_port"
        stop_running
    done
}

# The matrix of all columns: a row a case, and below it the waits, and what failed in which way.
report() {
    local titles files=() i
    titles=$(printf '%s\t' "${columns[@]}")
    for ((i = 1; i <= ${#columns[@]}; i++)); do
        files+=("$work/$i.tsv")
    done
    echo "Run on $(date -u +%Y-%m-%d), Linux $(uname -r), with \`$invocation\`. A dash: does not apply."
    echo
    awk -F'\t' -v titles="${titles%$'\t'}" -f "$root/scripts/collapsing_matrix.awk" "${files[@]}"
}

"$root/scripts/install.sh" build test
configure release
# run.sh leaves the tests out of its build.
quietly "$root/build/log/configure-release.log" from_root cmake --preset release -DBUILD_TESTING=ON
build release collapsing fetchonce
run_fetchonce
run_peers
report >"$work/report"
cat "$work/report"
if [[ -n $write ]]; then
    replace_block "$root/docs/COLLAPSING.md" matrix "$work/report"
fi
