/* SPDX-License-Identifier: MIT */
/* purge.c - see purge.h. */
#include "purge.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fetch/purge.h>

#include "../problem.h"
#include "../reply.h"
#include "log/log.h"
#include "purge_wish.h"

struct purger {
    struct fetcher *fetcher;
    pthread_mutex_t mutex; /* guards what follows; purges by URL are few */
    struct purge_map *map;
};

/* What one loop has of it. */
struct purge_context {
    struct purger *purger;
    struct async_loop *loop;
    struct async_list jobs;
};

/* A purge by pattern, while it goes on. */
struct purge_job {
    struct async_list node; /* in the context's */
    struct purge_context *context;
    struct request *request; /* NULL: its client has left */
    struct async_task step;
    struct fetch_purge purge;
    struct purge_wish wish; /* has the pattern */
};

/* A request's state. */
struct purge_asked {
    struct purge_job *job;
};

int purger_new(struct fetcher *fetcher, struct purger **ret_purger)
{
    struct purger *purger = calloc(1, sizeof *purger);

    if (purger == NULL)
        return -ENOMEM;
    purger->fetcher = fetcher;
    pthread_mutex_init(&purger->mutex, NULL);
    *ret_purger = purger;
    return 0;
}

void purger_set_map(struct purger *purger, struct purge_map **take_map)
{
    struct purge_map *before;

    pthread_mutex_lock(&purger->mutex);
    before = purger->map;
    purger->map = *take_map;
    pthread_mutex_unlock(&purger->mutex);
    *take_map = NULL;
    purge_map_free(before);
}

void purger_free(struct purger *purger)
{
    if (purger == NULL)
        return;
    purge_map_free(purger->map);
    pthread_mutex_destroy(&purger->mutex);
    free(purger);
}

static void answer(struct request *request, const char *text)
{
    static const struct reply_field fields[] = {
        {.name = "Content-Type", .value = "application/json"},
        {.name = "Cache-Control", .value = "no-store"},
    };
    static const struct reply_head head = {.status = 200, .fields = fields, .field_count = 2};

    reply_copy(request, &head, text, strlen(text));
}

/* As the lanes' clock. */
static int64_t wall_clock_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

static void purge_url(struct purger *purger, struct request *request, struct span text,
                      bool is_soft)
{
    const size_t bytes_max = fetcher_settings(purger->fetcher)->url_bytes_max;
    struct fetch_url *url;
    char body[64];
    unsigned count;
    int err = fetch_url_parse(text.bytes, text.length, bytes_max, &url);

    if (err < 0) {
        problem_send(request, 400, fetch_url_error_text(err), NULL, 0);
        return;
    }
    pthread_mutex_lock(&purger->mutex);
    count = purge_map_purge(purger->map, purger->fetcher, url, is_soft, wall_clock_s());
    pthread_mutex_unlock(&purger->mutex);
    fetch_url_unref(url);
    snprintf(body, sizeof body, "{\"purged\":%u}\n", count);
    answer(request, body);
}

static void purge_tags(struct purger *purger, struct request *request,
                       const struct purge_wish *wish)
{
    char body[64];

    for (size_t i = 0; i < wish->value_count; i++)
        fetcher_purge_tag(purger->fetcher, wish->values[i].bytes, wish->values[i].length,
                          wish->is_soft, wall_clock_s());
    snprintf(body, sizeof body, "{\"tags\":%zu}\n", wish->value_count);
    answer(request, body);
}

static void job_free(struct purge_job *job)
{
    async_list_remove(&job->node);
    purge_wish_fini(&job->wish);
    free(job);
}

static void on_step(struct async_task *task)
{
    struct purge_job *job = async_container_of(task, struct purge_job, step);
    struct request *request = job->request;
    char body[64];

    if (fetch_purge_step(&job->purge)) {
        async_loop_post(job->context->loop, &job->step);
        return;
    }
    snprintf(body, sizeof body, "{\"purged\":%" PRIu64 "}\n", job->purge.count);
    job_free(job);
    if (request != NULL)
        answer(request, body);
}

static void on_gone(struct request *request)
{
    struct purge_asked *asked = (struct purge_asked *)(void *)request->state;

    asked->job->request = NULL;
}

/* Takes what the wish holds over. */
static void purge_pattern(struct purge_context *context, struct request *request,
                          struct purge_wish *wish)
{
    struct purge_job *job = calloc(1, sizeof *job);
    struct purge_asked *asked = request_state(request, sizeof *asked);

