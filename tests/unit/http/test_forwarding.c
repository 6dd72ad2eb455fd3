/* SPDX-License-Identifier: MIT */
/*
 * test_forwarding.c - what goes on to the next hop, and how a loop is seen.
 */
#include <http/forwarding.h>

#include <errno.h>
#include <stdlib.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct span own_name = {"edge-1", 6};

/* RFC 9110 section 7.6.3 and RFC 8586 section 2. */
static void test_visits_are_counted_in_both_fields(void **state)
{
    static const struct {
        const char *lines;
        int visits;
    } cases[] = {
        {"", 0},
        {"Via: 1.1 edge-1\n", 1},
        {"Via: 1.1 EDGE-1\n", 1},
        {"Via: HTTP/1.1 edge-1:8080 (a comment)\n", 1},
        {"Via: 1.0 fred, 1.1  edge-1(x)\nVia: 2.0 edge-1\n", 2},
        {"Via: 1.1 edge-10, 1.1 edge, 1.1 xedge-1\n", 0},
        {"Via: edge-1\n", 0},
        {"Via: 1.1\nVia:\nVia: 1.1 \"edge-1\"\n", 0},
        {"X-Via: 1.1 edge-1\n", 0},
        {"CDN-Loop: edge-1\n", 1},
        {"CDN-Loop: other, edge-1; a=\"b, c\"\nCDN-Loop: edge-1;x\n", 2},
        {"CDN-Loop: edge-1:80\n", 1},
        {"CDN-Loop: other; a=edge-1, \"edge-1\"\n", 0},
        {"Via: 1.1 edge-1\nCDN-Loop: edge-1, edge-1\n", 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(forwarding_count_visits(field_view_of(&fields), own_name),
                         cases[i].visits);
        fields_fini(&fields);
    }
}

static void test_via_tells_version_and_name(void **state)
{
    static const struct {
        int version;
        const char *member;
    } cases[] = {{10, "1.0 edge-1"}, {11, "1.1 edge-1"}, {20, "2.0 edge-1"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[10];
        size_t length = 0;

        assert_int_equal(forwarding_via_write(cases[i].version, own_name, buffer, 9, &length),
                         -ENOBUFS);
        assert_int_equal(forwarding_via_write(cases[i].version, own_name, buffer, 10, &length), 0);
        assert_true(span_equals(span_of(buffer, length), span_of_string(cases[i].member)));
    }
}

/* RFC 7239 sections 4 and 6. */
static void test_element_quotes_what_is_no_token(void **state)
{
    static const struct {
        struct forwarding_client client;
        const char *element;
    } cases[] = {
        {{.address = {"192.0.2.43", 10}}, "for=192.0.2.43;proto=http"},
        {{.address = {"192.0.2.43", 10}, .port = 80}, "for=\"192.0.2.43:80\";proto=http"},
        {{.address = {"2001:db8::1", 11}, .is_https = true}, "for=\"[2001:db8::1]\";proto=https"},
        {{.address = {"2001:db8::1", 11}, .port = 4711}, "for=\"[2001:db8::1]:4711\";proto=http"},
        {{.host = {"example.org", 11}}, "for=unknown;host=example.org;proto=http"},
        {{.host = {"example.org:81", 14}}, "for=unknown;host=\"example.org:81\";proto=http"},
        {{.host = {"a\"b\\", 4}}, "for=unknown;host=\"a\\\"b\\\\\";proto=http"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t wanted = strlen(cases[i].element), length = 0;
        char *buffer = malloc(wanted);

        assert_non_null(buffer);
        print_message("case %zu: %s\n", i, cases[i].element);
        assert_int_equal(forwarding_element_write(&cases[i].client, buffer, wanted - 1, &length),
                         -ENOBUFS);
        assert_int_equal(forwarding_element_write(&cases[i].client, buffer, wanted, &length), 0);
        assert_true(span_equals(span_of(buffer, length), span_of_string(cases[i].element)));
        free(buffer);
    }
}

struct passage {
    const char *request;
    const char *next;
};

static void check_passages(const struct passage *cases, size_t count,
                           const struct forwarding_client *client, unsigned styles)
{
    for (size_t i = 0; i < count; i++) {
        struct fields request = field_list(cases[i].request);
        struct fields expected = field_list(cases[i].next), next;
        size_t left_position = 0, right_position = 0;
        struct field left, right;

        print_message("case %zu: %s", i, cases[i].request);
        assert_int_equal(forwarding_request_fields(field_view_of(&request), client, styles, &next),
                         0);
        while (fields_next(&next, &left_position, &left)) {
            print_message("  > %.*s: %.*s\n", (int)left.name.length, left.name.bytes,
                          (int)left.value.length, left.value.bytes);
            assert_true(fields_next(&expected, &right_position, &right));
            assert_true(span_equals(left.name, right.name));
            assert_true(span_equals(left.value, right.value));
        }
        assert_int_equal(fields_count(&next), fields_count(&expected));
        fields_fini(&request);
        fields_fini(&expected);
        fields_fini(&next);
    }
}

/* RFC 9110 sections 7.6.1 and 7.6.2. */
static void test_fields_for_one_hop_stay_behind(void **state)
{
    static const struct passage cases[] = {
        {"", ""},
        {"accept: b\nX-A: 1\nAccept: c\n", "accept: b\nX-A: 1\nAccept: c\n"},
        {"Host: a\nContent-Length: 5\nExpect: 100-continue\nA: 1\n", "A: 1\n"},
        {"Connection: x, close\nKeep-Alive: 5\nX: 1\nTE: trailers\nUpgrade: h2c\nTrailer: y\n"
         "Transfer-Encoding: chunked\nProxy-Connection: z\nProxy-Authorization: q\nY: 2\n",
         "Y: 2\n"},
        {"Connection: via, cdn-loop\nVia: 1.1 a\nCDN-Loop: a\n", "Via: 1.1 a\nCDN-Loop: a\n"},
        {"Max-Forwards: 10\nA: 1\n", "A: 1\nMax-Forwards: 9\n"},
        {"Max-Forwards: 1\n", "Max-Forwards: 0\n"},
        {"Max-Forwards: junk\n", ""},
        {"Authorization: Basic YQ==\nCookie: a=b\n", "Authorization: Basic YQ==\nCookie: a=b\n"},
    };
    static const struct forwarding_client client = {.address = {"192.0.2.1", 9}};

    (void)state;
    check_passages(cases, COUNT(cases), &client, FORWARDING_NOTHING);
}

#define CLAIMS                                                                                     \
    "Forwarded: for=a\nX-Forwarded-For: 1\nX-Forwarded-Proto: https\nX-Forwarded-Host: h\n"        \
    "X-Forwarded-Port: 1\nX-Real-IP: 2\nX-Forwarded-For: 3\nA: 1\n"

static void test_strangers_are_not_believed(void **state)
{
    static const struct forwarding_client client = {.address = {"192.0.2.1", 9},
                                                    .host = {"h:80", 4}};
    static const struct passage nothing[] = {{CLAIMS, "A: 1\n"}};
    static const struct passage standard[] = {
        {CLAIMS, "A: 1\nForwarded: for=192.0.2.1;host=\"h:80\";proto=http\n"}};
    static const struct passage customary[] = {
        {CLAIMS,
         "A: 1\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: h:80\n"}};

    (void)state;
    check_passages(nothing, 1, &client, FORWARDING_NOTHING);
    check_passages(standard, 1, &client, FORWARDING_STANDARD);
    check_passages(customary, 1, &client, FORWARDING_CUSTOMARY);
}

/* A name with an underscore is the same to many programs behind us, but Forward and others are not.
 */
static void test_other_spellings_of_claims_are_dropped(void **state)
{
    static const struct passage cases[] = {
        {"X_Forwarded_Host: h\nx-forwarded_For: 1\nX_Real_IP: 2\nA: 1\n", "A: 1\n"},
        {"X-Forwarded-Scheme: https\nX-Forwarded-Ssl: on\n", ""},
        {"X-Forward: 1\nX-Real-IPs: 2\nForwarded-By: 3\n",
         "X-Forward: 1\nX-Real-IPs: 2\nForwarded-By: 3\n"},
    };
    static const struct forwarding_client client = {.address = {"192.0.2.1", 9}};

    (void)state;
    check_passages(cases, COUNT(cases), &client, FORWARDING_NOTHING);
}

static void test_trusted_proxies_are_added_to(void **state)
{
    static const struct forwarding_client client = {
        .address = {"2001:db8::1", 11}, .is_https = true, .is_trusted = true};
    static const struct passage nothing[] = {
        {CLAIMS, "Forwarded: for=a\nX-Forwarded-Proto: https\nX-Forwarded-Host: h\n"
                 "X-Forwarded-Port: 1\nX-Real-IP: 2\nA: 1\nX-Forwarded-For: 1, 3\n"}};
    static const struct passage both[] = {
        {"Forwarded: for=a\nX-Forwarded-For:\nX-Forwarded-For: 1\n",
         "Forwarded: for=a\nX-Forwarded-For: 1, 2001:db8::1\n"
         "Forwarded: for=\"[2001:db8::1]\";proto=https\nX-Forwarded-Proto: https\n"},
        {"", "X-Forwarded-For: 2001:db8::1\nForwarded: for=\"[2001:db8::1]\";proto=https\n"
             "X-Forwarded-Proto: https\n"},
    };

    (void)state;
    check_passages(nothing, 1, &client, FORWARDING_NOTHING);
    check_passages(both, COUNT(both), &client, FORWARDING_STANDARD | FORWARDING_CUSTOMARY);
}

static void test_what_is_no_field_is_refused(void **state)
{
    static const struct field lines[] = {{{"a", 1}, {"b\nc", 3}}};
    static const struct forwarding_client client = {.is_trusted = true};
    struct fields next = {.lines_count = 77};

    (void)state;
    assert_int_equal(forwarding_request_fields(field_view_of_lines(lines, 1), &client,
                                               FORWARDING_NOTHING, &next),
                     -EINVAL);
    assert_int_equal(next.lines_count, 77);
}

/* RFC 9110 sections 6.5.1 and 10.1.4. */
static void test_trailers_carry_no_control(void **state)
{
    static const struct {
        const char *lines;
        bool wants;
    } cases[] = {
        {"", false},
        {"TE: trailers\n", true},
        {"TE: deflate;q=0.5, Trailers\n", true},
        {"TE: gzip\nte: trailers\n", true},
        {"TE: trailersx\n", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);

        assert_int_equal(forwarding_wants_trailers(field_view_of(&fields)), cases[i].wants);
        fields_fini(&fields);
    }
    assert_true(forwarding_trailer_is_allowed(span_of_string("Server-Timing")));
    assert_true(forwarding_trailer_is_allowed(span_of_string("ETag")));
    assert_true(forwarding_trailer_is_allowed(span_of_string("grpc-status")));
    assert_false(forwarding_trailer_is_allowed(span_of_string("Content-Length")));
    assert_false(forwarding_trailer_is_allowed(span_of_string("transfer-encoding")));
    assert_false(forwarding_trailer_is_allowed(span_of_string("Set-Cookie")));
    assert_false(forwarding_trailer_is_allowed(span_of_string("Cache-Control")));
}

/* RFC 9110 sections 15.2 and 10.1.1. */
static void test_interim_answers_go_to_who_understands_them(void **state)
{
    (void)state;
    assert_true(forwarding_interim_is_passed_on(103, 11, false));
    assert_true(forwarding_interim_is_passed_on(102, 20, false));
    assert_true(forwarding_interim_is_passed_on(199, 11, false));
    assert_true(forwarding_interim_is_passed_on(100, 11, true));
    assert_false(forwarding_interim_is_passed_on(100, 11, false));
    assert_false(forwarding_interim_is_passed_on(101, 11, true));
    assert_false(forwarding_interim_is_passed_on(103, 10, false));
    assert_false(forwarding_interim_is_passed_on(200, 11, false));
}

static void test_hops_are_a_number_or_none(void **state)
{
    static const struct {
        const char *lines;
        int hops;
    } cases[] = {
        {"", -1},
        {"Max-Forwards: 0\n", 0},
        {"max-forwards: 007\n", 7},
        {"Max-Forwards: -1\n", -1},
        {"Max-Forwards: 1, 2\n", -1},
        {"Max-Forwards:\n", -1},
        {"Max-Forwards: 9999999999\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(forwarding_hops_left(field_view_of(&fields)), cases[i].hops);
        fields_fini(&fields);
    }
}

/* Lines of different fields, and of different values, are never the same text. */
static void test_what_is_told_of_the_url_is_written_down(void **state)
{
    static const struct {
        const char *lines;
        bool is_trusted;
        unsigned styles;
        const char *told;
    } cases[] = {
        {"", false, FORWARDING_NOTHING, ""},
        {"", false, FORWARDING_STANDARD, "a.example"},
        {"X-Forwarded-Host: b\nForwarded: host=b\n", false, FORWARDING_CUSTOMARY, "a.example"},
        {"X-Forwarded-Host: b\n", true, FORWARDING_NOTHING, "\nx-forwarded-host:b"},
        {"X-Forwarded-Prefix: /p\nX-Forwarded-Proto: https\nX-Forwarded-Port: 1\n", true,
         FORWARDING_CUSTOMARY,
         "a.example\nx-forwarded-proto:https\nx-forwarded-port:1\nx-forwarded-prefix:/p"},
        {"X-Forwarded-For: c\nX-Real-IP: c\n", true, FORWARDING_CUSTOMARY, "a.example"},
        {"Forwarded: for=c;Host=b , proto=https;by=d\n", true, FORWARDING_STANDARD,
         "a.example\nHost=b\nproto=https"},
        {"Forwarded: for=\"c;host=d\", host=\"\\\",b\"\n", true, FORWARDING_STANDARD,
         "a.example\nhost=\"\\\",b\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);
        const struct forwarding_client client = {.host = span_of_string("a.example"),
                                                 .is_trusted = cases[i].is_trusted};
        char buffer[128];
        size_t length = 0;

        print_message("case %zu: %s\n", i, cases[i].lines);
        assert_int_equal(forwarding_told_write(field_view_of(&fields), &client, cases[i].styles,
                                               buffer, sizeof buffer, &length),
                         0);
        assert_int_equal(length, strlen(cases[i].told));
        assert_memory_equal(buffer, cases[i].told, length);
        if (length > 0)
            assert_int_equal(forwarding_told_write(field_view_of(&fields), &client, cases[i].styles,
                                                   buffer, length - 1, &length),
                             -ENOBUFS);
        fields_fini(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visits_are_counted_in_both_fields),
        cmocka_unit_test(test_via_tells_version_and_name),
        cmocka_unit_test(test_element_quotes_what_is_no_token),
        cmocka_unit_test(test_fields_for_one_hop_stay_behind),
        cmocka_unit_test(test_strangers_are_not_believed),
        cmocka_unit_test(test_other_spellings_of_claims_are_dropped),
        cmocka_unit_test(test_trusted_proxies_are_added_to),
        cmocka_unit_test(test_what_is_no_field_is_refused),
        cmocka_unit_test(test_trailers_carry_no_control),
        cmocka_unit_test(test_interim_answers_go_to_who_understands_them),
        cmocka_unit_test(test_hops_are_a_number_or_none),
        cmocka_unit_test(test_what_is_told_of_the_url_is_written_down),
    };

    return cmocka_run_group_tests_name("forwarding", tests, NULL, NULL);
}
