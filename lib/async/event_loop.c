/* SPDX-License-Identifier: MIT */
/*
 * event_loop.c - the loop on libevent: one base, one eventfd for the mailbox, one timer event.
 *
 * libevent is asked for one round of descriptors at a time; tasks and timers run between rounds.
 * When work is ready the round does not sleep. The single libevent timer stands for the earliest
 * of our own, which cost less to arm and disarm than libevent's heap of allocated slots.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <async/event_loop.h>
#include <async/loop_backend.h>

enum { TASK_ROUNDS = 8 };

struct event_loop {
    struct async_loop loop; /* first, so that a pointer to it is a pointer to this */
    struct event_base *base;
    struct event *wake_event;
    struct event *timer_event;
    int64_t timer_set_ns; /* what timer_event stands for; ASYNC_NEVER while it is not pending */
    bool is_clock_old;    /* read before the present round, which may have slept since */
    int wake_fd;
};

/* The two libevent events of a watch: descriptors that never block never need the second. */
struct watch_events {
    struct event *read;
    struct event *write;
};

static struct event_loop *event_loop_from(struct async_loop *loop)
{
    return (struct event_loop *)loop;
}

static void on_wake_fd(evutil_socket_t fd, short what, void *context)
{
    struct async_loop *loop = context;
    uint64_t count;

    (void)what;
    /* The counter may have been read before; the wake-up has been heard all the same. */
    if (read(fd, &count, sizeof(count)) == sizeof(count))
        async_loop_end_sleep(loop);
}

static void on_timer_event(evutil_socket_t fd, short what, void *context)
{
    struct event_loop *self = context;

    (void)fd;
    (void)what;
    self->timer_set_ns = ASYNC_NEVER; /* its only use was to end the sleep */
}

