/* SPDX-License-Identifier: MIT */
/*
 * timer.c - timers in a pairing heap whose nodes are the timers themselves.
 *
 * A heap is a tree: each parent is due no later than its children. Melding two heaps makes the
 * later root the first child of the earlier, in constant time; taking the root out melds its
 * children in pairs, left to right, and then the pairs, right to left. `previous` is the parent
 * for a first child and the left neighbour for others, so that any timer can be cut out.
 *
 * Source: Fredman, Sedgewick, Sleator, Tarjan, The Pairing Heap, Algorithmica 1 (1986).
 */
#include <assert.h>
#include <stddef.h>

#include <async/loop_backend.h>

static bool is_before(const struct async_timer *a, const struct async_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

/* Joins two heaps, each without siblings; returns the root of the whole. */
static struct async_timer *meld(struct async_timer *a, struct async_timer *b)
{
    struct async_timer *parent;
    struct async_timer *child;

    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    parent = is_before(b, a) ? b : a;
    child = parent == a ? b : a;
    child->sibling = parent->child;
    if (child->sibling != NULL)
        child->sibling->previous = child;
    child->previous = parent;
    parent->child = child;
    return parent;
}

/* Makes one heap of a row of siblings. Iterative, as a row may hold all timers there are. */
static struct async_timer *meld_siblings(struct async_timer *first)
{
    struct async_timer *pairs = NULL; /* melded pairs, the last first, chained by sibling */
    struct async_timer *root = NULL;

    while (first != NULL) {
        struct async_timer *a = first;
        struct async_timer *b = a->sibling;
        struct async_timer *pair;

        first = b != NULL ? b->sibling : NULL;
        a->sibling = NULL;
        a->previous = NULL;
        if (b != NULL) {
            b->sibling = NULL;
            b->previous = NULL;
        }
        pair = meld(a, b);
        pair->sibling = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        struct async_timer *next = pairs->sibling;

        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void cut(struct async_timer *timer)
{
    struct async_loop *loop = timer->loop;

    if (timer->previous == NULL) {
        assert(loop->timers == timer);
        loop->timers = meld_siblings(timer->child);
    } else {
        if (timer->previous->child == timer)
            timer->previous->child = timer->sibling;
        else
            timer->previous->sibling = timer->sibling;
        if (timer->sibling != NULL)
            timer->sibling->previous = timer->previous;
        loop->timers = meld(loop->timers, meld_siblings(timer->child));
    }
    timer->child = NULL;
    timer->sibling = NULL;
    timer->previous = NULL;
    timer->loop = NULL;
}

void async_timer_init(struct async_timer *timer, async_timer_fn *run)
{
    *timer = (struct async_timer){.run = run};
}

void async_timer_arm(struct async_timer *timer, struct async_loop *loop, int64_t at_ns)
{
    async_loop_assert_current(loop);
    async_timer_disarm(timer);
    if (at_ns == ASYNC_NEVER)
        return;
    timer->loop = loop;
    timer->at_ns = at_ns;
    timer->sequence = loop->timer_sequence++;
    loop->timers = meld(loop->timers, timer);
}

void async_timer_disarm(struct async_timer *timer)
{
    if (timer->loop == NULL)
        return;
    async_loop_assert_current(timer->loop);
    cut(timer);
}

bool async_timer_is_armed(const struct async_timer *timer)
{
    return timer->loop != NULL;
}

int64_t async_loop_next_timer_ns(const struct async_loop *loop)
{
    return loop->timers != NULL ? loop->timers->at_ns : ASYNC_NEVER;
}

bool async_loop_run_one_timer(struct async_loop *loop, uint64_t before_sequence)
{
    struct async_timer *timer = loop->timers;

    if (timer == NULL || timer->at_ns > loop->now_ns || timer->sequence >= before_sequence)
        return false;
    cut(timer);
    timer->run(timer);
    return true;
}

void async_loop_run_timers(struct async_loop *loop)
{
    /* A timer that arms itself for a time already past would keep us here for ever: those armed
     * from now on wait for the next turn. */
    uint64_t armed_so_far = loop->timer_sequence;

    while (!atomic_load_explicit(&loop->stop_asked, memory_order_relaxed) &&
           async_loop_run_one_timer(loop, armed_so_far))
        continue;
}
