/* SPDX-License-Identifier: MIT */
/*
 * test_conditions.c - entity tags, and the conditions of requests in their order.
 */
#include <http/conditions.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_if_none_match_compares_weakly(void **state)
{
    static const struct {
        const char *list;
        const char *etag;
        bool matches;
    } cases[] = {
        {"\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"W/\"a\"", "\"a\"", true},
        {"W/\"a\"", "W/\"a\"", true},
        {"\"a\"", "\"b\"", false},
        {"\"a\"", "\"A\"", false},
        {"\"a\", \"b\",\t\"c\"", "\"c\"", true},
        {",, \"a\" ,, \"b\"", "\"b\"", true},
        {"\"a,b\"", "\"a,b\"", true},
        {"\"a,b\"", "\"b\"", false},
        {"\"a\\\", \"b\"", "\"b\"", true},
        {"\"\"", "\"\"", true},
        {"*", "\"a\"", true},
        {" * ", "", true},
        {"*, \"a\"", "\"a\"", false},
        {"\"a\"", "", false},
        {"", "\"a\"", false},
        {"a", "a", false},
        {"\"a", "\"a", false},
        {"w/\"a\"", "\"a\"", false},
        {"\"b\" \"a\"", "\"a\"", false},
        {"\"a\" junk", "\"a\"", true},
        {"junk, \"a\"", "\"a\"", false},
        {"\"a b\"", "\"a b\"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s / %s\n", i, cases[i].list, cases[i].etag);
        assert_int_equal(conditions_none_match_lists(span_of_string(cases[i].list),
                                                     span_of_string(cases[i].etag)),
                         cases[i].matches);
    }
}

static void test_only_a_whole_tag_is_valid(void **state)
{
    (void)state;
    assert_true(conditions_etag_is_valid(span_of_string("\"x\"")));
    assert_true(conditions_etag_is_valid(span_of_string("W/\"\"")));
    assert_true(conditions_etag_is_valid(span_of_string("\"\xc3\xa4\"")));
    assert_false(conditions_etag_is_valid(span_of_string("")));
    assert_false(conditions_etag_is_valid(span_of_string("W/")));
    assert_false(conditions_etag_is_valid(span_of_string("\"")));
    assert_false(conditions_etag_is_valid(span_of_string("x")));
    assert_false(conditions_etag_is_valid(span_of_string("\"x\"y")));
    assert_false(conditions_etag_is_valid(span_of_string("\"x\x7f\"")));
}

