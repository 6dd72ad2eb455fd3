/* SPDX-License-Identifier: MIT */
/*
 * test_keyed_lock.c - the promises of async/keyed_lock.h.
 *
 * The program is linked with calloc() wrapped, so that tests can refuse memory and count blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <async/keyed_lock.h>

#include "cmocka_all.h"
#include "trio.h"

struct key_user {
    struct async_keyed_waiter keyed;
    struct trio *trio;
    char name;
    unsigned told;
};

struct fixture {
    struct trio *trio;
    struct async_keyed_lock *lock;
    struct key_user a, b, c, d; /* all for the key "page" */
};

static bool refuse_memory;
static unsigned refusals;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (refuse_memory) {
        refusals++;
        return NULL;
    }
    return __real_calloc(count, size);
}

static void on_told(struct async_waiter *waiter, int status)
{
    struct key_user *user = async_container_of(waiter, struct key_user, keyed.waiter);

    user->told++;
    trio_note(user->trio, user->name, status);
}

static void user_init(struct fixture *f, struct key_user *user, char name, const char *key)
{
    *user = (struct key_user){.trio = f->trio, .name = name};
    async_keyed_waiter_init(&user->keyed, f->lock, f->trio->loop, on_told, key, strlen(key));
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    f->trio = trio_new();
    assert_int_equal(async_keyed_lock_new(&f->lock), 0);
    user_init(f, &f->a, 'A', "page");
    user_init(f, &f->b, 'B', "page");
    user_init(f, &f->c, 'C', "page");
    user_init(f, &f->d, 'D', "page");
    *state = f;
    return 0;
}

/* Freeing asserts that nothing is held, so each test also shows that it left nothing behind. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    refuse_memory = false;
    assert_int_equal(async_keyed_lock_keys(f->lock), 0);
    async_keyed_lock_free(f->lock);
    trio_free(f->trio);
    return 0;
}

static void acquire(struct fixture *f, struct key_user *user)
{
    async_keyed_lock_acquire(f->lock, &user->keyed);
}

static int release(struct fixture *f, struct key_user *user)
{
    return async_keyed_lock_release(f->lock, &user->keyed);
}

static const void *holder_of(struct fixture *f, const char *key)
{
    return async_keyed_lock_holder(f->lock, key, strlen(key));
}

static void test_an_idle_key_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(async_keyed_lock_keys(f->lock), 0);
    assert_null(holder_of(f, "page"));
    assert_true(async_keyed_lock_try_acquire(f->lock, &f->a.keyed));
    assert_int_equal(async_keyed_lock_keys(f->lock), 1);
    assert_ptr_equal(holder_of(f, "page"), &f->a.keyed);
    assert_int_equal(release(f, &f->a), 0);
    assert_int_equal(async_keyed_lock_keys(f->lock), 0);
    assert_null(holder_of(f, "page"));
}

static void test_grant_is_never_delivered_inside_acquire(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    assert_int_equal(f->a.told, 0);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
}

static void test_grants_of_one_key_are_first_come_first_served(void **state)
{
    struct fixture *f = *state;
    struct key_user *order[] = {&f->c, &f->a, &f->d, &f->b};
    const char *told[] = {"C", "A", "D", "B"};

    for (int i = 0; i < 4; i++)
        acquire(f, order[i]);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(trio_run(f->trio), told[i]);
        assert_ptr_equal(holder_of(f, "page"), &order[i]->keyed);
        assert_int_equal(async_keyed_lock_keys(f->lock), 1);
        assert_int_equal(release(f, order[i]), 0);
    }
}

/* The key is the bytes, wherever they are; and all of them, not a prefix. */
static void test_different_keys_do_not_wait_for_each_other(void **state)
{
    struct fixture *f = *state;
    const char copy[] = {'p', 'a', 'g', 'e', '\0'};

    user_init(f, &f->b, 'B', "pag");
    user_init(f, &f->c, 'C', "");
    user_init(f, &f->d, 'D', copy);
    acquire(f, &f->a);
    acquire(f, &f->b);
    acquire(f, &f->c);
    acquire(f, &f->d);
    assert_string_equal(trio_run(f->trio), "A B C");
    assert_int_equal(async_keyed_lock_keys(f->lock), 3);
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "D");
    assert_int_equal(release(f, &f->b), 0);
    assert_int_equal(release(f, &f->c), 0);
    assert_int_equal(release(f, &f->d), 0);
}

