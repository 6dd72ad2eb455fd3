/* SPDX-License-Identifier: MIT */
/*
 * nameserver.h - a DNS server on loopback that answers from a table, or says nothing.
 *
 * UDP, A and AAAA only. Names it does not know do not exist (NXDOMAIN).
 */
#ifndef TESTS_SUPPORT_NAMESERVER_H
#define TESTS_SUPPORT_NAMESERVER_H

#include <stddef.h>

struct nameserver;

/* nameserver_start - ends the program if it cannot. nameserver_stop: frees. */
void nameserver_start(struct nameserver **ret_nameserver);
void nameserver_stop(struct nameserver *nameserver);

/* nameserver_resolv_conf - the path of a file that names it; removed by nameserver_stop(). */
const char *nameserver_resolv_conf(const struct nameserver *nameserver);

/*
 * nameserver_on - the addresses of a name from now on, separated by blanks, IPv4 and IPv6 mixed;
 * "" for a name without addresses, NULL for silence.
 */
void nameserver_on(struct nameserver *nameserver, const char *name, const char *addresses);

/* nameserver_queries - questions for the name so far, both kinds together. */
unsigned nameserver_queries(struct nameserver *nameserver, const char *name);

#endif
