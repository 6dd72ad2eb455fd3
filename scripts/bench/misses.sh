# shellcheck shell=bash
# What a miss costs: a stream of cold URLs, none asked for twice. Sourced by bench.sh.
#
# Every cache begins with nothing stored and ends before its memory is full, so all of them store
# every answer and evict none. Each has an origin of its own, which counts; the origins share the
# load's processor, so that a cache has the server's to itself in its slices of time.
# shellcheck disable=SC2034,SC2154 # variables shared with who sources this

declare -A miss_titles=([fetch]="\`/fetch\`" [route]="a route")

# miss_add NAME CACHE_PORT CACHE_PID PATH_BEFORE_NUMBER - a target of the load.
miss_add() {
    write_request "$work/miss-$1" "$4@@@@@@@@@@"
    miss_targets+=("$1,$2,$3,200,$work/miss-$1")
    miss_names+=("$1")
}

# miss_origin NAME - one that counts; sets `port`.
miss_origin() {
    start_cpus=$load_cpu start_bare "miss-origin-$1" "$work/origin-answer"
    miss_origin_pids[$1]=$started
}

# miss_counts NAME - "requests connections" of its origin so far.
miss_counts() {
    local lines now file=$work/miss-origin-$1
    lines=$(wc -l <"$file")
    kill -USR1 "${miss_origin_pids[$1]}"
    until now=$(wc -l <"$file") && ((now > lines)); do
        sleep 0.01
    done
    tail -n 1 "$file"
}

miss_start_all() {
    local name origin_port
    for name in fetch route; do
        miss_origin "$name"
        origin_port=$port
        start_server "miss-$name" --route "/r/=http://127.0.0.1:$origin_port"
        case $name in
        fetch) miss_add "$name" "$port" "$started" "/fetch?url=http://127.0.0.1:$origin_port/" ;;
        route) miss_add "$name" "$port" "$started" /r/ ;;
        esac
    done
    for name in "${peer_names[@]}"; do
        miss_origin "$name"
        if start_peer "$name" "$port"; then
            miss_add "$name" "$port" "$peer_pid" /r/
            miss_titles[$name]=$(peer_version "$name")
        fi
    done
}

bench_misses() {
    local rounds=15 slice_ms=300 name miss_targets=() miss_names=()
    local -A miss_origin_pids=()
    [[ -z $quick ]] || rounds=3 slice_ms=150
    start_origin # for the file that it answers
    stop_last
    # nginx writes a file for each miss, which costs it several times as much on some disks, and never less.
    peers_in_memory
    miss_start_all
    load_run "$work/misses" -c "$connections" -r "$rounds" -m "$slice_ms" "${miss_targets[@]}"
    echo "| cold URLs of 1 KiB, keep-alive, $connections connections, one core | CPU us per miss, median | spread | ratio to nginx, median | spread | server busy | misses per second | requests per upstream connection |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${miss_names[@]}"; do
        miss_row "$name"
    done
    miss_add_bars
    for name in fetch route; do
        aim "misses, ${miss_titles[$name]}" "at most nginx's CPU time" '<=' 1 "$(load_ratio "$work/misses" "$name" nginx | cut -d ' ' -f 1)" times
        aim "misses, ${miss_titles[$name]}" "upstream connections are reused: 20 times at least" '>=' 20 "$(miss_reuse "$name")" times
    done
}

# miss_reuse NAME - how many requests a connection to its origin has carried.
miss_reuse() {
    miss_counts "$1" | awk '{ printf "%.0f", $1 / $2 }'
}

miss_row() {
    local name=$1 cost low high part rlow rhigh
    if ! read -r cost low high < <(load_values "$work/misses" "$name" cost | median_low_high); then
        echo "| ${miss_titles[$name]} | $(load_failure "$work/misses" "$name") | | | | | | |"
        return 0
    fi
    read -r part rlow rhigh < <(load_ratio "$work/misses" "$name" nginx) || true
    echo "| ${miss_titles[$name]} | $cost | $low to $high | $part | ${rlow:+$rlow to }$rhigh |" \
        "$(load_median "$work/misses" "$name" server) % | $(load_median "$work/misses" "$name" rate) | $(miss_reuse "$name") |"
}

miss_add_bars() {
    local name label kind
    for name in "${miss_names[@]}"; do
        label=$name kind=peer
        case $name in
        fetch) label="fetchonce, /fetch" kind=own ;;
        route) label="fetchonce, a route" kind=own ;;
        esac
        # shellcheck disable=SC2046 # three numbers
        bar "Misses, 1 KiB: us of CPU time per request" "$label" "$kind" \
            $(load_values "$work/misses" "$name" cost | median_low_high)
    done
}
