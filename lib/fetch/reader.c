/* SPDX-License-Identifier: MIT */
/*
 * reader.c - one request's part in a flight: joining, being told, waiting, leaving.
 *
 * A reader lives on the loop of its own connection, its flight on another perhaps. They meet under
 * the flight's mutex. The flight tells its readers something by posting their wake task; whoever is
 * in none of the flight's lists is posted no more, so leaving is: out of the list, then take the
 * task back. What happened is read by the reader itself when the task runs.
 */
#include <assert.h>
#include <errno.h>

#include "failure.h"
#include "fault.h"
#include "flight.h"
#include "flight_vary.h"
#include "reader.h"
#include "variant.h"

static async_task_fn on_wake;
static async_timer_fn on_deadline;

void reader_stop_counting(struct fetch_reader *reader)
{
    if (!reader->is_counted_waiting)
        return;
    reader->is_counted_waiting = false;
    LANE_COUNT(reader->lane, readers_waiting, -1);
    atomic_fetch_sub_explicit(&reader->lane->fetcher->waiting, 1, memory_order_relaxed);
}

void reader_fail(struct fetch_reader *reader, struct fetch_failure failure)
{
    reader->failure = failure;
    if (reader_take_stale(reader, failure.trouble))
        return;
    if (failure.status == 502 && failure.trouble == FETCH_TROUBLE_NO_ANSWER &&
        reader_must_ask(reader))
        reader->failure.status = 504; /* RFC 9111 section 5.2.2.2 */
    async_timer_disarm(&reader->deadline);
    reader_stop_counting(reader);
    if (!FAULT(settle_twice))
        flight_detach(reader);
    reader->state = FETCH_FAILED;
}

void reader_answer(struct fetch_reader *reader, struct entry *entry, struct fetch_segment *segment,
                   int64_t length_bytes, enum fetch_source source)
{
    async_timer_disarm(&reader->deadline);
    reader_stop_counting(reader);
    reader->entry = entry;
    reader->segment = segment;
    reader->length_bytes = length_bytes;
    reader->source = source;
    reader->answered_ns = async_loop_now_ns(reader->lane->loop);
    body_cursor_init(&reader->cursor, segment != NULL ? segment->body : entry->body);
    reader->early_bytes = body_length(reader->cursor.body);
    reader->state = FETCH_ANSWERED;
    if (source == FETCH_FROM_COLLAPSED)
        LANE_COUNT(reader->lane, collapsed, 1);
}

static void reader_init(struct fetch_reader *reader, struct fetch_lane *lane,
                        struct fetch_request *request, const struct cache_control *wishes,
                        unsigned flags, fetch_progress_fn *on_progress)
{
    async_loop_assert_current(lane->loop);
    *reader = (struct fetch_reader){.lane = lane,
                                    .on_progress = on_progress,
                                    .flags = flags,
                                    .restarts_left = 1,
                                    .regroups_left = 2};
    reader->request = fetch_request_ref(request);
    if (wishes != NULL && request->policy->settings.obeys_clients)
        reader->wishes = *wishes;
    else
        cache_control_init(&reader->wishes);
    if ((flags & FETCH_FRESH_ONLY) != 0)
        reader->wishes.no_cache = true;
    if (reader->wishes.no_cache || reader->wishes.max_age_s == 0)
        reader->flags |= FETCH_FRESH_ONLY;
    async_list_init(&reader->node);
    async_task_init(&reader->wake, on_wake);
    async_timer_init(&reader->deadline, on_deadline);
}

static void arm_deadline(struct fetch_reader *reader)
{
    struct async_loop *loop = reader->lane->loop;
    const struct fetch_settings *settings = &reader->request->policy->settings;

    async_timer_arm(&reader->deadline, loop,
                    async_loop_now_ns(loop) + settings->wait_timeout_ms * ASYNC_MS);
}

