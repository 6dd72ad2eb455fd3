/* SPDX-License-Identifier: MIT */
/*
 * table.c - shards of two small hash tables: flights, and marks.
 *
 * Marks are bounded: each shard has its part of the limit, and a new mark pushes the oldest out.
 * Losing one costs a fetch, nothing else. Marks that are past are dropped when they are met.
 */
#include "table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <async/list.h>

#include "flight.h"

#define SHARDS  TABLE_SHARDS
#define BUCKETS 64u

struct async_capability flight_table_class;

struct mark_node {
    struct async_list age; /* in the shard's list, oldest first */
    struct mark_node *next;
    struct table_mark mark;
    struct key key;
    char key_bytes[];
};

struct table_shard {
    pthread_mutex_t mutex;
    struct flight *flights[BUCKETS];
    struct mark_node *marks[BUCKETS];
    struct async_list marks_by_age;
    uint64_t purges;
    uint32_t mark_count;
    uint32_t mark_count_max;
};

struct flight_table {
    struct table_shard shards[SHARDS];
};

static unsigned bucket_of(const struct key *key)
{
    return (unsigned)(key->hash >> 32) % BUCKETS;
}

int flight_table_new(uint32_t marks_max, struct flight_table **ret_table)
{
    struct flight_table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&table->shards[i].mutex, NULL);
        async_list_init(&table->shards[i].marks_by_age);
        table->shards[i].mark_count_max = marks_max / SHARDS + 1;
    }
    *ret_table = table;
    return 0;
}

ASYNC_UNCHECKED_LOCKING struct table_shard *table_lock(struct flight_table *table,
                                                       const struct key *own)
{
    struct table_shard *shard = &table->shards[own->hash % SHARDS];

    pthread_mutex_lock(&shard->mutex);
    return shard;
}

ASYNC_UNCHECKED_LOCKING struct table_shard *table_lock_next(struct flight_table *table,
                                                            unsigned index)
{
    assert(index < SHARDS);
    pthread_mutex_lock(&table->shards[index].mutex);
    return &table->shards[index];
}

ASYNC_UNCHECKED_LOCKING void table_unlock(struct table_shard *shard)
{
    pthread_mutex_unlock(&shard->mutex);
}

struct flight *table_find_locked(struct table_shard *shard, const struct key *key)
{
    struct flight *found = NULL;

    for (struct flight *flight = shard->flights[bucket_of(key)]; flight != NULL;
         flight = flight->next_in_bucket) {
        if (key_equals(&flight->key.key, key) && (found == NULL || flight->has_begun))
            found = flight;
    }
    return found;
}

struct flight *table_find_queued_locked(struct table_shard *shard, const struct key *key)
{
    struct flight *flight = shard->flights[bucket_of(key)];

    while (flight != NULL && (flight->has_begun || !key_equals(&flight->key.key, key)))
        flight = flight->next_in_bucket;
    return flight;
}

struct flight *table_find_variant_locked(struct table_shard *shard, const struct key *own)
{
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        struct flight *flight = shard->flights[bucket];
        while (flight != NULL && !key_equals(&flight->request->key, own))
            flight = flight->next_in_bucket;
        if (flight != NULL)
            return flight;
    }
    return NULL;
}

struct flight *table_find_match_locked(struct table_shard *shard, table_match_fn *matches,
                                       const void *context)
{
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        struct flight *flight = shard->flights[bucket];
        while (flight != NULL && !matches(context, &flight->request->key))
            flight = flight->next_in_bucket;
        if (flight != NULL)
            return flight;
    }
    return NULL;
}

void table_insert_locked(struct table_shard *shard, struct flight *flight)
{
    struct flight **bucket = &shard->flights[bucket_of(&flight->key.key)];

    assert(!flight->is_in_table);
    assert(flight->has_begun || table_find_queued_locked(shard, &flight->key.key) == NULL);
    flight->next_in_bucket = *bucket;
    flight->is_in_table = true;
    *bucket = flight;
}

bool table_remove_locked(struct table_shard *shard, struct flight *flight)
{
    struct flight **link = &shard->flights[bucket_of(&flight->key.key)];

    if (!flight->is_in_table)
        return false;
    while (*link != flight) {
        assert(*link != NULL);
        link = &(*link)->next_in_bucket;
    }
    *link = flight->next_in_bucket;
    flight->is_in_table = false;
    return true;
}

