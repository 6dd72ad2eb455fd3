/* SPDX-License-Identifier: MIT */
/*
 * confirm.c - an exchange that is asked whether a stored answer still holds, and says so.
 *
 * Answers carry the number of their exchange as their entity tag, so the tag in If-None-Match names
 * the exchange whose body is stored. A 304 takes the place of that exchange's head; the body stays
 * the other's.
 */
#include <stdio.h>

#include "flight.h"
#include "sim.h"

struct sim_exchange *sim_content(struct sim_exchange *exchange)
{
    return exchange->confirmed != NULL ? exchange->confirmed : exchange;
}

static struct sim_exchange *exchange_of_tag(struct sim *sim, struct span tag)
{
    unsigned number = 0;

    for (size_t i = 0; i < tag.length; i++) {
        if (tag.bytes[i] >= '0' && tag.bytes[i] <= '9')
            number = number * 10 + (unsigned)(tag.bytes[i] - '0');
    }
    if (number >= sim->exchanges_count)
        sim_fail(sim, "an entity tag that the origin never gave");
    return &sim->exchanges[number];
}

/* What may be asked about: a whole answer of this very URL, from before no purge. */
static void check_question(struct sim_exchange *exchange, struct sim_exchange *content)
{
    struct sim *sim = exchange->sim;

    if (exchange->flight->hops > 0)
        sim_fail(sim, "exchange %u: conditions are sent to where a redirect led", exchange->number);
    if (content->key != exchange->key || content->is_redirected)
        sim_fail(sim, "exchange %u: asked about the answer of another URL", exchange->number);
    if (!content->is_whole || !content->is_keepable)
        sim_fail(sim, "exchange %u: asked about what was not to be stored", exchange->number);
    if (content->generation != exchange->generation)
        sim_fail(sim, "exchange %u: asked about what was purged", exchange->number);
}

void sim_draw_confirmation(struct sim_exchange *exchange)
{
    struct sim_random *random = &exchange->sim->random;
    struct sim_exchange *content;
    struct span tag;

    if (exchange->call->fields == NULL ||
        !fields_find(exchange->call->fields, "If-None-Match", &tag))
        return;
    content = exchange_of_tag(exchange->sim, tag);
    check_question(exchange, content);
    exchange->is_conditional = true;
    if (sim_chance(random, 40))
        return; /* it has changed, or something else is amiss */
    exchange->answer = sim_chance(random, 70)   ? SIM_STORABLE
                       : sim_chance(random, 50) ? SIM_SHARED
                                                : SIM_PRIVATE;
    exchange->ending = sim_chance(random, 90) ? SIM_END_WHOLE : SIM_END_RESET;
    exchange->is_not_modified = true;
    exchange->body_bytes = 0;
    exchange->length_bytes = 0;
    if (sim_chance(random, 20))
        return; /* of another answer, which is what has to be noticed */
    exchange->confirmed = content;
    exchange->body_bytes = content->body_bytes;
    exchange->sent_bytes = content->body_bytes;
    exchange->length_bytes = (int64_t)content->body_bytes;
}

void sim_fill_confirmation(struct sim_exchange *exchange, struct fields *fields)
{
    char tag[32];

    exchange->status = 304;
    if (exchange->confirmed != NULL && sim_chance(&exchange->sim->random, 30))
        return; /* without a tag, it is about what was asked */
    snprintf(tag, sizeof tag, "\"%u\"",
             exchange->confirmed != NULL ? exchange->confirmed->number : exchange->number);
    fields_append(fields, span_of_string("ETag"), span_of_string(tag));
}
