# shellcheck shell=bash
# For all parts of bench.sh: starting and stopping what is measured, on the processors it belongs to.
# Sourced by bench.sh. A part runs in a subshell of its own; what it starts ends with it.
# shellcheck disable=SC2034,SC2154 # variables shared with who sources this

connections=64 # of a load, where nothing else is said
origin_body_bytes=1024

# The processors this shell may use, the first two of them.
choose_processors() {
    local list
    list=$(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' |
        while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done | head -n 2)
    { read -r server_cpu && read -r load_cpu; } <<<"$list" ||
        die "the bench needs two processors: one for the server, one for the load"
}

# Each part begins here, in its subshell.
bench_begin_part() {
    pids=()            # of what `start` started
    declare -gA peer_pids=()
    peer_pid=          # of the last peer, also while it does not serve yet
    peer_wrap=(taskset -c "$server_cpu")
    peer_folder=$work
    trap bench_end_part EXIT
}

bench_end_part() {
    local name
    for name in "${!peer_pids[@]}"; do
        peer_stop "${peer_pids[$name]}"
    done
    [[ -z $peer_pid ]] || peer_stop "$peer_pid"
    [[ $peer_folder == "$work" ]] || rm -rf -- "$peer_folder"
    if ((${#pids[@]} > 0)); then
        kill "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true
    fi
}

# start NAME COMMAND... - runs it on `start_cpus`, by default the server's processor; its output goes to
# $work/NAME, its process id to `started`. Returns once it has printed a line.
start() {
    local name=$1
    shift
    rm -f -- "$work/$name" # what an earlier one of this name printed
    taskset -c "${start_cpus:-$server_cpu}" "$@" >"$work/$name" 2>"$work/$name.err" &
    started=$!
    pids+=("$started")
    until [[ -s $work/$name ]]; do
        kill -0 "$started" 2>/dev/null || die "$name did not start: $(cat "$work/$name.err")"
        sleep 0.05
    done
}

# Stops what was started last.
stop_last() {
    kill "$started"
    wait "$started" || true
    unset "pids[-1]"
}

# start_server NAME [OPTION...] - sets `started` and `port`. One loop, unless an option says otherwise.
start_server() {
    local name=$1
    shift
    start "$name" "$bin/server/fetchonce" --listen 127.0.0.1:0 --loops 1 --allow 127.0.0.0/8 "$@"
    port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$work/$name" | head -n 1)
}

# start_bare NAME FILE [DELAY_MS] - the bare loop that answers the file's bytes; sets `started` and `port`.
start_bare() {
    start "$1" "$bin/tests/bench/bench_bare_epoll" "$2" ${3:+"$3"}
    port=$(cat "$work/$1")
}

# An origin that answers everything with the same 1 KiB, fresh for a day; sets `started` and `port`.
start_origin() {
    {
        printf 'HTTP/1.1 200 OK\r\nDate: %s\r\n' "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')"
        printf 'Content-Type: text/plain\r\nCache-Control: max-age=86400\r\nETag: "one"\r\n'
        printf 'Content-Length: %d\r\n\r\n' "$origin_body_bytes"
        head -c "$origin_body_bytes" /dev/zero | tr '\0' x
    } >"$work/origin-answer"
    start_bare origin "$work/origin-answer"
}

# Files of the peers of this part are in memory, where the system has a folder for that.
peers_in_memory() {
    [[ ! -w /dev/shm ]] || peer_folder=$(TMPDIR=/dev/shm peers_folder)
}

# start_peer NAME ORIGIN_PORT - one of the other caches; sets `port` and `peer_pid`, or fails and says why.
start_peer() {
    local name=$1 origin_port=$2
    if [[ -z $(peer_program "$name") ]]; then
        say "$name is not installed, so not compared with (scripts/bench.sh --peers installs it)"
        return 1
    fi
    port=$(peer_free_port)
    peer_start "$name" "$port" "$origin_port" "$peer_folder/$name.folder" || return 1
    peer_pids[$name]=$peer_pid
}

# write_request FILE PATH [FIELD...] - a request as a load sends it.
write_request() {
    local file=$1 path=$2
    shift 2
    {
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n' "$path"
        (($# == 0)) || printf '%s\r\n' "$@"
        printf '\r\n'
    } >"$file"
}

# keep_answer PORT REQUEST_FILE FILE - asks once, and keeps the very bytes of the answer.
keep_answer() {
    perl -MIO::Socket::INET -e '
        my ($port, $from, $to) = @ARGV;
        open(my $in, "<:raw", $from) or die; my $request = do { local $/; <$in> };
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 5) or die "connect: $!";
        $socket->send($request);
        my $answer = "";
        local $SIG{ALRM} = sub { die "no answer\n" }; alarm 10;
        while ($answer !~ /\r\n\r\n/s) { sysread($socket, $answer, 65536, length $answer) or die "end\n"; }
        my ($head) = $answer =~ /^(.*?\r\n\r\n)/s;
        my $rest = $head =~ /^HTTP\S+ 304/ ? 0 : $head =~ /\ncontent-length: *(\d+)/i ? $1 : die "no length\n";
        while (length($answer) < length($head) + $rest) { sysread($socket, $answer, 65536, length $answer) or die "end\n"; }
        open(my $out, ">:raw", $to) or die; print $out $answer;
    ' "$1" "$2" "$3"
}
