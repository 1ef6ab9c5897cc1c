/*
 * What we need of cryptography, and nothing else: alone includes OpenSSL.
 */
#ifndef CORELAY_BASE_CRYPTO_H
#define CORELAY_BASE_CRYPTO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 65 };

void crypto_sha256(struct str in, uint8_t out[SHA256_BYTES]);
/* Lower-case hexadecimal with a NUL at its end. */
void crypto_hex(const uint8_t *bytes, size_t n, char *out);
/* False unless `hex` is exactly 2 * n hexadecimal digits. */
bool crypto_unhex(struct str hex, uint8_t *out, size_t n);

/* Equality in a time that does not depend on where they differ. */
bool crypto_same(const void *a, const void *b, size_t n);

/* Randomness from the kernel. */
void crypto_random(void *out, size_t n);

/* Overwrite a secret. */
void crypto_wipe(void *p, size_t n);

/* Standard base64 with padding; decoding also takes the URL alphabet and a missing padding.
   The pointer is NULL when out of memory or, decoding, when the text is not base64. */
struct str crypto_base64(struct arena *arena, struct str bytes);
struct str crypto_unbase64(struct arena *arena, struct str text);

/* When the first certificate of a PEM chain ends, in seconds since 1970; -1 if there is none.
   `key` (PEM) must belong to it, else -2. */
int64_t crypto_certificate_end(struct str chain, struct str key);

/* The folder in which OpenSSL, as it is built here, finds authorities by a hash of their names; NULL where
   there are none under such names. */
const char *crypto_authorities(void);

#endif
