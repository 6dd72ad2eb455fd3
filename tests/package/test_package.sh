#!/usr/bin/env bash
# test_package.sh BUILD_FOLDER C_COMPILER - the library is installable by itself.
#
# Installs it into a folder of its own, moves that folder, and there compiles consumer.c with the
# flags of pkg-config alone: with the shared library, wholly static, and as C++. Each header must
# compile in a program that defines nothing, and only async_ names may be visible in the shared
# library.
set -euo pipefail

build_folder=$1
compiler=$2
here=$(dirname -- "$(readlink -f -- "$0")")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The flags of pkg-config in an array: they are shell words, quoted where a path needs it.
pc=()
flags() {
    eval "pc=($(pkg-config "$@" async-locks))"
}

run_and_compare() {
    local said
    said=$("$@") || fail "$1 failed: $said"
    [[ $said == $'first: '*$'\nsecond: '* ]] || fail "$1 said: $said"
}

cmake --install "$build_folder" --component async --prefix "$work/built here" >/dev/null
mv -- "$work/built here" "$work/moved there"
libraries=$(dirname -- "$(find "$work/moved there" -name libasync-locks.so)")
export PKG_CONFIG_PATH=$libraries/pkgconfig
strict=(-std=c17 -Wall -Wextra -pedantic -Werror)

flags --cflags --libs
"$compiler" "${strict[@]}" "$here/consumer.c" "${pc[@]}" -o "$work/shared"
run_and_compare env LD_LIBRARY_PATH="$libraries" "$work/shared"
# Read whole: with grep -q at the end of a pipe, ldd may be killed for writing on, and so "fail".
linked=$(LD_LIBRARY_PATH=$libraries ldd "$work/shared")
[[ $linked == *"$libraries/libasync-locks.so.0 "* ]] ||
    fail "the program does not use the shared library"

# All of the library, not only what this program uses of it, must find what it needs.
# glibc remarks at link time that getaddrinfo, which libevent knows, would want shared libraries.
flags --static --cflags --libs
"$compiler" "${strict[@]}" -static "$here/consumer.c" -Wl,--whole-archive \
    "$libraries/libasync-locks.a" -Wl,--no-whole-archive "${pc[@]}" -o "$work/static" 2>"$work/remarks" ||
    fail "$(<"$work/remarks")"
run_and_compare "$work/static"

flags --cflags
for header in "$work/moved there/include/async"/*.h; do
    printf '#include <async/%s>\n' "${header##*/}" |
        "$compiler" "${strict[@]}" "${pc[@]}" -fsyntax-only -x c -
done

# C++ programs may use it too: consumer.c happens to be in both languages.
cpp_compiler=$(command -v clang++ || command -v g++) || fail "no C++ compiler: install clang or g++"
for header in "$work/moved there/include/async"/*.h; do
    printf '#include <async/%s>\n' "${header##*/}" |
        "$cpp_compiler" -std=c++17 -Wall -Wextra -pedantic -Werror "${pc[@]}" -fsyntax-only -x c++ -
done
flags --cflags --libs
"$cpp_compiler" -std=c++20 -Wall -pedantic -Werror -x c++ "$here/consumer.c" -x none "${pc[@]}" -o "$work/cpp"
run_and_compare env LD_LIBRARY_PATH="$libraries" "$work/cpp"

foreign=$(nm -D --defined-only "$libraries/libasync-locks.so" | awk '$3 !~ /^async_/')
[[ -z $foreign ]] || fail "visible names that are not ours to take: $foreign"
