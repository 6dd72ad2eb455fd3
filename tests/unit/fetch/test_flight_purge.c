/* SPDX-License-Identifier: MIT */
/*
 * test_flight_purge.c - case 27 by tag and by pattern: those who came before are served, nothing of
 * that is used for those who come afterwards, and no other URL is asked for again.
 */
#include <string.h>

#include "cmocka_all.h"
#include "rig.h"
#include <fetch/purge.h>

#define URL   "http://a.example/x"
#define OTHER "http://b.example/x"
#define RED   "Surrogate-Key: red"
#define BLUE  "Cache-Tag: blue"

static void purge_tag(struct rig *rig, const char *name, bool is_soft)
{
    fetcher_purge_tag(rig->fetcher, name, strlen(name), is_soft, rig->wall_s);
}

static uint64_t purge_pattern(struct rig *rig, const char *pattern, bool is_soft)
{
    struct fetch_purge purge;

    fetch_purge_init(&purge, rig->fetcher, pattern, strlen(pattern), is_soft, rig->wall_s);
    while (fetch_purge_step(&purge))
        continue;
    return purge.count;
}

/* Before the head nobody knows whether the answer has the tag. */
static void case_27_tag_purged_before_the_head(void **state)
{
    static const char *const tags[] = {RED, BLUE};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader before = {0}, after[2] = {{.told = 0}}, hit = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &before, 0, URL);
        rig_connect(&rig, 0);
        purge_tag(&rig, "red", false);
        rig_ask(&rig, &after[0], 1, URL);
        rig_ask(&rig, &after[1], 0, URL);
        rig_settle(&rig);
        assert_int_equal(rig.started, 1);
        rig_answer(&rig, 0, tags[i], "old");
        assert_true(rig_is_whole(&before, "old"));
        assert_int_equal(rig.started, i == 0 ? 2 : 1); /* blue is not red: what came is used */
        if (i == 0)
            rig_answer(&rig, 1, tags[i], "new");
        rig_ask(&rig, &hit, 1, URL);
        for (unsigned j = 0; j < 2; j++)
            assert_true(rig_is_whole(&after[j], i == 0 ? "new" : "old"));
        assert_true(rig_is_whole(&hit, i == 0 ? "new" : "old"));
        rig_leave(&before);
        rig_leave(&after[0]);
        rig_leave(&after[1]);
        rig_leave(&hit);
        rig_free(&rig);
    }
}

/* From the head on it is known: those with another tag are joined as ever. */
static void case_27_tag_purged_during_the_body(void **state)
{
    (void)state;
    for (unsigned is_soft = 0; is_soft < 2; is_soft++) {
        struct rig rig;
        struct rig_reader readers[4] = {{.told = 0}}, hit = {0};

        rig_new(&rig, NULL);
        rig_ask(&rig, &readers[0], 0, URL);
        rig_ask(&rig, &readers[1], 0, OTHER);
        rig_connect(&rig, 0);
        rig_connect(&rig, 1);
        rig_head(&rig, 0, 200, 3, RED);
        rig_head(&rig, 1, 200, 3, BLUE);
        purge_tag(&rig, "red", is_soft == 1);
        rig_ask(&rig, &readers[2], 1, URL);
        rig_ask(&rig, &readers[3], 1, OTHER);
        rig_settle(&rig);
        assert_int_equal(rig.started, 3);
        rig_data(&rig, 0, "old");
        rig_done(&rig, 0, 0);
        rig_data(&rig, 1, "one");
        rig_done(&rig, 1, 0);
        rig_answer(&rig, 2, RED, "new");
        assert_true(rig_is_whole(&readers[0], "old") && rig_is_whole(&readers[2], "new"));
        assert_true(rig_is_whole(&readers[1], "one") && rig_is_whole(&readers[3], "one"));
        rig_ask(&rig, &hit, 0, URL);
        assert_true(rig_is_whole(&hit, "new"));
        for (unsigned i = 0; i < 4; i++)
            rig_leave(&readers[i]);
        rig_leave(&hit);
        rig_free(&rig);
    }
}

