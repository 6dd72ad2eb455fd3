/* SPDX-License-Identifier: MIT */
/*
 * body.c - an append-only chain of chunks with a published length.
 *
 *     body: references, status, length        chunk            chunk
 *     [ first chunk: start 0, bytes.... ] --> [ start, .. ] --> [ start, .. ]
 *                                                                  ^ tail (writer only)
 *
 * The first chunk is part of the body's own allocation. Every chunk is full before the next one
 * gets a byte. `next` and the bytes are ordinary memory: a reader follows or reads them only for
 * positions below the length it has loaded with acquire, and the writer wrote them before the
 * release store that raised the length to there. A reader at the very end of a chunk therefore
 * stays on it until more bytes are published.
 */
#include <cache/body.h>

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCATION_OVERHEAD_BYTES 8 /* what malloc keeps beside a block */

/* Blocks as long as the longest chunk are mapped one by one, in whole pages. */
#define PAGES_BYTES      ((size_t)256 * 1024)
#define MAPPED_BYTES_MIN (128 * 1024) /* what malloc() begins with */

struct body_chunk {
    struct body_chunk *next;
    size_t start; /* position in the body of the first byte */
    size_t room;  /* bytes it can hold */
    char bytes[];
};

struct body {
    atomic_uint references;
    atomic_int status;       /* BODY_OPEN until body_finish() */
    atomic_size_t length;    /* bytes published */
    int64_t expected;        /* announced length or BODY_LENGTH_UNKNOWN */
    struct body_chunk *tail; /* writer only */
};

static_assert(sizeof(struct body_chunk) + BODY_CHUNK_BYTES_MAX +
                      2 * (size_t)ALLOCATION_OVERHEAD_BYTES <=
                  PAGES_BYTES,
              "the longest chunk begins no further page");
static_assert(sizeof(struct body) % alignof(struct body_chunk) == 0,
              "the first chunk follows the body in one block");

static struct body_chunk *first_chunk(const struct body *body)
{
    return (struct body_chunk *)(body + 1);
}

static size_t block_bytes(const void *block)
{
    return malloc_usable_size((void *)block) + ALLOCATION_OVERHEAD_BYTES;
}

/* The block was allocated with room for that. */
static void body_init(struct body *body, int64_t expected_bytes, size_t room)
{
    struct body_chunk *first = first_chunk(body);

    atomic_init(&body->references, 1);
    atomic_init(&body->status, BODY_OPEN);
    atomic_init(&body->length, 0);
    body->expected = expected_bytes;
    *first = (struct body_chunk){.room = room};
    body->tail = first;
}

int body_new(int64_t expected_bytes, struct body **ret_body)
{
    struct body *body;
    size_t room = BODY_CHUNK_BYTES_MIN;

    assert(expected_bytes >= BODY_LENGTH_UNKNOWN);
    if (expected_bytes > (int64_t)BODY_CHUNK_BYTES_MAX)
        room = BODY_CHUNK_BYTES_MAX;
    else if (expected_bytes >= 0)
        room = (size_t)expected_bytes;

    body = malloc(sizeof(*body) + sizeof(struct body_chunk) + room);
    if (body == NULL)
        return -ENOMEM;
    body_init(body, expected_bytes, room);
    *ret_body = body;
    return 0;
}

static void copy_bytes(const struct body *from, char *ret_bytes)
{
    struct body_cursor cursor;
    struct iovec span;

    body_cursor_init(&cursor, from);
    while (body_cursor_spans(&cursor, &span, 1) > 0) {
        ret_bytes = mempcpy(ret_bytes, span.iov_base, span.iov_len);
        body_cursor_advance(&cursor, span.iov_len);
    }
}

int body_copy_beside(const struct body *body, size_t beside_bytes, struct body **ret_body,
                     void **ret_beside)
{
    size_t length = body_length(body);
    size_t room = (length + 7) & ~(size_t)7;
    struct body *copy = malloc(sizeof(*copy) + sizeof(struct body_chunk) + room + beside_bytes);

    assert(body_status(body) == 0);
    if (copy == NULL)
        return -ENOMEM;
    body_init(copy, (int64_t)length, length);
    copy_bytes(body, first_chunk(copy)->bytes);
    atomic_store_explicit(&copy->length, length, memory_order_relaxed);
    atomic_store_explicit(&copy->status, 0, memory_order_relaxed);
    *ret_body = copy;
    *ret_beside = first_chunk(copy)->bytes + room;
    return 0;
}

struct body *body_ref(struct body *body)
{
    unsigned before = atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
    return body;
}

/* Give back the chunks from `chunk` on, none of which any reader has seen or can see any more. */
static void chunks_free(struct body_chunk *chunk)
{
    while (chunk != NULL) {
        struct body_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

void body_unref(struct body *body)
{
    unsigned before;

    if (body == NULL)
        return;
    before = atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    chunks_free(first_chunk(body)->next);
    free(body);
}

bool body_is_shared(const struct body *body)
{
    return atomic_load_explicit(&body->references, memory_order_acquire) > 1;
}

size_t body_trim(struct body *body, size_t wanted_bytes)
{
    struct body_chunk *first = first_chunk(body);
    size_t freed_bytes = 0;

    assert(body_is_finished(body) && !body_is_shared(body));
    while (first->next != NULL && freed_bytes < wanted_bytes) {
        struct body_chunk *chunk = first->next;

        freed_bytes += block_bytes(chunk);
        first->next = chunk->next;
        free(chunk);
    }
    return freed_bytes;
}

void body_return_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES_MIN);
}

