/* SPDX-License-Identifier: MIT */
/*
 * test_response.c - answers to a request for another protocol, as bytes: what is told of them,
 * however they are cut on their way, and what is refused.
 *
 * What is told is written as text: "102;" and "H200;" for heads, bytes of the body as they are,
 * "." for the end, "-" where more would have to come, "!" for an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "response.h"

#define HEAD_BYTES_MAX 512

#define SWITCH  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

struct told {
    char text[512];
    size_t bytes;
    bool is_over;
};

static void add(struct told *told, const char *bytes, size_t count)
{
    assert_true(told->bytes + count < sizeof told->text);
    memcpy(told->text + told->bytes, bytes, count);
    told->bytes += count;
    told->text[told->bytes] = '\0';
}

static void add_status(struct told *told, const char *before, int status)
{
    char text[16];

    add(told, text, (size_t)snprintf(text, sizeof text, "%s%d;", before, status));
}

/* Whether it goes on. Takes no more than one byte of the body at a time if `is_slow`. */
static bool step(struct response *response, const char *bytes, size_t count, bool is_slow,
                 struct told *told, size_t *used)
{
    struct upstream_head head;
    size_t part;
    int event = response_read(response, bytes + *used, count - *used, &part, &head);

    if (event == RESPONSE_INTERIM)
        add_status(told, "", head.status);
    if (event == RESPONSE_HEAD)
        add_status(told, "H", head.status);
    if (event == RESPONSE_DATA) {
        part = is_slow ? 1 : part;
        add(told, bytes + *used, part);
        response_take(response, part);
    }
    told->is_over = event == RESPONSE_END || event < 0;
    if (told->is_over)
        add(told, event < 0 ? "!" : ".", 1);
    *used += part;
    return !told->is_over && (event != RESPONSE_MORE || part > 0);
}

/* The first `first` bytes come first, and the rest later; then the connection ends. */
static void tell(const char *bytes, size_t count, size_t first, bool is_slow, struct told *told)
{
    struct response response;
    size_t used = 0;

    *told = (struct told){.bytes = 0};
    response_init(&response, "echo", HEAD_BYTES_MAX, true);
    while (step(&response, bytes, first, is_slow, told, &used))
        ;
    while (!told->is_over && step(&response, bytes, count, is_slow, told, &used))
        ;
    if (!told->is_over)
        add(told, response_close(&response) == 0 ? "." : "-", 1);
    response_fini(&response);
}

static void test_an_answer_is_told_the_same_however_it_is_cut(void **state)
{
    static const struct {
        const char *bytes;
        const char *told;
    } cases[] = {
        /* The protocol that was asked for: everything behind is its own. */
        {SWITCH "\r\n", "H101;."},
        {SWITCH "\r\nHTTP/1.1 2\n", "H101;HTTP/1.1 2\n."},
        {SWITCH "Content-Length: 3\r\n\r\nabcdef", "H101;abcdef."},
        {"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" SWITCH "\r\nx",
         "103;H101;x."},
        /* Any other answer has its framing. */
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcdef", "H404;abc."},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nx", "H200;."},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", "H204;."},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc", "H304;."},
        {"HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\n\r\nabc", "H426;abc."},
        {"HTTP/1.0 200 OK\r\n\r\nabc", "H200;abc."},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: strange\r\n\r\n3\r\n", "H200;3\r\n."},
        {CHUNKED "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\nx", "H200;abc0123456789."},
        {CHUNKED "3 ;x\r\nabc\r\n000\r\nA: b\r\nno field\r\n\r\nx", "H200;abc."},
        /* What ends too early. */
        {"", "-"},
        {"HTTP/1.1 101 Switching", "-"},
        {SWITCH, "-"},
        {"HTTP/1.1 102 Processing\r\n\r\n", "102;-"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "H200;ab-"},
        {CHUNKED "3\r\nabc\r\n", "H200;abc-"},
        {CHUNKED "3\r\nabc\r\n0\r\n", "H200;abc-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = strlen(cases[i].bytes);
        print_message("case %zu: %s\n", i, cases[i].bytes);
        for (size_t first = 0; first <= count; first++) {
            struct told told;
            tell(cases[i].bytes, count, first, (first & 1) != 0, &told);
            assert_string_equal(told.text, cases[i].told);
        }
    }
}

