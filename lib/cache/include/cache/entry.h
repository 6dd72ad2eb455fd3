/* SPDX-License-Identifier: MIT */
/*
 * entry.h - one response, as it is shared: key, status, fields, body, times.
 *
 * An entry is made when the headers of a response are there. From then on it does not change,
 * except that its body grows until it is finished, and that the operator may make it stale before
 * its time. Whoever uses it holds a counted reference, so an entry that was replaced or evicted
 * lives on for its readers. It may be shared with readers before it is in a store, or without ever
 * getting there.
 *
 * There may be millions of them, so an entry is one block: what is here, then tags, key and head.
 * The fields are kept as the text that goes out to clients, and read from there.
 */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <cache/body.h>
#include <cache/key.h>
#include <http/fields.h>
#include <http/freshness.h>
#include <http/vary.h>
#include <stdatomic.h>

/* What goes out for every hit, formatted once: lines of the fields, then lines of the server. */
struct entry_head {
    uint32_t length;
    uint32_t fields_length; /* of it: the fields of the answer itself */
    char bytes[];
};

/* Links and marks of the store; nobody else touches them. Guarded by the mutex of the shard. */
struct entry_store_link {
    struct entry *newer;
    struct entry *older;
    size_t charged_bytes; /* what the budget was charged; 0 outside a store */
};

/*
 * Where the answers to a key vary by fields of the request, an index is stored under it, and each
 * answer under a key of its own, which is made with the index. A new generation leaves the answers
 * of the one before behind: nobody finds them any more, and the store evicts them in time.
 */
struct entry_index {
    struct vary_names names; /* one or more, not "any" */
    uint64_t generation;
    atomic_uint variants; /* answers stored so far */
};

/*
 * The tags of an answer, by which many are purged together, as hashes under the secret of its store
 * (store_tag()). A purge concerns what was asked for before it.
 */
struct entry_tags {
    uint64_t purges_before;        /* of the store, when the answer was asked for */
    atomic_uint_least64_t checked; /* up to this one it is known that none concerned it */
    size_t count;
    uint64_t hashes[];
};

/* Read only for everybody, once entry_new() returned. What a search needs stands first. */
struct entry {
    atomic_uint references; /* of one that is packed, those of its body count */
    int status;
    struct key key;           /* its bytes belong to the entry */
    struct entry *store_next; /* in the chain of its bucket; as `link` */
    struct body *body;        /* counted reference, unless the entry lies in its block: is_packed */
    atomic_bool is_current;   /* see entry_is_current(); written with the shard's mutex held */
    atomic_bool is_visited;   /* used since the hand of SIEVE last passed; entry_mark_used() */
    bool is_redirected : 1;   /* its validators are those of another URL than the key's */
    bool has_tags : 1;
    bool has_date : 1; /* among its fields; only a list that is full has none */
    bool is_packed : 1;
    uint32_t head_offset;           /* from the beginning of the entry */
    atomic_int_least64_t expired_s; /* wall clock: stale from then on; INT64_MAX: by its lifetime */
    int64_t response_s;             /* wall clock */
    int64_t lifetime_s;             /* freshness lifetime, counted from age 0 */
    int32_t initial_age_s;          /* age when the response arrived */
    struct cache_control control;
    struct entry_index *index; /* NULL: an answer; else there is no status, field or body */
    struct entry_store_link link;
};

/* What entry_new() makes an entry of. Everything is copied, except the body, which is shared. */
struct entry_draft {
    const struct key *key;
    const struct fields *fields;           /* as received */
    bool (*is_unwanted)(struct span name); /* fields to leave out besides hop-by-hop; may be NULL */
    struct body *body;
    const struct freshness *freshness; /* read from the same fields */
    int64_t request_s;
    int64_t response_s;
    struct freshness_policy lifetime; /* where the response states none */
    struct span head_lines;           /* for clients, behind the fields: whole lines of text */
    const uint64_t *tags;             /* hashes */
    size_t tag_count;
};

/*
 * entry_new - an entry with one reference. A Date of its arrival is added where there is none.
 * Errors    -ENOMEM
 * Owns      takes a reference of its own to draft->body; the caller keeps everything it gave.
 * Thread    any.        Source  RFC 9111 sections 3.1 and 4.2, RFC 9110 section 6.6.1
 */
int entry_new(const struct entry_draft *draft, struct entry **ret_entry);

/*
 * entry_pack - a copy that shares nothing, in one block with its body: for an entry that is kept
 * for long. The body is complete. Not for an index. Errors    -ENOMEM Owns      the copy has one
 * reference, and the caller keeps its own to `entry`. Thread    any that has a reference.
 */
int entry_pack(const struct entry *entry, struct entry **ret_packed);

