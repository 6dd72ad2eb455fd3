/* SPDX-License-Identifier: MIT */
/*
 * test_forward.c - fetch.forward through the program: which fields of clients origins see, and
 * which answers are whose. Cases 15, 16 and 17.
 */
#include <string.h>

#include "cmocka_all.h"
#include "program.h"

#define VARIES                                                                                     \
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\n"                    \
    "Content-Length: 2\r\n\r\n"
#define PLAIN "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"

static struct program program;

static void assert_last_request(const char *path, const char *line, bool is_there)
{
    char request[4096];

    origin_last_request(program.origin, path, request, sizeof request);
    if ((strcasestr(request, line) != NULL) != is_there)
        fail_msg("\"%s\" is %s:\n%s", line, is_there ? "not in" : "in", request);
}

/* Two languages are asked for while nothing is known: the first answer tells them apart. */
static void case_16_two_languages_of_a_cold_url_are_two_fetches(void **state)
{
    struct client english, german;

    (void)state;
    program_start(&program, NULL, NULL);
    origin_on(program.origin, "/", ORIGIN_GATE, ORIGIN_SEND(VARIES "en"));
    program_ask(&program, &english, "/", "Accept-Language: en\r\n");
    origin_wait_hits(program.origin, "/", 1);
    assert_last_request("/", "\r\nAccept-Language: en\r\n", true);
    program_ask(&program, &german, "/", "Accept-Language: de\r\n");
    program_sync(&program);
    assert_int_equal(origin_hits(program.origin, "/"), 1);
    origin_on(program.origin, "/", ORIGIN_SEND(VARIES "de"));
    origin_release(program.origin, "/");
    program_expect(&english, 200, "en");
    program_expect(&german, 200, "de");
    assert_last_request("/", "\r\nAccept-Language: de\r\n", true);
    assert_int_equal(origin_hits(program.origin, "/"), 2);
    program_stop(&program);
}

/* Once it is known, each language is looked up and fetched by itself. */
static void case_15_each_language_is_stored_by_itself(void **state)
{
    (void)state;
    program_start(&program, NULL, NULL);
    origin_on(program.origin, "/", ORIGIN_SEND(VARIES "en"));
    program_get(&program, "/", "Accept-Language: en\r\n", "en");
    origin_on(program.origin, "/", ORIGIN_SEND(VARIES "de"));
    program_get(&program, "/", "Accept-Language: de\r\n", "de");
    for (unsigned i = 0; i < 2; i++) {
        assert_non_null(
            strstr(program_get(&program, "/", "Accept-Language: en\r\n", "en"), "; hit; "));
        assert_non_null(
            strstr(program_get(&program, "/", "Accept-Language: de\r\n", "de"), "; hit; "));
    }
    assert_int_equal(origin_hits(program.origin, "/"), 2);
    program_stop(&program);
}

static void case_17_requests_with_credentials_share_nothing(void **state)
{
    static const char *const variables[] = {"FETCHONCE_FETCH_FORWARD=Cookie,Authorization", NULL};
    static const char *const fields[] = {"Cookie: user=1\r\n", "Cookie: user=2\r\n",
                                         "Authorization: Basic MTox\r\n", ""};
    static const char *const answers[] = {PLAIN "1st", PLAIN "2nd", PLAIN "3rd", PLAIN "all"};
    struct client clients[4];

    (void)state;
    program_start(&program, variables, NULL);
    for (unsigned i = 0; i < 4; i++) {
        origin_on(program.origin, "/", ORIGIN_GATE, ORIGIN_SEND(answers[i]));
        program_ask(&program, &clients[i], "/", fields[i]);
        origin_wait_hits(program.origin, "/", i + 1); /* it waits for none of the others */
        assert_last_request("/", fields[i], true);
    }
    origin_release(program.origin, "/");
    for (unsigned i = 0; i < 4; i++)
        program_expect(&clients[i], 200, answers[i] + strlen(PLAIN));
    /* Only what was asked for without credentials is there for all, and that for all. */
    program_get(&program, "/", "", "all");
    assert_int_equal(origin_hits(program.origin, "/"), 4);
    program_stop(&program);
}

static void test_by_default_languages_are_sent_and_credentials_are_not(void **state)
{
    (void)state;
    program_start(&program, NULL, NULL);
    origin_on(program.origin, "/", ORIGIN_SEND(PLAIN "all"));
    program_get(&program, "/",
                "Cookie: user=1\r\nAuthorization: Basic MTox\r\nAccept: text/html\r\n"
                "X-Kind: a\r\nAccept-Language: de\r\nAccept-Encoding: gzip\r\n",
                "all");
    assert_last_request("/", "\r\nAccept: text/html\r\n", true);
    assert_last_request("/", "\r\nAccept-Language: de\r\n", true);
    assert_last_request("/", "\r\nAccept-Encoding: identity\r\n", true);
    assert_last_request("/", "\r\nCookie:", false);
    assert_last_request("/", "\r\nAuthorization:", false);
    assert_last_request("/", "\r\nX-Kind:", false);
    /* They are no part of the question, so everybody gets the one answer. */
    program_get(&program, "/", "Cookie: user=2\r\n", "all");
    assert_int_equal(origin_hits(program.origin, "/"), 1);
    program_stop(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_16_two_languages_of_a_cold_url_are_two_fetches),
        cmocka_unit_test(case_15_each_language_is_stored_by_itself),
        cmocka_unit_test(case_17_requests_with_credentials_share_nothing),
        cmocka_unit_test(test_by_default_languages_are_sent_and_credentials_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
