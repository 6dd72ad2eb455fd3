/* SPDX-License-Identifier: MIT */
/*
 * guard.h - the egress guard: which hosts, ports and addresses an upstream fetch may reach.
 *
 * Pure: values in, a verdict out; no lookup, no socket, no clock. The verdict that counts is the
 * one on the socket address about to be connected; the one on the name only saves a lookup.
 * Rules and their letters: docs/internals/egress.md.
 */
#ifndef FETCH_GUARD_H
#define FETCH_GUARD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Why an upstream is refused. Clients are not told which; the log and the counters are. */
enum guard_reason {
    GUARD_OK = 0,
    GUARD_NAME,     /* a name that means this machine or this network */
    GUARD_ADDRESS,  /* an address that is not public */
    GUARD_METADATA, /* an address where clouds hand out credentials */
    GUARD_PORT,     /* a port that is not on the list */
    GUARD_OWN,      /* this server itself */
    GUARD_FAMILY,   /* neither IPv4 nor IPv6 */
    GUARD_REDIRECT, /* a redirect from https to http */
    GUARD_REASONS
};

/* A range of addresses of one family. */
struct guard_network {
    int family; /* AF_INET or AF_INET6 */
    unsigned prefix_bits;
    unsigned char address[16]; /* network order; the first 4 for IPv4; zero behind the prefix */
};

/* Where this server itself is: its ports are closed on its addresses. */
struct guard_own {
    const uint16_t *ports;
    size_t port_count; /* may be set while policies use this, after ports: once */
    const struct guard_network *addresses; /* besides the loopback ranges */
    size_t address_count;
};

/* What the operator allows. The arrays are the caller's, and stay as long as the policy is used. */
struct guard_policy {
    const struct guard_network *allowed; /* ranges open on any port */
    size_t allowed_count;
    const uint16_t *ports; /* open besides 80 and 443 */
    size_t port_count;
    const struct guard_own *own; /* NULL: not known */
};

/*
 * guard_network_parse - reads "10.0.0.0/8", "fd00::/8", or an address without a prefix.
 * Errors    -EINVAL: not canonical, prefix too long, or bits set behind the prefix.
 */
int guard_network_parse(const char *text, struct guard_network *ret_network);

/* guard_network_of_address - the range that holds just the address. Errors -EAFNOSUPPORT. */
int guard_network_of_address(const struct sockaddr *address, struct guard_network *ret_network);

/*
 * guard_check_name - the verdict on a host name before it is looked up. `host` is in lower case,
 * in A-labels, and not an address.
 */
enum guard_reason guard_check_name(const char *host);

/*
 * guard_check_address - the verdict on the address and port about to be connected.
 * Source    docs/internals/egress.md, rules C, D, E, J.
 */
enum guard_reason guard_check_address(const struct guard_policy *policy,
                                      const struct sockaddr *address, socklen_t address_bytes);

/* guard_reason_name - for the log and the counters: "address", "port", ... */
const char *guard_reason_name(enum guard_reason reason);

#endif
