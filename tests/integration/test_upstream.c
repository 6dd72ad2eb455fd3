/* SPDX-License-Identifier: MIT */
/*
 * test_upstream.c - the fetcher over a real network: libcurl, evdns, the guard at the socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "net.h"
#include "origin.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct world {
    struct origin *origin;
    struct net *net;
    char url[256];
};

static void world_start(struct world *world, const struct fetch_settings *settings)
{
    struct fetch_settings defaults;

    net_settings(&defaults);
    origin_start(&world->origin);
    net_start(settings != NULL ? settings : &defaults, &world->net);
}

static void world_stop(struct world *world)
{
    net_stop(world->net);
    origin_stop(world->origin);
}

static const char *url_of(struct world *world, const char *path)
{
    return origin_url(world->origin, path, world->url, sizeof world->url);
}

/* Forty readers on two loops, the origin held until all wait. */
static void test_crowd_on_two_loops_is_one_request(void **state)
{
    struct world world;
    struct net_ask *asks[40];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/slow", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    for (unsigned i = 0; i < 40; i++)
        asks[i] = net_ask(world.net, i % NET_LOOPS, url_of(&world, "/slow"), 0);
    origin_wait_hits(world.origin, "/slow", 1);
    origin_release(world.origin, "/slow");
    for (unsigned i = 0; i < 40; i++) {
        net_wait(asks[i]);
        assert_int_equal(net_status(asks[i]), 200);
        assert_int_equal(net_body_status(asks[i]), 0);
        assert_string_equal(net_text(asks[i]), "hello");
        net_free(asks[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/slow"), 1);
    world_stop(&world);
}

/* Ways a body may be framed. */
static void test_framings_are_understood(void **state)
{
    struct world world;
    static const char *const answers[] = {
        OK_HELLO,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "5\r\n\r\n"
         "hello"),
    };

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        char path[16];
        struct net_ask *ask;
        snprintf(path, sizeof path, "/%u", i);
        origin_on(world.origin, path, ORIGIN_SEND(answers[i]), ORIGIN_CLOSE);
        ask = net_get(world.net, url_of(&world, path));
        assert_int_equal(net_status(ask), 200);
        assert_int_equal(net_body_status(ask), 0);
        assert_string_equal(net_text(ask), "hello");
        net_free(ask);
    }
    world_stop(&world);
}

/* Case 25: what is no HTTP, or contradicts itself, is 502 and not stored. */
static void case_25_malformed_answers_are_502(void **state)
{
    struct world world;
    static const char *const answers[] = {
        "garbage\r\n\r\n",
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",
        ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\n"
         "hello"),
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello",
        /* For libcurl a field, so that it and we would see different lengths. */
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nHTTP/1.1 200 OK: x\r\n"
         "Content-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    };

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        char path[16];
        struct net_ask *ask;
        snprintf(path, sizeof path, "/%u", i);
        origin_on(world.origin, path, ORIGIN_SEND(answers[i]), ORIGIN_CLOSE);
        ask = net_get(world.net, url_of(&world, path));
        if (net_is_answered(ask) || net_status(ask) != 502)
            fail_msg("answer %u: %d", i, net_status(ask));
        net_free(ask);
    }
    assert_int_equal(net_counter(world.net, stored), 0);
    world_stop(&world);
}

/* Heads beyond the limit are refused while they come. */
static void test_endless_head_is_refused(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;

    (void)state;
    net_settings(&settings);
    settings.response_header_bytes_max = 4096;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_SEND("HTTP/1.1 200 OK\r\n"),
              ORIGIN_REPEAT("X-Filler: 0123456789012345678901234567890123456789\r\n", 200),
              ORIGIN_SEND("\r\n"), ORIGIN_CLOSE);
    ask = net_get(world.net, url_of(&world, "/"));
    assert_int_equal(net_status(ask), 502);
    assert_false(net_is_answered(ask));
    net_free(ask);
    /* One line beyond what libcurl takes, which it calls "out of memory". */
    origin_on(world.origin, "/line", ORIGIN_SEND("HTTP/1.1 200 OK\r\nX-Line: "),
              ORIGIN_REPEAT("0123456789", 20000), ORIGIN_SEND("\r\n\r\n"), ORIGIN_CLOSE);
    ask = net_get(world.net, url_of(&world, "/line"));
    assert_int_equal(net_status(ask), 502);
    net_free(ask);
    world_stop(&world);
}

/* Trailers count like the head: libcurl keeps them all. */
static void test_endless_trailers_are_refused(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;

    (void)state;
    net_settings(&settings);
    settings.response_header_bytes_max = 4096;
    world_start(&world, &settings);
    origin_on(
        world.origin, "/",
        ORIGIN_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"),
        ORIGIN_REPEAT("X-Filler: 0123456789012345678901234567890123456789\r\n", 200),
        ORIGIN_SEND("\r\n"), ORIGIN_CLOSE);
    ask = net_get(world.net, url_of(&world, "/"));
    assert_false(net_is_answered(ask) && net_body_status(ask) == 0);
    assert_int_equal(net_counter(world.net, stored), 0);
    net_free(ask);
    world_stop(&world);
}

