/* SPDX-License-Identifier: MIT */
/*
 * flight_revalidate.c - asking the origin whether what is stored is still right (cases 14, 19).
 *
 * A flight that finds an answer in the store which may not be used as it is sends its validators
 * along with the first hop; never a client's, whose conditions are compared with the result. A 304
 * that is about the stored answer makes a new entry of it: the same body, the fields of both. One
 * that is not makes the flight ask once more, without conditions.
 *
 * An answer that came by way of redirects is not asked about: its validators are those of another
 * URL, and to be told "not modified" by the first would mean nothing.
 */
#include "flight_revalidate.h"

#include <errno.h>
#include <string.h>

#include <http/date.h>
#include <http/update.h>

#include "fault.h"
#include "flight_vary.h"

/* Whether what is stored can be confirmed. A flight under another key than the entry's was joined
 * by readers whom that entry does not suit. */
static bool can_be_confirmed(const struct flight *flight)
{
    const struct entry *stored = flight->stored;

    return stored != NULL && !flight->is_plain_only && !stored->is_redirected &&
           entry_has_validator(stored) && key_equals(&stored->key, &flight->key.key);
}

/* `tells_who`: also what says who asks. */
static int append_all(struct fields *fields, const struct fields *source, bool tells_who)
{
    struct field field;
    size_t position = 0;
    int err = 0;

    while (err == 0 && fields_next(source, &position, &field)) {
        if (tells_who || !fetch_request_is_credential(field.name))
            err = fields_append(fields, field.name, field.value);
    }
    return err;
}

static int append_conditions(struct fields *fields, const struct entry *stored)
{
    struct span etag = entry_etag(stored), modified = entry_last_modified(stored);
    int64_t modified_s;
    int err = 0;

    if (etag.length > 0)
        err = fields_append(fields, span_of_string("If-None-Match"), etag);
    if (err == 0 && modified.length > 0 &&
        date_parse(modified, stored->response_s, &modified_s) == 0)
        err = fields_append(fields, span_of_string("If-Modified-Since"), modified);
    return err;
}

/* A redirect may lead to another origin. Source: RFC 9110 section 15.4. */
static bool is_elsewhere(const struct flight *flight)
{
    const struct fetch_url *hop = flight->hop, *first = flight->request->url;

    return hop->is_https != first->is_https || hop->port != first->port ||
           strcmp(hop->host, first->host) != 0;
}

/* The client's range goes to the origin if nobody else is to get the answer; what says who the
 * client is, to the origin it has asked and no other. */
int flight_choose_fields(struct flight *flight)
{
    const struct fetch_request *request = flight->request;
    bool tells_who = !request->has_credentials || !is_elsewhere(flight);
    int err;

    flight->is_conditional = flight->hops == 0 && can_be_confirmed(flight);
    flight_find_beginning(flight);
    flight->call.fields = fields_count(&request->fields) > 0 ? &request->fields : NULL;
    if (!flight->is_conditional && !flight->is_part && flight->beginning == NULL && tells_who)
        return 0;
    fields_fini(&flight->call_fields);
    err = append_all(&flight->call_fields, &request->fields, tells_who);
    if (err == 0 && flight->is_part)
        err = append_all(&flight->call_fields, &request->part, true);
    if (err == 0 && flight->is_conditional)
        err = append_conditions(&flight->call_fields, flight->stored);
    if (err == 0 && flight->beginning != NULL)
        err = flight_ask_for_rest(flight, &flight->call_fields);
    flight->call.fields = &flight->call_fields;
    return err == -E2BIG ? -ENOMEM : err;
}

int flight_confirm(struct flight *flight, const struct upstream_head *head,
                   struct answer *ret_answer)
{
    const struct entry *stored = flight->stored;
    struct fields fields = entry_fields(stored);
    int err = -EAGAIN;

    if (update_match(&fields, head->fields, fetch_lane_now_s(flight->lane)) != UPDATE_NO ||
        FAULT(confirm_another)) {
        err = answer_refresh(flight->lane, flight->request, stored, flight->request_s, head,
                             ret_answer);
        if (err < 0)
            return err;
        err = flight_vary_check_place(flight, ret_answer->entry);
        if (err < 0)
            entry_unref(ret_answer->entry);
    }
    if (err == -EAGAIN)
        flight->is_plain_only = true;
    return err;
}
