/* SPDX-License-Identifier: MIT */
/*
 * test_flight_resume.c - the rest of a body that broke off is asked for once (case 7).
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL  "http://origin.example/a"
#define HEAD "ETag: \"v1\"\nAccept-Ranges: bytes"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

static void assert_sent(const struct rig *rig, unsigned index, const char *name, const char *value)
{
    struct span found;

    assert_non_null(rig->calls[index]);
    assert_non_null(rig->calls[index]->fields);
    assert_true(fields_find(rig->calls[index]->fields, name, &found));
    assert_true(span_equals(found, span_of_string(value)));
}

/* The first part of "hello world", and the origin is gone. */
static void break_off(struct rig *rig, int64_t length_bytes, const char *head)
{
    rig_connect(rig, 0);
    assert_int_equal(rig_head(rig, 0, 200, length_bytes, head), UPSTREAM_GO_ON);
    assert_int_equal(rig_data(rig, 0, "hello"), UPSTREAM_GO_ON);
    rig_done(rig, 0, -ECONNRESET);
    rig_advance(rig, 200);
}

/* Readers notice a pause, those who come in it join, and the whole is stored. */
static void case_07_broken_body_is_resumed(void **state)
{
    static const int64_t lengths[] = {11, -1};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader early = {0}, late = {0}, hit = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &early, 0, URL);
        break_off(&rig, lengths[i], HEAD);
        assert_int_equal(rig.started, 2);
        assert_sent(&rig, 1, "Range", "bytes=5-");
        assert_sent(&rig, 1, "If-Range", "\"v1\"");
        rig_ask(&rig, &late, 1, URL);
        assert_string_equal(late.text, "hello");
        rig_connect(&rig, 1);
        assert_int_equal(rig_head(&rig, 1, 206, 6, "ETag: \"v1\"\nContent-Range: bytes 5-10/11"),
                         UPSTREAM_GO_ON);
        assert_int_equal(rig_data(&rig, 1, " world"), UPSTREAM_GO_ON);
        rig_done(&rig, 1, 0);
        assert_true(rig_is_whole(&early, "hello world"));
        assert_true(rig_is_whole(&late, "hello world"));
        rig_ask(&rig, &hit, 1, URL);
        assert_true(rig_is_whole(&hit, "hello world"));
        assert_int_equal(hit.reader.source, FETCH_FROM_STORE);
        assert_int_equal(rig.started, 2);
        assert_int_equal(counters_of(&rig).upstream_resumes, 1);
        assert_int_equal(counters_of(&rig).upstream_retries, 0);
        assert_int_equal(counters_of(&rig).upstream_requests, 2);
        assert_int_equal(counters_of(&rig).stored, 1);
        rig_leave(&early);
        rig_leave(&late);
        rig_leave(&hit);
        rig_free(&rig);
    }
}

/* Case 8, then 7: the stalled call is cancelled first. */
static void case_07_stalled_body_is_resumed(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 11, HEAD);
    rig_data(&rig, 0, "hello");
    rig_advance(&rig, rig.settings.stall_timeout_ms + 200);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.started, 2);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 206, 6, "ETag: \"v1\"\nContent-Range: bytes 5-10/11");
    rig_data(&rig, 1, " world");
    rig_done(&rig, 1, 0);
    assert_true(rig_is_whole(&a, "hello world"));
    rig_leave(&a);
    rig_free(&rig);
}

