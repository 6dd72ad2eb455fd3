/* SPDX-License-Identifier: MIT */
/*
 * token.h - the operator's token: read from its file, compared, wiped.
 *
 * Whoever has it may do all that the operator may, so it is never printed, not even in part, and no
 * copy of it is left where it is not needed any more.
 */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include <http/span.h>

#define TOKEN_BYTES_MIN       22 /* 128 bits in base64 */
#define TOKEN_BYTES_MAX       512
#define TOKEN_FAULT_BYTES_MAX 256

struct token {
    size_t length;               /* 0: there is none */
    char bytes[TOKEN_BYTES_MAX]; /* zero behind the length */
};

/* Why a file is refused, to follow its name: `is empty`. */
struct token_fault {
    char text[TOKEN_FAULT_BYTES_MAX];
};

/*
 * token_read - the one line of a file. Refused is what others could read or have written: of a file
 * of our own all rights but the owner's, of another's the right of everybody to write.
 * Errors    those of open(2) and read(2), -EPERM: others have rights, -EINVAL: it holds no token;
 *           with `*ret_fault` filled.
 * Owns      the caller ends it with token_wipe().
 * Source    RFC 6750 section 2.1 for what a token is made of.
 */
int token_read(const char *path, struct token *ret_token, struct token_fault *ret_fault);

/* token_equals - takes as long for any text of this length. False if there is no token. */
bool token_equals(const struct token *token, struct span text);

/* token_wipe - leaves none, and nothing of it in memory. */
void token_wipe(struct token *token);

#endif
