# shellcheck shell=bash
# The parts of bench.sh that a program measures by itself. Sourced by bench.sh.
# shellcheck disable=SC2154 # variables shared with who sources this

# How many requests the store answers when it is full, beside a list in the order of use.
bench_ratio() {
    taskset -c "$server_cpu" "$bin/tests/bench/bench_hit_ratio" | tee "$work/hit-ratio"
    aim "requests answered by a full cache" "no fewer than with LRU, on each of the streams" '>=' 0 \
        "$(awk -F'|' 'NR > 2 { d = $5 - $6; if (NR == 3 || d < least) least = d } END { printf "%.1f", least }' \
            "$work/hit-ratio")" "% more at least"
}
