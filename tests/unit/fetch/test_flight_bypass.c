/* SPDX-License-Identifier: MIT */
/*
 * test_flight_bypass.c - requests of a proxy that go to the origin by themselves: other methods,
 * which nobody shares and which make what is stored obsolete. Case 21.
 */
#include <errno.h>
#include <string.h>

#include <fetch/purge.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

static void make_rig(struct rig *rig)
{
    struct fetch_settings settings;

    fetch_settings_default(&settings);
    settings.is_transparent = true;
    rig_new(rig, &settings);
}

/* A client's request that goes through as it is. */
static void ask_directly(struct rig *rig, struct rig_reader *reader, const char *method,
                         struct upstream_body *body)
{
    struct fetch_request_draft draft = {.policy = fetcher_policy(rig->fetcher),
                                        .store = rig->store,
                                        .method = span_of_string(method)};
    struct fetch_request *request;

    assert_int_equal(fetch_url_parse(URL, strlen(URL), 8192, &draft.url), 0);
    assert_int_equal(fetch_request_make(&draft, &request), 0);
    assert_true(request->is_bypass);
    rig_prepare(reader, 0);
    fetch_reader_start_bypass(&reader->reader, rig->lanes[0], request, body, NULL, rig_on_progress);
    fetch_request_unref(request);
    fetch_url_unref(draft.url);
    rig_settle(rig);
}

static void case_21_unsafe_methods_are_never_coalesced(void **state)
{
    struct rig rig;
    struct rig_reader get = {0}, first = {0}, second = {0};

    (void)state;
    make_rig(&rig);
    rig_ask(&rig, &get, 0, URL);
    ask_directly(&rig, &first, "POST", NULL);
    ask_directly(&rig, &second, "POST", NULL);
    assert_int_equal(rig.started, 3);
    assert_null(rig.calls[0]->method);
    assert_string_equal(rig.calls[1]->method, "POST");
    rig_answer(&rig, 2, "Cache-Control: max-age=60", "second");
    rig_answer(&rig, 1, "Cache-Control: max-age=60", "first");
    assert_true(rig_is_whole(&first, "first") && rig_is_whole(&second, "second"));
    rig_answer(&rig, 0, "", "get");
    assert_true(rig_is_whole(&get, "get"));
    rig_leave(&get);
    rig_leave(&first);
    rig_leave(&second);
    rig_free(&rig);
}

/* A good answer: what is stored is gone, and the fetch under way serves those who wait only. */
static void case_21_good_answer_invalidates(void **state)
{
    struct rig rig;
    struct rig_reader stored = {0}, change = {0}, before = {0}, after = {0};

    (void)state;
    make_rig(&rig);
    rig_ask(&rig, &stored, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "old");
    ask_directly(&rig, &change, "M-SEARCH", NULL);
    rig_answer(&rig, 1, "", "done");
    rig_ask(&rig, &before, 0, URL);
    assert_int_equal(rig.started, 3);
    rig_connect(&rig, 2);
    rig_head(&rig, 2, 200, 2, "Cache-Control: max-age=60");
    rig_leave(&change);
    ask_directly(&rig, &change, "DELETE", NULL);
    rig_connect(&rig, 3);
    rig_head(&rig, 3, 204, 0, "");
    rig_done(&rig, 3, 0);
    rig_ask(&rig, &after, 1, URL);
    assert_int_equal(rig.started, 5);
    rig_data(&rig, 2, "b4");
    rig_done(&rig, 2, 0);
    rig_answer(&rig, 4, "Cache-Control: max-age=60", "new");
    assert_true(rig_is_whole(&before, "b4") && rig_is_whole(&after, "new"));
    rig_leave(&before);
    rig_ask(&rig, &before, 0, URL);
    assert_true(rig_is_whole(&before, "new"));
    rig_leave(&stored);
    rig_leave(&change);
    rig_leave(&before);
    rig_leave(&after);
    rig_free(&rig);
}

/* Whatever becomes of the answer here: the origin has done what it was asked for. */
static void case_21_answer_that_is_refused_invalidates(void **state)
{
    struct fetch_settings settings;
    struct rig rig;
    struct rig_reader get = {0}, change = {0};

    (void)state;
    fetch_settings_default(&settings);
    settings.is_transparent = true;
    settings.streamed_body_bytes_max = 100;
    rig_new(&rig, &settings);
    rig_ask(&rig, &get, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "old");
    ask_directly(&rig, &change, "POST", NULL);
    rig_connect(&rig, 1);
    rig_head(&rig, 1, 200, 101, "");
    rig_done(&rig, 1, -ECANCELED);
    assert_int_equal(change.reader.state, FETCH_FAILED);
    rig_leave(&get);
    rig_ask(&rig, &get, 0, URL);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "Cache-Control: max-age=60", "new");
    rig_leave(&get);
    rig_leave(&change);
    rig_free(&rig);
}

