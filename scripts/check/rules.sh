#!/usr/bin/env bash
# rules.sh - what the style asks for and no compiler sees: a licence line, a first comment, no banned
# calls, no file past 600 lines, no unfinished business without the number of an issue. And that
# README names each Debian package, and says of settings what docs/SETTINGS.md says; and that the
# tests which docs/CONFORMANCE.md names are there, and each case of docs/COLLAPSING.md has one
# (cases.sh).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/../common.sh"

# Comments are not searched for calls, as they may well say why one is not made.
read -r -d '' program <<'AWK' || true
function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; broken = 1 }

FNR == 1 && $0 != "/* SPDX-License-Identifier: MIT */" { complain("the first line is not the licence") }
FNR == 2 && !/^\/\*/ { complain("no comment here says what the file is for") }
FNR == 601 { complain("past 600 lines: split it") }
/(^|[^A-Za-z0-9_])(TODO|FIXME|XXX)([^A-Za-z0-9_]|$)/ && !/#[0-9]+/ { complain("unfinished, and no number of an issue") }
{ code = $0; sub(/^ *(\/?\*|\/\/).*/, "", code); sub(/\/[*\/].*/, "", code) }
code ~ /(^|[^A-Za-z0-9_])(strcpy|strcat|v?sprintf|ato(i|l|ll)|alloca|gets|strtok|setjmp|longjmp) *\(/ {
    complain("a call that the style bans")
}
END { exit broken }
AWK

read -r -d '' package_program <<'AWK' || true
FNR == NR { readme = readme $0; next }
!/^#/ && NF > 0 && split($2, names, "|") {
    for (i in names)
        if (!index(readme, "`" names[i] "`")) { print "README.md does not name the package " names[i]; broken = 1 }
}
END { exit broken }
AWK

# The rows of README's table of settings that are not in docs/SETTINGS.md.
stale_settings() {
    from_root grep -F '<br>`FETCHONCE_' README.md | from_root grep -vxF -f docs/SETTINGS.md
}

# The files and functions of tests that docs/CONFORMANCE.md names, and that are not in tests/.
missing_tests() {
    local name
    # shellcheck disable=SC2016 # these are backticks of Markdown
    from_root grep -oE '`[a-z_/0-9]*(test|case)_[a-z_0-9]+(\.c)?`' docs/CONFORMANCE.md |
        tr -d '`' | sort -u | while IFS= read -r name; do
            case $name in
            */*.c) [[ -f $root/$name ]] || echo "$name" ;;
            *.c) [[ -f $root/tests/unit/http/$name ]] || echo "$name" ;;
            *) grep -rqw --include='*.c' -- "$name" "$root/tests" || echo "$name" ;;
            esac
        done
}

status=0
sources '*.c' '*.h' | from_root xargs -0 -r awk "$program" || status=1
from_root awk "$package_program" README.md scripts/packages.txt || status=1
if stale_settings; then
    echo "README.md says this of settings, and docs/SETTINGS.md does not"
    status=1
fi
missing=$(missing_tests)
if [[ -n $missing ]]; then
    printf '%s\n' "docs/CONFORMANCE.md names tests that are not there:" "$missing"
    status=1
fi
"$root/scripts/check/cases.sh" || status=1
exit "$status"