void fetch_reader_start(struct fetch_reader *reader, struct fetch_lane *lane,
                        struct fetch_request *request, const struct cache_control *wishes,
                        unsigned flags, fetch_progress_fn *on_progress)
{
    int64_t now_s = fetch_lane_now_s(lane);
    bool is_refresh_due = false;
    struct entry *entry = NULL;

    reader_init(reader, lane, request, wishes, flags, on_progress);
    if ((reader->flags & (FETCH_FRESH_ONLY | FETCH_NOT_STORED)) == 0)
        entry = fetch_lane_reuse(lane, request, field_view_of(&request->fields), &reader->wishes,
                                 now_s, &is_refresh_due);
    if (is_refresh_due)
        fetch_lane_refresh(lane, request);
    if (entry != NULL) {
        reader->is_stale = !entry_is_fresh(entry, now_s);
        reader_answer(reader, entry, NULL, (int64_t)body_length(entry->body), FETCH_FROM_STORE);
        return;
    }
    reader->miss = lane_why_missed(lane, &request->key, field_view_of(&request->fields), now_s);
    if ((flags & FETCH_REFRESH) == 0)
        arm_deadline(reader);
    reader_begin(reader);
}

void fetch_reader_start_bypass(struct fetch_reader *reader, struct fetch_lane *lane,
                               struct fetch_request *request, struct upstream_body *body,
                               fetch_interim_fn *on_interim, fetch_progress_fn *on_progress)
{
    reader_init(reader, lane, request, NULL, 0, on_progress);
    reader->on_interim = on_interim;
    reader->body = body;
    if (!FAULT(change_sent_again))
        reader->restarts_left = 0; /* the origin may have worked on it, and nobody shares it */
    reader->state = FETCH_WAITING;
    reader->key.key = request->key;
    reader_begin_alone(reader);
}

void fetch_reader_body_ready(struct fetch_reader *reader)
{
    if (reader->flight != NULL && reader->body != NULL)
        upstream_resume(&reader->flight->call);
}

void fetch_reader_start_hit(struct fetch_reader *reader, struct fetch_lane *lane,
                            struct fetch_request *request, struct entry **take_entry,
                            fetch_progress_fn *on_progress)
{
    struct entry *entry = *take_entry;

    *take_entry = NULL;
    assert(body_status(entry->body) == 0);
    reader_init(reader, lane, request, NULL, 0, on_progress);
    reader_answer(reader, entry, NULL, (int64_t)body_length(entry->body), FETCH_FROM_STORE);
}

/* Cases 7 and 31: the fetch broke before this reader got anything, and may be tried once more. All
 * readers of the flight come here; the first leads the next flight and the others join it. */
static bool restart(struct fetch_reader *reader)
{
    if (reader->restarts_left == 0)
        return false;
    reader->restarts_left--;
    LANE_COUNT(reader->lane, restarts, 1);
    flight_detach(reader);
    reader_begin(reader);
    return true;
}

/* What a flight has to tell a reader without an answer. */
struct news {
    struct entry *entry; /* a reference, as the next; NULL: not for this reader, or none */
    struct fetch_segment *segment;
    int64_t length_bytes;
    int head_status;
    bool is_leader, is_split, is_for_others, is_ended, is_transient, is_storing;
    struct fetch_failure failure;
};

static struct news read_news(struct fetch_reader *reader)
{
    struct flight *flight = reader->flight;
    struct news news = {0};

    flight_lock(flight);
    news.length_bytes = flight->length_bytes;
    news.head_status = flight->head_status;
    news.is_leader = flight->leader == reader;
    news.is_split = flight->is_split;
    news.is_ended = flight->is_ended;
    news.is_transient = flight->is_transient;
    news.is_storing = flight->is_storing;
    news.failure = flight->failure;
    news.is_for_others =
        flight->entry != NULL && !news.is_split && !flight_suits_locked(flight, reader);
    if (flight->entry != NULL && (news.is_leader || !news.is_split) && !news.is_for_others) {
        news.entry = entry_ref(flight->entry);
        news.segment = flight->segment != NULL ? segment_ref(flight->segment) : NULL;
        flight_answered_locked(flight, reader);
    }
    flight_unlock(flight);
    return news;
}

/* Case 7: it broke before the reader got anything of it. */
static bool replace_broken(struct fetch_reader *reader, const struct entry *entry)
{
    return entry != NULL && body_status(entry->body) < 0 &&
           (restart(reader) || reader_take_stale(reader, FETCH_TROUBLE_NO_ANSWER));
}