static void case_21_errors_and_safe_methods_invalidate_nothing(void **state)
{
    static const char *const methods[] = {"POST", "OPTIONS"};
    struct rig rig;
    struct rig_reader get = {0}, other = {0};

    (void)state;
    make_rig(&rig);
    rig_ask(&rig, &get, 0, URL);
    rig_answer(&rig, 0, "Cache-Control: max-age=60", "kept");
    for (unsigned i = 0; i < 2; i++) {
        ask_directly(&rig, &other, methods[i], NULL);
        rig_connect(&rig, i + 1);
        rig_head(&rig, i + 1, i == 0 ? 404 : 200, 0, "");
        rig_done(&rig, i + 1, 0);
        rig_leave(&other);
    }
    rig_leave(&get);
    rig_ask(&rig, &get, 0, URL);
    assert_true(rig_is_whole(&get, "kept"));
    rig_leave(&get);
    rig_free(&rig);
}

/* What cannot be sent again is not: the origin may have begun to work on it. */
static void case_21_lost_post_is_not_repeated(void **state)
{
    static struct upstream_body body = {.length_bytes = 3};
    struct rig rig;
    struct rig_reader post = {0}, put = {0};

    (void)state;
    make_rig(&rig);
    ask_directly(&rig, &post, "POST", &body);
    assert_ptr_equal(rig.calls[0]->body, &body);
    rig_connect(&rig, 0);
    rig_done(&rig, 0, -ECONNRESET);
    rig_advance(&rig, 1000);
    assert_int_equal(rig.started, 1);
    assert_int_equal(post.reader.state, FETCH_FAILED);
    assert_int_equal(post.reader.failure.status, 502);
    ask_directly(&rig, &put, "PUT", NULL);
    rig_connect(&rig, 1);
    rig_done(&rig, 1, -ECONNRESET);
    rig_advance(&rig, 1000);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "put");
    assert_true(rig_is_whole(&put, "put"));
    rig_leave(&post);
    rig_leave(&put);
    rig_free(&rig);
}

/* Case 31 is for what may be asked for twice, and for what others may share. */
static void case_21_own_fault_does_not_start_it_over(void **state)
{
    static const char *const methods[] = {"POST", "OPTIONS"};
    struct rig rig;
    struct rig_reader reader = {0}, get = {0};

    (void)state;
    make_rig(&rig);
    for (unsigned i = 0; i < 2; i++) {
        ask_directly(&rig, &reader, methods[i], NULL);
        rig_connect(&rig, 2 * i);
        rig_done(&rig, 2 * i, -ENOMEM);
        assert_int_equal(rig.started, 2 * i + 1);
        assert_int_equal(reader.reader.state, FETCH_FAILED);
        assert_int_equal(reader.reader.failure.status, 503);
        rig_leave(&reader);
        rig_ask(&rig, &get, 0, URL);
        assert_int_equal(rig.started, 2 * i + 2);
        rig_answer(&rig, 2 * i + 1, "Cache-Control: max-age=0", "get");
        assert_true(rig_is_whole(&get, "get"));
        rig_leave(&get);
    }
    rig_free(&rig);
}

/* The body belongs to a client that is gone: nobody looks at it any more. */
static void test_leaving_takes_the_body_along(void **state)
{
    static struct upstream_body body = {.length_bytes = 3};
    struct rig rig;
    struct rig_reader post = {0};
    struct upstream_call *call;

    (void)state;
    make_rig(&rig);
    ask_directly(&rig, &post, "POST", &body);
    call = rig.calls[0];
    rig_leave(&post);
    assert_null(call->body);
    rig_settle(&rig);
    assert_int_equal(rig.cancelled, 1);
    rig_free(&rig);
}

static void ask_for_head(struct rig *rig, struct rig_reader *reader, unsigned call,
                         const char *field_lines, int64_t length_bytes)
{
    struct fetch_request_draft draft = {.policy = fetcher_policy(rig->fetcher),
                                        .store = rig->store,
                                        .method = span_of_string("HEAD")};
    struct fetch_request *request;

    assert_int_equal(fetch_url_parse(URL, strlen(URL), 8192, &draft.url), 0);
    assert_int_equal(fetch_request_make(&draft, &request), 0);
    assert_false(request->is_bypass);
    rig_prepare(reader, 0);
    fetch_reader_start_bypass(&reader->reader, rig->lanes[0], request, NULL, NULL, rig_on_progress);
    rig_connect(rig, call);
    rig_head(rig, call, 200, length_bytes, field_lines);
    rig_done(rig, call, 0);
    fetch_request_unref(request);
    fetch_url_unref(draft.url);
}