static void wake(struct async_loop *loop)
{
    uint64_t one = 1;
    ssize_t written;

    /* Cannot fail: the counter is far from its limit, as one wake-up serves all posts. */
    do {
        written = write(event_loop_from(loop)->wake_fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

static int64_t read_clock(struct async_loop *loop)
{
    struct timespec now;

    (void)loop;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ASYNC_S + now.tv_nsec;
}

/*
 * Makes the sleep end in time for the earliest timer. One that was set for an earlier time is left
 * alone: ending a sleep too early is cheaper than moving libevent's timer with every request.
 */
static int set_timer_event(struct event_loop *self)
{
    int64_t next_ns = async_loop_next_timer_ns(&self->loop);
    int64_t delay_us;
    struct timeval delay;

    if (next_ns >= self->timer_set_ns)
        return 0;
    delay_us = (next_ns - read_clock(&self->loop) + 999) / 1000;
    if (delay_us < 0)
        delay_us = 0;
    delay.tv_sec = delay_us / 1000000;
    delay.tv_usec = delay_us % 1000000;
    if (evtimer_add(self->timer_event, &delay) != 0)
        return -ENOMEM;
    self->timer_set_ns = next_ns;
    return 0;
}

static int run(struct async_loop *loop)
{
    struct event_loop *self = event_loop_from(loop);

    async_loop_begin_turn(loop);
    while (!async_loop_take_stop(loop)) {
        int flags = EVLOOP_ONCE;

        if (async_loop_has_work(loop) || async_loop_next_timer_ns(loop) <= loop->now_ns) {
            flags |= EVLOOP_NONBLOCK; /* alone it would go on while a descriptor stays ready */
        } else {
            int err = set_timer_event(self);
            if (err < 0)
                return err;
        }
        self->is_clock_old = true;
        if (event_base_loop(self->base, flags) < 0)
            return -EIO;
        async_loop_begin_turn(loop);
        async_loop_run_timers(loop);
        /* Tasks that post tasks, such as a lock going from hand to hand, get a few rounds before
         * the descriptors are looked at again: that costs a system call each time. */
        for (int round = 0; round < TASK_ROUNDS && async_loop_has_work(loop); round++) {
            async_loop_run_tasks(loop);
            async_loop_begin_turn(loop);
        }
    }
    return 0;
}

static void free_loop(struct async_loop *loop)
{
    struct event_loop *self = event_loop_from(loop);

    event_free(self->timer_event);
    event_free(self->wake_event);
    close(self->wake_fd);
    event_base_free(self->base);
    async_loop_fini(loop);
    free(self);
}

/* The first descriptor of a round sees the time after the sleep: a deadline that is reckoned from
 * the time before would be too early by as long as the loop slept. */
static void tell_ready(struct async_watch *watch, unsigned what)
{
    struct event_loop *self = event_loop_from(watch->loop);

    if (self->is_clock_old) {
        self->is_clock_old = false;
        async_loop_update_now(watch->loop);
    }
    watch->on_ready(watch, what);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    tell_ready(context, ASYNC_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    tell_ready(context, ASYNC_WRITE);
}

static void watch_fini(struct async_watch *watch)
{
    struct watch_events *events = watch->backend;

    if (events->read != NULL)
        event_free(events->read);
    if (events->write != NULL)
        event_free(events->write);
    free(events);
}

static int watch_init(struct async_watch *watch)
{
    struct event_base *base = event_loop_from(watch->loop)->base;
    struct watch_events *events = calloc(1, sizeof(*events));

    if (events == NULL)
        return -ENOMEM;
    events->read = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
    if (events->read == NULL) {
        free(events);
        return -ENOMEM;
    }
    watch->backend = events;
    return 0;
}

static int set_event(struct event *event, bool wanted)
{
    int result = wanted ? event_add(event, NULL) : event_del(event);
    if (result == 0)
        return 0;
    return errno != 0 ? -errno : -EIO;
}

static int watch_set(struct async_watch *watch, unsigned wanted)
{
    struct watch_events *events = watch->backend;
    unsigned changed = wanted ^ watch->events;
    int err = 0;

    if ((changed & ASYNC_WRITE) != 0 && events->write == NULL) {
        events->write = event_new(event_loop_from(watch->loop)->base, watch->fd,
                                  EV_WRITE | EV_PERSIST, on_writable, watch);
        if (events->write == NULL)
            return -ENOMEM;
    }
    if ((changed & ASYNC_READ) != 0)
        err = set_event(events->read, (wanted & ASYNC_READ) != 0);
    if (err < 0)
        return err;
    if ((changed & ASYNC_WRITE) != 0)
        err = set_event(events->write, (wanted & ASYNC_WRITE) != 0);
    if (err < 0 && (changed & ASYNC_READ) != 0)
        set_event(events->read, (watch->events & ASYNC_READ) != 0);
    return err;
}

static const struct async_loop_ops event_ops = {
    .run = run,
    .free = free_loop,
    .wake = wake,
    .clock_ns = read_clock,
    .watch_init = watch_init,
    .watch_set = watch_set,
    .watch_fini = watch_fini,
};

/* The base of one thread: no locks inside libevent, and no watching of signals. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int async_loop_new(struct async_loop **ret_loop)
{
    struct event_loop *self = calloc(1, sizeof(*self));
    int err = -ENOMEM;

    if (self == NULL)
        return -ENOMEM;
    self->timer_set_ns = ASYNC_NEVER;
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->wake_fd < 0) {
        err = -errno;
        goto free_self;
    }
    self->base = new_base();
    if (self->base == NULL)
        goto close_wake_fd;
    self->wake_event = event_new(self->base, self->wake_fd, EV_READ | EV_PERSIST, on_wake_fd, self);
    if (self->wake_event == NULL || event_add(self->wake_event, NULL) != 0)
        goto free_wake_event;
    self->timer_event = evtimer_new(self->base, on_timer_event, self);
    if (self->timer_event == NULL)
        goto free_wake_event;
    err = async_loop_init(&self->loop, &event_ops);
    if (err < 0)
        goto free_timer_event;
    *ret_loop = &self->loop;
    return 0;

free_timer_event:
    event_free(self->timer_event);
free_wake_event:
    if (self->wake_event != NULL)
        event_free(self->wake_event);
    event_base_free(self->base);
close_wake_fd:
    close(self->wake_fd);
free_self:
    free(self);
    return err;
}

struct event_base *async_loop_event_base(struct async_loop *loop)
{
    return loop->ops == &event_ops ? event_loop_from(loop)->base : NULL;
}
