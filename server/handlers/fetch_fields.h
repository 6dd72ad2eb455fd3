/* SPDX-License-Identifier: MIT */
/*
 * fetch_fields.h - the header fields of /fetch that are about caching, both ways.
 */
#ifndef SERVER_HANDLERS_FETCH_FIELDS_H
#define SERVER_HANDLERS_FETCH_FIELDS_H

#include <fetch/fetcher.h>

#include "../reply.h"
#include "../request.h"
#include "cache_status.h"

/* What the request says about caching. */
struct fetch_wishes {
    struct cache_control control; /* where it has any, Pragma included */
    bool has_control;
    bool is_loop;       /* it has come through this server before */
    bool has_condition; /* If-None-Match or If-Modified-Since */
    bool has_range;
};

/* The fields that change from answer to answer. */
struct fetch_answer {
    char age[24];
    char retry_after[24];
    char cache_status[CACHE_STATUS_BYTES];
    char timing[SERVER_TIMING_BYTES];
    struct reply_field fields[5];
    size_t count;
    char lines[CACHE_HIT_BYTES]; /* of a hit, in the place of fields */
    size_t lines_bytes;
};

/*
 * fetch_read_wishes - of a client that is obeyed or not, as the settings say. Source: RFC 9111
 * sections 5.2.1 and 5.4; RFC 8586 on loops.
 */
void fetch_read_wishes(const struct request *request, const struct fetch_settings *settings,
                       struct fetch_wishes *ret_wishes);

/* fetch_wished_control - NULL: the client has no wishes. */
static inline const struct cache_control *fetch_wished_control(const struct fetch_wishes *wishes)
{
    return wishes->has_control ? &wishes->control : NULL;
}

/* fetch_is_only_if_cached - nothing may be fetched for this client. */
static inline bool fetch_is_only_if_cached(const struct fetch_wishes *wishes)
{
    return wishes->has_control && wishes->control.only_if_cached;
}

/* fetch_is_not_modified - whether the client has this answer. Source: RFC 9110 section 13.2.2. */
bool fetch_is_not_modified(const struct request *request, const struct entry *entry);

/* fetch_describe_hit - of an entry of the store, and a request that waited for nothing. Sources:
 * RFC 9111 section 5.1, RFC 9211. */
void fetch_describe_hit(struct fetch_answer *answer, const struct entry *entry, int64_t now_s);

/*
 * fetch_describe - of an answered reader, to which we answer with `status`. With a `detail`, a
 * token for Cache-Status: of a problem that we have with its answer.
 */
void fetch_describe(struct fetch_answer *answer, const struct request *request,
                    const struct fetch_reader *reader, int status, const char *detail);

/* fetch_describe_failure - of a reader that failed. */
void fetch_describe_failure(struct fetch_answer *answer, const struct request *request,
                            const struct fetch_reader *reader);

/* fetch_describe_broken_off - of a reader that is still waiting, for its answer or for enough of
 * it, when the connection ends its request; `detail` is a token for Cache-Status. */
void fetch_describe_broken_off(struct fetch_answer *answer, const struct request *request,
                               const struct fetch_reader *reader, const char *detail);

/* fetch_token_of_failure - for Cache-Status; static. */
const char *fetch_token_of_failure(const struct fetch_failure *failure);

/* fetch_refuse - answers with a problem that no fetch had part in; `token` is for Cache-Status. */
void fetch_refuse(struct request *request, int status, const char *detail, const char *token);

/* fetch_head - refers to the entry's prepared fields and to `answer`. */
struct reply_head fetch_head(const struct entry *entry, int status,
                             const struct fetch_answer *answer);

#endif
