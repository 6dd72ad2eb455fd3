#!/usr/bin/env bash
# bench.sh [--quick] [--write] [--peers] - what a request costs, what the lock costs, what crowds wait.
#
# The server has one processor and the load another. The bare epoll loop answers the very bytes of
# the server's hot hit, in turn with the server, round by round, so that noise falls on both alike.
# Crowds are sent to the other caches too, those of nginx, Varnish, Squid and HAProxy that are
# installed; --peers installs them first. Prints tables; --write also puts them into
# docs/BENCHMARKS.md. --quick takes fewer, shorter rounds.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
source "$root/scripts/peers.sh"
# shellcheck source-path=SCRIPTDIR source=crowds.sh
source "$root/scripts/crowds.sh"

invocation=scripts/bench.sh
rounds=7
seconds=4
crowd_rounds=5
write=
quick=
for argument in "$@"; do
    case $argument in
    --quick) quick=yes rounds=3 seconds=2 crowd_rounds=3 invocation+=' --quick' ;;
    --write) write=yes ;;
    --peers) peers_install ;;
    *) die "usage: scripts/bench.sh [--quick] [--write] [--peers]" ;;
    esac
done

connections=64
bin=$root/build/release
work=$(mktemp -d)
pids=()

stop_all() {
    crowd_stop_peers
    if ((${#pids[@]} > 0)); then
        kill "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true
    fi
    rm -rf -- "$work"
}
trap stop_all EXIT

# start NAME COMMAND... - runs it on the server's processor; its output goes to $work/NAME, its
# process id to `started`. Returns once it has printed a line.
start() {
    local name=$1
    shift
    rm -f -- "$work/$name" # what an earlier one of this name printed
    taskset -c "$server_cpu" "$@" >"$work/$name" 2>"$work/$name.err" &
    started=$!
    pids+=("$started")
    until [[ -s $work/$name ]]; do
        kill -0 "$started" 2>/dev/null || die "$name did not start: $(cat "$work/$name.err")"
        sleep 0.05
    done
}

# Stops what was started last.
stop_last() {
    kill "$started"
    wait "$started" || true
    unset "pids[-1]"
}

# start_server NAME - sets `started` and `port`.
start_server() {
    start "$1" "$bin/server/fetchonce" --listen 127.0.0.1:0 --loops 1 --allow 127.0.0.0/8
    port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$work/$1" | head -n 1)
}

# The processors this shell may use, the first two of them.
choose_processors() {
    local list
    list=$(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' |
        while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done | head -n 2)
    { read -r server_cpu && read -r load_cpu; } <<<"$list" ||
        die "the bench needs two processors: one for the server, one for the load"
}

# measure NAME PID URL - one round: appends "microseconds-per-request requests-per-second" to $work/NAME.samples.
measure() {
    local name=$1 pid=$2 url=$3 before after requests rate
    before=$("$bin/tests/bench/bench_cpu_time" "$pid")
    taskset -c "$load_cpu" wrk -t1 -c"$connections" -d"${seconds}s" "$url" >"$work/wrk"
    after=$("$bin/tests/bench/bench_cpu_time" "$pid")
    if grep -qE 'Non-2xx|Socket errors' "$work/wrk"; then
        die "$name: not all requests were answered with 200:"$'\n'"$(cat "$work/wrk")"
    fi
    requests=$(awk '/requests in/ { print $1 }' "$work/wrk")
    rate=$(awk '/Requests\/sec/ { print $2 }' "$work/wrk")
    awk -v ns=$((after - before)) -v n="$requests" -v rate="$rate" \
        'BEGIN { printf "%.3f %.0f\n", ns / n / 1000, rate }' >>"$work/$name.samples"
}

# column NAME N - the N-th column of the samples as "median low high".
column() {
    awk -v n="$2" '{ print $n }' "$work/$1.samples" | sort -n |
        awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], a[1], a[NR] }'
}

# The ratio to the bare loop of the same round, as "median low high".
ratios() {
    paste "$work/$1.samples" "$work/bare.samples" | awk '{ printf "%.3f\n", $1 / $3 }' | sort -n |
        awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], a[1], a[NR] }'
}

request_rows() {
    local name title cost low high rate ratio rlow rhigh
    echo "| 1 KiB, keep-alive, $connections connections, one core | CPU us per request, median | spread | ratio to the bare loop, median | spread | requests per second |"
    echo "|---|---:|---:|---:|---:|---:|"
    for name in bare access fetch; do
        case $name in
        bare) title="bare epoll loop, the same bytes" ;;
        access) title="\`/access\`" ;;
        fetch) title="hot \`/fetch\` hit" ;;
        esac
        read -r cost low high < <(column "$name" 1)
        read -r rate _ < <(column "$name" 2)
        read -r ratio rlow rhigh < <(ratios "$name")
        echo "| $title | $cost | $low to $high | $ratio | $rlow to $rhigh | $rate |"
    done
}

# Makes the hit, and the bare loop that answers its bytes.
start_bare() {
    hit_url="http://127.0.0.1:$port/fetch?url=http://127.0.0.1:$origin_port/hot"
    curl -sSi "$hit_url" >/dev/null
    curl -sSi "$hit_url" >"$work/hit"
    grep -q '^HTTP/1.1 200' "$work/hit" || die "the server did not serve a hit: $(head -n 1 "$work/hit")"
    start bare "$bin/tests/bench/bench_bare_epoll" "$work/hit"
    bare_pid=$started
}

bench_requests() {
    local round
    for ((round = 1; round <= rounds; round++)); do
        say "round $round of $rounds"
        measure bare "$bare_pid" "http://127.0.0.1:$(cat "$work/bare")/"
        measure access "$server_pid" "http://127.0.0.1:$port/access"
        measure fetch "$server_pid" "$hit_url"
    done
    request_rows
}

report() {
    echo "Measured $(date -u +%Y-%m-%d) on $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)," \
        "Linux $(uname -r), $(gcc --version | head -n 1)," \
        "with \`$invocation\`."
    echo
    bench_requests
    echo
    taskset -c "$server_cpu,$load_cpu" "$bin/tests/bench/bench_lock_cost"
    echo
    crowd_start_all "$port" "$server_pid"
    bench_cold_crowd
    echo
    bench_uncacheable
    echo
    bench_stream
}

"$root/scripts/install.sh" build test bench
configure release
# run.sh leaves the bench out of its build.
quietly "$root/build/log/configure-release.log" from_root cmake --preset release -DBUILD_TESTING=ON
build release
choose_processors
{
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=86400\r\nContent-Length: 1024\r\n\r\n'
    head -c 1024 /dev/zero | tr '\0' x
} >"$work/response"
start origin "$bin/tests/bench/bench_bare_epoll" "$work/response"
origin_port=$(cat "$work/origin")
start_server server
server_pid=$started
start_bare
report >"$work/report"
cat "$work/report"
if [[ -n $write ]]; then
    replace_block "$root/docs/BENCHMARKS.md" bench "$work/report"
fi
