/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - which protocol a client wants to go on with, and whether an answer goes over to it.
 * Pure. Upgrade is between neighbours: who passes a wish on writes the field anew.
 */
#ifndef HTTP_UPGRADE_H
#define HTTP_UPGRADE_H

#include <http/field_view.h>

/*
 * upgrade_wanted - the first protocol that the request names in Upgrade and that is one of
 * `allowed`, in the client's spelling; false if there is none, or if Connection does not say
 * "upgrade", without which the field was meant for somebody else. Names are compared with their
 * versions ("name/version"), without case. Source    RFC 9110 sections 7.6.1 and 7.8
 */
bool upgrade_wanted(struct field_view request, const char *const *allowed, size_t allowed_count,
                    struct span *ret_protocol);

/*
 * upgrade_granted - whether an answer with status 101 goes over to this protocol, which is the one
 * that was asked for, and to no other. Source    RFC 9110 sections 7.8 and 15.2.2
 */
bool upgrade_granted(struct field_view answer, struct span protocol);

#endif
