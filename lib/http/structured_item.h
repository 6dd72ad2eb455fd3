/* SPDX-License-Identifier: MIT */
/*
 * structured_item.h - the bare items of structured fields, within the parser.
 */
#ifndef HTTP_STRUCTURED_ITEM_H
#define HTTP_STRUCTURED_ITEM_H

#include <http/structured.h>

/*
 * structured_bare_item_read - the item at the front of `rest`, which is moved past it; false where
 * there is none. The parameters in `ret_item` are left alone.
 * Source    RFC 9651 sections 4.2.3.1 and 4.2.4 to 4.2.10.
 */
bool structured_bare_item_read(struct span *rest, struct structured_item *ret_item);

#endif
