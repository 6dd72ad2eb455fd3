/* SPDX-License-Identifier: MIT */
/*
 * names.h - which fields of clients' requests may be named for being sent on to an origin.
 */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

/*
 * names_refusal - why a field of this name may not be sent on, to follow the name: "concerns one
 * connection only". NULL: it may. Letter case does not matter.
 */
const char *names_refusal(const char *name);

#endif
