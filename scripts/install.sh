#!/usr/bin/env bash
# install.sh [GROUP...] - installs what is missing of the Debian packages that packages.txt lists.
#
# Groups: build (the default), test, bench, peers, image. Asks dpkg first, so that a second run does
# nothing and needs neither network nor privilege. Installs as root or through sudo; where it can
# be neither, it names the packages. NO_INSTALL=1 skips it, for who brings the libraries along.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

# The packages of the groups given, one a line, alternatives joined by '|'.
listed_packages() {
    local wanted=" $* " group package rest
    while read -r group package rest; do
        if [[ $wanted == *" $group "* ]]; then
            printf '%s\n' "$package"
        fi
    done < <(grep -v '^#' "$root/scripts/packages.txt") | LC_ALL=C sort -u
}

# Whether one of the alternatives is installed; `installed` holds the names of all that are.
is_installed() {
    local name
    for name in ${1//|/ }; do
        if [[ -n ${installed[$name]:-} ]]; then
            return 0
        fi
    done
    return 1
}

# Fills `missing` with those of the arguments that are not installed.
find_missing() {
    local -A installed=()
    local name state package names
    mapfile -t names < <(printf '%s\n' "$@" | tr '|' '\n')
    while read -r name state; do
        if [[ $state == installed ]]; then
            # shellcheck disable=SC2034 # read by is_installed
            installed[$name]=yes
        fi
    done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${names[@]}" 2>/dev/null || true)
    missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
}

# The words for root, sudo or neither, in `as_root`.
find_privilege() {
    if [[ $(id -u) == 0 ]]; then
        as_root=()
    elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
        as_root=(sudo)
    else
        die "these Debian packages are missing, and this user can install none (neither root nor sudo):
    ${missing[*]}
Have them installed (on Debian 12, that is:
    apt-get install --no-install-recommends ${missing[*]##*|})
or, if you have the libraries from elsewhere, run this again with NO_INSTALL=1."
    fi
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Of alternatives, the first that apt can install.
choose() {
    local name
    for name in ${1//|/ }; do
        if [[ -n $(apt-cache show --no-all-versions "$name" 2>/dev/null) ]]; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    die "no package source of this system has $1; is it older than Debian 12?"
}

install_missing() {
    local package name chosen=() log
    log=$(mktemp)
    # A source that does not answer need not matter: whether all is found shows at the install.
    apt_get update >"$log" 2>&1 || true
    for package in "${missing[@]}"; do
        name=$(choose "$package") || {
            tail -n 20 "$log" >&2
            return 1
        }
        chosen+=("$name")
    done
    say "installing ${#chosen[@]} Debian packages: ${chosen[*]}"
    if ! apt_get install --no-install-recommends "${chosen[@]}" >>"$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "apt-get could not install them; its output is above and in $log"
    fi
    rm -f -- "$log"
}

main() {
    local packages
    if [[ -n ${NO_INSTALL:-} ]]; then
        return 0
    fi
    mapfile -t packages < <(listed_packages "${@:-build}")
    ((${#packages[@]} > 0)) || die "no such group of packages: $*; there are build, test, bench, peers, image"
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        die "this system has no apt-get. Install what corresponds to these Debian packages:
    ${packages[*]}
and run this again with NO_INSTALL=1."
    fi
    find_missing "${packages[@]}"
    if ((${#missing[@]} > 0)); then
        find_privilege
        install_missing
    fi
}

main "$@"
