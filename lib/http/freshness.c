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

void freshness_read(const struct fields *fields, int status, int64_t response_s,
                    struct freshness *ret_freshness)
{
    struct span value;

    cache_control_read(&ret_freshness->control, fields);
    ret_freshness->status = status;
    ret_freshness->date_s = response_s;
    ret_freshness->expires_s = 0;
    ret_freshness->age_s = read_age_s(fields);
    if (fields_find(fields, "date", &value))
        (void)date_parse(value, response_s, &ret_freshness->date_s);
    ret_freshness->has_expires = fields_find(fields, "expires", &value);
    if (ret_freshness->has_expires)
        (void)date_parse(value, response_s, &ret_freshness->expires_s);
}

bool freshness_is_explicit(const struct freshness *freshness)
{
    return freshness->control.s_maxage_s >= 0 || freshness->control.max_age_s >= 0 ||
           freshness->has_expires;
}

int64_t freshness_lifetime_s(const struct freshness *freshness, int64_t default_s)
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
    if (default_s > 0 && (control->is_public || freshness_status_is_heuristic(freshness->status)))
        return default_s;
    return 0;
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
    case 501:
        return true;
    default:
        return false;
    }
}