static void test_what_can_be_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        const char *told;
    } cases[] = {
        /* Another protocol than was asked for, or none, or one that nobody could mean. */
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "!"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n", "!"},
        {"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "!"},
        {"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo, h2c\r\n\r\n", "!"},
        {"HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n", "!"},
        {SWITCH "Transfer-Encoding: chunked\r\n\r\n", "!"},
        {SWITCH "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "!"},
        /* Lines. */
        {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "!"},
        {"HTTP/1.1 200 OK\r\nA: b\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "!"},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", "!"},
        {"HTTP/2 200 OK\r\n\r\n", "!"},
        {"HTTP/1.1200 OK\r\n\r\n", "!"},
        {"HTTP/1.1 20 OK\r\n\r\n", "!"},
        {"HTTP/1.1 099 OK\r\n\r\n", "!"},
        {"http/1.1 200 OK\r\n\r\n", "!"},
        {"+OK ready\r\n", "!"},
        /* Framing. */
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "!"},
        {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", "!"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "!"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: X-Gzip\r\n\r\n", "!"},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "!"},
        {CHUNKED "\r\n", "H200;!"},
        {CHUNKED "x\r\n", "H200;!"},
        {CHUNKED "0x1\r\na\r\n", "H200;!"},
        {CHUNKED "-1\r\n", "H200;!"},
        {CHUNKED "1 \r\na\r\n", "H200;!"},
        {CHUNKED "1\na\n", "H200;!"},
        {CHUNKED "1\r\nab\r\n", "H200;a!"},
        {CHUNKED "1\r\na\n\r\n", "H200;a!"},
        {CHUNKED "fffffffffffffffff\r\n", "H200;!"},
        {CHUNKED "1;a\001\r\na\r\n", "H200;!"},
        {CHUNKED "0\r\nA: b\n\r\n", "H200;!"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = strlen(cases[i].bytes);
        print_message("case %zu: %s\n", i, cases[i].bytes);
        for (size_t first = 0; first <= count; first++) {
            struct told told;
            tell(cases[i].bytes, count, first, (first & 1) != 0, &told);
            assert_string_equal(told.text, cases[i].told);
        }
    }
}

/* All lines count, those of interim heads and of the trailer section too; and a line that does not
 * end is not waited for. */
static void test_a_head_beyond_the_limit_is_refused(void **state)
{
    static const struct {
        const char *begin;
        const char *rest; /* so often that it is too much */
        const char *told;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n", "a", "!"},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", "!"},
        {CHUNKED "0\r\n", "Name: value\r\n", "H200;!"},
        {CHUNKED "1;", "a", "H200;!"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[4 * HEAD_BYTES_MAX];
        struct told told;
        int count = snprintf(bytes, sizeof bytes, "%s", cases[i].begin);
        while (count < 3 * HEAD_BYTES_MAX)
            count += snprintf(bytes + count, sizeof bytes - (size_t)count, "%s", cases[i].rest);
        tell(bytes, (size_t)count, 10, false, &told);
        assert_string_equal(told.text, cases[i].told);
    }
}

/* Good answers with a few bytes changed: whatever that makes of them, reading ends, and takes no
 * more than there is. Bytes of the body are never more than came. */
static void test_changed_bytes_do_no_harm(void **state)
{
    static const char *const answers[] = {
        SWITCH "\r\nabc",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        CHUNKED "3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n",
    };
    static const char letters[] = "\r\n\0 :;,0123456789abfFxX-+/\"\t\200";
    uint64_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 60000; round++) {
        const char *answer = answers[round % (sizeof answers / sizeof *answers)];
        size_t count = strlen(answer);
        char *bytes = malloc(count); /* of that size, so that a sanitizer sees a step beyond */
        struct told told;
        assert_non_null(bytes);
        memcpy(bytes, answer, count);
        for (unsigned change = 0; change <= round % 4; change++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            bytes[(random >> 33) % count] = letters[(random >> 20) % (sizeof letters - 1)];
        }
        tell(bytes, count, (random >> 40) % (count + 1), round % 2 == 0, &told);
        assert_true(told.bytes <= count + sizeof "102;H200;.");
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_told_the_same_however_it_is_cut),
        cmocka_unit_test(test_what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_a_head_beyond_the_limit_is_refused),
        cmocka_unit_test(test_changed_bytes_do_no_harm),
    };

    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
