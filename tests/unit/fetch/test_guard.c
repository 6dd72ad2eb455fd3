/* SPDX-License-Identifier: MIT */
/* test_guard.c - the egress guard's tables: each line is one address or name and its verdict. */
#include <fetch/guard.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum guard_reason check(const struct guard_policy *policy, const char *text, uint16_t port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return guard_check_address(policy, (const struct sockaddr *)&in4, sizeof in4);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return guard_check_address(policy, (const struct sockaddr *)&in6, sizeof in6);
}

static void assert_verdict(const struct guard_policy *policy, const char *text, uint16_t port,
                           enum guard_reason expected)
{
    enum guard_reason reason = check(policy, text, port);

    if (reason != expected)
        fail_msg("%s port %u: %s, expected %s", text, port, guard_reason_name(reason),
                 guard_reason_name(expected));
}

static const struct guard_policy nothing_allowed;

static const char *const closed[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "3fff:fff::1",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "1fff::1",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
};

static const char *const open_addresses[] = {
    "1.1.1.1",         "8.8.8.8",
    "9.255.255.255",   "11.0.0.0",
    "100.63.255.255",  "100.128.0.0",
    "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0",
    "172.15.255.255",  "172.32.0.0",
    "192.0.1.0",       "192.167.255.255",
    "192.169.0.0",     "198.17.255.255",
    "198.20.0.0",      "223.255.255.255",
    "2001:200::1",     "2001:4860:4860::8888",
    "2606:4700::1111", "2a00:1450::1",
    "2003::1",         "3ffe::1",
    "2001:db7::1",     "2606:4700::5efe:8.8.8.8",
};

static void test_addresses_that_are_not_public_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        assert_verdict(&nothing_allowed, closed[i], 80, GUARD_ADDRESS);
}

static void test_public_addresses_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof open_addresses / sizeof *open_addresses; i++)
        assert_verdict(&nothing_allowed, open_addresses[i], 443, GUARD_OK);
}

static void test_only_listed_ports_are_open(void **state)
{
    static const uint16_t ports[] = {8443};
    struct guard_policy policy = {.ports = ports, .port_count = 1};

    (void)state;
    assert_verdict(&policy, "8.8.8.8", 80, GUARD_OK);
    assert_verdict(&policy, "8.8.8.8", 443, GUARD_OK);
    assert_verdict(&policy, "8.8.8.8", 8443, GUARD_OK);
    assert_verdict(&policy, "8.8.8.8", 22, GUARD_PORT);
    assert_verdict(&policy, "8.8.8.8", 0, GUARD_PORT);
    assert_verdict(&policy, "2606:4700::1111", 6379, GUARD_PORT);
}

/* An allowed range opens its addresses on every port but 0, and nothing beside it. */
static void test_an_allowed_range_is_open_on_any_port(void **state)
{
    struct guard_network networks[2];
    struct guard_policy policy = {.allowed = networks, .allowed_count = 2};

    (void)state;
    assert_int_equal(guard_network_parse("127.0.0.0/8", &networks[0]), 0);
    assert_int_equal(guard_network_parse("fd00:1::/32", &networks[1]), 0);
    assert_verdict(&policy, "127.0.0.1", 40000, GUARD_OK);
    assert_verdict(&policy, "fd00:1::9", 40000, GUARD_OK);
    assert_verdict(&policy, "127.0.0.1", 0, GUARD_PORT);
    assert_verdict(&policy, "128.0.0.1", 40000, GUARD_PORT);
    assert_verdict(&policy, "10.0.0.1", 80, GUARD_ADDRESS);
    assert_verdict(&policy, "fd00:2::9", 80, GUARD_ADDRESS);
}

/* Opening an IPv6 range does not open the IPv4 addresses that can be written in it. */
static void test_embedded_ipv4_has_to_pass_by_itself(void **state)
{
    struct guard_network networks[3];
    struct guard_policy policy = {.allowed = networks, .allowed_count = 2};

    (void)state;
    assert_int_equal(guard_network_parse("64:ff9b::/96", &networks[0]), 0);
    assert_int_equal(guard_network_parse("::ffff:0:0/96", &networks[1]), 0);
    assert_int_equal(guard_network_parse("10.0.0.0/8", &networks[2]), 0);
    assert_verdict(&policy, "64:ff9b::808:808", 80, GUARD_OK);
    assert_verdict(&policy, "64:ff9b::a00:1", 80, GUARD_ADDRESS);
    assert_verdict(&policy, "::ffff:10.0.0.1", 80, GUARD_ADDRESS);
    assert_verdict(&policy, "::ffff:169.254.169.254", 80, GUARD_METADATA);
    policy.allowed_count = 3;
    assert_verdict(&policy, "64:ff9b::a00:1", 80, GUARD_OK);
    assert_verdict(&policy, "::ffff:10.0.0.1", 80, GUARD_OK);
}

