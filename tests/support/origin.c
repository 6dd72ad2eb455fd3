/* SPDX-License-Identifier: MIT */
/* origin.c - see origin.h. Failures that are not a test's subject end the program. */
#include "origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUTES_MAX      32
#define STEPS_MAX       16
#define HEAD_BYTES_MAX  16384
#define GUARD_SECONDS   30
#define CONNECTIONS_MAX 4096

struct route {
    char path[128];
    struct origin_step steps[STEPS_MAX];
    size_t step_count;
    unsigned gates_open;
    unsigned gates_reached; /* the most by any connection */
    unsigned hits;
    char last_request[HEAD_BYTES_MAX];
};

struct origin {
    int listener;
    uint16_t port;
    pthread_t acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct route routes[ROUTES_MAX];
    size_t route_count;
    unsigned connections;
    unsigned live;
    int fds[CONNECTIONS_MAX]; /* of the live connections; -1 for a free place */
    bool is_stopping;
};

struct connection {
    struct origin *origin;
    int fd;
    size_t place;
    char head[HEAD_BYTES_MAX];
    size_t bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "origin: %s: %s\n", what, strerror(errno));
    abort();
}

static struct route *find(struct origin *origin, const char *path, size_t path_bytes)
{
    for (size_t i = 0; i < origin->route_count; i++) {
        struct route *route = &origin->routes[i];
        if (strlen(route->path) == path_bytes && memcmp(route->path, path, path_bytes) == 0)
            return route;
    }
    return NULL;
}

static struct route *route_of(struct origin *origin, const char *path)
{
    struct route *route = find(origin, path, strlen(path));

    if (route == NULL) {
        fprintf(stderr, "origin: no script for %s\n", path);
        abort();
    }
    return route;
}

static bool send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* Length of the first whole request, with its body; 0: it is not whole yet. */
static size_t request_bytes(const char *bytes, size_t count)
{
    static const char chunked[] = "\r\nTransfer-Encoding: chunked\r\n";
    static const char length[] = "\r\nContent-Length: ";
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    size_t head_bytes = end != NULL ? (size_t)(end + 4 - bytes) : 0;
    const char *field;

    if (head_bytes == 0)
        return 0;
    if (memmem(bytes, head_bytes, chunked, sizeof chunked - 1) != NULL) {
        end = memmem(bytes + head_bytes, count - head_bytes, "0\r\n\r\n", 5);
        return end != NULL ? (size_t)(end + 5 - bytes) : 0;
    }
    field = memmem(bytes, head_bytes, length, sizeof length - 1);
    if (field != NULL)
        head_bytes += strtoul(field + sizeof length - 1, NULL, 10);
    return head_bytes <= count ? head_bytes : 0;
}

/* Reads one request, and returns its length; 0 at the end of the connection. */
static size_t read_request(struct connection *connection)
{
    for (;;) {
        size_t bytes = request_bytes(connection->head, connection->bytes);
        ssize_t got;
        if (bytes > 0)
            return bytes;
        if (connection->bytes == sizeof connection->head)
            return 0;
        got = recv(connection->fd, connection->head + connection->bytes,
                   sizeof connection->head - connection->bytes, 0);
        if (got <= 0)
            return 0;
        connection->bytes += (size_t)got;
    }
}

/* Notes the request, and copies its script so that it may be changed meanwhile. */
static struct route *note_request(struct connection *connection, size_t head_bytes,
                                  struct origin_step *steps, size_t *ret_count)
{
    struct origin *origin = connection->origin;
    const char *path = memchr(connection->head, ' ', head_bytes);
    const char *end =
        path != NULL ? memchr(path + 1, ' ', head_bytes - (size_t)(path + 1 - connection->head))
                     : NULL;
    struct route *route = NULL;

    pthread_mutex_lock(&origin->mutex);
    if (end != NULL)
        route = find(origin, path + 1, (size_t)(end - path - 1));
    if (route != NULL) {
        route->hits++;
        memcpy(route->last_request, connection->head, head_bytes);
        route->last_request[head_bytes < HEAD_BYTES_MAX ? head_bytes : HEAD_BYTES_MAX - 1] = '\0';
        memcpy(steps, route->steps, sizeof route->steps);
        *ret_count = route->step_count;
        pthread_cond_broadcast(&origin->changed);
    }
    pthread_mutex_unlock(&origin->mutex);
    return route;
}

