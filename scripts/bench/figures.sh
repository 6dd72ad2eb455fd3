# shellcheck shell=bash
# For all parts of bench.sh: from samples to medians, and from medians to the table of aims. Sourced
# by bench.sh.
# shellcheck disable=SC2154 # variables shared with who sources this

# Numbers, one a line, as "median low high". Of an even count, the lower of the two in the middle.
median_low_high() {
    sort -g | awk '{ a[NR] = $1 } END { if (NR > 0) print a[int((NR + 1) / 2)], a[1], a[NR] }'
}

# load_run SLICES_FILE OPTION... TARGET... - one load, on the load's processor, or on `load_cpus`.
load_run() {
    local file=$1
    shift
    taskset -c "${load_cpus:-$load_cpu}" "$bin/tests/bench/bench_load" "$@" >"$file"
    sed -n 's/^target=\([^ ]*\) failed=/\1 /p' "$file" >&2
}

# load_values FILE TARGET WHAT - of each slice, one a line: cost (us of the server's processors for a
# request), rate (requests per second), server and load (percent of a processor each was busy).
load_values() {
    awk -v target="$2" -v what="$3" '{
        split("", v)
        for (i = 1; i <= NF; i++) { at = index($i, "="); v[substr($i, 1, at - 1)] = substr($i, at + 1) }
        if (v["target"] != target || !v["requests"]) next
        if (what == "cost") printf "%.3f\n", v["server_ns"] / v["requests"] / 1000
        if (what == "rate") printf "%.0f\n", v["requests"] / v["wall_ns"] * 1e9
        if (what == "server") printf "%.0f\n", 100 * v["server_ns"] / v["wall_ns"]
        if (what == "load") printf "%.0f\n", 100 * v["load_ns"] / v["wall_ns"] / v["threads"]
    }' "$1"
}

# load_median FILE TARGET WHAT
load_median() {
    local median
    read -r median _ < <(load_values "$@" | median_low_high) && printf '%s' "$median"
}

# load_ratio FILE TARGET BASE - cost divided by the base's in the same round, as "median low high".
load_ratio() {
    paste <(load_values "$1" "$2" cost) <(load_values "$1" "$3" cost) |
        awk 'NF == 2 { printf "%.3f\n", $1 / $2 }' | median_low_high
}

# load_failure FILE TARGET - why there is no figure of it.
load_failure() {
    local why
    why=$(sed -n "s/^target=$2 failed=/it /p" "$1" | head -n 1)
    printf 'not measured: %s' "${why:-it did not start}"
}

# ratio A B - with three digits, nothing if one is missing.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b > 0) printf "%.3f", a / b }'
}

# aim TITLE AIM OPERATOR LIMIT VALUE [UNIT] - a row of the table of aims; OPERATOR is <=, <, >=, > or =.
# Without a value the row says so: an aim that was not measured is not left out.
aim() {
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "${6:-}" >>"$work/aims"
}

# The table of aims, from what the parts have said.
bench_aims() {
    [[ -s $work/aims ]] || return 0
    echo "| what | aim | measured | |"
    echo "|---|---|---:|---|"
    awk -F'\t' '{
        met = $3 == "<=" ? $5 + 0 <= $4 + 0 : $3 == "<" ? $5 + 0 < $4 + 0 : $3 == ">" ? $5 + 0 > $4 + 0 : $3 == ">=" ? $5 + 0 >= $4 + 0 : $5 == $4
        verdict = $5 == "" ? "not measured" : met ? "met" : "**missed**"
        printf "| %s | %s | %s | %s |\n", $1, $2, $5 == "" ? "" : $5 ($6 == "" ? "" : " " $6), verdict
    }' "$work/aims"
}

# bar PANEL LABEL KIND MEDIAN LOW HIGH - a bar of the picture, unless there is no figure.
bar() {
    (($# < 6)) || printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$4" "$5" "$6" "$3" >>"$work/bars"
}

bench_plot() {
    awk -f "$root/scripts/bench/plot.awk" "$work/bars"
}

# What the figures are of.
bench_machine() {
    echo "Measured $(date -u +%Y-%m-%d) on $(nproc) processors," \
        "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r)," \
        "$(gcc --version | head -n 1), TCP with $(sysctl -n net.ipv4.tcp_congestion_control)," \
        "with \`$invocation\`."
}
