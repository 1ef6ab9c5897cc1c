/*
 * OpenAI's embeddings, for the families that have them in this shape.
 */
#ifndef CORELAY_FAMILY_OPENAI_EMBED_H
#define CORELAY_FAMILY_OPENAI_EMBED_H

#include "base/jwrite.h"
#include "family/family.h"

/* The request's members, inside an open object. E_SYNTAX for a list that mixes text and tokens. */
status openai_embed_write(struct jwrite *w, const struct embed_request *request,
                          struct arena *arena, struct chat_error *err);
/* As family_embed.decode. */
status openai_embed_decode(struct arena *arena, const struct embed_request *request,
                           struct str body, struct embed_answer *out);

#endif
