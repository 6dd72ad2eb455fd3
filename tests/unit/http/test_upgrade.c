/* SPDX-License-Identifier: MIT */
/*
 * test_upgrade.c - RFC 9110 section 7.8: which protocol is wanted, and which one was granted.
 */
#include <http/upgrade.h>

#include "field_list.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_the_first_allowed_protocol_is_wanted(void **state)
{
    static const char *const allowed[] = {"websocket", "Echo/2"};
    static const struct {
        const char *lines;
        const char *wanted; /* NULL: none */
    } cases[] = {
        {"Connection: Upgrade\nUpgrade: websocket\n", "websocket"},
        {"Connection: keep-alive, UPGRADE\nUpgrade: WebSocket\n", "WebSocket"},
        {"Connection: close\nConnection: x , upgrade\nUpgrade: a\nUpgrade: b, echo/2\n", "echo/2"},
        {"Connection: upgrade\nUpgrade: h2c, ECHO/2, websocket\n", "ECHO/2"},
        /* Without the option the field is not for us. */
        {"Upgrade: websocket\n", NULL},
        {"Connection: keep-alive\nUpgrade: websocket\n", NULL},
        {"Connection: upgrades\nUpgrade: websocket\n", NULL},
        /* What is not named exactly is another protocol. */
        {"Connection: upgrade\n", NULL},
        {"Connection: upgrade\nUpgrade:\n", NULL},
        {"Connection: upgrade\nUpgrade: h2c\n", NULL},
        {"Connection: upgrade\nUpgrade: websocket/13, echo, echo/3, websocke\n", NULL},
        {"Connection: upgrade\nUpgrade: \"websocket\"\n", NULL},
        {"Connection: upgrade\nUpgrade: websocket h2c\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);
        struct span protocol = span_of("", 0);
        bool is_wanted = upgrade_wanted(field_view_of(&fields), allowed, 2, &protocol);
        print_message("case %zu: %s", i, cases[i].lines);
        assert_int_equal(is_wanted, cases[i].wanted != NULL);
        if (is_wanted)
            assert_true(span_equals(protocol, span_of_string(cases[i].wanted)));
        assert_false(upgrade_wanted(field_view_of(&fields), allowed, 0, &protocol));
        fields_fini(&fields);
    }
}

static void test_only_what_was_asked_for_is_granted(void **state)
{
    static const struct {
        const char *lines;
        bool is_granted;
    } cases[] = {
        {"Connection: Upgrade\nUpgrade: websocket\n", true},
        {"Upgrade: WebSocket\nConnection: x, upgrade\n", true},
        {"Upgrade: websocket\n", false},
        {"Connection: upgrade\n", false},
        {"Connection: upgrade\nUpgrade: h2c\n", false},
        {"Connection: upgrade\nUpgrade: websocket, h2c\n", false},
        {"Connection: upgrade\nUpgrade: h2c\nUpgrade: websocket\n", false},
        {"Connection: upgrade\nUpgrade: websocket\nUpgrade: websocket\n", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fields fields = field_list(cases[i].lines);
        print_message("case %zu: %s", i, cases[i].lines);
        assert_int_equal(upgrade_granted(field_view_of(&fields), span_of_string("websocket")),
                         cases[i].is_granted);
        fields_fini(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_allowed_protocol_is_wanted),
        cmocka_unit_test(test_only_what_was_asked_for_is_granted),
    };

    return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
