/* SPDX-License-Identifier: MIT */
/*
 * output.c - see output.h.
 */
#include "output.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A streamed piece needs its chunk's length and line ends copied. */
#define COPY_ROOM_BYTES 64

static_assert(OUTPUT_ROOM_ENTRIES * 2 < OUTPUT_ENTRIES, "two pieces fit");

void output_init(struct output *output)
{
    output->first = 0;
    output->count = 0;
    output->replies = 0;
    output->unsent_bytes = 0;
    output->copied = 0;
}

static struct output_entry *entry_at(struct output *output, unsigned index)
{
    return &output->entries[(output->first + index) % OUTPUT_ENTRIES];
}

static void add(struct output *output, const char *bytes, size_t length, struct reply_memory memory)
{
    assert(output->count < OUTPUT_ENTRIES);
    *entry_at(output, output->count++) =
        (struct output_entry){.bytes = bytes, .length = length, .memory = memory};
    output->unsent_bytes += length;
}

/* Takes the first entry out. What it refers to is released last, as that is foreign code. */
static void remove_first(struct output *output)
{
    struct reply_memory memory = output->entries[output->first].memory;

    output->first = (output->first + 1) % OUTPUT_ENTRIES;
    output->count--;
    if (memory.release != NULL)
        memory.release(memory.context);
}

void output_drop(struct output *output)
{
    while (output->count > 0)
        remove_first(output);
    output_init(output);
}

bool output_is_empty(const struct output *output)
{
    return output->count == 0;
}

bool output_has_room(const struct output *output)
{
    return output_has_room_beside(output, 0);
}

bool output_has_room_beside(const struct output *output, unsigned entries)
{
    return output->count + entries + OUTPUT_ROOM_ENTRIES <= OUTPUT_ENTRIES &&
           output->unsent_bytes < OUTPUT_UNSENT_BYTES_MAX &&
           output->copied + COPY_ROOM_BYTES <= OUTPUT_COPY_BYTES;
}

int output_copy(struct output *output, const void *bytes, size_t length)
{
    char *to = output->copy + output->copied;

    if (length > OUTPUT_COPY_BYTES - output->copied) {
        char *block = malloc(length);
        if (block == NULL)
            return -ENOMEM;
        memcpy(block, bytes, length);
        add(output, block, length, (struct reply_memory){.release = free, .context = block});
        return 0;
    }
    memcpy(to, bytes, length);
    output->copied += length;
    if (output->count > 0) {
        struct output_entry *last = entry_at(output, output->count - 1);
        if (last->memory.release == NULL && last->bytes + last->length == to) {
            last->length += length;
            output->unsent_bytes += length;
            return 0;
        }
    }
    add(output, to, length, (struct reply_memory){.release = NULL, .context = NULL});
    return 0;
}

void output_refer(struct output *output, const void *bytes, size_t length,
                  struct reply_memory memory)
{
    add(output, bytes, length, memory);
}

size_t output_gather(const struct output *output, size_t bytes_max,
                     struct iovec spans[OUTPUT_ENTRIES])
{
    size_t count = 0;

    for (unsigned i = 0; i < output->count && bytes_max > 0; i++) {
        const struct output_entry *entry = &output->entries[(output->first + i) % OUTPUT_ENTRIES];
        size_t length = entry->length < bytes_max ? entry->length : bytes_max;
        if (length > 0)
            spans[count++] = (struct iovec){.iov_base = (char *)entry->bytes, .iov_len = length};
        bytes_max -= length;
    }
    return count;
}

void output_sent(struct output *output, size_t length)
{
    assert(length <= output->unsent_bytes);
    output->unsent_bytes -= length;
    while (output->count > 0) {
        struct output_entry *entry = &output->entries[output->first];
        if (entry->length > length) {
            entry->bytes += length;
            entry->length -= length;
            return;
        }
        length -= entry->length;
        remove_first(output);
    }
    assert(length == 0);
    output_init(output);
}
