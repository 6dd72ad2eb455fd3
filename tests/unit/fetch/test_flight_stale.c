/* SPDX-License-Identifier: MIT */
/*
 * test_flight_stale.c - what the store has, for those who would else be told of a failure.
 * The numbers are those of docs/internals/flight.md. Which answer may be used how long:
 * tests/unit/http/test_stale.c.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL    "http://origin.example/a"
#define FRESH  "Cache-Control: max-age=10"
#define ERRORS "Cache-Control: max-age=10, stale-if-error=60"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* Stores "old" with these fields, and lets it get `stale_s` seconds older than it is fresh. */
static void rig_with_stale(struct rig *rig, const struct fetch_settings *settings,
                           const char *field_lines, int64_t stale_s)
{
    struct rig_reader first = {0};

    rig_new(rig, settings);
    rig_ask(rig, &first, 0, URL);
    rig_answer(rig, 0, field_lines, "old");
    assert_true(rig_is_whole(&first, "old"));
    rig_leave(&first);
    rig->wall_s += 10 + stale_s;
}

static void fail_twice(struct rig *rig, unsigned first_call, int status)
{
    rig_done(rig, first_call, status);
    rig_advance(rig, 200);
    rig_done(rig, first_call + 1, status);
}

static void assert_stale(const struct rig_reader *reader, enum fetch_source source)
{
    assert_true(rig_is_whole(reader, "old"));
    assert_true(reader->reader.is_stale);
    assert_false(reader->reader.is_stored);
    assert_int_equal(reader->reader.source, source);
}

static void assert_failed(const struct rig_reader *reader, int status)
{
    assert_int_equal(reader->reader.state, FETCH_FAILED);
    assert_int_equal(reader->reader.failure.status, status);
}

/*
 * Case 4: no connection, twice. All who wait get the stale copy, each once; so does, without
 * asking, who comes within a second; then the origin is asked again.
 */
static void case_04_stale_when_there_is_no_connection(void **state)
{
    struct rig rig;
    struct rig_reader readers[4] = {0}, soon = {0}, later = {0};

    (void)state;
    rig_with_stale(&rig, NULL, FRESH, 5);
    for (unsigned i = 0; i < 4; i++)
        rig_ask(&rig, &readers[i], i % 2, URL);
    fail_twice(&rig, 1, -ECONNREFUSED);
    assert_stale(&readers[0], FETCH_FROM_ORIGIN);
    for (unsigned i = 1; i < 4; i++)
        assert_stale(&readers[i], FETCH_FROM_COLLAPSED);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(readers[i].told, 1);
    rig_ask(&rig, &soon, 1, URL);
    assert_stale(&soon, FETCH_FROM_STORE);
    assert_int_equal(rig.started, 3);
    assert_int_equal(counters_of(&rig).stale, 5);
    rig_advance(&rig, 1100);
    rig_ask(&rig, &later, 0, URL);
    rig_answer(&rig, 3, FRESH, "new");
    assert_true(rig_is_whole(&later, "new"));
    assert_false(later.reader.is_stale);
    for (unsigned i = 0; i < 4; i++)
        rig_leave(&readers[i]);
    rig_leave(&soon);
    rig_leave(&later);
    rig_free(&rig);
}

