/* SPDX-License-Identifier: MIT */
/*
 * world.h - the one loop on which the suite's origin and its clients live.
 *
 * One thread: a case is straight code that turns the loop until what it waits for is there, so what
 * it reads between two turns does not change under it.
 */
#ifndef COLLAPSING_WORLD_H
#define COLLAPSING_WORLD_H

#include <stdint.h>

struct world {
    int epoll_fd;
};

/* A descriptor of the loop, inside what it belongs to. on_event may forget its own watch alone. */
struct watch {
    int fd;         /* -1: none */
    uint32_t wants; /* EPOLLIN, EPOLLOUT */
    void (*on_event)(struct watch *watch, uint32_t events);
};

/* world_init - 0, or a negative errno. */
int world_init(struct world *world);
void world_fini(struct world *world);

/* world_watch - begins to watch watch->fd for watch->wants. world_want: from now on for these. */
void world_watch(struct world *world, struct watch *watch);
void world_want(struct world *world, struct watch *watch, uint32_t wants);

/* world_forget - no more events; closes the descriptor. No-op if there is none. */
void world_forget(struct world *world, struct watch *watch);

/* world_turn - waits for events, at most so long, and delivers them. */
void world_turn(struct world *world, int wait_ms);

int64_t world_now_ns(void);

#endif
