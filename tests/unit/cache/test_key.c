/* SPDX-License-Identifier: MIT */
/*
 * test_key.c - the hash, and that it is never the only thing compared.
 */
#include <string.h>

#include "entries.h"

/* The reference vector of SipHash-2-4: key 00..0f, message 00..0e. */
static void test_hash_is_siphash(void **state)
{
    struct key_secret secret;
    char message[15];
    struct key key;

    (void)state;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (char)i;
    key_init(&key, &secret, message, sizeof(message));
    assert_true(key.hash == UINT64_C(0xa129ca6149be45e5));
}

static void test_hash_depends_on_the_secret(void **state)
{
    struct key_secret other = test_secret;
    struct key left, right;

    (void)state;
    other.bytes[15] ^= 1;
    key_init(&left, &test_secret, "GET /", 5);
    key_init(&right, &other, "GET /", 5);
    assert_true(left.hash != right.hash);
}

static void test_whole_key_is_compared(void **state)
{
    char copy[] = "GET /a";
    struct key key = test_key("GET /a");
    struct key same = test_key(copy);
    struct key forged = {.hash = key.hash, .bytes = "GET /b", .length = 6};
    struct key shorter = {.hash = key.hash, .bytes = "GET /a", .length = 5};

    (void)state;
    assert_true(key_equals(&key, &same));
    assert_false(key_equals(&key, &forged));
    assert_false(key_equals(&key, &shorter));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_siphash),
        cmocka_unit_test(test_hash_depends_on_the_secret),
        cmocka_unit_test(test_whole_key_is_compared),
    };

    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