static bool wait_at_gate(struct origin *origin, struct route *route, unsigned gate)
{
    bool is_stopping;

    pthread_mutex_lock(&origin->mutex);
    if (route->gates_reached <= gate)
        route->gates_reached = gate + 1;
    pthread_cond_broadcast(&origin->changed);
    while (route->gates_open <= gate && !origin->is_stopping)
        pthread_cond_wait(&origin->changed, &origin->mutex);
    is_stopping = origin->is_stopping;
    pthread_mutex_unlock(&origin->mutex);
    return !is_stopping;
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Returns whether the connection is kept. */
static bool play(struct connection *connection, struct route *route,
                 const struct origin_step *steps, size_t count)
{
    unsigned gate = 0;

    for (size_t i = 0; i < count; i++) {
        switch (steps[i].kind) {
        case ORIGIN_STEP_SEND:
        case ORIGIN_STEP_REPEAT:
            for (unsigned time = 0; time < steps[i].count; time++) {
                if (!send_all(connection->fd, steps[i].text, strlen(steps[i].text)))
                    return false;
            }
            break;
        case ORIGIN_STEP_GATE:
            if (!wait_at_gate(connection->origin, route, gate++))
                return false;
            break;
        case ORIGIN_STEP_RESET:
            reset(connection->fd);
            return false;
        case ORIGIN_STEP_CLOSE:
            return false;
        }
    }
    return true;
}

static void *serve(void *context)
{
    static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    struct connection *connection = context;
    struct origin *origin = connection->origin;
    size_t head_bytes;

    while ((head_bytes = read_request(connection)) > 0) {
        struct origin_step steps[STEPS_MAX];
        size_t count = 0;
        struct route *route = note_request(connection, head_bytes, steps, &count);
        bool is_kept = route != NULL ? play(connection, route, steps, count)
                                     : send_all(connection->fd, not_found, sizeof not_found - 1);
        if (!is_kept)
            break;
        connection->bytes -= head_bytes;
        memmove(connection->head, connection->head + head_bytes, connection->bytes);
    }
    pthread_mutex_lock(&origin->mutex);
    origin->fds[connection->place] = -1;
    close(connection->fd);
    origin->live--;
    pthread_cond_broadcast(&origin->changed);
    pthread_mutex_unlock(&origin->mutex);
    free(connection);
    return NULL;
}

/* Under the mutex. */
static void start_connection(struct origin *origin, int fd)
{
    struct connection *connection = malloc(sizeof *connection);
    pthread_attr_t attributes;
    pthread_t thread;
    size_t place = 0;

    while (place < CONNECTIONS_MAX && origin->fds[place] >= 0)
        place++;
    if (connection == NULL || place == CONNECTIONS_MAX)
        die("too many connections");
    connection->origin = origin;
    connection->fd = fd;
    connection->place = place;
    connection->bytes = 0;
    origin->fds[place] = fd;
    origin->live++;
    origin->connections++;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, serve, connection) != 0)
        die("pthread_create");
    pthread_attr_destroy(&attributes);
}

static void *accept_all(void *context)
{
    struct origin *origin = context;

    for (;;) {
        int fd = accept4(origin->listener, NULL, NULL, SOCK_CLOEXEC);
        bool is_stopping;
        pthread_mutex_lock(&origin->mutex);
        is_stopping = origin->is_stopping;
        if (fd >= 0 && !is_stopping)
            start_connection(origin, fd);
        pthread_mutex_unlock(&origin->mutex);
        if (is_stopping) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
    }
}

