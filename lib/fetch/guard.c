/* SPDX-License-Identifier: MIT */
/*
 * guard.c - the egress guard's verdicts: tables of ranges, and how they are read.
 *
 * An address is looked up in this order: this server itself; metadata addresses (opened by their
 * exact address only); the ranges the operator allows; the ranges closed by default; the port.
 * An IPv4 address carried inside an IPv6 one has to pass by itself as well.
 */
#include <fetch/guard.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

struct range4 {
    uint32_t address;
    unsigned prefix_bits;
};

#define IPV4(a, b, c, d) (((uint32_t)(a) << 24) | ((b) << 16) | ((c) << 8) | (d))

/* IPv4 that is not public. Source: IANA's special-purpose registry, and rule D. */
static const struct range4 closed4[] = {
    {IPV4(0, 0, 0, 0), 8},       {IPV4(10, 0, 0, 0), 8},     {IPV4(100, 64, 0, 0), 10},
    {IPV4(127, 0, 0, 0), 8},     {IPV4(169, 254, 0, 0), 16}, {IPV4(172, 16, 0, 0), 12},
    {IPV4(192, 0, 0, 0), 24},    {IPV4(192, 0, 2, 0), 24},   {IPV4(192, 31, 196, 0), 24},
    {IPV4(192, 52, 193, 0), 24}, {IPV4(192, 88, 99, 0), 24}, {IPV4(192, 168, 0, 0), 16},
    {IPV4(192, 175, 48, 0), 24}, {IPV4(198, 18, 0, 0), 15},  {IPV4(198, 51, 100, 0), 24},
    {IPV4(203, 0, 113, 0), 24},  {IPV4(224, 0, 0, 0), 4},    {IPV4(240, 0, 0, 0), 4},
};

/* Where clouds hand out credentials: Amazon (3), Azure, Alibaba, Oracle. */
static const uint32_t metadata4[] = {
    IPV4(169, 254, 169, 254), IPV4(169, 254, 170, 2),   IPV4(169, 254, 170, 23),
    IPV4(168, 63, 129, 16),   IPV4(100, 100, 100, 200), IPV4(192, 0, 0, 192),
};

struct range6 {
    unsigned char address[16];
    unsigned prefix_bits;
};

/* Inside 2000::/3, which is all that is public: Teredo and protocol assignments, documentation,
 * 6to4, and the newer documentation range. Rule E. */
static const struct range6 closed6[] = {
    {{0x20, 0x01}, 23},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16},
    {{0x3f, 0xff}, 20},
};

/* Amazon's two and Google's. */
static const unsigned char metadata6[][16] = {
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23},
    {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
};

static const char *const closed_names[] = {
    "localhost",     "localhost.localdomain",   "metadata.goog",      "instance-data",  "metadata",
    "ip6-localhost", "metadata.tencentyun.com", "metadata.azure.com", "metadata.local",
};

static const char *const closed_suffixes[] = {
    ".localhost", ".local", ".internal", ".home.arpa", ".localdomain",
};

static const char *const reason_names[GUARD_REASONS] = {
    [GUARD_OK] = "ok",           [GUARD_NAME] = "name",
    [GUARD_ADDRESS] = "address", [GUARD_METADATA] = "metadata",
    [GUARD_PORT] = "port",       [GUARD_OWN] = "own",
    [GUARD_FAMILY] = "family",   [GUARD_REDIRECT] = "redirect",
};

const char *guard_reason_name(enum guard_reason reason)
{
    assert(reason < GUARD_REASONS);
    return reason_names[reason];
}