/* Case 7: a body cut short is broken for who has bytes, and not stored, in each framing. */
static void case_07_cut_bodies_are_broken(void **state)
{
    struct world world;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
    };

    (void)state;
    world_start(&world, NULL);
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        char path[16];
        struct net_ask *ask;
        snprintf(path, sizeof path, "/%u", i);
        origin_on(world.origin, path, ORIGIN_SEND(answers[i]), ORIGIN_GATE, ORIGIN_CLOSE);
        ask = net_ask(world.net, i % NET_LOOPS, url_of(&world, path), 0);
        net_wait_bytes(ask, 5);
        origin_release(world.origin, path);
        net_wait(ask);
        assert_true(net_is_answered(ask));
        assert_string_equal(net_text(ask), "hello");
        assert_true(net_body_status(ask) < 0);
        net_free(ask);
    }
    assert_int_equal(net_counter(world.net, stored), 0);
    world_stop(&world);
}

/* A connection is used again, and no header of a client goes with it (case 17). */
static void test_connections_are_kept(void **state)
{
    struct world world;
    char request[4096];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/a", ORIGIN_SEND(OK_HELLO));
    origin_on(world.origin, "/b", ORIGIN_SEND(OK_HELLO));
    net_free(net_get(world.net, url_of(&world, "/a")));
    net_free(net_get(world.net, url_of(&world, "/b")));
    assert_int_equal(origin_connections(world.origin), 1);
    origin_last_request(world.origin, "/a", request, sizeof request);
    assert_non_null(strstr(request, "GET /a HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Accept-Encoding: identity\r\n"));
    assert_non_null(strstr(request, "CDN-Loop: fetchonce\r\n"));
    assert_null(strstr(request, "Cookie:"));
    assert_null(strstr(request, "Authorization:"));
    world_stop(&world);
}

/* Nobody listens there: 502 after one more try, in words that do not tell why. */
static void case_04_closed_port_is_502(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world, NULL);
    ask = net_get(world.net, "http://127.0.0.1:1/");
    assert_int_equal(net_status(ask), 502);
    assert_string_equal(net_detail(ask), "the origin could not be reached");
    assert_int_equal(net_counter(world.net, upstream_retries), 1);
    net_free(ask);
    world_stop(&world);
}

/* The default policy: nothing that is not public, in whatever spelling; no connection is made. */
static void test_private_addresses_are_403(void **state)
{
    struct fetch_settings settings;
    struct world world;
    static const char *const urls[] = {
        "http://127.0.0.1:%u/",       "http://[::1]:%u/",     "http://[::ffff:127.0.0.1]:%u/",
        "http://10.0.0.1:%u/",        "http://localhost:%u/", "http://0.0.0.0:%u/",
        "http://169.254.169.254:%u/",
    };

    (void)state;
    fetch_settings_default(&settings);
    world_start(&world, &settings);
    for (unsigned i = 0; i < sizeof urls / sizeof *urls; i++) {
        char url[128];
        struct net_ask *ask;
        snprintf(url, sizeof url, urls[i], origin_port(world.origin));
        ask = net_get(world.net, url);
        assert_false(net_is_answered(ask));
        assert_int_equal(net_status(ask), 403);
        assert_string_equal(net_detail(ask), "this URL may not be fetched through this server");
        net_free(ask);
    }
    assert_int_equal(origin_connections(world.origin), 0);
    assert_int_equal(net_counter(world.net, refused_guard), sizeof urls / sizeof *urls);
    world_stop(&world);
}

/* Rule H: the first hop is allowed, the second is not. */
static void test_redirect_to_a_private_address_is_403(void **state)
{
    static const struct guard_network just_one = {
        .family = AF_INET, .prefix_bits = 32, .address = {127, 0, 0, 1}};
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;
    char answer[256];

    (void)state;
    net_settings(&settings);
    settings.guard.allowed = &just_one;
    world_start(&world, &settings);
    snprintf(answer, sizeof answer,
             ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:%u/secret\r\n"
              "Content-Length: 0\r\n\r\n"),
             origin_port(world.origin));
    origin_on(world.origin, "/", ORIGIN_SEND(answer));
    ask = net_get(world.net, url_of(&world, "/"));
    assert_int_equal(net_status(ask), 403);
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    assert_int_equal(origin_connections(world.origin), 1);
    net_free(ask);
    world_stop(&world);
}

