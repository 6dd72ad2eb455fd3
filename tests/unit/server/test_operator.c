/* SPDX-License-Identifier: MIT */
/*
 * test_operator.c - whom the guard of what is the operator's lets in, and what the others are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "carrier.h"
#include "handlers/operator.h"
#include "router.h"

#define TOKEN "0123456789abcdefABCDEF"
#define REALM "Bearer realm=\"fetchonce operator\""

/* A carrier that notes what it is given. */
static struct {
    int status;
    char challenge[128];
    char body[1024];
} noted;

static void note_head(struct request *request, const struct reply_head *head, int64_t length_bytes,
                      bool has_body, struct reply_memory memory)
{
    (void)request;
    (void)length_bytes;
    (void)has_body;
    (void)memory;
    noted.status = head->status;
    for (size_t i = 0; i < head->field_count; i++) {
        if (strcmp(head->fields[i].name, "WWW-Authenticate") == 0)
            strncpy(noted.challenge, head->fields[i].value, sizeof(noted.challenge) - 1);
    }
}

static void note_copy(struct request *request, const void *bytes, size_t length)
{
    (void)request;
    assert_true(length < sizeof(noted.body));
    memcpy(noted.body, bytes, length);
}

static void note_end(struct request *request, struct iovec trailers)
{
    (void)request;
    (void)trailers;
}

static const struct carrier_ops carrier = {.head = note_head, .copy = note_copy, .end = note_end};

static struct token token_of(const char *text)
{
    struct token token = {.length = strlen(text)};

    memcpy(token.bytes, text, token.length);
    return token;
}

/* 0 if it is let in, else the status; a field whose value is NULL is not there. */
static int ask(struct operator_guard *guard, const char *host, const char *name, const char *value,
               const char *second)
{
    struct server_guard guarding = operator_server_guard(guard, SERVER_ADDRESS(1));
    struct field fields[] = {
        {.name = span_of_string("Accept"), .value = span_of_string("*/*")},
        {.name = span_of_string(name), .value = span_of_string(value != NULL ? value : "")},
        {.name = span_of_string(name), .value = span_of_string(second != NULL ? second : "")},
    };
    struct request request = {.carrier = &carrier,
                              .authority = span_of_string(host),
                              .fields = fields,
                              .field_count = value == NULL    ? 1
                                             : second == NULL ? 2
                                                              : 3};

    memset(&noted, 0, sizeof(noted));
    if (guarding.admits(&request, guarding.context))
        return 0;
    assert_null(strstr(noted.body, TOKEN));
    return noted.status;
}

/* Source of what is told: RFC 6750 section 3. */
static void test_a_token_is_asked_for(void **state)
{
    static const struct {
        const char *value, *second;
        int status;
        const char *challenge;
    } rows[] = {
        {"Bearer " TOKEN, NULL, 0, ""},
        {"bearer " TOKEN, NULL, 0, ""},
        {"BEARER   " TOKEN, NULL, 0, ""},
        {NULL, NULL, 401, REALM},
        {"", NULL, 401, REALM},
        {"Bearer", NULL, 401, REALM},
        {"Basic " TOKEN, NULL, 401, REALM},
        {TOKEN, NULL, 401, REALM},
        {"Bearer" TOKEN, NULL, 401, REALM},
        {"Bearer ", NULL, 401, REALM ", error=\"invalid_token\""},
        {"Bearer 0123456789abcdefABCDEf", NULL, 401, REALM ", error=\"invalid_token\""},
        {"Bearer " TOKEN "0", NULL, 401, REALM ", error=\"invalid_token\""},
        {"Bearer " TOKEN ", " TOKEN, NULL, 401, REALM ", error=\"invalid_token\""},
        {"Bearer " TOKEN, "Bearer " TOKEN, 400, REALM ", error=\"invalid_request\""},
    };
    struct token token = token_of(TOKEN);
    struct operator_guard *guard;

    (void)state;
    assert_int_equal(operator_guard_new(&token, false, &guard), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("row %zu\n", i);
        assert_int_equal(
            ask(guard, "public.example", "authorization", rows[i].value, rows[i].second),
            rows[i].status);
        assert_string_equal(noted.challenge, rows[i].challenge);
    }
    operator_guard_free(guard);
}

static void test_without_a_token_hosts_are_of_this_machine(void **state)
{
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"127.0.0.1:8081", 0},
        {"127.0.0.1", 0},
        {"127.1.2.3", 0},
        {"localhost:8081", 0},
        {"LocalHost", 0},
        {"[::1]:8081", 0},
        {"[::1]", 0},
        {"", 0},
        {"evil.example", 421},
        {"128.0.0.1", 421},
        {"[::2]", 421},
        {"[::1", 421},
        {"localhost.evil.example", 421},
        {"127.0.0.1.evil.example", 421},
        {"10.0.0.1:8081", 421},
        {"operator:8081", 421},
        {"0.0.0.0", 421},
        {"2130706433", 421},
        {"a-name-that-is-longer-than-any-address-could-be-written.example", 421},
    };
    struct token token = {.length = 0};
    struct operator_guard *guard;

    (void)state;
    assert_int_equal(operator_guard_new(&token, false, &guard), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].host);
        assert_int_equal(ask(guard, rows[i].host, "X", NULL, NULL), rows[i].status);
        assert_string_equal(noted.challenge, "");
    }
    operator_guard_free(guard);
}