static struct mark_node **mark_link(struct table_shard *shard, const struct key *key)
{
    struct mark_node **link = &shard->marks[bucket_of(key)];

    while (*link != NULL && !key_equals(&(*link)->key, key))
        link = &(*link)->next;
    return link;
}

static void mark_drop(struct table_shard *shard, struct mark_node **link)
{
    struct mark_node *node = *link;

    assert(node != NULL);
    *link = node->next;
    async_list_remove(&node->age);
    shard->mark_count--;
    free(node);
}

void table_mark_find_locked(struct table_shard *shard, const struct key *key, int64_t now_ns,
                            struct table_mark *ret_mark)
{
    struct mark_node **link = mark_link(shard, key);

    *ret_mark = (struct table_mark){.kind = MARK_NONE};
    if (*link == NULL)
        return;
    if ((*link)->mark.until_ns <= now_ns)
        mark_drop(shard, link);
    else
        *ret_mark = (*link)->mark;
    if (ret_mark->kind == MARK_LEFT_ALONE)
        ret_mark->failure.retry_after_s =
            (uint32_t)((ret_mark->until_ns - now_ns + ASYNC_S - 1) / ASYNC_S);
}

void table_mark_set_locked(struct table_shard *shard, const struct key *key,
                           const struct table_mark *mark)
{
    struct mark_node **link = mark_link(shard, key);
    struct mark_node *node;

    if (*link != NULL)
        mark_drop(shard, link);
    if (shard->mark_count >= shard->mark_count_max) {
        struct async_list *oldest = async_list_first(&shard->marks_by_age);
        mark_drop(shard, mark_link(shard, &async_container_of(oldest, struct mark_node, age)->key));
    }
    node = malloc(sizeof *node + key->length);
    if (node == NULL)
        return;
    memcpy(node->key_bytes, key->bytes, key->length);
    node->key = (struct key){.hash = key->hash, .bytes = node->key_bytes, .length = key->length};
    node->mark = *mark;
    async_list_append(&shard->marks_by_age, &node->age);
    link = &shard->marks[bucket_of(key)];
    node->next = *link;
    *link = node;
    shard->mark_count++;
}

void table_mark_clear_locked(struct table_shard *shard, const struct key *key)
{
    struct mark_node **link = mark_link(shard, key);

    if (*link != NULL)
        mark_drop(shard, link);
}

/* Keys of variants begin with the own one and a NUL, which is in none of the others. */
static bool is_variant_of(const struct key *key, const struct key *own)
{
    return key->length >= own->length && memcmp(key->bytes, own->bytes, own->length) == 0 &&
           (key->length == own->length || key->bytes[own->length] == '\0');
}

void table_count_purge_locked(struct table_shard *shard)
{
    shard->purges++;
}

uint64_t table_purges_locked(const struct table_shard *shard)
{
    return shard->purges;
}

void table_marks_clear_locked(struct table_shard *shard, const struct key *own)
{
    struct async_list *node = shard->marks_by_age.next;

    while (node != &shard->marks_by_age) {
        struct mark_node *mark = async_container_of(node, struct mark_node, age);
        node = node->next;
        if (is_variant_of(&mark->key, own))
            mark_drop(shard, mark_link(shard, &mark->key));
    }
}

void table_marks_clear_matching_locked(struct table_shard *shard, table_match_fn *matches,
                                       const void *context)
{
    struct async_list *node = shard->marks_by_age.next;

    while (node != &shard->marks_by_age) {
        struct mark_node *mark = async_container_of(node, struct mark_node, age);
        struct key own = mark->key;

        own.length = strnlen(own.bytes, own.length);
        node = node->next;
        if (matches(context, &own))
            mark_drop(shard, mark_link(shard, &mark->key));
    }
}

void flight_table_free(struct flight_table *table)
{
    if (table == NULL)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct table_shard *shard = &table->shards[i];
        for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
            assert(shard->flights[bucket] == NULL);
            while (shard->marks[bucket] != NULL)
                mark_drop(shard, &shard->marks[bucket]);
        }
        pthread_mutex_destroy(&shard->mutex);
    }
    free(table);
}
