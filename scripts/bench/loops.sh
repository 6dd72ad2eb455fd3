# shellcheck shell=bash
# Two loops beside one. On two processors the load shares them with the loops, whatever is done, so
# throughput says little; what counts is whether a request costs more when another loop runs. The
# base is two servers of one loop each, which share nothing, under the same load on the same
# processors: what two loops of one server cost more than these is what they do to each other.
# Sourced by bench.sh.
# shellcheck disable=SC2154,SC2034 # variables shared with who sources this

loops_kinds=(route access)

bench_loops() {
    local rounds=11 slice_ms=300 origin_port one two alone targets=() kind
    [[ -z $quick ]] || rounds=7 slice_ms=120
    start_origin
    origin_port=$port
    # The ports are the kernel's choice of accepting socket, so the one loop of each has half the clients.
    start_cpus=$server_cpu,$load_cpu
    start_server loops-one-a --route "/r/=http://127.0.0.1:$origin_port"
    one=$port pids_one=$started
    start_server loops-one-b --route "/r/=http://127.0.0.1:$origin_port"
    one+=+$port pids_one+=+$started
    start_server loops-two --loops 2 --route "/r/=http://127.0.0.1:$origin_port"
    two=$port pid_two=$started
    write_request "$work/loops-route" /r/hot
    write_request "$work/loops-access" /access
    for kind in "${loops_kinds[@]}"; do
        targets+=("one-$kind,$one,$pids_one,200,$work/loops-$kind" "two-$kind,$two,$pid_two,200,$work/loops-$kind")
    done
    load_cpus=$server_cpu,$load_cpu load_run "$work/loops" -t 2 -c "$connections" -r "$rounds" -m "$slice_ms" "${targets[@]}"
    loops_table
}

loops_table() {
    local kind cost low high part rlow rhigh scaling
    echo "| both processors shared by loops and load, 1 KiB, $connections connections | two servers of one loop: CPU us per request, median | spread | one server of two loops, median | spread | ratio, median | spread | two loops do as much as |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    for kind in "${loops_kinds[@]}"; do
        scaling=
        if read -r part rlow rhigh < <(load_ratio "$work/loops" "two-$kind" "one-$kind"); then
            read -r cost low high < <(load_values "$work/loops" "one-$kind" cost | median_low_high)
            scaling=$(awk -v part="$part" 'BEGIN { printf "%.2f", 2 / part }')
            echo "| ${hit_titles[$kind]} | $cost | $low to $high |" \
                "$(load_values "$work/loops" "two-$kind" cost | median_low_high | sed 's/ / | /; s/ \([^ ]*\)$/ to \1/')" \
                "| $part | $rlow to $rhigh | $scaling loops |"
        fi
        aim "${hit_titles[$kind]}, two loops" "at least 1.8 times one loop, by CPU per request" '>=' 1.8 "$scaling" times
    done
}
