/* SPDX-License-Identifier: MIT */
/*
 * names.h - which fields of clients' requests may be named for being sent on to an origin, and
 * which protocols for being gone over to.
 */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

/*
 * names_refusal - why a field of this name may not be sent on, to follow the name: "concerns one
 * connection only". NULL: it may. Letter case does not matter.
 */
const char *names_refusal(const char *name);

/*
 * names_protocol_refusal - why clients may not go over to this protocol, to follow the name. NULL:
 * they may. Letter case does not matter. Source    RFC 9110 section 7.8
 */
const char *names_protocol_refusal(const char *name);

#endif
