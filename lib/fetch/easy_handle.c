/* SPDX-License-Identifier: MIT */
/*
 * easy_handle.c - the handle through which libcurl is told what a transfer is about.
 *
 * Making a handle, and telling it what never changes, costs libcurl more than a small exchange. So
 * a transfer that came to a good end keeps its handle for the next call, with all that is the same
 * for every call; what belongs to one call is set before it and taken away behind it. Only plain
 * GETs do so: what else a call may ask for makes a handle of its own, and ends it.
 *
 * The URL is given in two parts: scheme, host and port, parsed by libcurl once and kept with the
 * handle; and what is asked for there, which libcurl sends as it is.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "curl_fields.h"
#include "curl_transfer.h"
#include "easy_handle.h"
#include "wire.h"

static bool is_same_text(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

/* What a handle has for good is that of the upstream's own settings. */
static bool has_usual_settings(const struct transfer *transfer)
{
    return is_same_text(transfer->settings->ca_bundle_path,
                        transfer->upstream->settings->ca_bundle_path);
}

/* Whether nothing is asked of libcurl but what is set for every call, or taken away behind it. */
static bool is_plain(const struct upstream_call *call)
{
    return call->method == NULL && call->body == NULL && call->upgrade == NULL;
}

static bool is_head(const struct upstream_call *call)
{
    return call->method != NULL && strcmp(call->method, "HEAD") == 0;
}

static void drop_origin(struct transfer *transfer)
{
    curl_url_cleanup(transfer->origin);
    free(transfer->origin_text);
    transfer->origin = NULL;
    transfer->origin_text = NULL;
}

void easy_handle_drop(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
    drop_origin(transfer);
}

/* Whatever libcurl could decide by itself is decided here. Rule G.12. */
static int make_easy(struct transfer *transfer)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return -ENOMEM;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_ALTSVC_CTRL, 0L);
    curl_easy_setopt(easy, CURLOPT_HSTS_CTRL, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    /* Else an unknown transfer coding would be refused, which head.c decides. */
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A certificate is looked at for each connection, by whichever handle it is made. */
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (transfer->settings->ca_bundle_path != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->settings->ca_bundle_path);
    transfer->easy = easy;
    curl_callbacks_set(transfer);
    return 0;
}

/* Whether libcurl's parser has seen the scheme, host and port that ours saw. */
static bool is_origin_of(CURLU *origin, const struct fetch_url *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    char expected_port[6];
    struct span seen_host;
    bool is_same = false;

    snprintf(expected_port, sizeof expected_port, "%u", url->port);
    if (curl_url_get(origin, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(origin, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(origin, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        seen_host = span_of_string(host);
        if (url->family == AF_INET6 && seen_host.length > 2)
            seen_host = span_of(host + 1, seen_host.length - 2);
        is_same = strcmp(scheme, url->is_https ? "https" : "http") == 0 &&
                  span_equals(seen_host, span_of_string(url->host)) &&
                  strcmp(port, expected_port) == 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return is_same;
}

/* What the guard judges is what libcurl connects to: its parser has to agree. Errors: -ENOMEM;
 * -EACCES: it does not. */
static int parse_origin(struct transfer *transfer)
{
    const struct fetch_url *url = transfer->call->url;
    CURLUcode result;

    transfer->origin_text = strndup(url->text, (size_t)(url->path - url->text));
    transfer->origin = curl_url();
    if (transfer->origin_text == NULL || transfer->origin == NULL)
        return -ENOMEM;
    result = curl_url_set(transfer->origin, CURLUPART_URL, transfer->origin_text, 0);
    if (result == CURLUE_OUT_OF_MEMORY)
        return -ENOMEM;
    if (result != CURLUE_OK || !is_origin_of(transfer->origin, url)) {
        transfer->refusal = GUARD_NAME;
        return -EACCES;
    }
    return 0;
}

static int set_origin(struct transfer *transfer)
{
    const struct fetch_url *url = transfer->call->url;
    size_t bytes = (size_t)(url->path - url->text);
    int err;

    if (transfer->origin_text != NULL && strncmp(transfer->origin_text, url->text, bytes) == 0 &&
        transfer->origin_text[bytes] == '\0')
        return 0;
    drop_origin(transfer);
    err = parse_origin(transfer);
    if (err < 0)
        return err;
    /* What the handle has noted of another origin goes. */
    curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL);
    curl_easy_setopt(transfer->easy, CURLOPT_CURLU, transfer->origin);
    return 0;
}

/* The lists that it is given are the transfer's, and set anew by each. Errors: -ENOMEM. */
static int set_request(struct transfer *transfer)
{
    const struct upstream_call *call = transfer->call;
    CURL *easy = transfer->easy;
    int err = 0;

    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->settings->connect_timeout_ms);
    if (call->upgrade != NULL) {
        wire_set_options(easy);
        return 0;
    }
    assert(!is_head(call) || call->body == NULL); /* libcurl would announce it, and send nothing */
    if (call->fields != NULL || call->is_verbatim || call->host != NULL || call->body != NULL)
        err = curl_fields_make(transfer->settings, call, &transfer->fields);
    if (err < 0)
        return err;
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->is_on_new_connection ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                     transfer->fields != NULL ? transfer->fields
                                              : transfer->upstream->plain_fields);
    if (call->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body->length_bytes);
    }
    /* A body alone would make libcurl say PUT. */
    if (is_head(call))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (!is_plain(call) &&
             curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                              call->method != NULL ? call->method : "GET") != CURLE_OK)
        return -ENOMEM;
    return curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET,
                            call->target != NULL ? call->target : call->url->path) == CURLE_OK
               ? 0
               : -ENOMEM;
}

