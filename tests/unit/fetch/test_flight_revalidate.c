/* SPDX-License-Identifier: MIT */
/*
 * test_flight_revalidate.c - what is stored, and what its origin says of it now.
 * The numbers are those of docs/internals/flight.md. Which 304 is about which answer:
 * tests/unit/http/test_update.c.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL      "http://origin.example/a"
#define CHANGED  "Mon, 12 Jan 1970 10:00:00 GMT"
#define TAGGED   "Cache-Control: max-age=10\nETag: \"v1\"\nX-Old: yes"
#define DATED    "Cache-Control: max-age=10\nLast-Modified: " CHANGED
#define NO_CACHE "Cache-Control: no-cache\nETag: \"v1\""

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* Stores "old" with these fields, 15 seconds ago. */
static void rig_with_stored(struct rig *rig, const char *field_lines)
{
    struct rig_reader first = {0};

    rig_new(rig, NULL);
    rig_ask(rig, &first, 0, URL);
    rig_answer(rig, 0, field_lines, "old");
    rig_leave(&first);
    rig->wall_s += 15;
}

static void assert_asked_with(struct rig *rig, unsigned call, const char *name, const char *value)
{
    const struct fields *fields = rig->calls[call]->fields;
    struct span found;

    if (value == NULL) {
        assert_true(fields == NULL || !fields_has(fields, name));
        return;
    }
    assert_non_null(fields);
    assert_true(fields_find(fields, name, &found));
    assert_true(span_equals(found, span_of_string(value)));
}

static void not_modified(struct rig *rig, unsigned call, const char *field_lines)
{
    rig_connect(rig, call);
    assert_int_equal(rig_head(rig, call, 304, 0, field_lines), UPSTREAM_GO_ON);
    rig_done(rig, call, 0);
}

static void assert_field(const struct rig_reader *reader, const char *name, const char *value)
{
    struct span found;

    assert_true(entry_find(reader->reader.entry, name, &found));
    assert_true(span_equals(found, span_of_string(value)));
}

/*
 * Case 14: two ask for what is stale; the origin is asked whether it still holds, and says so. Both
 * get the stored body with the new fields, as do those who come after, from the store.
 */
static void case_14_stale_is_confirmed(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0}, hit = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    assert_asked_with(&rig, 1, "If-None-Match", "\"v1\"");
    assert_asked_with(&rig, 1, "If-Modified-Since", NULL);
    not_modified(&rig, 1, "Cache-Control: max-age=20\nETag: \"v1\"");
    assert_true(rig_is_whole(&first, "old"));
    assert_true(rig_is_whole(&second, "old"));
    assert_int_equal(first.reader.source, FETCH_FROM_ORIGIN);
    assert_int_equal(first.reader.forward_status, 304);
    assert_true(first.reader.is_stored);
    assert_int_equal(second.reader.source, FETCH_FROM_COLLAPSED);
    assert_int_equal(second.reader.forward_status, 304);
    assert_field(&first, "Cache-Control", "max-age=20");
    assert_field(&first, "X-Old", "yes");
    rig_leave(&first);
    rig_leave(&second);
    rig.wall_s += 19;
    rig_ask(&rig, &hit, 1, URL);
    assert_int_equal(hit.reader.source, FETCH_FROM_STORE);
    assert_true(rig_is_whole(&hit, "old"));
    assert_int_equal(counters_of(&rig).revalidations, 1);
    assert_int_equal(counters_of(&rig).confirmed, 1);
    rig_leave(&hit);
    rig_free(&rig);
}

/* Case 14: a 304 from a cache before the origin is as old as it says (RFC 9111 section 4.2.3). */
static void case_14_age_of_the_confirmation_counts(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, hit = {0}, late = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &first, 0, URL);
    rig_settle(&rig);
    not_modified(&rig, 1, "Cache-Control: max-age=20\nETag: \"v1\"\nAge: 15");
    assert_true(rig_is_whole(&first, "old"));
    assert_false(entry_has(first.reader.entry, "Age"));
    rig_leave(&first);
    rig.wall_s += 4;
    rig_ask(&rig, &hit, 1, URL);
    assert_int_equal(hit.reader.source, FETCH_FROM_STORE);
    rig_leave(&hit);
    rig.wall_s += 2;
    rig_ask(&rig, &late, 1, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    not_modified(&rig, 2, "ETag: \"v1\"");
    rig_leave(&late);
    rig_free(&rig);
}

