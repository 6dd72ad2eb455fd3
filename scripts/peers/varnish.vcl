# Varnish with the rules it is delivered with, which coalesce: requests for an object that is being
# fetched wait or read along, and an answer that may not be stored is remembered as such
# (hit-for-miss). What is set besides is on its command line, in peers.sh.
vcl 4.1;

backend default {
    .host = "127.0.0.1";
    .port = "@ORIGIN_PORT@";
    .first_byte_timeout = 5s; # an origin that is silent for so long is given up, as by the other peers
    .between_bytes_timeout = 5s;
}
