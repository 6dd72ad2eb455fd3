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
    [STORABLE_NO_STORE] = "no-store",
    [STORABLE_NO_PRIVATE] = "private",
    [STORABLE_NO_SET_COOKIE] = "set-cookie",
    [STORABLE_NO_VARY] = "vary-any",
    [STORABLE_NO_AUTHORIZATION] = "authorization",
    [STORABLE_NO_LIFETIME] = "no-lifetime",
};

/*
 * Whether the caching rules of this status are implemented here (RFC 9111 section 3): those that
 * have none of their own beyond the general ones. 206 and 304 complete other responses.
 */
static bool status_is_understood(int status)
{
    return status != 206 && status != 304 && freshness_status_is_heuristic(status);
}

enum storable storable_check(const struct freshness *freshness, const struct fields *fields,
                             const struct storable_request *request)
{
    const struct cache_control *control = &freshness->control;
    int status = freshness->status;

    if (status < 200 || status > 599 || status == 206 || status == 304)
        return STORABLE_NO_STATUS;
    if (control->must_understand && !status_is_understood(status))
        return STORABLE_NO_STATUS;
    /* With must-understand, no-store is for caches that do not understand the status (5.2.2.3). */
    if (control->no_store && !control->must_understand)
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
