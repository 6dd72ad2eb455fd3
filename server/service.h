/* SPDX-License-Identifier: MIT */
/*
 * service.h - the whole service that a configuration describes: counter, cache, fetcher, server.
 *
 * Makes the parts in the order in which they need each other, and ends them in the reverse order.
 * `fetchonce serve` and `fetchonce demo` are its callers; signals and words are theirs.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "config/config.h"
#include "token.h"

struct fetcher;
struct server_counters;
struct service;

/*
 * service_start - starts everything; returns when every loop accepts.
 * `config` has been resolved and checked, and is copied, as is the operator's token: an empty one
 * if operator.token_file names none. Errors    those of server_start(), of which -EADDRINUSE and
 * -EACCES concern config->listen or config->operator_listen: the log says which. Thread    one that
 * has SIGPIPE ignored or blocked.
 */
int service_start(const struct config *config, const struct token *token,
                  struct service **ret_service);

/*
 * service_reload - puts in force, for requests to come, what has changed in `config`, which has
 * been resolved and checked, and the token; logs each setting that has changed but takes a restart.
 * Errors -ENOMEM: nothing has changed. Thread    one at a time.
 */
int service_reload(struct service *service, const struct config *config, const struct token *token);

/* service_address - where it listens, with the port that the system chose. Thread: any. */
void service_address(const struct service *service, struct address *ret_address);

/* service_operator_address - where it listens for the operator, if it does. Thread: any. */
bool service_operator_address(const struct service *service, struct address *ret_address);

/* service_loops - how many loops run. Thread: any. */
unsigned service_loops(const struct service *service);

/* service_counters - as server_counters(). Thread: any. */
void service_counters(const struct service *service, struct server_counters *ret_counters);

/* service_fetcher - for its counters. Thread: any. */
struct fetcher *service_fetcher(const struct service *service);

/* service_stop - as server_stop(): returns at once; again with 0, it cuts what still runs. */
void service_stop(struct service *service, uint32_t drain_ms);

/* service_wait - returns when all has stopped. Once. */
void service_wait(struct service *service);

/* service_free - after service_wait(). NULL is allowed. */
void service_free(struct service *service);

#endif
