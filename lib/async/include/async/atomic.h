/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - an atomic field, spelt for C and for C++, which see the same bytes.
 *
 * The functions of <stdatomic.h> are for the library's sources; a C++ program only needs the size.
 */
#ifndef ASYNC_ATOMIC_H
#define ASYNC_ATOMIC_H

#ifdef __cplusplus
#include <atomic>
#define ASYNC_ATOMIC(type) std::atomic<type>
#else
#include <stdatomic.h>
#define ASYNC_ATOMIC(type) _Atomic(type)
#endif

#endif
