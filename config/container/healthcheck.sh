#!/bin/bash
# healthcheck.sh - whether the server of this container answers /healthz with 200, within 3 seconds.
# Speaks HTTP through bash itself, so that the image needs no other client. It asks at the port of
# FETCHONCE_LISTEN, else at 8080: a port set elsewhere must be told in that variable too.
set -euo pipefail

listen=${FETCHONCE_LISTEN:-0.0.0.0:8080}
exec 3<>"/dev/tcp/127.0.0.1/${listen##*:}"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -t 3 -r _ status _ <&3
[[ $status == 200 ]]
