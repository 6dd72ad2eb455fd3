#!/usr/bin/env perl
# sized_origin.pl - an origin for the benches: the answer to /NAME-KIB is so many KiB long, and may
# be kept for a day.
#
# Perl, since every Debian has it. Serves one request at a time, on a free port of loopback, which
# it prints.
use strict;
use warnings;
use IO::Socket::INET;

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64)
    or die "sized_origin: cannot listen: $@\n";

$SIG{PIPE} = 'IGNORE'; # a client that left
$| = 1;
print $listener->sockport, "\n";
while (my $client = $listener->accept) {
    my $request = <$client> // '';
    while (my $field = <$client>) {
        last if $field =~ /^\r?\n$/;
    }
    my ($kib) = $request =~ m{^GET /\w*-(\d+) } or next;
    printf $client "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        . "Cache-Control: max-age=86400\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", $kib * 1024;
    print $client 'x' x 1024 for 1 .. $kib;
    close $client;
}
