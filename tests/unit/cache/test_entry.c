/* SPDX-License-Identifier: MIT */
/*
 * test_entry.c - what an entry keeps of a response, and its times.
 */
#include <errno.h>
#include <string.h>

#include "entries.h"

static int allocations_left = -1; /* before they fail; -1: they never do */

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static bool is_refused(void)
{
    if (allocations_left < 0)
        return false;
    return allocations_left == 0 || allocations_left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_refused() ? NULL : __real_calloc(count, bytes);
}

static size_t count_fields(const struct entry *entry)
{
    struct fields fields = entry_fields(entry);

    return fields_count(&fields);
}

static bool is_set_cookie(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("set-cookie"));
}

/* An entry from these fields, requested at 998 and received at 1000, with an open body. */
static struct entry *entry_of(const char *const (*lines)[2], size_t lines_count)
{
    char key_text[] = "GET https://h/";
    struct key key = test_key(key_text);
    struct freshness freshness;
    struct entry_draft draft;
    struct fields fields;
    struct entry *entry;
    struct body *body;

    fields_init(&fields);
    for (size_t i = 0; i < lines_count; i++)
        assert_int_equal(
            fields_append(&fields, span_of_string(lines[i][0]), span_of_string(lines[i][1])), 0);
    freshness_read(&fields, 203, 1000, &freshness);
    assert_int_equal(body_new(BODY_LENGTH_UNKNOWN, &body), 0);
    draft = (struct entry_draft){
        .key = &key,
        .fields = &fields,
        .is_unwanted = is_set_cookie,
        .body = body,
        .freshness = &freshness,
        .request_s = 998,
        .response_s = 1000,
        .lifetime.default_s = 60,
        .head_lines = span_of_string("X-Server: own\r\n"),
    };
    assert_int_equal(entry_new(&draft, &entry), 0);
    memset(key_text, 0, sizeof(key_text));
    fields_fini(&fields);
    body_unref(body);
    return entry;
}

