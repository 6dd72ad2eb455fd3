/* SPDX-License-Identifier: MIT */
/*
 * per_second.c - eight requests that may go out at five per second, two of them at once.
 *
 * A rate limiter is a bucket of tokens: it holds at most `burst`, and new ones come at an even
 * rate. Each request takes one or waits for its turn. Nothing has to be given back.
 *
 * The loop here has a virtual clock, as it has in tests: time passes when the program says so, and
 * all moments are exact. With async_loop_new() the same code runs on the real one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <async/manual_loop.h>
#include <async/rate_limiter.h>

enum { REQUESTS = 8, PER_SECOND = 5, BURST = 2 };

struct request {
    struct async_rate_waiter rate; /* knows its loop: rate.waiter.loop */
    int number;
    int sent_at_ms;
};

static void on_token(struct async_waiter *waiter, int status)
{
    struct request *request = async_container_of(waiter, struct request, rate.waiter);

    if (status < 0)
        abort(); /* no deadline, no cancel: it cannot fail */
    request->sent_at_ms = (int)(async_loop_now_ns(waiter->loop) / ASYNC_MS);
    printf("request %d goes out at %4d ms\n", request->number, request->sent_at_ms);
}

int main(void)
{
    struct async_loop *loop;
    struct async_rate_limiter limiter;
    struct request requests[REQUESTS];
    bool is_right = true;

    if (async_manual_loop_new(&loop) < 0 ||
        async_rate_limiter_init(&limiter, PER_SECOND, ASYNC_S, BURST) < 0)
        return EXIT_FAILURE;
    for (int i = 0; i < REQUESTS; i++) {
        requests[i] = (struct request){.number = i + 1, .sent_at_ms = -1};
        async_rate_waiter_init(&requests[i].rate, loop, on_token);
        async_rate_limiter_acquire(&limiter, &requests[i].rate);
    }
    async_manual_loop_advance(loop, 2 * ASYNC_S);
    async_rate_limiter_fini(&limiter);
    async_loop_free(loop);
    for (int i = 0; i < REQUESTS; i++) {
        int wanted_ms = i < BURST ? 0 : (i + 1 - BURST) * 1000 / PER_SECOND;

        is_right = is_right && requests[i].sent_at_ms == wanted_ms;
    }
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
