/* SPDX-License-Identifier: MIT */
/*
 * timeout.c - how to wait for a lock, but not for ever.
 *
 * A waiter has a deadline, a time on its loop's clock. If the lock has not come by then, on_done is
 * told -ETIMEDOUT, the waiter has left the line, and those behind it have moved up. A wait can also
 * be ended from outside: after async_waiter_cancel() on_done will not be called at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/lock.h>

struct scene {
    struct async_loop *loop;
    struct async_lock lock;
    struct async_waiter holder, impatient, hesitant, patient;
    struct async_timer end_of_work;
    char order[16]; /* initials of what happened, for the check at the end */
};

static void note(struct scene *scene, char initial, const char *text)
{
    size_t used = strlen(scene->order);

    if (used + 1 < sizeof(scene->order))
        scene->order[used] = initial;
    printf("%s\n", text);
}

static void on_holder(struct async_waiter *waiter, int status)
{
    struct scene *scene = async_container_of(waiter, struct scene, holder);

    if (status == 0)
        note(scene, 'h', "holder     has the lock and works for 200 ms");
}

static void on_impatient(struct async_waiter *waiter, int status)
{
    struct scene *scene = async_container_of(waiter, struct scene, impatient);

    if (status != -ETIMEDOUT)
        return;
    note(scene, 'i', "impatient  gives up: the deadline passed first");
    async_waiter_cancel(&scene->hesitant);
    note(scene, 'c', "hesitant   is taken along, and hears nothing");
}

static void on_hesitant(struct async_waiter *waiter, int status)
{
    struct scene *scene = async_container_of(waiter, struct scene, hesitant);

    (void)status;
    note(scene, '?', "hesitant   was told something");
}

static void on_patient(struct async_waiter *waiter, int status)
{
    struct scene *scene = async_container_of(waiter, struct scene, patient);

    if (status < 0)
        return;
    note(scene, 'p', "patient    has the lock, next in line after all");
    async_lock_release(&scene->lock, waiter);
    async_loop_stop(scene->loop);
}

static void on_end_of_work(struct async_timer *timer)
{
    struct scene *scene = async_container_of(timer, struct scene, end_of_work);

    note(scene, 'r', "holder     releases the lock");
    async_lock_release(&scene->lock, &scene->holder);
}

int main(void)
{
    struct scene scene = {0};
    int64_t now_ns;

    if (async_loop_new(&scene.loop) < 0)
        return EXIT_FAILURE;
    now_ns = async_loop_now_ns(scene.loop);
    async_lock_init(&scene.lock);
    async_waiter_init(&scene.holder, scene.loop, on_holder);
    async_waiter_init(&scene.impatient, scene.loop, on_impatient);
    async_waiter_init(&scene.hesitant, scene.loop, on_hesitant);
    async_waiter_init(&scene.patient, scene.loop, on_patient);
    async_timer_init(&scene.end_of_work, on_end_of_work);

    scene.impatient.deadline_ns = now_ns + 20 * ASYNC_MS;
    async_timer_arm(&scene.end_of_work, scene.loop, now_ns + 200 * ASYNC_MS);
    async_lock_acquire(&scene.lock, &scene.holder);
    async_lock_acquire(&scene.lock, &scene.impatient);
    async_lock_acquire(&scene.lock, &scene.hesitant);
    async_lock_acquire(&scene.lock, &scene.patient);
    async_loop_run(scene.loop);

    async_lock_fini(&scene.lock);
    async_loop_free(scene.loop);
    return strcmp(scene.order, "hicrp") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
