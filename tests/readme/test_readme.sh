#!/usr/bin/env bash
# test_readme.sh SERVER - the curl lines of README.md give what README.md says.
#
# Starts the server, twice, and the slow origin as README does, but on free ports; runs each line that
# begins with "$ " in a block of kind `console`, in order; compares what it prints with the lines
# below it. The ports of README are replaced by the free ones in commands and answers.
set -euo pipefail

server=$1
root=$(dirname -- "$(readlink -f -- "$0")")/../..
pids=()

stop_all() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
}
trap stop_all EXIT

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# start COMMAND... - runs it until the end of the test; its port, from the line in which it says
# where it listens, goes to `port`. It keeps its end of the pipe, so that it can say more.
start() {
    local line said='' output
    exec {output}< <(exec "$@" 2>&1)
    pids+=("$!")
    while read -t 20 -r -u "$output" line; do
        said+=$line$'\n'
        if [[ $line =~ 127\.0\.0\.1:([0-9]+) ]]; then
            port=${BASH_REMATCH[1]}
            return 0
        fi
    done
    fail "$1 did not say where it listens: $said"
}

with_free_ports() {
    local text=${1//:8080/:$server_port}
    text=${text//:8081/:$proxy_port}
    printf '%s' "${text//:9000/:$origin_port}"
}

# check COMMAND ANSWER
check() {
    local command answer said
    command=$(with_free_ports "$1")
    answer=$(with_free_ports "$2")
    said=$(bash -c "$command" 2>/dev/null) || fail "failed: $1"$'\n'"$said"
    [[ $said == "$answer" ]] ||
        fail "README says that"$'\n'"$1"$'\n'"prints"$'\n'"$2"$'\n'"but it prints"$'\n'"$said"
    checked=$((checked + 1))
}

check_all() {
    local line inside='' command='' answer=''
    while IFS= read -r line; do
        if [[ -n $command && ($line == '$ '* || $line == '```') ]]; then
            check "$command" "${answer%$'\n'}"
            command='' answer=''
        fi
        case $line in
        '```console') inside=yes ;;
        '```') inside='' ;;
        '$ '*) [[ -z $inside ]] || command=${line#'$ '} ;;
        *) [[ -z $inside ]] || answer+=$line$'\n' ;;
        esac
    done <"$root/README.md"
}

start "$server" --listen 127.0.0.1:0 --allow 127.0.0.1/32
server_port=$port
start "$root/scripts/slow_origin.pl" 0
origin_port=$port
FETCHONCE_FORWARD_PROXY_ENABLED=true start "$server" --listen 127.0.0.1:0 --allow 127.0.0.1/32 \
    --route "/=http://127.0.0.1:$origin_port"
proxy_port=$port
checked=0
check_all
((checked >= 9)) || fail "README has only $checked curl lines"
