/* SPDX-License-Identifier: MIT */
/* fetch_query.c - reads "url=...&select=...", and remembers the queries it has read. */
#include "fetch_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <http/url.h>

#include "memo.h"

struct fetch_query_memo {
    const struct store *store;
    struct fetch_policy *policy;
    struct memo *memo; /* of struct remembered */
};

struct remembered {
    struct fetch_query query;
    char select[]; /* the decoded pointer */
};

static void forget(void *value)
{
    struct remembered *remembered = value;

    fetch_held_drop(&remembered->query.slot);
    fetch_request_unref(remembered->query.request);
    free(remembered);
}

int fetch_query_memo_new(const struct store *store, struct fetch_policy *policy,
                         struct fetch_query_memo **ret_memo)
{
    struct fetch_query_memo *memo = calloc(1, sizeof *memo);

    if (memo == NULL)
        return -ENOMEM;
    if (memo_new(forget, &memo->memo) < 0) {
        free(memo);
        return -ENOMEM;
    }
    memo->store = store;
    memo->policy = fetch_policy_ref(policy);
    *ret_memo = memo;
    return 0;
}

void fetch_query_memo_follow(struct fetch_query_memo *memo, struct fetcher *fetcher)
{
    if (fetcher_follow_policy(fetcher, &memo->policy))
        memo_clear(memo->memo);
}

void fetch_query_memo_free(struct fetch_query_memo *memo)
{
    if (memo == NULL)
        return;
    memo_free(memo->memo);
    fetch_policy_unref(memo->policy);
    free(memo);
}

const char *fetch_query_error_text(int status)
{
    switch (status) {
    case -ENOENT:
        return "the parameter url is missing: /fetch?url=https://host/path";
    case -EEXIST:
        return "a parameter is given twice";
    case -EBADMSG:
        return "unknown parameter: an & that belongs to the URL has to be written %26";
    case -EBADR:
        return "a percent-encoding is not valid";
    case -EDOM:
        return "select has to be a JSON pointer: empty, or beginning with /";
    default:
        return fetch_url_error_text(status);
    }
}

/* Names other than ours: most often the rest of a URL whose '&' was not encoded. */
static int check_names(struct span query)
{
    const char *at = query.bytes;
    const char *end = query.bytes + query.length;

    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        const char *part_end = stop != NULL ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(part_end - at));
        struct span name = span_of(at, (size_t)((equals != NULL ? equals : part_end) - at));
        if (name.length > 0 && !span_equals(name, span_of_string("url")) &&
            !span_equals(name, span_of_string("select")))
            return -EBADMSG;
        at = part_end + 1;
    }
    return 0;
}

/* RFC 6901 section 3: empty, or tokens that begin with '/'; '~' only as ~0 and ~1. */
static bool is_pointer(const char *text)
{
    if (*text != '\0' && *text != '/')
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1')
            return false;
    }
    return true;
}

static int read_select(struct span query, char *room, size_t room_bytes, const char **ret_select)
{
    struct span value;
    size_t count;
    int err = url_query_find_one(query, "select", &value);

    if (err == -ENOENT) {
        *ret_select = NULL;
        return 0;
    }
    if (err < 0)
        return err == -EINVAL ? -EBADR : err;
    if (url_percent_decode(value, room, room_bytes - 1, &count) < 0)
        return -EBADR;
    room[count] = '\0';
    if (!is_pointer(room))
        return -EDOM;
    *ret_select = room;
    return 0;
}

static int read_url(const struct fetch_query_memo *memo, struct span query,
                    struct fetch_request **ret_request)
{
    struct span value;
    size_t count;
    char *decoded;
    struct fetch_url *url;
    int err = url_query_find_one(query, "url", &value);

    if (err < 0)
        return err == -EINVAL ? -EBADR : err;
    if (value.length == 0)
        return -ENOENT;
    decoded = malloc(value.length);
    if (decoded == NULL)
        return -ENOMEM;
    err = url_percent_decode(value, decoded, value.length, &count);
    err = err < 0 ? -EBADR
                  : fetch_url_parse(decoded, count, memo->policy->settings.url_bytes_max, &url);
    free(decoded);
    if (err < 0)
        return err;
    err = fetch_request_new(memo->policy, memo->store, url, field_view_of_lines(NULL, 0),
                            ret_request);
    fetch_url_unref(url);
    return err;
}

static int read_query(const struct fetch_query_memo *memo, struct span query,
                      struct remembered **ret_remembered)
{
    struct remembered *remembered = calloc(1, sizeof *remembered + query.length + 2);
    int err;

    if (remembered == NULL)
        return -ENOMEM;
    err = check_names(query);
    if (err == 0)
        err = read_select(query, remembered->select, query.length + 2, &remembered->query.select);
    if (err == 0)
        err = read_url(memo, query, &remembered->query.request);
    if (err < 0) {
        forget(remembered);
        return err;
    }
    *ret_remembered = remembered;
    return 0;
}

int fetch_query_read(struct fetch_query_memo *memo, struct span query,
                     struct fetch_query **ret_query)
{
    const struct memo_key key = {.parts = {query}}; /* without '?': the empty query */
    struct remembered *remembered = memo_find(memo->memo, &key);
    int err = 0;

    if (remembered == NULL) {
        if (query.bytes == NULL)
            query = span_of("", 0);
        err = read_query(memo, query, &remembered);
        if (err == 0)
            err = memo_put(memo->memo, &key, remembered);
    }
    if (err == 0)
        *ret_query = &remembered->query;
    return err;
}
