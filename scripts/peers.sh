# shellcheck shell=bash
# The caches that fetchonce is compared with: installing, starting and stopping nginx, Varnish,
# Squid and HAProxy. Sourced, never run.
#
# Each is a caching reverse proxy on a loopback port in front of one origin, set up as somebody would
# who knows it and wants it to coalesce; why each option is there, its file in scripts/peers/ says.
# They run as children of the script that sources this, in a folder that it gives, and are stopped
# by process id. A service that the system runs under the same name is neither started nor touched.
# shellcheck source-path=SCRIPTDIR source=common.sh
[[ -n ${root:-} ]] || source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"

# shellcheck disable=SC2034 # for who sources this
peer_names=(nginx varnish squid haproxy)

# What stands before the command of a peer that is started, such as (taskset -c 0).
peer_wrap=()

# `on` where long answers are measured, for which nginx is cheaper with it; for short ones, without it.
peer_sendfile=off

# peers_install - installs the peers that are missing, without letting Debian start their services.
peers_install() {
    local policy=/usr/sbin/policy-rc.d made='' status=0
    # Debian asks this file whether a package may start its service; where there is none, all may.
    if [[ ! -e $policy && -w ${policy%/*} ]] && ! peers_are_installed; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made=yes
    fi
    "$root/scripts/install.sh" peers || status=$?
    [[ -z $made ]] || rm -f -- "$policy"
    return "$status"
}

peers_are_installed() {
    local name
    for name in "${peer_names[@]}"; do
        [[ -n $(peer_program "$name") ]] || return 1
    done
}

# peer_program NAME - the path of its program, nothing if it is not installed. Debian keeps these in
# folders that are not on every user's path.
peer_program() {
    local program=$1
    [[ $program == varnish ]] && program=varnishd
    PATH=$PATH:/usr/sbin:/sbin type -P "$program" || true
}

# peer_version NAME - such as "nginx 1.22.1".
peer_version() {
    local program text
    program=$(peer_program "$1")
    case $1 in
    varnish) text=$("$program" -V 2>&1) ;;
    *) text=$("$program" -v 2>&1) ;;
    esac
    [[ $text =~ [0-9]+(\.[0-9]+)+ ]] || die "$1 does not tell its version"
    printf '%s %s\n' "$1" "${BASH_REMATCH[0]}"
}

# peer_free_port - a port of loopback that nobody listens on now.
peer_free_port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 1)->sockport, "\n"'
}

# peers_folder - makes a temporary folder for peers, and prints its path. Others than its owner may
# go through it: started by root, nginx and Squid go on as a user of their own.
peers_folder() {
    local folder
    folder=$(mktemp -d)
    chmod 711 "$folder"
    printf '%s\n' "$folder"
}

# Writes the peer's file into its folder, the words between @ filled in; prints its path.
peer_configure() {
    local name=$1 port=$2 origin_port=$3 folder=$4 template
    template=$(printf '%s\n' "$root/scripts/peers/$name".*)
    sed -e "s|@PORT@|$port|g; s|@ORIGIN_PORT@|$origin_port|g; s|@FOLDER@|$folder|g; s|@SENDFILE@|${peer_sendfile:-off}|g" \
        "$template" >"$folder/${template##*/}"
    printf '%s\n' "$folder/${template##*/}"
}

# peer_start NAME PORT ORIGIN_PORT FOLDER - starts the peer on 127.0.0.1:PORT in front of
# 127.0.0.1:ORIGIN_PORT and returns once it takes connections, or fails once it has ended. FOLDER, best one inside that of
# peers_folder, is made if need be; the peer's files and output go there. Sets `peer_pid`, which
# peer_stop wants, before it waits: who is interrupted meanwhile stops that one too.
peer_start() {
    local name=$1 port=$2 origin_port=$3 folder=$4 program file command
    program=$(peer_program "$name")
    [[ -n $program ]] || die "$name is not installed"
    mkdir -p -- "$folder"
    file=$(peer_configure "$name" "$port" "$origin_port" "$folder")
    case $name in
    nginx) command=("$program" -p "$folder" -c "$file" -e "$folder/error.log") ;;
    varnish)
        # Enough threads that none has to be made during a crowd: each client that reads along with
        # a fetch has one. Those who wait are let go all at once, not a few more each time; and clients
        # are kept for as long as by the others. No jail, as its folder belongs to who runs the script.
        command=("$program" -F -j none -n "$folder/work" -f "$file" -a "127.0.0.1:$port" -s "malloc,512m"
            -p thread_pools=1 -p thread_pool_min=1200 -p thread_pool_max=5000 -p listen_depth=4096
            -p rush_exponent=1000 -p timeout_idle=60)
        ;;
    squid)
        # As root it becomes the user `proxy`, which has to write its log.
        chmod 777 "$folder"
        command=("$program" -N -f "$file")
        ;;
    haproxy) command=("$program" -db -f "$file") ;;
    esac
    "${peer_wrap[@]}" "${command[@]}" >"$folder/output" 2>&1 &
    peer_pid=$!
    peer_await "$name" "$port" "$folder"
}

# Waits until the peer takes connections; if it ends before, or takes too long, shows what it said.
peer_await() {
    local name=$1 port=$2 folder=$3 tries
    for ((tries = 0; tries < 300; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return 0
        fi
        kill -0 "$peer_pid" 2>/dev/null || break
        sleep 0.1
    done
    peer_stop "$peer_pid"
    say "$name did not start:"$'\n'"$(tail -n 20 "$folder/output")"
    return 1
}

# peer_stop PID - stops the peer, with the processes it started, and waits for its end.
peer_stop() {
    local pid=$1 tries
    kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    [[ ${peer_pid:-} != "$pid" ]] || peer_pid=
}
