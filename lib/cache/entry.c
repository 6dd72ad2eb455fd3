/* SPDX-License-Identifier: MIT */
/*
 * entry.c - one shared response: made once, then only counted.
 *
 *     [ struct entry | tags, if any | key | head: fields, then lines of the server ]
 *
 * All that is the entry's own is one block; the fields in it are without what was meant for one
 * connection only. The body is shared with whoever writes it. An entry that is packed lies in the
 * block of its body, behind it, and the two are counted as one.
 */
#include <cache/entry.h>
#include <http/conditions.h>
#include <http/date.h>

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCATION_OVERHEAD_BYTES 8 /* what malloc keeps beside a block */

#define DATE_LINE_BYTES (sizeof("Date: \r\n") + DATE_LENGTH) /* with the end of the string */

static_assert(sizeof(struct entry) % alignof(struct entry_tags) == 0, "tags follow the entry");
static_assert(alignof(struct entry_head) == sizeof(uint32_t), "the head is aligned to that");

/* An entry with an empty head, and room for `head_bytes`. */
static struct entry *entry_allocate(const struct key *key, size_t tag_count, size_t head_bytes)
{
    size_t tags_bytes =
        tag_count == 0 ? 0 : sizeof(struct entry_tags) + tag_count * sizeof(uint64_t);
    size_t key_room = (key->length + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
    size_t head_offset = sizeof(struct entry) + tags_bytes + key_room;
    struct entry *entry = malloc(head_offset + sizeof(struct entry_head) + head_bytes);
    char *key_bytes;

    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.head_offset = (uint32_t)head_offset, .has_tags = tag_count > 0};
    atomic_init(&entry->references, 1);
    atomic_init(&entry->is_current, false);
    atomic_init(&entry->is_visited, false);
    atomic_init(&entry->expired_s, INT64_MAX);
    key_bytes = (char *)(entry + 1) + tags_bytes;
    memcpy(key_bytes, key->bytes, key->length);
    entry->key = (struct key){.hash = key->hash, .bytes = key_bytes, .length = key->length};
    *(struct entry_head *)((char *)entry + head_offset) = (struct entry_head){.length = 0};
    return entry;
}

/* RFC 9110 section 6.6.1: a response without a Date gets that of its arrival, once for all. */
static size_t write_date(const struct fields *fields, int64_t response_s, char *ret_text)
{
    static const char name[] = "Date: ";
    char *at = ret_text;

    /* A full list is left as it is: then each answer gets one of its own. */
    if (fields_count(fields) >= FIELDS_LINES_MAX || fields->bytes_count > FIELDS_BYTES_MAX)
        return 0;
    at = mempcpy(at, name, sizeof(name) - 1);
    date_format(response_s, at);
    at = mempcpy(at + DATE_LENGTH, "\r\n", 2);
    return (size_t)(at - ret_text);
}

static void write_head(struct entry *entry, const struct entry_draft *draft)
{
    struct entry_head *head = (struct entry_head *)((char *)entry + entry->head_offset);
    struct fields kept;
    size_t length = fields_write_end_to_end(draft->fields, draft->is_unwanted, head->bytes);

    kept = fields_of_text(head->bytes, length);
    entry->has_date = fields_has(&kept, "Date");
    if (!entry->has_date) {
        size_t date_length = write_date(&kept, draft->response_s, head->bytes + length);

        entry->has_date = date_length > 0;
        length += date_length;
    }
    head->fields_length = (uint32_t)length;
    if (draft->head_lines.length > 0)
        memcpy(head->bytes + length, draft->head_lines.bytes, draft->head_lines.length);
    head->length = (uint32_t)(length + draft->head_lines.length);
}

static void write_tags(struct entry *entry, const struct entry_draft *draft)
{
    struct entry_tags *tags = entry_tags(entry);

    if (tags == NULL)
        return;
    tags->purges_before = 0;
    atomic_init(&tags->checked, 0);
    tags->count = draft->tag_count;
    memcpy(tags->hashes, draft->tags, draft->tag_count * sizeof(*draft->tags));
}

int entry_new(const struct entry_draft *draft, struct entry **ret_entry)
{
    const struct freshness *freshness = draft->freshness;
    struct entry *entry;
    int64_t age_s;

    assert(draft->key->length > 0);
    assert(draft->body != NULL);
    entry = entry_allocate(draft->key, draft->tag_count,
                           fields_text_bytes(draft->fields) + DATE_LINE_BYTES +
                               draft->head_lines.length);
    if (entry == NULL)
        return -ENOMEM;
    write_tags(entry, draft);
    write_head(entry, draft);
    entry->status = freshness->status;
    entry->body = body_ref(draft->body);
    entry->control = freshness->control;
    entry->response_s = draft->response_s;
    age_s = freshness_initial_age_s(freshness, draft->request_s, draft->response_s);
    entry->initial_age_s = age_s < INT32_MAX ? (int32_t)age_s : INT32_MAX;
    entry->lifetime_s = freshness_lifetime_by(freshness, &draft->lifetime);
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
    struct entry *entry = entry_allocate(key, 0, 0);
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
    entry->lifetime_s = INT64_MAX;
    *ret_entry = entry;
    return 0;
}

