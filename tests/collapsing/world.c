/* SPDX-License-Identifier: MIT */
/* world.c - see world.h. What the system refuses here (memory, descriptors) ends the program. */
#include "world.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256

int world_init(struct world *world)
{
    world->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return world->epoll_fd < 0 ? -errno : 0;
}

void world_fini(struct world *world)
{
    close(world->epoll_fd);
}

static void control(struct world *world, struct watch *watch, int operation)
{
    struct epoll_event event = {.events = watch->wants, .data.ptr = watch};

    assert(watch->fd >= 0);
    if (epoll_ctl(world->epoll_fd, operation, watch->fd, &event) < 0) {
        fprintf(stderr, "collapsing: epoll: %s\n", strerror(errno));
        exit(2);
    }
}

void world_watch(struct world *world, struct watch *watch)
{
    control(world, watch, EPOLL_CTL_ADD);
}

void world_want(struct world *world, struct watch *watch, uint32_t wants)
{
    if (watch->wants == wants)
        return;
    watch->wants = wants;
    control(world, watch, EPOLL_CTL_MOD);
}

void world_forget(struct world *world, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    control(world, watch, EPOLL_CTL_DEL);
    close(watch->fd);
    watch->fd = -1;
}

void world_turn(struct world *world, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(world->epoll_fd, events, EVENTS_MAX, wait_ms);

    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        watch->on_event(watch, events[i].events);
    }
}

int64_t world_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