static void test_metadata_is_opened_by_its_exact_address_only(void **state)
{
    struct guard_network network;
    struct guard_policy policy = {.allowed = &network, .allowed_count = 1};

    (void)state;
    assert_verdict(&nothing_allowed, "168.63.129.16", 80, GUARD_METADATA);
    assert_int_equal(guard_network_parse("169.254.0.0/16", &network), 0);
    assert_verdict(&policy, "169.254.1.1", 80, GUARD_OK);
    assert_verdict(&policy, "169.254.169.254", 80, GUARD_METADATA);
    assert_verdict(&policy, "169.254.170.2", 80, GUARD_METADATA);
    assert_int_equal(guard_network_parse("169.254.169.254", &network), 0);
    assert_verdict(&policy, "169.254.169.254", 80, GUARD_OK);
    assert_int_equal(guard_network_parse("fd00::/8", &network), 0);
    assert_verdict(&policy, "fd00:ec2::254", 80, GUARD_METADATA);
    assert_int_equal(guard_network_parse("fd00:ec2::254/128", &network), 0);
    assert_verdict(&policy, "fd00:ec2::254", 80, GUARD_OK);
}

static void test_this_server_is_refused_even_when_its_range_is_allowed(void **state)
{
    static const uint16_t own_ports[] = {8080, 8081};
    struct guard_network networks[3];
    const struct guard_own own = {
        .ports = own_ports, .port_count = 2, .addresses = &networks[1], .address_count = 1};
    struct guard_policy policy = {.allowed = networks, .allowed_count = 3, .own = &own};

    (void)state;
    assert_int_equal(guard_network_parse("127.0.0.0/8", &networks[0]), 0);
    assert_int_equal(guard_network_parse("10.1.2.3", &networks[1]), 0);
    assert_int_equal(guard_network_parse("10.0.0.0/8", &networks[2]), 0);
    assert_verdict(&policy, "127.0.0.1", 8080, GUARD_OWN);
    assert_verdict(&policy, "127.9.9.9", 8081, GUARD_OWN);
    assert_verdict(&policy, "0.0.0.0", 8080, GUARD_OWN);
    assert_verdict(&policy, "::1", 8080, GUARD_OWN);
    assert_verdict(&policy, "::ffff:127.0.0.1", 8080, GUARD_OWN);
    assert_verdict(&policy, "10.1.2.3", 8080, GUARD_OWN);
    assert_verdict(&policy, "::ffff:10.1.2.3", 8080, GUARD_OWN);
    assert_verdict(&policy, "127.0.0.1", 8082, GUARD_OK);
    assert_verdict(&policy, "10.1.2.4", 8080, GUARD_OK);
}

static void test_other_families_are_refused(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct sockaddr_in6 cut = {.sin6_family = AF_INET6};

    (void)state;
    assert_int_equal(guard_check_address(&nothing_allowed, &local, sizeof local), GUARD_FAMILY);
    assert_int_equal(guard_check_address(&nothing_allowed, (struct sockaddr *)&cut, 8),
                     GUARD_FAMILY);
    assert_int_equal(guard_check_address(&nothing_allowed, &local, 0), GUARD_FAMILY);
}

static void test_names_of_this_network_are_refused(void **state)
{
    static const char *const refused[] = {
        "localhost",     "a.localhost", "printer.local", "metadata.google.internal", "x.internal",
        "nas.home.arpa", "intranet",    "metadata.goog", "localhost.localdomain",
    };
    static const char *const passed[] = {
        "example.com", "localhost.example.com", "local.example", "internal.org", "xn--bcher-kva.de",
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(guard_check_name(refused[i]), GUARD_NAME);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        assert_int_equal(guard_check_name(passed[i]), GUARD_OK);
}

static void test_networks_are_read_strictly(void **state)
{
    static const char *const wrong[] = {
        "",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0/8",
        "10.0.0.0/08",
        "10.0.0.0/8 ",
        "fd00::/129",
        "fd00::1/64",
        "::/-1",
        "010.0.0.0/8",
        "example.com",
        "10.0.0.0/8/8",
        "1.2.3.4.5",
        "/8",
        "fe80::1%lo",
        "10.0.0.0/0x8",
    };
    struct guard_network network;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (guard_network_parse(wrong[i], &network) != -EINVAL)
            fail_msg("\"%s\" was read as a network", wrong[i]);
    }
    assert_int_equal(guard_network_parse("0.0.0.0/0", &network), 0);
    assert_int_equal(network.prefix_bits, 0);
    assert_int_equal(guard_network_parse("::/0", &network), 0);
    assert_int_equal(network.family, AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_not_public_are_refused),
        cmocka_unit_test(test_public_addresses_pass),
        cmocka_unit_test(test_only_listed_ports_are_open),
        cmocka_unit_test(test_an_allowed_range_is_open_on_any_port),
        cmocka_unit_test(test_embedded_ipv4_has_to_pass_by_itself),
        cmocka_unit_test(test_metadata_is_opened_by_its_exact_address_only),
        cmocka_unit_test(test_this_server_is_refused_even_when_its_range_is_allowed),
        cmocka_unit_test(test_other_families_are_refused),
        cmocka_unit_test(test_names_of_this_network_are_refused),
        cmocka_unit_test(test_networks_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
