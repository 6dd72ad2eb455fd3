/* SPDX-License-Identifier: MIT */
/* test_cache_status.c - Cache-Status as RFC 9211 has it, and Server-Timing. */
#include "handlers/cache_status.h"

#include <stdint.h>
#include <string.h>

#include "cmocka_all.h"

static void assert_written(struct cache_status status, const char *expected)
{
    char text[CACHE_STATUS_BYTES];

    cache_status_write(&status, text);
    assert_string_equal(text, expected);
}

static void test_hits(void **state)
{
    char lines[CACHE_HIT_BYTES];
    size_t length;

    (void)state;
    assert_written((struct cache_status){.is_hit = true, .has_ttl = true, .ttl_s = 271},
                   "fetchonce; hit; ttl=271");
    assert_written((struct cache_status){.is_hit = true, .has_ttl = true, .ttl_s = -5},
                   "fetchonce; hit; ttl=-5");
    length = cache_status_write_hit(7, 271, lines);
    assert_string_equal(lines, "Age: 7\r\nCache-Status: fetchonce; hit; ttl=271\r\n"
                               "Server-Timing: wait;dur=0\r\n");
    assert_int_equal(length, strlen(lines));
    length = cache_status_write_hit(INT64_MAX, INT64_MIN, lines);
    assert_string_equal(lines, "Age: 9223372036854775807\r\n"
                               "Cache-Status: fetchonce; hit; ttl=-9223372036854775808\r\n"
                               "Server-Timing: wait;dur=0\r\n");
    assert_int_equal(length, strlen(lines));
}

static void test_forwarded_says_why(void **state)
{
    static const struct {
        enum cache_forward forward;
        const char *text;
    } reasons[] = {
        {CACHE_FORWARD_BYPASS, "fetchonce; fwd=bypass"},
        {CACHE_FORWARD_METHOD, "fetchonce; fwd=method"},
        {CACHE_FORWARD_URI_MISS, "fetchonce; fwd=uri-miss"},
        {CACHE_FORWARD_VARY_MISS, "fetchonce; fwd=vary-miss"},
        {CACHE_FORWARD_MISS, "fetchonce; fwd=miss"},
        {CACHE_FORWARD_REQUEST, "fetchonce; fwd=request"},
        {CACHE_FORWARD_STALE, "fetchonce; fwd=stale"},
        {CACHE_FORWARD_PARTIAL, "fetchonce; fwd=partial"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++)
        assert_written((struct cache_status){.forward = reasons[i].forward}, reasons[i].text);
    assert_written((struct cache_status){.forward = CACHE_FORWARD_STALE,
                                         .forward_status = 304,
                                         .is_stored = true,
                                         .has_ttl = true,
                                         .ttl_s = 60},
                   "fetchonce; fwd=stale; fwd-status=304; stored; ttl=60");
    assert_written((struct cache_status){.forward = CACHE_FORWARD_URI_MISS, .is_collapsed = true},
                   "fetchonce; fwd=uri-miss; collapsed");
}

/* What only makes sense of a forwarded request is not said of others. */
static void test_local_answers_say_only_why(void **state)
{
    (void)state;
    assert_written((struct cache_status){.detail = "loop"}, "fetchonce; detail=loop");
    assert_written((struct cache_status){.forward_status = 200, .is_stored = true}, "fetchonce");
}

static void test_the_longest_fits(void **state)
{
    (void)state;
    assert_written((struct cache_status){.forward = CACHE_FORWARD_VARY_MISS,
                                         .forward_status = 999,
                                         .is_collapsed = true,
                                         .is_stored = true,
                                         .has_ttl = true,
                                         .ttl_s = INT64_MIN,
                                         .detail = "a234567890123456789012345678901234567890"},
                   "fetchonce; fwd=vary-miss; fwd-status=999; collapsed; stored; "
                   "ttl=-9223372036854775808; detail=a234567890123456789012345678901234567890");
}

static void test_timing_in_milliseconds(void **state)
{
    char text[SERVER_TIMING_BYTES];

    (void)state;
    server_timing_write(0, -1, text);
    assert_string_equal(text, SERVER_TIMING_NO_WAIT);
    server_timing_write(12345678, -1, text);
    assert_string_equal(text, "wait;dur=12.345");
    server_timing_write(999, 1000, text);
    assert_string_equal(text, "wait;dur=0, origin;dur=0.001");
    server_timing_write(INT64_MAX, INT64_MAX, text);
    assert_string_equal(text, "wait;dur=9223372036854.775, origin;dur=9223372036854.775");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits),
        cmocka_unit_test(test_forwarded_says_why),
        cmocka_unit_test(test_local_answers_say_only_why),
        cmocka_unit_test(test_the_longest_fits),
        cmocka_unit_test(test_timing_in_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
