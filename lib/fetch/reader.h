/* SPDX-License-Identifier: MIT */
/*
 * reader.h - the parts of a reader, for the files of this folder: how it begins (reader_begin.c),
 * what it takes when there is no fresh answer (reader_stale.c), and its life (reader.c).
 *
 * All on the reader's loop. After any of these its state may be FETCH_ANSWERED or FETCH_FAILED.
 */
#ifndef FETCH_READER_H
#define FETCH_READER_H

#include <fetch/fetcher.h>

#include "flight.h"

/* reader_wants_younger - whether what is stored may have been too old for it, although fresh. */
static inline bool reader_wants_younger(const struct fetch_reader *reader)
{
    return reader->wishes.no_cache || reader->wishes.max_age_s >= 0 ||
           reader->wishes.min_fresh_s >= 0;
}

/* reader_begin - joins a flight, or leads one, or is told what is known of the key already. */
void reader_begin(struct fetch_reader *reader);

/* reader_begin_alone - what was asked for belongs to another reader (case 13): asks for itself. */
void reader_begin_alone(struct fetch_reader *reader);

/* reader_answer - takes over the references to entry and segment that the caller has got; segment
 * NULL: the whole body is in the entry. */
void reader_answer(struct fetch_reader *reader, struct entry *entry, struct fetch_segment *segment,
                   int64_t length_bytes, enum fetch_source source);

/* reader_fail - with the failure, or a stale answer that may take its place. */
void reader_fail(struct fetch_reader *reader, struct fetch_failure failure);

/* reader_stop_counting - it waits for a head no more; no-op if it did not. */
void reader_stop_counting(struct fetch_reader *reader);

/* reader_has_stale - whether the store has what may be used in this trouble. */
bool reader_has_stale(const struct fetch_reader *reader, enum fetch_trouble trouble);

/* reader_must_ask - whether what the store has may not be used without its origin's word. */
bool reader_must_ask(const struct fetch_reader *reader);

/* reader_take_stale - is answered with that, and leaves its flight; false: there is none. */
bool reader_take_stale(struct fetch_reader *reader, enum fetch_trouble trouble)
    ASYNC_EXCLUDES(flight_class);

/* reader_avoid_error - the same, if this status of the origin's is an error (case 5). */
bool reader_avoid_error(struct fetch_reader *reader, int status) ASYNC_EXCLUDES(flight_class);

#endif
