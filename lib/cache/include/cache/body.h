/* SPDX-License-Identifier: MIT */
/*
 * body.h - the bytes of one response: written once, read by many while they arrive.
 *
 * One copy of the bytes lies in a chain of chunks that never move. The single writer fills memory
 * beyond the published length and then raises the length with a release store; a reader loads the
 * length with acquire and may read every byte below it. So readers on any thread need no mutex, and
 * never see a byte that is not there yet. Waking readers up is not done here: see the flight.
 *
 * Writer: any thread, but one at a time, with the usual ordering between two of them.
 */
#ifndef CACHE_BODY_H
#define CACHE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BODY_CHUNK_BYTES_MIN ((size_t)4 * 1024)
#define BODY_CHUNK_BYTES_MAX ((size_t)256 * 1024 - 64) /* whole pages with what is beside it */
#define BODY_LENGTH_UNKNOWN  (-1)
#define BODY_OPEN            1 /* the status of a body that is still being written */

struct body;
struct body_chunk;

/*
 * body_new - an empty body with one reference. `expected_bytes` is the length that was announced,
 * or BODY_LENGTH_UNKNOWN. Up to BODY_CHUNK_BYTES_MAX an announced length makes one exact
 * allocation; a larger one is believed chunk by chunk as the bytes come. It is a hint: the body may
 * grow past it.
 * Errors    -ENOMEM
 * Owns      the caller's reference ends with body_unref().
 * Thread    any.        Source  docs/internals/body.md
 */
int body_new(int64_t expected_bytes, struct body **ret_body);

/* body_ref - one more reference; returns `body`.  Thread  any that has a reference already. */
struct body *body_ref(struct body *body);

/* body_unref - give one back; the last one frees the bytes. NULL is a no-op.  Thread  any. */
void body_unref(struct body *body);

/*
 * body_reserve - room to write into directly, at least one byte. Nothing is published. A second
 * call without a commit between gives the same room.
 * Errors    -ENOMEM; what is there stays readable.
 * Thread    writer.
 */
int body_reserve(struct body *body, char **ret_room, size_t *ret_room_bytes);

/* body_commit - publish the first `count` bytes of the reserved room.  Thread  writer. */
void body_commit(struct body *body, size_t count);

/*
 * body_append - copy and publish. All or nothing: on failure none of the bytes is published.
 * Errors    -ENOMEM
 * Thread    writer.
 */
int body_append(struct body *body, const void *bytes, size_t count);

/*
 * body_finish - nothing more will come: 0 for a complete body, a negative errno for a broken one.
 * Once only, after the last commit.
 * Thread    writer.
 */
void body_finish(struct body *body, int status);

/*
 * body_status - BODY_OPEN, 0 or the negative errno. To learn both, ask for the status first and the
 * length second: the length seen after the end was seen is final.
 * Thread    any.
 */
int body_status(const struct body *body);

bool body_is_finished(const struct body *body);

/* body_length - bytes published so far.  Thread  any. */
size_t body_length(const struct body *body);

/* body_memory_bytes - heap taken, room not yet written included, and what malloc keeps beside it.
 * Thread    the writer; any once the body is finished. */
size_t body_memory_bytes(const struct body *body);

/*
 * body_copy_beside - a finished copy of a complete body, in one block with `beside_bytes` of memory
 * for the caller, aligned to 8, which lives as long as the copy does.
 * Errors    -ENOMEM
 * Owns      the caller's reference ends with body_unref().
 */
int body_copy_beside(const struct body *body, size_t beside_bytes, struct body **ret_body,
                     void **ret_beside);

/*
 * body_trim - free some of a body that nobody will read any more: chunks of `wanted_bytes` in all,
 * or a little more, as long as there are any besides the first. Returns how many bytes of heap that
 * were; 0: the rest is for body_unref(). So a long body can be freed in short steps.
 * Thread    any, the only one that has a reference.
 */
size_t body_trim(struct body *body, size_t wanted_bytes);

/* body_is_shared - whether there is a reference besides the caller's.  Thread  any with one. */
bool body_is_shared(const struct body *body);

/*
 * body_return_memory - have long chunks given back to the system one by one when they are freed.
 * By itself malloc() learns, from the first that is freed, to keep them in the heap, and gives many
 * back in one go: milliseconds, in some call or other. It is a setting of the whole process.
 * Thread    once, in the program's main().
 */
void body_return_memory(void);

/*
 * A place in a body. It belongs to one reader and holds no reference: the reader keeps one.
 * It may be copied.
 */
struct body_cursor {
    const struct body *body;
    const struct body_chunk *chunk; /* the chunk that holds `position`, or ends there */
    size_t position;                /* bytes before this place */
};

/* body_cursor_init - at the first byte. */
void body_cursor_init(struct body_cursor *cursor, const struct body *body);

/* body_cursor_available - published bytes from here on. */
size_t body_cursor_available(const struct body_cursor *cursor);

/*
 * body_cursor_spans - where the published bytes from here on lie; returns how many of `spans` were
 * filled, at most `spans_max`. The cursor does not move. The spans are valid while the body lives.
 */
int body_cursor_spans(const struct body_cursor *cursor, struct iovec *spans, int spans_max);

/* body_cursor_advance - move by `count` bytes, at most what is available (asserted). */
void body_cursor_advance(struct body_cursor *cursor, size_t count);

/* body_cursor_is_done - the body is finished (well or badly) and every byte is behind the cursor.
 */
bool body_cursor_is_done(const struct body_cursor *cursor);

#endif
