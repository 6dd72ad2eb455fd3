/* SPDX-License-Identifier: MIT */
/* origins.c - turns, limits and rests of the servers behind a route; see <fetch/origins.h>. */
#include "origins.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void fetch_origins_settings_default(struct fetch_origins_settings *ret_settings)
{
    *ret_settings = (struct fetch_origins_settings){
        .queue_max = 1000,
        .burst = 1,
        .failures_max = 5,
        .rest_ms = 1000,
        .rest_max_ms = 60000,
    };
}

static int init_origin(struct origin *origin, struct fetch_url *url,
                       const struct fetch_origins_settings *settings)
{
    int err = 0;

    if (settings->rate_per_s > 0)
        err =
            async_rate_limiter_init(&origin->rate, settings->rate_per_s, ASYNC_S, settings->burst);
    if (err < 0)
        return -EINVAL;
    if (settings->requests_max > 0)
        async_semaphore_init_bounded(&origin->permits, settings->requests_max);
    atomic_init(&origin->waiting, 0);
    origin->url = fetch_url_ref(url);
    return 0;
}

int fetch_origins_new(struct fetch_url *const *urls, size_t count,
                      const struct fetch_origins_settings *settings,
                      struct fetch_origins **ret_origins)
{
    struct fetch_origins *origins = calloc(1, sizeof *origins + count * sizeof *origins->list);
    int err = 0;

    assert(count > 0 && count <= FETCH_ORIGINS_MAX);
    if (origins == NULL)
        return -ENOMEM;
    atomic_init(&origins->references, 1);
    atomic_init(&origins->deserted, 0);
    pthread_mutex_init(&origins->mutex, NULL);
    origins->settings = *settings;
    while (err == 0 && origins->count < count) {
        err = init_origin(&origins->list[origins->count], urls[origins->count], settings);
        origins->count += err == 0;
    }
    if (err < 0) {
        fetch_origins_unref(origins);
        return err;
    }
    *ret_origins = origins;
    return 0;
}

struct fetch_origins *fetch_origins_ref(struct fetch_origins *origins)
{
    atomic_fetch_add_explicit(&origins->references, 1, memory_order_relaxed);
    return origins;
}

void fetch_origins_unref(struct fetch_origins *origins)
{
    if (origins == NULL ||
        atomic_fetch_sub_explicit(&origins->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < origins->count; i++) {
        struct origin *origin = &origins->list[i];
        if (origins->settings.requests_max > 0)
            async_semaphore_fini(&origin->permits);
        if (origins->settings.rate_per_s > 0)
            async_rate_limiter_fini(&origin->rate);
        fetch_url_unref(origin->url);
    }
    pthread_mutex_destroy(&origins->mutex);
    free(origins);
}

bool origins_has_room_for_deserted(const struct fetch_origins *origins)
{
    return origins == NULL || origins->settings.requests_max == 0 ||
           atomic_load_explicit(&origins->deserted, memory_order_relaxed) <
               (origins->settings.requests_max + 1) / 2;
}

void origins_count_deserted(struct fetch_origins *origins, int by)
{
    if (origins != NULL)
        atomic_fetch_add_explicit(&origins->deserted, (unsigned)by, memory_order_relaxed);
}

/* Whether a request may go there now; one that has rested is tried by one request at a time. */
static bool may_choose(const struct origin *origin, int64_t now_ns)
{
    return origin->rest_until_ns == 0 || (origin->rest_until_ns <= now_ns && !origin->is_probed);
}

int origins_choose(struct fetch_origins *origins, int64_t now_ns, struct origin **ret_origin)
{
    struct origin *found = NULL;

    pthread_mutex_lock(&origins->mutex);
    for (size_t i = 0; i < origins->count && found == NULL; i++) {
        size_t at = (origins->next + i) % origins->count;
        if (!may_choose(&origins->list[at], now_ns))
            continue;
        found = &origins->list[at];
        found->is_probed = found->rest_until_ns != 0;
        origins->next = at + 1;
    }
    pthread_mutex_unlock(&origins->mutex);
    *ret_origin = found;
    return found != NULL ? 0 : -EHOSTDOWN;
}

/* Half of the rest is certain, so that those who share a trouble do not come back together. */
static void rest(const struct fetch_origins_settings *settings, struct origin *origin,
                 int64_t now_ns, uint64_t random)
{
    uint64_t rest_ms = origin->is_probed ? (uint64_t)origin->rest_ms * 2 : settings->rest_ms;

    if (rest_ms > settings->rest_max_ms)
        rest_ms = settings->rest_max_ms;
    origin->rest_ms = (uint32_t)rest_ms;
    origin->rest_until_ns =
        now_ns + (int64_t)(rest_ms - rest_ms / 4 + random % (rest_ms / 2 + 1)) * ASYNC_MS;
    origin->failures = 0;
}

void origins_report(struct fetch_origins *origins, struct origin *origin, bool is_alive,
                    int64_t now_ns, uint64_t random)
{
    const struct fetch_origins_settings *settings = &origins->settings;

    pthread_mutex_lock(&origins->mutex);
    if (is_alive) {
        origin->failures = 0;
        origin->rest_until_ns = 0;
    } else if (settings->failures_max > 0 &&
               (origin->is_probed || ++origin->failures >= settings->failures_max)) {
        rest(settings, origin, now_ns, random);
    }
    origin->is_probed = false;
    pthread_mutex_unlock(&origins->mutex);
}

void origins_drop(struct fetch_origins *origins, struct origin *origin)
{
    pthread_mutex_lock(&origins->mutex);
    origin->is_probed = false;
    pthread_mutex_unlock(&origins->mutex);
}

/* Of a URL that a path is put behind. */
static size_t begin_bytes(const struct fetch_url *url)
{
    size_t bytes = url->text_bytes;

    while (bytes > 0 && url->text[bytes - 1] == '/')
        bytes--;
    return bytes;
}

int origins_url(const struct fetch_origins *origins, const struct origin *origin,
                const struct fetch_url *url, struct fetch_url **ret_url)
{
    size_t old_bytes = begin_bytes(origins->list[0].url);
    size_t new_bytes = begin_bytes(origin->url);
    size_t bytes = url->text_bytes - old_bytes + new_bytes;
    char *text;
    int err;

    if (origin == &origins->list[0]) {
        *ret_url = NULL;
        return 0;
    }
    assert(url->text_bytes >= old_bytes);
    text = malloc(bytes);
    if (text == NULL)
        return -ENOMEM;
    memcpy(text, origin->url->text, new_bytes);
    memcpy(text + new_bytes, url->text + old_bytes, bytes - new_bytes);
    err = fetch_url_parse(text, bytes, bytes, ret_url);
    free(text);
    return err;
}
