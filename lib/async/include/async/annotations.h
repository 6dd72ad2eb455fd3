/* SPDX-License-Identifier: MIT */
/*
 * annotations.h - clang's thread-safety analysis, spelt for C; nothing for other compilers.
 *
 * C cannot name a sibling field in guarded_by (LLVM issue 20777), so each class of mutex has one
 * phantom global that stands for all mutexes of the class. That also forbids holding two at once.
 */
#ifndef ASYNC_ANNOTATIONS_H
#define ASYNC_ANNOTATIONS_H

#if defined(__clang__)
#define ASYNC_ATTRIBUTE(x) __attribute__((x))
#else
#define ASYNC_ATTRIBUTE(x)
#endif

#define ASYNC_CAPABILITY(name)  ASYNC_ATTRIBUTE(capability(name))
#define ASYNC_GUARDED_BY(class) ASYNC_ATTRIBUTE(guarded_by(class))
#define ASYNC_ACQUIRE(class)    ASYNC_ATTRIBUTE(acquire_capability(class))
#define ASYNC_RELEASE(class)    ASYNC_ATTRIBUTE(release_capability(class))
#define ASYNC_REQUIRES(class)   ASYNC_ATTRIBUTE(requires_capability(class))
#define ASYNC_EXCLUDES(class)   ASYNC_ATTRIBUTE(locks_excluded(class))
#define ASYNC_ASSERTS(class)    ASYNC_ATTRIBUTE(assert_capability(class))
#define ASYNC_UNCHECKED_LOCKING ASYNC_ATTRIBUTE(no_thread_safety_analysis)

/* Shared and static builds alike export what is declared between these two, to C++ as well. */
#if defined(__cplusplus)
#define ASYNC_BEGIN_DECLS extern "C" {
#define ASYNC_END_DECLS   }
#elif defined(__GNUC__)
#define ASYNC_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define ASYNC_END_DECLS   _Pragma("GCC visibility pop")
#else
#define ASYNC_BEGIN_DECLS
#define ASYNC_END_DECLS
#endif

/* A class of mutexes, or a role such as "on the thread of the loop". Never locked itself. */
struct ASYNC_CAPABILITY("mutex") async_capability {
    char unused;
};

ASYNC_BEGIN_DECLS
extern struct async_capability async_waitq_class; /* the mutex inside each primitive */
extern struct async_capability
    async_inbox_class;                        /* the mailbox of a loop; taken inside the former */
extern struct async_capability async_on_loop; /* the role: this code runs on its loop's thread */
ASYNC_END_DECLS

#endif
