/* SPDX-License-Identifier: MIT */
/*
 * fetch_fields.h - the header fields of /fetch that are about caching, both ways.
 */
#ifndef SERVER_HANDLERS_FETCH_FIELDS_H
#define SERVER_HANDLERS_FETCH_FIELDS_H

#include <fetch/fetcher.h>

#include "../reply.h"
#include "../request.h"

/* What the request says about caching. */
struct fetch_wishes {
    bool is_fresh_only; /* Cache-Control: no-cache, max-age=0, or Pragma */
    bool is_only_if_cached;
    bool is_loop; /* it has come through this server before */
    bool has_none_match;
    bool has_range;
};

/* The fields that change from answer to answer. */
struct fetch_answer {
    char age[24];
    char cache_status[96];
    char timing[48];
    struct reply_field fields[4];
    size_t count;
};

/* fetch_read_wishes - `own_name` is what this server calls itself in CDN-Loop (RFC 8586). */
void fetch_read_wishes(const struct request *request, const char *own_name,
                       struct fetch_wishes *ret_wishes);

/* fetch_is_not_modified - whether the client has this answer. Source: RFC 9110 section 13.1.2. */
bool fetch_is_not_modified(const struct request *request, const struct entry *entry);

/* fetch_describe_hit - of an entry of the store. Sources: RFC 9111 section 5.1, RFC 9211. */
void fetch_describe_hit(struct fetch_answer *answer, const struct entry *entry, int64_t now_s);

/* fetch_describe_miss - of an answer that came from the origin now, for this request or another. */
void fetch_describe_miss(struct fetch_answer *answer, const struct request *request,
                         const struct fetch_reader *reader, int64_t now_s);

/* fetch_head - refers to the entry's prepared fields and to `answer`. */
struct reply_head fetch_head(const struct entry *entry, int status,
                             const struct fetch_answer *answer);

/* fetch_write_number - in decimal, with a zero behind; returns where that is. */
char *fetch_write_number(char *at, uint64_t number);

#endif