/* Case 4: whatever keeps the head from coming; but the guard's word is no failure of the origin. */
static void case_04_stale_in_each_failure_but_a_refusal(void **state)
{
    static const struct {
        int status;
        bool is_stale;
    } failures[] = {{-ENOENT, true},     {-ECONNREFUSED, true}, {-ECONNRESET, true},
                    {-ETIMEDOUT, true},  {-EACCES, false},      {-EPROTO, false},
                    {-ECANCELED, false}, {-ENOMEM, true}};

    (void)state;
    for (unsigned i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct fetch_settings settings;
        struct rig rig;
        struct rig_reader reader = {0};

        fetch_settings_default(&settings);
        settings.retries_max = 0;
        rig_with_stale(&rig, &settings, FRESH, 5);
        rig_ask(&rig, &reader, 0, URL);
        rig_done(&rig, 1, failures[i].status);
        if (failures[i].status == -ENOMEM) /* one of the readers leads once more */
            rig_done(&rig, 2, -ENOMEM);
        print_message("status %d\n", failures[i].status);
        if (failures[i].is_stale)
            assert_stale(&reader, FETCH_FROM_ORIGIN);
        else
            assert_int_equal(reader.reader.state, FETCH_FAILED);
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/* Case 4: the end of the window, and what forbids it. */
static void case_04_no_stale_beyond_its_window(void **state)
{
    static const struct {
        const char *field_lines;
        const char *wishes;
        int64_t stale_s;
        int status; /* 0: it is used. 504: the answer itself forbids it, RFC 9111 section 5.2.2.2 */
    } cases[] = {
        {FRESH, "", 86399, 0},
        {FRESH, "", 86400, 502},
        {ERRORS, "", 59, 0},
        {ERRORS, "", 60, 502},
        {"Cache-Control: max-age=10, must-revalidate", "", 0, 504},
        {"Cache-Control: max-age=10, proxy-revalidate", "", 0, 504},
        {"Cache-Control: s-maxage=10", "", 0, 504},
        {FRESH, "no-cache", 5, 502},
        {FRESH, "max-age=60", 5, 502},
        {FRESH, "no-cache, stale-if-error=6", 5, 0},
        {FRESH, "max-stale=3", 5, 502},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct rig_reader reader = {0};

        print_message("%s, stale for %d s, asked with \"%s\"\n", cases[i].field_lines,
                      (int)cases[i].stale_s, cases[i].wishes);
        rig_with_stale(&rig, NULL, cases[i].field_lines, cases[i].stale_s);
        rig_wish(&rig, &reader, 0, URL, cases[i].wishes);
        fail_twice(&rig, 1, -ECONNREFUSED);
        if (cases[i].status == 0)
            assert_stale(&reader, FETCH_FROM_ORIGIN);
        else
            assert_failed(&reader, cases[i].status);
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/*
 * Case 5: an error from the origin. Who may gets the stale copy, whether it led or not, and who
 * comes soon as well, without asking; who wants a fresh answer gets the origin's, and may ask
 * again. The error is not stored, although it would like to be.
 */
static void case_05_stale_if_error(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0}, strict = {0}, soon = {0}, again = {0};

    (void)state;
    rig_with_stale(&rig, NULL, ERRORS, 5);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    rig_wish(&rig, &strict, 1, URL, "max-age=5");
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 503, 4, FRESH);
    rig_data(&rig, 1, "oops");
    rig_done(&rig, 1, 0);
    assert_stale(&first, FETCH_FROM_ORIGIN);
    assert_stale(&second, FETCH_FROM_COLLAPSED);
    assert_int_equal(second.reader.forward_status, 503);
    assert_true(rig_is_whole(&strict, "oops"));
    rig_ask(&rig, &soon, 1, URL);
    assert_stale(&soon, FETCH_FROM_STORE);
    assert_int_equal(rig.started, 2);
    rig_wish(&rig, &again, 1, URL, "max-age=5");
    assert_int_equal(again.reader.state, FETCH_WAITING);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, FRESH, "new");
    assert_true(rig_is_whole(&again, "new"));
    rig_leave(&first);
    rig_leave(&second);
    rig_leave(&strict);
    rig_leave(&soon);
    rig_leave(&again);
    rig_free(&rig);
}

/* Case 5: without leave to use it stale, an error is what it is; 404 is an answer in any case. */
static void case_05_error_is_shared_without_leave(void **state)
{
    static const struct {
        const char *field_lines;
        int status;
    } cases[] = {{FRESH, 503}, {ERRORS, 404}, {ERRORS, 501}};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct rig_reader reader = {0};

        rig_with_stale(&rig, NULL, cases[i].field_lines, 5);
        rig_ask(&rig, &reader, 0, URL);
        rig_connect(&rig, 1);
        rig_head(&rig, 1, cases[i].status, 4, "");
        rig_data(&rig, 1, "oops");
        rig_done(&rig, 1, 0);
        assert_true(rig_is_whole(&reader, "oops"));
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/* Case 5: an error that may not be stored splits nobody off, and does not mark the URL as one that
 * cannot be coalesced: all get the stale copy. */
static void case_05_private_error_splits_nobody(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0}, soon = {0}, later[2] = {0};

    (void)state;
    rig_with_stale(&rig, NULL, ERRORS, 5);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 500, 0, "Cache-Control: no-store");
    assert_stale(&first, FETCH_FROM_ORIGIN);
    assert_stale(&second, FETCH_FROM_COLLAPSED);
    rig_ask(&rig, &soon, 1, URL);
    assert_stale(&soon, FETCH_FROM_STORE);
    rig_advance(&rig, 1100);
    for (unsigned i = 0; i < 2; i++)
        rig_ask(&rig, &later[i], i, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, FRESH, "new");
    for (unsigned i = 0; i < 2; i++)
        assert_true(rig_is_whole(&later[i], "new"));
    rig_leave(&first);
    rig_leave(&second);
    rig_leave(&soon);
    for (unsigned i = 0; i < 2; i++)
        rig_leave(&later[i]);
    rig_free(&rig);
}