void origin_start(struct origin **ret_origin)
{
    struct origin *origin = calloc(1, sizeof *origin);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;

    if (origin == NULL)
        die("calloc");
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        origin->fds[i] = -1;
    pthread_mutex_init(&origin->mutex, NULL);
    pthread_cond_init(&origin->changed, NULL);
    origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (origin->listener < 0 ||
        bind(origin->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(origin->listener, 4096) < 0 ||
        getsockname(origin->listener, (struct sockaddr *)&address, &bytes) < 0)
        die("listen");
    origin->port = ntohs(address.sin_port);
    if (pthread_create(&origin->acceptor, NULL, accept_all, origin) != 0)
        die("pthread_create");
    *ret_origin = origin;
}

void origin_stop(struct origin *origin)
{
    pthread_mutex_lock(&origin->mutex);
    origin->is_stopping = true;
    pthread_cond_broadcast(&origin->changed);
    shutdown(origin->listener, SHUT_RDWR);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (origin->fds[i] >= 0)
            shutdown(origin->fds[i], SHUT_RDWR);
    }
    while (origin->live > 0)
        pthread_cond_wait(&origin->changed, &origin->mutex);
    pthread_mutex_unlock(&origin->mutex);
    pthread_join(origin->acceptor, NULL);
    close(origin->listener);
    pthread_cond_destroy(&origin->changed);
    pthread_mutex_destroy(&origin->mutex);
    free(origin);
}

uint16_t origin_port(const struct origin *origin)
{
    return origin->port;
}

const char *origin_url(const struct origin *origin, const char *path, char *buffer,
                       size_t buffer_bytes)
{
    snprintf(buffer, buffer_bytes, "http://127.0.0.1:%u%s", origin->port, path);
    return buffer;
}

void origin_on_steps(struct origin *origin, const char *path, const struct origin_step *steps,
                     size_t step_count)
{
    struct route *route;

    pthread_mutex_lock(&origin->mutex);
    route = find(origin, path, strlen(path));
    if (route == NULL) {
        if (origin->route_count == ROUTES_MAX || strlen(path) >= sizeof route->path)
            die("too many scripts");
        route = &origin->routes[origin->route_count++];
        snprintf(route->path, sizeof route->path, "%s", path);
    }
    if (step_count > STEPS_MAX)
        die("too many steps");
    memcpy(route->steps, steps, step_count * sizeof *steps);
    route->step_count = step_count;
    route->gates_open = 0;
    route->gates_reached = 0;
    pthread_mutex_unlock(&origin->mutex);
}

void origin_release(struct origin *origin, const char *path)
{
    pthread_mutex_lock(&origin->mutex);
    route_of(origin, path)->gates_open++;
    pthread_cond_broadcast(&origin->changed);
    pthread_mutex_unlock(&origin->mutex);
}

unsigned origin_hits(struct origin *origin, const char *path)
{
    unsigned hits;

    pthread_mutex_lock(&origin->mutex);
    hits = route_of(origin, path)->hits;
    pthread_mutex_unlock(&origin->mutex);
    return hits;
}

/* Waits until one of the route's counts is as high as wanted. */
static void wait_count(struct origin *origin, const char *path, size_t offset, unsigned wanted)
{
    struct timespec until;
    const unsigned *count;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GUARD_SECONDS;
    pthread_mutex_lock(&origin->mutex);
    count = (const unsigned *)(const void *)((const char *)route_of(origin, path) + offset);
    while (*count < wanted && err == 0)
        err = pthread_cond_timedwait(&origin->changed, &origin->mutex, &until);
    if (err != 0) {
        fprintf(stderr, "origin: %s has come to %u, not %u\n", path, *count, wanted);
        abort();
    }
    pthread_mutex_unlock(&origin->mutex);
}

void origin_wait_hits(struct origin *origin, const char *path, unsigned hits)
{
    wait_count(origin, path, offsetof(struct route, hits), hits);
}

void origin_wait_gate(struct origin *origin, const char *path, unsigned gate)
{
    wait_count(origin, path, offsetof(struct route, gates_reached), gate);
}

unsigned origin_connections(struct origin *origin)
{
    unsigned connections;

    pthread_mutex_lock(&origin->mutex);
    connections = origin->connections;
    pthread_mutex_unlock(&origin->mutex);
    return connections;
}

void origin_last_request(struct origin *origin, const char *path, char *buffer, size_t buffer_bytes)
{
    pthread_mutex_lock(&origin->mutex);
    snprintf(buffer, buffer_bytes, "%s", route_of(origin, path)->last_request);
    pthread_mutex_unlock(&origin->mutex);
}
