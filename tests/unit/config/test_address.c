/* SPDX-License-Identifier: MIT */
/* test_address.c - what is an address to listen on, and what is not. */
#include <cmocka_all.h>

#include <string.h>

#include "config/address.h"

static void assert_prints(const char *text, const char *expected)
{
    char printed[ADDRESS_TEXT_BYTES_MAX];
    struct address address;
    const char *fault;
    assert_int_equal(address_parse(text, &address, &fault), 0);
    address_print(&address, printed);
    assert_string_equal(printed, expected);
}

static void assert_refused(const char *text, const char *because)
{
    struct address address;
    const char *fault = "";
    assert_true(address_parse(text, &address, &fault) < 0);
    if (strstr(fault, because) == NULL)
        fail_msg("%s: refused with \"%s\"", text, fault);
}

static void test_addresses_of_both_families_are_read_and_printed(void **state)
{
    (void)state;
    assert_prints("127.0.0.1:8080", "127.0.0.1:8080");
    assert_prints("0.0.0.0:0", "0.0.0.0:0");
    assert_prints("localhost:65535", "127.0.0.1:65535");
    assert_prints("[::1]:8080", "[::1]:8080");
    assert_prints("[0:0::1]:1", "[::1]:1");
}

static void test_each_refusal_says_what_is_missing(void **state)
{
    (void)state;
    assert_refused("", "no port");
    assert_refused("8080", "no port");
    assert_refused("[::1]", "no port");
    assert_refused("[::1]8080", "no port");
    assert_refused(":8080", "no address");
    assert_refused("[]:80", "no address");
    assert_refused("::1:8080", "brackets");
    assert_refused("127.0.0.1:", "port that is not a number");
    assert_refused("127.0.0.1:65536", "port that is not a number");
    assert_refused("127.0.0.1:+80", "port that is not a number");
    assert_refused("127.0.0.1:080", "port that is not a number");
    assert_refused("example.org:80", "names are not looked up");
    assert_refused("127.1:80", "no valid IPv4");
    assert_refused("[127.0.0.1]:80", "no valid IPv6");
    assert_refused("[fe80::1%lo]:80", "no valid IPv6");
    assert_refused("]:80", "no valid IPv4");
    assert_refused("[:80", "no port");
    assert_refused("11111111111111111111111111111111111111111111111111111111111111111:80", "long");
}

static void test_a_refused_text_leaves_the_address_alone(void **state)
{
    struct address address;
    const char *fault;
    (void)state;
    assert_int_equal(address_parse("127.0.0.1:1", &address, &fault), 0);
    assert_true(address_parse("300.0.0.1:2", &address, &fault) < 0);
    assert_int_equal(address_port(&address), 1);
}

static void test_only_loopback_is_loopback(void **state)
{
    static const char *const loopbacks[] = {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1",
                                            "[::ffff:127.0.0.1]:1"};
    static const char *const others[] = {"0.0.0.0:1", "10.0.0.1:1",          "128.0.0.1:1",
                                         "[::]:1",    "[::ffff:10.0.0.1]:1", "[fd00::1]:1"};
    struct address address;
    const char *fault;
    (void)state;
    for (size_t i = 0; i < sizeof(loopbacks) / sizeof(loopbacks[0]); i++) {
        assert_int_equal(address_parse(loopbacks[i], &address, &fault), 0);
        assert_true(address_is_loopback(&address));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(address_parse(others[i], &address, &fault), 0);
        assert_false(address_is_loopback(&address));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_both_families_are_read_and_printed),
        cmocka_unit_test(test_each_refusal_says_what_is_missing),
        cmocka_unit_test(test_a_refused_text_leaves_the_address_alone),
        cmocka_unit_test(test_only_loopback_is_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
