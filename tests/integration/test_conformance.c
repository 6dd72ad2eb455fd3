/* SPDX-License-Identifier: MIT */
/*
 * test_conformance.c - what a route stores and reuses, from answer to answer: the rules of lib/http
 * seen from outside, through the whole server. Each row is an answer of the origin, and two
 * requests for it: the origin is asked again, or it is not.
 *
 * Nothing waits for time to pass: an answer that is to be stale arrives old, by its Age.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

#define COUNT(table)   (sizeof(table) / sizeof((table)[0]))
#define ROWS_PER_WORLD 24
#define HEAD_BYTES     4096

#define FUTURE "Thu, 18 Aug 2050 02:01:18 GMT"
#define PAST   "Wed, 01 Jan 2020 00:00:00 GMT"

struct row {
    int status;
    const char *answer; /* lines of the origin's answer */
    const char *first;  /* lines of the request that brings it */
    const char *second; /* lines of the request that may be answered from the store */
    bool is_hit;
};

static void pass(struct world *world, const char *path, const char *fields,
                 struct client_reply *ret_reply)
{
    struct client client;

    world_pass(world, &client, "GET", path, fields, "");
    client_read_reply(&client, false, ret_reply);
    client_close(&client);
}

static void check_row(struct world *world, const struct row *row, const char *path)
{
    const char *requests[] = {row->first, row->second};
    struct client_reply reply;

    for (unsigned i = 0; i < 2; i++) {
        pass(world, path, requests[i], &reply);
        assert_int_equal(reply.status, row->status);
        assert_string_equal(reply.body, row->status == 204 ? "" : "ok");
        client_reply_fini(&reply);
    }
    assert_int_equal(origin_hits(world->origin, path), row->is_hit ? 1 : 2);
}

static void check_rows(const struct row *rows, size_t count)
{
    static char answers[ROWS_PER_WORLD][1024];
    struct fetch_settings settings;
    struct world world;

    world_settings(&settings);
    settings.set_cookie_is_standard = true;
    for (size_t i = 0; i < count; i++) {
        char path[32];
        char *answer = answers[i % ROWS_PER_WORLD];

        if (i % ROWS_PER_WORLD == 0)
            world_start(&world, &settings);
        print_message("row %zu: %d %s / %s / %s\n", i, rows[i].status, rows[i].answer,
                      rows[i].first, rows[i].second);
        snprintf(path, sizeof path, "/%zu", i);
        snprintf(answer, sizeof answers[0], "HTTP/1.1 %d X\r\n%s%s", rows[i].status, rows[i].answer,
                 rows[i].status == 204 ? "\r\n" : "Content-Length: 2\r\n\r\nok");
        origin_on(world.origin, path, ORIGIN_SEND(answer));
        check_row(&world, &rows[i], path);
        if (i % ROWS_PER_WORLD == ROWS_PER_WORLD - 1 || i == count - 1)
            world_stop(&world);
    }
}

