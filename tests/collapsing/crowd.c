/* SPDX-License-Identifier: MIT */
/* crowd.c - what became of some clients together; the crowd_* functions of trial.h. */
#include <string.h>

#include "trial.h"

size_t crowd_count_good(struct crowd crowd, int status)
{
    size_t count = 0;

    for (size_t i = 0; i < crowd.count; i++)
        count += client_is_good(crowd.clients[i], status);
    return count;
}

size_t crowd_count_error(struct crowd crowd)
{
    size_t count = 0;

    for (size_t i = 0; i < crowd.count; i++)
        count += client_is_error(crowd.clients[i]);
    return count;
}

size_t crowd_count_over(struct crowd crowd)
{
    size_t count = 0;

    for (size_t i = 0; i < crowd.count; i++)
        count += client_is_over(crowd.clients[i]);
    return count;
}

size_t crowd_count_label(struct crowd crowd, unsigned label)
{
    size_t count = 0;

    for (size_t i = 0; i < crowd.count; i++)
        count += crowd.clients[i]->reply.content.label == label;
    return count;
}

size_t crowd_count_labels(struct crowd crowd)
{
    static bool is_seen[CONTENT_LABEL_MAX + 1];
    size_t count = 0;

    memset(is_seen, 0, sizeof(is_seen));
    for (size_t i = 0; i < crowd.count; i++) {
        unsigned label = crowd.clients[i]->reply.content.label;
        if (label > 0 && label <= CONTENT_LABEL_MAX && !is_seen[label]) {
            is_seen[label] = true;
            count++;
        }
    }
    return count;
}

int64_t crowd_last_end_ns(struct crowd crowd)
{
    int64_t last_ns = 0;

    for (size_t i = 0; i < crowd.count; i++) {
        if (crowd.clients[i]->end_ns > last_ns)
            last_ns = crowd.clients[i]->end_ns;
    }
    return last_ns;
}

const char *crowd_odd_one(struct crowd crowd, int status)
{
    for (size_t i = 0; i < crowd.count; i++) {
        if (!client_is_good(crowd.clients[i], status))
            return client_describe(crowd.clients[i]);
    }
    return "none";
}
