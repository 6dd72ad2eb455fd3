/* SPDX-License-Identifier: MIT */
/*
 * test_hot.c - an answer is the same whichever way it takes: by the store, or from what the loop
 * has kept at hand since the second hit.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TIMES        6

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Length: 10\r\n\r\n0123456789",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n7\r\n3456789\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789",
    "HTTP/1.1 404 Not Found\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nnone",
    "HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n",
    "HTTP/1.1 203 Non-Authoritative Information\r\nETag: W/\"v1\"\r\nCache-Control: max-age=60\r\n"
    "Surrogate-Key: a b\r\nContent-Length: 4\r\n\r\nsome",
};

static const struct {
    const char *method, *fields;
} asks[] = {
    {"GET", ""},
    {"HEAD", ""},
    {"GET", "If-None-Match: \"v1\"\r\n"},
    {"HEAD", "If-None-Match: \"v1\"\r\n"},
    {"GET", "If-None-Match: \"v0\"\r\n"},
    {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
    {"GET", "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n"},
    {"GET", "Range: bytes=2-4\r\n"},
    {"HEAD", "Range: bytes=2-4\r\n"},
    {"GET", "Range: bytes=0-0,9-\r\n"},
    {"GET", "Range: bytes=20-\r\n"},
    {"GET", "Range: bytes=-3\r\nIf-Range: \"v1\"\r\n"},
    {"GET", "Range: bytes=-3\r\nIf-Range: \"v0\"\r\n"},
    {"GET", "Range: bytes=2-4\r\nIf-None-Match: \"v1\"\r\n"},
    {"GET", "Cache-Control: max-age=1000\r\n"},
    {"GET", "Cache-Control: max-stale\r\nRange: bytes=2-4\r\n"},
    {"GET", "Via: 1.1 elsewhere\r\n"},
    {"GET", "Accept: */*\r\nUser-Agent: a\r\n"},
};

/* Lines in another order are the same; what tells of the time or is random is left out. */
static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void normalise(const struct client_reply *reply, char *text, size_t room)
{
    bool is_hit = strstr(reply->head, "fwd=") == NULL; /* some are not kept, and have no one Date */
    char *lines[64], *head = strdup(reply->head), *rest = head;
    size_t count = 0, used = 0;

    assert_non_null(head);
    for (char *line; (line = strsep(&rest, "\n")) != NULL && count < COUNT(lines);) {
        char *cut = strstr(line, "ttl=");
        if (cut == NULL)
            cut = strstr(line, "boundary=");
        if (cut != NULL)
            *cut = '\0';
        if (strncasecmp(line, "Age:", 4) != 0 && strncasecmp(line, "Server-Timing:", 14) != 0 &&
            (is_hit || strncasecmp(line, "Date:", 5) != 0))
            lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, room - used, "%s\n", lines[i]);
    assert_true(used < room);
    if (strstr(text, "multipart/") == NULL)
        snprintf(text + used, room - used, "%.*s", (int)reply->body_bytes, reply->body);
    free(head);
}

/* Over one connection, and so on one loop. `target` as the server is asked for it. */
static void check(struct world *world, const char *target, size_t ask)
{
    struct client client;
    char first[4096], text[4096];
    bool is_head = strcmp(asks[ask].method, "HEAD") == 0;

    client_open(&client, world->address);
    for (unsigned times = 0; times < TIMES; times++) {
        struct client_reply reply;
        const char *fields = times == 0 ? "" : asks[ask].fields; /* the first is the miss */
        client_send_format(&client, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n",
                           times == 0 ? "GET" : asks[ask].method, target, fields);
        client_read_reply(&client, times > 0 && is_head, &reply);
        assert_true(reply.is_whole);
        normalise(&reply, times == 1 ? first : text, sizeof text);
        if (times > 1 && strcmp(first, text) != 0)
            print_error("%s %s %s, time %u:\n%s", asks[ask].method, target, fields, times, text);
        if (times > 1)
            assert_string_equal(first, text);
        client_reply_fini(&reply);
    }
    client_close(&client);
}

