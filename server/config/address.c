/* SPDX-License-Identifier: MIT */
/*
 * address.c - see address.h.
 *
 * inet_pton(3) reads the addresses, so the spellings that inet_aton(3) knows (127.1, 0x7f.0.0.1)
 * are refused. Zone ids (fe80::1%eth0) are refused too.
 */
#include "config/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Reads decimal digits only, no sign, no blank; leading zeros are refused as ambiguous. */
static int number_parse(const char *text, unsigned max, unsigned *ret_number)
{
    unsigned number = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        number = number * 10 + (unsigned)(*text - '0');
        if (number > max)
            return -EINVAL;
    }
    *ret_number = number;
    return 0;
}

static int host_parse(const char *host, bool is_bracketed, uint16_t port, struct address *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&address->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&address->socket;

    memset(address, 0, sizeof(*address));
    if (is_bracketed) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address->socket_bytes = sizeof(*v6);
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address->socket_bytes = sizeof(*v4);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int address_parse(const char *text, struct address *ret_address, const char **ret_fault)
{
    char host[ADDRESS_TEXT_BYTES_MAX];
    const char *colon = strrchr(text, ':');
    const char *begin = text;
    const char *end = colon;
    bool is_bracketed = text[0] == '[';
    unsigned port = 0;
    struct address address;

    *ret_fault = "has no port; write it as 127.0.0.1:8080 or [::1]:8080";
    if (colon == NULL || (is_bracketed && (colon == text || colon[-1] != ']')))
        return -EINVAL;
    if (is_bracketed) {
        begin++;
        end--;
    } else if (strchr(text, ':') != colon) {
        *ret_fault = "needs brackets around the IPv6 address, as in [::1]:8080";
        return -EINVAL;
    }
    if (begin == end) {
        *ret_fault = "has no address; 127.0.0.1 serves this machine only, 0.0.0.0 all networks";
        return -EINVAL;
    }
    if (number_parse(colon + 1, 65535, &port) < 0) {
        *ret_fault = "has a port that is not a number from 0 to 65535";
        return -EINVAL;
    }
    if (end < begin || (size_t)(end - begin) >= sizeof(host)) {
        *ret_fault = "is too long for an address";
        return -EINVAL;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (host_parse(host, is_bracketed, (uint16_t)port, &address) < 0) {
        *ret_fault = is_bracketed ? "has no valid IPv6 address in its brackets"
                                  : "has no valid IPv4 address (names are not looked up)";
        return -EINVAL;
    }
    *ret_address = address;
    return 0;
}

void address_set_off(struct address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->socket.ss_family = AF_UNSPEC;
}

bool address_is_off(const struct address *address)
{
    return address->socket.ss_family == AF_UNSPEC;
}

void address_print(const struct address *address, char ret_text[ADDRESS_TEXT_BYTES_MAX])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address->socket;
    char host[INET6_ADDRSTRLEN];

    if (address->socket.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(ret_text, ADDRESS_TEXT_BYTES_MAX, "[%s]:%u", host, address_port(address));
    } else if (address_is_off(address)) {
        snprintf(ret_text, ADDRESS_TEXT_BYTES_MAX, "off");
    } else {
        assert(address->socket.ss_family == AF_INET);
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(ret_text, ADDRESS_TEXT_BYTES_MAX, "%s:%u", host, address_port(address));
    }
}

bool address_is_loopback(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address->socket;

    if (address->socket.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    assert(address->socket.ss_family == AF_INET6);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

uint16_t address_port(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address->socket;

    return ntohs(address->socket.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}
