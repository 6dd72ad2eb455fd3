/* SPDX-License-Identifier: MIT */
/*
 * cached_fetch.c - two tasks ask for one URL at once, and it is fetched once.
 *
 * A task takes the lock of the URL, a key of the keyed lock, and looks into the cache. The first
 * finds nothing and fetches; the second waits meanwhile without blocking anything, and finds what
 * the first has stored. Tasks for other URLs would not wait at all.
 *
 * The origin is an HTTP server in the same loop. libcurl is used in its simple blocking form, on a
 * worker: a thread with a loop of its own.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/event_loop.h>
#include <async/keyed_lock.h>

enum { TASKS = 2 };

struct program {
    struct async_loop *loop, *worker;
    struct async_keyed_lock *lock;
    char url[64];
    char cached[256]; /* the answer; a real cache would have many, by URL */
    int running, requests, shown;
};

struct task {
    struct program *program;
    struct async_keyed_waiter keyed;
    struct async_task fetch, fetched; /* on the worker, and back on the loop */
    int number;
};

static void show_and_release(struct task *task, const char *source)
{
    struct program *program = task->program;
    json_t *answer = json_loads(program->cached, 0, NULL);
    const char *title = json_string_value(json_object_get(answer, "title"));

    printf("task %d, %-15s %s\n", task->number, source, title != NULL ? title : "no title");
    if (title != NULL && strcmp(title, "Locks for beginners") == 0)
        program->shown++;
    json_decref(answer);
    async_keyed_lock_release(program->lock, &task->keyed);
    program->running--;
    if (program->running == 0)
        async_loop_stop(program->loop);
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, keyed.waiter);

    if (status < 0)
        abort(); /* no deadline, no cancel: it cannot fail */
    if (task->program->cached[0] != '\0')
        show_and_release(task, "from the cache:");
    else
        async_loop_post(task->program->worker, &task->fetch);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct program *program = context;

    if (strlen(program->cached) + size * count >= sizeof(program->cached))
        return 0; /* too long */
    strncat(program->cached, bytes, size * count);
    return size * count;
}

static void on_worker_fetch(struct async_task *fetch)
{
    struct task *task = async_container_of(fetch, struct task, fetch);
    CURL *curl = curl_easy_init();

    if (curl == NULL)
        abort();
    curl_easy_setopt(curl, CURLOPT_URL, task->program->url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, task->program);
    if (curl_easy_perform(curl) != CURLE_OK)
        abort();
    curl_easy_cleanup(curl);
    async_loop_post(task->program->loop, &task->fetched);
}

static void on_loop_fetched(struct async_task *fetched)
{
    show_and_release(async_container_of(fetched, struct task, fetched), "fetched:");
}

static void on_origin_request(struct evhttp_request *request, void *context)
{
    struct program *program = context;
    struct evbuffer *body = evbuffer_new();

    program->requests++;
    evbuffer_add_printf(body, "{\"title\": \"Locks for beginners\"}");
    evhttp_send_reply(request, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

static struct evhttp *start_origin(struct program *program)
{
    struct evhttp *origin = evhttp_new(async_loop_event_base(program->loop));
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(origin, "127.0.0.1", 0);
    struct sockaddr_in address = {0};
    socklen_t address_bytes = sizeof(address);

    if (bound == NULL)
        abort();
    evhttp_set_gencb(origin, on_origin_request, program);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &address_bytes);
    snprintf(program->url, sizeof(program->url), "http://127.0.0.1:%d/book.json",
             ntohs(address.sin_port));
    return origin;
}

static void *run_worker(void *loop)
{
    return async_loop_run(loop) < 0 ? loop : NULL;
}

int main(void)
{
    struct program program = {.running = TASKS};
    struct task tasks[TASKS];
    struct evhttp *origin;
    pthread_t worker;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (async_loop_new(&program.loop) < 0 || async_loop_new(&program.worker) < 0 ||
        async_keyed_lock_new(&program.lock) < 0 ||
        pthread_create(&worker, NULL, run_worker, program.worker) != 0)
        return EXIT_FAILURE;
    origin = start_origin(&program);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (struct task){.program = &program, .number = i + 1};
        async_task_init(&tasks[i].fetch, on_worker_fetch);
        async_task_init(&tasks[i].fetched, on_loop_fetched);
        async_keyed_waiter_init(&tasks[i].keyed, program.lock, program.loop, on_locked, program.url,
                                strlen(program.url));
        async_keyed_lock_acquire(program.lock, &tasks[i].keyed);
    }
    async_loop_run(program.loop);
    async_loop_stop(program.worker);
    pthread_join(worker, NULL);
    printf("%d tasks, %d request to the origin\n", program.shown, program.requests);

    evhttp_free(origin);
    async_keyed_lock_free(program.lock);
    async_loop_free(program.worker);
    async_loop_free(program.loop);
    curl_global_cleanup();
    return program.shown == TASKS && program.requests == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