static void test_kept_answers_are_those_of_the_store(void **state)
{
    (void)state;
    for (size_t answer = 0; answer < COUNT(answers); answer++) {
        struct world world;

        world_start(&world, NULL);
        for (size_t ask = 0; ask < COUNT(asks); ask++) { /* each of a path of its own */
            char path[32], target[128], url[64];
            snprintf(path, sizeof path, "/%zu", ask);
            origin_on(world.origin, path, ORIGIN_SEND(answers[answer]));
            snprintf(target, sizeof target, "/fetch?url=%s",
                     origin_url(world.origin, path, url, sizeof url));
            check(&world, target, ask);
            check(&world, path, ask);
        }
        world_stop(&world);
    }
}

/* The same entry, and another way to say what the connection is used for next. */
static void test_kept_answers_say_when_the_connection_ends(void **state)
{
    struct world world;
    struct client_reply reply;
    char url[64];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    origin_url(world.origin, "/", url, sizeof url);
    for (unsigned i = 0; i < 12; i++) {
        struct client client;
        bool is_old = i % 2 == 0;
        client_open(&client, world.address);
        client_send_format(&client, "GET /fetch?url=%s HTTP/1.1\r\nHost: a\r\n\r\n", url);
        client_read_reply(&client, false, &reply);
        assert_false(reply.closes);
        client_reply_fini(&reply);
        client_send_format(&client, "GET /fetch?url=%s HTTP/1.%c\r\nHost: a\r\n%s\r\n", url,
                           is_old ? '0' : '1', is_old ? "" : "Connection: close\r\n");
        client_read_reply(&client, false, &reply);
        assert_true(reply.closes && reply.is_whole);
        assert_string_equal(reply.body, "hello");
        assert_non_null(client_reply_field(&reply, "Connection"));
        client_reply_fini(&reply);
        assert_true(client_is_closed_next(&client));
        client_close(&client);
    }
    world_stop(&world);
}

/* Who asks all the time, on a connection of its own. */
struct asker {
    pthread_t thread;
    struct world *world;
    const char *url;
    atomic_int *purged; /* versions up to this one may not be seen by requests from now on */
    atomic_bool *is_over;
    unsigned requests;
};

static int ask_version(struct client *client, const char *url)
{
    struct client_reply reply;
    int version;

    client_send_format(client, "GET /fetch?url=%s HTTP/1.1\r\nHost: a\r\n\r\n", url);
    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, 200);
    version = reply.body[0] - 'A';
    client_reply_fini(&reply);
    return version;
}

static void *ask_on(void *context)
{
    struct asker *asker = context;
    struct client client;

    client_open(&client, asker->world->address);
    while (!atomic_load(asker->is_over)) {
        int purged = atomic_load(asker->purged);
        int version = ask_version(&client, asker->url);
        if (version <= purged) {
            fprintf(stderr, "version %d was answered after its purge, of up to %d\n", version,
                    purged);
            abort();
        }
        asker->requests++;
    }
    client_close(&client);
    return NULL;
}

/* Four clients on two loops get what the loops keep at hand, while it is purged again and again:
 * what was purged before a request was sent does not answer it. */
static void test_a_purge_is_seen_by_the_next_request_on_every_loop(void **state)
{
    enum { VERSIONS = 60, ASKERS = 4 };
    static char texts[VERSIONS][64];
    struct asker askers[ASKERS];
    atomic_int purged = -1;
    atomic_bool is_over = false;
    struct world world;
    struct client client;
    struct key key;
    char url[64];

    (void)state;
    for (int i = 0; i < VERSIONS; i++)
        snprintf(texts[i], sizeof texts[i], "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%c",
                 'A' + i);
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_SEND(texts[0]));
    origin_url(world.origin, "/", url, sizeof url);
    store_key_init(world.store, &key, url, strlen(url));
    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] =
            (struct asker){.world = &world, .url = url, .purged = &purged, .is_over = &is_over};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]), 0);
    }
    client_open(&client, world.address);
    for (int version = 1; version < VERSIONS; version++) {
        for (unsigned i = 0; i < 20; i++)
            assert_true(ask_version(&client, url) >= version - 1);
        origin_on(world.origin, "/", ORIGIN_SEND(texts[version]));
        (void)fetcher_purge(world.fetcher, &key);
        atomic_store(&purged, version - 1);
    }
    atomic_store(&is_over, true);
    client_close(&client);
    for (unsigned i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_true(askers[i].requests > 0);
    }
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_answers_are_those_of_the_store),
        cmocka_unit_test(test_kept_answers_say_when_the_connection_ends),
        cmocka_unit_test(test_a_purge_is_seen_by_the_next_request_on_every_loop),
    };

    world_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
