/* SPDX-License-Identifier: MIT */
/*
 * operator.c - see operator.h. Requests to the operator are few, so the loops share one token under
 * a mutex.
 */
#include "operator.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../problem.h"

struct operator_guard {
    bool needs_token;
    pthread_mutex_t mutex; /* guards what follows */
    struct token token;
};

int operator_guard_new(const struct token *token, bool needs_token,
                       struct operator_guard **ret_guard)
{
    struct operator_guard *guard = calloc(1, sizeof *guard);

    if (guard == NULL)
        return -ENOMEM;
    assert(token->length > 0 || !needs_token);
    guard->needs_token = needs_token;
    pthread_mutex_init(&guard->mutex, NULL);
    guard->token = *token;
    *ret_guard = guard;
    return 0;
}

void operator_guard_free(struct operator_guard *guard)
{
    if (guard == NULL)
        return;
    token_wipe(&guard->token);
    pthread_mutex_destroy(&guard->mutex);
    free(guard);
}

bool operator_guard_set_token(struct operator_guard *guard, const struct token *token)
{
    if (token->length == 0 && guard->needs_token)
        return false;
    pthread_mutex_lock(&guard->mutex);
    guard->token = *token;
    pthread_mutex_unlock(&guard->mutex);
    return true;
}

/* What only browsers send, and of themselves: no page can leave it out. Source: RFC 6454 section
 * 7.3; Fetch Metadata, section 2.4, where "none" is what the user asked for by hand. */
static bool is_of_page(const struct request *request)
{
    const struct span *site = request_field(request, "Sec-Fetch-Site");

    return request_field(request, "Origin") != NULL ||
           (site != NULL && !span_equals_ignoring_case(*site, span_of_string("none")));
}

/* Whether the host is a name or address of this machine that nobody can point elsewhere, or none:
 * browsers always send one. */
static bool is_host_of_loopback(struct span authority)
{
    const char *colon = memrchr(authority.bytes, ':', authority.length);
    const char *bracket = memrchr(authority.bytes, ']', authority.length);
    char text[INET6_ADDRSTRLEN];
    struct in_addr address;

    if (authority.length == 0)
        return true;
    if (colon != NULL && (bracket == NULL || colon > bracket))
        authority.length = (size_t)(colon - authority.bytes);
    if (span_equals_ignoring_case(authority, span_of_string("localhost")) ||
        span_equals(authority, span_of_string("[::1]")))
        return true;
    if (authority.length >= sizeof(text))
        return false;
    memcpy(text, authority.bytes, authority.length);
    text[authority.length] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* The credentials behind "Bearer"; false: another scheme. Source: RFC 6750 section 2.1. */
static bool read_bearer(struct span value, struct span *ret_text)
{
    static const char scheme[] = "Bearer ";
    size_t length = sizeof(scheme) - 1;

    if (value.length < length ||
        !span_equals_ignoring_case(span_of(value.bytes, length), span_of(scheme, length)))
        return false;
    *ret_text = span_trim(span_of(value.bytes + length, value.length - length));
    return true;
}

static bool refuse(struct request *request, int status, const char *challenge, const char *detail)
{
    const struct reply_field field = {.name = "WWW-Authenticate", .value = challenge};

    problem_send(request, status, detail, &field, challenge != NULL ? 1 : 0);
    return false;
}

#define CHALLENGE "Bearer realm=\"fetchonce operator\""

/* Source: RFC 6750 sections 3 and 3.1: a challenge alone if there is nothing to be wrong. */
static bool has_token(const struct token *token, struct request *request)
{
    const struct span *value = request_field(request, "Authorization");
    struct span text;

    if (value != NULL && request_field_next(request, "Authorization", value) != NULL)
        return refuse(request, 400, CHALLENGE ", error=\"invalid_request\"",
                      "There is more than one Authorization field.");
    if (value == NULL || !read_bearer(*value, &text))
        return refuse(request, 401, CHALLENGE,
                      "This is for the operator, whose requests carry a token: Authorization: "
                      "Bearer TOKEN.");
    if (!token_equals(token, text))
        return refuse(request, 401, CHALLENGE ", error=\"invalid_token\"",
                      "The token is not the operator's.");
    return true;
}

static bool admits(struct request *request, void *context)
{
    struct operator_guard *guard = context;
    struct token token;
    bool is_admitted;

    if (is_of_page(request))
        return refuse(request, 403, NULL, "Pages of a browser may not ask for this.");
    pthread_mutex_lock(&guard->mutex);
    token = guard->token;
    pthread_mutex_unlock(&guard->mutex);
    if (token.length > 0)
        is_admitted = has_token(&token, request);
    else if (is_host_of_loopback(request->authority))
        is_admitted = true;
    else
        is_admitted = refuse(request, 421, NULL,
                             "Without a token, this is served under names and addresses of this "
                             "machine alone: ask for 127.0.0.1, [::1] or localhost.");
    token_wipe(&token);
    return is_admitted;
}

struct server_guard operator_server_guard(struct operator_guard *guard, uint64_t addresses)
{
    return (struct server_guard){.addresses = addresses, .admits = admits, .context = guard};
}
