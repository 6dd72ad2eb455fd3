/* SPDX-License-Identifier: MIT */
/*
 * server.c - start and stop of the whole; see server.h.
 *
 *      server_start:  bind every socket -> a thread per loop -> each begins (handlers, listening)
 *                     -> all have begun: they run; one has not: all end
 *      server_stop:   every loop drains -> the last drained: every loop stops its handlers
 *                     -> the last stopped: every loop ends -> server_wait joins the threads
 *
 * No loop ends before all have stopped their handlers, because a handler of one loop may still have
 * to tell one of another (a grant, the end of a flight) until then.
 */
#include "server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"
#include "output.h"
#include "worker.h"

/* So many connections beyond the limit are told 503; the rest waits unaccepted. */
#define CROWD_EXTRA(limit) ((limit) / 8 + 16)

/* What the kernel takes of a connection's answer before the network can: what one turn of it sends.
 * With less, a turn's send is cut short, and each byte of a long answer costs a tenth more. */
#define KERNEL_UNSENT_BYTES (2 * OUTPUT_UNSENT_BYTES_MAX)

struct server {
    struct server_settings settings; /* its arrays are ours */
    struct sockaddr_storage *addresses;
    struct worker *workers;
    unsigned worker_count;  /* initialised */
    unsigned thread_count;  /* started */
    _Atomic(uint32_t) open; /* connections */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    unsigned begun;   /* workers whose worker_begin() is over */
    int begin_status; /* the first error of them */
    bool may_run;     /* all have begun, or one has failed: see begin_status */
    unsigned drained;
    unsigned stopped;
    struct route_table *table; /* the loops' is this one, or will be */
};

static unsigned processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

static socklen_t address_bytes(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                          : (socklen_t)sizeof(struct sockaddr_in);
}

static in_port_t address_port(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                          : ((const struct sockaddr_in *)address)->sin_port;
}

static void log_address(const struct sockaddr_storage *address, int error)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof(text));
    else
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof(text));
    log_error("cannot listen", "address=%s port=%u error=\"%s\"", text,
              (unsigned)ntohs(address_port(address)), strerror(error));
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/*
 * A bound socket. `is_shared`: others of ours bind the same. Accepted sockets inherit the options
 * of TCP; with them the kernel keeps no more of its own copy of a body than the network needs, or
 * else each slow client of one body would cost some megabytes.
 */
static int bind_one(const struct sockaddr_storage *address, bool is_shared, int *ret_fd)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int status;

    if (fd < 0)
        return -errno;
    status = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (status == 0 && is_shared)
        status = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (status == 0)
        status = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (status == 0)
        status = set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES);
    if (status == 0 && address->ss_family == AF_INET6)
        status = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (status == 0 && bind(fd, (const struct sockaddr *)address, address_bytes(address)) < 0)
        status = -errno;
    if (status < 0) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return 0;
}

/*
 * Takes the address for this server alone, then lets its other sockets in. Two sockets that are
 * only bound may have one address, because of SO_REUSEADDR; of two that listen, the kernel refuses
 * the second, unless both allow sharing: and that this one does not before it listens.
 */
static int claim(int fd)
{
    if (listen(fd, SOMAXCONN) < 0)
        return -errno;
    return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/* Another server that is refused the address stands in the way for a moment while it tries. */
static int bind_shared(const struct sockaddr_storage *address, int *ret_fd)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int status = bind_one(address, true, ret_fd);

    for (unsigned i = 0; status == -EADDRINUSE && i < 20; i++) {
        nanosleep(&pause, NULL);
        status = bind_one(address, true, ret_fd);
    }
    return status;
}

/*
 * One socket per loop for one address. SO_REUSEPORT would also let a second server bind it and take
 * half of the connections unseen, so the first socket claims the address without it. Port 0 is
 * chosen by the first and used by the rest.
 */
static int bind_address(struct sockaddr_storage *address, unsigned loops, int *fds, size_t stride)
{
    socklen_t length = sizeof(*address);
    unsigned bound = 1;
    int status = bind_one(address, false, &fds[0]);

    if (status < 0)
        return status;
    status = claim(fds[0]);
    if (status == 0 && getsockname(fds[0], (struct sockaddr *)address, &length) < 0)
        status = -errno;
    while (status == 0 && bound < loops) {
        status = bind_shared(address, &fds[bound * stride]);
        if (status == 0)
            bound++;
    }
    if (status < 0) {
        while (bound-- > 0)
            close(fds[bound * stride]);
    }
    return status;
}

