# shellcheck shell=bash
# The part of the bench that counts what a miss costs: a stream of cold URLs, none asked for twice.
# Sourced after common.sh and peers.sh; uses `bin`, `work`, `quick`, `server_cpu` and `load_cpu`.
#
# Every cache begins with nothing stored and is measured before its memory is full, so all of them
# store every answer and evict none. The caches take turns, round by round, each with the server's
# processor to itself; wrk and the origin share the other. The first second of each load, which
# makes connections on both sides, does not count, nor does the last. Who sources this calls
# misses_stop_all when it ends.
# shellcheck disable=SC2034,SC2154 # variables shared with who sources this

misses_connections=64
misses_pids=() # what runs now, the last last
misses_folder=

# misses_stop - stops what was started last.
misses_stop() {
    peer_stop "${misses_pids[-1]}"
    unset "misses_pids[-1]"
}

# misses_stop_all - and leaves no file of a peer.
misses_stop_all() {
    while ((${#misses_pids[@]} > 0)); do
        misses_stop
    done
    [[ -z $misses_folder ]] || rm -rf -- "$misses_folder"
    misses_folder=
}

# A folder in memory for the peers: nginx writes a file for each miss, which costs it several times
# as much on some disks, and never less.
misses_make_folder() {
    misses_folder=$(TMPDIR=$([[ ! -w /dev/shm ]] || echo /dev/shm) peers_folder)
}

# misses_start CPU NAME COMMAND... - returns once it has printed a line to $work/NAME.
misses_start() {
    local cpu=$1 name=$2
    shift 2
    rm -f -- "$work/$name"
    taskset -c "$cpu" "$@" >"$work/$name" 2>"$work/$name.err" &
    misses_pids+=("$!")
    until [[ -s $work/$name ]]; do
        kill -0 "${misses_pids[-1]}" 2>/dev/null || die "$name did not start: $(cat "$work/$name.err")"
        sleep 0.05
    done
}

# misses_start_origin - an answer of 1 KiB to everything; sets `misses_origin_port`.
misses_start_origin() {
    {
        printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=86400\r\nContent-Length: 1024\r\n\r\n'
        head -c 1024 /dev/zero | tr '\0' x
    } >"$work/misses-response"
    misses_start "$load_cpu" misses-origin "$bin/tests/bench/bench_bare_epoll" "$work/misses-response"
    misses_origin_port=$(cat "$work/misses-origin")
}

# misses_origin_counts - prints "requests connections", all that the origin has had.
misses_origin_counts() {
    local lines now
    lines=$(wc -l <"$work/misses-origin")
    kill -USR1 "${misses_pids[0]}"
    until now=$(wc -l <"$work/misses-origin") && ((now > lines)); do
        sleep 0.01
    done
    tail -n 1 "$work/misses-origin"
}

# misses_start_cache NAME - sets `misses_url`, to which a number is appended.
misses_start_cache() {
    local name=$1 port
    case $name in
    fetch | route)
        misses_start "$server_cpu" "misses-$name" "$bin/server/fetchonce" --listen 127.0.0.1:0 --loops 1 \
            --allow 127.0.0.0/8 --route "/=http://127.0.0.1:$misses_origin_port"
        port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$work/misses-$name" | head -n 1)
        misses_url=http://127.0.0.1:$port/
        [[ $name == route ]] || misses_url+="fetch?url=http://127.0.0.1:$misses_origin_port/"
        ;;
    *)
        peer_wrap=(taskset -c "$server_cpu")
        port=$(peer_free_port)
        peer_start "$name" "$port" "$misses_origin_port" "$misses_folder/$name"
        misses_pids+=("$peer_pid")
        misses_url=http://127.0.0.1:$port/
        ;;
    esac
}

# misses_cpu_ns PID - the processor time of it and of the processes that it started.
misses_cpu_ns() {
    local pid sum=0
    for pid in "$1" $(pgrep -P "$1"); do
        sum=$((sum + $("$bin/tests/bench/bench_cpu_time" "$pid")))
    done
    printf '%s\n' "$sum"
}

# misses_load SECONDS - in the background; what wrk says goes to $work/misses-wrk.
misses_load() {
    taskset -c "$load_cpu" wrk -t1 -c"$misses_connections" -d"${1}s" \
        -s "$root/tests/bench/cold_paths.lua" "$misses_url" -- "$misses_next" >"$work/misses-wrk" &
    misses_load_pid=$!
}

# misses_load_end - sets `misses_made` and `misses_rate`.
misses_load_end() {
    wait "$misses_load_pid"
    if grep -qE 'Non-2xx|Socket errors' "$work/misses-wrk"; then
        die "not all misses were answered with 200:"$'\n'"$(cat "$work/misses-wrk")"
    fi
    misses_made=$(awk '/requests in/ { print $1 }' "$work/misses-wrk")
    misses_rate=$(awk '/Requests\/sec/ { print $2 }' "$work/misses-wrk")
    # More than wrk can have asked for: what was on its way at the end is not counted by it.
    misses_next=$((misses_next + misses_made + 100000))
}

# misses_round NAME - "us-per-miss misses-per-second requests-per-miss new-connections" to its
# samples. The cost and the connections are those of the middle of the load, the requests of all.
misses_round() {
    local name=$1 seconds=4 before begun connections_begun ended connections_ended after cpu_begun cpu_ended
    [[ -z $quick ]] || seconds=2
    misses_start_cache "$name"
    read -r before _ < <(misses_origin_counts)
    misses_load $((seconds + 2))
    sleep 1
    cpu_begun=$(misses_cpu_ns "${misses_pids[-1]}")
    read -r begun connections_begun < <(misses_origin_counts)
    sleep "$seconds"
    cpu_ended=$(misses_cpu_ns "${misses_pids[-1]}")
    read -r ended connections_ended < <(misses_origin_counts)
    misses_load_end
    read -r after _ < <(misses_origin_counts)
    misses_stop
    rm -rf -- "${misses_folder:?}/$name"
    awk -v ns=$((cpu_ended - cpu_begun)) -v n=$((ended - begun)) -v rate="$misses_rate" \
        -v requests=$((after - before)) -v made="$misses_made" \
        -v connections=$((connections_ended - connections_begun)) \
        'BEGIN { printf "%.2f %.0f %.3f %d\n", ns / n / 1000, rate, requests / made, connections }' \
        >>"$work/misses-$name.samples"
}

# misses_column NAME N - the N-th column of the samples as "median low high".
misses_column() {
    awk -v n="$2" '{ print $n }' "$work/misses-$1.samples" | sort -n |
        awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], a[1], a[NR] }'
}

