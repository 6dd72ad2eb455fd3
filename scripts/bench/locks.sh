# shellcheck shell=bash
# What the locks of lib/async cost, beside asyncio.Lock of Debian's Python, on the same processor.
# Sourced by bench.sh.
# shellcheck disable=SC2154 # variables shared with who sources this

lock_cases=(uncontended granted handed_over between_loops wake keyed_acquire keyed_release keyed_longest_us keyed_bytes)
declare -A lock_titles=(
    [uncontended]="uncontended acquire and release"
    [granted]="acquire of a free lock, told by the loop, and release"
    [handed_over]="hand-over between eight waiters of one loop"
    [between_loops]="hand-over between loops, each on a processor of its own"
    [wake]="for comparison: two threads that only wake each other (eventfd)"
    [keyed_acquire]="1,000,000 keys held at once: acquire of one"
    [keyed_release]="1,000,000 keys held at once: release of one"
    [keyed_longest_us]="1,000,000 keys held at once: the longest acquire, us"
    [keyed_bytes]="1,000,000 keys held at once: memory for one, bytes"
)

bench_locks() {
    local rounds=9 case ours low high theirs
    [[ -z $quick ]] || rounds=1
    taskset -c "$server_cpu,$load_cpu" "$bin/tests/bench/bench_lock_cost" "$rounds" >"$work/locks"
    : >"$work/locks-asyncio"
    taskset -c "$server_cpu" /usr/bin/python3 "$root/tests/bench/asyncio_lock_cost.py" $(((rounds + 2) / 3)) \
        >"$work/locks-asyncio" || say "asyncio.Lock was not measured"
    echo "| lock | ns, median | spread | asyncio.Lock, ns | times |"
    echo "|---|---:|---:|---:|---:|"
    for case in "${lock_cases[@]}"; do
        read -r ours low high < <(lock_figures "$work/locks" "$case")
        theirs=
        read -r theirs _ < <(lock_figures "$work/locks-asyncio" "$case") || true
        echo "| ${lock_titles[$case]} | $ours | $low to $high | ${theirs:--} |" \
            "$(ratio "$theirs" "$ours" | sed 's/..$//') |"
    done
    echo
    echo "asyncio.Lock is that of $(/usr/bin/python3 --version); for keys, a dictionary of such locks."
    lock_aims
}

# lock_figures FILE CASE - "median low high".
lock_figures() {
    sed -n "s/^$2 //p" "$1" | grep .
}

lock_median() {
    lock_figures "$work/locks" "$1" | cut -d ' ' -f 1
}

lock_aims() {
    aim "lock, uncontended acquire and release" "under 25 ns" '<' 25 "$(lock_median uncontended)" ns
    aim "lock, hand-over between waiters of one loop" "under 150 ns" '<' 150 "$(lock_median handed_over)" ns
    aim "lock, hand-over between loops" "under 10 us" '<' 10 \
        "$(lock_median between_loops | awk '{ printf "%.1f", $1 / 1000 }')" us
    aim "keyed lock, 1,000,000 keys held at once" "memory for a key stated" '>' 0 "$(lock_median keyed_bytes)" bytes
}
