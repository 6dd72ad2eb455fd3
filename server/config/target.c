/* SPDX-License-Identifier: MIT */
/*
 * target.c - see target.h. Hosts and URLs are read by the parser that reads those of /fetch, so
 * that a route cannot name what could not be fetched.
 */
#include "config/target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <fetch/url.h>
#include <http/url.h>

static int refuse(const char *why, const char **ret_why)
{
    *ret_why = why;
    return -EINVAL;
}

/* Whether the server answers the path itself, before any route does. */
static bool is_own_path(const char *path)
{
    static const char *const own[] = {"/fetch", "/access", "/healthz"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(path, own[i]) == 0)
            return true;
    }
    return false;
}

int target_prefix_parse(const char *text, char ret_prefix[TARGET_PREFIX_BYTES_MAX + 1],
                        const char **ret_why)
{
    char prefix[TARGET_PREFIX_BYTES_MAX + 1];
    char escaped[TARGET_PREFIX_BYTES_MAX + 1];
    size_t bytes = strlen(text), escaped_bytes, prefix_bytes;

    if (text[0] != '/')
        return refuse("has to begin with /", ret_why);
    if (bytes > TARGET_PREFIX_BYTES_MAX)
        return refuse("is longer than 255 bytes", ret_why);
    for (const char *byte = text; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte > '~' || strchr("\"#<>?\\^`{|}", *byte) != NULL)
            return refuse("has a byte that no path of a URL has; write it as %XX", ret_why);
    }
    if (url_escapes_normalise(span_of(text, bytes), escaped, sizeof(escaped), &escaped_bytes) < 0 ||
        url_path_normalise(span_of(text, bytes), prefix, sizeof(prefix), &prefix_bytes) < 0)
        return refuse("has a % that no two hexadecimal digits follow", ret_why);
    /* No request comes to such a path: its dots are taken out, or it is refused. */
    if (prefix_bytes != escaped_bytes || url_path_hides_dots(span_of(prefix, prefix_bytes)))
        return refuse("has a segment . or .., which clients leave out", ret_why);
    prefix[prefix_bytes] = '\0';
    if (is_own_path(prefix))
        return refuse("is a path that this server answers itself", ret_why);
    memcpy(ret_prefix, prefix, prefix_bytes + 1);
    return 0;
}

/* Whether the host itself tells a port. */
static bool has_port(const char *host)
{
    const char *bracket = strrchr(host, ']');
    return strchr(bracket != NULL ? bracket : host, ':') != NULL;
}

int target_host_parse(const char *text, char ret_host[TARGET_HOST_BYTES_MAX + 1],
                      const char **ret_why)
{
    char url_text[TARGET_HOST_BYTES_MAX + 16];
    struct fetch_url *url;
    int bytes, err;

    if (text[0] == '\0') {
        ret_host[0] = '\0';
        return 0;
    }
    if (strpbrk(text, "/?#@") != NULL)
        return refuse("is no host; it is written as in example.com or example.com:8443", ret_why);
    bytes = snprintf(url_text, sizeof(url_text), "http://%s/", text);
    if (bytes >= (int)sizeof(url_text))
        return refuse("is longer than any host", ret_why);
    err = fetch_url_parse(url_text, (size_t)bytes, sizeof(url_text), &url);
    if (err == -ENOMEM) {
        *ret_why = "cannot be read: out of memory";
        return err;
    }
    if (err < 0)
        return refuse("is no host; it is written as in example.com or example.com:8443", ret_why);
    bytes = snprintf(ret_host, TARGET_HOST_BYTES_MAX + 1, url->family == AF_INET6 ? "[%s]" : "%s",
                     url->host);
    if (has_port(text))
        snprintf(ret_host + bytes, TARGET_HOST_BYTES_MAX + 1 - (size_t)bytes, ":%u", url->port);
    fetch_url_unref(url);
    return 0;
}

int target_upstream_parse(const char *text, char ret_url[CONFIG_URL_BYTES_MAX + 1],
                          const char **ret_why)
{
    struct fetch_url *url;
    int err = 0;

    if (strpbrk(text, "?#") != NULL)
        return refuse("may not have a query or a fragment", ret_why);
    err = fetch_url_parse(text, strlen(text), CONFIG_URL_BYTES_MAX, &url);
    if (err == -EPROTONOSUPPORT)
        return refuse("has to begin with http:// or https://", ret_why);
    if (err < 0) {
        *ret_why = err == -ENOMEM ? "cannot be read: out of memory"
                                  : "is no URL such as http://127.0.0.1:9000";
        return err == -ENOMEM ? err : -EINVAL;
    }
    if (url->text_bytes > CONFIG_URL_BYTES_MAX)
        err = refuse("is longer than 255 bytes", ret_why);
    else
        memcpy(ret_url, url->text, url->text_bytes + 1);
    fetch_url_unref(url);
    return err;
}
