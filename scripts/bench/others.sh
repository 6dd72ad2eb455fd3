# shellcheck shell=bash
# The parts of bench.sh that a program measures by itself. Sourced by bench.sh.
# shellcheck disable=SC2154 # variables shared with who sources this

# How many requests the store answers when it is full, beside a list in the order of use.
bench_ratio() {
    taskset -c "$server_cpu" "$bin/tests/bench/bench_hit_ratio" ${quick:+--quick} | tee "$work/hit-ratio"
    aim "requests answered by a full cache" "no fewer than with LRU, on each of the streams" '>=' 0 \
        "$(awk -F'|' 'NR > 2 { d = $5 - $6; if (NR == 3 || d < least) least = d } END { printf "%.1f", least }' \
            "$work/hit-ratio")" "% more at least"
}

# What the program prints of tables in Markdown: column COLUMN of row ROW, both from 1, of table TABLE.
md_cell() {
    awk -F' *[|] *' -v table="$2" -v row="$3" -v column="$4" '
        /^[|][-:| ]*$/ { tables++; rows = 0; next }
        /^[|]/ { if (tables == table && ++rows == row) print $(column + 1) }
        !/^[|]/ { rows = -1 }
    ' "$1"
}

# A store with many entries, and one whose budget is used up.
bench_store() {
    local longest
    taskset -c "$server_cpu" "$bin/tests/bench/bench_store_size" ${quick:+--quick} | tee "$work/store"
    aim "a hit among $(md_cell "$work/store" 1 3 1) entries" "at most 1.3 times one among 1,000" '<=' 1.3 "$(md_cell "$work/store" 1 3 6)" times
    aim "memory for a stored entry beside head, body and key" "under 250 bytes" '<' 250 "$(md_cell "$work/store" 1 3 10)" bytes
    longest=$(awk -F'|' '/^$/ { second = 1 } second && NF > 6 && $6 + 0 > most { most = $6 + 0 } END { print most }' "$work/store")
    aim "the longest insert at a full budget" "1 ms at most" '<=' 1000 "$longest" us
}
