/* SPDX-License-Identifier: MIT */
/* test_table.c - marks on keys: found, past, replaced, and never more than the limit. */
#include <string.h>

#include "cmocka_all.h"

#include "table.h"

/* All keys of these tests fall into one shard and one bucket. */
static struct key key_of(const char *text)
{
    return (struct key){.hash = 64, .bytes = text, .length = strlen(text)};
}

static enum mark_kind kind_at(struct flight_table *table, const char *text, int64_t now_ns)
{
    struct key key = key_of(text);
    struct table_shard *shard = table_lock(table, &key);
    struct table_mark mark;

    table_mark_find_locked(shard, &key, now_ns, &mark);
    table_unlock(shard);
    return mark.kind;
}

static void set(struct flight_table *table, const char *text, enum mark_kind kind, int64_t until_ns)
{
    struct key key = key_of(text);
    struct table_shard *shard = table_lock(table, &key);
    struct table_mark mark = {.kind = kind, .until_ns = until_ns};

    table_mark_set_locked(shard, &key, &mark);
    table_unlock(shard);
}

static void test_marks_end_by_time(void **state)
{
    struct flight_table *table;

    (void)state;
    assert_int_equal(flight_table_new(1000, &table), 0);
    assert_int_equal(kind_at(table, "a", 0), MARK_NONE);
    set(table, "a", MARK_FAILURE, 100);
    assert_int_equal(kind_at(table, "a", 99), MARK_FAILURE);
    assert_int_equal(kind_at(table, "a", 100), MARK_NONE);
    assert_int_equal(kind_at(table, "a", 99), MARK_NONE); /* it was dropped when found past */
    flight_table_free(table);
}

/* The whole key is compared, though the hashes are equal; a new mark replaces the old one. */
static void test_marks_belong_to_whole_keys(void **state)
{
    struct flight_table *table;

    (void)state;
    assert_int_equal(flight_table_new(1000, &table), 0);
    set(table, "a", MARK_FAILURE, 100);
    set(table, "b", MARK_UNCACHEABLE, 100);
    set(table, "a", MARK_UNCACHEABLE, 200);
    assert_int_equal(kind_at(table, "a", 150), MARK_UNCACHEABLE);
    assert_int_equal(kind_at(table, "b", 50), MARK_UNCACHEABLE);
    assert_int_equal(kind_at(table, "ab", 50), MARK_NONE);
    flight_table_free(table);
}

static void test_marks_are_cleared(void **state)
{
    struct key key = key_of("a");
    struct flight_table *table;
    struct table_shard *shard;

    (void)state;
    assert_int_equal(flight_table_new(1000, &table), 0);
    set(table, "a", MARK_UNCACHEABLE, 100);
    shard = table_lock(table, &key);
    table_mark_clear_locked(shard, &key);
    table_mark_clear_locked(shard, &key);
    table_unlock(shard);
    assert_int_equal(kind_at(table, "a", 0), MARK_NONE);
    flight_table_free(table);
}

/* 128 marks in all are 3 for each shard: the fourth pushes the oldest out. */
static void test_the_oldest_mark_gives_way(void **state)
{
    struct flight_table *table;

    (void)state;
    assert_int_equal(flight_table_new(128, &table), 0);
    set(table, "a", MARK_FAILURE, 100);
    set(table, "b", MARK_FAILURE, 100);
    set(table, "c", MARK_FAILURE, 100);
    set(table, "d", MARK_FAILURE, 100);
    assert_int_equal(kind_at(table, "a", 0), MARK_NONE);
    assert_int_equal(kind_at(table, "b", 0), MARK_FAILURE);
    assert_int_equal(kind_at(table, "d", 0), MARK_FAILURE);
    flight_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_end_by_time),
        cmocka_unit_test(test_marks_belong_to_whole_keys),
        cmocka_unit_test(test_marks_are_cleared),
        cmocka_unit_test(test_the_oldest_mark_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
