/* SPDX-License-Identifier: MIT */
/*
 * access.c - see access.h.
 *
 * A request counts in the moment it is answered, holding the lock: one whose client is known to
 * have left by then (see connection.c) has not counted. Without hold_ms, a free lock is taken, used
 * and released in one turn without waiting for a delivery; the order is the lock's either way,
 * first come, first served.
 */
#include "access.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <async/lock.h>
#include <http/accept.h>

#include "../reply.h"

struct access {
    struct async_lock lock;
    uint64_t count; /* guarded by the lock */
    int64_t hold_ns;
};

/* What one request keeps while it waits or holds; lives in the request. */
struct access_call {
    struct access *access;
    struct request *request;
    struct async_waiter waiter;
    struct async_timer hold; /* armed while it holds the lock to show waiting */
};

static_assert(sizeof(struct access_call) <= REQUEST_STATE_BYTES, "fits into the request");

int access_new(uint32_t hold_ms, struct access **ret_access)
{
    struct access *access = calloc(1, sizeof(*access));

    if (access == NULL)
        return -ENOMEM;
    async_lock_init(&access->lock);
    access->hold_ns = (int64_t)hold_ms * ASYNC_MS;
    *ret_access = access;
    return 0;
}

void access_free(struct access *access)
{
    if (access == NULL)
        return;
    async_lock_fini(&access->lock);
    free(access);
}

static const char lines_text[] =
    "Content-Type: text/plain\r\nCache-Control: no-store\r\nVary: Accept\r\n";
static const char lines_json[] =
    "Content-Type: application/json\r\nCache-Control: no-store\r\nVary: Accept\r\n";

/* Returns what is behind it. */
static char *write_number(char *at, uint64_t number)
{
    char digits[20];
    size_t digit_count = 0;

    do {
        digits[digit_count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (digit_count > 0)
        *at++ = digits[--digit_count];
    return at;
}

/* Text, unless the client would rather have JSON. */
static void answer(struct request *request, uint64_t count)
{
    const struct span *accept = request_field(request, "Accept");
    bool is_json = accept != NULL && accept_prefers(*accept, "application/json", "text/plain");
    const struct reply_head head = {
        .status = 200,
        .lines = {.iov_base = (void *)(is_json ? lines_json : lines_text),
                  .iov_len = is_json ? sizeof(lines_json) - 1 : sizeof(lines_text) - 1},
    };
    char body[64];
    char *at = stpcpy(body, is_json ? "{\"count\":" : "Resource accessed ");

    at = stpcpy(write_number(at, count), is_json ? "}\n" : " times.\n");
    assert(at < body + sizeof(body));
    reply_copy(request, &head, body, (size_t)(at - body));
}

static void release(struct access_call *call)
{
    int status = async_lock_release(&call->access->lock, &call->waiter);

    assert(status == 0); /* we hold it */
    (void)status;
}

/* Counts, lets the next one in, and answers; the call is over. */
static void finish(struct access_call *call)
{
    uint64_t count = ++call->access->count;

    release(call);
    answer(call->request, count);
}

static void on_gone(struct request *request)
{
    struct access_call *call = (struct access_call *)(void *)request->state;

    if (async_waiter_cancel(&call->waiter))
        return; /* it waited: whoever is behind it moves up */
    async_timer_disarm(&call->hold);
    release(call);
}

static void on_held_enough(struct async_timer *timer)
{
    finish(async_container_of(timer, struct access_call, hold));
}

static void hold(struct access_call *call)
{
    if (call->access->hold_ns == 0) {
        finish(call);
        return;
    }
    async_timer_arm(&call->hold, call->request->loop,
                    async_loop_now_ns(call->request->loop) + call->access->hold_ns);
}

static void on_granted(struct async_waiter *waiter, int status)
{
    assert(status == 0); /* there is no deadline, and this waiter holds nothing yet */
    (void)status;
    hold(async_container_of(waiter, struct access_call, waiter));
}

static void access_start(struct request *request, void *context)
{
    struct access_call *call = request_state(request, sizeof(*call));

    call->access = context;
    call->request = request;
    async_waiter_init(&call->waiter, request->loop, on_granted);
    async_timer_init(&call->hold, on_held_enough);
    request->on_gone = on_gone;
    if (async_lock_try_acquire(&call->access->lock, &call->waiter))
        hold(call);
    else
        async_lock_acquire(&call->access->lock, &call->waiter);
}

struct server_route access_route(struct access *access)
{
    return (struct server_route){
        .path = "/access",
        .methods = REQUEST_GET | REQUEST_HEAD,
        .start = access_start,
        .shared = access,
    };
}
