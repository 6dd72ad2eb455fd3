/* SPDX-License-Identifier: MIT */
/*
 * names.c - see names.h.
 *
 * What one client's request says goes upstream for all who share its fetch. So nothing may go there
 * that asks for a part of the answer, makes it conditional, or concerns the connection or another
 * hop. Cookie and Authorization may: who they differ for shares no fetch.
 */
#include "config/names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <http/fields.h>

#define HOP       "concerns one connection, not the origin"
#define URL       "is made from the URL that is fetched"
#define OWN       "is written by this server itself"
#define CONDITION "is answered here, from the whole that is fetched"
#define DIRECTIVE "is for this cache, which obeys it"

struct refused_name {
    const char *name;
    const char *why;
};

static const struct refused_name refused_names[] = {
    {"Connection", HOP},
    {"Keep-Alive", HOP},
    {"Proxy-Authenticate", HOP},
    {"Proxy-Authorization", HOP},
    {"Proxy-Connection", HOP},
    {"TE", HOP},
    {"Trailer", HOP},
    {"Transfer-Encoding", HOP},
    {"Upgrade", HOP},
    {"Expect", HOP},
    {"Content-Length", HOP},
    {"Host", URL},
    {"Via", OWN},
    {"CDN-Loop", OWN},
    {"Range", CONDITION},
    {"If-Range", CONDITION},
    {"If-Match", CONDITION},
    {"If-None-Match", CONDITION},
    {"If-Modified-Since", CONDITION},
    {"If-Unmodified-Since", CONDITION},
    {"Cache-Control", DIRECTIVE},
    {"Pragma", DIRECTIVE},
    {"Accept-Encoding", "is not sent on: one representation is kept for all, the plain one"},
};

const char *names_refusal(const char *name)
{
    for (size_t i = 0; i < sizeof(refused_names) / sizeof(refused_names[0]); i++) {
        if (strcasecmp(name, refused_names[i].name) == 0)
            return refused_names[i].why;
    }
    return NULL;
}

/* The part before '/', without case. */
static bool is_named(const char *protocol, const char *name)
{
    return strcspn(protocol, "/") == strlen(name) && strncasecmp(protocol, name, strlen(name)) == 0;
}

/* name, or name/version. */
static bool is_protocol(const char *text)
{
    size_t bytes = strcspn(text, "/");

    return fields_is_token(span_of(text, bytes)) &&
           (text[bytes] == '\0' || fields_is_token(span_of_string(text + bytes + 1)));
}

/* Within another HTTP, or one that is encrypted, requests would go past this cache unseen. */
const char *names_protocol_refusal(const char *name)
{
    static const char *const refused[] = {"h2c", "h2", "h3", "http", "tls"};

    if (!is_protocol(name))
        return "is no protocol such as websocket";
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (is_named(name, refused[i]))
            return "would carry requests past this server";
    }
    return NULL;
}
