/* SPDX-License-Identifier: MIT */
/*
 * entry.c - one shared response: made once, then only counted.
 *
 * The entry and its key are one allocation; the fields are a compact copy without what was meant
 * for one connection only; the body is shared with whoever writes it.
 */
#include <cache/entry.h>
#include <http/conditions.h>
#include <http/date.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCATION_OVERHEAD_BYTES 16 /* what malloc keeps beside a block */

static void read_validators(struct entry *entry)
{
    struct span value;

    entry->etag = span_of(NULL, 0);
    entry->last_modified = span_of(NULL, 0);
    if (fields_find(&entry->fields, "etag", &value) && conditions_etag_is_valid(value))
        entry->etag = value;
    if (fields_find(&entry->fields, "last-modified", &value))
        entry->last_modified = value;
}

/* RFC 9110 section 6.6.1: a response without a Date gets that of its arrival, once for all. */
static int add_date(struct fields *fields, int64_t response_s)
{
    char date[DATE_LENGTH + 1];
    int err;

    if (fields_has(fields, "Date"))
        return 0;
    date_format(response_s, date);
    err = fields_append(fields, span_of_string("Date"), span_of(date, DATE_LENGTH));
    return err == -E2BIG ? 0 : err; /* full: then each answer gets one of its own */
}

static int copy_tags(const struct entry_draft *draft, struct entry_tags **ret_tags)
{
    struct entry_tags *tags;

    if (draft->tag_count == 0)
        return 0;
    tags = malloc(sizeof(*tags) + draft->tag_count * sizeof(*draft->tags));
    if (tags == NULL)
        return -ENOMEM;
    tags->purges_before = 0;
    atomic_init(&tags->checked, 0);
    tags->count = draft->tag_count;
    memcpy(tags->hashes, draft->tags, draft->tag_count * sizeof(*draft->tags));
    *ret_tags = tags;
    return 0;
}

int entry_new(const struct entry_draft *draft, struct entry **ret_entry)
{
    const struct freshness *freshness = draft->freshness;
    struct entry *entry;
    int err;

    assert(draft->key->length > 0);
    assert(draft->body != NULL);
    entry = calloc(1, sizeof(*entry) + draft->key->length);
    if (entry == NULL)
        return -ENOMEM;
    err = fields_copy_end_to_end(draft->fields, draft->is_unwanted, &entry->fields);
    if (err == 0)
        err = add_date(&entry->fields, draft->response_s);
    if (err == 0)
        err = copy_tags(draft, &entry->tags);
    if (err < 0) {
        fields_fini(&entry->fields);
        free(entry);
        return err;
    }
    atomic_init(&entry->references, 1);
    atomic_init(&entry->is_current, false);
    atomic_init(&entry->is_visited, false);
    atomic_init(&entry->head, NULL);
    atomic_init(&entry->expired_s, INT64_MAX);
    memcpy(entry->key_bytes, draft->key->bytes, draft->key->length);
    entry->key = *draft->key;
    entry->key.bytes = entry->key_bytes;
    entry->status = freshness->status;
    entry->body = body_ref(draft->body);
    entry->control = freshness->control;
    entry->request_s = draft->request_s;
    entry->response_s = draft->response_s;
    entry->initial_age_s = freshness_initial_age_s(freshness, draft->request_s, draft->response_s);
    entry->lifetime_s = freshness_lifetime_by(freshness, &draft->lifetime);
    read_validators(entry);
    *ret_entry = entry;
    return 0;
}

/* An empty body: the store counts and checks every entry's. */
static int new_empty_body(struct body **ret_body)
{
    int err = body_new(0, ret_body);

    if (err == 0)
        body_finish(*ret_body, 0);
    return err;
}

int entry_new_index(const struct key *key, struct vary_names *names, uint64_t generation,
                    struct entry **ret_entry)
{
    struct entry *entry = calloc(1, sizeof(*entry) + key->length);
    struct entry_index *index = malloc(sizeof(*index));

    assert(names->count > 0 && !names->is_any);
    if (entry == NULL || index == NULL || new_empty_body(&entry->body) < 0) {
        free(index);
        free(entry);
        return -ENOMEM;
    }
    *index = (struct entry_index){.names = *names, .generation = generation};
    vary_names_init(names);
    atomic_init(&index->variants, 0);
    entry->index = index;
    atomic_init(&entry->references, 1);
    atomic_init(&entry->is_current, false);
    atomic_init(&entry->is_visited, false);
    atomic_init(&entry->head, NULL);
    atomic_init(&entry->expired_s, INT64_MAX);
    fields_init(&entry->fields);
    memcpy(entry->key_bytes, key->bytes, key->length);
    entry->key = *key;
    entry->key.bytes = entry->key_bytes;
    entry->lifetime_s = INT64_MAX;
    *ret_entry = entry;
    return 0;
}

