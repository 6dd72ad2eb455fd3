/* SPDX-License-Identifier: MIT */
/*
 * test_cache_control.c - directives as origins really send them.
 */
#include <http/cache_control.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SATURATED    CACHE_CONTROL_SECONDS_MAX

static struct cache_control read_line(const char *value)
{
    struct cache_control control;

    cache_control_init(&control);
    cache_control_add(&control, span_of_string(value));
    return control;
}

static void test_max_age_is_read_or_makes_the_response_stale(void **state)
{
    static const struct {
        const char *value;
        int64_t max_age_s;
    } cases[] = {
        {"", -1},
        {"max-age=0", 0},
        {"max-age=60", 60},
        {"MAX-AGE=60", 60},
        {" \t, max-age=60 ,", 60},
        {"max-age=\"60\"", 60},
        {"max-age=003600", 3600},
        {"public;max-age=60", -1}, /* one unknown directive */
        {"max-age=1800, max-age=1", 1800},
        {"max-age=1, max-age=1800", 1},
        {"max-age=x, max-age=1800", 0},
        {"extension=\"max-age=3600\", max-age=1", 1},
        {"max-age=1, extension=\"max-age=3600\"", 1},
        {"extension=\"a\\\", max-age=3600\"", -1},
        {"xmax-age=60, max-agex=60", -1},
        {"max-age", 0},
        {"max-age=", 0},
        {"max-age=\"\"", 0},
        {"max-age=\"", 0},
        {"max-age=-1", 0},
        {"max-age=+1", 0},
        {"max-age=1.5", 0},
        {"max-age=3600.0", 0},
        {"max-age=60s", 0},
        {"max-age=a60", 0},
        {"max-age='60'", 0},
        {"max-age =60", 0},
        {"max-age= 60", 0},
        {"max-age=0x10", 0},
        {"max-age=2147483647", 2147483647},
        {"max-age=2147483648", SATURATED},
        {"max-age=2147483649", SATURATED},
        {"max-age=99999999999999999999999999999999999999", SATURATED},
        {"max-age=99999999999999999999999999999999999999x", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("case %zu: %s\n", i, cases[i].value);
        assert_int_equal(read_line(cases[i].value).max_age_s, cases[i].max_age_s);
    }
}

static void test_flags_count_however_they_are_written(void **state)
{
    (void)state;
    assert_true(read_line("no-store").no_store);
    assert_true(read_line("a=\"b, No-Store").no_store);
    assert_true(read_line("no-store=1").no_store);
    assert_true(read_line("no-store =1").no_store);
    assert_true(read_line("private=\"set-cookie, x\"").is_private);
    assert_true(read_line("no-cache=set-cookie").no_cache);
    assert_true(read_line("max-age=1,must-revalidate").must_revalidate);
    assert_true(read_line("proxy-revalidate").proxy_revalidate);
    assert_true(read_line("must-understand").must_understand);
    assert_true(read_line("no-transform").no_transform);
    assert_true(read_line("only-if-cached").only_if_cached);
    assert_true(read_line("public").is_public);
    assert_true(read_line("immutable").is_immutable);
}

static void test_unknown_and_quoted_directives_are_ignored(void **state)
{
    struct cache_control none, control;

    (void)state;
    cache_control_init(&none);
    control = read_line("x=\"no-store, private\", no-storex, no_store, \"no-cache\", =, ==, ,");
    assert_memory_equal(&control, &none, sizeof(none));
}

static void test_other_lifetimes_are_read(void **state)
{
    struct cache_control control =
        read_line("s-maxage=1, stale-while-revalidate=2, stale-if-error=3, min-fresh=4");

    (void)state;
    assert_int_equal(control.s_maxage_s, 1);
    assert_int_equal(control.stale_while_revalidate_s, 2);
    assert_int_equal(control.stale_if_error_s, 3);
    assert_int_equal(control.min_fresh_s, 4);
    assert_int_equal(control.max_stale_s, -1);
    assert_int_equal(read_line("max-stale").max_stale_s, SATURATED);
    assert_int_equal(read_line("max-stale=5").max_stale_s, 5);
    assert_int_equal(read_line("max-stale=x").max_stale_s, 0);
}

static void test_lines_add_up(void **state)
{
    struct fields fields =
        field_list("Cache-Control: max-age=5\nX: no-store\ncache-control: public, max-age=9\n");
    struct cache_control control;

    (void)state;
    cache_control_read(&control, &fields);
    assert_int_equal(control.max_age_s, 5);
    assert_true(control.is_public);
    assert_false(control.no_store);
    fields_fini(&fields);
}

/* Members that are no directives: in doubt they restrict, and never permit. */
static void test_what_is_no_directive_can_only_restrict(void **state)
{
    (void)state;
    assert_true(read_line("private; max-age=0").is_private);
    assert_true(read_line("no-cache no-store").no_cache);
    assert_true(read_line("no-cache no-store").no_store);
    assert_true(read_line("max-age=60, x;\tmust-revalidate ;").must_revalidate);
    assert_true(read_line("public; proxy-revalidate").proxy_revalidate);
    assert_false(read_line("private; public").is_public);
    assert_false(read_line("a; immutable").is_immutable);
    assert_false(read_line("a b=\"private\"").is_private);
    assert_false(read_line("\"private\"").is_private);
    assert_false(read_line("a; no-storex").no_store);
}

static const char *const targets[] = {"Fetchonce-Cache-Control", "CDN-Cache-Control", NULL};

/* RFC 9213 section 2.1: valid and not empty, or as if it were not there. */
static void test_targeted_field_counts_when_it_is_a_dictionary(void **state)
{
    static const struct {
        const char *lines;
        int64_t max_age_s; /* -2: no targeted field */
    } cases[] = {
        {"", -2},
        {"Cache-Control: max-age=5\n", -2},
        {"CDN-Cache-Control: max-age=3600\nCache-Control: max-age=5\n", 3600},
        {"cdn-cache-control: foobar, max-age=3600\n", 3600},
        {"CDN-Cache-Control: foo\n", -1},
        {"CDN-Cache-Control:\n", -2},
        {"CDN-Cache-Control: max-age=10000, &&&&&\n", -2},
        {"CDN-Cache-Control: max-age =100\n", -2},
        {"CDN-Cache-Control: max-age= 100\n", -2},
        {"CDN-Cache-Control: MaX-aGe=3600\n", -2},
        {"CDN-Cache-Control: max-age=3600,\n", -2},
        {"CDN-Cache-Control: max-age=1, max-age=2\n", 2},
        {"CDN-Cache-Control: max-age=1\nCDN-Cache-Control: public, max-age=2\n", 2},
        {"CDN-Cache-Control: max-age=1\nCDN-Cache-Control: &\n", -2},
        {"CDN-Cache-Control: max-age=1\nCDN-Cache-Control:\n", -2},
        {"CDN-Cache-Control: max-age=5;x=y\n", 5},
        {"CDN-Cache-Control: max-age=0\n", 0},
        {"CDN-Cache-Control: max-age=-5\n", 0},
        {"CDN-Cache-Control: max-age=5.5\n", 0},
        {"CDN-Cache-Control: max-age=\"10000\"\n", 0},
        {"CDN-Cache-Control: max-age\n", 0},
        {"CDN-Cache-Control: max-age=2147483648\n", SATURATED},
        {"CDN-Cache-Control: max-age=99999999999\n", SATURATED},
        {"CDN-Cache-Control: max-age=9999999999999999\n", -2},
        /* The target list, section 2.2. */
        {"CDN-Cache-Control: max-age=1\nFetchonce-Cache-Control: max-age=2\n", 2},
        {"CDN-Cache-Control: max-age=1\nFetchonce-Cache-Control: no-store\n", -1},
        {"CDN-Cache-Control: max-age=1\nFetchonce-Cache-Control: \"\"\n", 1},
        {"Other-Cache-Control: max-age=1\n", -2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);
        struct cache_control control = {.max_age_s = -2};

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(cache_control_read_targeted(&control, &fields, targets),
                         cases[i].max_age_s != -2);
        assert_int_equal(control.max_age_s, cases[i].max_age_s);
        fields_fini(&fields);
    }
}

static struct cache_control read_targeted(const char *value)
{
    struct cache_control control;
    struct fields fields;

    fields_init(&fields);
    assert_int_equal(
        fields_append(&fields, span_of_string("CDN-Cache-Control"), span_of_string(value)), 0);
    assert_true(cache_control_read_targeted(&control, &fields, targets));
    fields_fini(&fields);
    return control;
}

/* RFC 9213 section 2.1: the types of values. */
static void test_targeted_flags_are_true_or_restrict(void **state)
{
    (void)state;
    assert_true(read_targeted("no-store").no_store);
    assert_true(read_targeted("no-store=?1").no_store);
    assert_false(read_targeted("no-store=?0").no_store);
    assert_false(read_targeted("no-store, no-store=?0").no_store);
    assert_true(read_targeted("no-store=1").no_store);
    assert_true(read_targeted("no-cache=\"set-cookie\"").no_cache);
    assert_true(read_targeted("private=(a b)").is_private);
    assert_true(read_targeted("public").is_public);
    assert_false(read_targeted("public=1").is_public);
    assert_false(read_targeted("must-understand=yes").must_understand);
    assert_int_equal(read_targeted("s-maxage=7, stale-if-error=8").s_maxage_s, 7);
    assert_int_equal(read_targeted("s-maxage=7, stale-if-error=8").stale_if_error_s, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_age_is_read_or_makes_the_response_stale),
        cmocka_unit_test(test_flags_count_however_they_are_written),
        cmocka_unit_test(test_unknown_and_quoted_directives_are_ignored),
        cmocka_unit_test(test_other_lifetimes_are_read),
        cmocka_unit_test(test_lines_add_up),
        cmocka_unit_test(test_what_is_no_directive_can_only_restrict),
        cmocka_unit_test(test_targeted_field_counts_when_it_is_a_dictionary),
        cmocka_unit_test(test_targeted_flags_are_true_or_restrict),
    };

    return cmocka_run_group_tests_name("cache_control", tests, NULL, NULL);
}
