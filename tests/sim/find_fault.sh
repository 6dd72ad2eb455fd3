#!/usr/bin/env bash
# find_fault.sh SIM_FAULTY NAME - the planted fault is found within 10,000 seeds, and by its seed again.
#
# The abort of an assertion counts as found, a crash without a seed does not.
set -euo pipefail

program=$1
fault=$2

found=$("$program" --fault "$fault" 1 10000 2>&1) && {
    printf '%s was not found: %s\n' "$fault" "$found"
    exit 1
}
line=$(grep -E '^seed [0-9]+: ' <<<"$found") || {
    printf '%s: ended without naming a seed: %s\n' "$fault" "$found"
    exit 1
}
seed=${line#seed }
again=$("$program" --fault "$fault" "${seed%%:*}" 1 2>&1) && {
    printf '%s: seed %s does not replay\n' "$fault" "${seed%%:*}"
    exit 1
}
[[ $again == *"$line"* ]] || {
    printf '%s: found "%s", replayed "%s"\n' "$fault" "$line" "$again"
    exit 1
}
printf '%s\n' "$line"
