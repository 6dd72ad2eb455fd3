/* SPDX-License-Identifier: MIT */
/*
 * held.c - see held.h.
 *
 * The store clears an entry's mark before a change of it is done (entry_is_current()), so one look
 * at the mark is as good as a look-up that was made at the same time. The lane walks through what
 * it keeps once a second, with a timer that is armed only while it keeps something.
 */
#include <fetch/held.h>

#include <assert.h>
#include <stdlib.h>

#include "lane.h"

#define LOOK_NS (1 * ASYNC_S)

static_assert(FETCH_HELD_BYTES_MAX < STORE_BUDGET_BYTES_MIN * 100, "some stores have room for one");

static bool reserve(struct fetcher *fetcher, size_t bytes)
{
    size_t limit = store_budget_bytes(fetcher->store) / 100;
    size_t held = atomic_load_explicit(&fetcher->held_bytes, memory_order_relaxed);

    while (bytes <= limit && held <= limit - bytes) {
        if (atomic_compare_exchange_weak_explicit(&fetcher->held_bytes, &held, held + bytes,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
    return false;
}

static void give_back(struct fetcher *fetcher, size_t bytes)
{
    atomic_fetch_sub_explicit(&fetcher->held_bytes, bytes, memory_order_relaxed);
}

static void held_free(struct fetch_held *held)
{
    assert(held->slot == NULL && held->uses == 0);
    give_back(held->fetcher, held->bytes);
    entry_unref(held->entry);
    free(held);
}

void fetch_held_drop(struct fetch_held_slot *slot)
{
    struct fetch_held *held = slot->held;

    slot->held = NULL;
    slot->is_hit = false;
    if (held == NULL)
        return;
    async_loop_assert_current(held->lane->loop);
    assert(held->slot == slot);
    async_list_remove(&held->node);
    held->slot = NULL;
    if (held->uses == 0)
        held_free(held);
}

void fetch_held_release(void *context)
{
    struct fetch_held *held = context;

    assert(held->uses > 0);
    if (--held->uses == 0 && held->slot == NULL)
        held_free(held);
}

static bool is_current(const struct fetch_held *held)
{
    struct entry *entry = held->entry;

    return entry_is_current(entry) &&
           (!entry->has_tags || store_is_current(held->fetcher->store, entry));
}

struct fetch_held *fetch_held_find(struct fetch_held_slot *slot, int64_t now_s)
{
    struct fetch_held *held = slot->held;

    if (held == NULL)
        return NULL;
    if (!is_current(held)) {
        fetch_held_drop(slot);
        return NULL;
    }
    if (!entry_is_fresh(held->entry, now_s))
        return NULL;
    held->is_used = true;
    entry_mark_used(held->entry);
    LANE_COUNT(held->lane, hits, 1);
    return held;
}

struct fetch_held *fetch_held_keep(struct fetch_lane *lane, struct fetch_held_slot *slot,
                                   const struct fetch_request *plain, struct entry *entry,
                                   size_t size)
{
    bool is_first = !slot->is_hit;
    struct fetch_held *held;
    size_t bytes;

    assert(size >= sizeof *held);
    slot->is_hit = true;
    if (is_first || lane->is_stopped || slot->held != NULL || !key_equals(&entry->key, &plain->key))
        return NULL;
    bytes = entry_memory_bytes(entry) + size;
    if (bytes > FETCH_HELD_BYTES_MAX || !reserve(lane->fetcher, bytes))
        return NULL;
    held = calloc(1, size);
    if (held == NULL) {
        give_back(lane->fetcher, bytes);
        return NULL;
    }
    held->entry = entry_ref(entry);
    held->fetcher = lane->fetcher;
    held->lane = lane;
    held->slot = slot;
    held->bytes = bytes;
    held->is_used = true;
    async_list_init(&held->node);
    async_list_append(&lane->held, &held->node);
    slot->held = held;
    if (!async_timer_is_armed(&lane->held_timer))
        async_timer_arm(&lane->held_timer, lane->loop, async_loop_now_ns(lane->loop) + LOOK_NS);
    return held;
}

/* What has left the store, or has not been used since the last time. */
static void on_look(struct async_timer *timer)
{
    struct fetch_lane *lane = async_container_of(timer, struct fetch_lane, held_timer);
    struct async_list *node = lane->held.next;

    while (node != &lane->held) {
        struct fetch_held *held = async_container_of(node, struct fetch_held, node);
        node = node->next;
        if (!held->is_used || !is_current(held))
            fetch_held_drop(held->slot);
        else
            held->is_used = false;
    }
    if (!async_list_is_empty(&lane->held))
        async_timer_arm(timer, lane->loop, async_loop_now_ns(lane->loop) + LOOK_NS);
}

void lane_held_init(struct fetch_lane *lane)
{
    async_list_init(&lane->held);
    async_timer_init(&lane->held_timer, on_look);
}

void lane_held_drop_all(struct fetch_lane *lane)
{
    struct async_list *node;

    async_timer_disarm(&lane->held_timer);
    while ((node = async_list_first(&lane->held)) != NULL)
        fetch_held_drop(async_container_of(node, struct fetch_held, node)->slot);
}