/* fds[loop * address_count + address] */
static int bind_all(struct server *server, int *fds)
{
    size_t count = server->settings.address_count;
    unsigned loops = server->settings.loops;

    for (size_t i = 0; i < count; i++) {
        int status = bind_address(&server->addresses[i], loops, &fds[i], count);
        if (status == 0)
            continue;
        log_address(&server->addresses[i], -status);
        while (i-- > 0) {
            for (unsigned loop = 0; loop < loops; loop++)
                close(fds[loop * count + i]);
        }
        return status;
    }
    return 0;
}

static int init_workers(struct server *server)
{
    size_t count = server->settings.address_count;
    int *fds = calloc(server->settings.loops * count, sizeof(*fds));
    int status;

    if (fds == NULL)
        return -ENOMEM;
    status = bind_all(server, fds);
    while (status == 0 && server->worker_count < server->settings.loops) {
        unsigned index = server->worker_count;
        status = worker_init(&server->workers[index], server, &server->settings, index,
                             &fds[index * count]);
        if (status == 0)
            server->worker_count++;
        else
            for (size_t i = index * count; i < server->settings.loops * count; i++)
                close(fds[i]);
    }
    free(fds);
    return status;
}

/* Tells how this worker's start went, and waits for the others'. Returns whether all may run. */
static bool wait_for_start(struct server *server, int status)
{
    pthread_mutex_lock(&server->mutex);
    server->begun++;
    if (status < 0 && server->begin_status == 0)
        server->begin_status = status;
    pthread_cond_broadcast(&server->changed);
    while (!server->may_run)
        pthread_cond_wait(&server->changed, &server->mutex);
    bool runs = server->begin_status == 0;
    pthread_mutex_unlock(&server->mutex);
    return runs;
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    int status = worker_begin(worker);

    if (!wait_for_start(worker->server, status))
        return NULL;
    status = async_loop_run(worker->loop);
    if (status < 0) {
        /* epoll itself failed: nothing of this process can be trusted to go on. */
        log_error("loop failed", "loop=%u error=\"%s\"", worker->index, strerror(-status));
        abort();
    }
    return NULL;
}

/* Starts the threads and waits until each has begun; on an error all have ended again. */
static int run_threads(struct server *server)
{
    int status = 0;

    while (server->thread_count < server->worker_count && status == 0) {
        struct worker *worker = &server->workers[server->thread_count];
        status = -pthread_create(&worker->thread, NULL, run_worker, worker);
        if (status == 0)
            server->thread_count++;
    }
    pthread_mutex_lock(&server->mutex);
    while (server->begun < server->thread_count)
        pthread_cond_wait(&server->changed, &server->mutex);
    if (server->begin_status == 0)
        server->begin_status = status;
    status = server->begin_status;
    server->may_run = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    if (status < 0)
        server_wait(server);
    return status;
}

static int copy_settings(struct server *server, const struct server_settings *settings)
{
    server->settings = *settings;
    if (server->settings.loops == 0)
        server->settings.loops = processors();
    size_t workers_bytes = server->settings.loops * sizeof(*server->workers);
    server->addresses = calloc(settings->address_count, sizeof(*server->addresses));
    server->workers = aligned_alloc(alignof(struct worker), workers_bytes);
    if (server->addresses == NULL || server->workers == NULL)
        return -ENOMEM;
    memset(server->workers, 0, workers_bytes);
    memcpy(server->addresses, settings->addresses,
           settings->address_count * sizeof(*server->addresses));
    server->settings.addresses = server->addresses;
    server->settings.routes = NULL; /* they are in the table */
    return 0;
}