/* Whatever is not just the rest of this very answer is not appended. */
static void case_07_anything_else_fails_as_before(void **state)
{
    static const struct {
        const char *head;
        int status;
        int length_bytes;
    } answers[] = {
        {"ETag: \"v1\"\nContent-Range: bytes 4-10/11", 206, 7},   /* another place */
        {"ETag: \"v1\"\nContent-Range: bytes 6-10/11", 206, 5},   /* a gap */
        {"ETag: \"v1\"\nContent-Range: bytes 5-9/11", 206, 5},    /* not to the end */
        {"ETag: \"v1\"\nContent-Range: bytes 5-11/12", 206, 7},   /* another length */
        {"ETag: \"v1\"\nContent-Range: bytes 5-10/*", 206, 6},    /* no length */
        {"ETag: \"v1\"\nContent-Range: bytes 5-10/11", 206, 5},   /* two lengths */
        {"ETag: \"v1\"\nContent-Range: bytes */11", 206, 6},      /* no range */
        {"ETag: \"v1\"\nContent-Range: bytes 5-", 206, 6},        /* malformed */
        {"ETag: \"v2\"\nContent-Range: bytes 5-10/11", 206, 6},   /* another answer */
        {"ETag: W/\"v1\"\nContent-Range: bytes 5-10/11", 206, 6}, /* perhaps another */
        {"Content-Range: bytes 5-10/11", 206, 6},                 /* nobody knows */
        {"ETag: \"v1\"\nContent-Range: bytes 5-10/11\nContent-Range: bytes 5-10/11", 206, 6},
        {"ETag: \"v1\"\nContent-Range: bytes 5-10/11\nContent-Encoding: gzip", 206, 6},
        {"ETag: \"v1\"\nContent-Type: multipart/byteranges; boundary=b", 206, 6},
        {"ETag: \"v2\"", 200, 11}, /* it has changed meanwhile */
        {"ETag: \"v1\"", 200, 11},
        {"Content-Range: bytes */5", 416, 0},
        {"Location: /b", 302, 0},
        {"", 304, 0},
        {"", 503, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct rig rig;
        struct rig_reader a = {0};

        print_message("answer %u: %d %s\n", i, answers[i].status, answers[i].head);
        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        break_off(&rig, 11, HEAD);
        rig_connect(&rig, 1);
        assert_int_equal(
            rig_head(&rig, 1, answers[i].status, answers[i].length_bytes, answers[i].head),
            UPSTREAM_STOP);
        rig_done(&rig, 1, -ECANCELED);
        rig_advance(&rig, 1000);
        assert_string_equal(a.text, "hello");
        assert_true(fetch_reader_status(&a.reader) < 0);
        assert_int_equal(counters_of(&rig).stored, 0);
        assert_int_equal(rig.started, 2);
        rig_leave(&a);
        rig_free(&rig);
    }
}

/* Where nothing says that these bytes can be had again, they are not asked for. */
static void case_07_resume_needs_a_strong_tag_and_ranges(void **state)
{
    static const char *const heads[] = {
        "",
        "ETag: \"v1\"",
        "Accept-Ranges: bytes",
        "ETag: \"v1\"\nAccept-Ranges: none",
        "ETag: W/\"v1\"\nAccept-Ranges: bytes",
        "ETag: v1\nAccept-Ranges: bytes",
        "ETag: \"v1\"\nAccept-Ranges: bytes\nContent-Encoding: gzip",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct rig rig;
        struct rig_reader a = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        break_off(&rig, 11, heads[i]);
        assert_int_equal(rig.started, 1);
        assert_true(fetch_reader_status(&a.reader) < 0);
        rig_leave(&a);
        rig_free(&rig);
    }
}

/* It counts as the one retry: there is no second, nor one after a retry before the head. */
static void case_07_resume_is_the_one_retry(void **state)
{
    struct rig rig;
    struct rig_reader a = {0}, b = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    break_off(&rig, 11, HEAD);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 206, 6, "ETag: \"v1\"\nContent-Range: bytes 5-10/11");
    rig_data(&rig, 1, " wor");
    rig_done(&rig, 1, -ECONNRESET);
    rig_advance(&rig, 1000);
    assert_int_equal(rig.started, 2);
    assert_string_equal(a.text, "hello wor");
    assert_true(fetch_reader_status(&a.reader) < 0);
    rig_leave(&a);

    rig_ask(&rig, &b, 0, URL);
    rig_settle(&rig);
    rig_connect(&rig, 2);
    rig_done(&rig, 2, -ECONNREFUSED);
    rig_advance(&rig, 200);
    rig_connect(&rig, 3);
    rig_head(&rig, 3, 200, 11, HEAD);
    rig_data(&rig, 3, "hello");
    rig_done(&rig, 3, -ECONNRESET);
    rig_advance(&rig, 1000);
    assert_int_equal(rig.started, 4);
    assert_true(fetch_reader_status(&b.reader) < 0);
    rig_leave(&b);
    rig_free(&rig);
}

/* Nobody is left while it waits for its second try, or in it. */
static void case_07_deserted_resume_is_given_up(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    for (unsigned in_call = 0; in_call < 2; in_call++) {
        rig_new(&rig, NULL);
        rig_ask(&rig, &a, 0, URL);
        rig_connect(&rig, 0);
        rig_head(&rig, 0, 200, 4000000, HEAD);
        rig_data(&rig, 0, "hello");
        rig_done(&rig, 0, -ECONNRESET);
        if (in_call)
            rig_advance(&rig, 200);
        rig_leave(&a);
        rig_advance(&rig, 1000);
        assert_int_equal(rig.started, 1 + in_call);
        assert_int_equal(rig.cancelled, in_call);
        rig_free(&rig);
    }
}

/* The length that the rest told is held to, as if the first head had told it. */
static void case_07_excess_of_the_rest_is_not_appended(void **state)
{
    struct rig rig;
    struct rig_reader a = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &a, 0, URL);
    break_off(&rig, -1, HEAD);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 206, -1, "ETag: \"v1\"\nContent-Range: bytes 5-7/8");
    assert_int_equal(rig_data(&rig, 1, "1234"), UPSTREAM_STOP);
    rig_done(&rig, 1, -ECANCELED);
    assert_string_equal(a.text, "hello");
    assert_true(fetch_reader_status(&a.reader) < 0);
    rig_leave(&a);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_07_broken_body_is_resumed),
        cmocka_unit_test(case_07_stalled_body_is_resumed),
        cmocka_unit_test(case_07_anything_else_fails_as_before),
        cmocka_unit_test(case_07_resume_needs_a_strong_tag_and_ranges),
        cmocka_unit_test(case_07_resume_is_the_one_retry),
        cmocka_unit_test(case_07_deserted_resume_is_given_up),
        cmocka_unit_test(case_07_excess_of_the_rest_is_not_appended),
    };
    return cmocka_run_group_tests_name("flight_resume", tests, NULL, NULL);
}
