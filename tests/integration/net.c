/* SPDX-License-Identifier: MIT */
/* net.c - see net.h. */
#include "net.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GUARD_SECONDS 30

struct net_loop {
    struct net *net;
    unsigned index;
    pthread_t thread;
    struct async_loop *loop;
    struct fetch_lane *lane;
    struct async_task stop;
};

struct net {
    struct store *store;
    struct fetcher *fetcher;
    struct net_loop loops[NET_LOOPS];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned ready;
    unsigned stopped;
};

struct net_ask {
    struct fetch_reader reader;
    struct net_loop *loop;
    struct async_task start;
    struct async_task leave;
    struct fetch_url *url;
    unsigned flags;
    /* under the net's mutex */
    bool is_over;
    bool has_left;
    int status;
    bool is_answered;
    int body_status;
    const char *detail;
    enum fetch_source source;
    char *text;
    size_t bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "net: %s\n", what);
    abort();
}

static void on_stop(struct async_task *task)
{
    struct net_loop *self = async_container_of(task, struct net_loop, stop);

    fetch_lane_stop(self->lane);
    pthread_mutex_lock(&self->net->mutex);
    self->net->stopped++;
    pthread_cond_broadcast(&self->net->changed);
    pthread_mutex_unlock(&self->net->mutex);
}

static void *run(void *context)
{
    struct net_loop *self = context;

    if (async_loop_new(&self->loop) < 0 ||
        fetch_lane_new(self->net->fetcher, self->loop, NULL, NULL, &self->lane) < 0)
        die("no loop");
    async_task_init(&self->stop, on_stop);
    pthread_mutex_lock(&self->net->mutex);
    self->net->ready++;
    pthread_cond_broadcast(&self->net->changed);
    pthread_mutex_unlock(&self->net->mutex);
    if (async_loop_run(self->loop) < 0)
        die("the loop failed");
    return NULL;
}

void net_settings(struct fetch_settings *ret_settings)
{
    static const struct guard_network loopback = {
        .family = AF_INET, .prefix_bits = 8, .address = {127}};

    fetch_settings_default(ret_settings);
    ret_settings->guard.allowed = &loopback;
    ret_settings->guard.allowed_count = 1;
    ret_settings->resolv_conf_path = NULL;
}

/* Waits on the net's condition, its mutex held, until the guard's time. */
static void wait_changed(struct net *net)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GUARD_SECONDS;
    if (pthread_cond_timedwait(&net->changed, &net->mutex, &until) != 0)
        die("waited too long");
}

void net_start(const struct fetch_settings *settings, struct net **ret_net)
{
    struct store_config config = {
        .budget_bytes = 64 * 1024 * 1024, .shards_count = 4, .object_share_percent = 50};
    struct net *net = calloc(1, sizeof *net);

    if (net == NULL || store_new(&config, &net->store) < 0 ||
        fetcher_new(settings, net->store, &net->fetcher) < 0)
        die("no fetcher");
    pthread_mutex_init(&net->mutex, NULL);
    pthread_cond_init(&net->changed, NULL);
    for (unsigned i = 0; i < NET_LOOPS; i++) {
        net->loops[i].net = net;
        net->loops[i].index = i;
        if (pthread_create(&net->loops[i].thread, NULL, run, &net->loops[i]) != 0)
            die("no thread");
    }
    pthread_mutex_lock(&net->mutex);
    while (net->ready < NET_LOOPS)
        wait_changed(net);
    pthread_mutex_unlock(&net->mutex);
    *ret_net = net;
}

void net_stop(struct net *net)
{
    for (unsigned i = 0; i < NET_LOOPS; i++)
        async_loop_post(net->loops[i].loop, &net->loops[i].stop);
    pthread_mutex_lock(&net->mutex);
    while (net->stopped < NET_LOOPS)
        wait_changed(net);
    pthread_mutex_unlock(&net->mutex);
    for (unsigned i = 0; i < NET_LOOPS; i++) {
        async_loop_stop(net->loops[i].loop);
        pthread_join(net->loops[i].thread, NULL);
    }
    if (net_counter(net, flights_live) != 0)
        die("a flight was left");
    for (unsigned i = 0; i < NET_LOOPS; i++) {
        fetch_lane_free(net->loops[i].lane);
        async_loop_free(net->loops[i].loop);
    }
    fetcher_free(net->fetcher);
    store_free(net->store);
    pthread_cond_destroy(&net->changed);
    pthread_mutex_destroy(&net->mutex);
    free(net);
}

/* Under the mutex: takes over what there is of the body. */
static void take(struct net_ask *ask)
{
    struct iovec span;

    while (fetch_reader_spans(&ask->reader, &span, 1) > 0) {
        ask->text = realloc(ask->text, ask->bytes + span.iov_len + 1);
        if (ask->text == NULL)
            die("no memory");
        memcpy(ask->text + ask->bytes, span.iov_base, span.iov_len);
        ask->bytes += span.iov_len;
        ask->text[ask->bytes] = '\0';
        body_cursor_advance(&ask->reader.cursor, span.iov_len);
    }
}

