/*
 * Ids of tool calls as callers see them.
 *
 * Most clients replay nothing of a tool call but its id, name and arguments. What else must come
 * back (a Gemini thought signature, an upstream id with characters that the caller's API forbids)
 * travels inside the id, and is taken out again when the id returns:
 *
 *     crly_ F S n _ ID SIGNATURE
 *
 *     F  how ID is written: p = as it is, b = base64url without padding
 *     S  how SIGNATURE is written: n = there is none, s = the signature was canonical standard
 * base64 and stands in the URL alphabet without padding, b = any other bytes, base64url of them n
 * the length of ID in bytes, decimal
 *
 * so everything stays within [a-zA-Z0-9_-], which is what Anthropic asks of ids
 * (client-side pattern ^[a-zA-Z0-9_-]+$). Ids that need none of it stay as they are. A signature
 * longer than CALL_ID_MAX_SIGNATURE is left out: ids are replayed twice per call in every later
 * request, and then the price is higher than that of a lost signature.
 */
#ifndef CORELAY_DIALECT_CALL_ID_H
#define CORELAY_DIALECT_CALL_ID_H

#include "base/arena.h"
#include "base/buf.h"

enum { CALL_ID_MAX_SIGNATURE = 16384 };

/* Append the id to show. `signature` may be unset. Nothing in it needs JSON escapes when `strict`;
   otherwise an id without signature is appended as it is, JSON-escaped. */
void call_id_pack(struct buf *out, struct str id, struct str signature, bool strict);

/* Take an id apart. An id that is not packed comes back unchanged, `*signature` is unset then. */
void call_id_unpack(struct arena *arena, struct str shown, struct str *id, struct str *signature);

/* Append bytes as base64url without padding. */
void call_id_add_url(struct buf *out, struct str bytes);

#endif
