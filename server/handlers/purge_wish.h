/* SPDX-License-Identifier: MIT */
/*
 * purge_wish.h - what a query of /purge asks for, or the field Purge, read strictly.
 */
#ifndef SERVER_HANDLERS_PURGE_WISH_H
#define SERVER_HANDLERS_PURGE_WISH_H

#include <stdbool.h>

#include <http/span.h>

enum purge_kind {
    PURGE_NOTHING, /* it does not say what; then there are no values */
    PURGE_URL,
    PURGE_PATTERN,
    PURGE_TAG, /* the only one of which there may be several */
};

struct purge_wish {
    enum purge_kind kind;
    bool is_soft;
    struct span *values; /* decoded and not empty; in one allocation */
    size_t value_count;
};

/*
 * purge_wish_read - `ret_fault` says what is wrong with the query, in words for the client.
 * Errors    -EINVAL: see there; -ENOMEM.
 * Owns      the caller ends it with purge_wish_fini().
 */
int purge_wish_read(struct span query, struct purge_wish *ret_wish, const char **ret_fault);

void purge_wish_fini(struct purge_wish *wish);

#endif
