/* SPDX-License-Identifier: MIT */
/*
 * flight_answer.c - the final head of an answer: for whom it is, what is remembered of it, and what
 * readers get of it. A 304 to our conditions is one as well, with the stored body.
 *
 * Inside libcurl, on the lane's thread: see flight_upstream.c.
 */
#include <errno.h>

#include "answer.h"
#include "fault.h"
#include "flight.h"
#include "flight_revalidate.h"
#include "flight_vary.h"
#include "part.h"

static bool is_kept(enum answer_sharing sharing)
{
    return sharing == ANSWER_STORE || sharing == ANSWER_KEEP;
}

/* For whom this answer is (cases 6, 13, 14 and 23); `mark` is what is to be said of it. */
static void flight_decide(struct flight *flight, enum answer_sharing sharing,
                          const struct table_mark *mark)
{
    if (flight->state == FLIGHT_SUPERSEDED) {
        if (sharing >= ANSWER_REFUSAL) /* purged before: it is the leader's alone all the same */
            flight_enter(flight, FLIGHT_SPLIT);
        return;
    }
    if (flight->is_solo) {
        flight_enter(flight, FLIGHT_SPLIT);
        if (mark->kind != MARK_NONE)
            flight_set_mark(flight, mark);
        else if (is_kept(sharing))
            flight_clear_mark(flight);
    } else if (is_kept(sharing)) {
        flight_enter(flight, FLIGHT_STREAMING);
        if (sharing == ANSWER_KEEP)
            flight_set_used_once(flight);
    } else if (sharing == ANSWER_SHARE) {
        flight_enter(flight, FLIGHT_SUPERSEDED);
        flight_supersede(flight, mark->kind != MARK_NONE ? mark : NULL);
    } else {
        struct table_mark uncacheable = flight_mark_uncacheable(flight);

        flight_enter(flight, FLIGHT_SPLIT);
        flight_supersede(flight, mark->kind != MARK_NONE     ? mark
                                 : sharing == ANSWER_PRIVATE ? &uncacheable
                                                             : NULL);
    }
}

static int make_whole_answer(struct flight *flight, const struct upstream_head *head,
                             struct flight_vary *vary, struct answer *ret_answer)
{
    int err = flight_vary_read(flight, head->fields, vary);
    bool is_alone = err == -ENOBUFS;

    if (err < 0 && !is_alone)
        return err;
    err = answer_judge(flight->lane, flight->request, &vary->key, flight->request_s, head,
                       ret_answer);
    if (err < 0) {
        flight_vary_fini(vary);
        return err;
    }
    answer_path_apply(&flight->path, ret_answer);
    if (is_alone)
        ret_answer->sharing = ANSWER_PRIVATE;
    return 0;
}

/* The answer to a question for a part: what is no 200 says nothing of the whole. */
static int make_part_answer(struct flight *flight, const struct upstream_head *head,
                            struct flight_vary *vary, struct answer *ret_answer)
{
    const struct key *own = &flight->request->key;
    bool is_keepable = !flight->is_solo && !fields_has(head->fields, "Vary");
    int err;

    vary->index = NULL;
    vary->is_new = false;
    vary->tells_apart = false;
    vary->key = *own;
    if (head->status == 206)
        is_keepable = is_keepable && part_is_keepable(head->fields) &&
                      part_key(flight->lane->fetcher->store, own, vary->buffer, &vary->key) == 0;
    err = answer_judge(flight->lane, flight->request, &vary->key, flight->request_s, head,
                       ret_answer);
    if (err < 0)
        return err;
    answer_path_apply(&flight->path, ret_answer);
    if (!is_keepable)
        ret_answer->sharing = ANSWER_PRIVATE;
    else if (is_kept(ret_answer->sharing) &&
             (head->status == 416 || ret_answer->sharing != ANSWER_STORE))
        ret_answer->sharing = ANSWER_SHARE;
    return 0;
}

/* The head as the readers get it: the decision, the entry and the first segment of the body. */
static int make_answer(struct flight *flight, const struct upstream_head *head,
                       struct flight_vary *vary, struct answer *ret_answer,
                       struct fetch_segment **ret_segment)
{
    int err = flight->is_part && head->status != 200
                  ? make_part_answer(flight, head, vary, ret_answer)
                  : make_whole_answer(flight, head, vary, ret_answer);

    if (err < 0)
        return err;
    err = segment_new(ret_answer->entry->body, ret_segment);
    if (err < 0) {
        entry_unref(ret_answer->entry);
        flight_vary_fini(vary);
    }
    return err;
}