/* Two keys whose hashes are equal, which no stranger can arrange, share a bucket and nothing else.
 */
static void test_equal_hashes_of_different_keys_stay_apart(void **state)
{
    struct fixture *f = *state;

    user_init(f, &f->b, 'B', "twin");
    user_init(f, &f->c, 'C', "twin");
    f->b.keyed.hash = f->a.keyed.hash;
    f->c.keyed.hash = f->a.keyed.hash;
    acquire(f, &f->a);
    acquire(f, &f->b);
    acquire(f, &f->c);
    acquire(f, &f->d);
    assert_string_equal(trio_run(f->trio), "A B");
    assert_int_equal(async_keyed_lock_keys(f->lock), 2);
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "D");
    assert_int_equal(release(f, &f->b), 0);
    assert_string_equal(trio_run(f->trio), "C");
    assert_int_equal(release(f, &f->d), 0);
    assert_int_equal(release(f, &f->c), 0);
}

/* Who chooses keys cannot know which of them collide: the hash depends on the table's secret. */
static void test_each_table_hashes_with_a_secret_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct async_keyed_lock *other;
    struct async_keyed_waiter keyed;

    assert_int_equal(async_keyed_lock_new(&other), 0);
    async_keyed_waiter_init(&keyed, other, f->trio->loop, on_told, "page", 4);
    assert_true(keyed.hash != f->a.keyed.hash);
    assert_true(f->b.keyed.hash == f->a.keyed.hash);
    async_keyed_lock_free(other);
    async_keyed_lock_free(NULL);
}

static void test_release_of_a_free_key_says_so(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(release(f, &f->a), -EINVAL);
}

static void test_release_by_another_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;

    assert_true(async_keyed_lock_try_acquire(f->lock, &f->a.keyed));
    assert_int_equal(release(f, &f->b), -EPERM);
    acquire(f, &f->c);
    assert_int_equal(release(f, &f->c), -EPERM);
    assert_ptr_equal(holder_of(f, "page"), &f->a.keyed);
    assert_string_equal(trio_run(f->trio), "");
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "C");
    assert_int_equal(release(f, &f->c), 0);
}

static void test_acquiring_twice_is_a_deadlock_and_says_so(void **state)
{
    struct fixture *f = *state;

    assert_true(async_keyed_lock_try_acquire(f->lock, &f->a.keyed));
    assert_false(async_keyed_lock_try_acquire(f->lock, &f->a.keyed));
    acquire(f, &f->a);
    assert_string_equal(trio_run(f->trio), "A(-35)"); /* -EDEADLK */
    assert_ptr_equal(holder_of(f, "page"), &f->a.keyed);
    /* The refusal is cancelled before it is told: the key stays held. */
    acquire(f, &f->a);
    assert_true(async_waiter_cancel(&f->a.keyed.waiter));
    assert_ptr_equal(holder_of(f, "page"), &f->a.keyed);
    assert_int_equal(release(f, &f->a), 0);
}

static void test_newcomer_cannot_barge_past_a_woken_waiter(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
    assert_false(async_keyed_lock_try_acquire(f->lock, &f->c.keyed));
    acquire(f, &f->c);
    assert_string_equal(trio_run(f->trio), "B");
    assert_int_equal(release(f, &f->b), 0);
    assert_string_equal(trio_run(f->trio), "C");
    assert_int_equal(release(f, &f->c), 0);
}

/* A holds; B, C and D wait. B and D are cancelled while parked: C is the only heir. */
static void test_cancel_while_parked_leaves_the_queue(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    acquire(f, &f->b);
    acquire(f, &f->c);
    acquire(f, &f->d);
    assert_string_equal(trio_run(f->trio), "A");
    assert_true(async_waiter_cancel(&f->b.keyed.waiter));
    assert_true(async_waiter_cancel(&f->d.keyed.waiter));
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "C");
    assert_int_equal(release(f, &f->c), 0);
    assert_string_equal(trio_run(f->trio), "");
}

