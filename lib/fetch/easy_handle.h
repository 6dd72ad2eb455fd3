/* SPDX-License-Identifier: MIT */
/*
 * easy_handle.h - libcurl's handle of a transfer, ready for its call, and kept for the next one.
 */
#ifndef FETCH_EASY_HANDLE_H
#define FETCH_EASY_HANDLE_H

#include "curl_transfer.h"

/*
 * easy_handle_prepare - transfer->easy, made or kept, is what its call asks for; the addresses of
 * its name are known and judged. Errors    -ENOMEM; -EACCES: libcurl reads the URL's origin
 * differently, transfer->refusal is set.
 */
int easy_handle_prepare(struct transfer *transfer);

/*
 * easy_handle_settle - takes away what belongs to the call that is over; the handle is added
 * nowhere. It is kept, if it can serve another call, else ended.
 * is_fit    the transfer came to its end as it should.
 */
void easy_handle_settle(struct transfer *transfer, bool is_fit);

/* easy_handle_drop - ends the handle, if there is one. */
void easy_handle_drop(struct transfer *transfer);

#endif