/*
 * How much the chunk after a chain of `held` bytes holds: what is still expected, else as much
 * again as there is, so that the number of chunks stays small and at most half of the last is
 * unused.
 */
static size_t next_chunk_room(const struct body *body, size_t held)
{
    size_t room = held;

    if (body->expected >= 0 && (uint64_t)body->expected > held)
        room = (size_t)body->expected - held;
    else if (room < BODY_CHUNK_BYTES_MIN)
        room = BODY_CHUNK_BYTES_MIN;
    return room < BODY_CHUNK_BYTES_MAX ? room : BODY_CHUNK_BYTES_MAX;
}

/* Put a chunk behind `last`, the end of the chain; readers come to it only once it has bytes. */
static int chunk_add(struct body *body, struct body_chunk *last)
{
    size_t start = last->start + last->room;
    size_t room = next_chunk_room(body, start);
    struct body_chunk *chunk = malloc(sizeof(*chunk) + room);

    if (chunk == NULL)
        return -ENOMEM;
    chunk->next = NULL;
    chunk->start = start;
    chunk->room = room;
    last->next = chunk;
    return 0;
}

int body_reserve(struct body *body, char **ret_room, size_t *ret_room_bytes)
{
    size_t length = atomic_load_explicit(&body->length, memory_order_relaxed);
    struct body_chunk *tail = body->tail;

    assert(!body_is_finished(body));
    if (length == tail->start + tail->room) {
        int err = tail->next == NULL ? chunk_add(body, tail) : 0;

        if (err < 0)
            return err;
        tail = body->tail = tail->next;
    }
    *ret_room = tail->bytes + (length - tail->start);
    *ret_room_bytes = tail->start + tail->room - length;
    return 0;
}

void body_commit(struct body *body, size_t count)
{
    size_t length = atomic_load_explicit(&body->length, memory_order_relaxed);

    assert(!body_is_finished(body));
    assert(count <= body->tail->start + body->tail->room - length);
    atomic_store_explicit(&body->length, length + count, memory_order_release);
}

int body_append(struct body *body, const void *bytes, size_t count)
{
    size_t length = atomic_load_explicit(&body->length, memory_order_relaxed);
    struct body_chunk *chunk = body->tail;
    const char *from = bytes;
    size_t left = count;

    assert(!body_is_finished(body));
    while (left > 0) {
        size_t at = length + (count - left) - chunk->start;
        size_t part = chunk->room - at < left ? chunk->room - at : left;

        memcpy(chunk->bytes + at, from, part);
        from += part;
        left -= part;
        if (left == 0)
            break;
        if (chunk->next == NULL && chunk_add(body, chunk) < 0)
            return -ENOMEM; /* chunks already added stay for the next try */
        chunk = chunk->next;
    }
    body->tail = chunk;
    atomic_store_explicit(&body->length, length + count, memory_order_release);
    return 0;
}

void body_finish(struct body *body, int status)
{
    assert(status <= 0);
    assert(!body_is_finished(body));
    atomic_store_explicit(&body->status, status, memory_order_release);
}

int body_status(const struct body *body)
{
    return atomic_load_explicit(&body->status, memory_order_acquire);
}

bool body_is_finished(const struct body *body)
{
    return body_status(body) != BODY_OPEN;
}

size_t body_length(const struct body *body)
{
    return atomic_load_explicit(&body->length, memory_order_acquire);
}

size_t body_memory_bytes(const struct body *body)
{
    size_t bytes = block_bytes(body);

    for (const struct body_chunk *chunk = first_chunk(body)->next; chunk != NULL;
         chunk = chunk->next)
        bytes += block_bytes(chunk);
    return bytes;
}

void body_cursor_init(struct body_cursor *cursor, const struct body *body)
{
    cursor->body = body;
    cursor->chunk = first_chunk(body);
    cursor->position = 0;
}

size_t body_cursor_available(const struct body_cursor *cursor)
{
    return body_length(cursor->body) - cursor->position;
}

int body_cursor_spans(const struct body_cursor *cursor, struct iovec *spans, int spans_max)
{
    size_t length = body_length(cursor->body);
    const struct body_chunk *chunk = cursor->chunk;
    size_t position = cursor->position;
    int count = 0;

    while (position < length && count < spans_max) {
        size_t end;

        if (position == chunk->start + chunk->room) {
            chunk = chunk->next;
            assert(chunk->start == position);
        }
        end = chunk->start + chunk->room;
        if (end > length)
            end = length;
        spans[count].iov_base = (char *)chunk->bytes + (position - chunk->start);
        spans[count].iov_len = end - position;
        position = end;
        count++;
    }
    return count;
}

void body_cursor_advance(struct body_cursor *cursor, size_t count)
{
    assert(count <= body_cursor_available(cursor));
    cursor->position += count;
    /* Only to a chunk that holds a byte before `position`: its predecessor's `next` is published.
     */
    while (cursor->position > cursor->chunk->start + cursor->chunk->room)
        cursor->chunk = cursor->chunk->next;
}

bool body_cursor_is_done(const struct body_cursor *cursor)
{
    /* The status first: once it is seen as finished, the length read after it is the last one. */
    return body_is_finished(cursor->body) && cursor->position == body_length(cursor->body);
}
