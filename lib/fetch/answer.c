/* SPDX-License-Identifier: MIT */
/*
 * answer.c - from the head of a response to an entry.
 *
 * The fields that go on to clients are formatted here, once for all of them: end-to-end fields
 * without those that would let a fetched page act as this server's own, and with two that keep it
 * from doing so. What changes from answer to answer (Age, Cache-Status, Date) the handler adds.
 */
#include "answer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <http/freshness.h>
#include <http/storable.h>
#include <http/update.h>

#include "tags.h"

/* Rule I.16: a page that is passed on by this server must not run or set anything in its name. */
static const char guard_fields[] = "X-Content-Type-Options: nosniff\r\n"
                                   "Content-Security-Policy: sandbox\r\n";

/* We answer ranges of what we have, whether the origin does or does not say that it would. */
static const char accept_ranges_field[] = "Accept-Ranges: bytes\r\n";

static bool is_unwanted_of_part(struct span name)
{
    static const char *const unwanted[] = {
        "Content-Length",
        "Age",
        "Set-Cookie",
        "Set-Cookie2",
        "Clear-Site-Data",
        "Strict-Transport-Security",
        "Alt-Svc",
        "Service-Worker-Allowed",
        "X-Content-Type-Options",
        "Content-Security-Policy",
    };

    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
        if (span_equals_ignoring_case(name, span_of_string(unwanted[i])))
            return true;
    }
    return false;
}

/* Content-Range says something of 206 and 416 alone. Source: RFC 9110 section 14.4. */
static bool is_unwanted(struct span name)
{
    return is_unwanted_of_part(name) ||
           span_equals_ignoring_case(name, span_of_string("Content-Range"));
}

/* A proxy passes on what the origin sends, but for what is written anew for each answer. */
static bool is_unwanted_of_proxy(struct span name)
{
    return span_equals_ignoring_case(name, span_of_string("Content-Length")) ||
           span_equals_ignoring_case(name, span_of_string("Age"));
}

/* The fields that do not go on to clients. */
static bool (*unwanted_of(const struct fetch_settings *settings, int status))(struct span name)
{
    if (settings->is_transparent)
        return is_unwanted_of_proxy;
    return status == 206 || status == 416 ? is_unwanted_of_part : is_unwanted;
}

size_t answer_stored_bytes_max(const struct fetch_lane *lane, const struct fetch_policy *policy)
{
    size_t object_max = store_object_bytes_max(lane->fetcher->store);
    size_t setting_max = policy->settings.stored_body_bytes_max;

    return object_max < setting_max ? object_max : setting_max;
}

/* Case 6: statuses about the request rather than the resource. The next may fare better. */
static bool is_refusal(int status)
{
    return status == 401 || status == 403 || status == 407 || status == 428 || status == 429 ||
           status == 431 || status == 511;
}

static struct freshness_policy lifetime_policy(const struct fetch_settings *settings)
{
    return (struct freshness_policy){.heuristic_max_s = settings->heuristic_max_s,
                                     .default_s = settings->default_lifetime_s};
}