    if (job == NULL) {
        problem_send(request, 503, "This server is out of memory.", NULL, 0);
        return;
    }
    asked->job = job;
    request->on_gone = on_gone;
    job->context = context;
    job->request = request;
    job->wish = *wish;
    wish->values = NULL;
    async_list_append(&context->jobs, &job->node);
    async_task_init(&job->step, on_step);
    fetch_purge_init(&job->purge, context->purger->fetcher, job->wish.values[0].bytes,
                     job->wish.values[0].length, job->wish.is_soft, wall_clock_s());
    async_loop_post(context->loop, &job->step);
}

/* `named`: what stands for a wish that says nothing; length 0: such a wish is refused. */
static void purge(struct purge_context *context, struct request *request, struct span query,
                  struct span named)
{
    struct purge_wish wish;
    const char *fault;
    int err = purge_wish_read(query, &wish, &fault);

    if (err < 0) {
        problem_send(request, err == -ENOMEM ? 503 : 400, fault, NULL, 0);
        return;
    }
    switch (wish.kind) {
    case PURGE_NOTHING:
        if (named.length > 0)
            purge_url(context->purger, request, named, wish.is_soft);
        else
            problem_send(request, 400,
                         "nothing to purge: a url, a pattern, or a tag, as in "
                         "/purge?url=https://host/path",
                         NULL, 0);
        break;
    case PURGE_URL:
        purge_url(context->purger, request, wish.values[0], wish.is_soft);
        break;
    case PURGE_PATTERN:
        purge_pattern(context, request, &wish);
        break;
    case PURGE_TAG:
        purge_tags(context->purger, request, &wish);
        break;
    }
    purge_wish_fini(&wish);
}

static void start(struct request *request, void *context)
{
    purge(context, request, request->query, span_of(NULL, 0));
}

/* The URL of the request itself, unless the field says what. */
static void start_method(struct request *request, void *context)
{
    const struct span *field = request_field(request, "Purge");
    bool is_whole = request->form == REQUEST_ABSOLUTE_FORM;
    struct span host = is_whole ? span_of("", 0) : request->authority;
    char *text = NULL;
    int length;

    /* Of two, one would be passed over, and its operator believe that it was done. */
    if (field != NULL && request_field_next(request, "Purge", field) != NULL) {
        problem_send(request, 400, "There is more than one Purge field.", NULL, 0);
        return;
    }
    length = asprintf(&text, "%s%.*s%.*s", is_whole ? "" : "http://", (int)host.length,
                      host.length > 0 ? host.bytes : "", (int)request->target.length,
                      request->target.bytes);

    if (length < 0) {
        problem_send(request, 503, "This server is out of memory.", NULL, 0);
        return;
    }
    purge(context, request, field != NULL ? *field : span_of(NULL, 0),
          span_of(text, (size_t)length));
    free(text);
}

static int start_loop(void *shared, struct async_loop *loop, unsigned loop_index,
                      void **ret_context)
{
    struct purge_context *context = calloc(1, sizeof *context);

    (void)loop_index;
    if (context == NULL)
        return -ENOMEM;
    context->purger = shared;
    context->loop = loop;
    async_list_init(&context->jobs);
    *ret_context = context;
    return 0;
}

/* Those whose clients have left: the others were waited for, or cut. */
static void stop_loop(void *context_pointer)
{
    struct purge_context *context = context_pointer;
    struct async_list *node;

    while ((node = async_list_first(&context->jobs)) != NULL) {
        struct purge_job *job = async_container_of(node, struct purge_job, node);
        assert(job->request == NULL);
        async_loop_unpost(context->loop, &job->step);
        job_free(job);
    }
}

struct server_route purge_route(struct purger *purger)
{
    return (struct server_route){
        .path = "/purge",
        .methods = REQUEST_POST,
        .start = start,
        .shared = purger,
        .start_loop = start_loop,
        .stop_loop = stop_loop,
        .free_loop = free,
    };
}

struct server_route purge_method_route(struct purger *purger)
{
    struct server_route route = purge_route(purger);

    route.match = SERVER_METHOD;
    route.path = "PURGE";
    route.methods = REQUEST_OTHER;
    route.access = SERVER_GUARDED;
    route.start = start_method;
    return route;
}
