#!/usr/bin/env bash
# cases.sh [--write] - whether every case of docs/COLLAPSING.md has a test that is named after it.
#
# A test is named after case 7 by "case_07_" at the beginning of its name. Fails if a case has none of the
# whole server or in the simulator, besides those of single parts, or if the page names a test that is
# gone; --write brings the page's list of tests up to date.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

page=$root/docs/COLLAPSING.md
numbers=$(seq 1 32 && echo 37 && echo 38) # 33 to 36 are about several nodes

# "07 tests/unit/fetch/test_flight.c case_07_..." for each test: the functions that are defined.
tests() {
    from_root grep -roE --include='*.c' '^(static )?void (test_)?case_[0-9]{2}_[a-z0-9_]+\(' tests |
        sed -E 's/^(.*):(static )?void ((test_)?case_([0-9]{2})_.*)\($/\5 \1 \3/' | LC_ALL=C sort -u
}

# The list as the page has it: a row a case, its tests by file.
list() {
    local number padded
    echo "| case | tests |"
    echo "|---:|---|"
    for number in $numbers; do
        padded=$(printf '%02d' "$number")
        awk -v wanted="$padded" -v number="$number" '
            $1 == wanted {
                if ($2 != file) {
                    file = name = $2
                    sub(/.*\//, "", name)
                    cell = cell (cell == "" ? "" : "<br>") "[" name "](../" file "):"
                }
                cell = cell " `" $3 "`"
            }
            END { print "| " number " | " cell " |" }' <<<"$all"
    done
}

all=$(tests)
status=0
for number in $numbers; do
    if ! grep -qE "^$(printf '%02d' "$number") tests/(integration|sim)/" <<<"$all"; then
        echo "case $number of docs/COLLAPSING.md has no test in tests/integration or tests/sim whose name begins with case_$(printf '%02d' "$number")_"
        status=1
    fi
done
if [[ ${1:-} == --write ]]; then
    text=$(mktemp)
    list >"$text"
    replace_block "$page" tests "$text"
    rm -f -- "$text"
fi
while read -r name; do
    if ! grep -q " $name\$" <<<"$all"; then
        echo "docs/COLLAPSING.md names the test $name, which there is not; scripts/check/cases.sh --write"
        status=1
    fi
done < <(grep -oE '\b(test_)?case_[0-9]{2}_[a-z0-9_]+' "$page" | LC_ALL=C sort -u)
exit "$status"