static enum answer_sharing sharing_of(const struct fetch_lane *lane,
                                      const struct fetch_request *asked,
                                      const struct upstream_head *head,
                                      const struct freshness *freshness, const struct entry *entry)
{
    bool is_post = fetch_request_is_post(asked);
    const struct storable_request request = {
        .has_authorization = fields_has(&asked->fields, "Authorization"),
        .is_post = is_post,
        .is_located = is_post && fetch_request_is_located(asked, head->fields),
        .set_cookie_is_allowed = asked->policy->settings.set_cookie_is_standard,
        .partial_is_allowed = true, /* as a part: part.h */
    };

    switch (storable_check(freshness, head->fields, &request)) {
    case STORABLE_YES:
        break;
    case STORABLE_NO_LIFETIME: /* the last that is looked at: nothing says that it is private */
        return is_refusal(head->status) ? ANSWER_REFUSAL : ANSWER_SHARE;
    case STORABLE_NO_STATUS: /* 429 and others may not be kept, whatever they state */
        return is_refusal(head->status) ? ANSWER_REFUSAL : ANSWER_PRIVATE;
    default:
        return ANSWER_PRIVATE;
    }
    if (head->content_length_bytes >= 0 &&
        (uint64_t)head->content_length_bytes > answer_stored_bytes_max(lane, asked->policy))
        return ANSWER_PRIVATE;
    if (is_refusal(head->status) && !freshness_is_explicit(freshness))
        return ANSWER_REFUSAL; /* "public" alone: not so long as we would keep an answer by default
                                */
    /* Case 17. Its readers sent the same cookie; nothing says that it is the same for others. */
    if (asked->has_credentials && !freshness->control.is_public &&
        !freshness_is_explicit(freshness))
        return ANSWER_SHARE;
    if (entry_ttl_s(entry, entry->response_s) > 0)
        return ANSWER_STORE;
    if (head->status < 400 && entry_has_validator(entry))
        return ANSWER_KEEP;
    return is_refusal(head->status) ? ANSWER_REFUSAL : ANSWER_SHARE;
}

void answer_path_init(struct answer_path *path)
{
    *path = (struct answer_path){.sharing = ANSWER_STORE, .lifetime_s = INT64_MAX};
}

void answer_path_add(struct answer_path *path, const struct fetch_lane *lane,
                     const struct fetch_policy *policy, int64_t request_s,
                     const struct upstream_head *head)
{
    static const struct storable_request request;
    const struct freshness_policy default_policy = lifetime_policy(&policy->settings);
    int64_t now_s = fetch_lane_now_s(lane);
    enum answer_sharing sharing;
    enum storable storable;
    struct freshness freshness;
    int64_t lifetime_s;

    freshness_read_targeted(head->fields, head->status, now_s, policy->settings.targeted,
                            &freshness);
    storable = storable_check(&freshness, head->fields, &request);
    /* A temporary redirect that states nothing gets the default too: else nothing behind one would
     * ever be kept. */
    lifetime_s = freshness_lifetime_by(&freshness, &default_policy);
    if (!freshness_is_explicit(&freshness) && !freshness.control.no_cache)
        lifetime_s = policy->settings.default_lifetime_s;
    lifetime_s -= freshness_initial_age_s(&freshness, request_s, now_s);
    if (storable != STORABLE_YES && storable != STORABLE_NO_LIFETIME)
        sharing = ANSWER_PRIVATE;
    else
        sharing = lifetime_s > 0 ? ANSWER_STORE : ANSWER_SHARE;
    path->is_redirected = true;
    if (sharing > path->sharing)
        path->sharing = sharing;
    if (lifetime_s < path->lifetime_s)
        path->lifetime_s = lifetime_s;
}

void answer_path_apply(const struct answer_path *path, struct answer *answer)
{
    struct entry *entry = answer->entry;

    entry->is_redirected = path->is_redirected;
    if (path->sharing > answer->sharing)
        answer->sharing = path->sharing;
    if (entry->is_redirected && answer->sharing == ANSWER_KEEP)
        answer->sharing = ANSWER_SHARE; /* nobody could confirm it */
    if (path->lifetime_s < entry_ttl_s(entry, entry->response_s))
        entry->lifetime_s -= entry_ttl_s(entry, entry->response_s) - path->lifetime_s;
}

/* What clients get besides the fields of the answer. */
struct own_lines {
    char text[512];
    size_t length;
};

static void own_lines_write(struct own_lines *lines, const struct fetch_request *request,
                            const struct upstream_head *head)
{
    const struct fetch_settings *settings = &request->policy->settings;
    /* Of what goes through as it is, the origin alone can say whether it has parts. */
    bool accepts_ranges =
        head->status == 200 && !request->is_bypass && !fields_has(head->fields, "Accept-Ranges");
    char *at = lines->text;

    assert(strlen(settings->via_name) < sizeof lines->text / 2);
    if (settings->is_transparent)
        at = stpcpy(stpcpy(stpcpy(at, "Via: 1.1 "), settings->via_name), "\r\n");
    else
        at = stpcpy(at, guard_fields);
    if (accepts_ranges)
        at = stpcpy(at, accept_ranges_field);
    lines->length = (size_t)(at - lines->text);
    assert(lines->length < sizeof lines->text);
}

