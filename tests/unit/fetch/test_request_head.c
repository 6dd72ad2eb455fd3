/* SPDX-License-Identifier: MIT */
/*
 * test_request_head.c - the head of a request for an upgrade, byte for byte.
 */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "request_head.h"

static void expect(struct upstream_call *call, const char *url, const char *expected)
{
    const struct fetch_settings settings = {.via_name = "me"};
    struct fetch_url *parsed;
    char *bytes;
    size_t count;

    assert_int_equal(fetch_url_parse(url, strlen(url), 8192, &parsed), 0);
    call->url = parsed;
    assert_int_equal(request_head_make(&settings, call, &bytes, &count), 0);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(bytes, expected, count);
    free(bytes);
    fetch_url_unref(parsed);
}

static void test_host_is_that_of_the_url_or_the_one_given(void **state)
{
    struct upstream_call call = {.upgrade = "echo/1"};

    (void)state;
    expect(&call, "http://[::1]:8080/a/b?c=d",
           "GET /a/b?c=d HTTP/1.1\r\nHost: [::1]:8080\r\nVia: 1.1 me\r\nCDN-Loop: me\r\n"
           "Connection: upgrade\r\nUpgrade: echo/1\r\n\r\n");
    call.host = "public.example";
    expect(&call, "https://a.example",
           "GET / HTTP/1.1\r\nHost: public.example\r\nVia: 1.1 me\r\nCDN-Loop: me\r\n"
           "Connection: upgrade\r\nUpgrade: echo/1\r\n\r\n");
}

/* Order and spelling stay; what is written here is not written twice. */
static void test_fields_go_in_their_order_but_those_of_framing(void **state)
{
    static const char *const names[] = {"X-b",  "Via",        "Upgrade", "Transfer-Encoding",
                                        "Host", "Connection", "a",       "Content-Length"};
    struct upstream_call call = {.upgrade = "echo"};
    struct fields fields;

    (void)state;
    fields_init(&fields);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(fields_append(&fields, span_of_string(names[i]), span_of_string("v")), 0);
    call.fields = &fields;
    expect(&call, "http://a.example/",
           "GET / HTTP/1.1\r\nHost: a.example\r\nX-b: v\r\nVia: v\r\na: v\r\nVia: 1.1 me\r\n"
           "CDN-Loop: me\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    fields_fini(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_is_that_of_the_url_or_the_one_given),
        cmocka_unit_test(test_fields_go_in_their_order_but_those_of_framing),
    };

    return cmocka_run_group_tests_name("request_head", tests, NULL, NULL);
}
