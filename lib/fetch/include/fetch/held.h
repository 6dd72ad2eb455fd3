/* SPDX-License-Identifier: MIT */
/*
 * held.h - what a loop has lately answered with, kept at hand: a hit that finds it there takes no
 * mutex and writes nothing that other loops read.
 *
 * A caller has a slot for each thing that it may be asked for (each plain request, most likely) and
 * looks there first:
 *
 *      fetch_held_find() --> held: it is what the store has, and fresh. Answer from held->entry
 *                        --> NULL: fetch_lane_reuse(); from the second hit on, fetch_held_keep()
 *      fetch_held_use() --> send --> fetch_held_release()
 *
 * What is kept lets go of its entry once the store has another or none, or nobody asks for it any
 * more: on the next look, or within two seconds. All lanes together keep no more than a hundredth
 * of the store's budget, so what the store has evicted meanwhile takes no more than that beside it.
 */
#ifndef FETCH_HELD_H
#define FETCH_HELD_H

#include <fetch/fetcher.h>

/* What is larger is not kept: with so much to send, the look into the store is of no weight. */
#define FETCH_HELD_BYTES_MAX ((size_t)64 * 1024)

/* One place of a caller's. Zeroed: nothing yet. */
struct fetch_held_slot {
    struct fetch_held *held; /* NULL: nothing */
    bool is_hit;             /* has been answered from the store before */
};

/* Something kept. The first member of a larger struct of the caller's. */
struct fetch_held {
    struct entry *entry;
    /* The library's. */
    struct fetcher *fetcher;
    struct fetch_lane *lane;      /* while it has a slot */
    struct fetch_held_slot *slot; /* NULL: it has left its slot, and waits for its last use */
    struct async_list node;       /* in lane->held, while it has a slot */
    size_t bytes;
    uint32_t uses;
    bool is_used; /* since the lane last looked */
};

/*
 * fetch_held_find - what answers a plain request at `now_s` as fetch_lane_reuse() would without
 * wishes, or NULL. Counted as a hit. It stays until the next call for the same lane.
 * Thread    the lane's loop, as all of these.
 */
struct fetch_held *fetch_held_find(struct fetch_held_slot *slot, int64_t now_s);

/*
 * fetch_held_keep - after a hit that fetch_lane_reuse() gave: has it kept in the slot, if it is one
 * for all who ask for `plain`, small enough, and not the first. `size` is that of the caller's
 * struct, which is zeroed behind its first member and needs no end. NULL: it is not kept.
 * Owns      takes a reference of its own to the entry. The slot stays where it is until
 *           fetch_held_drop().
 */
struct fetch_held *fetch_held_keep(struct fetch_lane *lane, struct fetch_held_slot *slot,
                                   const struct fetch_request *plain, struct entry *entry,
                                   size_t size);

/* fetch_held_use - it stays until fetch_held_release(), which is a reply's release function. */
static inline void fetch_held_use(struct fetch_held *held)
{
    held->uses++;
}

void fetch_held_release(void *held);

/* fetch_held_drop - the slot holds nothing any more. No-op if so already. */
void fetch_held_drop(struct fetch_held_slot *slot);

#endif