/* entry_ref - one more reference; returns `entry`.  Thread  any that has a reference already. */
struct entry *entry_ref(struct entry *entry);

/* entry_unref - give one back; the last one frees. NULL is a no-op.  Thread  any. */
void entry_unref(struct entry *entry);

/* entry_is_shared - whether anybody but the caller refers to the entry or to its body.
 * Thread    any that has a reference; if it has the only one, nobody else can get another. */
bool entry_is_shared(const struct entry *entry);

/*
 * entry_new_index - an index with one reference; it never gets stale.
 * Errors    -ENOMEM
 * Owns      takes what `names` holds over if it succeeds; the list is empty then.
 */
int entry_new_index(const struct key *key, struct vary_names *names, uint64_t generation,
                    struct entry **ret_entry);

/*
 * entry_set_purges_before - how many purges of the store had been when the answer was asked for.
 * Without it, any purge of a tag of its concerns the entry. No-op for one without tags.
 * Thread    the one that makes the entry, before it is shared.
 */
void entry_set_purges_before(struct entry *entry, uint64_t purges);

/* entry_expire - stale from `now_s` on, if not before.  Thread  any. */
void entry_expire(struct entry *entry, int64_t now_s);

/*
 * entry_is_current - whether a store has this entry now, so that a look-up of its key would find no
 * other. True from its insert until it is replaced, removed or evicted, or the store is freed; then
 * false for ever. Whoever keeps a reference from an earlier look-up may serve from it again after
 * this check, without another look-up: what changed the store before, however far away, is seen
 * once that change's call has returned. An entry with tags needs store_is_current() as well, since
 * the purge of a tag leaves it in the store; and freshness is the caller's to check, as ever.
 * Thread    any that has a reference; reads one byte, writes nothing.
 */
static inline bool entry_is_current(const struct entry *entry)
{
    return atomic_load_explicit(&entry->is_current, memory_order_acquire);
}

/*
 * entry_mark_used - what a look-up does for the entry that it finds: the store spares it when it
 * next looks for one to evict. For who serves without a look-up. Writes only if there is no mark.
 * Thread    any that has a reference.
 */
static inline void entry_mark_used(struct entry *entry)
{
    if (!atomic_load_explicit(&entry->is_visited, memory_order_relaxed))
        atomic_store_explicit(&entry->is_visited, true, memory_order_relaxed);
}

/* entry_is_expired - whether entry_expire() was called.  Thread  any. */
bool entry_is_expired(const struct entry *entry);

/* entry_get_head - what goes out for every hit.  Thread  any. */
static inline const struct entry_head *entry_get_head(const struct entry *entry)
{
    return (const struct entry_head *)((const char *)entry + entry->head_offset);
}

/* entry_fields - end-to-end lines only; a list over the entry's own text, which lives as long as
 * the entry.  Thread  any. */
static inline struct fields entry_fields(const struct entry *entry)
{
    const struct entry_head *head = entry_get_head(entry);

    return fields_of_text(head->bytes, head->fields_length);
}

/* entry_find - the first line of that name; false where there is none.  Thread  any. */
bool entry_find(const struct entry *entry, const char *name, struct span *ret_value);

/* entry_has - whether there is a line of that name.  Thread  any. */
bool entry_has(const struct entry *entry, const char *name);

/* entry_etag - length 0: none, or malformed.  Thread  any. */
struct span entry_etag(const struct entry *entry);

/* entry_last_modified - length 0: none.  Thread  any. */
struct span entry_last_modified(const struct entry *entry);

/* entry_tags - NULL: it has none.  Thread  any. */
static inline struct entry_tags *entry_tags(const struct entry *entry)
{
    return entry->has_tags ? (struct entry_tags *)(entry + 1) : NULL;
}

/*
 * entry_age_s - the value of Age at `now_s`.
 * Thread    any.        Source  RFC 9111 section 4.2.3
 */
int64_t entry_age_s(const struct entry *entry, int64_t now_s);

/* entry_ttl_s - seconds of freshness left; 0 or negative once stale.  Source  RFC 9111 section 4.2
 */
int64_t entry_ttl_s(const struct entry *entry, int64_t now_s);

/* entry_is_fresh - may be used without asking the origin.  Source  RFC 9111 section 4.2 */
bool entry_is_fresh(const struct entry *entry, int64_t now_s);

/* entry_has_validator - whether its origin can be asked if it is still right: an entity tag, or a
 * date of change that can be read.  Source  RFC 9111 section 4.3.1 */
bool entry_has_validator(const struct entry *entry);

/* entry_memory_bytes - heap taken by the entry and everything it holds; grows with its body. */
size_t entry_memory_bytes(const struct entry *entry);

#endif