/* Case 14: what has changed comes whole, and takes the place of what was stored. */
static void case_14_stale_is_replaced(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, hit = {0};

    (void)state;
    rig_with_stored(&rig, DATED);
    rig_ask(&rig, &first, 0, URL);
    assert_asked_with(&rig, 1, "If-None-Match", NULL);
    assert_asked_with(&rig, 1, "If-Modified-Since", CHANGED);
    rig_answer(&rig, 1, "Cache-Control: max-age=10", "new");
    assert_true(rig_is_whole(&first, "new"));
    assert_int_equal(first.reader.forward_status, 0);
    assert_int_equal(first.reader.miss, FETCH_MISS_STALE);
    rig_ask(&rig, &hit, 1, URL);
    assert_int_equal(hit.reader.source, FETCH_FROM_STORE);
    assert_true(rig_is_whole(&hit, "new"));
    rig_leave(&first);
    rig_leave(&hit);
    rig_free(&rig);
}

/* Case 14: nothing to confirm it by; or only a date that cannot be read. */
static void case_14_without_validator_it_is_fetched(void **state)
{
    static const char *const field_lines[] = {"Cache-Control: max-age=10",
                                              "Cache-Control: max-age=10\nLast-Modified: yesterday",
                                              "Cache-Control: max-age=10\nETag: unquoted"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct rig rig;
        struct rig_reader reader = {0};

        rig_with_stored(&rig, field_lines[i]);
        rig_ask(&rig, &reader, 0, URL);
        assert_asked_with(&rig, 1, "If-None-Match", NULL);
        assert_asked_with(&rig, 1, "If-Modified-Since", NULL);
        rig_answer(&rig, 1, "", "new");
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/*
 * Case 14: "no-cache" with a validator. Who came before its head uses it; who comes after waits for
 * the next fetch, all together, and that only asks whether it still holds.
 */
static void case_14_no_cache_is_kept_to_be_confirmed(void **state)
{
    struct rig rig;
    struct rig_reader before[2] = {0}, after[3] = {0}, later = {0};

    (void)state;
    rig_new(&rig, NULL);
    for (unsigned i = 0; i < 2; i++)
        rig_ask(&rig, &before[i], i, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, NO_CACHE);
    rig_data(&rig, 0, "ol");
    for (unsigned i = 0; i < 3; i++)
        rig_ask(&rig, &after[i], i % 2, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 1);
    rig_data(&rig, 0, "d");
    rig_done(&rig, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        assert_true(rig_is_whole(&before[i], "old"));
    assert_int_equal(rig.started, 2);
    assert_asked_with(&rig, 1, "If-None-Match", "\"v1\"");
    not_modified(&rig, 1, "ETag: \"v1\"");
    for (unsigned i = 0; i < 3; i++) {
        assert_true(rig_is_whole(&after[i], "old"));
        rig_leave(&after[i]);
    }
    rig_ask(&rig, &later, 0, URL);
    assert_int_equal(later.reader.state, FETCH_WAITING);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    assert_asked_with(&rig, 2, "If-None-Match", "\"v1\"");
    for (unsigned i = 0; i < 2; i++)
        rig_leave(&before[i]);
    rig_leave(&later);
    rig_free(&rig);
}

/* Case 14: but nobody waits for long with a body that does not end. */
static void case_14_long_body_that_is_used_once_is_overtaken(void **state)
{
    struct rig rig;
    struct rig_reader before = {0}, after = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &before, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, -1, NO_CACHE);
    rig_data(&rig, 0, "ol");
    rig_ask(&rig, &after, 1, URL);
    rig_advance(&rig, 1100);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, NO_CACHE, "new");
    assert_true(rig_is_whole(&after, "new"));
    rig_data(&rig, 0, "d");
    rig_done(&rig, 0, 0);
    assert_true(rig_is_whole(&before, "old"));
    rig_leave(&before);
    rig_leave(&after);
    rig_free(&rig);
}

/* Case 22: a reload of what is fresh does not fetch it again if the origin confirms it. */
static void case_22_reload_is_answered_by_a_confirmation(void **state)
{
    struct rig rig;
    struct rig_reader reload = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig.wall_s -= 10;
    rig_ask_with(&rig, &reload, 0, URL, FETCH_FRESH_ONLY);
    assert_asked_with(&rig, 1, "If-None-Match", "\"v1\"");
    not_modified(&rig, 1, "");
    assert_true(rig_is_whole(&reload, "old"));
    assert_true(entry_is_fresh(reload.reader.entry, rig.wall_s + 9));
    rig_leave(&reload);
    rig_free(&rig);
}

/* A 304 that names another answer: asked once more, without conditions; what comes then counts. */
static void case_25_not_modified_of_another_is_asked_again(void **state)
{
    struct rig rig;
    struct rig_reader readers[2] = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    for (unsigned i = 0; i < 2; i++)
        rig_ask(&rig, &readers[i], i, URL);
    not_modified(&rig, 1, "ETag: \"v2\"");
    assert_int_equal(rig.started, 3);
    assert_int_equal(readers[0].reader.state, FETCH_WAITING);
    assert_asked_with(&rig, 2, "If-None-Match", NULL);
    rig_answer(&rig, 2, "Cache-Control: max-age=10\nETag: \"v2\"", "new");
    for (unsigned i = 0; i < 2; i++) {
        assert_true(rig_is_whole(&readers[i], "new"));
        rig_leave(&readers[i]);
    }
    assert_int_equal(counters_of(&rig).confirmed, 0);
    rig_free(&rig);
}

/* Case 25: and a 304 to a request without conditions is none. */
static void case_25_not_modified_twice_is_502(void **state)
{
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &reader, 0, URL);
    not_modified(&rig, 1, "ETag: \"v2\"");
    rig_connect(&rig, 2);
    assert_int_equal(rig_head(&rig, 2, 304, 0, "ETag: \"v1\""), UPSTREAM_STOP);
    rig_done(&rig, 2, -ECANCELED);
    assert_int_equal(reader.reader.state, FETCH_FAILED);
    assert_int_equal(reader.reader.failure.status, 502);
    rig_leave(&reader);
    rig_free(&rig);
}

