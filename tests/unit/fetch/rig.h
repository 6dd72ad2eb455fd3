/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a fetcher on two hand-cranked loops, whose upstream is a script.
 *
 * Each step of the origin is a call of the test: connect, head, data, done. Nothing happens in
 * between but what rig_settle() turns.
 */
#ifndef TESTS_FETCH_RIG_H
#define TESTS_FETCH_RIG_H

#include <async/loop.h>
#include <fetch/fetcher.h>

#define RIG_LANES     2
#define RIG_CALLS_MAX 128

/* The upstream of one lane. */
struct script {
    struct upstream upstream; /* first */
    struct rig *rig;
    int fail_starts; /* so many next starts fail with -ENOMEM */
    unsigned resumes;
};

struct rig {
    struct fetch_settings settings;
    struct store *store;
    struct fetcher *fetcher;
    struct async_loop *loops[RIG_LANES];
    struct script scripts[RIG_LANES];
    struct fetch_lane *lanes[RIG_LANES];
    struct upstream_call *calls[RIG_CALLS_MAX]; /* in the order of starting; NULL once over */
    unsigned started;
    unsigned cancelled;
    int64_t wall_s;
    uint64_t random; /* what every random number is; 0 in the beginning */
};

/* A reader that reads all it can and notes what it was told. */
struct rig_reader {
    struct fetch_reader reader;
    unsigned lane;
    unsigned told; /* calls of on_progress */
    bool is_slow;  /* reads nothing by itself */
    char text[256];
    size_t text_bytes;
};

/* rig_new - with the default settings but for what `settings` gives; NULL: none. */
void rig_new(struct rig *rig, const struct fetch_settings *settings);

/* rig_free - every flight has ended, no call is open. */
void rig_free(struct rig *rig);

/* rig_settle - turns both loops until nothing happens any more. */
void rig_settle(struct rig *rig);

/* rig_advance - lets time pass on both. */
void rig_advance(struct rig *rig, int64_t milliseconds);

/* rig_ask - a reader starts; rig_ask_with: with flags. */
void rig_ask(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url);
void rig_ask_with(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                  unsigned flags);
/* rig_ask_field - with a field of the client's; rig_ask_for: with all of them. */
void rig_ask_field(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                   const char *name, const char *value);
void rig_ask_for(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
                 unsigned flags, struct field_view client);
/* rig_wish - with the Cache-Control of the client's request. */
void rig_wish(struct rig *rig, struct rig_reader *reader, unsigned lane, const char *url,
              const char *cache_control);

/* rig_prepare, rig_on_progress - for a test that starts the reader itself. */
void rig_prepare(struct rig_reader *reader, unsigned lane);
void rig_on_progress(struct fetch_reader *reader);

void rig_leave(struct rig_reader *reader);

/* rig_read - takes what is there and waits for more. */
void rig_read(struct rig_reader *reader);

/* rig_is_whole - whether it got exactly this, to the good end. */
bool rig_is_whole(const struct rig_reader *reader, const char *text);

/* The steps of call number `index`, in the order of starting; each settles the loops. */
void rig_connect(struct rig *rig, unsigned index);
enum upstream_verdict rig_head(struct rig *rig, unsigned index, int status, int64_t length_bytes,
                               const char *field_lines);
enum upstream_verdict rig_data(struct rig *rig, unsigned index, const char *text);
void rig_done(struct rig *rig, unsigned index, int status);

/* rig_answer - all four with a whole body of known length. */
void rig_answer(struct rig *rig, unsigned index, const char *field_lines, const char *text);

#endif