/*
 * A releases to B, who has the queue C, D in its struct before it knows. B is cancelled before
 * delivery, and so is C after it: the queue must pass from struct to struct and reach D.
 */
static void test_grants_of_cancelled_successors_pass_on_with_the_queue(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    acquire(f, &f->b);
    acquire(f, &f->c);
    acquire(f, &f->d);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
    assert_ptr_equal(holder_of(f, "page"), &f->b.keyed);
    assert_true(async_waiter_cancel(&f->b.keyed.waiter));
    assert_ptr_equal(holder_of(f, "page"), &f->c.keyed);
    assert_true(async_waiter_cancel(&f->c.keyed.waiter));
    memset(&f->b, 0x5a, sizeof(f->b));
    memset(&f->c, 0x5a, sizeof(f->c));
    assert_string_equal(trio_run(f->trio), "D");
    assert_int_equal(release(f, &f->d), 0);
}

/* Who waited under A is still found after A's struct is gone: timeouts and cancels of the heirs. */
static void test_waiters_outlive_the_struct_they_queued_behind(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    acquire(f, &f->b);
    f->c.keyed.waiter.deadline_ns = 5 * ASYNC_MS;
    acquire(f, &f->c);
    acquire(f, &f->d);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
    memset(&f->a, 0x5a, sizeof(f->a));
    assert_string_equal(trio_run(f->trio), "B");
    assert_string_equal(trio_advance(f->trio, 5), "C(-110)");
    assert_true(async_waiter_cancel(&f->d.keyed.waiter));
    assert_int_equal(release(f, &f->b), 0);
    assert_string_equal(trio_run(f->trio), "");
}

static void test_grant_of_the_last_waiter_cancelled_frees_the_key(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    assert_int_equal(async_keyed_lock_keys(f->lock), 1);
    assert_true(async_waiter_cancel(&f->a.keyed.waiter));
    assert_int_equal(async_keyed_lock_keys(f->lock), 0);
    assert_string_equal(trio_run(f->trio), "");
}

static void test_deadline_ends_the_wait_and_the_next_is_served(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    f->b.keyed.waiter.deadline_ns = 10 * ASYNC_MS;
    acquire(f, &f->b);
    acquire(f, &f->c);
    assert_string_equal(trio_advance(f->trio, 9), "A");
    assert_string_equal(trio_advance(f->trio, 1), "B(-110)");
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "C");
    assert_int_equal(release(f, &f->c), 0);
}

static void test_grant_posted_before_the_deadline_is_delivered(void **state)
{
    struct fixture *f = *state;

    acquire(f, &f->a);
    f->b.keyed.waiter.deadline_ns = 10 * ASYNC_MS;
    acquire(f, &f->b);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_advance(f->trio, 20), "B");
    assert_int_equal(f->b.told, 1);
    assert_int_equal(release(f, &f->b), 0);
}

struct crowd_member {
    struct async_keyed_waiter keyed;
    uint32_t key;
};

static struct crowd_member *crowd_new(struct fixture *f, uint32_t count)
{
    struct crowd_member *crowd = malloc(count * sizeof(*crowd));

    assert_non_null(crowd);
    for (uint32_t i = 0; i < count; i++) {
        crowd[i].key = i;
        async_keyed_waiter_init(&crowd[i].keyed, f->lock, f->trio->loop, on_told, &crowd[i].key,
                                sizeof(crowd[i].key));
    }
    return crowd;
}

