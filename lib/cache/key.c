/* SPDX-License-Identifier: MIT */
/*
 * key.c - hash and compare cache keys. The hash is libsodium's SipHash-2-4, which needs no set-up.
 */
#include <cache/key.h>

#include <assert.h>
#include <sodium/crypto_shorthash.h>
#include <string.h>

static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "the hash is 64 bits");
static_assert(crypto_shorthash_KEYBYTES == sizeof(struct key_secret), "the secret fits the hash");

void key_init(struct key *key, const struct key_secret *secret, const char *bytes, size_t length)
{
    unsigned char digest[crypto_shorthash_BYTES];

    assert(bytes != NULL);
    assert(length > 0 && length <= KEY_LENGTH_MAX);
    crypto_shorthash(digest, (const unsigned char *)bytes, length, secret->bytes);
    memcpy(&key->hash, digest, sizeof(key->hash));
    key->bytes = bytes;
    key->length = length;
}

bool key_equals(const struct key *left, const struct key *right)
{
    return left->hash == right->hash && left->length == right->length &&
           memcmp(left->bytes, right->bytes, left->length) == 0;
}
