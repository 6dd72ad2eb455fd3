/* SPDX-License-Identifier: MIT */
/* filler.c - see filler.h. */
#include "filler.h"

#include "../clock.h"

#define DAY_S 86400

size_t filler_url(uint64_t number, char ret_url[FILLER_URL_BYTES])
{
    return (size_t)snprintf(ret_url, FILLER_URL_BYTES,
                            "http://shop.example/catalogue/articles/%08llu/picture.webp",
                            (unsigned long long)number);
}

static void append(struct fields *fields, const char *name, const char *value)
{
    if (fields_append(fields, span_of_string(name), span_of_string(value)) < 0)
        die("no memory for a field");
}

static struct body *make_body(size_t bytes)
{
    static const char zeros[4096];
    struct body *body;
    size_t left = bytes;

    if (body_new((int64_t)bytes, &body) < 0)
        die("no memory for a body");
    while (left > 0) {
        size_t part = left < sizeof zeros ? left : sizeof zeros;
        if (body_append(body, zeros, part) < 0)
            die("no memory for a body");
        left -= part;
    }
    body_finish(body, 0);
    return body;
}

struct entry *filler_entry(const struct store *store, uint64_t number, size_t body_bytes,
                           int64_t now_s)
{
    static const char own_lines[] = "X-Content-Type-Options: nosniff\r\n"
                                    "Content-Security-Policy: sandbox\r\n"
                                    "Accept-Ranges: bytes\r\n";
    struct freshness freshness;
    struct fields fields;
    struct key key;
    struct entry_draft draft = {.key = &key,
                                .fields = &fields,
                                .body = make_body(body_bytes),
                                .freshness = &freshness,
                                .request_s = now_s,
                                .response_s = now_s,
                                .lifetime.default_s = DAY_S,
                                .head_lines = span_of_string(own_lines)};
    struct entry *entry;
    char url[FILLER_URL_BYTES], etag[32];

    store_key_init(store, &key, url, filler_url(number, url));
    snprintf(etag, sizeof etag, "\"%016llx\"", (unsigned long long)number * 2654435761);
    fields_init(&fields);
    append(&fields, "Date", "Sat, 21 Nov 2026 12:00:00 GMT");
    append(&fields, "Content-Type", "image/webp");
    append(&fields, "Cache-Control", "public, max-age=86400");
    append(&fields, "ETag", etag);
    append(&fields, "Last-Modified", "Fri, 20 Nov 2026 09:30:00 GMT");
    append(&fields, "X-Request-Id", "6b1d34a0a4f24b0c");
    freshness_read(&fields, 200, now_s, &freshness);
    freshness.date_s = now_s;
    if (entry_new(&draft, &entry) < 0)
        die("no memory for an entry");
    fields_fini(&fields);
    body_unref(draft.body);
    return entry;
}

size_t filler_payload_bytes(const struct entry *entry)
{
    return entry_get_head(entry)->length + body_length(entry->body);
}

uint64_t filler_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}
