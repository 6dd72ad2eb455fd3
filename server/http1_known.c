/* SPDX-License-Identifier: MIT */
/*
 * http1_known.c - see http1_known.h. A table with one place per hash, where the newer replaces the
 * older; the bytes are compared as a whole, so a collision costs time and nothing else.
 */
#include "http1_known.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS             1024u /* a power of two */
#define SECTION_BYTES_MAX 2048
#define FIELDS_MAX        64

/* Where a field stands in its section. */
struct place {
    uint16_t name;
    uint16_t name_length;
    uint16_t value;
    uint16_t value_length;
};

/* The fields of a request, from behind its first line to the end of its empty line. */
struct section {
    size_t length;
    unsigned field_count;
    unsigned about;
    unsigned host; /* which field that is */
    bool keeps_alive;
    const char *bytes; /* behind the places */
    struct place places[];
};

struct slot {
    struct section *section; /* NULL: none yet */
    uint64_t seen;           /* hash of what was seen last and is not kept */
};

struct http1_known {
    /* What was looked for last, and not found. If other bytes lie there by now, and as many, their
     * hash is wrong: they are kept where nobody finds them, and that is all. */
    struct span missed;
    uint64_t missed_hash;
    struct slot slots[SLOTS];
};

static_assert(SECTION_BYTES_MAX <= UINT16_MAX, "places are small");

int http1_known_new(struct http1_known **ret_known)
{
    struct http1_known *known = calloc(1, sizeof(*known));

    if (known == NULL)
        return -ENOMEM;
    *ret_known = known;
    return 0;
}

void http1_known_free(struct http1_known *known)
{
    if (known == NULL)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        free(known->slots[i].section);
    free(known);
}

/* Only its speed and spread matter, as it finds candidates and no more. */
static uint64_t hash_of(const char *bytes, size_t length)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = length;
    uint64_t word;
    size_t at = 0;

    for (; at + sizeof(word) <= length; at += sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, bytes + at, length - at);
    hash = (hash ^ word) * factor;
    return hash ^ hash >> 32;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Marks bytes that are 0; above one of them others may be marked as well. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/*
 * The length of the target at `at`: visible ASCII without '#', which is what the parser takes in a
 * path and query. Eight bytes at a time; near `end` it stops early, as what follows a target is
 * longer than that.
 */
static size_t target_length(const char *at, const char *end)
{
    const char *start = at;
    uint64_t word, odd;

    for (; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        odd = ((word - EACH_BYTE(0x21)) & ~word & EACH_BYTE(0x80)) | /* controls and space */
              (word & EACH_BYTE(0x80)) | zero_bytes(word ^ EACH_BYTE(0x7f)) |
              zero_bytes(word ^ EACH_BYTE('#'));
        if (odd != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return (size_t)(at - start) + (size_t)__builtin_ctzll(odd) / 8;
#else
            while (*at > ' ' && *at < 0x7f && *at != '#')
                at++;
            return (size_t)(at - start);
#endif
        }
    }
    return (size_t)(at - start);
}

/* Returns the length of the first line with its end; 0: it is for the parser. */
static size_t read_line(struct span input, const struct server_limits *limits,
                        struct request *request)
{
    static const char end[] = " HTTP/1.1\r\n";
    size_t method_length = 3;
    size_t length;
    const char *query;

    if (input.length < sizeof("HEAD / HTTP/1.1\r\n") - 1)
        return 0;
    if (memcmp(input.bytes, "GET /", 5) == 0)
        request->method = REQUEST_GET;
    else if (memcmp(input.bytes, "HEAD /", 6) == 0)
        request->method = REQUEST_HEAD;
    else
        return 0;
    if (request->method == REQUEST_HEAD)
        method_length = 4;
    struct span target = span_of(input.bytes + method_length + 1, 0);
    target.length = target_length(target.bytes, input.bytes + input.length);
    length = method_length + 1 + target.length;
    if (target.length > limits->target_bytes || input.length - length < sizeof(end) - 1 ||
        memcmp(input.bytes + length, end, sizeof(end) - 1) != 0)
        return 0;
    request->method_name = span_of(input.bytes, method_length);
    request->is_head = request->method == REQUEST_HEAD;
    request->http_version = 11;
    request->form = REQUEST_ORIGIN_FORM;
    request->target = target;
    request->scheme = span_of(NULL, 0);
    query = memchr(target.bytes, '?', target.length);
    if (query == NULL) {
        request->path = target;
        request->query = span_of(NULL, 0);
    } else {
        request->path = span_of(target.bytes, (size_t)(query - target.bytes));
        request->query = span_of(query + 1, target.length - request->path.length - 1);
    }
    return length + sizeof(end) - 1;
}