static void on_progress(struct fetch_reader *reader)
{
    struct net_ask *ask = async_container_of(reader, struct net_ask, reader);
    struct net *net = ask->loop->net;

    pthread_mutex_lock(&net->mutex);
    switch (reader->state) {
    case FETCH_WAITING:
        break;
    case FETCH_FAILED:
        ask->status = reader->failure.status;
        ask->detail = reader->failure.detail;
        ask->is_over = true;
        break;
    case FETCH_ANSWERED:
        ask->is_answered = true;
        ask->status = reader->entry->status;
        ask->source = reader->source;
        ask->body_status = fetch_reader_status(reader); /* first: what follows is the last then */
        take(ask);
        ask->is_over = ask->body_status != BODY_OPEN;
        if (!ask->is_over)
            fetch_reader_wait(reader);
        break;
    }
    if (ask->is_over)
        fetch_reader_leave(reader);
    pthread_cond_broadcast(&net->changed);
    pthread_mutex_unlock(&net->mutex);
}

static void on_start(struct async_task *task)
{
    struct net_ask *ask = async_container_of(task, struct net_ask, start);
    struct net *net = ask->loop->net;
    struct fetch_request *request;

    if (fetch_request_new(fetcher_policy(net->fetcher), net->store, ask->url,
                          field_view_of_lines(NULL, 0), &request) < 0)
        die("a request");
    fetch_reader_start(&ask->reader, ask->loop->lane, request, NULL, ask->flags, on_progress);
    fetch_request_unref(request);
    if (ask->reader.state != FETCH_WAITING)
        on_progress(&ask->reader);
}

static void on_leave(struct async_task *task)
{
    struct net_ask *ask = async_container_of(task, struct net_ask, leave);
    struct net *net = ask->loop->net;

    if (!ask->is_over)
        fetch_reader_leave(&ask->reader);
    pthread_mutex_lock(&net->mutex);
    ask->is_over = true;
    ask->has_left = true;
    pthread_cond_broadcast(&net->changed);
    pthread_mutex_unlock(&net->mutex);
}

struct net_ask *net_ask(struct net *net, unsigned loop, const char *url, unsigned flags)
{
    struct net_ask *ask = calloc(1, sizeof *ask);

    if (ask == NULL || fetch_url_parse(url, strlen(url), 8192, &ask->url) < 0)
        die(url);
    ask->loop = &net->loops[loop];
    ask->flags = flags;
    ask->body_status = BODY_OPEN;
    async_task_init(&ask->start, on_start);
    async_task_init(&ask->leave, on_leave);
    async_loop_post(ask->loop->loop, &ask->start);
    return ask;
}

void net_wait(struct net_ask *ask)
{
    struct net *net = ask->loop->net;

    pthread_mutex_lock(&net->mutex);
    while (!ask->is_over)
        wait_changed(net);
    pthread_mutex_unlock(&net->mutex);
}

void net_wait_bytes(struct net_ask *ask, size_t bytes)
{
    struct net *net = ask->loop->net;

    pthread_mutex_lock(&net->mutex);
    while (!ask->is_over && ask->bytes < bytes)
        wait_changed(net);
    pthread_mutex_unlock(&net->mutex);
}

void net_leave(struct net_ask *ask)
{
    struct net *net = ask->loop->net;

    async_loop_post(ask->loop->loop, &ask->leave);
    pthread_mutex_lock(&net->mutex);
    while (!ask->has_left)
        wait_changed(net);
    pthread_mutex_unlock(&net->mutex);
}

void net_free(struct net_ask *ask)
{
    net_wait(ask);
    fetch_url_unref(ask->url);
    free(ask->text);
    free(ask);
}

int net_status(const struct net_ask *ask)
{
    return ask->status;
}

bool net_is_answered(const struct net_ask *ask)
{
    return ask->is_answered;
}

int net_body_status(const struct net_ask *ask)
{
    return ask->body_status;
}

const char *net_text(const struct net_ask *ask)
{
    return ask->text != NULL ? ask->text : "";
}

const char *net_detail(const struct net_ask *ask)
{
    return ask->detail;
}

enum fetch_source net_source(const struct net_ask *ask)
{
    return ask->source;
}

struct net_ask *net_get(struct net *net, const char *url)
{
    struct net_ask *ask = net_ask(net, 0, url, 0);

    net_wait(ask);
    return ask;
}

struct fetcher *net_fetcher(struct net *net)
{
    return net->fetcher;
}

void net_purge(struct net *net, const char *url)
{
    struct fetch_url *parsed;
    struct key key;

    if (fetch_url_parse(url, strlen(url), 8192, &parsed) < 0)
        die(url);
    store_key_init(net->store, &key, parsed->text, parsed->text_bytes);
    fetcher_purge(net->fetcher, &key);
    fetch_url_unref(parsed);
}

long net_counter_at(struct net *net, size_t offset)
{
    struct fetch_counters counters;
    int64_t value;

    fetcher_read_counters(net->fetcher, &counters);
    memcpy(&value, (const char *)&counters + offset, sizeof value);
    return (long)value;
}

void net_wait_counter_at(struct net *net, size_t offset, long value)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (unsigned i = 0; net_counter_at(net, offset) != value; i++) {
        if (i == GUARD_SECONDS * 1000)
            die("a counter did not come to its value");
        nanosleep(&pause, NULL);
    }
}