struct entry *entry_ref(struct entry *entry)
{
    unsigned before = atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
    return entry;
}

void entry_unref(struct entry *entry)
{
    unsigned before;

    if (entry == NULL)
        return;
    before = atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    assert(entry->link.charged_bytes == 0); /* the store holds a reference while it has it */
    free(atomic_load_explicit(&entry->head, memory_order_relaxed));
    if (entry->index != NULL) {
        vary_names_fini(&entry->index->names);
        free(entry->index);
    }
    free(entry->tags);
    fields_fini(&entry->fields);
    body_unref(entry->body);
    free(entry);
}

void entry_set_purges_before(struct entry *entry, uint64_t purges)
{
    assert(entry->link.charged_bytes == 0);
    if (entry->tags == NULL)
        return;
    entry->tags->purges_before = purges;
    atomic_store_explicit(&entry->tags->checked, purges, memory_order_relaxed);
}

void entry_expire(struct entry *entry, int64_t now_s)
{
    int64_t expired_s = atomic_load_explicit(&entry->expired_s, memory_order_relaxed);

    while (now_s < expired_s &&
           !atomic_compare_exchange_weak_explicit(&entry->expired_s, &expired_s, now_s,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

bool entry_is_expired(const struct entry *entry)
{
    return atomic_load_explicit(&entry->expired_s, memory_order_relaxed) != INT64_MAX;
}

int entry_set_head(struct entry *entry, const char *bytes, size_t length)
{
    struct entry_head *head;

    assert(entry_get_head(entry) == NULL);
    assert(entry->link.charged_bytes == 0);
    head = malloc(sizeof(*head) + length);
    if (head == NULL)
        return -ENOMEM;
    head->length = length;
    memcpy(head->bytes, bytes, length);
    atomic_store_explicit(&entry->head, head, memory_order_release);
    return 0;
}

const struct entry_head *entry_get_head(const struct entry *entry)
{
    return atomic_load_explicit(&entry->head, memory_order_acquire);
}

int64_t entry_age_s(const struct entry *entry, int64_t now_s)
{
    return freshness_current_age_s(entry->initial_age_s, entry->response_s, now_s);
}

int64_t entry_ttl_s(const struct entry *entry, int64_t now_s)
{
    int64_t expired_s = atomic_load_explicit(&entry->expired_s, memory_order_relaxed);
    int64_t ttl_s = entry->lifetime_s - entry_age_s(entry, now_s);

    if (expired_s != INT64_MAX && expired_s - now_s < ttl_s)
        ttl_s = expired_s - now_s;
    return ttl_s;
}

bool entry_is_fresh(const struct entry *entry, int64_t now_s)
{
    return entry_ttl_s(entry, now_s) > 0;
}

bool entry_has_validator(const struct entry *entry)
{
    int64_t modified_s;

    return entry->etag.length > 0 ||
           (entry->last_modified.length > 0 &&
            date_parse(entry->last_modified, entry->response_s, &modified_s) == 0);
}

size_t entry_memory_bytes(const struct entry *entry)
{
    const struct entry_head *head = entry_get_head(entry);
    size_t bytes = sizeof(*entry) + entry->key.length + ALLOCATION_OVERHEAD_BYTES;

    if (entry->fields.lines_room > 0)
        bytes += fields_memory_bytes(&entry->fields) + 2 * (size_t)ALLOCATION_OVERHEAD_BYTES;
    if (entry->tags != NULL)
        bytes += sizeof(*entry->tags) + entry->tags->count * sizeof(*entry->tags->hashes) +
                 ALLOCATION_OVERHEAD_BYTES;
    if (entry->index != NULL)
        bytes += sizeof(*entry->index) + entry->index->names.bytes_count +
                 2 * (size_t)ALLOCATION_OVERHEAD_BYTES;
    if (head != NULL)
        bytes += sizeof(*head) + head->length + ALLOCATION_OVERHEAD_BYTES;
    return bytes + body_memory_bytes(entry->body);
}
