/* SPDX-License-Identifier: MIT */
/*
 * test_held.c - what a lane keeps at hand is what the store has, and nothing else, and little.
 */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#include "lane.h"
#include <fetch/held.h>
#include <fetch/purge.h>

#define URL "http://origin.example/a"

/* A stored answer, and what a handler has of it on each lane. */
struct kept {
    struct rig rig;
    struct fetch_request *plain;
    struct fetch_held_slot slots[RIG_LANES];
};

static struct fetch_request *plain_of(struct rig *rig, const char *url)
{
    struct fetch_request *plain;
    struct fetch_url *parsed;

    assert_int_equal(fetch_url_parse(url, strlen(url), 8192, &parsed), 0);
    assert_int_equal(fetch_request_new(fetcher_policy(rig->fetcher), rig->store, parsed,
                                       field_view_of_lines(NULL, 0), &plain),
                     0);
    fetch_url_unref(parsed);
    return plain;
}

/* What a handler does for each request; returns whether it had to ask the store. */
static bool hit(struct rig *rig, unsigned lane, struct fetch_held_slot *slot,
                const struct fetch_request *plain)
{
    bool is_refresh_due;
    struct entry *entry;

    if (fetch_held_find(slot, rig->wall_s) != NULL)
        return false;
    entry = fetch_lane_reuse(rig->lanes[lane], plain, field_view_of_lines(NULL, 0), NULL,
                             rig->wall_s, &is_refresh_due);
    if (entry != NULL && !is_refresh_due)
        (void)fetch_held_keep(rig->lanes[lane], slot, plain, entry, sizeof(struct fetch_held) + 64);
    entry_unref(entry);
    return true;
}

static void store_answer(struct rig *rig, const char *url, const char *fields, const char *body)
{
    struct rig_reader reader = {0};

    rig_ask_with(rig, &reader, 0, url, FETCH_FRESH_ONLY);
    rig_answer(rig, rig->started - 1, fields, body);
    assert_true(rig_is_whole(&reader, body));
    rig_leave(&reader);
}

static void kept_new(struct kept *kept, const char *fields)
{
    memset(kept, 0, sizeof *kept);
    rig_new(&kept->rig, NULL);
    store_answer(&kept->rig, URL, fields, "hello");
    kept->plain = plain_of(&kept->rig, URL);
    for (unsigned i = 0; i < RIG_LANES; i++) {
        (void)hit(&kept->rig, i, &kept->slots[i], kept->plain);
        assert_null(kept->slots[i].held); /* the first is not kept */
        (void)hit(&kept->rig, i, &kept->slots[i], kept->plain);
        assert_non_null(kept->slots[i].held);
    }
}

static void kept_free(struct kept *kept)
{
    for (unsigned i = 0; i < RIG_LANES; i++)
        fetch_held_drop(&kept->slots[i]);
    fetch_request_unref(kept->plain);
    rig_free(&kept->rig);
}

static struct fetch_held *find(struct kept *kept, unsigned lane)
{
    return fetch_held_find(&kept->slots[lane], kept->rig.wall_s);
}

static void test_hits_are_found_without_the_store_and_counted(void **state)
{
    struct kept kept;
    struct store_counters before, after;
    struct fetch_counters counters;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    store_read_counters(kept.rig.store, &before);
    for (unsigned i = 0; i < 10; i++)
        assert_false(hit(&kept.rig, i % 2, &kept.slots[i % 2], kept.plain));
    store_read_counters(kept.rig.store, &after);
    assert_int_equal(after.hits, before.hits);
    fetcher_read_counters(kept.rig.fetcher, &counters);
    assert_int_equal(counters.hits, 4 + 10);
    kept_free(&kept);
}

/* On both lanes, whichever of them is asked first. */
static void test_what_was_purged_is_not_found(void **state)
{
    struct kept kept;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    assert_true(fetcher_purge(kept.rig.fetcher, &kept.plain->key));
    for (unsigned i = 0; i < RIG_LANES; i++) {
        assert_null(find(&kept, i));
        assert_null(kept.slots[i].held);
    }
    kept_free(&kept);
}

static void test_what_was_purged_by_tag_is_not_found(void **state)
{
    static const bool soft[] = {false, true};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct kept kept;
        kept_new(&kept, "Cache-Control: max-age=60\nSurrogate-Key: red blue");
        fetcher_purge_tag(kept.rig.fetcher, "green", 5, soft[i], kept.rig.wall_s);
        assert_non_null(find(&kept, 0));
        fetcher_purge_tag(kept.rig.fetcher, "blue", 4, soft[i], kept.rig.wall_s);
        assert_null(find(&kept, 0));
        assert_null(find(&kept, 1));
        kept_free(&kept);
    }
}

static void test_what_is_stale_is_not_found(void **state)
{
    struct kept kept;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    kept.rig.wall_s += 59;
    assert_non_null(find(&kept, 0));
    kept.rig.wall_s += 1;
    assert_null(find(&kept, 0));
    kept_free(&kept);
    kept_new(&kept, "Cache-Control: max-age=60");
    assert_true(fetcher_expire(kept.rig.fetcher, &kept.plain->key, kept.rig.wall_s));
    assert_null(find(&kept, 0));
    assert_null(find(&kept, 1));
    kept_free(&kept);
}

