/* SPDX-License-Identifier: MIT */
/*
 * target.h - the texts that a route is made of: prefix, host, URL of an upstream; checked, and in
 * one spelling each, so that two that mean the same are equal.
 */
#ifndef CONFIG_TARGET_H
#define CONFIG_TARGET_H

#include "config/lists.h"

#define TARGET_PREFIX_BYTES_MAX 255
#define TARGET_HOST_BYTES_MAX   271 /* a name of 253 bytes or an address in brackets, and a port */

/*
 * target_prefix_parse, target_host_parse, target_upstream_parse - write what `text` means. An empty
 * host is any.
 * Errors    -EINVAL, -ENOMEM; `*ret_why` then follows the quoted text: "has to begin with /".
 */
int target_prefix_parse(const char *text, char ret_prefix[TARGET_PREFIX_BYTES_MAX + 1],
                        const char **ret_why);
int target_host_parse(const char *text, char ret_host[TARGET_HOST_BYTES_MAX + 1],
                      const char **ret_why);
int target_upstream_parse(const char *text, char ret_url[CONFIG_URL_BYTES_MAX + 1],
                          const char **ret_why);

#endif
