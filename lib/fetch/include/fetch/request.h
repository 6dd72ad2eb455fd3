/* SPDX-License-Identifier: MIT */
/*
 * request.h - what is asked of an origin, and under which settings: shared by the readers that ask
 * for the same, and by their flight.
 *
 * Both structs are constant from their making on, and counted, so that any thread may read them. A
 * policy is what a way in, or a route, decides; a change of the settings makes a new one, and
 * requests under different policies share no flight (COALESCING case 28).
 */
#ifndef FETCH_REQUEST_H
#define FETCH_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>

#include <cache/key.h>
#include <cache/store.h>
#include <fetch/settings.h>
#include <fetch/url.h>
#include <http/field_view.h>
#include <http/forwarding.h>
#include <http/url_reference.h>

struct fetch_policy {
    atomic_uint references;
    struct fetch_settings settings; /* those of one fetch; what all share, the fetcher has */
};

/* With whom a request shares a flight. */
struct flight_key {
    struct key key;
    char *bytes; /* NULL: they are the request's */
};

struct fetch_request {
    atomic_uint references;
    struct fetch_policy *policy;
    struct fetch_url *url;
    struct key key;       /* of all answers to it, whatever they vary by; its bytes are the URL's */
    struct fields fields; /* of the client, as the policy lets them through to the origin */
    bool has_credentials; /* some of them say who asks */
    struct fields part;   /* the client's Range and If-Range, for a fetch that nobody shares */
    bool is_of_server;    /* OPTIONS of the whole server, whose target is "*" */
    bool is_bypass;       /* goes to the origin by itself, and nothing of it is stored */
    char *method;         /* NULL: GET */
    char *host;           /* sent as Host; NULL: what the URL says */
    char *upgrade;        /* of a bypass: the protocol to go over to; NULL: none */
    char *public_host;    /* what clients call the origin, whose paths are the same; or NULL */
    char *key_bytes;      /* NULL: the URL's */
    size_t key_url_at;    /* where in them the URL begins */
    uint64_t name_hash;   /* of the key without what a proxy before us told; 0: that is the key */
};

/*
 * fetch_policy_new - with one reference.
 * Errors    -ENOMEM.
 * Owns      copies of the lists in `settings`; the strings there stay the caller's, and guard.own.
 */
int fetch_policy_new(const struct fetch_settings *settings, struct fetch_policy **ret_policy);

struct fetch_policy *fetch_policy_ref(struct fetch_policy *policy);

/* fetch_policy_unref - the last one frees it. NULL is a no-op. */
void fetch_policy_unref(struct fetch_policy *policy);

/* fetch_policy_forwards - whether the origin gets a client's field of this name. */
bool fetch_policy_forwards(const struct fetch_policy *policy, struct span name);

/*
 * fetch_request_new - a GET of the URL for a client that sent `client`, with one reference. `store`
 * says under which secret the key is hashed.
 * Errors    -ENOMEM; -E2BIG: the client's fields are too many.
 * Owns      references of its own to `policy` and `url`; copies of the fields.
 */
int fetch_request_new(struct fetch_policy *policy, const struct store *store, struct fetch_url *url,
                      struct field_view client, struct fetch_request **ret_request);

/*
 * fetch_request_for - the same for one more client: another reference to `plain`, a request without
 * fields, if the origin gets none of this client's.
 * Errors, Owns    as fetch_request_new().
 */
int fetch_request_for(struct fetch_request *plain, const struct store *store,
                      struct field_view client, struct fetch_request **ret_request);

/*
 * fetch_request_for_part - the same for a client who wants a part: what the origin is asked for if
 * the answer is for this client alone, instead of the whole.
 */
int fetch_request_for_part(struct fetch_request *plain, const struct store *store,
                           struct field_view client, struct fetch_request **ret_request);

/* What a proxy asks an origin for. Zeroed but for the first four, it is a plain GET. */
struct fetch_request_draft {
    struct fetch_policy *policy;
    const struct store *store;
    struct fetch_url *url;
    struct field_view client; /* all fields the client sent */
    struct span method;       /* length 0: GET */
    bool is_of_server;        /* OPTIONS of the whole server; the URL's path is "/" then */
    struct span host;         /* to be sent as Host; length 0: what the URL says */
    struct span upgrade;      /* of a GET: the protocol to go over to; length 0: none */
    struct span public_host;  /* what clients call it, if paths are the same; length 0: nothing */
    struct span told;         /* what else the origin may make its answers of; part of the key */
    const char *space;        /* what is stored for one route is not found by others; NULL: none */
    const struct forwarding_client *sender; /* of whom the origin is told; NULL: of nobody */
    unsigned styles;                        /* how: a set of enum forwarding_style */
};

/*
 * fetch_request_make - under a transparent policy: end-to-end fields pass, but for those of a GET
 * or HEAD that are the cache's affair (conditions, ranges). What a cache cannot answer, nor many
 * share, is marked as a bypass: other methods, If-Match, If-Unmodified-Since, no-store, upgrades.
 * Errors, Owns    as fetch_request_new(). Source    RFC 9110 sections 7.6.1, 9.2.3 and 13; RFC 9111
 * section 5.2.1.5
 */
int fetch_request_make(const struct fetch_request_draft *draft, struct fetch_request **ret_request);

/*
 * fetch_request_key_of_path - the key of a plain request for another path of the same origin, which
 * begins with '/'.
 * Errors    -ENOMEM, those of fetch_url_parse().
 * Owns      the caller frees ret_key->bytes.
 */
int fetch_request_key_of_path(const struct fetch_request *request, const struct store *store,
                              const char *path, size_t path_bytes, struct flight_key *ret_key);

#define FETCH_REQUEST_BASES_MAX 3

/*
 * fetch_request_bases - the URL as the origin may name it in its answer: by the host that it was
 * asked for, or by the one that clients use, which may be reached by either scheme. Returns how
 * many there are, at least one; they refer to the request.
 */
size_t fetch_request_bases(const struct fetch_request *request,
                           struct url_base ret_bases[FETCH_REQUEST_BASES_MAX]);

/* fetch_request_is_located - whether the answer names this URL as its own: the answer to a POST is
 * then one to a GET, too. Source: RFC 9110 section 9.3.3. */
bool fetch_request_is_located(const struct fetch_request *request, const struct fields *answer);

bool fetch_request_is_post(const struct fetch_request *request);

/* fetch_request_is_head - whether the answer has no body, whatever its length says. */
bool fetch_request_is_head(const struct fetch_request *request);

/* fetch_request_is_idempotent - whether it may be sent again. Source: RFC 9110 section 9.2.2. */
bool fetch_request_is_idempotent(const struct fetch_request *request);

/* fetch_request_is_credential - whether a field of this name says who asks: Authorization, Cookie.
 */
bool fetch_request_is_credential(struct span name);

struct fetch_request *fetch_request_ref(struct fetch_request *request);

/* fetch_request_unref - the last one frees it. NULL is a no-op. */
void fetch_request_unref(struct fetch_request *request);

#endif
