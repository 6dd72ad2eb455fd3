/* SPDX-License-Identifier: MIT */
/* stale.c - the rules of RFC 9111 section 4.2.4 and of RFC 5861; see stale.h. */
#include <http/stale.h>

#include <stddef.h>

bool stale_is_forbidden(const struct cache_control *response)
{
    return (response->no_store && !response->must_understand) || response->no_cache ||
           response->must_revalidate || response->proxy_revalidate || response->s_maxage_s >= 0;
}

bool stale_status_is_error(int status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

static int64_t stated_or_default_s(int64_t stated_s, int64_t default_s)
{
    return stated_s >= 0 ? stated_s : default_s;
}

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* Whether the request is not content with just any fresh response. */
static bool wants_younger(const struct cache_control *request)
{
    return request->no_cache || request->min_fresh_s >= 0 ||
           (request->max_age_s >= 0 && request->max_stale_s < 0);
}

int64_t stale_window_s(const struct cache_control *response, const struct cache_control *request,
                       enum stale_situation situation, const struct stale_windows *windows)
{
    int64_t window_s = 0;

    if (stale_is_forbidden(response))
        return 0;
    switch (situation) {
    case STALE_WHILE_REVALIDATING:
        window_s =
            stated_or_default_s(response->stale_while_revalidate_s, windows->while_revalidating_s);
        break;
    case STALE_IF_ERROR:
        window_s = stated_or_default_s(response->stale_if_error_s, windows->if_error_s);
        break;
    case STALE_IF_UNREACHABLE:
        window_s = stated_or_default_s(response->stale_if_error_s, windows->if_unreachable_s);
        break;
    }
    if (request == NULL)
        return window_s;
    if (wants_younger(request))
        window_s = 0;
    else if (request->max_stale_s >= 0)
        window_s = request->max_stale_s;
    if (situation != STALE_WHILE_REVALIDATING)
        window_s = larger(window_s, request->stale_if_error_s);
    return window_s;
}

enum reuse reuse_decide(const struct reuse_question *question)
{
    const struct cache_control *request = question->request;
    int64_t left_s = question->lifetime_s - question->age_s;
    int64_t window_s;

    if (request != NULL && (request->no_cache || request->max_age_s == 0 ||
                            (request->max_age_s >= 0 && question->age_s > request->max_age_s) ||
                            (request->min_fresh_s >= 0 && left_s < request->min_fresh_s)))
        return left_s > 0 ? REUSE_UNWANTED : REUSE_TOO_STALE;
    if (left_s > 0)
        return REUSE_FRESH;
    /* Within the second in which it got stale, it is so by less than one. */
    window_s =
        stale_window_s(question->response, request, STALE_WHILE_REVALIDATING, question->windows);
    if (-left_s >= window_s)
        return REUSE_TOO_STALE;
    return request != NULL && request->max_stale_s >= 0 ? REUSE_STALE : REUSE_REFRESH;
}
