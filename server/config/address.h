/* SPDX-License-Identifier: MIT */
/*
 * address.h - "address:port" as text and as a socket address.
 *
 * Pure functions; nothing is looked up in the DNS. The only name known is localhost, 127.0.0.1.
 */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#define ADDRESS_TEXT_BYTES_MAX 64

/* Where to listen, or where a server does. */
struct address {
    struct sockaddr_storage socket; /* of the family AF_UNSPEC: nowhere */
    socklen_t socket_bytes;
};

/*
 * address_parse - "127.0.0.1:8080", "[::1]:8080", "localhost:0".
 * Errors    -EINVAL, and `*ret_fault` says what is wrong.
 */
int address_parse(const char *text, struct address *ret_address, const char **ret_fault);

/* address_set_off - nowhere. address_is_off - whether it is that. */
void address_set_off(struct address *ret_address);
bool address_is_off(const struct address *address);

/* address_print - the reverse of address_parse; "off" for nowhere. */
void address_print(const struct address *address, char ret_text[ADDRESS_TEXT_BYTES_MAX]);

/* address_is_loopback - whether only programs of this machine can connect to it. */
bool address_is_loopback(const struct address *address);

/* address_port - the port, in the machine's byte order. */
uint16_t address_port(const struct address *address);

#endif
