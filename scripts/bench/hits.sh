# shellcheck shell=bash
# Answers from memory: what each kind costs beside a bare loop that answers the same bytes, and what
# other caches pay for the same object. One load gives slices of time to all of them in turn, so that
# every ratio is of slices that lie side by side. Sourced by bench.sh.
# shellcheck disable=SC2154,SC2034 # variables shared with who sources this

hit_kinds=(fetch route access missing unmodified range)
declare -A hit_titles=(
    [fetch]="hot \`/fetch\` hit" [route]="hot hit on a route" [access]="\`/access\`"
    [missing]="404" [unmodified]="304 to \`If-None-Match\`" [range]="206, 100 bytes of the hit"
)
declare -A hit_statuses=([fetch]=200 [route]=200 [access]=200 [missing]=404 [unmodified]=304 [range]=206)
declare -A hit_aims=([fetch]=1.15 [route]=1.15 [access]=1.15 [missing]=1.3 [unmodified]=1.3 [range]=1.3)

# Each kind's request, and the bare loop that answers what the server answers to it.
hit_prepare_kind() {
    local kind=$1 server_port=$2 file=$work/hit-$1
    case $kind in
    fetch) write_request "$file" "/fetch?url=http://127.0.0.1:$origin_port/hot" ;;
    route) write_request "$file" /r/hot ;;
    access) write_request "$file" /access ;;
    missing) write_request "$file" /nothing/here ;;
    unmodified) write_request "$file" /r/hot 'If-None-Match: "one"' ;;
    range) write_request "$file" /r/hot 'Range: bytes=0-99' ;;
    esac
    keep_answer "$server_port" "$file" "$file.answer" # the first is a miss
    keep_answer "$server_port" "$file" "$file.answer"
    start_bare "bare-$kind" "$file.answer"
    hit_targets+=("bare-$kind,$port,$started,${hit_statuses[$kind]},$file")
    hit_targets+=("$kind,$server_port,$server_pid,${hit_statuses[$kind]},$file")
}

bench_hits() {
    local kind name rounds=15 slice_ms=250 server_port server_pid hit_targets=() origin_port
    [[ -z $quick ]] || rounds=4 slice_ms=100
    start_origin
    origin_port=$port
    start_server server --route "/r/=http://127.0.0.1:$origin_port"
    server_port=$port
    server_pid=$started
    for kind in "${hit_kinds[@]}"; do
        hit_prepare_kind "$kind" "$server_port"
    done
    write_request "$work/hit-peer" /r/hot
    for name in "${peer_names[@]}"; do
        if start_peer "$name" "$origin_port"; then
            keep_answer "$port" "$work/hit-peer" "$work/hit-$name.answer" || say "$name does not answer"
            hit_targets+=("$name,$port,$peer_pid,200,$work/hit-peer")
        fi
    done
    load_run "$work/hits" -c "$connections" -r "$rounds" -m "$slice_ms" "${hit_targets[@]}"
    hit_tables
    echo
    hit_instructions
    hit_add_aims
    hit_add_bars
}

hit_tables() {
    local kind name
    echo "| 1 KiB, keep-alive, $connections connections, one core | CPU us per request, median | spread | ratio to the bare loop, median | spread | server busy | load busy | requests per second |"
    echo "|---|---:|---:|---:|---:|---:|---:|---:|"
    hit_row bare-fetch "bare epoll loop, the bytes of the \`/fetch\` hit" bare-fetch
    for kind in "${hit_kinds[@]}"; do
        hit_row "$kind" "${hit_titles[$kind]}" "bare-$kind"
    done
    for name in "${peer_names[@]}"; do
        [[ -z $(peer_program "$name") ]] || hit_row "$name" "$(peer_version "$name")" bare-fetch
    done
}

# hit_row TARGET TITLE BASE
hit_row() {
    local target=$1 title=$2 base=$3 cost low high part rlow rhigh
    if ! read -r cost low high < <(load_values "$work/hits" "$target" cost | median_low_high); then
        echo "| $title | $(load_failure "$work/hits" "$target") | | | | | | |"
        return 0
    fi
    read -r part rlow rhigh < <(load_ratio "$work/hits" "$target" "$base")
    echo "| $title | $cost | $low to $high | $part | $rlow to $rhigh |" \
        "$(load_median "$work/hits" "$target" server) % | $(load_median "$work/hits" "$target" load) % |" \
        "$(load_median "$work/hits" "$target" rate) |"
}

# What scripts/check/instructions.sh holds: exact, whatever else the machine does.
hit_instructions() {
    local kind instructions allocations receives sends waits
    mkdir -p "$work/callgrind"
    if ! perl "$root/scripts/check/instructions.pl" "$bin/server/fetchonce" "$work/callgrind" >"$work/instructions" 2>"$work/instructions.err"; then
        echo "The instructions were not counted: $(head -n 1 "$work/instructions.err")"
        return 0
    fi
    echo "| under callgrind, one connection | instructions in user space | allocations | receives | sends | waits |"
    echo "|---|---:|---:|---:|---:|---:|"
    while read -r kind instructions allocations receives sends waits; do
        echo "| $kind | $instructions | ${allocations%.00} | ${receives%.00} | ${sends%.00} | ${waits%.00} |"
    done <"$work/instructions"
    aim "system calls of a hot \`/fetch\` hit, beside waiting" "2" = 2 "$(awk '$1 == "fetch" { print $4 + $5 }' "$work/instructions")"
    aim "allocations of a hot \`/fetch\` hit" "0" = 0 "$(awk '$1 == "fetch" { print $3 + 0 }' "$work/instructions")"
}

hit_add_aims() {
    local kind median _
    for kind in "${hit_kinds[@]}"; do
        median=
        read -r median _ < <(load_ratio "$work/hits" "$kind" "bare-$kind") || true
        aim "${hit_titles[$kind]}" "at most ${hit_aims[$kind]} times the bare loop" '<=' "${hit_aims[$kind]}" "$median" times
    done
    for kind in fetch route access; do
        median=
        read -r median _ < <(load_ratio "$work/hits" "$kind" haproxy) || true
        aim "${hit_titles[$kind]}" "at most 0.8 of HAProxy's hit" '<=' 0.8 "$median"
        median=
        read -r median _ < <(load_ratio "$work/hits" "$kind" nginx) || true
        aim "${hit_titles[$kind]}" "at most 0.55 of nginx's hit" '<=' 0.55 "$median"
    done
}

hit_add_bars() {
    local name panel="Hits from memory, 1 KiB: us of CPU time per request"
    # shellcheck disable=SC2046 # three numbers
    {
        bar "$panel" "bare loop" base $(load_values "$work/hits" bare-fetch cost | median_low_high)
        bar "$panel" "fetchonce, /fetch" own $(load_values "$work/hits" fetch cost | median_low_high)
        bar "$panel" "fetchonce, a route" own $(load_values "$work/hits" route cost | median_low_high)
        for name in "${peer_names[@]}"; do
            bar "$panel" "$name" peer $(load_values "$work/hits" "$name" cost | median_low_high)
        done
    }
}