/* Whether what the answer varies by is to be remembered; an error says little about the URL. */
static bool may_settle(const struct flight *flight, const struct answer *answer)
{
    return flight->state == FLIGHT_AWAIT_HEADERS && !flight->is_solo &&
           (is_kept(answer->sharing) ||
            (answer->sharing == ANSWER_SHARE && answer->entry->status < 500));
}

/* A part that ends with its connection is as long as it says: else one that was cut would pass for
 * whole. */
static int64_t length_of(const struct upstream_head *head)
{
    struct content_range part;
    struct span value;

    if (head->content_length_bytes >= 0 || head->status != 206 ||
        fields_has(head->fields, "Transfer-Encoding") ||
        !fields_find(head->fields, "Content-Range", &value) || !content_range_parse(value, &part) ||
        part.range.first < 0)
        return head->content_length_bytes;
    return part.range.last + 1 - part.range.first;
}

/* Whether it is for the store, or for somebody who is still there (case 2). */
static bool is_anybodys_locked(const struct flight *flight) ASYNC_REQUIRES(flight_class)
{
    if (flight->is_storing || FAULT(nobodys_answer))
        return true;
    return flight->is_split ? flight->leader != NULL : flight->readers > 0;
}

/* What is decided, for all to see. Takes the references of answer and segment over. */
static enum upstream_verdict give(struct flight *flight, const struct upstream_head *head,
                                  struct answer *answer, struct fetch_segment *segment,
                                  struct entry *index)
{
    bool is_anybodys;

    flight_arm_progress(flight, flight_settings(flight)->stall_timeout_ms);
    entry_set_purges_before(answer->entry, flight->tag_purges);
    flight_lock(flight);
    flight->length_bytes = length_of(head);
    flight->head_status = head->status;
    flight->is_split = flight->state == FLIGHT_SPLIT && !FAULT(share_private);
    flight->is_storing = flight->state == FLIGHT_STREAMING;
    is_anybodys = is_anybodys_locked(flight);
    if (is_anybodys) {
        flight->entry = answer->entry;
        flight->segment = segment;
        flight->index = index != NULL ? entry_ref(index) : NULL;
    }
    flight_wake_locked(flight);
    flight_unlock(flight);
    if (is_anybodys)
        return UPSTREAM_GO_ON;
    segment_unref(segment);
    entry_unref(answer->entry);
    return flight_stop_with(flight, -ECANCELED);
}

enum upstream_verdict flight_take_answer(struct flight *flight, const struct upstream_head *head)
{
    struct table_mark mark = flight_mark_of_head(flight, head);
    enum upstream_verdict verdict;
    struct flight_vary vary;
    struct answer answer;
    struct fetch_segment *segment;
    int err;

    flight_invalidate(flight, head); /* also if there is no room for the answer */
    err = make_answer(flight, head, &vary, &answer, &segment);
    if (err < 0)
        return flight_stop_with(flight, err);
    /* Case 5: it would push out what may be used in its place. */
    if (mark.kind != MARK_NONE && is_kept(answer.sharing) &&
        flight_has_stale(flight, STALE_IF_ERROR))
        answer.sharing = ANSWER_SHARE;
    if (may_settle(flight, &answer) && !flight_vary_settle(flight, &vary) &&
        is_kept(answer.sharing))
        answer.sharing = ANSWER_SHARE;
    flight_learn(flight, head);
    if (answer.sharing == ANSWER_STORE && fetch_request_is_post(flight->request))
        flight_keep_alone(flight);
    if (!is_kept(answer.sharing) && head->status < 400 && !flight->is_part)
        flight_forget_stored(flight);
    flight_decide(flight, answer.sharing, &mark);
    verdict = give(flight, head, &answer, segment,
                   vary.tells_apart && !FAULT(vary_ignored) ? vary.index : NULL);
    flight_vary_fini(&vary);
    return verdict;
}

/* The stored body is the answer's. */
enum upstream_verdict flight_take_not_modified(struct flight *flight,
                                               const struct upstream_head *head)
{
    static const struct table_mark no_mark = {.kind = MARK_NONE};
    struct upstream_head confirmed = *head;
    struct answer answer;
    int err = flight_confirm(flight, head, &answer);

    if (err == -EAGAIN) {
        flight->is_asking_again = true;
        return UPSTREAM_GO_ON;
    }
    if (err < 0)
        return flight_stop_with(flight, err);
    LANE_COUNT(flight->lane, confirmed, 1);
    if (!is_kept(answer.sharing))
        flight_forget_stored(flight);
    flight_decide(flight, answer.sharing, &no_mark);
    confirmed.content_length_bytes = (int64_t)body_length(answer.entry->body);
    return give(flight, &confirmed, &answer, NULL, NULL);
}
