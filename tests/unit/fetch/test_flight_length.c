/* SPDX-License-Identifier: MIT */
/*
 * test_flight_length.c - a body is as long as was said, whoever framed it (case 25).
 */
#include <errno.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

static int64_t stored(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters.stored;
}

/* More than the head said: not a byte of it goes on, and the body is broken. */
static void case_25_body_longer_than_said_is_broken(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, "");
    assert_int_equal(rig_data(&rig, 0, "12"), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(&rig, 0, "34"), UPSTREAM_STOP);
    rig_done(&rig, 0, -ECANCELED);
    assert_int_equal(a.text_bytes, 2);
    assert_true(fetch_reader_status(&a.reader) < 0);
    assert_int_equal(stored(&rig), 0);
    rig_leave(&a);
    rig_free(&rig);
}

/* Less than the head said, and a good end all the same: broken, not stored. */
static void case_25_body_shorter_than_said_is_broken(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, "");
    rig_data(&rig, 0, "12");
    rig_done(&rig, 0, 0);
    assert_true(fetch_reader_status(&a.reader) < 0);
    assert_int_equal(stored(&rig), 0);
    rig_leave(&a);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_25_body_longer_than_said_is_broken),
        cmocka_unit_test(case_25_body_shorter_than_said_is_broken),
    };
    return cmocka_run_group_tests_name("flight_length", tests, NULL, NULL);
}
