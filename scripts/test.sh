#!/usr/bin/env bash
# test.sh [STEP...] - installs what is missing, then builds and checks everything; or only some steps.
#
# Goes on after a step that fails, ends with a table, and fails if one of them did. The last line
# counts the tests over all builds. A second run rebuilds and analyses only what has changed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

steps=(format rules shell debug headers tidy asan tsan release hits)
declare -A about=(
    [format]="clang-format: the layout of the sources"
    [rules]="what the style bans and no compiler sees"
    [shell]="shellcheck over the scripts"
    [debug]="gcc, warnings are errors; all tests"
    [headers]="each header compiles alone, gcc and clang"
    [tidy]="clang-tidy: static analysis"
    [asan]="clang with thread-safety analysis; tests under ASan, LSan, UBSan"
    [tsan]="clang; all tests under TSan"
    [release]="the build that scripts/run.sh runs, warnings are errors"
    [hits]="instructions per hit of that build, beside what is known"
)
declare -A unbuilt=()
log_folder=$root/build/log
passed=0
failed=0

usage() {
    printf 'usage: scripts/test.sh [STEP...]\nsteps, all of them by default:\n'
    local step
    for step in "${steps[@]}"; do
        printf '  %-8s %s\n' "$step" "${about[$step]}"
    done
}

# The sanitizers of clang 14 cannot place their shadow memory where the kernel randomises addresses
# by more than 28 bits; where the kernel lets us, tests run at fixed addresses.
find_fixed_addresses() {
    fixed_addresses=()
    if setarch --addr-no-randomize true 2>/dev/null; then
        fixed_addresses=(setarch --addr-no-randomize)
    fi
}

# Adds up what ctest's summary says: "98% tests passed, 1 tests failed out of 50".
count_tests() {
    local summary lost=0 all=0
    summary=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$1" | tail -n 1)
    if [[ $summary =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
        lost=${BASH_REMATCH[1]}
        all=${BASH_REMATCH[2]}
    fi
    passed=$((passed + all - lost))
    failed=$((failed + lost))
}

# build_all PRESET [CMAKE ARG...] - once; what failed to build is not tried again by a later step.
build_all() {
    local preset=$1
    if [[ -n ${unbuilt[$preset]:-} ]]; then
        say "the $preset build failed above"
        return 1
    fi
    if ! configure "$@" || ! build "$preset"; then
        unbuilt[$preset]=yes
        return 1
    fi
}

run_tests() {
    local preset=$1 log=$log_folder/ctest-$1.log status=0
    build_all "$preset" || return 1
    quietly "$log" from_root "${fixed_addresses[@]}" \
        ctest --preset "$preset" --no-tests=error -j "$(nproc)" || status=$?
    count_tests "$log"
    return "$status"
}

run_step() {
    case $1 in
    format | rules | shell) quietly "$log_folder/$1.log" "$root/scripts/check/$1.sh" ;;
    headers | tidy)
        # The whole build first: some headers are written by it.
        build_all debug && quietly "$log_folder/$1.log" "$root/scripts/check/$1.sh"
        ;;
    debug | asan | tsan) run_tests "$1" ;;
    release) build_all release -DBUILD_TESTING=OFF ;;
    hits) build_all release -DBUILD_TESTING=OFF && quietly "$log_folder/hits.log" "$root/scripts/check/instructions.sh" &&
        { grep -h 'not compared' -- "$log_folder/hits.log" >&2 || true; } ;;
    esac
}

# Runs one step; adds a row to `table`, and to `broken` if it failed.
do_step() {
    local step=$1 begin=$SECONDS took result=passed
    say "$step: ${about[$step]}"
    if ! run_step "$step"; then
        result=FAILED
        broken+=("$step")
        say "$step failed; by itself: scripts/test.sh $step"
    fi
    took=$((SECONDS - begin))
    table+=$(printf '%-8s %-7s %2d:%02d  %s' "$step" "$result" $((took / 60)) $((took % 60)) "${about[$step]}")$'\n'
}

main() {
    local step table='' broken=()
    for step in "$@"; do
        if [[ -z ${about[$step]:-} ]]; then
            usage
            [[ $step == --help ]] && exit 0
            exit 2
        fi
    done
    "$root/scripts/install.sh" build test
    find_fixed_addresses
    for step in "${@:-${steps[@]}}"; do
        do_step "$step"
    done
    printf '\n%s\n' "$table"
    if ((${#broken[@]} > 0)); then
        printf 'failed: %s\n' "${broken[*]}"
    fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    ((${#broken[@]} == 0))
}

main "$@"
