# shellcheck shell=bash
# Crowds that ask for one URL at once, of fetchonce and of the other caches. Sourced by bench.sh.
#
# Every cache has the server's processor to itself while it is measured, and the crowd, which is the
# origin as well, the other. The caches take turns, round by round. A first crowd that does not count
# makes each ready: threads, connections, memory.
# shellcheck disable=SC2034,SC2154 # variables shared with who sources this

crowd_caches=() # in the order of the tables
declare -A crowd_ports=() crowd_paths=() crowd_titles=() crowd_pids=()

# A port for the origin, out of the range from which connections get theirs.
crowd_choose_origin_port() {
    for ((crowd_origin_port = 18080; crowd_origin_port < 19080; crowd_origin_port++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$crowd_origin_port") 2>/dev/null || return 0
    done
    die "no free port for the origin"
}

# crowd_add NAME TITLE PORT PATH PID
crowd_add() {
    crowd_caches+=("$1")
    crowd_titles[$1]=$2
    crowd_ports[$1]=$3
    crowd_paths[$1]=$4
    crowd_pids[$1]=$5
}

# crowd_start_peer NAME - fails if it does not come to serve.
crowd_start_peer() {
    local name=$1
    start_peer "$name" "$crowd_origin_port" || return 1
    crowd_ports[$name]=$port
    crowd_pids[$name]=$peer_pid
    crowd_await_peer "$name"
}

# Waits until it answers with what the origin said: Squid takes connections before it can.
crowd_await_peer() {
    local name=$1 tries
    for ((tries = 0; tries < 100; tries++)); do
        if crowd_run "$name" single 2>/dev/null; then
            return 0
        fi
        sleep 0.1
    done
    say "$name does not answer as it should"
    return 1
}

# crowd_stop_peers [NAME...] - these, or all.
crowd_stop_peers() {
    local name
    if (($# == 0)); then
        set -- "${!peer_pids[@]}"
    fi
    for name in "$@"; do
        peer_stop "${peer_pids[$name]}"
        unset "peer_pids[$name]"
    done
}

# crowd_start_all PORT PID - the server that runs there, and the peers that are installed.
crowd_start_all() {
    local name
    crowd_choose_origin_port
    crowd_add fetchonce fetchonce "$1" "/fetch?url=http://127.0.0.1:$crowd_origin_port/%k" "$2"
    for name in "${peer_names[@]}"; do
        [[ -n $(peer_program "$name") ]] || continue
        crowd_add "$name" "$(peer_version "$name")" '' /%k ''
        if ! crowd_start_peer "$name"; then
            unset "crowd_caches[-1]"
            crowd_titles[$name]+=' (did not start)'
        fi
    done
}

# crowd_run NAME CASE [SECONDS] - one round; its lines, with the cache's name before them, to $work/crowds.
crowd_run() {
    local name=$1 case=$2 cap=${3:-30}
    taskset -c "$load_cpu" "$bin/tests/bench/bench_crowd" -c "$cap" "$case" "${crowd_ports[$name]}" \
        "$crowd_origin_port" "${crowd_paths[$name]}" "${crowd_pids[$name]}" >"$work/crowd" || return 1
    sed "s/^/cache=$name /" "$work/crowd" >>"$work/crowds"
}

# crowd_column NAME CROWD KEY - the values of all rounds as "median low high".
crowd_column() {
    awk -v cache="cache=$1" -v crowd="crowd=$2" -v key="$3" '$1 == cache && $2 == crowd {
        for (i = 3; i <= NF; i++) if (index($i, key "=") == 1) print substr($i, length(key) + 2)
    }' "$work/crowds" | median_low_high
}

crowd_median() {
    local median
    read -r median _ < <(crowd_column "$@") && printf '%s' "$median"
}

# "3", or "1 to 7" where the rounds differ.
crowd_range() {
    local low high
    read -r _ low high < <(crowd_column "$@") || return 0
    if [[ $low == "$high" ]]; then
        printf '%s' "$low"
    else
        printf '%s to %s' "$low" "$high"
    fi
}

# Whether all clients of all rounds got the right answer.
crowd_is_served() {
    local low
    read -r _ low _ < <(crowd_column "$1" "$2" served) || return 1
    [[ $low == "$(crowd_median "$1" "$2" clients)" ]]
}

# What is no cache: how fast the same crowd is served by a loop that only has to answer. The crowd
# looks for the origin's bytes, the first of which are zero.
crowd_add_bare() {
    {
        printf 'HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n'
        head -c 1024 /dev/zero
    } >"$work/crowd-response"
    start_bare crowd-bare "$work/crowd-response" 300
    crowd_add bare "no cache: a bare epoll loop that answers all after 300 ms" "$port" /%k "$started"
}

bench_crowds() {
    crowd_rounds=5
    [[ -z $quick ]] || crowd_rounds=1
    start_server server
    crowd_start_all "$port" "$started"
    bench_cold_crowd
    echo
    bench_uncacheable
    echo
    bench_stream
    crowd_add_aims
}

bench_cold_crowd() {
    local name round
    crowd_add_bare
    for ((round = 0; round <= crowd_rounds; round++)); do
        for name in "${crowd_caches[@]}"; do
            [[ $name == haproxy ]] && continue # it does not coalesce
            say "cold crowd, round $round of $crowd_rounds: $name"
            crowd_run "$name" cold || say "$name: this round failed"
        done
        if ((round == 0)); then
            rm -f "$work/crowds"
        fi
    done
    echo "| one cold URL, 1000 clients, origin takes 300 ms | served | upstream requests | last client after the origin's answer, ms, median | spread | median client, ms | load busy |"
    echo "|---|---:|---:|---:|---:|---:|---:|"
    for name in "${crowd_caches[@]}"; do
        [[ $name == haproxy ]] || crowd_cold_row "$name"
    done
    for name in "${crowd_caches[@]}"; do
        crowd_add_bar "$name"
    done
    unset "crowd_caches[-1]" # the bare loop
}

crowd_add_bar() {
    local label=$1 kind=peer
    case $1 in
    fetchonce) kind=own ;;
    bare) label="no cache, a bare loop" kind=base ;;
    esac
    # shellcheck disable=SC2046 # three numbers
    bar "1000 clients ask for one cold URL: ms until the last is served" "$label" "$kind" $(crowd_column "$1" cold last_ms)
}

crowd_cold_row() {
    local name=$1 last low high busy
    if ! read -r last low high < <(crowd_column "$name" cold last_ms); then
        echo "| ${crowd_titles[$name]} | did not come to its end | | | | | |"
        return 0
    fi
    busy="$(crowd_median "$name" cold load_percent) %"
    [[ $name == bare ]] && busy=
    echo "| ${crowd_titles[$name]} | $(crowd_range "$name" cold served) | $(crowd_range "$name" cold upstream) | $last | $low to $high | $(crowd_median "$name" cold median_ms) | $busy |"
}

bench_uncacheable() {
    local name round cap=30 crowd
    [[ -z $quick ]] || cap=5
    crowd_add direct "no cache: the origin itself" "$crowd_origin_port" /%k ''
    for ((round = 1; round <= crowd_rounds; round++)); do
        for name in "${crowd_caches[@]}"; do
            if ((round > 1)) && ! crowd_is_served "$name" first; then
                continue # who takes longer than the cap is not waited for again
            fi
            say "uncacheable, round $round of $crowd_rounds: $name"
            crowd_run "$name" uncacheable "$cap" || say "$name: this round failed"
            # What it still asks the origin for must not be counted as another's.
            if [[ -n ${peer_pids[$name]:-} ]] && ! crowd_is_served "$name" first; then
                crowd_stop_peers "$name"
            fi
        done
    done
    echo "| one uncacheable URL, 200 clients, origin takes 100 ms | crowd | upstream requests | last client, ms, median | spread | median client, ms | load busy |"
    echo "|---|---|---:|---:|---:|---:|---:|"
    for name in "${crowd_caches[@]}"; do
        for crowd in first second; do
            crowd_uncacheable_row "$name" "$crowd" "$cap"
        done
    done
    unset "crowd_caches[-1]" # the origin
}

crowd_uncacheable_row() {
    local name=$1 crowd=$2 cap=$3 last low high
    read -r last low high < <(crowd_column "$name" "$crowd" last_ms) || return 0
    if crowd_is_served "$name" "$crowd"; then
        echo "| ${crowd_titles[$name]} | $crowd | $(crowd_range "$name" "$crowd" upstream) | $last | $low to $high | $(crowd_median "$name" "$crowd" median_ms) | $(crowd_median "$name" "$crowd" load_percent) % |"
    else
        echo "| ${crowd_titles[$name]} | $crowd | $(crowd_range "$name" "$crowd" upstream) | over $cap s: $(crowd_range "$name" "$crowd" served) of $(crowd_median "$name" "$crowd" clients) served by then | | | |"
    fi
}

# A cache whose memory nothing has filled yet.
crowd_restart() {
    local name=$1
    if [[ $name == fetchonce ]]; then
        start_server "stream-server"
        crowd_ports[$name]=$port
        crowd_pids[$name]=$started
    else
        crowd_start_peer "$name" || true # its rounds show it
    fi
}

bench_stream() {
    local name round rounds=3
    # Each takes as long as its body does to arrive.
    [[ -z $quick ]] || rounds=1 crowd_caches=(fetchonce)
    crowd_stop_peers
    for ((round = 1; round <= rounds; round++)); do
        for name in "${crowd_caches[@]}"; do
            [[ $name == haproxy ]] && continue # it does not coalesce
            say "stream, round $round of $rounds: $name"
            crowd_restart "$name"
            crowd_run "$name" stream || say "$name: this round failed"
            if [[ $name == fetchonce ]]; then
                stop_last
            else
                crowd_stop_peers "$name"
            fi
        done
    done
    echo "| 64 MiB at 16 MiB/s, 50 readers: 15 late, 10 slow | served | upstream requests | memory before, MiB | at most, MiB | fast ones after the origin's last byte, ms: median | last | late ones' first byte, ms: median | worst | load busy |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${crowd_caches[@]}"; do
        [[ $name == haproxy ]] || crowd_stream_row "$name"
    done
}

crowd_stream_row() {
    local name=$1 row key median low high
    if ! crowd_column "$name" stream served | grep -q .; then
        echo "| ${crowd_titles[$name]} | did not come to its end | | | | | | | | |"
        return 0
    fi
    row="| ${crowd_titles[$name]} | $(crowd_range "$name" stream served) | $(crowd_range "$name" stream upstream)"
    row+=" | $(crowd_median "$name" stream before_mib)"
    for key in peak_mib fast_median_ms fast_last_ms late_median_ms late_worst_ms; do
        read -r median low high < <(crowd_column "$name" stream "$key")
        case $key in
        *median*) row+=" | $median" ;;
        peak_mib) row+=" | $high" ;;
        *) row+=" | $median ($low to $high)" ;;
        esac
    done
    echo "$row | $(crowd_median "$name" stream load_percent) % |"
}

crowd_add_aims() {
    local what="one cold URL, 1000 clients, origin takes 300 ms" median low high
    aim "$what" "1 upstream request" = 1 "$(crowd_range fetchonce cold upstream)"
    aim "$what" "last client within 30 ms of the origin's answer" '<=' 30 "$(crowd_median fetchonce cold last_ms)" ms
    aim "one uncacheable URL, 200 clients, origin takes 100 ms" "all within 130 ms, once it is known" \
        '<=' 130 "$(crowd_median fetchonce second last_ms)" ms
    what="64 MiB at 16 MiB/s, 50 readers, some late, some slow"
    aim "$what" "1 upstream request" = 1 "$(crowd_range fetchonce stream upstream)"
    read -r median low high < <(crowd_column fetchonce stream peak_mib) || true
    aim "$what" "at most 80 MiB resident" '<=' 80 "$high" MiB
    aim "$what" "the fast ones finish with the upstream: within 5 ms" '<=' 5 "$(crowd_median fetchonce stream fast_last_ms)" ms
    aim "$what" "late ones get their first byte within 5 ms" '<=' 5 "$(crowd_median fetchonce stream late_worst_ms)" ms
}
