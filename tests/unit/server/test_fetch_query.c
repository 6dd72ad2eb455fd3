/* SPDX-License-Identifier: MIT */
/* test_fetch_query.c - the query of /fetch, and the memo of queries. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"

#include "handlers/fetch_query.h"

struct memo_fixture {
    struct store *store;
    struct fetch_query_memo *memo;
};

static int set_up(void **state)
{
    static struct memo_fixture fixture;
    struct store_config config = {
        .budget_bytes = 1024 * 1024, .shards_count = 1, .object_share_percent = 50};
    struct fetch_settings settings;
    struct fetch_policy *policy;

    assert_int_equal(store_new(&config, &fixture.store), 0);
    fetch_settings_default(&settings);
    assert_int_equal(fetch_policy_new(&settings, &policy), 0);
    assert_int_equal(fetch_query_memo_new(fixture.store, policy, &fixture.memo), 0);
    fetch_policy_unref(policy);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct memo_fixture *fixture = *state;

    fetch_query_memo_free(fixture->memo);
    store_free(fixture->store);
    return 0;
}

static int read_query(void **state, const char *text, struct fetch_query **ret_query)
{
    struct memo_fixture *fixture = *state;

    return fetch_query_read(fixture->memo, span_of_string(text), ret_query);
}

static void test_url_is_decoded_once(void **state)
{
    struct fetch_query *query;

    assert_int_equal(
        read_query(state, "url=https%3A%2F%2Fexample.com%2Fa%3Fb%3D1%26c%3D%252F", &query), 0);
    assert_string_equal(query->request->url->text, "https://example.com/a?b=1&c=%2F");
    assert_null(query->select);
    assert_int_equal(read_query(state, "url=http://example.com/a?b=1+2", &query), 0);
    assert_string_equal(query->request->url->text, "http://example.com/a?b=1+2");
}

static void test_select_is_a_pointer(void **state)
{
    struct fetch_query *query;

    assert_int_equal(read_query(state, "url=http://example.com/&select=/a%20b/0", &query), 0);
    assert_string_equal(query->select, "/a b/0");
    assert_int_equal(read_query(state, "select=&url=http://example.com/", &query), 0);
    assert_string_equal(query->select, "");
    assert_int_equal(read_query(state, "url=http://example.com/&select=a", &query), -EDOM);
    assert_int_equal(read_query(state, "url=http://example.com/&select=/~2", &query), -EDOM);
    assert_int_equal(read_query(state, "url=http://example.com/&select=/~", &query), -EDOM);
}

static void test_wrong_queries_are_explained(void **state)
{
    static const struct {
        const char *text;
        int status;
    } queries[] = {
        {"", -ENOENT},
        {"url=", -ENOENT},
        {"select=/a", -ENOENT},
        {"url=http://a.example/&url=http://b.example/", -EEXIST},
        {"url=http://a.example/&u%72l=http://b.example/", -EBADMSG},
        {"url=http://a.example/?x=1&y=2", -EBADMSG},
        {"url=http://a.example/%zz", -EBADR},
        {"url=http://a.example/%00", -EBADR},
        {"url=http://a.example/&select=/%", -EBADR},
        {"url=ftp://a.example/", -EPROTONOSUPPORT},
    };

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct fetch_query *query;
        int err = read_query(state, queries[i].text, &query);
        if (err != queries[i].status)
            fail_msg("\"%s\": %d, expected %d", queries[i].text, err, queries[i].status);
        assert_non_null(fetch_query_error_text(err));
    }
}

/* The same bytes give the same request; one key whatever the spelling; thousands do no harm. */
static void test_queries_are_remembered(void **state)
{
    struct fetch_query *query;
    const struct fetch_request *first;
    struct key key;
    char text[64];

    assert_int_equal(read_query(state, "url=http://example.com/a", &query), 0);
    first = query->request;
    key = query->request->key;
    assert_int_equal(read_query(state, "url=http://example.com/a", &query), 0);
    assert_ptr_equal(query->request, first);
    assert_int_equal(read_query(state, "url=http://EXAMPLE.com:80/%61", &query), 0);
    assert_int_equal(query->request->key.hash, key.hash);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "url=http://example.com/%u", i);
        assert_int_equal(read_query(state, text, &query), 0);
        assert_string_equal(query->request->url->text, text + 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_is_decoded_once),
        cmocka_unit_test(test_select_is_a_pointer),
        cmocka_unit_test(test_wrong_queries_are_explained),
        cmocka_unit_test(test_queries_are_remembered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
