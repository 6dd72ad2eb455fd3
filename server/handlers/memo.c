/* SPDX-License-Identifier: MIT */
/* memo.c - see memo.h. */
#include "memo.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MEMO_SLOTS 1024u /* a power of two */

struct memo_slot {
    void *value; /* NULL: free */
    char *bytes; /* of all parts */
    size_t lengths[MEMO_PARTS];
};

struct memo {
    void (*release)(void *value);
    struct memo_slot slots[MEMO_SLOTS];
};

int memo_new(void (*release)(void *value), struct memo **ret_memo)
{
    struct memo *memo = calloc(1, sizeof *memo);

    if (memo == NULL)
        return -ENOMEM;
    memo->release = release;
    *ret_memo = memo;
    return 0;
}

static void slot_clear(const struct memo *memo, struct memo_slot *slot)
{
    if (slot->value != NULL)
        memo->release(slot->value);
    free(slot->bytes);
    memset(slot, 0, sizeof *slot);
}

void memo_clear(struct memo *memo)
{
    for (unsigned i = 0; i < MEMO_SLOTS; i++)
        slot_clear(memo, &memo->slots[i]);
}

void memo_free(struct memo *memo)
{
    if (memo == NULL)
        return;
    memo_clear(memo);
    free(memo);
}

/* Eight bytes at a time, multiplied and folded: only its speed and spread matter here. */
static uint64_t hash_part(uint64_t hash, struct span part)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t word;
    size_t at = 0;

    hash ^= part.length;
    for (; at + sizeof word <= part.length; at += sizeof word) {
        memcpy(&word, part.bytes + at, sizeof word);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    word = 0;
    if (at < part.length)
        memcpy(&word, part.bytes + at, part.length - at);
    return (hash ^ word) * factor;
}

static unsigned slot_index(const struct memo_key *key)
{
    uint64_t hash = 0;

    for (unsigned i = 0; i < MEMO_PARTS; i++)
        hash = hash_part(hash, key->parts[i]);
    return (unsigned)(hash >> 40) % MEMO_SLOTS;
}

void *memo_find(const struct memo *memo, const struct memo_key *key)
{
    const struct memo_slot *slot = &memo->slots[slot_index(key)];
    const char *bytes = slot->bytes;

    for (unsigned i = 0; slot->value != NULL && i < MEMO_PARTS; i++) {
        size_t length = key->parts[i].length;
        if (slot->lengths[i] != length ||
            (length > 0 && memcmp(bytes, key->parts[i].bytes, length) != 0))
            return NULL;
        bytes += length;
    }
    return slot->value;
}

int memo_put(struct memo *memo, const struct memo_key *key, void *value)
{
    struct memo_slot *slot = &memo->slots[slot_index(key)];
    size_t room = 1;
    char *at;

    slot_clear(memo, slot);
    for (unsigned i = 0; i < MEMO_PARTS; i++)
        room += key->parts[i].length;
    slot->bytes = malloc(room);
    if (slot->bytes == NULL) {
        memo->release(value);
        return -ENOMEM;
    }
    at = slot->bytes;
    for (unsigned i = 0; i < MEMO_PARTS; i++) {
        slot->lengths[i] = key->parts[i].length;
        if (key->parts[i].length > 0)
            at = mempcpy(at, key->parts[i].bytes, key->parts[i].length);
    }
    slot->value = value;
    return 0;
}
