/* SPDX-License-Identifier: MIT */
/*
 * trial.h - one run of one case: what it may do to the cache, wait for, and find.
 *
 * A case makes resources, lets clients ask, waits, opens gates, and says what it expects. Every
 * await ends with the time of the case at the latest, and the case then goes on to its
 * expectations, which fail with what there is: a cache that hangs costs that time and no more.
 *
 * What cannot be seen from outside is whether the cache has read a request that it did not pass on.
 * trial_settle() is the one place that guesses it; see there.
 */
#ifndef COLLAPSING_TRIAL_H
#define COLLAPSING_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "origin.h"

#define TRIAL_CLIENTS_MAX 4096
#define TRIAL_WAITS_MAX   3
#define TRIAL_TEXT_BYTES  1024

struct options {
    struct target target;
    unsigned clients;   /* of a crowd */
    unsigned crowd;     /* of a crowd whose waits are measured */
    unsigned settle_ms; /* see trial_settle() */
    unsigned limit_ms;  /* of a case */
    unsigned stall_ms;  /* after which the cache gives a silent origin up; 0: not told */
    size_t large_bytes; /* a body that is too long to store */
};

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_NOT_APPLICABLE,
};

struct trial {
    struct world *world;
    struct origin *origin;
    const struct options *options;
    int64_t began_ns;
    bool is_out_of_time;
    bool is_cut; /* and what that led to is said */
    struct client *clients[TRIAL_CLIENTS_MAX];
    size_t client_count;
    enum verdict verdict;
    char failures[TRIAL_TEXT_BYTES]; /* what was found instead, sentences joined by "; " */
    char observed[TRIAL_TEXT_BYTES];
    struct {
        const char *name;
        double ms;
    } waits[TRIAL_WAITS_MAX];
    size_t wait_count;
};

/* Some clients of a trial, which asked one after the other. */
struct crowd {
    struct client **clients;
    size_t count;
};

/* Of 200 that may be stored for a minute, some bytes long: what most cases begin with. */
extern const struct answer answer_storable;

void trial_begin(struct trial *trial, struct world *world, struct origin *origin,
                 const struct options *options);
/* trial_finish - behind the case: says so if its time ran out. */
void trial_finish(struct trial *trial);
/* trial_end - frees clients and resources; what was found stays. */
void trial_end(struct trial *trial);

/* trial_resource - a new URL, answered so; its gates are open. trial_held: the one before the head
 * is closed. */
struct resource *trial_resource(struct trial *trial, const struct answer *answer);
struct resource *trial_held(struct trial *trial, const struct answer *answer);

/* trial_ask - one client asks for the resource, with a request whose path is a suffix of the URL's;
 * NULL: a plain GET. trial_crowd: so many clients, each with a connection of its own. */
struct client *trial_ask(struct trial *trial, struct resource *resource,
                         const struct request *request);
struct crowd trial_crowd(struct trial *trial, struct resource *resource, size_t count,
                         const struct request *request);

/* trial_gather - a crowd asks, and settles before a gate that is closed. trial_serve_half - a new
 * resource, half of whose body one client has been given; the other half waits for trial_let_body.
 */
struct crowd trial_gather(struct trial *trial, struct resource *resource, size_t count,
                          const struct request *request);
struct resource *trial_serve_half(struct trial *trial, const struct answer *answer,
                                  struct client **ret_first);

/* trial_get - asks, and waits for the end. trial_get_with: with these fields. */
struct client *trial_get(struct trial *trial, struct resource *resource);
struct client *trial_get_with(struct trial *trial, struct resource *resource, const char *fields);

/* trial_get_until_good - asks again and again until the answer is a good 200: a failure may be
 * remembered for a second or so. The last client, after so long at the most. */
struct client *trial_get_until_good(struct trial *trial, struct resource *resource,
                                    unsigned within_ms);

/* All of these return whether it came about in time. */
bool trial_await_hits(struct trial *trial, const struct resource *resource, unsigned hits);
bool trial_await_hits_for(struct trial *trial, const struct resource *resource, unsigned hits,
                          unsigned within_ms);
bool trial_await_abandoned_for(struct trial *trial, const struct resource *resource,
                               unsigned within_ms);
bool trial_await_end(struct trial *trial, const struct client *client);
bool trial_await_crowd(struct trial *trial, struct crowd crowd);
bool trial_await_bytes_for(struct trial *trial, const struct client *client, size_t bytes,
                           unsigned within_ms);
bool trial_await_crowd_bytes(struct trial *trial, struct crowd crowd, size_t bytes);
bool trial_await_sent(struct trial *trial, struct crowd crowd);

/*
 * trial_settle - until the cache has, as far as one can tell, read all that was sent to it: a
 * request of its own, that the cache has to pass on, is answered, and then nothing happens for
 * settle_ms. A cache on a slow machine is slow to answer that request as well.
 */
void trial_settle(struct trial *trial);

/* trial_turn - one turn of the loop, for a case that does something between turns. */
void trial_turn(struct trial *trial);

/* trial_pass - lets time pass: only where a lifetime, in whole seconds, has to end. */
void trial_pass(struct trial *trial, unsigned ms);

/* trial_release - opens the gate before the head; trial_release_one: for one exchange, its latest.
 * trial_let_body: the body may be sent up to so many bytes. */
void trial_release(struct trial *trial, struct resource *resource);
void trial_release_number(struct trial *trial, struct resource *resource, unsigned number);
void trial_let_body(struct trial *trial, struct resource *resource, size_t bytes);

/* crowd_count_good - how many have that status, whole, every byte right; and so on. */
size_t crowd_count_good(struct crowd crowd, int status);
size_t crowd_count_error(struct crowd crowd);
size_t crowd_count_over(struct crowd crowd);
size_t crowd_count_label(struct crowd crowd, unsigned label);
size_t crowd_count_labels(struct crowd crowd); /* of different answers of the origin */
int64_t crowd_last_end_ns(struct crowd crowd);

/* crowd_odd_one - what one of those got that are not good, in words. */
const char *crowd_odd_one(struct crowd crowd, int status);

/* trial_expect - fails the case, with the text, unless so. trial_observe: a fact, for the report.
 */
void trial_expect(struct trial *trial, bool is_so, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void trial_observe(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void trial_wait(struct trial *trial, const char *name, int64_t ns);
void trial_not_applicable(struct trial *trial, const char *why);

/* trial_expect_good - all of the crowd have that status, whole, every byte right. */
void trial_expect_good(struct trial *trial, struct crowd crowd, int status, const char *who);

/* trial_expect_hits - so many requests came for the resource. */
void trial_expect_hits(struct trial *trial, const struct resource *resource, unsigned hits);

#endif