# The ratio to nginx in the same round, as "median low high".
misses_ratios() {
    paste "$work/misses-$1.samples" "$work/misses-nginx.samples" | awk '{ printf "%.2f\n", $1 / $5 }' | sort -n |
        awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], a[1], a[NR] }'
}

misses_row() {
    local name=$1 title cost low high rate ratio='' ratio_low='' ratio_high='' requests connections
    case $name in
    fetch) title="\`/fetch\`" ;;
    route) title="a route" ;;
    *) title=$(peer_version "$name") ;;
    esac
    read -r cost low high < <(misses_column "$name" 1)
    read -r rate _ < <(misses_column "$name" 2)
    read -r requests _ < <(misses_column "$name" 3)
    read -r connections _ < <(misses_column "$name" 4)
    if [[ -s $work/misses-nginx.samples ]]; then
        read -r ratio ratio_low ratio_high < <(misses_ratios "$name")
        ratio_low+=" to $ratio_high"
    fi
    echo "| $title | $cost | $low to $high | $ratio | $ratio_low | $rate | $requests | $connections |"
}

# bench_misses - prints the table.
bench_misses() {
    local name round rounds=5 names=(fetch route)
    [[ -z $quick ]] || rounds=3
    for name in "${peer_names[@]}"; do
        [[ -z $(peer_program "$name") ]] || names+=("$name")
    done
    misses_make_folder
    misses_next=1
    rm -f -- "$work"/misses-*.samples
    misses_start_origin
    for ((round = 1; round <= rounds; round++)); do
        for name in "${names[@]}"; do
            say "misses, round $round of $rounds: $name"
            misses_round "$name"
        done
    done
    misses_stop_all
    echo "| cold URLs of 1 KiB, keep-alive, $misses_connections connections, one core | CPU us per miss, median | spread | ratio to nginx, median | spread | misses per second | upstream requests per miss | new upstream connections |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${names[@]}"; do
        misses_row "$name"
    done
}
