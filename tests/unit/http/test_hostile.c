/* SPDX-License-Identifier: MIT */
/*
 * test_hostile.c - any bytes at all, given to every parser of fields: none reads past them, none
 * loops, and what they return keeps its promises.
 *
 * Values that mean something are cut, joined and changed byte by byte, by a generator that gives
 * the same ones in each run. They lie in blocks of exact size, so that the address sanitizer sees
 * a read beyond them.
 */
#include <http/cache_control.h>
#include <http/conditions.h>
#include <http/date.h>
#include <http/forwarding.h>
#include <http/freshness.h>
#include <http/invalidation.h>
#include <http/structured.h>
#include <http/update.h>
#include <http/vary.h>

#include <stdint.h>
#include <stdlib.h>

#include "cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROUNDS       20000
#define BYTES_MAX    96
#define NOW_S        INT64_C(1767225600)

static const char *const names[] = {
    "Cache-Control",
    "CDN-Cache-Control",
    "Vary",
    "Accept-Encoding",
    "Accept-Language",
    "Age",
    "Expires",
    "Date",
    "Last-Modified",
    "ETag",
    "If-None-Match",
    "If-Match",
    "If-Range",
    "Location",
    "Content-Location",
    "Connection",
    "Via",
    "CDN-Loop",
    "TE",
    "Max-Forwards",
    "X-Forwarded-For",
    "Forwarded",
    "Content-Length",
    "Cookie",
};

static const char *const seeds[] = {
    "max-age=60, s-maxage=\"5\", private=\"a, b\", no-store;x",
    "max-age=10, private=(a \"b\");c=:YQ==:, d=@5, e=%\"%c3%a4\", f=-1.5",
    "Accept-Encoding, accept-language,, *",
    "gzip;q=0.5, br;q=1.000, *;q=0, identity",
    "de-AT, de;q=0, en;q=0.001 , *;q=0.1",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "W/\"a,b\", \"\", *, \"c\\\"",
    "http://a:80/b/../c?%7e#d",
    "//[::1]:443/../..",
    "1.1 edge-1 (a, b), HTTP/2.0 x:80",
    "close, x-forwarded-for, te",
    "trailers, deflate;q=0.5",
    "99999999999999999999",
};

struct random {
    uint64_t state;
};

static size_t draw(struct random *random, size_t below)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (size_t)(random->state >> 11) % below;
}

/* A seed, or two cut and joined, with some bytes changed; in a block of exact size. */
static struct span make_value(struct random *random)
{
    static const char bytes_of_interest[] = "\",;=*() \t\\/:%@?-\x80\xff"
                                            "09aqzAW";
    struct span value = {malloc(BYTES_MAX), 0};
    char *bytes = (char *)value.bytes;
    size_t pieces = 1 + draw(random, 2), changes = draw(random, 4);

    assert_non_null(bytes);
    for (size_t i = 0; i < pieces; i++) {
        struct span seed = span_of_string(seeds[draw(random, COUNT(seeds))]);
        size_t from = draw(random, 2) == 0 ? 0 : draw(random, seed.length);
        size_t length =
            draw(random, 2) == 0 ? seed.length - from : draw(random, seed.length - from);

        if (length > BYTES_MAX - value.length)
            length = BYTES_MAX - value.length;
        memcpy(bytes + value.length, seed.bytes + from, length);
        value.length += length;
    }
    for (size_t i = 0; i < changes && value.length > 0; i++)
        bytes[draw(random, value.length)] =
            bytes_of_interest[draw(random, sizeof bytes_of_interest - 1)];
    value.bytes = realloc(bytes, value.length > 0 ? value.length : 1);
    assert_non_null(value.bytes);
    return value;
}

static void read_structured(struct span value)
{
    struct structured_item item;
    struct structured_walk walk;
    char decoded[BYTES_MAX];
    size_t length, members = 0;
    struct span key;

    structured_init(&walk, value);
    while (structured_next_entry(&walk, &key, &item)) {
        members++;
        assert_true(key.length > 0);
        if (item.type == STRUCTURED_STRING || item.type == STRUCTURED_TOKEN ||
            item.type == STRUCTURED_BYTES || item.type == STRUCTURED_DISPLAY_STRING) {
            assert_int_equal(structured_decode(&item, decoded, item.text.length, &length), 0);
            assert_true(length <= item.text.length);
        }
    }
    assert_true(members <= value.length);
    assert_int_equal(structured_is_dictionary(value), !walk.is_broken);
    (void)structured_is_list(value);
}

