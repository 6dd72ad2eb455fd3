# shellcheck shell=bash
# Long answers, pipelined requests, and ten thousand connections: hits in fetchonce and in nginx, in
# turn, round by round, under a load that drops long bodies inside the kernel (tests/bench/clients.c),
# so that it is not the limit. Sourced by bench.sh.
# shellcheck disable=SC2034,SC2154 # variables shared with who sources this

# clients_start [PEER_SENDFILE] - an origin, the server, and nginx if it is installed.
clients_start() {
    local origin_port
    start_cpus=$load_cpu start sized-origin "$root/scripts/sized_origin.pl"
    origin_port=$(cat "$work/sized-origin")
    client_names=(fetchonce)
    declare -gA client_ports client_pids client_paths client_titles
    # Those of the round before may not all be closed yet when those of the next one are opened.
    FETCHONCE_LIMITS_CONNECTIONS_MAX=16000 start_server clients-server
    client_ports[fetchonce]=$port
    client_pids[fetchonce]=$started
    client_paths[fetchonce]="/fetch?url=http://127.0.0.1:$origin_port"
    client_titles[fetchonce]=fetchonce
    peers_in_memory
    peer_sendfile=${1:-off}
    if start_peer nginx "$origin_port"; then
        client_names+=(nginx)
        client_ports[nginx]=$port
        client_pids[nginx]=$peer_pid
        client_paths[nginx]=
        client_titles[nginx]=$(peer_version nginx)
    fi
}

# clients_run NAME CASE PATH OPTION... - one round; appends its line to $work/clients-CASE-NAME.
clients_run() {
    local name=$1 case=$2 path=$3
    shift 3
    taskset -c "$load_cpu" "$bin/tests/bench/bench_clients" "$@" "${client_ports[$name]}" \
        "${client_paths[$name]}$path" "${client_pids[$name]}" >>"$work/clients-$case-$name"
}

# clients_values NAME CASE KEY - of each round, one a line.
clients_values() {
    [[ ! -e $work/clients-$2-$1 ]] || awk -v key="$3" '{
        for (i = 1; i <= NF; i++) if (index($i, key "=") == 1) print substr($i, length(key) + 2)
    }' "$work/clients-$2-$1"
}

clients_median() {
    local median
    read -r median _ < <(clients_values "$@" | median_low_high) && printf '%s' "$median"
}

# clients_spread NAME CASE KEY - "median | low to high".
clients_spread() {
    local median low high
    read -r median low high < <(clients_values "$@" | median_low_high) && printf '%s | %s to %s' "$median" "$low" "$high"
}

# clients_ratio NAME CASE BASE_NAME BASE_CASE KEY - by rounds, as "median low high".
clients_ratio() {
    paste <(clients_values "$1" "$2" "$5") <(clients_values "$3" "$4" "$5") |
        awk 'NF == 2 && $2 > 0 { printf "%.3f\n", $1 / $2 }' | median_low_high
}

clients_ratio_cells() {
    local median low high
    if read -r median low high < <(clients_ratio "$@"); then
        printf '%s | %s to %s' "$median" "$low" "$high"
    else
        printf ' | '
    fi
}

clients_ratio_median() {
    clients_ratio "$@" | cut -d ' ' -f 1
}

bench_large() {
    local rounds=9 round name
    [[ -z $quick ]] || rounds=1
    clients_start on
    for ((round = 0; round <= rounds; round++)); do
        for name in "${client_names[@]}"; do
            clients_run "$name" mib /mib-1024 -c 16 -f 16 -d 1
            clients_run "$name" long /long-65536 -c 4 -f 4 -d 1
        done
        ((round > 0)) || rm -f "$work"/clients-{mib,long}-* # which made the hits
    done
    echo "| hits, keep-alive, one core | CPU us per MiB, median | spread | ratio to nginx, median | spread | MiB per second | server busy | load busy |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${client_names[@]}"; do
        large_row "$name" mib "1 MiB, 16 connections"
        large_row "$name" long "64 MiB, 4 connections"
    done
    aim "hits of 1 MiB" "at most nginx's CPU time per MiB" '<=' 1 "$(clients_ratio_median fetchonce mib nginx mib mib_us)" times
    aim "hits of 64 MiB" "at most nginx's CPU time per MiB" '<=' 1 "$(clients_ratio_median fetchonce long nginx long mib_us)" times
    echo
    taskset -c "$server_cpu,$load_cpu" "$bin/tests/bench/bench_send_ways" "$rounds"
}

