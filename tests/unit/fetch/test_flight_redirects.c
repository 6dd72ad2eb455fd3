/* SPDX-License-Identifier: MIT */
/*
 * test_flight_redirects.c - an answer behind redirects is kept no longer, and shared with no more,
 * than each of them allows (cases 13, 14 and 26).
 */
#include <stdio.h>

#include "cmocka_all.h"
#include "rig.h"

#define URL "http://origin.example/a"
#define TO  "Location: /b\n"

static struct fetch_counters counters_of(struct rig *rig)
{
    struct fetch_counters counters;

    fetcher_read_counters(rig->fetcher, &counters);
    return counters;
}

/* Two ask; the first fetch is redirected so, and then answered so. */
static void redirect_to(struct rig *rig, struct rig_reader *readers, const char *lines,
                        const char *answer_lines)
{
    rig_new(rig, NULL);
    rig_ask(rig, &readers[0], 0, URL);
    rig_ask(rig, &readers[1], 1, URL);
    rig_connect(rig, 0);
    rig_head(rig, 0, 302, 0, lines);
    rig_done(rig, 0, 0);
    rig_connect(rig, 1);
    rig_head(rig, 1, 200, 1, answer_lines);
}

/* With what may be kept an hour. */
static void redirect(struct rig *rig, struct rig_reader *readers, const char *lines)
{
    redirect_to(rig, readers, lines, "Cache-Control: max-age=3600");
}

static void end(struct rig *rig, struct rig_reader *readers)
{
    rig_leave(&readers[0]);
    rig_leave(&readers[1]);
    rig_free(rig);
}

static void case_26_private_redirect_makes_the_answer_private(void **state)
{
    static const char *const lines[] = {
        TO "Cache-Control: no-store",
        TO "Cache-Control: private, max-age=60",
        TO "Set-Cookie: who=a",
        TO "Vary: *",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct rig rig;
        struct rig_reader readers[2] = {0};

        redirect(&rig, readers, lines[i]);
        assert_int_equal(rig.started, 3); /* the second by itself */
        rig_data(&rig, 1, "a");
        rig_done(&rig, 1, 0);
        rig_answer(&rig, 2, "Cache-Control: private", "b");
        assert_true(rig_is_whole(&readers[0], "a"));
        assert_true(rig_is_whole(&readers[1], "b"));
        assert_int_equal(counters_of(&rig).stored, 0);
        end(&rig, readers);
    }
}

static void case_26_stale_redirect_is_used_once(void **state)
{
    struct rig rig;
    struct rig_reader readers[2] = {0};

    (void)state;
    redirect(&rig, readers, TO "Cache-Control: no-cache");
    rig_data(&rig, 1, "a");
    rig_done(&rig, 1, 0);
    assert_true(rig_is_whole(&readers[0], "a"));
    assert_true(rig_is_whole(&readers[1], "a"));
    assert_int_equal(counters_of(&rig).stored, 0);
    end(&rig, readers);
}

/* The redirect may be kept for ten seconds: so may the answer. */
static void case_26_answer_lives_no_longer_than_the_redirect(void **state)
{
    struct rig rig;
    struct rig_reader readers[2] = {0}, soon = {0}, later = {0};

    (void)state;
    redirect(&rig, readers, TO "Cache-Control: max-age=10");
    rig_data(&rig, 1, "a");
    rig_done(&rig, 1, 0);
    assert_int_equal(counters_of(&rig).stored, 1);
    rig.wall_s += 9;
    rig_ask(&rig, &soon, 0, URL);
    assert_true(rig_is_whole(&soon, "a"));
    rig.wall_s += 2;
    rig_ask(&rig, &later, 0, URL);
    assert_int_equal(rig.started, 3);
    rig_answer(&rig, 2, "", "b");
    assert_true(rig_is_whole(&later, "b"));
    rig_leave(&soon);
    rig_leave(&later);
    end(&rig, readers);
}

/* The redirect and the answer together vary by more names than are compared. */
static void case_26_too_many_names_make_the_answer_private(void **state)
{
    struct rig rig;
    struct rig_reader readers[2] = {0};
    char lines[2][400];

    (void)state;
    for (int i = 0; i < 2; i++) {
        int length = snprintf(lines[i], sizeof lines[i], "%sVary: X", i == 0 ? TO : "");
        for (int name = 0; name < 20; name++)
            length +=
                snprintf(lines[i] + length, sizeof lines[i] - (size_t)length, ", X-%d-%d", i, name);
    }
    redirect_to(&rig, readers, lines[0], lines[1]);
    assert_int_equal(rig.started, 3);
    rig_data(&rig, 1, "a");
    rig_done(&rig, 1, 0);
    rig_answer(&rig, 2, "Cache-Control: private", "b");
    assert_true(rig_is_whole(&readers[0], "a"));
    assert_true(rig_is_whole(&readers[1], "b"));
    end(&rig, readers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_26_private_redirect_makes_the_answer_private),
        cmocka_unit_test(case_26_too_many_names_make_the_answer_private),
        cmocka_unit_test(case_26_stale_redirect_is_used_once),
        cmocka_unit_test(case_26_answer_lives_no_longer_than_the_redirect),
    };
    return cmocka_run_group_tests_name("flight_redirects", tests, NULL, NULL);
}
