/* SPDX-License-Identifier: MIT */
/*
 * freshness.c - the arithmetic of RFC 9111 section 4.2.
 *
 * Every number is at most CACHE_CONTROL_SECONDS_MAX or a date of four-digit years, so no sum here
 * can overflow 64 bits.
 */
#include <http/date.h>
#include <http/freshness.h>
#include <http/list.h>

#define HEURISTIC_DIVISOR 10 /* a tenth: RFC 9111 section 4.2.2 */

/* Age is one number; of a list the first member counts (RFC 9111 section 5.1). */
static int64_t read_age_s(const struct fields *fields)
{
    struct span value;
    struct list list;
    int64_t age_s;

    if (!fields_find(fields, "age", &value))
        return 0;
    list_init(&list, value, ',');
    if (!list_next(&list, &value) || value.bytes[0] == '"')
        return 0;
    age_s = delta_seconds_parse(value);
    return age_s < 0 ? 0 : age_s;
}

/* RFC 9111 section 4.2.1: where values differ, the response is better considered stale. */
static int64_t read_expires_s(const struct fields *fields, int64_t response_s)
{
    struct span value, more;
    size_t position = 0;
    int64_t expires_s = 0;

    if (!fields_next_named(fields, "expires", &position, &value))
        return 0;
    while (fields_next_named(fields, "expires", &position, &more)) {
        if (!span_equals(value, more))
            return 0;
    }
    return date_parse(value, response_s, &expires_s) == 0 ? expires_s : 0;
}

void freshness_read(const struct fields *fields, int status, int64_t response_s,
                    struct freshness *ret_freshness)
{
    freshness_read_targeted(fields, status, response_s, NULL, ret_freshness);
}

void freshness_read_targeted(const struct fields *fields, int status, int64_t response_s,
                             const char *const *names, struct freshness *ret_freshness)
{
    struct span value;

    *ret_freshness =
        (struct freshness){.status = status, .date_s = response_s, .age_s = read_age_s(fields)};
    if (fields_find(fields, "date", &value))
        (void)date_parse(value, response_s, &ret_freshness->date_s);
    if (fields_find(fields, "last-modified", &value))
        ret_freshness->has_modified =
            date_parse(value, response_s, &ret_freshness->modified_s) == 0;
    ret_freshness->is_targeted =
        names != NULL && cache_control_read_targeted(&ret_freshness->control, fields, names);
    if (ret_freshness->is_targeted)
        return;
    cache_control_read(&ret_freshness->control, fields);
    ret_freshness->has_expires = fields_has(fields, "expires");
    ret_freshness->expires_s = read_expires_s(fields, response_s);
}

bool freshness_is_explicit(const struct freshness *freshness)
{
    return freshness->control.s_maxage_s >= 0 || freshness->control.max_age_s >= 0 ||
           freshness->has_expires;
}

/* RFC 9111 section 4.2.2. */
static int64_t guess_lifetime_s(const struct freshness *freshness,
                                const struct freshness_policy *policy)
{
    int64_t unchanged_s = freshness->date_s - freshness->modified_s;
    int64_t lifetime_s = policy->default_s;

    if (!freshness->control.is_public && !freshness_status_is_heuristic(freshness->status))
        return 0;
    if (policy->heuristic_max_s > 0 && freshness->has_modified && unchanged_s >= 0) {
        lifetime_s = unchanged_s / HEURISTIC_DIVISOR;
        if (lifetime_s > policy->heuristic_max_s)
            lifetime_s = policy->heuristic_max_s;
    }
    return lifetime_s > 0 ? lifetime_s : 0;
}

int64_t freshness_lifetime_by(const struct freshness *freshness,
                              const struct freshness_policy *policy)
{
    const struct cache_control *control = &freshness->control;

    if (control->no_cache)
        return 0;
    if (control->s_maxage_s >= 0)
        return control->s_maxage_s;
    if (control->max_age_s >= 0)
        return control->max_age_s;
    if (freshness->has_expires) {
        int64_t lifetime_s = freshness->expires_s - freshness->date_s;

        return lifetime_s > 0 ? lifetime_s : 0;
    }
    return guess_lifetime_s(freshness, policy);
}

int64_t freshness_lifetime_s(const struct freshness *freshness, int64_t default_s)
{
    return freshness_lifetime_by(freshness, &(struct freshness_policy){.default_s = default_s});
}

int64_t freshness_initial_age_s(const struct freshness *freshness, int64_t request_s,
                                int64_t response_s)
{
    int64_t apparent_age_s = response_s - freshness->date_s;
    int64_t response_delay_s = response_s - request_s;
    int64_t corrected_age_s;

    if (apparent_age_s < 0)
        apparent_age_s = 0;
    if (response_delay_s < 0)
        response_delay_s = 0; /* the clock was set back in between */
    corrected_age_s = freshness->age_s + response_delay_s;
    return apparent_age_s > corrected_age_s ? apparent_age_s : corrected_age_s;
}

int64_t freshness_current_age_s(int64_t initial_age_s, int64_t response_s, int64_t now_s)
{
    int64_t resident_s = now_s - response_s;

    return initial_age_s + (resident_s > 0 ? resident_s : 0);
}

bool freshness_status_is_heuristic(int status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 451:
    case 501:
        return true;
    default:
        return false;
    }
}