static void test_own_ports_are_403(void **state)
{
    struct world world;
    struct net_ask *ask;
    uint16_t port;

    (void)state;
    world_start(&world, NULL);
    port = origin_port(world.origin);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));
    assert_int_equal(fetcher_set_own_ports(net_fetcher(world.net), &port, 1), 0);
    ask = net_get(world.net, url_of(&world, "/"));
    assert_int_equal(net_status(ask), 403);
    assert_int_equal(origin_connections(world.origin), 0);
    net_free(ask);
    world_stop(&world);
}

/* Redirects on the same and on another connection, and a body in between that nobody reads. */
static void case_26_redirects_are_followed(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/1",
              ORIGIN_SEND("HTTP/1.1 301 Moved\r\nLocation: /2\r\nContent-Length: 5\r\n\r\nmoved"));
    origin_on(world.origin, "/2",
              ORIGIN_SEND("HTTP/1.1 307 Moved\r\nLocation: 3?x=y\r\n"
                          "Content-Length: 20000\r\n\r\n"),
              ORIGIN_REPEAT("0123456789", 2000));
    origin_on(world.origin, "/3?x=y", ORIGIN_SEND(OK_HELLO));
    ask = net_get(world.net, url_of(&world, "/1"));
    assert_int_equal(net_status(ask), 200);
    assert_string_equal(net_text(ask), "hello");
    net_free(ask);
    ask = net_get(world.net, url_of(&world, "/1"));
    assert_int_equal(net_source(ask), FETCH_FROM_STORE);
    net_free(ask);
    assert_int_equal(net_counter(world.net, upstream_redirects), 2);
    world_stop(&world);
}

/*
 * Names come from the hosts file when there is no nameserver; the address is judged; and what is in
 * no file does not exist, at once.
 */
static void test_names_of_the_hosts_file(void **state)
{
    char hosts[] = "/tmp/fetchonce-hosts-XXXXXX";
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;
    char url[128];
    FILE *file;
    int fd;

    (void)state;
    fd = mkstemp(hosts);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    fputs("127.0.0.1 origin.example.org\n10.1.2.3 intranet.example.org\n", file);
    fputs("127.0.0.1 both.example.org\n10.1.2.3 both.example.org\n", file);
    fclose(file);
    net_settings(&settings);
    settings.hosts_path = hosts;
    settings.resolv_conf_path = "/nonexistent";
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_SEND(OK_HELLO));

    snprintf(url, sizeof url, "http://origin.example.org:%u/", origin_port(world.origin));
    ask = net_get(world.net, url);
    assert_int_equal(net_status(ask), 200);
    assert_string_equal(net_text(ask), "hello");
    net_free(ask);
    ask = net_get(world.net, "http://intranet.example.org/");
    assert_int_equal(net_status(ask), 403);
    net_free(ask);
    ask = net_get(world.net, "http://both.example.org/");
    assert_int_equal(net_status(ask), 403); /* one refused address refuses the name */
    net_free(ask);
    ask = net_get(world.net, "http://nowhere.example.org/");
    assert_int_equal(net_status(ask), 502);
    net_free(ask);
    world_stop(&world);
    unlink(hosts);
}

/* Case 8 over the network: a stalled body ends, and so does a head that does not come. */
static void case_08_silence_ends(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;

    (void)state;
    net_settings(&settings);
    settings.stall_timeout_ms = 200;
    settings.head_timeout_ms = 200;
    world_start(&world, &settings);
    origin_on(world.origin, "/body",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), ORIGIN_GATE);
    origin_on(world.origin, "/head", ORIGIN_GATE);
    ask = net_get(world.net, url_of(&world, "/body"));
    assert_string_equal(net_text(ask), "hello");
    assert_int_equal(net_body_status(ask), -ETIMEDOUT);
    net_free(ask);
    ask = net_get(world.net, url_of(&world, "/head"));
    assert_int_equal(net_status(ask), 504);
    net_free(ask);
    world_stop(&world);
}

