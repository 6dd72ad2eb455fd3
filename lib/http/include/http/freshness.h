/* SPDX-License-Identifier: MIT */
/*
 * freshness.h - how old a response is, and how long a shared cache may use it.
 *
 * freshness_read() gathers once what the fields of a response say; the other functions calculate
 * from that. All times are wall-clock seconds given by the caller. Whether a response may be stored
 * at all is a different question: see storable.h.
 */
#ifndef HTTP_FRESHNESS_H
#define HTTP_FRESHNESS_H

#include <http/cache_control.h>
#include <http/fields.h>
#include <stdint.h>

/* What a response says about its own lifetime. */
struct freshness {
    struct cache_control control;
    int64_t date_s;     /* Date, or the time of arrival where it is missing or unreadable */
    int64_t expires_s;  /* Expires; 0 (long ago) where it is unreadable; see has_expires */
    int64_t age_s;      /* Age; 0 where it is missing or unreadable */
    int64_t modified_s; /* Last-Modified; see has_modified */
    int status;
    bool has_expires;  /* false with `is_targeted`, which overrules it */
    bool has_modified; /* there is a Last-Modified that can be read */
    bool is_targeted;  /* `control` comes from a field that is meant for caches such as this one */
};

/* What counts where a response states no lifetime, and its status allows a guess. */
struct freshness_policy {
    int64_t heuristic_max_s; /* a tenth of the time since Last-Modified, but no more; 0: no guess */
    int64_t default_s;       /* where there is nothing to guess from; 0: it is stale at once */
};

/*
 * freshness_read - from the fields of a response that arrived at `response_s`.
 * Several lines of Expires that differ count as one that cannot be read. Age is the first member of
 * the first line; anything but a whole number there is ignored.
 * Source    RFC 9111 sections 4.2.1, 5.1, 5.2, 5.3; RFC 9110 section 6.6.1.
 */
void freshness_read(const struct fields *fields, int status, int64_t response_s,
                    struct freshness *ret_freshness);

/*
 * freshness_read_targeted - the same, where one of the fields `names` (as in
 * cache_control_read_targeted(); NULL: none) counts in the place of Cache-Control and Expires.
 * Source    RFC 9213 section 2.2.
 */
void freshness_read_targeted(const struct fields *fields, int status, int64_t response_s,
                             const char *const *names, struct freshness *ret_freshness);

/*
 * freshness_lifetime_by - seconds from its creation during which a shared cache may use the
 * response without asking: s-maxage, else max-age, else Expires - Date, else what the policy says,
 * which counts only for statuses that allow a guess and for responses marked public. 0 for
 * no-cache. Never negative.
 * Source    RFC 9111 sections 4.2.1, 4.2.2 and 5.2.2.4.
 */
int64_t freshness_lifetime_by(const struct freshness *freshness,
                              const struct freshness_policy *policy);

/* freshness_lifetime_s - the same, by a policy of nothing but this default. */
int64_t freshness_lifetime_s(const struct freshness *freshness, int64_t default_s);

/* Whether the lifetime is stated by the response, and not the caller's guess. */
bool freshness_is_explicit(const struct freshness *freshness);

/*
 * freshness_initial_age_s - age at the moment of arrival, for a request sent at `request_s`.
 * Source    RFC 9111 section 4.2.3 (corrected_initial_age).
 */
int64_t freshness_initial_age_s(const struct freshness *freshness, int64_t request_s,
                                int64_t response_s);

/*
 * freshness_current_age_s - age now. A clock that was set back counts as no time passed.
 * Source    RFC 9111 section 4.2.3 (current_age).
 */
int64_t freshness_current_age_s(int64_t initial_age_s, int64_t response_s, int64_t now_s);

/*
 * freshness_status_is_heuristic - whether this status may get a lifetime that nobody stated.
 * Source    RFC 9110 section 15.1; RFC 7725 section 3 for 451.
 */
bool freshness_status_is_heuristic(int status);

#endif
