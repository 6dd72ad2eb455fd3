/* SPDX-License-Identifier: MIT */
/*
 * listener.h - one listening socket of one loop: accepts in batches, and pauses when it cannot.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <async/loop.h>

struct worker;

struct listener {
    struct worker *worker;
    int fd;                 /* owned */
    unsigned address_index; /* of the server's addresses */
    struct async_watch watch;
    struct async_timer resume; /* armed while accepting pauses */
    int64_t quiet_until_ns;    /* no further line in the log before */
};

/* listener_init - takes a bound socket of one of the server's addresses over. Thread: any, before
 * the loop runs. */
void listener_init(struct listener *listener, struct worker *worker, int fd,
                   unsigned address_index);

/* listener_begin - listens and accepts. Errors: those of listen(2), -ENOMEM. */
int listener_begin(struct listener *listener, int backlog);

/* listener_end - accepts what is connected already, and closes. */
void listener_end(struct listener *listener);

/* listener_fini - closes if nothing else did. */
void listener_fini(struct listener *listener);

/* listener_resume - accepts again if it paused: a connection has closed. */
void listener_resume(struct listener *listener);

#endif
