# shellcheck shell=bash
# What the scripts share: where the project is, how they speak, how they build. Sourced, never run.

root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")

say() {
    printf 'fetchonce: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# quietly LOG COMMAND... - keeps what the command prints in LOG; shows the end of it if it fails.
quietly() {
    local log=$1 status=0
    shift
    mkdir -p -- "$(dirname -- "$log")" || die "this user may not write to $root, where builds are made"
    "$@" >"$log" 2>&1 || status=$?
    if ((status != 0)); then
        # What ctest says of tests that pass would hide what the others printed.
        grep -vE ' Passed +[0-9.]+ sec$|^ +Start +[0-9]+:' -- "$log" | tail -n 150 >&2 || true
        say "'$*' failed; the whole of its output is in $log"
    fi
    return "$status"
}

# from_root COMMAND... - runs it in the project's folder, where CMake looks for its presets.
from_root() (
    cd -- "$root" || exit
    exec "$@"
)

# configure PRESET [CMAKE ARG...] - only the first time; afterwards ninja reconfigures by itself.
configure() {
    local preset=$1
    shift
    if [[ -f $root/build/$preset/build.ninja ]]; then
        return 0
    fi
    quietly "$root/build/log/configure-$preset.log" from_root cmake --preset "$preset" "$@"
}

# build PRESET [TARGET...] - everything of a preset, or only some of its targets.
build() {
    local preset=$1
    shift
    quietly "$root/build/log/build-$preset.log" \
        from_root cmake --build --preset "$preset" ${1:+--target "$@"}
}

# sources PATTERN... - the project's files whose names match, NUL between them, in a stable order.
sources() {
    local pattern names=()
    for pattern in "$@"; do
        names+=(-o -name "$pattern")
    done
    from_root find lib server tests -type f '(' "${names[@]:1}" ')' -print0 | LC_ALL=C sort -z
}

# replace_block FILE NAME TEXT - puts what the file TEXT holds between "<!-- NAME begins -->" and
# "<!-- NAME ends -->" in FILE.
replace_block() {
    local file=$1 name=$2 text=$3 whole
    grep -q "^<!-- $name begins -->" "$file" || die "$file has no block $name"
    whole=$(awk -v text="$text" -v begins="<!-- $name begins -->" -v ends="<!-- $name ends -->" '
        index($0, ends) == 1 { skip = 0 }
        !skip { print }
        index($0, begins) == 1 { print ""; while ((getline line < text) > 0) print line; print ""; skip = 1 }
    ' "$file")
    printf '%s\n' "$whole" >"$file"
    say "wrote $file"
}
