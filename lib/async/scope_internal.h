/* SPDX-License-Identifier: MIT */
/*
 * scope_internal.h - what the scope needs to know of its kinds beyond their tables.
 */
#ifndef SCOPE_INTERNAL_H
#define SCOPE_INTERNAL_H

#include <async/scope.h>

/* Whether the scope holds a plain lock, the only kind on which its body may wait for a condition.
 */
bool scope_is_of_lock(const struct async_scope *scope);

#endif