/* Whether there is a token or not, and whatever else they say. */
static void test_pages_are_refused(void **state)
{
    static const struct {
        const char *name, *value;
        int status;
    } rows[] = {
        {"Origin", "http://evil.example", 403},
        {"origin", "null", 403},
        {"Origin", "http://127.0.0.1:8081", 403},
        {"Sec-Fetch-Site", "cross-site", 403},
        {"Sec-Fetch-Site", "same-site", 403},
        {"Sec-Fetch-Site", "same-origin", 403},
        {"Sec-Fetch-Site", "none", 0},
    };

    (void)state;
    for (unsigned has_token = 0; has_token < 2; has_token++) {
        struct token token = token_of(has_token ? TOKEN : "");
        struct operator_guard *guard;

        assert_int_equal(operator_guard_new(&token, false, &guard), 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            assert_int_equal(ask(guard, "127.0.0.1", rows[i].name, rows[i].value, NULL),
                             rows[i].status == 0 && has_token ? 401 : rows[i].status);
        operator_guard_free(guard);
    }
}

static void test_the_token_changes_but_does_not_go_where_it_is_needed(void **state)
{
    struct token one = token_of(TOKEN), other = token_of("another-token-of-enough-length");
    struct token none = {.length = 0};
    struct operator_guard *guard;

    (void)state;
    for (unsigned is_needed = 0; is_needed < 2; is_needed++) {
        assert_int_equal(operator_guard_new(&one, is_needed, &guard), 0);
        assert_true(operator_guard_set_token(guard, &other));
        assert_int_equal(ask(guard, "a", "Authorization", "Bearer " TOKEN, NULL), 401);
        assert_int_equal(
            ask(guard, "a", "Authorization", "Bearer another-token-of-enough-length", NULL), 0);
        assert_int_equal(operator_guard_set_token(guard, &none), !is_needed);
        assert_int_equal(ask(guard, "localhost", "X", NULL, NULL), is_needed ? 401 : 0);
        operator_guard_free(guard);
    }
}

static void on_start(struct request *request, void *context)
{
    (void)request;
    *(unsigned *)context += 1;
}

/* Of its address it is asked for everything, what is not there included, but for what is open. */
static void test_the_guard_comes_before_what_is_there(void **state)
{
    static const struct server_route routes[] = {
        {.path = "/open", .methods = REQUEST_GET, .access = SERVER_OPEN, .start = on_start},
        {.path = "/plain", .methods = REQUEST_GET, .start = on_start},
        {.path = "/guarded", .methods = REQUEST_GET, .access = SERVER_GUARDED, .start = on_start},
    };
    static const struct {
        const char *path;
        enum request_method method;
        int statuses[2]; /* on each address, without the token */
    } rows[] = {
        {"/open", REQUEST_GET, {0, 0}},        {"/open", REQUEST_POST, {405, 405}},
        {"/plain", REQUEST_GET, {0, 401}},     {"/plain", REQUEST_POST, {405, 401}},
        {"/guarded", REQUEST_GET, {401, 401}}, {"/guarded", REQUEST_POST, {401, 401}},
        {"/nothing", REQUEST_GET, {404, 401}}, {"*", REQUEST_OPTIONS, {204, 401}},
        {"/plain", REQUEST_OTHER, {501, 401}},
    };
    struct token token = token_of(TOKEN);
    struct operator_guard *guard;
    struct server_guard guarding;
    struct router router;
    unsigned count = 0;

    (void)state;
    assert_int_equal(operator_guard_new(&token, true, &guard), 0);
    guarding = operator_server_guard(guard, SERVER_ADDRESS(1));
    assert_int_equal(router_init(&router, routes, 3), 0);
    router.guard = &guarding;
    for (size_t i = 0; i < 3; i++)
        router.contexts[i] = &count;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct request request = {.carrier = &carrier,
                                  .method = rows[i / 2].method,
                                  .path = span_of_string(rows[i / 2].path),
                                  .address_index = i % 2};
        unsigned before = count;

        memset(&noted, 0, sizeof(noted));
        router_start(&router, &request, router_choose(&router, &request));
        assert_int_equal(noted.status, rows[i / 2].statuses[i % 2]);
        assert_int_equal(count - before, noted.status == 0);
    }
    router_fini(&router);
    operator_guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_is_asked_for),
        cmocka_unit_test(test_without_a_token_hosts_are_of_this_machine),
        cmocka_unit_test(test_pages_are_refused),
        cmocka_unit_test(test_the_token_changes_but_does_not_go_where_it_is_needed),
        cmocka_unit_test(test_the_guard_comes_before_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