/* Nobody comes while the flight goes on: what it stores is purged when it gets there. */
static void case_27_tag_purged_and_nobody_asks_until_it_is_stored(void **state)
{
    struct rig rig;
    struct rig_reader before = {0}, after = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &before, 0, URL);
    rig_connect(&rig, 0);
    rig_head(&rig, 0, 200, 3, RED);
    purge_tag(&rig, "red", false);
    rig_data(&rig, 0, "old");
    rig_done(&rig, 0, 0);
    rig_leave(&before);
    rig_ask(&rig, &after, 1, URL);
    assert_int_equal(rig.started, 2);
    rig_answer(&rig, 1, RED, "new");
    assert_true(rig_is_whole(&after, "new"));
    rig_leave(&after);
    rig_free(&rig);
}

/* The answer to those who come afterwards is a new one, and stays; other URLs are not concerned. */
static void case_27_pattern_purged_during_a_fetch(void **state)
{
    struct rig rig;
    struct rig_reader readers[4] = {{.told = 0}}, hit = {0};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &readers[0], 0, URL);
    rig_ask(&rig, &readers[1], 0, OTHER);
    rig_connect(&rig, 0);
    rig_connect(&rig, 1);
    assert_int_equal(purge_pattern(&rig, "http://a.*/x", false), 0);
    rig_ask(&rig, &readers[2], 1, URL);
    rig_ask(&rig, &readers[3], 1, OTHER);
    rig_settle(&rig);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 0, "", "old");
    rig_answer(&rig, 1, "", "one");
    rig_answer(&rig, 2, "", "new");
    assert_true(rig_is_whole(&readers[0], "old") && rig_is_whole(&readers[2], "new"));
    assert_true(rig_is_whole(&readers[1], "one") && rig_is_whole(&readers[3], "one"));
    rig_ask(&rig, &hit, 0, URL);
    assert_true(rig_is_whole(&hit, "new"));
    assert_int_equal(purge_pattern(&rig, "*", false), 2);
    for (unsigned i = 0; i < 4; i++)
        rig_leave(&readers[i]);
    rig_leave(&hit);
    rig_free(&rig);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        unsigned count;
    } rows[] = {
        {"*", 2},
        {"", 0},
        {URL, 1},
        {"http://*/x", 2},
        {"*/x*", 2},
        {"http://a.example/", 0},
        {"*b*e*x", 1},
        {"*.example/y", 0},
        {"http://a.example/x?", 0},
    };
    struct rig rig;
    struct rig_reader readers[2] = {{.told = 0}};

    (void)state;
    rig_new(&rig, NULL);
    rig_ask(&rig, &readers[0], 0, URL);
    rig_answer(&rig, 0, "", "a");
    rig_ask(&rig, &readers[1], 0, OTHER);
    rig_answer(&rig, 1, "", "b");
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(purge_pattern(&rig, rows[i].pattern, true), rows[i].count);
    rig_leave(&readers[0]);
    rig_leave(&readers[1]);
    rig_free(&rig);
}

/* A purge of one of its tags would not find it. */
static void test_an_answer_with_too_many_tags_is_not_stored(void **state)
{
    struct fetch_settings settings;

    (void)state;
    fetch_settings_default(&settings);
    settings.tags_max = 2;
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_reader first = {0}, second = {0};

        rig_new(&rig, &settings);
        rig_ask(&rig, &first, 0, URL);
        rig_answer(&rig, 0, i == 0 ? "Surrogate-Key: a b" : "Surrogate-Key: a b c", "x");
        rig_ask(&rig, &second, 0, URL);
        assert_int_equal(rig.started, 1 + i);
        if (i == 1)
            rig_answer(&rig, 1, "", "x");
        rig_leave(&first);
        rig_leave(&second);
        rig_free(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_27_tag_purged_before_the_head),
        cmocka_unit_test(case_27_tag_purged_during_the_body),
        cmocka_unit_test(case_27_tag_purged_and_nobody_asks_until_it_is_stored),
        cmocka_unit_test(case_27_pattern_purged_during_a_fetch),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_an_answer_with_too_many_tags_is_not_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