/* The length of the section at the beginning of `rest`; 0: its end is not there, or it is long. */
static size_t section_length(struct span rest)
{
    size_t length = rest.length < SECTION_BYTES_MAX ? rest.length : SECTION_BYTES_MAX;
    const char *at = rest.bytes;
    const char *end = rest.bytes + length;

    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
            return (size_t)(at + 2 - rest.bytes);
    }
    return 0;
}

static bool begins_with(struct span rest, const struct section *section)
{
    return section != NULL && rest.length >= section->length &&
           memcmp(rest.bytes, section->bytes, section->length) == 0;
}

static const struct section *find(struct http1_known *known, unsigned *hint, struct span rest)
{
    const struct section *section = known->slots[*hint].section;
    size_t length;
    uint64_t hash;

    if (begins_with(rest, section))
        return section;
    length = section_length(rest);
    hash = hash_of(rest.bytes, length);
    section = known->slots[hash % SLOTS].section;
    if (length == 0 || !begins_with(rest, section)) {
        known->missed = span_of(rest.bytes, length);
        known->missed_hash = hash;
        return NULL;
    }
    *hint = (unsigned)(hash % SLOTS);
    return section;
}

size_t http1_known_read(struct http1_known *known, unsigned *hint, struct span input,
                        const struct server_limits *limits, struct request *request,
                        struct field *fields, bool *ret_keeps_alive)
{
    size_t line = read_line(input, limits, request);
    const struct section *section;
    const char *bytes = input.bytes + line;

    if (line == 0)
        return 0;
    section = find(known, hint, span_of(bytes, input.length - line));
    if (section == NULL || line + section->length > limits->header_bytes)
        return 0;
    assert(section->field_count <= limits->header_fields);
    for (unsigned i = 0; i < section->field_count; i++) {
        const struct place *place = &section->places[i];
        fields[i].name = span_of(bytes + place->name, place->name_length);
        fields[i].value = span_of(bytes + place->value, place->value_length);
    }
    request->fields = fields;
    request->field_count = section->field_count;
    request->about = section->about;
    request->authority = fields[section->host].value;
    request->body_length = 0;
    request->body_bytes = 0;
    *ret_keeps_alive = section->keeps_alive;
    return line + section->length;
}

static bool is_usual(const struct request *request)
{
    return (request->method == REQUEST_GET || request->method == REQUEST_HEAD) &&
           request->http_version == 11 && request->form == REQUEST_ORIGIN_FORM &&
           request->field_count > 0 && request->field_count <= FIELDS_MAX &&
           (request->about & REQUEST_ABOUT_MESSAGE) == 0;
}

/* What clients are known by for long is not kept beyond their requests. */
static bool carries_secret(const struct request *request)
{
    return request_field(request, "Authorization") != NULL ||
           request_field(request, "Proxy-Authorization") != NULL;
}

static struct section *section_new(struct span text, const struct request *request,
                                   bool keeps_alive)
{
    size_t places_bytes = request->field_count * sizeof(struct place);
    struct section *section = malloc(sizeof(*section) + places_bytes + text.length);

    if (section == NULL)
        return NULL;
    section->length = text.length;
    section->field_count = (unsigned)request->field_count;
    section->about = request->about;
    section->keeps_alive = keeps_alive;
    section->host = (unsigned)request->field_count;
    section->bytes = (char *)section->places + places_bytes;
    memcpy((char *)section->places + places_bytes, text.bytes, text.length);
    for (unsigned i = 0; i < section->field_count; i++) {
        const struct field *field = &request->fields[i];
        section->places[i] = (struct place){
            .name = (uint16_t)(field->name.bytes - text.bytes),
            .name_length = (uint16_t)field->name.length,
            .value = (uint16_t)(field->value.bytes - text.bytes),
            .value_length = (uint16_t)field->value.length,
        };
        if (field->value.bytes == request->authority.bytes)
            section->host = i;
    }
    assert(section->host < section->field_count);
    return section;
}

void http1_known_learn(struct http1_known *known, const char *head_end,
                       const struct request *request, bool keeps_alive)
{
    struct section *section;
    struct slot *slot;
    uint64_t hash;

    if (!is_usual(request))
        return;
    struct span text =
        span_of(request->fields[0].name.bytes, (size_t)(head_end - request->fields[0].name.bytes));
    assert(text.bytes[-1] == '\n'); /* that of the request line */
    /* Most often that was looked for just before, while it lay where it still lies. */
    if (known->missed.bytes == text.bytes && known->missed.length == text.length)
        hash = known->missed_hash;
    else if (section_length(text) == text.length)
        hash = hash_of(text.bytes, text.length);
    else
        return;
    known->missed = span_of(NULL, 0);
    slot = &known->slots[hash % SLOTS];
    if (slot->seen != hash) {
        slot->seen = hash;
        return;
    }
    if (carries_secret(request))
        return;
    section = section_new(text, request, keeps_alive);
    if (section == NULL)
        return;
    free(slot->section);
    slot->section = section;
    slot->seen = 0;
}
