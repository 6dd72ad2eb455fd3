/* SPDX-License-Identifier: MIT */
/*
 * error.c - the library's statuses in words.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <async/waiter.h>

static const char *describe(int status)
{
    /* An INT_MIN has no positive. */
    const char *text = status < -INT_MAX ? NULL : strerrordesc_np(-status);

    return text != NULL ? text : "an error that has no name";
}

const char *async_error_text(int status)
{
    switch (status) {
    case -EINVAL:
        return "nobody holds what the call needs held";
    case -EPERM:
        return "another holds what the call needs held";
    case -EDEADLK:
        return "the waiter already holds what it asks for and would wait for itself";
    case -ETIMEDOUT:
        return "the deadline passed first";
    case -EAGAIN:
        return "it would have to wait";
    case -EOVERFLOW:
        return "released more often than acquired";
    case -ESHUTDOWN:
        return "it has been shut down";
    case -EPIPE:
        return "the barrier was broken or reset";
    default:
        return status >= 0 ? "success" : describe(status);
    }
}
