/* SPDX-License-Identifier: MIT */
/*
 * origin.h - the origin behind the cache that is measured: it answers every request in one way,
 * after a delay, at a rate, and notes when.
 *
 * It runs on a thread of its own until the program ends. The body's bytes are made from their
 * positions, eight at a time, so that who reads any part of it can tell whether it is the right
 * one.
 */
#ifndef BENCH_CROWD_ORIGIN_H
#define BENCH_CROWD_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

struct origin;

/* What every request is answered with. */
struct origin_script {
    long delay_ms; /* from the request's last byte to the answer's first */
    const char *cache_control;
    size_t body_bytes;
    size_t bytes_per_s; /* 0: as fast as they are taken */
};

/* What happened since the last origin_forget(). Times are monotonic, 0: not yet. */
struct origin_record {
    unsigned requests;
    int64_t first_answer_ns; /* just before the first byte of the first answer was sent */
    int64_t last_byte_ns;    /* just after the last byte of the latest answer was sent */
    int64_t processor_ns;    /* that this program had used at the first answer */
};

/* origin_start - listens on 127.0.0.1:`port`, 0 for any. The script has to outlive it.
 * Thread  the program's first. */
struct origin *origin_start(int port, const struct origin_script *script);

int origin_port(const struct origin *origin);

/* origin_forget, origin_read - between two rounds, and after one.  Thread  any. */
void origin_forget(struct origin *origin);
void origin_read(struct origin *origin, struct origin_record *ret_record);

/* origin_word - the eight bytes of every body at `position`, a multiple of eight. */
uint64_t origin_word(size_t position);

#endif
