/* SPDX-License-Identifier: MIT */
/*
 * key.h - the name under which a response is stored.
 *
 * A key is some bytes chosen by the caller (the class of the method, and the normalised URL), and a
 * 64-bit SipHash of them under a secret of this process, so that nobody outside can aim many URLs
 * at one bucket. The hash only finds candidates: equality always compares the bytes.
 */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_LENGTH_MAX (16 * 1024)

/* Random bytes, drawn once at start by the owner of the store. */
struct key_secret {
    unsigned char bytes[16];
};

struct key {
    uint64_t hash;
    const char *bytes; /* of the caller, or of the entry that holds the key; not zero-terminated */
    size_t length;
};

/*
 * key_init - hash the bytes. `length` is 1 to KEY_LENGTH_MAX, which the caller has checked.
 * Owns      `key` points to `bytes`, which must outlive it.
 * Thread    any.        Source  docs/internals/store.md
 */
void key_init(struct key *key, const struct key_secret *secret, const char *bytes, size_t length);

bool key_equals(const struct key *left, const struct key *right);

#endif
