/* SPDX-License-Identifier: MIT */
/* nameserver.c - see nameserver.h. The wire format: RFC 1035 section 4. */
#include "nameserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAMES_MAX    16
#define PACKET_BYTES 512
#define TYPE_A       1
#define TYPE_AAAA    28

struct known_name {
    char name[128];
    char addresses[256];
    bool is_silent;
    unsigned queries;
};

struct nameserver {
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct known_name names[NAMES_MAX];
    size_t name_count;
    char resolv_conf[64];
};

static void die(const char *what)
{
    fprintf(stderr, "nameserver: %s: %s\n", what, strerror(errno));
    abort();
}

static struct known_name *find(struct nameserver *nameserver, const char *name)
{
    for (size_t i = 0; i < nameserver->name_count; i++) {
        if (strcasecmp(nameserver->names[i].name, name) == 0)
            return &nameserver->names[i];
    }
    return NULL;
}

/* The question's name, with dots; returns where its type begins, 0 for what cannot be read. */
static size_t read_name(const unsigned char *packet, size_t bytes, char name[256])
{
    size_t at = 12, length = 0;

    while (at < bytes && packet[at] != 0) {
        size_t label = packet[at++];
        if (label > 63 || at + label >= bytes || length + label + 2 > 255)
            return 0;
        if (length > 0)
            name[length++] = '.';
        memcpy(name + length, packet + at, label);
        length += label;
        at += label;
    }
    name[length] = '\0';
    return at + 5 <= bytes ? at + 1 : 0;
}

/* Appends the addresses of the asked kind; returns the answer's length. */
static size_t add_answers(unsigned char *packet, size_t bytes, const char *addresses, unsigned type)
{
    char list[256];
    char *rest = list;
    char *word;

    snprintf(list, sizeof list, "%s", addresses);
    while ((word = strsep(&rest, " ")) != NULL) {
        unsigned char address[16];
        int family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
        unsigned char size = family == AF_INET6 ? 16 : 4;
        /* name: where the question's is; type; class IN; 60 seconds; length */
        unsigned char record[12] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, size};
        if ((type == TYPE_AAAA) != (family == AF_INET6) || inet_pton(family, word, address) != 1)
            continue;
        memcpy(packet + bytes, record, sizeof record);
        memcpy(packet + bytes + sizeof record, address, size);
        bytes += sizeof record + size;
        packet[7]++;
    }
    return bytes;
}

static void *serve(void *context)
{
    struct nameserver *nameserver = context;
    unsigned char packet[PACKET_BYTES * 2];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof from;
    ssize_t got;

    while ((got = recvfrom(nameserver->fd, packet, PACKET_BYTES, 0, (struct sockaddr *)&from,
                           &from_bytes)) >= 12) {
        char name[256];
        size_t at = read_name(packet, (size_t)got, name);
        size_t bytes = at + 4;
        struct known_name *known;
        bool is_silent;
        if (at == 0)
            continue;
        pthread_mutex_lock(&nameserver->mutex);
        known = find(nameserver, name);
        packet[2] = 0x81; /* an answer, recursion was wanted */
        packet[3] = known != NULL ? 0x80 : 0x83;
        memset(packet + 6, 0, 6); /* no records */
        if (known != NULL) {
            known->queries++;
            bytes = add_answers(packet, bytes, known->addresses, packet[at + 1]);
        }
        is_silent = known != NULL && known->is_silent;
        pthread_mutex_unlock(&nameserver->mutex);
        if (!is_silent)
            sendto(nameserver->fd, packet, bytes, 0, (struct sockaddr *)&from, from_bytes);
        from_bytes = sizeof from;
    }
    return NULL;
}

void nameserver_start(struct nameserver **ret_nameserver)
{
    struct nameserver *nameserver = calloc(1, sizeof *nameserver);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    FILE *file;
    int fd;

    if (nameserver == NULL)
        die("calloc");
    pthread_mutex_init(&nameserver->mutex, NULL);
    nameserver->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (nameserver->fd < 0 || bind(nameserver->fd, (struct sockaddr *)&address, bytes) < 0 ||
        getsockname(nameserver->fd, (struct sockaddr *)&address, &bytes) < 0)
        die("bind");
    snprintf(nameserver->resolv_conf, sizeof nameserver->resolv_conf,
             "/tmp/fetchonce-resolv-XXXXXX");
    fd = mkstemp(nameserver->resolv_conf);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        die("resolv.conf");
    fprintf(file, "nameserver 127.0.0.1:%u\n", ntohs(address.sin_port));
    fclose(file);
    if (pthread_create(&nameserver->thread, NULL, serve, nameserver) != 0)
        die("pthread_create");
    *ret_nameserver = nameserver;
}

void nameserver_stop(struct nameserver *nameserver)
{
    struct sockaddr_in address;
    socklen_t bytes = sizeof address;

    /* An empty datagram to itself ends the thread. */
    if (getsockname(nameserver->fd, (struct sockaddr *)&address, &bytes) < 0 ||
        sendto(nameserver->fd, "", 0, 0, (struct sockaddr *)&address, bytes) < 0)
        die("stop");
    pthread_join(nameserver->thread, NULL);
    close(nameserver->fd);
    unlink(nameserver->resolv_conf);
    pthread_mutex_destroy(&nameserver->mutex);
    free(nameserver);
}

const char *nameserver_resolv_conf(const struct nameserver *nameserver)
{
    return nameserver->resolv_conf;
}

void nameserver_on(struct nameserver *nameserver, const char *name, const char *addresses)
{
    struct known_name *known;

    pthread_mutex_lock(&nameserver->mutex);
    known = find(nameserver, name);
    if (known == NULL) {
        if (nameserver->name_count == NAMES_MAX)
            die("too many names");
        known = &nameserver->names[nameserver->name_count++];
        snprintf(known->name, sizeof known->name, "%s", name);
    }
    snprintf(known->addresses, sizeof known->addresses, "%s", addresses != NULL ? addresses : "");
    known->is_silent = addresses == NULL;
    pthread_mutex_unlock(&nameserver->mutex);
}

unsigned nameserver_queries(struct nameserver *nameserver, const char *name)
{
    struct known_name *known;
    unsigned queries;

    pthread_mutex_lock(&nameserver->mutex);
    known = find(nameserver, name);
    queries = known != NULL ? known->queries : 0;
    pthread_mutex_unlock(&nameserver->mutex);
    return queries;
}