/* A newer answer takes the place of the kept one; the next hits are of that. */
static void test_what_was_replaced_is_not_found(void **state)
{
    struct kept kept;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    store_answer(&kept.rig, URL, "Cache-Control: max-age=60", "newer");
    assert_null(find(&kept, 1));
    for (unsigned i = 0; i < 2; i++)
        assert_true(hit(&kept.rig, 1, &kept.slots[1], kept.plain));
    assert_non_null(find(&kept, 1));
    assert_int_equal(body_length(find(&kept, 1)->entry->body), 5);
    kept_free(&kept);
}

/* It is evicted or purged while an answer is on its way: that one is sent to its end. */
static void test_what_is_being_sent_stays(void **state)
{
    struct kept kept;
    struct fetch_held *held;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    held = find(&kept, 0);
    assert_non_null(held);
    fetch_held_use(held);
    fetch_held_use(held);
    assert_true(fetcher_purge(kept.rig.fetcher, &kept.plain->key));
    assert_null(find(&kept, 0));
    fetch_held_release(held);
    assert_int_equal(body_length(held->entry->body), 5);
    fetch_held_release(held); /* the last frees it, which the sanitizers watch */
    kept_free(&kept);
}

/* Nobody asks any more: the store's budget is not stretched by what has left it. */
static void test_what_left_the_store_or_is_not_used_is_dropped_soon(void **state)
{
    struct kept kept;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    assert_true(store_remove(kept.rig.store, &kept.plain->key));
    rig_advance(&kept.rig, 1000);
    assert_null(kept.slots[0].held);
    assert_null(kept.slots[1].held);
    assert_int_equal(atomic_load(&kept.rig.fetcher->held_bytes), 0);
    kept_free(&kept);
    kept_new(&kept, "Cache-Control: max-age=60");
    rig_advance(&kept.rig, 1000);
    assert_non_null(find(&kept, 0)); /* used, so it stays; the other has rested */
    rig_advance(&kept.rig, 1000);
    assert_non_null(kept.slots[0].held);
    assert_null(kept.slots[1].held);
    rig_advance(&kept.rig, 1000);
    assert_null(kept.slots[0].held);
    kept_free(&kept);
}

/* A hundredth of the budget, over both lanes. */
static void test_what_is_kept_has_a_limit(void **state)
{
    struct rig rig;
    struct fetch_held_slot slots[40] = {{.held = NULL}};
    struct fetch_request *plain[40];
    char url[64];
    size_t limit, held_bytes;
    unsigned kept = 0;

    (void)state;
    rig_new(&rig, NULL);
    limit = store_budget_bytes(rig.store) / 100;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(url, sizeof url, "http://origin.example/%u", i);
        store_answer(&rig, url, "Cache-Control: max-age=60", "hello");
        plain[i] = plain_of(&rig, url);
        for (unsigned times = 0; times < 3; times++)
            (void)hit(&rig, i % 2, &slots[i], plain[i]);
        kept += slots[i].held != NULL;
    }
    held_bytes = atomic_load(&rig.fetcher->held_bytes);
    assert_true(kept > 2 && kept < 40);
    assert_true(held_bytes <= limit && held_bytes > limit / 2);
    for (unsigned i = 0; i < 40; i++) {
        fetch_held_drop(&slots[i]);
        fetch_request_unref(plain[i]);
    }
    assert_int_equal(atomic_load(&rig.fetcher->held_bytes), 0);
    rig_free(&rig);
}

/* The answers of a URL that vary are found by its fields, which a slot knows nothing of. */
static void test_what_varies_is_not_kept(void **state)
{
    static const char *const forwarded[] = {"Accept"};
    struct fetch_settings settings;
    struct rig rig;
    struct fetch_held_slot slot = {.held = NULL};
    struct fetch_request *plain;

    (void)state;
    fetch_settings_default(&settings);
    settings.forwarded = forwarded;
    settings.forwarded_count = 1;
    rig_new(&rig, &settings);
    store_answer(&rig, URL, "Cache-Control: max-age=60\nVary: Accept", "hello");
    plain = plain_of(&rig, URL);
    for (unsigned i = 0; i < 4; i++)
        assert_true(hit(&rig, 0, &slot, plain));
    assert_null(slot.held);
    fetch_request_unref(plain);
    rig_free(&rig);
}

static void test_a_lane_that_stops_keeps_nothing(void **state)
{
    struct kept kept;

    (void)state;
    kept_new(&kept, "Cache-Control: max-age=60");
    fetch_lane_stop(kept.rig.lanes[0]);
    assert_null(kept.slots[0].held);
    for (unsigned i = 0; i < 3; i++)
        assert_true(hit(&kept.rig, 0, &kept.slots[0], kept.plain));
    kept_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits_are_found_without_the_store_and_counted),
        cmocka_unit_test(test_what_was_purged_is_not_found),
        cmocka_unit_test(test_what_was_purged_by_tag_is_not_found),
        cmocka_unit_test(test_what_is_stale_is_not_found),
        cmocka_unit_test(test_what_was_replaced_is_not_found),
        cmocka_unit_test(test_what_is_being_sent_stays),
        cmocka_unit_test(test_what_left_the_store_or_is_not_used_is_dropped_soon),
        cmocka_unit_test(test_what_is_kept_has_a_limit),
        cmocka_unit_test(test_what_varies_is_not_kept),
        cmocka_unit_test(test_a_lane_that_stops_keeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
