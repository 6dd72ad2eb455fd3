#!/usr/bin/env bash
# run_model.sh MODEL C_COMPILER - spin looks at every state of MODEL.pml; see README.md.
#
# First the model as the code is: no assertion and no property may fail, and all of it must have
# been reached. Then with one fault planted at a time: spin must find each, by the property or the
# assertion that stands beside it here. A line for each search says how many states it stored.
set -euo pipefail

model=$1
compiler=$2
here=$(dirname -- "$(readlink -f -- "$0")")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
memory_mib=512
depth_max=1000000

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# make_search FLAGS... - writes and compiles the search of the model with these -D flags; those that
# begin with +D are for spin's own C code.
make_search() {
    local flag for_model=() for_search=("-DMEMLIM=$memory_mib" -O1)
    for flag in "$@"; do
        case $flag in
        -DFAULT_*) for_model+=("$flag") for_search+=(-O0) ;; # found soon: compiling is what takes time
        +D*) for_search+=("-${flag#+}") ;;
        *) for_model+=("$flag") ;;
        esac
    done
    (
        cd "$work"
        rm -f -- pan*
        spin "${for_model[@]}" -a "$here/$model.pml" >spin.log 2>&1 &&
            "$compiler" -w "${for_search[@]}" pan.c -o pan >>spin.log 2>&1
    ) || fail "spin ${for_model[*]} $model.pml: $(<"$work/spin.log")"
}

# search WHAT OPTIONS... - runs it, what it said is in `said`.
search() {
    local what=$1
    shift
    said=$(cd "$work" && ./pan -w20 "-m$depth_max" "$@" 2>&1) || fail "$what: $said"
    [[ $said != *'not completed'* || $said == *'errors: 1'* ]] || fail "$what: $said"
    [[ $said != *'max search depth too small'* ]] || fail "$what: deeper than $depth_max: $said"
    [[ $said =~ ([0-9e+.]+)\ states,\ stored ]] || fail "$what: $said"
    printf '%-64s %9s states\n' "$model: $what" "${BASH_REMATCH[1]}"
}

expect_no_error() {
    [[ $said == *'errors: 0'* ]] || fail "$1 does not hold: $said"
}

# Assertions, deadlocks, and that no line of the model is dead. Four are, for a reason: a waiter
# asks on its own loop, so the post of a free lock has no use for the three lines of the mailbox;
# and a loop has no end.
holds_always() {
    make_search "$@" +DSAFETY +DNOCLAIM
    search "assertions, no deadlock $*"
    expect_no_error "an assertion"
    [[ $said =~ \(([0-9]+)\ of\ [0-9]+\ states\) && ${BASH_REMATCH[1]} == 4 ]] ||
        fail "some lines of the model are never reached: $said"
}

# Options for a property: those that say that something happens in the end need weak fairness.
# With -A an assertion does not stop the search, so that the property is found by itself; not so
# where spin makes an assertion of the property.
options_of() {
    options=(-a -N "$1")
    case $1 in
    told_in_the_end | no_lost_wake_up) options+=(-A -f) ;;
    esac
}

# holds FLAGS -- PROPERTY...
holds() {
    local flags=() property options
    while [[ $1 != -- ]]; do
        flags+=("$1")
        shift
    done
    shift
    make_search "${flags[@]}"
    for property in "$@"; do
        options_of "$property"
        search "$property ${flags[*]}" "${options[@]}"
        expect_no_error "$property"
    done
}

# found_by_property FAULT PROPERTY
found_by_property() {
    local options
    make_search "-DFAULT_$1" "${small[@]}"
    options_of "$2"
    search "$1 breaks $2" "${options[@]}"
    [[ $said == *'errors: 1'* ]] || fail "$1 does not break $2: $said"
}

# found_by_assertion FAULT ASSERTION, spelt as spin spells it
found_by_assertion() {
    make_search "-DFAULT_$1" +DSAFETY +DNOCLAIM
    search "$1 breaks $2"
    [[ $said == *"assertion violated $2"* ]] || fail "$1 does not break $2: $said"
}

for tool in spin "$compiler"; do
    command -v "$tool" >/dev/null || fail "$tool is missing: scripts/install.sh build test"
done

# Assertions are asked with more room than properties, for which each state counts several times.
small=(-DCALLS_BEFORE=1)
holds_always -DPATIENT=0
holds -DPATIENT=0 "${small[@]}" -- one_holder no_gap first_come_first_served told_in_the_end no_lost_wake_up
holds -DPATIENT=1 "${small[@]}" -- told_in_the_end

found_by_property GIVE_BACK_FORGOTTEN told_in_the_end
found_by_property END_SLEEP_EARLY no_lost_wake_up
found_by_assertion POST_AFTER_UNLOCK 'is_owed[w]'
found_by_assertion NO_PASS_THROUGH_MUTEX ' !(is_granter_inside[w])'
case $model in
keyed_lock)
    found_by_property QUEUE_LEFT_BEHIND told_in_the_end
    ;;
lock)
    found_by_property CONTENDED_NOT_SET told_in_the_end
    found_by_assertion CONTENDED_NOT_SET '(q_len(parked_order)==0)'
    found_by_property SWAPS_TRIED_AGAIN told_in_the_end
    found_by_property CONTENDED_LOST told_in_the_end
    found_by_assertion FREED_IN_BETWEEN '(q_len(parked_order)==0)'
    ;;
*) fail "no such model: $model" ;;
esac