/* Its length says what a GET would have brought. */
static void test_answer_to_head_has_no_body(void **state)
{
    struct rig rig;
    struct rig_reader head = {0};

    (void)state;
    make_rig(&rig);
    ask_for_head(&rig, &head, 0, "Cache-Control: max-age=60", 1234);
    assert_true(rig_is_whole(&head, ""));
    assert_int_equal(head.reader.length_bytes, 1234);
    rig_leave(&head);
    rig_free(&rig);
}

/* RFC 9111 section 4.3.5: what agrees is updated, what does not is forgotten. */
static void test_answer_to_head_changes_what_is_stored(void **state)
{
    static const struct {
        const char *stored;
        const char *head;
        const char *value; /* of X in the answer from the store; NULL: the origin is asked */
    } cases[] = {
        {"Cache-Control: max-age=5\nX: 1", "Cache-Control: max-age=60\nX: 2", "2"},
        {"Cache-Control: max-age=5\nX: 1", "Cache-Control: max-age=60\nContent-Length: 3", "1"},
        {"Cache-Control: max-age=5\nETag: \"a\"\nX: 1",
         "Cache-Control: max-age=60\nETag: \"a\"\nX: 2", "2"},
        {"Cache-Control: max-age=60\nX: 1", "Cache-Control: max-age=60\nContent-Length: 4", NULL},
        {"Cache-Control: max-age=60\nETag: \"a\"\nX: 1", "Cache-Control: max-age=60\nETag: \"b\"",
         NULL},
        {"Cache-Control: max-age=60\nX: 1", "Cache-Control: no-store\nX: 2", "1"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct rig_reader first = {0}, head = {0}, then = {0};
        struct span value;

        print_message("case %u: %s / %s\n", i, cases[i].stored, cases[i].head);
        make_rig(&rig);
        rig_ask(&rig, &first, 0, URL);
        rig_answer(&rig, 0, cases[i].stored, "old");
        ask_for_head(&rig, &head, 1, cases[i].head, 3);
        rig.wall_s += 10;
        rig_ask(&rig, &then, 1, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, cases[i].value == NULL ? 3 : 2);
        if (cases[i].value == NULL) {
            rig_answer(&rig, 2, "", "new");
            assert_true(rig_is_whole(&then, "new"));
        } else {
            assert_true(rig_is_whole(&then, "old"));
            assert_true(entry_find(then.reader.entry, "X", &value));
            assert_true(span_equals(value, span_of_string(cases[i].value)));
        }
        rig_leave(&first);
        rig_leave(&head);
        rig_leave(&then);
        rig_free(&rig);
    }
}

/* What was purged softly is fresh again by what names it, not by what has the same length. */
static void test_answer_to_head_confirms_what_was_purged_by_a_validator_alone(void **state)
{
    static const char *const fields[] = {"Cache-Control: max-age=60",
                                         "Cache-Control: max-age=60\nETag: \"a\""};

    (void)state;
    for (unsigned has_etag = 0; has_etag < 2; has_etag++) {
        struct rig rig;
        struct rig_reader first = {0}, head = {0}, then = {0};

        make_rig(&rig);
        rig_ask(&rig, &first, 0, URL);
        rig_answer(&rig, 0, fields[has_etag], "old");
        assert_true(fetcher_expire(rig.fetcher, &first.reader.entry->key, rig.wall_s));
        ask_for_head(&rig, &head, 1, fields[has_etag], 3);
        rig_ask(&rig, &then, 1, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, has_etag ? 2 : 3);
        if (!has_etag)
            rig_answer(&rig, 2, "", "new");
        assert_true(rig_is_whole(&then, has_etag ? "old" : "new"));
        rig_leave(&first);
        rig_leave(&head);
        rig_leave(&then);
        rig_free(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_21_unsafe_methods_are_never_coalesced),
        cmocka_unit_test(case_21_good_answer_invalidates),
        cmocka_unit_test(case_21_answer_that_is_refused_invalidates),
        cmocka_unit_test(case_21_errors_and_safe_methods_invalidate_nothing),
        cmocka_unit_test(case_21_lost_post_is_not_repeated),
        cmocka_unit_test(case_21_own_fault_does_not_start_it_over),
        cmocka_unit_test(test_leaving_takes_the_body_along),
        cmocka_unit_test(test_answer_to_head_has_no_body),
        cmocka_unit_test(test_answer_to_head_changes_what_is_stored),
        cmocka_unit_test(test_answer_to_head_confirms_what_was_purged_by_a_validator_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
