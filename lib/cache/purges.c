/* SPDX-License-Identifier: MIT */
/* purges.c - see purges.h. */
#include "purges.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROOM_MIN 64

static_assert((ROOM_MIN & (ROOM_MIN - 1)) == 0, "places are found by a mask");

void purges_init(struct purges *purges)
{
    *purges = (struct purges){.floor = 0};
    atomic_init(&purges->count, 0);
    pthread_mutex_init(&purges->mutex, NULL);
}

void purges_fini(struct purges *purges)
{
    free(purges->younger.notes);
    free(purges->older.notes);
    pthread_mutex_destroy(&purges->mutex);
}

uint64_t purges_count(const struct purges *purges)
{
    return atomic_load_explicit(&purges->count, memory_order_acquire);
}

static bool is_free(const struct purge_note *note)
{
    return note->last == 0 && note->last_soft == 0;
}

/* The note of the tag, or the free place for it; NULL in a table without room. */
static struct purge_note *find(const struct purge_table *table, uint64_t tag)
{
    size_t place = tag & (table->room - 1);

    if (table->room == 0)
        return NULL;
    while (!is_free(&table->notes[place]) && table->notes[place].tag != tag)
        place = (place + 1) & (table->room - 1);
    return &table->notes[place];
}

/* Room for one more: half of the places stay free. */
static int grow(struct purge_table *table)
{
    struct purge_table larger = *table;

    if ((table->count + 1) * 2 <= table->room)
        return 0;
    larger.room = table->room == 0 ? ROOM_MIN : table->room * 2;
    larger.notes = calloc(larger.room, sizeof(*larger.notes));
    if (larger.notes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < table->room; i++) {
        if (!is_free(&table->notes[i]))
            *find(&larger, table->notes[i].tag) = table->notes[i];
    }
    free(table->notes);
    *table = larger;
    return 0;
}

static void age(struct purges *purges)
{
    if (purges->older.newest > purges->floor)
        purges->floor = purges->older.newest;
    free(purges->older.notes);
    purges->older = purges->younger;
    purges->younger = (struct purge_table){.notes = NULL};
}

void purges_add(struct purges *purges, uint64_t tag, bool is_soft, int64_t now_s)
{
    struct purge_note *note;
    uint64_t number;

    pthread_mutex_lock(&purges->mutex);
    number = atomic_load_explicit(&purges->count, memory_order_relaxed) + 1;
    if (purges->younger.count == PURGES_NOTES_MAX)
        age(purges);
    if (grow(&purges->younger) < 0) {
        purges->floor = number;
    } else {
        note = find(&purges->younger, tag);
        purges->younger.count += is_free(note);
        purges->younger.newest = number;
        note->tag = tag;
        if (is_soft) {
            note->last_soft = number;
            note->soft_s = now_s;
        } else {
            note->last = number;
        }
    }
    atomic_store_explicit(&purges->count, number, memory_order_release);
    pthread_mutex_unlock(&purges->mutex);
}

/* Whether the note, which may be NULL or free, leaves the entry to be used. */
static bool allows(const struct purge_note *note, struct entry *entry)
{
    if (note == NULL)
        return true;
    if (note->last_soft > entry_tags(entry)->purges_before)
        entry_expire(entry, note->soft_s);
    return note->last <= entry_tags(entry)->purges_before;
}

bool purges_allow(struct purges *purges, struct entry *entry)
{
    struct entry_tags *tags = entry_tags(entry);
    bool is_allowed;
    uint64_t number;

    if (atomic_load_explicit(&tags->checked, memory_order_relaxed) == purges_count(purges))
        return true;
    pthread_mutex_lock(&purges->mutex);
    number = atomic_load_explicit(&purges->count, memory_order_relaxed);
    is_allowed = purges->floor <= tags->purges_before;
    for (size_t i = 0; i < tags->count && is_allowed; i++)
        is_allowed = allows(find(&purges->younger, tags->hashes[i]), entry) &&
                     allows(find(&purges->older, tags->hashes[i]), entry);
    pthread_mutex_unlock(&purges->mutex);
    if (is_allowed)
        atomic_store_explicit(&tags->checked, number, memory_order_relaxed);
    return is_allowed;
}
