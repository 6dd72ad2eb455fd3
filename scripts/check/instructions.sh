#!/usr/bin/env bash
# instructions.sh [--write] - whether a hit costs what it is known to cost: instructions in user space
# per request of the release build, under callgrind, beside tests/bench/instructions.txt.
#
# Fails if a kind of request takes more than the figure there by more than the margin, allocates, or
# makes another system call; and if it takes clearly less, so that the figure is lowered: --write
# does that. The same build gives the same count on each run, on any machine, however busy; another
# compiler or C library gives another one, and then nothing is compared.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

figures=$root/tests/bench/instructions.txt
margin_percent=3
server=$root/build/release/server/fetchonce

# Says why the count cannot be compared here, if so.
why_not() {
    local compiler
    compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$root/build/release/CMakeCache.txt")
    command -v valgrind >/dev/null || { echo "valgrind is not installed"; return; }
    [[ $(uname -m) == x86_64 ]] || { echo "the figures are of x86-64"; return; }
    grep -qw avx2 /proc/cpuinfo || { echo "the figures are of a processor with AVX2"; return; }
    [[ $("$compiler" --version | head -n 1) == *"(Debian 12."* ]] ||
        { echo "the figures are of Debian's gcc 12, this build is by $compiler"; return; }
    [[ $(getconf GNU_LIBC_VERSION) == "glibc 2.36" ]] ||
        echo "the figures are of glibc 2.36, here is $(getconf GNU_LIBC_VERSION)"
}

configure release -DBUILD_TESTING=OFF
build release fetchonce
reason=$(why_not)
if [[ -n $reason ]]; then
    say "instructions of a hit: not compared, as $reason"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
perl "$root/scripts/check/instructions.pl" "$server" "$work" >"$work/counts" 2>"$work/errors" ||
    die "the count broke off: $(cat "$work/errors")"
if [[ ${1:-} == --write ]]; then
    { sed -n '/^#/p' "$figures" && awk '{ print $1, $2 }' "$work/counts"; } >"$work/figures"
    cp -- "$work/figures" "$figures"
    say "wrote $figures"
fi
echo "kind of request, instructions, known, allocations, receives, sends, waits"
awk -v margin="$margin_percent" '
    FNR == NR { if ($0 !~ /^#/) known[$1] = $2; next }
    {
        printf "%-14s %6d %6d %6.2f %5.2f %5.2f %5.2f\n", $1, $2, known[$1], $3, $4, $5, $6
        if (!($1 in known)) { print "  has no figure: scripts/check/instructions.sh --write"; broken = 1 }
        else if ($2 > known[$1] * (1 + margin / 100)) { print "  takes more than it did"; broken = 1 }
        else if ($2 < known[$1] * (1 - margin / 100)) {
            print "  takes less than it did: lower its figure by scripts/check/instructions.sh --write"
            broken = 1
        }
        if ($3 != 0) { print "  allocates"; broken = 1 }
        if ($4 != 1 || $5 != 1 || $6 != 1) { print "  makes another number of system calls"; broken = 1 }
    }
    END { exit broken }
' "$figures" "$work/counts"