large_row() {
    echo "| ${client_titles[$1]}, $3 | $(clients_spread "$1" "$2" mib_us) | $(clients_ratio_cells "$1" "$2" nginx "$2" mib_us) |" \
        "$(clients_median "$1" "$2" mib_per_s) | $(clients_median "$1" "$2" server_percent) % | $(clients_median "$1" "$2" load_percent) % |"
}

bench_pipelined() {
    local rounds=9 round name
    [[ -z $quick ]] || rounds=1
    clients_start
    [[ -z $quick ]] || client_names=(fetchonce)
    for ((round = 0; round <= rounds; round++)); do
        for name in "${client_names[@]}"; do
            clients_run "$name" single /short-1 -d 1
            clients_run "$name" pipelined /short-1 -p 16 -d 1
        done
        ((round > 0)) || rm -f "$work"/clients-{single,pipelined}-*
    done
    echo "| 1 KiB hits, keep-alive, $connections connections, one core | one at a time: CPU us per answer, median | spread | 16 at once, median | spread | ratio of the two, median | spread | answers per segment sent |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${client_names[@]}"; do
        echo "| ${client_titles[$name]} | $(clients_spread "$name" single answer_us) | $(clients_spread "$name" pipelined answer_us) |" \
            "$(clients_ratio_cells "$name" pipelined "$name" single answer_us) | $(clients_median "$name" pipelined segment_answers) |"
    done
    aim "16 pipelined hits" "several answers in one send" '>' 1 "$(clients_median fetchonce pipelined segment_answers)" answers
}

# What the kernel alone makes of so many connections.
clients_start_bare() {
    start_origin # for the file that it answers
    stop_last
    start_bare clients-bare "$work/origin-answer"
    client_names+=(bare)
    client_ports[bare]=$port
    client_pids[bare]=$started
    client_paths[bare]=
    client_titles[bare]="bare epoll loop"
}

bench_idle() {
    local rounds=5 round name
    [[ -z $quick ]] || rounds=1
    clients_start
    [[ -z $quick ]] || client_names=(fetchonce)
    clients_start_bare
    for ((round = 0; round <= rounds; round++)); do
        for name in "${client_names[@]}"; do
            clients_run "$name" few /short-1 -d 1
            clients_run "$name" beside /short-1 -c 10000 -f 64 -d 1
            clients_run "$name" spread /short-1 -c 10000 -f 64 -s -d 1
        done
        # Memory grows with the first ten thousand, and stays for the next ones: that round is kept for it.
        if ((round == 0)); then
            for name in "${client_names[@]}"; do
                mv "$work/clients-beside-$name" "$work/clients-first-$name"
            done
            rm -f "$work"/clients-{few,spread}-*
        fi
    done
    echo "| 10,000 connections, 1 KiB hits, one core | resident memory per idle one, bytes | 64 connections: CPU us per hit, median | spread | 64 busy of 10,000, median | spread | ratio, median | all 10,000 in turn, 64 at a time: median | spread | ratio, median |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name in "${client_names[@]}"; do
        echo "| ${client_titles[$name]} | $(clients_median "$name" first connection_bytes) | $(clients_spread "$name" few answer_us) |" \
            "$(clients_spread "$name" beside answer_us) | $(clients_ratio_median "$name" beside "$name" few answer_us) |" \
            "$(clients_spread "$name" spread answer_us) | $(clients_ratio_median "$name" spread "$name" few answer_us) |"
    done
    aim "10,000 idle connections" "resident memory for each under 4 KiB" '<' 4096 "$(clients_median fetchonce first connection_bytes)" bytes
    aim "10,000 connections, all of them in turn" "a hit at most 1.2 times the bare loop's CPU time" '<=' 1.2 "$(clients_ratio_median fetchonce spread bare spread answer_us)" times
    aim "10,000 connections, 64 of them busy" "a hit at most 1.2 times as dear as with 64" '<=' 1.2 "$(clients_ratio_median fetchonce beside fetchonce few answer_us)" times
}