/*
 * Case 26: the validators are those of where the redirect led. The URL itself is not asked about
 * them, nor is the one it redirects to now.
 */
static void case_26_redirected_answer_is_not_asked_about(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 302, 0, "Location: /b");
    rig_done(&rig, 0, 0);
    rig_answer(&rig, 1, TAGGED, "old");
    rig_leave(&first);
    rig.wall_s += 15;
    rig_ask(&rig, &second, 0, URL);
    assert_asked_with(&rig, 2, "If-None-Match", NULL);
    rig_connect(&rig, 2);
    rig_head(&rig, 2, 302, 0, "Location: /b");
    rig_done(&rig, 2, 0);
    assert_asked_with(&rig, 3, "If-None-Match", NULL);
    rig_answer(&rig, 3, TAGGED, "new");
    assert_true(rig_is_whole(&second, "new"));
    rig_leave(&second);
    rig_free(&rig);
}

/* Case 26: conditions of the URL itself do not go to where it redirects now. */
static void case_26_conditions_are_not_redirected(void **state)
{
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &reader, 0, URL);
    assert_asked_with(&rig, 1, "If-None-Match", "\"v1\"");
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 302, 0, "Location: /b");
    rig_done(&rig, 1, 0);
    assert_asked_with(&rig, 2, "If-None-Match", NULL);
    rig_connect(&rig, 2);
    assert_int_equal(rig_head(&rig, 2, 304, 0, "ETag: \"v1\""), UPSTREAM_STOP);
    rig_done(&rig, 2, -ECANCELED);
    assert_int_equal(reader.reader.failure.status, 502);
    rig_leave(&reader);
    rig_free(&rig);
}

/* Case 4: the second try asks in the same way. */
static void case_04_retry_keeps_its_conditions(void **state)
{
    struct rig rig;
    struct rig_reader reader = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &reader, 0, URL);
    rig_done(&rig, 1, -ECONNRESET);
    rig_advance(&rig, 200);
    assert_asked_with(&rig, 2, "If-None-Match", "\"v1\"");
    not_modified(&rig, 2, "");
    assert_true(rig_is_whole(&reader, "old"));
    rig_leave(&reader);
    rig_free(&rig);
}

/*
 * Case 13: the confirmation makes it private. It is for the one who asked; the other asks for
 * itself, and what was stored is there no more.
 */
