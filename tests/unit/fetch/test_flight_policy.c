/* SPDX-License-Identifier: MIT */
/*
 * test_flight_policy.c - settings that change while fetches are under way (case 28), and what a
 * policy keeps of the settings it is made of.
 */
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"

/* From now on requests are under the rig's settings as they are now. */
static void change_settings(struct rig *rig)
{
    struct fetch_policy *policy;

    assert_int_equal(fetcher_policy_new(rig->fetcher, &rig->settings, &policy), 0);
    fetcher_set_policy(rig->fetcher, policy);
    fetch_policy_unref(policy);
}

/* The first waits for the origin when the settings change. The second, who comes then, has a fetch
 * of its own; only what that brings is stored, for as long as the settings of now say. */
static void case_28_requests_under_other_settings_do_not_join(void **state)
{
    struct rig rig;
    struct rig_reader first = {0}, second = {0}, third = {0}, fourth = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &first, 0, URL);
    rig.settings.default_lifetime_s = 5;
    change_settings(&rig);
    rig_ask(&rig, &second, 1, URL);
    rig_ask(&rig, &third, 0, URL);
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    assert_int_equal(rig.calls[0]->settings->default_lifetime_s, 60);
    assert_int_equal(rig.calls[1]->settings->default_lifetime_s, 5);
    rig_answer(&rig, 1, "", "new");
    rig_answer(&rig, 0, "", "old");
    assert_true(rig_is_whole(&first, "old"));
    assert_true(rig_is_whole(&second, "new") && rig_is_whole(&third, "new"));
    rig_leave(&first);
    rig_leave(&second);
    rig_leave(&third);
    rig_ask(&rig, &fourth, 0, URL);
    assert_int_equal(rig.started, 2);
    assert_true(rig_is_whole(&fourth, "new"));
    assert_int_equal(entry_ttl_s(fourth.reader.entry, rig.wall_s), 5);
    rig_leave(&fourth);
    rig_free(&rig);
}

/* Shorter times do not end what began under longer ones; nor does a flight under the new settings
 * that fails. */
static void case_28_a_flight_keeps_the_settings_it_began_with(void **state)
{
    struct rig rig;
    struct rig_reader patient = {0}, hasty = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &patient, 0, URL);
    rig_connect(&rig, 0);
    rig.settings.head_timeout_ms = 100;
    change_settings(&rig);
    rig_ask(&rig, &hasty, 0, URL);
    rig_settle(&rig);
    rig_connect(&rig, 1);
    rig_advance(&rig, 200);
    assert_int_equal(hasty.reader.state, FETCH_FAILED);
    assert_int_equal(hasty.reader.failure.status, 504);
    assert_int_equal(patient.reader.state, FETCH_WAITING);
    rig_answer(&rig, 0, "", "late");
    assert_true(rig_is_whole(&patient, "late"));
    rig_leave(&patient);
    rig_leave(&hasty);
    rig_free(&rig);
}

/* A request made before the change may still be asked for: its policy lives as long as it does. */
static void case_28_a_policy_outlives_its_replacement(void **state)
{
    static const char *const names[] = {"X-Kind"};
    struct field field = {span_of_string("X-Kind"), span_of_string("a")};
    struct rig rig;
    struct rig_reader before = {0}, after = {0};
    struct span found;

    (void)state;
    rig_new(&rig, NULL);
    rig_ask_field(&rig, &before, 0, URL, "X-Kind", "a");
    assert_null(rig.calls[0]->fields);
    for (unsigned i = 0; i < 3; i++) {
        rig.settings.forwarded = names;
        rig.settings.forwarded_count = i % 2 == 0 ? 1 : 0;
        change_settings(&rig);
    }
    rig_ask_for(&rig, &after, 0, URL, 0, field_view_of_lines(&field, 1));
    rig_settle(&rig);
    assert_int_equal(rig.started, 2);
    assert_true(fields_find(rig.calls[1]->fields, "X-Kind", &found));
    rig_answer(&rig, 1, "", "kind a");
    rig_answer(&rig, 0, "", "any");
    assert_true(rig_is_whole(&before, "any") && rig_is_whole(&after, "kind a"));
    rig_leave(&before);
    rig_leave(&after);
    rig_free(&rig);
}

static void test_a_policy_keeps_copies_of_its_lists(void **state)
{
    char kind[] = "X-Kind";
    const char *names[] = {"Accept", kind};
    struct guard_network network;
    uint16_t ports[] = {81, 82};
    struct fetch_settings settings;
    struct fetch_policy *policy;

    (void)state;
    assert_int_equal(guard_network_parse("10.0.0.0/8", &network), 0);
    fetch_settings_default(&settings);
    settings.forwarded = names;
    settings.forwarded_count = 2;
    settings.guard.allowed = &network;
    settings.guard.allowed_count = 1;
    settings.guard.ports = ports;
    settings.guard.port_count = 2;
    assert_int_equal(fetch_policy_new(&settings, &policy), 0);
    memset(kind, 'z', strlen(kind));
    names[0] = "Cookie";
    memset(&network, 0, sizeof network);
    memset(ports, 0, sizeof ports);
    assert_true(fetch_policy_forwards(policy, span_of_string("accept")));
    assert_true(fetch_policy_forwards(policy, span_of_string("x-kind")));
    assert_false(fetch_policy_forwards(policy, span_of_string("Cookie")));
    assert_int_equal(policy->settings.guard.allowed[0].prefix_bits, 8);
    assert_int_equal(policy->settings.guard.ports[1], 82);
    fetch_policy_unref(policy);
}

static void test_following_tells_of_a_change_once(void **state)
{
    struct rig rig;
    struct fetch_policy *mine = NULL;

    (void)state;
    rig_new(&rig, NULL);
    assert_true(fetcher_follow_policy(rig.fetcher, &mine));
    assert_ptr_equal(mine, fetcher_policy(rig.fetcher));
    assert_false(fetcher_follow_policy(rig.fetcher, &mine));
    rig.settings.default_lifetime_s = 7;
    change_settings(&rig);
    assert_int_equal(mine->settings.default_lifetime_s, 60);
    assert_true(fetcher_follow_policy(rig.fetcher, &mine));
    assert_int_equal(mine->settings.default_lifetime_s, 7);
    assert_false(fetcher_follow_policy(rig.fetcher, &mine));
    fetch_policy_unref(mine);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_28_requests_under_other_settings_do_not_join),
        cmocka_unit_test(case_28_a_flight_keeps_the_settings_it_began_with),
        cmocka_unit_test(case_28_a_policy_outlives_its_replacement),
        cmocka_unit_test(test_a_policy_keeps_copies_of_its_lists),
        cmocka_unit_test(test_following_tells_of_a_change_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