/* Case 16: the answer is one to other requests, so this one finds its own group, or goes alone. */
static void regroup(struct fetch_reader *reader)
{
    flight_detach(reader);
    if (reader->regroups_left == 0) {
        reader_begin_alone(reader);
        return;
    }
    reader->regroups_left--;
    reader_begin(reader);
}

/* Case 30: no origin was asked if there was no head. */
static enum fetch_source source_of(const struct news *news)
{
    if (news->head_status == 0)
        return FETCH_FROM_STORE;
    return news->is_leader ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED;
}

/* Afterwards the state tells whether there was any news for this reader. */
static void take_news(struct fetch_reader *reader)
{
    struct news news = read_news(reader);

    if (reader_avoid_error(reader, news.head_status) || replace_broken(reader, news.entry)) {
        segment_unref(news.segment);
        entry_unref(news.entry);
    } else if (news.is_split && !news.is_leader) { /* case 13 */
        flight_detach(reader);
        reader_begin_alone(reader);
    } else if (news.is_for_others) {
        regroup(reader);
    } else if (news.entry != NULL) {
        reader->is_stored = news.is_storing;
        reader->forward_status = news.head_status == 304 ? 304 : 0;
        reader_answer(reader, news.entry, news.segment, news.length_bytes, source_of(&news));
    } else if (news.is_ended && (!news.is_transient || !restart(reader))) {
        reader->source = news.is_leader ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED;
        reader_fail(reader, news.failure);
    }
}

static void on_wake(struct async_task *task)
{
    struct fetch_reader *reader = async_container_of(task, struct fetch_reader, wake);

    if (reader->state == FETCH_WAITING) {
        take_news(reader);
        if (reader->state == FETCH_WAITING)
            return;
    } else if (reader->wanted_bytes > 0 && fetch_reader_wait_for(reader, reader->wanted_bytes)) {
        return;
    }
    reader->on_progress(reader);
}

/* Case 10: it does not go upstream by itself. */
static void on_deadline(struct async_timer *timer)
{
    struct fetch_reader *reader = async_container_of(timer, struct fetch_reader, deadline);

    assert(reader->state == FETCH_WAITING);
    LANE_COUNT(reader->lane, refused_deadline, 1);
    reader->source = reader->led_ns != 0 ? FETCH_FROM_ORIGIN : FETCH_FROM_COLLAPSED;
    reader_fail(reader, failure_of_status(-ETIMEDOUT));
    reader->on_progress(reader);
}

/* As if it had not been told of one yet. */
static void forget_answer(struct fetch_reader *reader)
{
    flight_detach(reader);
    segment_unref(reader->segment);
    reader->segment = NULL;
    entry_unref(reader->entry);
    reader->entry = NULL;
    reader->bytes_before = 0;
    reader->wanted_bytes = 0;
    reader->is_stored = false;
    reader->forward_status = 0;
    reader->state = FETCH_WAITING;
}

bool fetch_reader_ask_part(struct fetch_reader *reader)
{
    assert(reader->state == FETCH_ANSWERED);
    if (reader->flight == NULL || reader->flight->is_part ||
        fields_count(&reader->request->part) == 0)
        return false;
    forget_answer(reader);
    arm_deadline(reader);
    reader_begin_alone(reader);
    return true;
}

bool fetch_reader_start_over(struct fetch_reader *reader)
{
    assert(reader->state == FETCH_ANSWERED && fetch_reader_status(reader) < 0);
    if (reader->restarts_left == 0 && !reader_has_stale(reader, FETCH_TROUBLE_NO_ANSWER))
        return false;
    forget_answer(reader);
    arm_deadline(reader);
    if (!restart(reader)) /* then what is stored, if nobody has just purged it */
        reader_fail(reader, failure_of_status(-ECONNRESET));
    return true;
}

/* Case 3. A body that is stored is one segment, so the cursor's place is that in the body. */
void fetch_reader_leave(struct fetch_reader *reader)
{
    async_loop_assert_current(reader->lane->loop);
    async_timer_disarm(&reader->deadline);
    reader_stop_counting(reader);
    flight_detach(reader);
    async_loop_unpost(reader->lane->loop, &reader->wake);
    segment_unref(reader->segment);
    reader->segment = NULL;
    entry_unref(reader->entry);
    reader->entry = NULL;
    flight_key_fini(&reader->key);
    fetch_request_unref(reader->request);
    reader->request = NULL;
}
