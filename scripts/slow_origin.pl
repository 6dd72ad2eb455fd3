#!/usr/bin/env perl
# slow_origin.pl [PORT] - an origin to try the server on: each answer takes a second, and says how
# often the page was asked for since the start.
#
# Perl, since every Debian has it. Serves one request at a time, on loopback only; port 9000 unless
# told otherwise, 0 for any free one. Prints where it listens.
use strict;
use warnings;
use IO::Socket::INET;

my $port = shift // 9000;
my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1)
    or die "slow_origin: cannot listen on 127.0.0.1:$port: $@\n";
my %asked;

$SIG{PIPE} = 'IGNORE'; # a client that left
$| = 1;
printf "slow_origin: listening on 127.0.0.1:%d\n", $listener->sockport;
while (my $client = $listener->accept) {
    my $request = <$client> // '';
    while (my $field = <$client>) {
        last if $field =~ /^\r?\n$/;
    }
    my ($path) = $request =~ m{^GET (/[\w./-]*)};
    if (defined $path) {
        sleep 1;
        my $body = sprintf qq({"title":"A slow page","path":"%s","asked":%d}\n), $path, ++$asked{$path};
        printf $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            . "Cache-Control: max-age=60\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
            length $body, $body;
    } else {
        print $client "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    }
    close $client;
}
