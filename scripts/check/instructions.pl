#!/usr/bin/env perl
# instructions.pl SERVER WORK-FOLDER - what one request of each kind costs the server in user space,
# counted under callgrind: prints "kind instructions allocations receives sends waits" for each.
#
# One connection, one request at a time, so that each is a turn of the loop and nothing is left to
# chance. A request for /healthz ends a part of the count; each kind is counted with two numbers of
# requests, and the difference is what the requests between them took: start, first hits and the
# mark itself fall out. The origin is here as well. See instructions.sh.
use strict;
use warnings;
use IO::Socket::INET;

my ($server, $work) = @ARGV;
my ($few, $many) = (20, 520);
my $body = 'x' x 1024;
my $browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
    . "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    . "Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
    . "Connection: keep-alive\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n";

my $asked = 0; # requests so far

sub listen_local {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16)
        // die "instructions: cannot listen: $@\n";
}

# Reads up to the empty line; returns the head, or nothing at the end of the connection.
sub read_head {
    my ($socket) = @_;
    my $head = '';
    while (my $line = <$socket>) {
        $head .= $line;
        return $head if $line eq "\r\n";
    }
    return;
}

# Answers everything alike, for an hour, until it is killed.
sub serve_origin {
    my ($listener) = @_;
    while (my $client = $listener->accept) {
        while (defined read_head($client)) {
            print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"v1\"\r\n"
                . "Cache-Control: max-age=3600\r\nContent-Length: 1024\r\n\r\n$body";
            $client->flush;
        }
    }
    exit 0;
}

sub ask {
    my ($socket, $target, $fields, $status) = @_;
    my $new = ++$asked;
    $fields =~ s/NEW/sprintf '%08d', $new/e;
    print $socket "GET $target HTTP/1.1\r\nHost: 127.0.0.1\r\n$fields\r\n";
    $socket->flush;
    my $head = read_head($socket) // die "instructions: the server closed on $target\n";
    $head =~ m{^HTTP/1\.1 $status } or die "instructions: $target was answered\n$head";
    my ($length) = $head =~ /^content-length: (\d+)/mi;
    if ($length && $status != 304) {
        read($socket, my $bytes, $length) == $length or die "instructions: $target was cut\n";
    }
}

# What callgrind wrote of one part: instructions, and calls of functions by name.
sub read_part {
    my ($file) = @_;
    my (%names, %calls, $total, $called);
    open my $in, '<', $file or die "instructions: no $file: $!\n";
    while (<$in>) {
        if (/^c?fn=\((\d+)\)(?: (.*))?/) {
            my $id = $1;
            $names{$id} = $2 if defined $2;
            $called = $names{$id} if /^c/;
        } elsif (/^calls=(\d+)/) {
            my $times = $1;
            $called =~ s/[\@'].*//; # a version of the name, or a level of recursion
            $calls{$called} += $times;
        } elsif (/^(?:totals|summary): (\d+)/) {
            $total = $1;
        }
    }
    return ($total, \%calls);
}

sub calls_of {
    my ($calls, @names) = @_;
    my $sum = 0;
    $sum += $calls->{$_} // 0 for @names;
    return $sum;
}

my $listener = listen_local();
my $origin = sprintf 'http://127.0.0.1:%d', $listener->sockport;
my $origin_pid = fork // die "instructions: fork: $!\n";
serve_origin($listener) if $origin_pid == 0;

my $server_pid = open my $output, '-|', 'valgrind', '--tool=callgrind', '--quiet',
    "--callgrind-out-file=$work/part", '--dump-before=health_start', "--log-file=$work/valgrind",
    $server, '--listen', '127.0.0.1:0', '--loops', '1', '--allow', '127.0.0.0/8',
    '--route', "/route=$origin"
    or die "instructions: cannot start valgrind: $!\n";

sub stop {
    kill 'TERM', $origin_pid, $server_pid;
    waitpid $origin_pid, 0;
    close $output; # waits for the server
}
local $SIG{__DIE__} = sub { stop(); print STDERR @_; exit 1 };
local $SIG{ALRM} = sub { die "instructions: the server does not answer\n" };
alarm 120;

my $port;
while (my $line = <$output>) {
    last if ($port) = $line =~ m{http://127\.0\.0\.1:(\d+)};
}
die "instructions: the server did not start\n" unless $port;

my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    // die "instructions: cannot connect: $@\n";
my $fetch = "/fetch?url=$origin/hot";
my @kinds = (
    ['fetch', $fetch, '', 200],
    ['fetch-browser', $fetch, $browser, 200],
    ['fetch-new', $fetch, "${browser}X-Request-Id: NEW\r\n", 200], # fields as never before
    ['route', '/route/hot', '', 200],
    ['access', '/access', '', 200],
    ['not-found', '/nothing', '', 404],
    ['not-modified', $fetch, "If-None-Match: \"v1\"\r\n", 304],
    ['part', $fetch, "Range: bytes=0-99\r\n", 206],
);
for my $kind (@kinds) {
    my ($name, @request) = @$kind;
    ask($socket, $request[0], '', $request[2] == 404 ? 404 : 200) for 1 .. 4;
    ask($socket, @request) for 1 .. 4;
    for my $count ($few, $many) {
        ask($socket, '/healthz', '', 200);
        ask($socket, @request) for 1 .. $count;
    }
    ask($socket, '/healthz', '', 200);
}
alarm 0;
stop();

my $part = 1;
for my $kind (@kinds) {
    my ($few_total, $few_calls) = read_part(sprintf '%s/part.%d', $work, $part + 1);
    my ($many_total, $many_calls) = read_part(sprintf '%s/part.%d', $work, $part + 2);
    my $requests = $many - $few;
    my @per_request = map {
        my @names = @$_;
        (calls_of($many_calls, @names) - calls_of($few_calls, @names)) / $requests;
    } (['malloc', 'calloc', 'realloc', 'aligned_alloc', 'posix_memalign'],
        ['recv', 'read', 'recvmsg'], ['sendmsg', 'send', 'write', 'writev'],
        ['epoll_wait', 'epoll_pwait']);
    printf "%s %.0f %.2f %.2f %.2f %.2f\n", $kind->[0], ($many_total - $few_total) / $requests,
        @per_request;
    $part += 3;
}