static size_t head_end(const struct entry *entry)
{
    return entry->head_offset + sizeof(struct entry_head) + entry_get_head(entry)->length;
}

/* Those of the entry itself, which others may be changing, are read one by one. */
static void copy_tags(const struct entry *from, struct entry *to)
{
    const struct entry_tags *tags = entry_tags(from);
    struct entry_tags *copy = entry_tags(to);

    if (tags == NULL)
        return;
    copy->purges_before = tags->purges_before;
    atomic_init(&copy->checked, atomic_load_explicit(&tags->checked, memory_order_relaxed));
    copy->count = tags->count;
    memcpy(copy->hashes, tags->hashes, tags->count * sizeof(*tags->hashes));
}

int entry_pack(const struct entry *entry, struct entry **ret_packed)
{
    size_t key_offset = (size_t)(entry->key.bytes - (const char *)entry);
    struct entry *packed;
    struct body *body;
    void *beside;
    int err = body_copy_beside(entry->body, head_end(entry), &body, &beside);

    assert(entry->index == NULL);
    if (err < 0)
        return err;
    packed = beside;
    *packed = (struct entry){
        .status = entry->status,
        .key = {entry->key.hash, (char *)beside + key_offset, entry->key.length},
        .body = body,
        .is_redirected = entry->is_redirected,
        .has_tags = entry->has_tags,
        .has_date = entry->has_date,
        .is_packed = true,
        .head_offset = entry->head_offset,
        .response_s = entry->response_s,
        .lifetime_s = entry->lifetime_s,
        .initial_age_s = entry->initial_age_s,
        .control = entry->control,
    };
    atomic_init(&packed->references, 0);
    atomic_init(&packed->is_current, false);
    atomic_init(&packed->is_visited, false);
    atomic_init(&packed->expired_s, atomic_load_explicit(&entry->expired_s, memory_order_relaxed));
    copy_tags(entry, packed);
    memcpy((char *)packed + key_offset, entry->key.bytes, head_end(entry) - key_offset);
    *ret_packed = packed;
    return 0;
}

struct entry *entry_ref(struct entry *entry)
{
    unsigned before;

    if (entry->is_packed) {
        (void)body_ref(entry->body);
        return entry;
    }
    before = atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return entry;
}

void entry_unref(struct entry *entry)
{
    unsigned before;

    if (entry == NULL)
        return;
    if (entry->is_packed) {
        body_unref(entry->body);
        return;
    }
    before = atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    assert(entry->link.charged_bytes == 0); /* the store holds a reference while it has it */
    if (entry->index != NULL) {
        vary_names_fini(&entry->index->names);
        free(entry->index);
    }
    body_unref(entry->body);
    free(entry);
}

bool entry_is_shared(const struct entry *entry)
{
    return body_is_shared(entry->body) ||
           (!entry->is_packed &&
            atomic_load_explicit(&entry->references, memory_order_acquire) > 1);
}

void entry_set_purges_before(struct entry *entry, uint64_t purges)
{
    assert(entry->link.charged_bytes == 0);
    if (!entry->has_tags)
        return;
    entry_tags(entry)->purges_before = purges;
    atomic_store_explicit(&entry_tags(entry)->checked, purges, memory_order_relaxed);
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

bool entry_find(const struct entry *entry, const char *name, struct span *ret_value)
{
    struct fields fields = entry_fields(entry);

    return fields_find(&fields, name, ret_value);
}

bool entry_has(const struct entry *entry, const char *name)
{
    struct span value;

    return entry_find(entry, name, &value);
}

struct span entry_etag(const struct entry *entry)
{
    struct span value;

    if (entry_find(entry, "etag", &value) && conditions_etag_is_valid(value))
        return value;
    return span_of(NULL, 0);
}

struct span entry_last_modified(const struct entry *entry)
{
    struct span value;

    return entry_find(entry, "last-modified", &value) ? value : span_of(NULL, 0);
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
    struct span modified = entry_last_modified(entry);
    int64_t modified_s;

    return entry_etag(entry).length > 0 ||
           (modified.length > 0 && date_parse(modified, entry->response_s, &modified_s) == 0);
}

static size_t block_bytes(const void *block)
{
    return malloc_usable_size((void *)block) + ALLOCATION_OVERHEAD_BYTES;
}

size_t entry_memory_bytes(const struct entry *entry)
{
    size_t bytes = body_memory_bytes(entry->body);

    if (entry->is_packed)
        return bytes;
    bytes += block_bytes(entry);
    if (entry->index != NULL)
        bytes += block_bytes(entry->index) + block_bytes(entry->index->names.bytes);
    return bytes;
}
