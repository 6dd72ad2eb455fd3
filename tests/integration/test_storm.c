/* SPDX-License-Identifier: MIT */
/*
 * test_storm.c - readers come and go on two loops at random, while origins answer in every way: a
 * hunt for races, most useful under the thread sanitizer. Whatever the order, all that ends must
 * have ended well or with a reason, and nothing may be left when the loops stop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmocka_all.h"
#include "net.h"
#include "origin.h"

#define SLOTS 48
#define STEPS 1500

static const char *const paths[] = {"/kept",  "/once",  "/private", "/long",   "/broken",
                                    "/reset", "/moved", "/growing", "/tagged", "/refreshed"};
#define PATHS (sizeof paths / sizeof *paths)

static void script(struct origin *origin)
{
    origin_on(origin, "/kept", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    origin_on(origin, "/once",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\n"
                          "Content-Length: 5\r\n\r\nhello"));
    origin_on(origin, "/tagged", /* kept to be confirmed, which it never is */
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nETag: \"v1\"\r\n"
                          "Content-Length: 5\r\n\r\nhello"));
    origin_on(origin, "/refreshed",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-while-revalidate=60"
                          "\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\nhello"));
    origin_on(origin, "/private",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\n"
                          "Content-Length: 5\r\n\r\nhello"));
    origin_on(origin, "/long",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                          "Content-Length: 300000\r\n\r\n"),
              ORIGIN_REPEAT("0123456789", 30000));
    origin_on(origin, "/broken", ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"),
              ORIGIN_CLOSE);
    origin_on(origin, "/reset", ORIGIN_RESET);
    origin_on(origin, "/moved",
              ORIGIN_SEND("HTTP/1.1 302 Found\r\nLocation: /kept\r\nContent-Length: 0\r\n\r\n"));
    origin_on(origin, "/growing", ORIGIN_SEND("HTTP/1.1 200 OK\r\n\r\n"),
              ORIGIN_REPEAT("0123456789", 500), ORIGIN_CLOSE);
}

static void assert_ended_well(struct net_ask *ask, size_t path)
{
    net_wait(ask);
    if (strcmp(paths[path], "/reset") == 0) {
        assert_int_equal(net_status(ask), 502);
    } else if (strcmp(paths[path], "/broken") == 0) {
        assert_true(net_is_answered(ask) ? net_body_status(ask) < 0 : net_status(ask) == 502);
    } else {
        assert_int_equal(net_status(ask), 200);
        assert_int_equal(net_body_status(ask), 0);
        assert_true(strlen(net_text(ask)) == (strcmp(paths[path], "/long") == 0      ? 300000
                                              : strcmp(paths[path], "/growing") == 0 ? 5000
                                                                                     : 5));
    }
}

static void storm(unsigned seed)
{
    struct net_ask *asks[SLOTS] = {0};
    size_t asked[SLOTS] = {0};
    struct fetch_settings settings;
    struct origin *origin;
    struct net *net;

    net_settings(&settings);
    settings.stored_body_bytes_max = 2000;
    settings.negative_lifetime_ms = 5;
    settings.reader_lag_bytes_max = 20000;
    origin_start(&origin);
    script(origin);
    net_start(&settings, &net);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned slot = (unsigned)rand_r(&seed) % SLOTS;
        char url[128];
        if (asks[slot] == NULL) {
            asked[slot] = (size_t)rand_r(&seed) % PATHS;
            asks[slot] = net_ask(net, (unsigned)rand_r(&seed) % NET_LOOPS,
                                 origin_url(origin, paths[asked[slot]], url, sizeof url),
                                 rand_r(&seed) % 8 == 0 ? FETCH_FRESH_ONLY : 0);
            continue;
        }
        if (rand_r(&seed) % 3 == 0)
            net_leave(asks[slot]);
        else
            assert_ended_well(asks[slot], asked[slot]);
        net_free(asks[slot]);
        asks[slot] = NULL;
        if (rand_r(&seed) % 16 == 0)
            net_purge(net,
                      origin_url(origin, paths[(size_t)rand_r(&seed) % PATHS], url, sizeof url));
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (asks[slot] != NULL) {
            assert_ended_well(asks[slot], asked[slot]);
            net_free(asks[slot]);
        }
    }
    net_stop(net);
    origin_stop(origin);
}

static void test_storm(void **state)
{
    unsigned seed = (unsigned)time(NULL);

    (void)state;
    print_message("seed %u\n", seed);
    storm(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