static void case_13_confirmed_as_private_is_not_shared(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &first, 0, URL);
    rig_ask(&rig, &second, 1, URL);
    not_modified(&rig, 1, "ETag: \"v1\"\nCache-Control: private");
    assert_true(rig_is_whole(&first, "old"));
    assert_int_equal(rig.started, 3);
    assert_asked_with(&rig, 2, "If-None-Match", NULL);
    assert_null(store_lookup(rig.store, &first.reader.request->key, rig.wall_s));
    rig_answer(&rig, 2, "Cache-Control: private", "second's");
    assert_true(rig_is_whole(&second, "second's"));
    rig_leave(&first);
    rig_leave(&second);
    rig_free(&rig);
}

/* What is not stored itself has still made obsolete what is; an error has not. */
static void case_05_newer_answer_makes_the_stored_one_obsolete(void **state)
{
    static const struct {
        int status;
        bool is_kept;
    } cases[] = {{200, false}, {500, true}, {404, true}};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct rig_reader reader = {0};
        struct entry *entry;

        rig_with_stored(&rig, TAGGED);
        rig_ask(&rig, &reader, 0, URL);
        rig_connect(&rig, 1);
        rig_head(&rig, 1, cases[i].status, 3, "Cache-Control: no-store");
        rig_data(&rig, 1, "new");
        rig_done(&rig, 1, 0);
        assert_true(rig_is_whole(&reader, "new"));
        entry = store_lookup(rig.store, &reader.reader.request->key, rig.wall_s);
        assert_int_equal(entry != NULL, cases[i].is_kept);
        entry_unref(entry);
        rig_leave(&reader);
        rig_free(&rig);
    }
}

/* Case 27: purged while its origin was asked: those who wait get it, and nothing is stored. */
static void case_27_purged_is_confirmed_for_those_who_wait(void **state)
{
    struct rig rig;
    struct rig_reader before = {0};

    (void)state;
    rig_with_stored(&rig, TAGGED);
    rig_ask(&rig, &before, 0, URL);
    assert_true(fetcher_purge(rig.fetcher, &before.reader.request->key));
    rig_settle(&rig);
    not_modified(&rig, 1, "ETag: \"v1\"");
    assert_true(rig_is_whole(&before, "old"));
    assert_null(store_lookup(rig.store, &before.reader.request->key, rig.wall_s));
    rig_leave(&before);
    rig_free(&rig);
}

/* Case 5: the origin wants to be left alone, and the next flight, which waited, obeys. */
static void case_05_next_flight_leaves_the_origin_alone(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, next = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig_connect(&rig, 0);
    rig_ask_with(&rig, &next, 1, URL, FETCH_FRESH_ONLY);
    rig_head(&rig, 0, 503, 0, "Retry-After: 20");
    rig_done(&rig, 0, 0);
    assert_int_equal(rig.started, 1);
    assert_int_equal(next.reader.state, FETCH_FAILED);
    assert_int_equal(next.reader.failure.status, 503);
    assert_int_equal(next.reader.failure.retry_after_s, 20);
    rig_leave(&first);
    rig_leave(&next);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_14_stale_is_confirmed),
        cmocka_unit_test(case_14_age_of_the_confirmation_counts),
        cmocka_unit_test(case_14_stale_is_replaced),
        cmocka_unit_test(case_14_without_validator_it_is_fetched),
        cmocka_unit_test(case_14_no_cache_is_kept_to_be_confirmed),
        cmocka_unit_test(case_14_long_body_that_is_used_once_is_overtaken),
        cmocka_unit_test(case_22_reload_is_answered_by_a_confirmation),
        cmocka_unit_test(case_25_not_modified_of_another_is_asked_again),
        cmocka_unit_test(case_25_not_modified_twice_is_502),
        cmocka_unit_test(case_26_redirected_answer_is_not_asked_about),
        cmocka_unit_test(case_26_conditions_are_not_redirected),
        cmocka_unit_test(case_04_retry_keeps_its_conditions),
        cmocka_unit_test(case_13_confirmed_as_private_is_not_shared),
        cmocka_unit_test(case_05_newer_answer_makes_the_stored_one_obsolete),
        cmocka_unit_test(case_27_purged_is_confirmed_for_those_who_wait),
        cmocka_unit_test(case_05_next_flight_leaves_the_origin_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
