/* SPDX-License-Identifier: MIT */
/*
 * flight_vary.h - what a flight does when its answer varies by fields of the request.
 *
 * Steps of a head, on the lane's thread: flight_vary_read() before the entry is made, since it says
 * under which key; flight_vary_settle() once it is known whether the answer is stored. From then on
 * flight_suits_locked() tells each reader whether the answer is one to its own request (case 16).
 */
#ifndef FETCH_FLIGHT_VARY_H
#define FETCH_FLIGHT_VARY_H

#include "flight.h"

/* What one head says. */
struct flight_vary {
    struct entry *index;         /* a reference; NULL: nobody has to be told apart */
    bool is_new;                 /* not in the store so far */
    bool tells_apart;            /* the answer itself varies: readers have to be looked at */
    char buffer[KEY_LENGTH_MAX]; /* of the key */
    struct key key;              /* to store the answer under */
};

/*
 * flight_vary_read - by what the answer varies, as far as clients' fields go to the origin at all,
 * together with what redirects on the way and earlier answers varied by.
 * Errors    -ENOMEM; -ENOBUFS: it varies by anything, or by too much to be told apart, so the
 * answer is for this request alone, and the key, which is set, for nothing. Owns      the caller
 * ends `ret_vary` with flight_vary_fini().
 */
int flight_vary_read(const struct flight *flight, const struct fields *head,
                     struct flight_vary *ret_vary);

void flight_vary_fini(struct flight_vary *vary);

/*
 * flight_vary_check_place - whether a stored answer, with new fields, is still to be found where it
 * is. It is not if they say that it varies by more than was known: requests of other kinds find it.
 * Errors    -EAGAIN: it is not; -ENOMEM.
 */
int flight_vary_check_place(const struct flight *flight, const struct entry *updated);

/* flight_vary_add_redirect - its Vary counts for what is behind it. Errors: -ENOMEM. */
int flight_vary_add_redirect(struct flight *flight, const struct fields *head);

/*
 * flight_vary_settle - an answer that is to be stored: puts its index into the store, and the
 * flight under its own key into the table, so that only those join who ask for this variant.
 * Returns   whether that worked; else the answer must not be stored.
 */
bool flight_vary_settle(struct flight *flight, struct flight_vary *vary)
    ASYNC_EXCLUDES(flight_table_class);

/* flight_suits_locked - whether the flight's answer is one to the reader's request. */
bool flight_suits_locked(const struct flight *flight, const struct fetch_reader *reader)
    ASYNC_REQUIRES(flight_class);

/* flight_vary_count_locked - one more variant is stored; too many begin a new generation. */
void flight_vary_count_locked(struct table_shard *shard, struct flight *flight)
    ASYNC_REQUIRES(flight_table_class);

#endif
