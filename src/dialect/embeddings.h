/*
 * POST /v1/embeddings, OpenAI's shape.
 */
#ifndef CORELAY_DIALECT_EMBEDDINGS_H
#define CORELAY_DIALECT_EMBEDDINGS_H

#include "base/jwrite.h"
#include "dialect/dialect.h"

/* E_SYNTAX with `*err` for what the API does not take (empty input, wrong types). */
status embeddings_decode(struct arena *arena, const struct jspan *body, struct embed_request *out,
                         struct chat_error *err);

/* The list object; vectors are turned into the encoding the caller asked for (base64: IEEE-754
   float32, little endian, padded). E_NOMEM, E_SYNTAX when a vector is not an array of numbers. */
status embeddings_render(struct arena *arena, const struct embed_request *request,
                         const struct embed_answer *answer, struct buf *out);

/* One vector as an array of numbers. E_SYNTAX when it is none, E_NOMEM. */
status embeddings_write_numbers(struct arena *arena, struct jwrite *w,
                                const struct embed_vector *v);

#endif
