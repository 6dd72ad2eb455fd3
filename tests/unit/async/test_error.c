/* SPDX-License-Identifier: MIT */
/*
 * test_error.c - every status has words.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <async/waiter.h>

#include "cmocka_all.h"

static void test_own_statuses_say_what_they_mean_here(void **state)
{
    static const int own[] = {-EINVAL, -EPERM,     -EDEADLK,   -ETIMEDOUT,
                              -EAGAIN, -EOVERFLOW, -ESHUTDOWN, -EPIPE};

    (void)state;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        assert_string_not_equal(async_error_text(own[i]), strerrordesc_np(-own[i]));
    assert_string_equal(async_error_text(0), "success");
    assert_string_equal(async_error_text(1), "success");
}

static void test_other_errors_are_the_system_s(void **state)
{
    (void)state;
    assert_string_equal(async_error_text(-ENOMEM), strerrordesc_np(ENOMEM));
}

static void test_no_status_is_without_words(void **state)
{
    (void)state;
    assert_non_null(async_error_text(-100000));
    assert_non_null(async_error_text(INT_MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_statuses_say_what_they_mean_here),
        cmocka_unit_test(test_other_errors_are_the_system_s),
        cmocka_unit_test(test_no_status_is_without_words),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
