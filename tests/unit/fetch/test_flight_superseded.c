/* SPDX-License-Identifier: MIT */
/*
 * test_flight_superseded.c - flights that nobody joins any more, because they were purged or grew
 * too long to be stored. The numbers are those of docs/internals/flight.md.
 */
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

/*
 * Cases 13 and 27: two wait; a purge, and a third starts anew; then the answer for the first turns
 * out to be private. It stays the first one's; the second asks by itself.
 */
static void case_13_private_answer_after_a_purge_stays_with_its_reader(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0}, fresh = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    assert_true(fetcher_purge(rig.fetcher, &a.reader.request->key));
    rig_ask(&rig, &fresh, 0, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    rig_head(&rig, 0, 200, 1, "Set-Cookie: who=a");
    assert_int_equal(rig.started, 3);
    rig_data(&rig, 0, "a");
    rig_done(&rig, 0, 0);
    rig_answer(&rig, 1, "Set-Cookie: who=fresh", "f");
    rig_answer(&rig, 2, "Set-Cookie: who=b", "b");
    assert_true(rig_is_whole(&a, "a"));
    assert_true(rig_is_whole(&b, "b"));
    assert_true(rig_is_whole(&fresh, "f"));
    rig_leave(&a);
    rig_leave(&b);
    rig_leave(&fresh);
    rig_free(&rig);
}

/*
 * Cases 2 and 24: all have left a fetch that others joined just before, so it is finished for the
 * store; once it is too long for the store it is for nobody, and ends.
 */
static void case_02_deserted_and_too_long_to_store_is_cancelled(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.stored_body_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &a, 0, URL);
    rig_ask(&rig, &b, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "");
    rig_data(&rig, 0, "123");
    rig_leave(&a);
    rig_leave(&b);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 0);
    rig_data(&rig, 0, "456");
    assert_int_equal(rig.cancelled, 1);
    rig_free(&rig);
}

/*
 * Case 3: of a body that is shared but not kept, no more is held than the slowest is behind; when
 * that one has caught up, or has left, it goes on.
 */
static void case_03_unkept_body_waits_for_the_slowest(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader fast = {0}, slow = {.is_slow = true};

    (void)state;
    fetch_settings_default(&settings);
    settings.reader_lag_bytes_max = 4;
    rig_new(&rig, &settings);
    rig_ask(&rig, &fast, 0, URL);
    rig_ask(&rig, &slow, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, "Cache-Control: max-age=0");
    assert_int_equal(rig_data(&rig, 0, "12345"), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(&rig, 0, "678"), UPSTREAM_PAUSE);
    assert_int_equal(rig.scripts[0].resumes, 0);
    rig_read(&slow);
    rig_settle(&rig);
    assert_int_equal(rig.scripts[0].resumes, 1);
    slow.is_slow = true;
    assert_int_equal(rig_data(&rig, 0, "67890"), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(&rig, 0, "x"), UPSTREAM_PAUSE);
    rig_leave(&slow);
    rig_settle(&rig);
    assert_int_equal(rig.scripts[0].resumes, 2);
    assert_int_equal(rig_data(&rig, 0, "x"), UPSTREAM_GO_ON);
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&fast, "1234567890x"));
    rig_leave(&fast);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_13_private_answer_after_a_purge_stays_with_its_reader),
        cmocka_unit_test(case_02_deserted_and_too_long_to_store_is_cancelled),
        cmocka_unit_test(case_03_unkept_body_waits_for_the_slowest),
    };
    return cmocka_run_group_tests_name("flight_superseded", tests, NULL, NULL);
}
