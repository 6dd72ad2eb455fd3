/* SPDX-License-Identifier: MIT */
/*
 * health.h - /healthz: 200 "ok" while the server takes requests, 503 once it drains.
 */
#ifndef SERVER_HANDLERS_HEALTH_H
#define SERVER_HANDLERS_HEALTH_H

#include "../server.h"

/* health_route - the route "/healthz". */
struct server_route health_route(void);

#endif