static bool prefix_matches(const unsigned char *a, const unsigned char *b, unsigned prefix_bits)
{
    unsigned whole = prefix_bits / 8;
    unsigned rest = prefix_bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool network_holds(const struct guard_network *network, int family,
                          const unsigned char *address)
{
    return network->family == family &&
           prefix_matches(network->address, address, network->prefix_bits);
}

int guard_network_parse(const char *text, struct guard_network *ret_network)
{
    struct guard_network network = {0};
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t address_bytes = slash != NULL ? (size_t)(slash - text) : strlen(text);
    unsigned bits_max;

    if (address_bytes >= sizeof address)
        return -EINVAL;
    memcpy(address, text, address_bytes);
    address[address_bytes] = '\0';
    network.family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(network.family, address, network.address) != 1)
        return -EINVAL;

    bits_max = network.family == AF_INET ? 32 : 128;
    network.prefix_bits = bits_max;
    if (slash != NULL) {
        size_t digits = strlen(slash + 1);
        network.prefix_bits = 0;
        if (digits == 0 || digits > 3 || strspn(slash + 1, "0123456789") != digits ||
            (digits > 1 && slash[1] == '0'))
            return -EINVAL;
        for (const char *digit = slash + 1; *digit != '\0'; digit++)
            network.prefix_bits = network.prefix_bits * 10 + (unsigned)(*digit - '0');
        if (network.prefix_bits > bits_max)
            return -EINVAL;
    }
    for (unsigned bit = network.prefix_bits; bit < bits_max; bit++) {
        if (network.address[bit / 8] & (0x80u >> (bit % 8)))
            return -EINVAL;
    }
    *ret_network = network;
    return 0;
}

int guard_network_of_address(const struct sockaddr *address, struct guard_network *ret_network)
{
    struct guard_network network = {.family = address->sa_family};

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in4 = (const void *)address;
        network.prefix_bits = 32;
        memcpy(network.address, &in4->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        network.prefix_bits = 128;
        memcpy(network.address, &in6->sin6_addr, 16);
    } else {
        return -EAFNOSUPPORT;
    }
    *ret_network = network;
    return 0;
}

static bool ends_with(const char *text, size_t text_bytes, const char *suffix)
{
    size_t suffix_bytes = strlen(suffix);

    return text_bytes >= suffix_bytes && strcmp(text + text_bytes - suffix_bytes, suffix) == 0;
}

enum guard_reason guard_check_name(const char *host)
{
    size_t host_bytes = strlen(host);

    /* A name without a dot is looked up in whatever domain this machine lives in. */
    if (strchr(host, '.') == NULL)
        return GUARD_NAME;
    for (size_t i = 0; i < sizeof closed_names / sizeof *closed_names; i++) {
        if (strcmp(host, closed_names[i]) == 0)
            return GUARD_NAME;
    }
    for (size_t i = 0; i < sizeof closed_suffixes / sizeof *closed_suffixes; i++) {
        if (ends_with(host, host_bytes, closed_suffixes[i]))
            return GUARD_NAME;
    }
    return GUARD_OK;
}

/*
 * The IPv4 address that an IPv6 one carries: mapped, compatible, NAT64 (both prefixes), 6to4,
 * Teredo, ISATAP. Sources: RFC 4291 2.5.5, 6052, 8215, 3056, 4380, 5214.
 */
static bool embedded_ipv4(const unsigned char *a, unsigned char *ret_ipv4)
{
    static const unsigned char zeros[16];
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const unsigned char nat64_local[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
    const unsigned char *found = NULL;

    if (memcmp(a, zeros, 10) == 0 && a[10] == 0xff && a[11] == 0xff)
        found = a + 12;
    else if (memcmp(a, zeros, 12) == 0 && (a[12] | a[13] | a[14]) != 0)
        found = a + 12; /* not :: and ::1, which carry nothing */
    else if (memcmp(a, nat64, 12) == 0 || memcmp(a, nat64_local, 6) == 0)
        found = a + 12;
    else if (a[0] == 0x20 && a[1] == 0x02)
        found = a + 2;
    else if ((a[8] & 0xfd) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe)
        found = a + 12;
    if (found != NULL) {
        memcpy(ret_ipv4, found, 4);
        return true;
    }
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && a[3] == 0) {
        for (unsigned i = 0; i < 4; i++)
            ret_ipv4[i] = (unsigned char)~a[12 + i];
        return true;
    }
    return false;
}

