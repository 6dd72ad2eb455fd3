/* SPDX-License-Identifier: MIT */
/*
 * forwarding.h - what a proxy or a gateway owes to the messages that it passes on.
 *
 * Requests: forwarding_request_fields() makes the fields for the next hop. Host and the framing of
 * the body are the business of whoever writes the request, as are our own lines of Via and CDN-Loop
 * (forwarding_via_write()). Answers: fields_copy_end_to_end(), and Via.
 *
 * What chooses among stored answers (vary.h) must be read from the fields that this makes: a client
 * can have a field removed by naming it in Connection, and the origin answers what it got.
 */
#ifndef HTTP_FORWARDING_H
#define HTTP_FORWARDING_H

#include <http/field_view.h>
#include <stdint.h>

/*
 * forwarding_count_visits - how often the request has come past a server of this name: the larger
 * number of its members of Via and of CDN-Loop that name it. Letter case does not matter. Comments,
 * ports and parameters are left out of the comparison. A server whose name nobody shares has a loop
 * when this is not 0 (508).
 * Source    RFC 9110 section 7.6.3, RFC 8586 section 2.
 */
int forwarding_count_visits(struct field_view request, struct span own_name);

/* Room for what forwarding_via_write() writes, for a name of up to 128 bytes. */
#define FORWARDING_VIA_BYTES 160

/*
 * forwarding_via_write - a member of Via, for a message received by this version (10, 11, 20, 30):
 * "1.1 name". It goes behind the members that are there, on a line of its own.
 * Errors    -ENOBUFS
 * Source    RFC 9110 section 7.6.3.
 */
int forwarding_via_write(int http_version, struct span own_name, char *buffer, size_t room,
                         size_t *ret_length);

/* Who sent the request to us, and how. */
struct forwarding_client {
    struct span address; /* IPv4 or IPv6 as text; length 0: not to be told, "unknown" */
    uint16_t port;       /* 0: not to be told */
    struct span host;    /* the host[:port] that it asked for; length 0: none */
    bool is_https;       /* how it reached us */
    bool is_trusted;     /* what it says of clients before it is kept; else that is dropped */
};

/* Which fields tell the origin about the client. */
enum forwarding_style {
    FORWARDING_NOTHING = 0,
    FORWARDING_STANDARD = 1 << 0, /* Forwarded */
    FORWARDING_CUSTOMARY = 1 << 1 /* X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host */
};

/*
 * forwarding_element_write - one element of Forwarded: for, host and proto.
 * Errors    -ENOBUFS
 * Source    RFC 7239 sections 4, 5 and 6.
 */
int forwarding_element_write(const struct forwarding_client *client, char *buffer, size_t room,
                             size_t *ret_length);

/*
 * forwarding_request_fields - the fields of a request that go on: its end-to-end lines in their
 * order and spelling, and in the end what the styles say of the client, behind what a trusted one
 * said itself. A client that is not trusted has all it said of this kind dropped, in both styles:
 * Forwarded, X-Real-IP and all that begins with X-Forwarded-, with underscores too.
 * Left out: fields for one hop, Host, Content-Length and Expect. Via and CDN-Loop stay, even if
 * Connection names them. Max-Forwards goes on one smaller; look at forwarding_hops_left() before.
 * `styles`  a set of enum forwarding_style.
 * Errors    -ENOMEM. -EINVAL: a line that is no field. -E2BIG: over FIELDS_LINES_MAX or
 *           FIELDS_BYTES_MAX.
 * Owns      the caller ends `ret_fields` with fields_fini().
 * Source    RFC 9110 sections 7.6.1, 7.6.2 and 10.1.1; RFC 9112 section 3.2.2; RFC 7239 section 4.
 */
int forwarding_request_fields(struct field_view request, const struct forwarding_client *client,
                              unsigned styles, struct fields *ret_fields);

/*
 * forwarding_told_write - under which URL that tells the origin that it is known: the host, and
 * what a trusted client said of host, scheme, port and prefix. A part of the key of what is stored.
 * Lines, the first being the host; nothing where nothing is told. Errors    -ENOBUFS
 */
int forwarding_told_write(struct field_view request, const struct forwarding_client *client,
                          unsigned styles, char *buffer, size_t room, size_t *ret_length);

/*
 * forwarding_changes - whether the next hop may get other lines of this name than the request has:
 * what an answer varies by has to be read from what it got.
 */
bool forwarding_changes(struct field_view request, struct span name);

/*
 * forwarding_wants_trailers - whether TE says that the client takes fields behind a body. TE is for
 * one hop: who asks the next one for trailers writes it anew, and names it in Connection.
 * Source    RFC 9110 section 10.1.4.
 */
bool forwarding_wants_trailers(struct field_view request);

/*
 * forwarding_trailer_is_allowed - whether a field may come behind a body: none that frames, routes,
 * authenticates, or says how to handle the message, as that would come too late.
 * Source    RFC 9110 section 6.5.1.
 */
bool forwarding_trailer_is_allowed(struct span name);

/*
 * forwarding_interim_is_passed_on - whether an interim answer goes on to this client: not to
 * HTTP/1.0, not 101, and not a 100 that the client did not wait for.
 * Source    RFC 9110 sections 15.2 and 10.1.1.
 */
bool forwarding_interim_is_passed_on(int status, int client_http_version, bool client_expects_100);

/*
 * forwarding_hops_left - what Max-Forwards allows: 0 means answer it yourself. -1 where there is
 * none that can be read. Meant for TRACE and OPTIONS.
 * Source    RFC 9110 section 7.6.2.
 */
int forwarding_hops_left(struct field_view request);

#endif