/* Case 13: forty wait, the head says private: one keeps it, all others ask at the same time. */
static void case_13_private_crowd_goes_in_parallel(void **state)
{
    struct world world;
    struct net_ask *asks[40];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/mine", ORIGIN_GATE,
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 5\r\n\r\n"),
              ORIGIN_GATE, ORIGIN_SEND("hello"));
    for (unsigned i = 0; i < 40; i++)
        asks[i] = net_ask(world.net, i % NET_LOOPS, url_of(&world, "/mine"), 0);
    origin_wait_hits(world.origin, "/mine", 1);
    origin_release(world.origin, "/mine");
    origin_wait_hits(world.origin, "/mine", 40); /* though no body has been sent yet */
    origin_release(world.origin, "/mine");
    for (unsigned i = 0; i < 40; i++) {
        net_wait(asks[i]);
        assert_string_equal(net_text(asks[i]), "hello");
        net_free(asks[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/mine"), 40);
    world_stop(&world);
}

/* The only one leaves in the middle: the origin's connection is dropped, and nothing is left. */
static void case_02_leaving_ends_the_fetch(void **state)
{
    struct world world;
    struct net_ask *ask;

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    ask = net_ask(world.net, 0, url_of(&world, "/"), 0);
    origin_wait_hits(world.origin, "/", 1);
    net_leave(ask);
    net_wait_counter(world.net, flights_live, 0);
    assert_int_equal(net_counter(world.net, flights_cancelled), 1);
    net_free(ask);
    world_stop(&world);
}

/* A stop with a transfer, a queued retry and a lookup under way leaves nothing behind. */
static void case_32_stop_in_the_middle(void **state)
{
    struct world world;
    struct net_ask *asks[3];

    (void)state;
    world_start(&world, NULL);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND(OK_HELLO));
    asks[0] = net_ask(world.net, 0, url_of(&world, "/"), 0);
    asks[1] = net_ask(world.net, 1, url_of(&world, "/"), 0);
    asks[2] = net_ask(world.net, 1, "http://127.0.0.1:1/", 0);
    origin_wait_hits(world.origin, "/", 1);
    for (unsigned i = 0; i < 3; i++)
        net_leave(asks[i]);
    for (unsigned i = 0; i < 3; i++)
        net_free(asks[i]);
    world_stop(&world);
}

#define LINE "0123456789012345678901234567890123456789"

static void assert_lines(const struct net_ask *ask, unsigned lines)
{
    const char *text = net_text(ask);

    assert_int_equal(net_body_status(ask), 0);
    assert_int_equal(strlen(text), lines * strlen(LINE));
    for (unsigned i = 0; i < lines; i++)
        assert_memory_equal(text + i * strlen(LINE), LINE, strlen(LINE));
}

/* Some megabytes that are not kept, with back-pressure, are whole in spite of many segments. */
static void case_23_long_uncacheable_body_is_whole(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct net_ask *ask;

    (void)state;
    net_settings(&settings);
    settings.reader_lag_bytes_max = 65536;
    settings.select_bytes_max = 0;
    world_start(&world, &settings);
    origin_on(world.origin, "/",
              ORIGIN_SEND("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                          "Content-Length: 4000000\r\n\r\n"),
              ORIGIN_REPEAT(LINE, 100000));
    ask = net_get(world.net, url_of(&world, "/"));
    assert_lines(ask, 100000);
    net_free(ask);
    world_stop(&world);
}

/* Case 24: eight readers on two loops are there when the limit is crossed; all get the whole. */
static void case_24_long_body_of_unknown_length_is_whole_for_all(void **state)
{
    struct fetch_settings settings;
    struct world world;
    struct net_ask *asks[8];

    (void)state;
    net_settings(&settings);
    settings.stored_body_bytes_max = 1000;
    settings.select_bytes_max = 0;
    world_start(&world, &settings);
    origin_on(world.origin, "/", ORIGIN_GATE, ORIGIN_SEND("HTTP/1.0 200 OK\r\n\r\n"),
              ORIGIN_REPEAT(LINE, 100000), ORIGIN_CLOSE);
    for (unsigned i = 0; i < 8; i++)
        asks[i] = net_ask(world.net, i % NET_LOOPS, url_of(&world, "/"), 0);
    net_wait_counter(world.net, readers_waiting, 8);
    origin_release(world.origin, "/");
    for (unsigned i = 0; i < 8; i++) {
        net_wait(asks[i]);
        assert_lines(asks[i], 100000);
        net_free(asks[i]);
    }
    assert_int_equal(origin_hits(world.origin, "/"), 1);
    assert_int_equal(net_counter(world.net, stored), 0);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crowd_on_two_loops_is_one_request),
        cmocka_unit_test(test_framings_are_understood),
        cmocka_unit_test(case_25_malformed_answers_are_502),
        cmocka_unit_test(test_endless_head_is_refused),
        cmocka_unit_test(test_endless_trailers_are_refused),
        cmocka_unit_test(case_07_cut_bodies_are_broken),
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(case_04_closed_port_is_502),
        cmocka_unit_test(test_private_addresses_are_403),
        cmocka_unit_test(test_redirect_to_a_private_address_is_403),
        cmocka_unit_test(test_own_ports_are_403),
        cmocka_unit_test(case_26_redirects_are_followed),
        cmocka_unit_test(test_names_of_the_hosts_file),
        cmocka_unit_test(case_08_silence_ends),
        cmocka_unit_test(case_13_private_crowd_goes_in_parallel),
        cmocka_unit_test(case_02_leaving_ends_the_fetch),
        cmocka_unit_test(case_32_stop_in_the_middle),
        cmocka_unit_test(case_23_long_uncacheable_body_is_whole),
        cmocka_unit_test(case_24_long_body_of_unknown_length_is_whole_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