/* "host:port:address,address": the transfer's own name cache. Rule F.10. */
static int pin_addresses(struct transfer *transfer)
{
    const struct fetch_url *url = transfer->call->url;
    size_t room = strlen(url->host) + 16 + transfer->query.address_count * (INET6_ADDRSTRLEN + 3);
    char *line = malloc(room);
    char text[INET6_ADDRSTRLEN];
    int used;

    if (line == NULL)
        return -ENOMEM;
    used = snprintf(line, room, "%s:%u:", url->host, url->port);
    for (size_t i = 0; i < transfer->query.address_count; i++) {
        const union resolver_address *address = &transfer->query.addresses[i];
        bool is_ipv6 = address->any.sa_family == AF_INET6;
        const void *bytes = is_ipv6 ? (const void *)&address->ipv6.sin6_addr
                                    : (const void *)&address->ipv4.sin_addr;
        inet_ntop(address->any.sa_family, bytes, text, sizeof text);
        used += snprintf(line + used, room - (size_t)used, is_ipv6 ? "%s[%s]" : "%s%s",
                         i > 0 ? "," : "", text);
    }
    assert((size_t)used < room);
    transfer->pin_list = curl_slist_append(NULL, line);
    free(line);
    transfer->pins = curl_share_init();
    if (transfer->pin_list == NULL || transfer->pins == NULL ||
        curl_share_setopt(transfer->pins, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK)
        return -ENOMEM;
    curl_easy_setopt(transfer->easy, CURLOPT_SHARE, transfer->pins);
    curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, transfer->pin_list);
    return 0;
}

int easy_handle_prepare(struct transfer *transfer)
{
    int err = 0;

    if (transfer->easy != NULL && !(is_plain(transfer->call) && has_usual_settings(transfer)))
        easy_handle_drop(transfer);
    if (transfer->easy == NULL)
        err = make_easy(transfer);
    if (err == 0)
        err = set_origin(transfer);
    if (err == 0)
        err = set_request(transfer);
    if (err == 0 && transfer->call->url->family == AF_UNSPEC)
        err = pin_addresses(transfer);
    return err;
}

static void take_pins_away(struct transfer *transfer)
{
    if (transfer->easy != NULL) {
        curl_easy_setopt(transfer->easy, CURLOPT_SHARE, NULL);
        curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, NULL);
    }
    curl_share_cleanup(transfer->pins);
    curl_slist_free_all(transfer->pin_list);
    transfer->pins = NULL;
    transfer->pin_list = NULL;
}

void easy_handle_settle(struct transfer *transfer, bool is_fit)
{
    if (transfer->easy == NULL || !is_fit || !is_plain(transfer->call) ||
        !has_usual_settings(transfer))
        easy_handle_drop(transfer);
    else
        curl_easy_setopt(transfer->easy, CURLOPT_VERBOSE, 0L);
    if (transfer->pins != NULL || transfer->pin_list != NULL)
        take_pins_away(transfer);
    free(transfer->fields);
    transfer->fields = NULL;
}
