/* SPDX-License-Identifier: MIT */
/*
 * storable.h - whether a shared cache may store a response to GET, HEAD or POST, and if not, why.
 *
 * The answer is a reason, so that the log and Cache-Status can name it. Vary with names is
 * storable: choosing among variants belongs to the key. Size and budget belong to the store.
 */
#ifndef HTTP_STORABLE_H
#define HTTP_STORABLE_H

#include <http/fields.h>
#include <http/freshness.h>

enum storable {
    STORABLE_YES,
    STORABLE_NO_STATUS,        /* not final, partial, forbidden for this status, or not understood
                                * under must-understand */
    STORABLE_NO_METHOD,        /* the answer to a POST that is not one for a later GET */
    STORABLE_NO_STORE,         /* Cache-Control: no-store, of the response or of the request */
    STORABLE_NO_PRIVATE,       /* Cache-Control: private */
    STORABLE_NO_SET_COOKIE,    /* Set-Cookie, and neither public nor s-maxage */
    STORABLE_NO_VARY,          /* Vary: *, or names that cannot be read (vary.h) */
    STORABLE_NO_AUTHORIZATION, /* the request had Authorization and the response does not allow it
                                */
    STORABLE_NO_LIFETIME,      /* nothing states a lifetime and the status allows no guess */
    STORABLE_COUNT,
};

struct storable_request {
    bool is_post;
    bool is_located;   /* POST: the response has a Content-Location, and it is the target URI */
    bool has_no_store; /* the request said Cache-Control: no-store */
    bool partial_is_allowed;    /* the caller can keep a 206 as what it is */
    bool has_authorization;     /* the request that went upstream carried Authorization */
    bool set_cookie_is_allowed; /* the route leaves Set-Cookie to the standard, which permits it */
};

/*
 * storable_check - the verdict, made when the headers of the response are there. Other methods than
 * those named above: never ask, never store.
 * Source    RFC 9111 sections 3, 3.3, 3.5, 4.1, 5.2.1.5, 5.2.2.3 and 7.3; RFC 9110 section 9.3.3;
 * RFC 6585 for the statuses that must not be stored.
 */
enum storable storable_check(const struct freshness *freshness, const struct fields *fields,
                             const struct storable_request *request);

/* A short token for logs and for the detail of Cache-Status, such as "no-store". */
const char *storable_name(enum storable storable);

#endif