/* RFC 9111 sections 4.2.1, 5.2.2 and 5.3. */
static void test_lifetimes(void **state)
{
    static const struct row rows[] = {
        {200, "", "", "", false},
        {200, "Cache-Control: max-age=3600\r\n", "", "", true},
        {200, "Cache-Control: MaX-aGe=003600\r\n", "", "", true},
        {200, "Cache-Control: foobar, max-age=99999999999\r\n", "", "", true},
        {200, "Cache-Control: max-age=0\r\nExpires: " FUTURE "\r\n", "", "", false},
        {200, "Cache-Control: max-age=-3600\r\n", "", "", false},
        {200, "Cache-Control: max-age='3600'\r\n", "", "", false},
        {200, "Cache-Control: extension=\"max-age=3600\", max-age=0\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600, s-maxage=0\r\n", "", "", false},
        {200, "Cache-Control: max-age=0\r\nCache-Control: s-maxage=3600\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nExpires: " PAST "\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nExpires: 0\r\n", "", "", true},
        {200, "Expires: " FUTURE "\r\n", "", "", true},
        {200, "Expires: " PAST "\r\n", "", "", false},
        {200, "Expires: 0\r\n", "", "", false},
        {200, "Expires: Thursday, 18-Aug-50 02:01:18 GMT\r\n", "", "", true},
        {200, "Expires: Thu Aug 18 02:01:18 2050\r\n", "", "", true},
        {200, "Expires: THU, 18 aug 2050 02:01:18 gmt\r\n", "", "", true},
        {200, "Expires: Thu, 18 Aug 2050 02:01:18 UTC\r\n", "", "", false},
        {200, "Expires: Thu, 18 Aug 50 02:01:18 GMT\r\n", "", "", false},
        {200, "Expires: Thu 18 Aug 2050 02:01:18 GMT\r\n", "", "", false},
        {200, "Expires: Thu, 18 Aug 2050 2:01:18 GMT\r\n", "", "", false},
        {200, "Expires: " FUTURE "\r\nExpires: " PAST "\r\n", "", "", false},
        {200, "Date: foo\r\nExpires: " FUTURE "\r\n", "", "", true},
        {200, "Last-Modified: " PAST "\r\n", "", "", true},
        {204, "Last-Modified: " PAST "\r\n", "", "", true},
        {404, "Last-Modified: " PAST "\r\n", "", "", true},
        {501, "Last-Modified: " PAST "\r\n", "", "", true},
        {201, "Last-Modified: " PAST "\r\n", "", "", false},
        {403, "Last-Modified: " PAST "\r\n", "", "", false},
        {503, "Last-Modified: " PAST "\r\n", "", "", false},
        {599, "Last-Modified: " PAST "\r\n", "", "", false},
        {599, "Last-Modified: " PAST "\r\nCache-Control: public\r\n", "", "", true},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* RFC 9111 sections 4.2.3, 5.1 and 1.2.2. */
static void test_ages(void **state)
{
    static const struct row rows[] = {
        {200, "Cache-Control: max-age=3600\r\nAge: 7200\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nAge: 1800\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nAge: abc\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nAge: -7200\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nAge: 7200.0\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nAge: 2147483649\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nAge: 7200, 0\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nAge: 0, 7200\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nAge: 7200\r\nAge: 0\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nAge: 0\r\nAge: 7200\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\nDate: " PAST "\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nDate: " FUTURE "\r\n", "", "", true},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* RFC 9111 sections 3, 3.5 and 5.2.2. */
static void test_what_may_be_stored(void **state)
{
    static const struct row rows[] = {
        {200, "Cache-Control: private, max-age=3600\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600, No-StOrE\r\nExpires: " FUTURE "\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600, No-CaChE\r\n", "", "", false},
        {200, "Cache-Control: no-cache no-store; max-age=3600\r\n", "", "", false},
        {200, "Cache-Control: max-age=3600, no-store, must-understand\r\n", "", "", true},
        {599, "Cache-Control: max-age=3600, no-store, must-understand\r\n", "", "", false},
        {299, "Cache-Control: max-age=3600\r\n", "", "", true},
        {302, "Cache-Control: max-age=3600\r\n", "", "", true},
        {400, "Cache-Control: max-age=3600\r\n", "", "", true},
        {499, "Cache-Control: max-age=3600\r\n", "", "", true},
        {500, "Cache-Control: max-age=3600\r\n", "", "", true},
        {599, "Cache-Control: max-age=3600\r\n", "", "", true},
        {999, "Cache-Control: max-age=3600\r\n", "", "", true},
        {429, "Cache-Control: max-age=3600\r\n", "", "", false},
        {302, "", "", "", false},
        {200, "Cache-Control: max-age=3600\r\nSet-Cookie: a=b\r\n", "", "", true},
        {200, "Cache-Control: max-age=3600\r\n", "", "Cookie: a=b\r\n", true},
        {200, "Cache-Control: max-age=3600\r\n", "Authorization: x\r\n", "", false},
        {200, "Cache-Control: max-age=3600, public\r\n", "Authorization: x\r\n", "", true},
        {200, "Cache-Control: max-age=3600, must-revalidate\r\n", "Authorization: x\r\n", "", true},
        {200, "Cache-Control: s-maxage=3600\r\n", "Authorization: x\r\n", "", true},
        {200, "Cache-Control: max-age=3600\r\n", "Cache-Control: no-store\r\n", "", false},
        {200, "Cache-Control: max-age=3600\r\n", "", "Cache-Control: no-cache\r\n", false},
        {200, "Cache-Control: max-age=3600\r\n", "", "Cache-Control: min-fresh=7200\r\n", false},
        {200, "Cache-Control: max-age=3600\r\nAge: 7200\r\nETag: \"e\"\r\n", "",
         "Cache-Control: max-stale=7200\r\n", true},
        {200, "Cache-Control: max-age=3600, s-maxage=3600\r\nAge: 7200\r\nETag: \"e\"\r\n", "",
         "Cache-Control: max-stale=7200\r\n", false},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

#define VARY(names) "Cache-Control: max-age=3600\r\nVary: " names "\r\n"

/* RFC 9111 section 4.1. */
static void test_variants(void **state)
{
    static const struct row rows[] = {
        {200, VARY("Foo"), "Foo: 1\r\n", "Foo: 1\r\n", true},
        {200, VARY("Foo"), "Foo: 1\r\n", "Foo: 2\r\n", false},
        {200, VARY("Foo"), "Foo: 1\r\n", "", false},
        {200, VARY("Foo"), "", "Foo: 1\r\n", false},
        {200, VARY("Foo"), "Foo: 1\r\nOther: 2\r\n", "Other: 3\r\nFoo: 1\r\n", true},
        {200, VARY("Foo, Bar"), "Foo: 1\r\nBar: a\r\n", "Bar: a\r\nFoo: 1\r\n", true},
        {200, VARY("Foo, Bar"), "Foo: 1\r\nBar: a\r\n", "Foo: 1\r\nBar: b\r\n", false},
        {200, VARY("Foo\r\nVary: Bar"), "Foo: 1\r\nBar: a\r\n", "Foo: 1\r\nBar: b\r\n", false},
        {200, VARY("*"), "Foo: 1\r\n", "Foo: 1\r\n", false},
        {200, VARY(", *"), "Foo: 1\r\n", "Foo: 1\r\n", false},
        {200, VARY("\r\nVary: *"), "Foo: 1\r\n", "Foo: 1\r\n", false},
        {200, VARY("Foo, *"), "Foo: 1\r\n", "Foo: 1\r\n", false},
        {200, VARY("Foo"), "Foo: 1, 2\r\n", "Foo: 1\r\nFoo: 2\r\n", true},
        {200, VARY("Foo"), "Foo: 1,2\r\n", "Foo:  1, 2 \r\n", true},
        {200, VARY("Accept-Language"), "Accept-Language: en, de\r\n",
         "Accept-Language: De ,eN;q=1\r\n", true},
        {200, VARY("Accept-Language"), "Accept-Language: en, de\r\n",
         "Accept-Language: en, de;q=0.5\r\n", false},
        {200, VARY("Accept-Encoding"), "Accept-Encoding: gzip, br\r\n",
         "Accept-Encoding: br, gzip, deflate;q=0\r\n", true},
        {200, VARY("Accept-Language"), "Accept-Language: de\r\nConnection: Accept-Language\r\n",
         "Accept-Language: de\r\n", false},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* RFC 9213. */
static void test_fields_for_such_caches(void **state)
{
    static const struct row rows[] = {
        {200, "CDN-Cache-Control: max-age=3600\r\n", "", "", true},
        {200, "CDN-Cache-Control: max-age=3600\r\nAge: 7200\r\n", "", "", false},
        {200, "CDN-Cache-Control: max-age=3600\r\nCache-Control: no-store\r\n", "", "", true},
        {200, "CDN-Cache-Control: max-age=3600\r\nExpires: 0\r\n", "", "", true},
        {200, "CDN-Cache-Control: max-age=0\r\nExpires: " FUTURE "\r\n", "", "", false},
        {200, "CDN-Cache-Control: max-age=0\r\nCache-Control: max-age=3600\r\n", "", "", false},
        {200, "CDN-Cache-Control: private\r\nCache-Control: max-age=3600\r\n", "", "", false},
        {200, "CDN-Cache-Control: no-cache\r\nCache-Control: max-age=3600\r\n", "", "", false},
        {200, "CDN-Cache-Control: no-store\r\nCache-Control: max-age=3600\r\n", "", "", false},
        {200, "CDN-Cache-Control: max-age=9, &&\r\nCache-Control: no-store\r\n", "", "", false},
        {200, "CDN-Cache-Control: max-age=0, &&\r\nCache-Control: max-age=9\r\n", "", "", true},
        {200, "CDN-Cache-Control: max-age=\"9\"\r\nCache-Control: no-store\r\n", "", "", false},
        {200, "CDN-Cache-Control: max-age= 0\r\nCache-Control: max-age=9\r\n", "", "", true},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* RFC 9111 sections 4.3.4 and 3.2: what a 304 changes, for who asked and for those who follow. */
static void test_304_updates_what_is_stored(void **state)
{
    static const struct {
        const char *field;
        const char *stored;
        const char *newer;
        const char *result;
    } cases[] = {
        {"X-Test", "a", "b", "b"},
        {"Content-Foo", "a", "b", "b"},
        {"Content-Type", "text/plain", "text/html", "text/html"},
        {"Set-Cookie", "a=b", "a=c", "a=c"},
        {"Content-Length", "2", "10", "2"},
        {"Content-Encoding", "br", "gzip", "br"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_length = strcmp(cases[i].field, "Content-Length") == 0;
        struct fetch_settings settings;
        struct client_reply reply;
        struct world world;
        char answers[2][512], head[HEAD_BYTES];

        print_message("case %zu: %s\n", i, cases[i].field);
        world_settings(&settings);
        settings.set_cookie_is_standard = true;
        world_start(&world, &settings);
        snprintf(answers[0], sizeof answers[0],
                 "HTTP/1.1 200 OK\r\nCache-Control: max-age=5\r\nAge: 10\r\nETag: \"e\"\r\n"
                 "%s: %s\r\n%s\r\nok",
                 cases[i].field, cases[i].stored, is_length ? "" : "Content-Length: 2\r\n");
        snprintf(answers[1], sizeof answers[1],
                 "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=3600\r\nETag: \"e\"\r\n"
                 "%s: %s\r\n\r\n",
                 cases[i].field, cases[i].newer);
        for (unsigned request = 0; request < 3; request++) {
            if (request < 2)
                origin_on(world.origin, "/", ORIGIN_SEND(answers[request]));
            pass(&world, "/", "", &reply);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "ok");
            assert_field(&reply, cases[i].field, request == 0 ? cases[i].stored : cases[i].result);
            client_reply_fini(&reply);
        }
        assert_int_equal(origin_hits(world.origin, "/"), 2);
        origin_last_request(world.origin, "/", head, sizeof head);
        assert_non_null(strstr(head, "\r\nIf-None-Match: \"e\"\r\n"));
        world_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lifetimes),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_what_may_be_stored),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_fields_for_such_caches),
        cmocka_unit_test(test_304_updates_what_is_stored),
    };

    world_prepare();
    return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