int server_start(const struct server_settings *settings, struct server **ret_server)
{
    struct server *server;
    struct route_table *table;
    int status = server_settings_are_possible(settings) ? 0 : -EINVAL;

    if (status == 0)
        status = route_table_new(settings->routes, settings->route_count, settings->release_routes,
                                 settings->routes_owner, &table);
    if (status < 0) {
        if (settings->release_routes != NULL)
            settings->release_routes(settings->routes_owner);
        return status;
    }
    server = calloc(1, sizeof(*server));
    if (server == NULL) {
        route_table_unref(table);
        return -ENOMEM;
    }
    server->table = table;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    status = copy_settings(server, settings);
    if (status == 0)
        status = init_workers(server);
    if (status == 0)
        status = run_threads(server);
    if (status < 0) {
        server_free(server);
        return status;
    }
    *ret_server = server;
    return 0;
}

unsigned server_loops(const struct server *server)
{
    return server->worker_count;
}

const struct sockaddr_storage *server_address(const struct server *server, size_t index)
{
    assert(index < server->settings.address_count);
    return &server->addresses[index];
}

struct route_table *server_route_table(struct server *server)
{
    struct route_table *table;

    pthread_mutex_lock(&server->mutex);
    table = route_table_ref(server->table);
    pthread_mutex_unlock(&server->mutex);
    return table;
}

int server_set_routes(struct server *server, const struct server_route *routes, size_t count,
                      void (*release)(void *owner), void *owner)
{
    struct route_table *table, *before;
    int status;

    for (size_t i = 0; i < count; i++) {
        if (!server_route_is_possible(&server->settings, &routes[i]))
            return -EINVAL;
    }
    status = route_table_new(routes, count, release, owner, &table);
    if (status < 0)
        return status;
    pthread_mutex_lock(&server->mutex);
    before = server->table;
    server->table = table;
    pthread_mutex_unlock(&server->mutex);
    route_table_unref(before);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_exchange_routes(&server->workers[i]);
    return 0;
}

void server_stop(struct server *server, uint32_t drain_ms)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_drain(&server->workers[i], drain_ms);
}

void server_wait(struct server *server)
{
    for (unsigned i = 0; i < server->thread_count; i++)
        pthread_join(server->workers[i].thread, NULL);
    server->thread_count = 0;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_free_routes(&server->workers[i]);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    assert(server->thread_count == 0); /* server_wait() comes first */
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_fini(&server->workers[i]);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
    free(server->workers);
    route_table_unref(server->table);
    free(server->addresses);
    free(server);
}

void server_counters(const struct server *server, struct server_counters *ret_counters)
{
    uint64_t closed = 0;

    memset(ret_counters, 0, sizeof(*ret_counters));
    for (unsigned i = 0; i < server->worker_count; i++) {
        const struct worker_counters *counters = &server->workers[i].counters;
        closed += atomic_load_explicit(&counters->closed, memory_order_relaxed);
        ret_counters->connections_accepted +=
            atomic_load_explicit(&counters->accepted, memory_order_relaxed);
        ret_counters->requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
        ret_counters->requests_refused +=
            atomic_load_explicit(&counters->refused, memory_order_relaxed);
    }
    /* The two were not read at one moment. */
    ret_counters->connections_open = ret_counters->connections_accepted > closed
                                         ? ret_counters->connections_accepted - closed
                                         : 0;
}

bool server_take_connection(struct server *server)
{
    uint32_t before = atomic_fetch_add_explicit(&server->open, 1, memory_order_relaxed);

    return before < server->settings.limits.connections;
}

void server_leave_connection(struct server *server)
{
    atomic_fetch_sub_explicit(&server->open, 1, memory_order_relaxed);
}

bool server_is_crowded(const struct server *server)
{
    uint64_t limit = server->settings.limits.connections;

    return atomic_load_explicit(&server->open, memory_order_relaxed) >= limit + CROWD_EXTRA(limit);
}

void server_worker_drained(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool is_last = ++server->drained == server->worker_count;
    pthread_mutex_unlock(&server->mutex);
    for (unsigned i = 0; is_last && i < server->worker_count; i++)
        worker_stop(&server->workers[i]);
}

void server_worker_stopped(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool is_last = ++server->stopped == server->worker_count;
    pthread_mutex_unlock(&server->mutex);
    for (unsigned i = 0; is_last && i < server->worker_count; i++)
        async_loop_stop(server->workers[i].loop);
}