static void test_entry_keeps_copies_of_what_is_end_to_end(void **state)
{
    static const char *const lines[][2] = {
        {"Connection", "x-hop"},
        {"X-Hop", "1"},
        {"Set-Cookie", "a=b"},
        {"ETag", "\"v1\""},
        {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Cache-Control", "max-age=100, must-revalidate"},
    };
    struct entry *entry = entry_of(lines, 6);

    (void)state;
    assert_int_equal(entry->status, 203);
    assert_true(span_equals(span_of(entry->key.bytes, entry->key.length),
                            span_of_string("GET https://h/")));
    assert_int_equal(count_fields(entry), 4); /* the three, and a Date */
    assert_true(span_equals(entry_etag(entry), span_of_string("\"v1\"")));
    assert_true(
        span_equals(entry_last_modified(entry), span_of_string("Sun, 06 Nov 1994 08:49:37 GMT")));
    assert_true(entry->control.must_revalidate);
    entry_unref(entry);
}

/* The head is what goes out: fields of the answer, then lines of the server, which are no fields.
 */
static void test_head_is_the_text_of_the_fields_and_more(void **state)
{
    static const char *const lines[][2] = {{"Date", "today"}, {"Set-Cookie", "a"}, {"X-A", "1"}};
    static const char expected[] = "Date: today\r\nX-A: 1\r\nX-Server: own\r\n";
    struct entry *entry = entry_of(lines, 3);
    const struct entry_head *head = entry_get_head(entry);

    (void)state;
    assert_int_equal(head->length, sizeof(expected) - 1);
    assert_memory_equal(head->bytes, expected, sizeof(expected) - 1);
    assert_int_equal(count_fields(entry), 2);
    assert_true(entry_has(entry, "x-a"));
    assert_false(entry_has(entry, "X-Server"));
    entry_unref(entry);
}

/* RFC 9110 section 6.6.1: the time of arrival is recorded where the origin tells no time. */
static void test_answer_without_a_date_gets_that_of_its_arrival(void **state)
{
    static const char *const undated[][2] = {{"X-A", "1"}};
    static const char *const dated[][2] = {{"date", "junk"}, {"X-A", "1"}};
    struct entry *entry = entry_of(undated, 1);
    struct span value;

    (void)state;
    assert_true(entry_find(entry, "Date", &value));
    assert_true(span_equals(value, span_of_string("Thu, 01 Jan 1970 00:16:40 GMT")));
    entry_unref(entry);
    entry = entry_of(dated, 2);
    assert_int_equal(count_fields(entry), 2);
    assert_true(entry_find(entry, "Date", &value));
    assert_true(span_equals(value, span_of_string("junk")));
    entry_unref(entry);
}

static void test_malformed_etag_is_no_validator(void **state)
{
    static const char *const lines[][2] = {{"ETag", "v1"}};
    struct entry *entry = entry_of(lines, 1);

    (void)state;
    assert_int_equal(entry_etag(entry).length, 0);
    assert_int_equal(entry_last_modified(entry).length, 0);
    assert_true(entry_has(entry, "etag"));
    entry_unref(entry);
}

/* Requested at 998, received at 1000 with Age 10: 12 old on arrival, so fresh until 1088. */
static void test_age_and_freshness_follow_the_clock(void **state)
{
    static const char *const lines[][2] = {{"Age", "10"}, {"Cache-Control", "max-age=100"}};
    struct entry *entry = entry_of(lines, 2);

    (void)state;
    assert_int_equal(entry_age_s(entry, 1000), 12);
    assert_int_equal(entry_ttl_s(entry, 1000), 88);
    assert_int_equal(entry_age_s(entry, 1087), 99);
    assert_true(entry_is_fresh(entry, 1087));
    assert_false(entry_is_fresh(entry, 1088));
    assert_int_equal(entry_ttl_s(entry, 1090), -2);
    assert_int_equal(entry_age_s(entry, 500), 12);
    entry_unref(entry);
}

static void test_default_lifetime_counts_where_nothing_is_said(void **state)
{
    struct entry *entry = entry_of(NULL, 0);

    (void)state;
    assert_int_equal(entry->lifetime_s, 60);
    assert_int_equal(count_fields(entry), 1);
    entry_unref(entry);
}

static void test_memory_counts_the_body(void **state)
{
    struct entry *entry = entry_of(NULL, 0);
    size_t bytes = entry_memory_bytes(entry);
    static char block[100000];

    (void)state;
    assert_true(bytes >= sizeof(struct entry) + BODY_CHUNK_BYTES_MIN);
    assert_int_equal(body_append(entry->body, block, sizeof(block)), 0);
    assert_true(entry_memory_bytes(entry) >= bytes + sizeof(block) - BODY_CHUNK_BYTES_MIN);
    entry_unref(entry);
}

/* Memory fails at the first allocation, at the second, and so on until one attempt is untouched. */
static void test_no_memory_makes_no_entry_and_leaks_nothing(void **state)
{
    struct entry *entry = test_entry("GET /", 3, 'x');
    struct key key = test_key("GET /");
    struct fields fields = entry_fields(entry);
    struct freshness freshness;
    struct entry_draft draft = {
        .key = &key, .fields = &fields, .body = entry->body, .freshness = &freshness};
    struct entry *made = NULL;
    int err = -ENOMEM, attempts = 0;

    (void)state;
    freshness_read(&fields, 200, 1000, &freshness);
    for (; err < 0; attempts++) {
        assert_null(made);
        allocations_left = attempts;
        err = entry_new(&draft, &made);
        allocations_left = -1;
        assert_true(err == 0 || err == -ENOMEM);
    }
    assert_int_equal(attempts, 2); /* all is one block */
    entry_unref(made);
    entry_unref(entry);
}

static void test_entry_lives_until_the_last_reference(void **state)
{
    struct entry *entry = test_entry("GET /", 3, 'x');
    struct body *body = body_ref(entry->body);

    (void)state;
    assert_ptr_equal(entry_ref(entry), entry);
    entry_unref(entry);
    assert_int_equal(body_length(entry->body), 3);
    entry_unref(entry);
    entry_unref(NULL);
    assert_int_equal(body_length(body), 3); /* a body outlives its entry for who holds it */
    body_unref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_keeps_copies_of_what_is_end_to_end),
        cmocka_unit_test(test_head_is_the_text_of_the_fields_and_more),
        cmocka_unit_test(test_answer_without_a_date_gets_that_of_its_arrival),
        cmocka_unit_test(test_malformed_etag_is_no_validator),
        cmocka_unit_test(test_age_and_freshness_follow_the_clock),
        cmocka_unit_test(test_default_lifetime_counts_where_nothing_is_said),
        cmocka_unit_test(test_memory_counts_the_body),
        cmocka_unit_test(test_no_memory_makes_no_entry_and_leaks_nothing),
        cmocka_unit_test(test_entry_lives_until_the_last_reference),
    };

    return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
