/* SPDX-License-Identifier: MIT */
/* program.c - see program.h. */
#include "program.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"

/* On the line that the other is on. */
static void read_operator_address(struct program *program)
{
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&program->operator_address;
    const char *place = strstr(program->process.out, "operator on http://127.0.0.1:");
    unsigned port;

    if (place == NULL || sscanf(place, "operator on http://127.0.0.1:%5u", &port) != 1)
        return;
    program->operator_address = program->address;
    address->sin_port = htons((uint16_t)port);
}

void program_start(struct program *program, const char *const *variables, const char *config)
{
    const char *arguments[] = {FETCHONCE_PATH, "--listen",    "127.0.0.1:0", "--loops", "1",
                               "--allow",      "127.0.0.0/8", "--config",    config,    NULL};

    if (config == NULL)
        arguments[7] = NULL;
    if (program->origin == NULL)
        origin_start(&program->origin);
    process_start(&program->process, arguments, variables);
    process_address(&program->process, &program->address);
    read_operator_address(program);
}

void program_stop(struct program *program)
{
    process_signal(&program->process, SIGTERM);
    assert_int_equal(process_wait(&program->process), 0);
    origin_stop(program->origin);
    program->origin = NULL;
}

void program_ask(struct program *program, struct client *client, const char *path,
                 const char *fields)
{
    client_open(client, &program->address);
    client_send_format(client,
                       "GET /fetch?url=http://127.0.0.1:%u%s HTTP/1.1\r\nHost: test\r\n%s\r\n",
                       origin_port(program->origin), path, fields);
}

void program_send(struct program *program, struct client *client, const char *method,
                  const char *target, const char *fields)
{
    client_open(client, &program->address);
    client_send_format(client, "%s %s HTTP/1.1\r\nHost: public.example\r\n%s\r\n", method, target,
                       fields);
}

void program_operate(struct program *program, struct client *client, const char *method,
                     const char *target, const char *fields)
{
    client_open(client, &program->operator_address);
    client_send_format(client, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, target,
                       fields);
}

void program_sync(struct program *program)
{
    struct client_reply reply;

    client_get(&program->address, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
    client_reply_fini(&reply);
}

const char *program_expect(struct client *client, int status, const char *body)
{
    static char cache_status[128];
    struct client_reply reply;
    const char *found;

    client_read_reply(client, false, &reply);
    assert_int_equal(reply.status, status);
    assert_true(reply.is_whole);
    assert_string_equal(reply.body, body);
    found = client_reply_field(&reply, "Cache-Status");
    snprintf(cache_status, sizeof cache_status, "%s", found != NULL ? found : "");
    client_reply_fini(&reply);
    client_close(client);
    return cache_status;
}

const char *program_get(struct program *program, const char *path, const char *fields,
                        const char *body)
{
    struct client client;

    program_ask(program, &client, path, fields);
    return program_expect(&client, 200, body);
}
