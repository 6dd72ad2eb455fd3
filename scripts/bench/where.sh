# shellcheck shell=bash
# Where a request's time goes: perf looks at the busy server two thousand times a second, and each look
# is put down to what the server was doing in the kernel or outside of it; strace counts the system
# calls of the next second. Of a bare loop, a hit, a miss and a long hit. Sourced by bench.sh.
# shellcheck disable=SC2154,SC2034 # variables shared with who sources this

where_cases=(bare hit miss long)
declare -A where_titles=(
    [bare]="bare loop, 1 KiB" [hit]="\`/fetch\` hit, 1 KiB" [miss]="\`/fetch\` miss, 1 KiB" [long]="\`/fetch\` hit, 1 MiB"
)

# where_load CASE MS - one load, in the foreground.
where_load() {
    local file=$work/where-$1-load
    case $1 in
    long)
        taskset -c "$load_cpu" "$bin/tests/bench/bench_clients" -c 16 -f 16 -d $((($2 + 999) / 1000)) \
            "${where_ports[long]}" "$where_long" "${where_pids[long]}" >"$file"
        ;;
    *) load_run "$file" -c "$connections" -r 1 -m "$2" -n "$where_number" "$1,${where_ports[$1]},${where_pids[$1]},200,$work/where-$1" ;;
    esac
}

# The answers of 1 KiB, those of 1 MiB, and a server for each case.
where_start() {
    local origin_port sized_port case
    start_cpus=$load_cpu start_origin
    origin_port=$port
    start_cpus=$load_cpu start where-sized "$root/scripts/sized_origin.pl"
    sized_port=$(cat "$work/where-sized")
    for case in hit miss long; do
        start_server "where-$case"
        where_ports[$case]=$port
        where_pids[$case]=$started
    done
    write_request "$work/where-hit" "/fetch?url=http://127.0.0.1:$origin_port/hot"
    write_request "$work/where-miss" "/fetch?url=http://127.0.0.1:$origin_port/@@@@@@@@@@"
    where_long="/fetch?url=http://127.0.0.1:$sized_port/long-1024"
    keep_answer "${where_ports[hit]}" "$work/where-hit" "$work/where-answer"
    keep_answer "${where_ports[hit]}" "$work/where-hit" "$work/where-answer"
    cp -- "$work/where-hit" "$work/where-bare"
    start_bare where-bare-loop "$work/where-answer"
    where_ports[bare]=$port
    where_pids[bare]=$started
}

# where_look CASE - samples, then system calls, under one load each.
where_look() {
    local case=$1 pid=${where_pids[$1]} seconds=3 load
    [[ -z $quick ]] || seconds=1
    where_number=$((where_number + 100000000)) # no load asks for what another one asked for
    where_load "$case" $((seconds * 1000)) &
    load=$!
    sleep 0.3
    perf record -q -F 1999 -e cpu-clock -g -p "$pid" -o "$work/where-$case.perf" -- sleep $((seconds - 1)).5 2>/dev/null || true
    wait "$load"
    perf script -i "$work/where-$case.perf" 2>/dev/null >"$work/where-$case.stacks" || true
    where_cost "$case" >"$work/where-$case.cost"
    # Traced, a server does the same, much more slowly.
    where_trace "$case" "$pid"
}

# Microseconds of the server's processor for one.
where_cost() {
    case $1 in
    long) sed -n 's/.* answer_us=\([0-9.]*\) .*/\1/p' "$work/where-long-load" ;;
    *) load_median "$work/where-$1-load" "$1" cost ;;
    esac
}

# The calls of the whole load, by the requests of all of it: "name count-per-request", the most first.
where_trace() {
    local case=$1 pid=$2 tracer requests
    strace -q -c -f -p "$pid" 2>"$work/where-$case.calls" &
    tracer=$!
    sleep 0.5
    where_number=$((where_number + 100000000))
    where_load "$case" 500
    kill -INT "$tracer" 2>/dev/null || true
    wait "$tracer" || true
    case $case in
    long) requests=$(($(sed 's/answers=\([0-9]*\) .*/\1/' "$work/where-long-load") + 16)) ;;
    *) requests=$(sed -n 's/.* total=//p' "$work/where-$case-load") ;;
    esac
    awk -v n="$requests" '$1 ~ /^[0-9.]+$/ && $NF != "total" && $4 / n >= 0.005 {
        printf "%s%s %.2f", between, $NF, $4 / n; between = ", "
    }' "$work/where-$case.calls" >"$work/where-$case.syscalls"
}

bench_where() {
    local case where_long where_number=0
    local -A where_ports=() where_pids=()
    if ! perf record -q -e cpu-clock -o "$work/where-try" -- true >/dev/null 2>&1; then
        echo "perf may not look at programs on this machine."
        return 0
    fi
    where_start
    for case in "${where_cases[@]}"; do
        say "where the time goes: ${where_titles[$case]}"
        where_look "$case"
    done
    where_table
}

where_table() {
    local case titles='' rule='' costs='' calls='' files=()
    for case in "${where_cases[@]}"; do
        awk -f "$root/scripts/bench/where.awk" "$work/where-$case.stacks" >"$work/where-$case.parts"
        files+=("$work/where-$case.parts")
        titles+=" ${where_titles[$case]} |"
        rule+='---:|'
        costs+=" $(cat "$work/where-$case.cost") |"
        calls+=" $(cat "$work/where-$case.syscalls") |"
    done
    echo "| part of the processor time |$titles"
    echo "|---|$rule"
    paste "${files[@]}" | awk -F'\t' '{
        row = "| " $1 " |"
        for (i = 2; i <= NF; i += 2) row = row " " $i " % |"
        print row
    }'
    echo "| **microseconds for one, all parts** |$costs"
    echo "| **system calls for one** |$calls"
}
