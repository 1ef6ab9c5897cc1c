/*
 * Encodings on the wire: base64, AWS event stream frames (application/vnd.amazon.eventstream)
 * and Python's repr of a tree, as /converse-stream sends it. Also what an image file is.
 */
#ifndef EMULATOR_WIRE_H
#define EMULATOR_WIRE_H

#include "pool.h"

#include <stdint.h>

/* Standard alphabet with padding; returns pool memory. */
char *base64_encode(struct pool *pool, const void *bytes, size_t len);
char *base64url_encode(struct pool *pool, const void *bytes, size_t len);

/* Strict (alphabet, padding). NULL if invalid; *len is the decoded length. */
unsigned char *base64_decode(struct pool *pool, const char *text, size_t *len);

uint32_t crc32_ieee(const void *bytes, size_t len);

/*
 * One event stream message with :message-type (event or exception), :event-type or
 * :exception-type, and :content-type application/json.
 */
void eventstream_frame(struct buf *out, const char *message_type, const char *type,
                       const char *payload, size_t len);

/* The tree as Python 3 prints it: quotes chosen as repr does, True, False, None. */
void python_repr(struct buf *out, const cJSON *tree);

/* "png", "jpeg", "gif", "webp", "pdf" by the first bytes, or NULL. */
const char *media_kind(const unsigned char *bytes, size_t len);

/* 64-bit FNV-1a, chained through seed (0 to start). */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);
uint64_t hash_text(uint64_t seed, const char *text);

/* HMAC-SHA256 of two texts under this program's fixed key, as base64. */
char *seal_text(struct pool *pool, const char *purpose, const char *text);

#endif