/* Case 5: the URL is left alone for as long as the origin says, by everybody, then asked again. */
static void case_05_retry_after_is_obeyed(void **state)
{
    static const char *const values[] = {"Retry-After: 20",
                                         "Retry-After: Mon, 12 Jan 1970 13:47:20 GMT"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader first = {0}, second = {0}, soon = {0}, strict = {0}, later = {0};

        rig_new(&rig, NULL);
        rig.wall_s = 1000020; /* 13:47:00 of that day */
        rig_ask(&rig, &first, 0, URL);
        rig_ask(&rig, &second, 1, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, i == 0 ? 503 : 429, 4, values[i]);
        rig_data(&rig, 0, "oops");
        rig_done(&rig, 0, 0);
        assert_true(rig_is_whole(&first, "oops"));
        if (i == 0)
            assert_true(rig_is_whole(&second, "oops"));
        else
            assert_failed(&second, 503); /* case 6: it is not for this one, who may not ask now */
        rig_advance(&rig, 5500);
        rig_ask(&rig, &soon, 1, URL);
        assert_failed(&soon, 503);
        assert_int_equal(soon.reader.failure.retry_after_s, 15);
        rig_ask_with(&rig, &strict, 0, URL, FETCH_FRESH_ONLY);
        assert_failed(&strict, 503);
        rig_advance(&rig, 15000);
        rig_ask(&rig, &later, 0, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, 2);
        rig_answer(&rig, 1, FRESH, "new");
        assert_true(rig_is_whole(&later, "new"));
        rig_leave(&first);
        rig_leave(&second);
        rig_leave(&soon);
        rig_leave(&strict);
        rig_leave(&later);
        rig_free(&rig);
    }
}

/* Case 5: not longer than the setting; and what may be used stale is. */
static void case_05_retry_after_has_a_limit(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader first = {0}, soon = {0}, later = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.retry_after_max_s = 2;
    rig_with_stale(&rig, &settings, ERRORS, 5);
    rig_ask(&rig, &first, 0, URL);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 503, 0, "Retry-After: 3600");
    assert_stale(&first, FETCH_FROM_ORIGIN);
    rig_advance(&rig, 1900);
    rig_ask(&rig, &soon, 0, URL);
    assert_stale(&soon, FETCH_FROM_STORE);
    rig_advance(&rig, 200);
    rig_ask(&rig, &later, 0, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_leave(&first);
    rig_leave(&soon);
    rig_leave(&later);
    rig_free(&rig);
}

/* Case 5: a private 503 with Retry-After: those it is not for do not go and ask all the same. */
static void case_05_retry_after_holds_for_those_split_off(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 503, 0, "Retry-After: 20\nCache-Control: no-store");
    rig_done(&rig, 0, 0);
    assert_int_equal(rig.started, 1);
    assert_true(rig_is_whole(&first, ""));
    assert_failed(&second, 503);
    rig_leave(&first);
    rig_leave(&second);
    rig_free(&rig);
}

/* Case 7: the body breaks before anybody got a byte of it, and so does the one new fetch. */
static void case_07_stale_when_the_new_fetch_breaks_too(void **state)
{
    struct rig rig;
    struct rig_reader readers[2] = {0};

    (void)state;
    rig_with_stale(&rig, NULL, FRESH, 5);
    for (unsigned i = 0; i < 2; i++)
        rig_ask(&rig, &readers[i], i, URL);
    for (unsigned i = 1; i < 3; i++) {
        struct upstream_call *call;
        struct fields fields;
        struct upstream_head head = {.status = 200, .content_length_bytes = 6, .fields = &fields};

        rig_connect(&rig, i);
        call = rig.calls[i];
        fields_init(&fields);
        call->events->on_head(call, &head);
        fields_fini(&fields);
        rig_done(&rig, i, -ECONNRESET); /* settles only now */
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_true(rig_is_whole(&readers[i], "old"));
        assert_true(readers[i].reader.is_stale);
        rig_leave(&readers[i]);
    }
    assert_int_equal(rig.started, 3);
    rig_free(&rig);
}