/* RFC 9110 section 8.8.3.2, its table: tag, tag, strong, weak. */
static void test_strong_comparison_wants_two_strong_tags(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        bool is_strong;
        bool is_weak;
    } cases[] = {
        {"W/\"1\"", "W/\"1\"", false, true},
        {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", false, true},
        {"\"1\"", "\"1\"", true, true},
        {"\"1\"", "W/\"1\"", false, true},
        {"1", "1", false, false},
        {"", "", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span left = span_of_string(cases[i].left), right = span_of_string(cases[i].right);

        print_message("case %zu: %s / %s\n", i, cases[i].left, cases[i].right);
        assert_int_equal(conditions_etag_equals_strong(left, right), cases[i].is_strong);
        assert_int_equal(conditions_etag_equals_weak(left, right), cases[i].is_weak);
    }
}

#define BEFORE    "Sun, 06 Nov 1994 08:00:00 GMT"
#define MODIFIED  "Sun, 06 Nov 1994 08:30:00 GMT"
#define BETWEEN   "Sun, 06 Nov 1994 08:40:00 GMT"
#define DATE      "Sun, 06 Nov 1994 08:49:00 GMT"
#define ARRIVED   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER     "Sun, 06 Nov 1994 09:00:00 GMT"
#define ARRIVED_S INT64_C(784111777)
#define STORED    "ETag: \"a\"\nLast-Modified: " MODIFIED "\nDate: " DATE "\n"

struct evaluation {
    const char *stored;
    const char *request;
    enum conditions_verdict verdict;
};

/* Who answers, with which status, to which method. */
struct answerer {
    int status;
    bool is_origin;
    bool is_get_or_head;
};

static void check_evaluations(const struct evaluation *cases, size_t count,
                              const struct answerer *answerer)
{
    for (size_t i = 0; i < count; i++) {
        struct fields stored = field_list(cases[i].stored);
        struct fields request = field_list(cases[i].request);
        struct conditions_target target;

        conditions_target_read(&stored, answerer->status, ARRIVED_S, &target);
        target.is_origin = answerer->is_origin;
        target.is_get_or_head = answerer->is_get_or_head;
        print_message("case %zu: %s / %s\n", i, cases[i].stored, cases[i].request);
        assert_int_equal(conditions_evaluate(field_view_of(&request), &target, ARRIVED_S),
                         cases[i].verdict);
        fields_fini(&stored);
        fields_fini(&request);
    }
}

/* RFC 9111 section 4.3.2: from a store, If-None-Match first, and three dates to compare with. */
static void test_store_answers_304_by_tag_or_by_date(void **state)
{
    static const struct evaluation cases[] = {
        {STORED, "", CONDITIONS_NONE},
        {STORED, "If-None-Match: \"a\"\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-None-Match: W/\"a\"\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-None-Match: \"b\"\n", CONDITIONS_NONE},
        {STORED, "If-None-Match: \"b\"\nIf-None-Match: \"c\", \"a\"\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-None-Match: *\n", CONDITIONS_NOT_MODIFIED},
        {"", "If-None-Match: \"a\"\n", CONDITIONS_NONE},
        {"ETag: a\n", "If-None-Match: a\n", CONDITIONS_NONE},
        {STORED, "If-None-Match: \"a\"\nIf-Modified-Since: " BEFORE "\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-None-Match: \"b\"\nIf-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
        {STORED, "If-None-Match:\nIf-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
        {STORED, "If-Modified-Since: " MODIFIED "\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Modified-Since: " BETWEEN "\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Modified-Since: " BEFORE "\n", CONDITIONS_NONE},
        {STORED, "If-Modified-Since: Sunday, 06-Nov-94 08:30:00 GMT\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Modified-Since: Sun Nov  6 08:30:00 1994\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Modified-Since: tomorrow\n", CONDITIONS_NONE},
        {STORED, "If-Modified-Since: " AFTER "\nIf-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
        {"Date: " DATE "\n", "If-Modified-Since: " DATE "\n", CONDITIONS_NOT_MODIFIED},
        {"Date: " DATE "\n", "If-Modified-Since: " BETWEEN "\n", CONDITIONS_NONE},
        {"Last-Modified: x\nDate: " DATE "\n", "If-Modified-Since: " DATE "\n",
         CONDITIONS_NOT_MODIFIED},
        {"", "If-Modified-Since: " ARRIVED "\n", CONDITIONS_NOT_MODIFIED},
        {"", "If-Modified-Since: " DATE "\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"b\"\n", CONDITIONS_NONE},
        {STORED, "If-Unmodified-Since: " BEFORE "\n", CONDITIONS_NONE},
    };

    (void)state;
    check_evaluations(cases, COUNT(cases), &(struct answerer){200, false, true});
}

/* RFC 9110 section 13.2.1: only an answer that would be 2xx has conditions. */
static void test_other_statuses_have_no_conditions(void **state)
{
    static const struct evaluation ignored[] = {
        {STORED, "If-None-Match: *\n", CONDITIONS_NONE},
        {STORED, "If-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"b\"\n", CONDITIONS_NONE},
    };
    static const struct evaluation counted[] = {
        {STORED, "If-None-Match: *\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Match: \"b\"\n", CONDITIONS_FAILED},
    };
    static const int other_statuses[] = {100, 199, 300, 302, 404, 412, 500, 599};
    static const int successes[] = {200, 203, 204, 299};

    (void)state;
    for (size_t i = 0; i < COUNT(other_statuses); i++)
        check_evaluations(ignored, COUNT(ignored),
                          &(struct answerer){other_statuses[i], true, true});
    for (size_t i = 0; i < COUNT(successes); i++)
        check_evaluations(counted, COUNT(counted), &(struct answerer){successes[i], true, true});
}

/* RFC 9110 section 13.2.2, step by step. */
static void test_origin_counts_all_conditions_in_their_order(void **state)
{
    static const struct evaluation cases[] = {
        {STORED, "If-Match: \"a\"\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"b\", \"a\"\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"b\"\n", CONDITIONS_FAILED},
        {STORED, "If-Match: W/\"a\"\n", CONDITIONS_FAILED},
        {STORED, "If-Match: *\n", CONDITIONS_NONE},
        {"ETag: W/\"a\"\n", "If-Match: W/\"a\"\n", CONDITIONS_FAILED},
        {STORED, "If-Unmodified-Since: " BEFORE "\n", CONDITIONS_FAILED},
        {STORED, "If-Unmodified-Since: " MODIFIED "\n", CONDITIONS_NONE},
        {STORED, "If-Unmodified-Since: junk\n", CONDITIONS_NONE},
        {"", "If-Unmodified-Since: " BEFORE "\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"a\"\nIf-Unmodified-Since: " BEFORE "\n", CONDITIONS_NONE},
        {STORED, "If-Match: \"a\"\nIf-None-Match: \"a\"\n", CONDITIONS_NOT_MODIFIED},
        {STORED, "If-Match: \"b\"\nIf-None-Match: \"a\"\n", CONDITIONS_FAILED},
        {STORED, "If-Modified-Since: " MODIFIED "\n", CONDITIONS_NOT_MODIFIED},
        {"Date: " DATE "\n", "If-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
    };
    static const struct evaluation unsafe_cases[] = {
        {STORED, "If-None-Match: \"a\"\n", CONDITIONS_FAILED},
        {STORED, "If-None-Match: \"b\"\n", CONDITIONS_NONE},
        {STORED, "If-Modified-Since: " AFTER "\n", CONDITIONS_NONE},
    };

    (void)state;
    check_evaluations(cases, COUNT(cases), &(struct answerer){200, true, true});
    check_evaluations(unsafe_cases, COUNT(unsafe_cases), &(struct answerer){200, true, false});
}

/* RFC 9110 section 13.1.5: parts of two versions must never be put together. */
static void test_if_range_wants_exactly_this_version(void **state)
{
    static const struct {
        const char *stored;
        const char *request;
        bool applies;
    } cases[] = {
        {STORED, "", true},
        {STORED, "If-Range: \"a\"\n", true},
        {STORED, "If-Range: \"b\"\n", false},
        {STORED, "If-Range: W/\"a\"\n", false},
        {"ETag: W/\"a\"\n", "If-Range: W/\"a\"\n", false},
        {STORED, "If-Range: " MODIFIED "\n", true},
        {STORED, "If-Range: Sunday, 06-Nov-94 08:30:00 GMT\n", true},
        {STORED, "If-Range: " BEFORE "\n", false},
        {STORED, "If-Range: " AFTER "\n", false},
        {"Last-Modified: " DATE "\nDate: " DATE "\n", "If-Range: " DATE "\n", false},
        {"Last-Modified: " DATE "\n", "If-Range: " DATE "\n", true},
        {"Last-Modified: " ARRIVED "\n", "If-Range: " ARRIVED "\n", false},
        {"Date: " DATE "\n", "If-Range: " DATE "\n", false},
        {STORED, "If-Range: junk\n", false},
        {STORED, "If-Range:\n", false},
        {STORED, "If-Range: \"a\"\nIf-Range: \"a\"\n", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields stored = field_list(cases[i].stored);
        struct fields request = field_list(cases[i].request);
        struct conditions_target target;

        conditions_target_read(&stored, 200, ARRIVED_S, &target);
        print_message("case %zu: %s / %s\n", i, cases[i].stored, cases[i].request);
        assert_int_equal(conditions_range_applies(field_view_of(&request), &target, ARRIVED_S),
                         cases[i].applies);
        fields_fini(&stored);
        fields_fini(&request);
    }
}

static void test_conditions_are_seen_by_their_names(void **state)
{
    static const struct {
        const char *name;
        bool is_condition;
    } cases[] = {
        {"If-None-Match", true}, {"if-modified-since", true}, {"IF-MATCH", true}, {"If", false},
        {"If-", false},          {"X-If-Match", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields;
        fields_init(&fields);
        assert_int_equal(fields_append(&fields, span_of_string("Host"), span_of_string("x")), 0);
        assert_int_equal(fields_append(&fields, span_of_string(cases[i].name), span_of_string("y")),
                         0);
        assert_int_equal(conditions_are_there(field_view_of(&fields)), cases[i].is_condition);
        fields_fini(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_if_none_match_compares_weakly),
        cmocka_unit_test(test_only_a_whole_tag_is_valid),
        cmocka_unit_test(test_strong_comparison_wants_two_strong_tags),
        cmocka_unit_test(test_conditions_are_seen_by_their_names),
        cmocka_unit_test(test_store_answers_304_by_tag_or_by_date),
        cmocka_unit_test(test_other_statuses_have_no_conditions),
        cmocka_unit_test(test_origin_counts_all_conditions_in_their_order),
        cmocka_unit_test(test_if_range_wants_exactly_this_version),
    };

    return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
