/* SPDX-License-Identifier: MIT */
/*
 * configure.h - the configuration of the program: all its layers at the start, and again while the
 * server runs.
 */
#ifndef SERVER_CONFIGURE_H
#define SERVER_CONFIGURE_H

#include "arguments.h"
#include "config/config.h"
#include "service.h"

/*
 * configure_read - defaults, file, environment, options; resolved and checked; and the operator's
 * token, an empty one if no file is named. What is wrong is in `ret_problems`.
 * Owns      the caller ends them with token_wipe() and problems_fini().
 */
void configure_read(const struct arguments *arguments, struct config *ret_config,
                    struct token *ret_token, struct problems *ret_problems);

/*
 * configure_again - the same for a server that runs. Whether it was without a fault, and then it is
 * in force as far as it can be; else nothing has changed. The log says which.
 */
bool configure_again(const struct arguments *arguments, struct service *service,
                     struct config *ret_config);

#endif