static void read_alone(struct span value)
{
    static const struct url_base base = {{"http", 4}, {"a", 1}, {"/b/c", 4}, {"q", 1}};
    char buffer[BYTES_MAX + 16];
    struct cache_control control;
    size_t length = 0;
    int64_t time_s;

    read_structured(value);
    cache_control_init(&control);
    cache_control_add(&control, value);
    assert_in_range(control.max_age_s + 1, 0, CACHE_CONTROL_SECONDS_MAX + 1);
    if (date_parse(value, NOW_S, &time_s) == 0) {
        char text[DATE_LENGTH + 1];
        int64_t again_s = 0;

        date_format(time_s, text);
        assert_int_equal(date_parse(span_of(text, DATE_LENGTH), NOW_S, &again_s), 0);
        assert_int_equal(again_s, time_s);
    }
    if (conditions_etag_is_valid(value))
        assert_true(conditions_none_match_lists(value, value));
    if (url_reference_resolve(&base, value, buffer, sizeof buffer, &length) == 0) {
        assert_true(length > 0);
        assert_int_equal(buffer[0], '/');
    }
}

static void read_together(const struct fields *left, const struct fields *right)
{
    static const char *const targets[] = {"CDN-Cache-Control", NULL};
    static const struct forwarding_client client = {.is_trusted = true};
    struct field_view view = field_view_of(right);
    char selected[64 + 8 * BYTES_MAX];
    struct conditions_target target;
    struct freshness freshness;
    struct vary_names vary;
    struct fields made;
    size_t length;

    freshness_read_targeted(left, 200, NOW_S, targets, &freshness);
    assert_true(freshness_lifetime_s(&freshness, 60) >= 0);
    assert_true(freshness_initial_age_s(&freshness, NOW_S, NOW_S) >= 0);
    assert_int_equal(vary_names_read(left, &vary), 0);
    if (!vary.is_any)
        assert_int_equal(vary_select(&vary, view, selected, sizeof selected, &length), 0);
    vary_names_fini(&vary);
    conditions_target_read(left, 200, NOW_S, &target);
    (void)conditions_evaluate(view, &target, NOW_S);
    (void)conditions_range_applies(view, &target, NOW_S);
    (void)update_match(left, right, NOW_S);
    (void)update_head_matches(left, 5, right);
    assert_int_equal(update_fields(left, right, NULL, &made), 0);
    fields_fini(&made);
    assert_in_range(forwarding_count_visits(view, span_of("edge-1", 6)), 0, BYTES_MAX);
    assert_int_equal(forwarding_request_fields(view, &client, FORWARDING_STANDARD, &made), 0);
    assert_false(fields_has(&made, "connection"));
    fields_fini(&made);
}

static void test_any_bytes_are_read_within_their_bounds(void **state)
{
    struct random random = {.state = 0x9e3779b97f4a7c15};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct span value = make_value(&random);

        read_alone(value);
        free((void *)value.bytes);
    }
}

static void test_any_fields_can_meet(void **state)
{
    struct random random = {.state = 0xd1b54a32d192ed03};

    (void)state;
    for (int round = 0; round < ROUNDS / 4; round++) {
        struct fields fields[2];

        for (size_t i = 0; i < 2; i++) {
            size_t lines = draw(&random, 7);

            fields_init(&fields[i]);
            for (size_t line = 0; line < lines; line++) {
                struct span value = make_value(&random);
                const char *name = names[draw(&random, COUNT(names))];

                /* A value that is no field value is refused, and then the line is not there. */
                (void)fields_append(&fields[i], span_of_string(name), value);
                free((void *)value.bytes);
            }
        }
        read_together(&fields[0], &fields[1]);
        fields_fini(&fields[0]);
        fields_fini(&fields[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_bytes_are_read_within_their_bounds),
        cmocka_unit_test(test_any_fields_can_meet),
    };

    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
