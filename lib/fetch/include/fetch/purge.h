/* SPDX-License-Identifier: MIT */
/*
 * purge.h - what the operator has forgotten by the fetcher and its store.
 *
 * A fetch that is under way serves those who asked before; nothing of it is used for those who ask
 * afterwards (COALESCING case 27). A soft purge leaves what is stored, but stale from then on: it
 * is used as other stale answers are, and confirmed if it can be.
 */
#ifndef FETCH_PURGE_H
#define FETCH_PURGE_H

#include <cache/store.h>
#include <fetch/fetcher.h>

/*
 * fetcher_expire - as fetcher_purge(), but what is stored stays, and is stale from `now_s` on.
 * Thread    any.
 */
bool fetcher_expire(struct fetcher *fetcher, const struct key *key, int64_t now_s);

/*
 * fetcher_purge_tag - of all answers that have this tag. Takes the same time however many they are.
 * Thread    any.        Source  docs/internals/store.md, "Purges"
 */
void fetcher_purge_tag(struct fetcher *fetcher, const char *name, size_t length, bool is_soft,
                       int64_t now_s);

/* A purge of all URLs that are like a pattern, in steps. Fields are the library's, but for `count`.
 */
struct fetch_purge {
    uint64_t count; /* answers purged so far */
    struct fetcher *fetcher;
    const char *pattern;
    size_t pattern_bytes;
    bool is_soft;
    int64_t now_s;
    struct store_walk walk;
};

/*
 * fetch_purge_init - begins one; fetches under way are dealt with. Each '*' of the pattern stands
 * for any bytes, none and slashes included; the rest for itself. Compared with it is the URL that
 * the origin is asked for, and, where the origin gets the Host of clients, also with that in it.
 * Owns      the pattern stays the caller's, until the purge is over.
 * Thread    any, as fetch_purge_step().
 */
void fetch_purge_init(struct fetch_purge *purge, struct fetcher *fetcher, const char *pattern,
                      size_t pattern_bytes, bool is_soft, int64_t now_s);

/* fetch_purge_step - goes on for some microseconds. False once it is over. */
bool fetch_purge_step(struct fetch_purge *purge);

#endif
