/* SPDX-License-Identifier: MIT */
/*
 * storable.c - the conditions of RFC 9111 section 3, in the order in which they are reported.
 */
#include <http/storable.h>
#include <http/vary.h>

#include <assert.h>

static const char *const names[STORABLE_COUNT] = {
    [STORABLE_YES] = "storable",
    [STORABLE_NO_STATUS] = "status",
    [STORABLE_NO_METHOD] = "method",
    [STORABLE_NO_STORE] = "no-store",
    [STORABLE_NO_PRIVATE] = "private",
    [STORABLE_NO_SET_COOKIE] = "set-cookie",
    [STORABLE_NO_VARY] = "vary-any",
    [STORABLE_NO_AUTHORIZATION] = "authorization",
    [STORABLE_NO_LIFETIME] = "no-lifetime",
};

/*
 * Whether the caching rules of this status are implemented here (RFC 9111 section 3): the statuses
 * that are registered and have no rules of their own. 206, 304 and 226 belong with other responses,
 * and 425 is about the connection that it came by.
 */
static bool status_is_understood(int status)
{
    static const short statuses[] = {200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308,
                                     400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411,
                                     412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 451,
                                     500, 501, 502, 503, 504, 505, 506, 507, 508, 510};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i] == status)
            return true;
    }
    return false;
}

/* RFC 6585 sections 3 to 6: these "MUST NOT be stored by a cache". */
static bool status_is_forbidden(int status)
{
    return status == 428 || status == 429 || status == 431 || status == 511;
}

static bool status_is_storable(int status, const struct freshness *freshness,
                               const struct storable_request *request)
{
    if (status < 200 || status == 304 || status_is_forbidden(status))
        return false;
    if (status == 206)
        return request->partial_is_allowed;
    return !freshness->control.must_understand || status_is_understood(status);
}

enum storable storable_check(const struct freshness *freshness, const struct fields *fields,
                             const struct storable_request *request)
{
    const struct cache_control *control = &freshness->control;
    int status = freshness->status;

    if (!status_is_storable(status, freshness, request))
        return STORABLE_NO_STATUS;
    if (request->is_post && !(request->is_located && freshness_is_explicit(freshness)))
        return STORABLE_NO_METHOD;
    /* With must-understand, no-store is for caches that do not understand the status (5.2.2.3). */
    if (request->has_no_store || (control->no_store && !control->must_understand))
        return STORABLE_NO_STORE;
    if (control->is_private)
        return STORABLE_NO_PRIVATE;
    /* The standard does not forbid it (section 7.3), but a cookie is nearly always for one user. */
    if (!request->set_cookie_is_allowed && !control->is_public && control->s_maxage_s < 0 &&
        fields_has(fields, "set-cookie"))
        return STORABLE_NO_SET_COOKIE;
    if (vary_is_any(fields))
        return STORABLE_NO_VARY;
    if (request->has_authorization && !control->is_public && !control->must_revalidate &&
        control->s_maxage_s < 0)
        return STORABLE_NO_AUTHORIZATION;
    if (!control->is_public && !freshness_is_explicit(freshness) &&
        !freshness_status_is_heuristic(status))
        return STORABLE_NO_LIFETIME;
    return STORABLE_YES;
}

const char *storable_name(enum storable storable)
{
    assert(storable < STORABLE_COUNT);
    return names[storable];
}
