/* SPDX-License-Identifier: MIT */
/*
 * multi.h - libcurl's multi handle driven by a loop: its sockets are watches, its time a timer.
 */
#ifndef FETCH_MULTI_H
#define FETCH_MULTI_H

#include <curl/curl.h>

#include <async/loop.h>
#include <fetch/settings.h>

struct multi;

/* A transfer came to its end; it is still added. Called when libcurl is not on the stack. */
typedef void multi_done_fn(CURL *easy, CURLcode result);

/* multi_new - with the limits of the settings on connections; NULL: none. Errors: -ENOMEM. */
int multi_new(struct async_loop *loop, const struct fetch_settings *settings,
              multi_done_fn *on_done, struct multi **ret_multi);

/* multi_free - closes the connections; no transfer is added (asserted). NULL is allowed. */
void multi_free(struct multi *multi);

/* multi_add and _remove - not inside a callback of libcurl (asserted). Errors: -ENOMEM. */
int multi_add(struct multi *multi, CURL *easy);
void multi_remove(struct multi *multi, CURL *easy);

/* multi_is_inside - whether libcurl is on the stack: its functions may not be called then. */
bool multi_is_inside(const struct multi *multi);

/* multi_keep_watched - it is connected, and multi_forget_socket() will be called before its end. */
void multi_keep_watched(struct multi *multi, int fd);

/* multi_forget_socket - it is about to be closed: it is watched no more. */
void multi_forget_socket(struct multi *multi, int fd);

/* multi_unpause - goes on with a transfer whose callback returned CURL_WRITEFUNC_PAUSE. */
void multi_unpause(struct multi *multi, CURL *easy);

#endif