/* What was stored together need not get stale together, where the lifetime is our own guess. */
static int64_t jitter_s(struct fetch_lane *lane, const struct fetch_settings *settings,
                        int64_t lifetime_s)
{
    int64_t span_s = lifetime_s * settings->lifetime_jitter_percent / 100;

    return span_s > 0 ? (int64_t)lane_random_below(lane, (uint64_t)span_s + 1) : 0;
}

/* The entry of what a head says, with its prepared head. */
static int make_answer(struct fetch_lane *lane, const struct fetch_request *request,
                       const struct key *key, int64_t request_s, const struct upstream_head *head,
                       struct body *body, struct answer *ret_answer)
{
    int64_t now_s = fetch_lane_now_s(lane);
    const struct fetch_settings *settings = &request->policy->settings;
    struct freshness freshness;
    struct entry_draft draft = {
        .key = key,
        .fields = head->fields,
        .is_unwanted = unwanted_of(settings, head->status),
        .body = body,
        .freshness = &freshness,
        .request_s = request_s,
        .response_s = now_s,
        .lifetime = lifetime_policy(settings),
    };
    uint64_t names[2];
    size_t name_count = 0;
    struct answer_tags tags = {.count = 0};
    struct own_lines lines;
    struct entry *entry;
    bool has_excess;
    int err;

    freshness_read_targeted(head->fields, head->status, now_s, settings->targeted, &freshness);
    if (!key_equals(key, &request->key))
        names[name_count++] = request->key.hash;
    if (request->name_hash != 0)
        names[name_count++] = request->name_hash;
    err = answer_tags_read(lane->fetcher->store, head->fields, names, name_count,
                           settings->tags_max, &tags);
    has_excess = err == -E2BIG;
    if (err < 0 && !has_excess)
        return err;
    draft.tags = tags.hashes;
    draft.tag_count = tags.count;
    own_lines_write(&lines, request, head);
    draft.head_lines = span_of(lines.text, lines.length);
    err = entry_new(&draft, &entry);
    free(tags.hashes);
    if (err < 0)
        return err;
    if (!freshness_is_explicit(&freshness))
        entry->lifetime_s -= jitter_s(lane, settings, entry->lifetime_s);
    ret_answer->entry = entry;
    ret_answer->sharing = sharing_of(lane, request, head, &freshness, entry);
    if (has_excess && ret_answer->sharing < ANSWER_SHARE) /* its purge would not find it */
        ret_answer->sharing = ANSWER_SHARE;
    return 0;
}

int answer_judge(struct fetch_lane *lane, const struct fetch_request *request,
                 const struct key *key, int64_t request_s, const struct upstream_head *head,
                 struct answer *ret_answer)
{
    struct body *body;
    int err;

    if (head->content_length_bytes >= 0 &&
        (uint64_t)head->content_length_bytes > request->policy->settings.streamed_body_bytes_max)
        return -EFBIG;
    err = body_new(head->content_length_bytes, &body);
    if (err < 0)
        return err;
    err = make_answer(lane, request, key, request_s, head, body, ret_answer);
    body_unref(body);
    return err;
}

int answer_refresh(struct fetch_lane *lane, const struct fetch_request *request,
                   const struct entry *stored, int64_t request_s, const struct upstream_head *head,
                   struct answer *ret_answer)
{
    struct fields fields;
    struct upstream_head both = {.status = stored->status, .fields = &fields};
    struct fields kept = entry_fields(stored);
    /* All fields for now: Age, for one, is not kept, but tells how old the confirmation is. */
    int err = update_fields(&kept, head->fields, NULL, &fields);

    if (err < 0)
        return err;
    both.content_length_bytes = (int64_t)body_length(stored->body);
    err = make_answer(lane, request, &stored->key, request_s, &both, stored->body, ret_answer);
    fields_fini(&fields);
    return err;
}
