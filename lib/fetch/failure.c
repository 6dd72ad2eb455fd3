/* SPDX-License-Identifier: MIT */
/*
 * failure.c - the table of failures.
 *
 * One text for every refusal of the guard, and one for all that keeps a connection from being made:
 * who asks must not learn which addresses, ports and names exist behind this server.
 */
#include "failure.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    int status;
    struct fetch_failure failure;
} failures[] = {
    {-EACCES,
     {403, FETCH_TROUBLE_FINAL, "this URL may not be fetched through this server", 0, "guard",
      false}},
    {-ENOENT,
     {502, FETCH_TROUBLE_NO_ANSWER, "the origin could not be reached", 1, "no-such-name", false}},
    {-ECONNREFUSED,
     {502, FETCH_TROUBLE_NO_ANSWER, "the origin could not be reached", 1, "no-connection", false}},
    {-ECONNRESET,
     {502, FETCH_TROUBLE_NO_ANSWER,
      "the origin closed the connection before its answer was complete", 1, "connection-broke",
      false}},
    {-EPROTO,
     {502, FETCH_TROUBLE_ERROR, "the origin's answer is not valid HTTP", 0, "not-http", false}},
    {-EBADMSG,
     {502, FETCH_TROUBLE_ERROR, "the origin redirects to a URL that is not valid", 0,
      "bad-redirect", false}},
    {-ELOOP,
     {502, FETCH_TROUBLE_ERROR, "the origin redirects too often", 0, "too-many-redirects", false}},
    {-EFBIG, {502, FETCH_TROUBLE_ERROR, "the origin's answer is too large", 0, "too-large", false}},
    {-ETIMEDOUT,
     {504, FETCH_TROUBLE_NO_ANSWER, "the origin did not answer in time", 5, "timeout", false}},
    {-EBUSY,
     {503, FETCH_TROUBLE_NO_ANSWER, "too many requests wait for an origin", 1, "too-many-waiters",
      true}},
    {-EHOSTDOWN,
     {503, FETCH_TROUBLE_NO_ANSWER, "the origin has failed, and is left alone for a while", 1,
      "left-alone", true}},
    {-ENOMEM,
     {503, FETCH_TROUBLE_NO_ANSWER, "this server is out of memory", 1, "out-of-memory", false}},
    {-ESHUTDOWN, {503, FETCH_TROUBLE_NO_ANSWER, "this server is stopping", 5, "stopping", false}},
    {-ECANCELED,
     {502, FETCH_TROUBLE_ERROR, "the origin's answer was given up", 1, "given-up", false}},
};

struct fetch_failure failure_of_status(int status)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        if (failures[i].status == status)
            return failures[i].failure;
    }
    return (struct fetch_failure){
        502, FETCH_TROUBLE_ERROR, "the origin's answer could not be read", 1, "other", false};
}

struct fetch_failure failure_of_error(void)
{
    return (struct fetch_failure){
        503, FETCH_TROUBLE_ERROR, "the origin cannot answer for the time being",
        1,   "origin-error",      false};
}