/* Case 10: its time is up, the fetch goes on for the others. */
static void case_10_stale_at_the_readers_deadline(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader hasty = {0}, late = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.wait_timeout_ms = 1000;
    rig_with_stale(&rig, &settings, FRESH, 5);
    rig_ask(&rig, &hasty, 0, URL);
    rig_connect(&rig, 1);
    rig_advance(&rig, 600);
    rig_ask(&rig, &late, 1, URL);
    rig_advance(&rig, 600);
    assert_stale(&hasty, FETCH_FROM_ORIGIN);
    assert_int_equal(hasty.told, 1);
    rig_head(&rig, 1, 200, 3, FRESH);
    rig_data(&rig, 1, "new");
    rig_done(&rig, 1, 0);
    assert_true(rig_is_whole(&late, "new"));
    assert_int_equal(rig.started, 2);
    rig_leave(&hasty);
    rig_leave(&late);
    rig_free(&rig);
}

/* Case 12. */
static void case_12_stale_for_who_may_not_wait(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader waits = {0}, refused = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.waiters_per_key_max = 1;
    rig_with_stale(&rig, &settings, FRESH, 5);
    rig_ask(&rig, &waits, 0, URL);
    rig_ask(&rig, &refused, 1, URL);
    assert_int_equal(waits.reader.state, FETCH_WAITING);
    assert_stale(&refused, FETCH_FROM_STORE);
    rig_leave(&waits);
    rig_leave(&refused);
    rig_free(&rig);
}

/* Case 32: the lane that fetches stops; who waits elsewhere, and who comes here, get what there is.
 */
static void case_32_stale_when_the_lane_stops(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, other = {0}, late = {0};

    (void)state;
    rig_with_stale(&rig, NULL, FRESH, 5);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &other, 1, URL);
    fetch_lane_stop(rig.lanes[0]);
    rig_settle(&rig);
    assert_stale(&first, FETCH_FROM_ORIGIN);
    assert_stale(&other, FETCH_FROM_COLLAPSED);
    rig_ask(&rig, &late, 0, URL);
    assert_stale(&late, FETCH_FROM_STORE);
    rig_leave(&first);
    rig_leave(&other);
    rig_leave(&late);
    rig_free(&rig);
}

/* Case 27: what was purged while its origin was asked is not used in its place. */
static void case_27_purged_is_not_used_stale(void **state)
{
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    rig_with_stale(&rig, NULL, FRESH, 5);
    rig_ask(&rig, &reader, 0, URL);
    assert_true(fetcher_purge(rig.fetcher, &reader.reader.request->key));
    fail_twice(&rig, 1, -ECONNREFUSED);
    assert_failed(&reader, 502);
    rig_leave(&reader);
    rig_free(&rig);
}

/* What a request is told of why it was no hit. */
static void test_miss_says_why(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_with_stale(&rig, NULL, FRESH, 5);
    rig_ask(&rig, &a, 0, URL);
    assert_int_equal(a.reader.miss, FETCH_MISS_STALE);
    rig_answer(&rig, 1, FRESH, "new");
    rig_ask_with(&rig, &b, 1, URL, FETCH_FRESH_ONLY);
    assert_int_equal(b.reader.miss, FETCH_MISS_REQUEST);
    rig_answer(&rig, 2, FRESH, "newer");
    rig_leave(&a);
    rig_leave(&b);
    rig_ask(&rig, &a, 0, URL "b");
    assert_int_equal(a.reader.miss, FETCH_MISS_URI);
    rig_answer(&rig, 3, FRESH, "b");
    rig_leave(&a);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_04_stale_when_there_is_no_connection),
        cmocka_unit_test(case_04_stale_in_each_failure_but_a_refusal),
        cmocka_unit_test(case_04_no_stale_beyond_its_window),
        cmocka_unit_test(case_05_stale_if_error),
        cmocka_unit_test(case_05_error_is_shared_without_leave),
        cmocka_unit_test(case_05_private_error_splits_nobody),
        cmocka_unit_test(case_05_retry_after_is_obeyed),
        cmocka_unit_test(case_05_retry_after_has_a_limit),
        cmocka_unit_test(case_05_retry_after_holds_for_those_split_off),
        cmocka_unit_test(case_07_stale_when_the_new_fetch_breaks_too),
        cmocka_unit_test(case_10_stale_at_the_readers_deadline),
        cmocka_unit_test(case_12_stale_for_who_may_not_wait),
        cmocka_unit_test(case_27_purged_is_not_used_stale),
        cmocka_unit_test(case_32_stale_when_the_lane_stops),
        cmocka_unit_test(test_miss_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