static bool is_metadata(int family, const unsigned char *address)
{
    if (family == AF_INET) {
        uint32_t value = IPV4(address[0], (uint32_t)address[1], (uint32_t)address[2], address[3]);
        for (size_t i = 0; i < sizeof metadata4 / sizeof *metadata4; i++) {
            if (metadata4[i] == value)
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < sizeof metadata6 / sizeof *metadata6; i++) {
        if (memcmp(metadata6[i], address, 16) == 0)
            return true;
    }
    return false;
}

static bool is_closed4(const unsigned char *address)
{
    uint32_t value = IPV4(address[0], (uint32_t)address[1], (uint32_t)address[2], address[3]);

    for (size_t i = 0; i < sizeof closed4 / sizeof *closed4; i++) {
        if (((value ^ closed4[i].address) >> (32 - closed4[i].prefix_bits)) == 0)
            return true;
    }
    return false;
}

static bool is_closed6(const unsigned char *address)
{
    if ((address[0] & 0xe0) != 0x20)
        return true;
    for (size_t i = 0; i < sizeof closed6 / sizeof *closed6; i++) {
        if (prefix_matches(address, closed6[i].address, closed6[i].prefix_bits))
            return true;
    }
    return false;
}

/* The verdict on an address without its port. `ret_is_allowed`: the operator named its range. */
static enum guard_reason check_bytes(const struct guard_policy *policy, int family,
                                     const unsigned char *address, bool *ret_is_allowed)
{
    unsigned bits_exact = family == AF_INET ? 32 : 128;
    bool is_allowed = false;
    bool is_exact = false;

    for (size_t i = 0; i < policy->allowed_count; i++) {
        if (network_holds(&policy->allowed[i], family, address)) {
            is_allowed = true;
            is_exact |= policy->allowed[i].prefix_bits == bits_exact;
        }
    }
    *ret_is_allowed = is_allowed;
    if (is_metadata(family, address) && !is_exact)
        return GUARD_METADATA;
    if (family == AF_INET6) {
        unsigned char ipv4[4];
        bool is_ipv4_allowed;
        if (embedded_ipv4(address, ipv4)) {
            enum guard_reason reason = check_bytes(policy, AF_INET, ipv4, &is_ipv4_allowed);
            if (reason != GUARD_OK)
                return reason;
        }
    }
    if (is_allowed)
        return GUARD_OK;
    if (family == AF_INET)
        return is_closed4(address) ? GUARD_ADDRESS : GUARD_OK;
    return is_closed6(address) ? GUARD_ADDRESS : GUARD_OK;
}

static bool is_own_address(const struct guard_own *own, int family, const unsigned char *address)
{
    static const unsigned char zeros[16];
    const unsigned char *ipv4 = family == AF_INET ? address : NULL;
    unsigned char embedded[4];

    if (family == AF_INET6 && embedded_ipv4(address, embedded))
        ipv4 = embedded;
    if (ipv4 != NULL && (ipv4[0] == 127 || ipv4[0] == 0))
        return true;
    if (family == AF_INET6 && memcmp(address, zeros, 15) == 0 && address[15] <= 1)
        return true;
    for (size_t i = 0; i < own->address_count; i++) {
        if (network_holds(&own->addresses[i], family, address))
            return true;
        if (ipv4 == embedded && network_holds(&own->addresses[i], AF_INET, embedded))
            return true;
    }
    return false;
}

static bool has_port(const uint16_t *ports, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++) {
        if (ports[i] == port)
            return true;
    }
    return false;
}

/* Loops may be judging already when the ports become known: who sees the count sees the ports. */
static bool is_own_port(const struct guard_own *own, uint16_t port)
{
    size_t count = __atomic_load_n(&own->port_count, __ATOMIC_ACQUIRE);

    return count > 0 && has_port(own->ports, count, port);
}

enum guard_reason guard_check_address(const struct guard_policy *policy,
                                      const struct sockaddr *address, socklen_t address_bytes)
{
    struct guard_network exact;
    enum guard_reason reason;
    uint16_t port;
    bool is_allowed;

    if (address_bytes < sizeof(sa_family_t))
        return GUARD_FAMILY;
    if (address->sa_family == AF_INET) {
        if (address_bytes < sizeof(struct sockaddr_in))
            return GUARD_FAMILY;
        port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    } else if (address->sa_family == AF_INET6) {
        if (address_bytes < sizeof(struct sockaddr_in6))
            return GUARD_FAMILY;
        port = ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    } else {
        return GUARD_FAMILY;
    }
    if (guard_network_of_address(address, &exact) < 0)
        return GUARD_FAMILY;

    if (policy->own != NULL && is_own_port(policy->own, port) &&
        is_own_address(policy->own, exact.family, exact.address))
        return GUARD_OWN;
    reason = check_bytes(policy, exact.family, exact.address, &is_allowed);
    if (reason != GUARD_OK)
        return reason;
    if (port == 0)
        return GUARD_PORT;
    if (port == 80 || port == 443 || is_allowed)
        return GUARD_OK;
    return has_port(policy->ports, policy->port_count, port) ? GUARD_OK : GUARD_PORT;
}
