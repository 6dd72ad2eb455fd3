#!/usr/bin/env bash
# bench.sh [--quick] [--only PART]... [--write] [--peers] - what everything costs, beside others.
#
# Runs the parts below one after the other, each with servers of its own, and prints tables; last comes
# one with every aim beside what was measured. Compares with those of nginx, HAProxy, Varnish and Squid
# that are installed; --peers installs them first. --write puts all into docs/BENCHMARKS.md and draws
# docs/benchmarks.svg; it goes with a whole run only, so that all figures there are of one run. --quick
# takes fewer and shorter rounds.
# shellcheck disable=SC2034 # variables shared with the parts
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
source "$root/scripts/peers.sh"
for file in "$root"/scripts/bench/*.sh; do
    # shellcheck source=/dev/null # each is looked at by itself
    source "$file"
done

parts=(hits loops misses large idle pipelined store ratio locks crowds where)
declare -A about=(
    [hits]="answers from memory, beside a bare loop and the other caches"
    [loops]="two loops beside one"
    [misses]="distinct cold URLs"
    [large]="large answers from memory"
    [idle]="many connections that say nothing"
    [pipelined]="requests that do not wait for the answer before"
    [store]="entries by the million"
    [ratio]="how many requests a full cache answers"
    [locks]="the lock library, beside asyncio"
    [where]="what the time of a request is spent on"
    [crowds]="many clients that ask for one URL at once"
)

usage() {
    printf 'usage: scripts/bench.sh [--quick] [--only PART]... [--write] [--peers]\nparts, all of them by default:\n'
    local part
    for part in "${parts[@]}"; do
        printf '  %-9s %s\n' "$part" "${about[$part]}"
    done
}

invocation=scripts/bench.sh
quick='' # empty, or yes
write=''
chosen=()
while (($# > 0)); do
    case $1 in
    --quick) quick=yes invocation+=' --quick' ;;
    --write) write=yes ;;
    --peers) peers_install ;;
    --only) chosen+=("${2:-}") && shift ;;
    *) usage && [[ $1 == --help ]] && exit || exit 2 ;;
    esac
    shift || { usage && exit 2; }
done
for part in "${chosen[@]}"; do
    [[ -n ${about[$part]:-} ]] || { usage && exit 2; }
done
# A quick run leaves out what no aim hangs on.
[[ -z $quick || -n $write ]] || unset 'parts[-1]'
[[ -z $write || ${#chosen[@]} == 0 ]] || die "--write wants all parts: figures on one page are of one run"

# The processes of a part are children of its subshell, which stops them on every way out, and a
# group, so that what it waits for in that moment ends as well.
run_part() {
    local part=$1 begin=$SECONDS status=0
    say "$part: ${about[$part]}"
    set +e
    set -m
    (
        set -e +m
        bench_begin_part
        "bench_$part"
    ) >"$work/$part.md" & # not in a condition, where -e would not hold
    part_pid=$!
    set +m
    wait "$part_pid"
    status=$?
    set -e
    part_pid=
    if ((status != 0)); then
        failed+=("$part")
        printf '\nThis part did not come to its end.\n' >>"$work/$part.md"
    fi
    cat "$work/$part.md"
    echo
    say "$part took $((SECONDS - begin)) s"
}

stop_all() {
    trap '' INT TERM HUP # once is enough
    [[ -z ${part_pid:-} ]] || kill -- "-$part_pid" 2>/dev/null || true
    wait
    rm -rf -- "$work"
}

write_all() {
    local part
    for part in "${parts[@]}"; do
        case $part in
        where) replace_block "$root/docs/PERFORMANCE.md" "$part" "$work/$part.md" ;;
        *) replace_block "$root/docs/BENCHMARKS.md" "$part" "$work/$part.md" ;;
        esac
    done
    bench_machine >"$work/machine.md"
    replace_block "$root/docs/BENCHMARKS.md" machine "$work/machine.md"
    replace_block "$root/docs/BENCHMARKS.md" aims "$work/aims.md"
    bench_plot >"$work/plot.svg"
    mv -- "$work/plot.svg" "$root/docs/benchmarks.svg"
}

"$root/scripts/install.sh" build test bench
configure release
# run.sh leaves the bench out of its build.
quietly "$root/build/log/configure-release.log" from_root cmake --preset release -DBUILD_TESTING=ON
build release
bin=$root/build/release
failed=()
choose_processors
work=$(peers_folder)
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for part in "${chosen[@]:-${parts[@]}}"; do
    run_part "$part"
done
bench_aims >"$work/aims.md"
cat "$work/aims.md"
[[ -z $write ]] || write_all
((${#failed[@]} == 0)) || die "not all parts came to their end: ${failed[*]}"
