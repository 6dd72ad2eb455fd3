/* SPDX-License-Identifier: MIT */
/* test_curl_fields.c - the fields of a request upstream: what is sent, in which order. */
#include "curl_fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmocka_all.h"

static const struct fetch_settings settings = {.via_name = "cache", .user_agent = "once"};

/* All lines in one, with '|' between them. */
static void check_call(const struct upstream_call *call, const char *expected)
{
    struct curl_slist *list;
    char text[512] = "";
    size_t used = 0;

    assert_int_equal(curl_fields_make(&settings, call, &list), 0);
    for (const struct curl_slist *line = list; line != NULL; line = line->next)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", line->data,
                                 line->next != NULL ? "|" : "");
    assert_string_equal(text, expected);
    free(list);
}

static void check_lines(const struct fields *fields, bool is_verbatim, const char *expected)
{
    check_call(&(struct upstream_call){.fields = fields, .is_verbatim = is_verbatim}, expected);
}

static void append(struct fields *fields, const char *name, const char *value)
{
    assert_int_equal(fields_append(fields, span_of_string(name), span_of_string(value)), 0);
}

static void test_plain_call_asks_for_the_plain_representation(void **state)
{
    (void)state;
    check_lines(NULL, false,
                "Accept-Encoding: identity|User-Agent: once|Via: 1.1 cache|CDN-Loop: cache");
}

static void test_own_fields_come_first_and_replace_defaults(void **state)
{
    struct fields fields;

    (void)state;
    fields_init(&fields);
    append(&fields, "If-None-Match", "\"x\"");
    append(&fields, "accept-encoding", "gzip");
    check_lines(&fields, false,
                "If-None-Match: \"x\"|accept-encoding: gzip|User-Agent: once|Via: 1.1 cache|"
                "CDN-Loop: cache");
    fields_fini(&fields);
}

static void test_verbatim_call_has_no_defaults(void **state)
{
    struct fields fields;

    (void)state;
    check_lines(NULL, true, "Accept:|Via: 1.1 cache|CDN-Loop: cache");
    fields_init(&fields);
    append(&fields, "User-Agent", "browser");
    append(&fields, "X-Empty", "");
    append(&fields, "Via", "1.0 other");
    check_lines(&fields, true,
                "User-Agent: browser|X-Empty;|Via: 1.0 other|Accept:|Via: 1.1 cache|"
                "CDN-Loop: cache");
    fields_fini(&fields);
}

static void test_what_libcurl_writes_is_left_to_it(void **state)
{
    struct fields fields;

    (void)state;
    fields_init(&fields);
    append(&fields, "Host", "elsewhere");
    append(&fields, "content-length", "7");
    append(&fields, "Transfer-Encoding", "chunked");
    append(&fields, "Expect", "100-continue");
    check_lines(&fields, true, "Accept:|Via: 1.1 cache|CDN-Loop: cache");
    fields_fini(&fields);
}

static void test_host_and_chunks_are_told_to_libcurl(void **state)
{
    struct upstream_body known = {.length_bytes = 5}, unknown = {.length_bytes = -1};
    struct upstream_call call = {.host = "public.example", .body = &known, .is_verbatim = true};

    (void)state;
    check_call(&call, "Host: public.example|Expect:|Accept:|Via: 1.1 cache|"
                      "CDN-Loop: cache");
    call.body = &unknown;
    check_call(&call, "Host: public.example|Expect:|Transfer-Encoding: chunked|Accept:|"
                      "Via: 1.1 cache|CDN-Loop: cache");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_call_asks_for_the_plain_representation),
        cmocka_unit_test(test_own_fields_come_first_and_replace_defaults),
        cmocka_unit_test(test_verbatim_call_has_no_defaults),
        cmocka_unit_test(test_what_libcurl_writes_is_left_to_it),
        cmocka_unit_test(test_host_and_chunks_are_told_to_libcurl),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