/* Takes every key, finds every holder, and releases in another order than taken. */
static void use_crowd(struct fixture *f, struct crowd_member *crowd, uint32_t count)
{
    const uint32_t stride = 7919; /* a prime that does not divide the counts used here */

    assert_int_not_equal(count % stride, 0);
    for (uint32_t i = 0; i < count; i++)
        assert_true(async_keyed_lock_try_acquire(f->lock, &crowd[i].keyed));
    assert_int_equal(async_keyed_lock_keys(f->lock), count);
    for (uint32_t i = 0; i < count; i++)
        assert_ptr_equal(async_keyed_lock_holder(f->lock, &i, sizeof(i)), &crowd[i].keyed);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t chosen = (uint32_t)(i * stride % count);

        assert_int_equal(async_keyed_lock_release(f->lock, &crowd[chosen].keyed), 0);
    }
    assert_int_equal(async_keyed_lock_keys(f->lock), 0);
}

static void test_a_million_keys_are_held_at_once(void **state)
{
    struct fixture *f = *state;
    const uint32_t count = 1000000;
    struct crowd_member *crowd = crowd_new(f, count);

    use_crowd(f, crowd, count);
    free(crowd);
}

/* It grew and went back to its own buckets, which must know nothing of the holders of before. */
static void test_table_that_became_empty_is_as_new(void **state)
{
    struct fixture *f = *state;
    const uint32_t count = 5000;

    for (int round = 0; round < 3; round++) {
        struct crowd_member *crowd = crowd_new(f, count);

        use_crowd(f, crowd, count);
        free(crowd);
    }
}

/* Without memory for more buckets the chains get long, and everything still holds. */
static void test_refused_memory_slows_but_loses_nothing(void **state)
{
    struct fixture *f = *state;
    const uint32_t count = 20000;
    struct crowd_member *crowd = crowd_new(f, count);

    refusals = 0;
    refuse_memory = true;
    use_crowd(f, crowd, count);
    assert_true(refusals > 0);
    refuse_memory = false;
    use_crowd(f, crowd, count);
    free(crowd);
}

/* The first key of a shard allocates nothing: that is what the common case costs. */
static void test_acquire_of_few_keys_allocates_nothing(void **state)
{
    struct fixture *f = *state;

    refusals = 0;
    refuse_memory = true;
    acquire(f, &f->a);
    acquire(f, &f->b);
    assert_string_equal(trio_run(f->trio), "A");
    assert_int_equal(release(f, &f->a), 0);
    assert_string_equal(trio_run(f->trio), "B");
    assert_int_equal(release(f, &f->b), 0);
    assert_int_equal(refusals, 0);
}

int main(void)
{
#define WITH_LOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOCK(test_an_idle_key_leaves_nothing_behind),
        WITH_LOCK(test_grant_is_never_delivered_inside_acquire),
        WITH_LOCK(test_grants_of_one_key_are_first_come_first_served),
        WITH_LOCK(test_different_keys_do_not_wait_for_each_other),
        WITH_LOCK(test_equal_hashes_of_different_keys_stay_apart),
        WITH_LOCK(test_each_table_hashes_with_a_secret_of_its_own),
        WITH_LOCK(test_release_of_a_free_key_says_so),
        WITH_LOCK(test_release_by_another_is_refused_and_changes_nothing),
        WITH_LOCK(test_acquiring_twice_is_a_deadlock_and_says_so),
        WITH_LOCK(test_newcomer_cannot_barge_past_a_woken_waiter),
        WITH_LOCK(test_cancel_while_parked_leaves_the_queue),
        WITH_LOCK(test_grants_of_cancelled_successors_pass_on_with_the_queue),
        WITH_LOCK(test_waiters_outlive_the_struct_they_queued_behind),
        WITH_LOCK(test_grant_of_the_last_waiter_cancelled_frees_the_key),
        WITH_LOCK(test_deadline_ends_the_wait_and_the_next_is_served),
        WITH_LOCK(test_grant_posted_before_the_deadline_is_delivered),
        WITH_LOCK(test_a_million_keys_are_held_at_once),
        WITH_LOCK(test_table_that_became_empty_is_as_new),
        WITH_LOCK(test_refused_memory_slows_but_loses_nothing),
        WITH_LOCK(test_acquire_of_few_keys_allocates_nothing),
    };
    return cmocka_run_group_tests_name("keyed_lock", tests, NULL, NULL);
}
