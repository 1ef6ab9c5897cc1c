/*
 * What models that make embeddings do not take, refused with one voice.
 */
#ifndef CORELAY_FAMILY_EMBED_INPUTS_H
#define CORELAY_FAMILY_EMBED_INPUTS_H

#include "family/family.h"

enum embed_input_kind { EMBED_TEXT = 1, EMBED_TOKENS = 2, EMBED_IMAGE = 4 };

/* E_SYNTAX with `*err` that names the field for inputs of other kinds than `taken`, and for
   `dimensions` where the model has none to choose. */
status embed_check(struct arena *arena, const struct embed_request *request,
                   const struct family_model *model, unsigned taken, struct chat_error *err);

/* Declare what a family has no field for. */
enum embed_option { EMBED_USER = 1, EMBED_TYPE = 2, EMBED_TITLE = 4 };
void embed_drop(const struct embed_request *request, unsigned options, struct dropped *dropped);

/* The caller's word for what the text is, as "query" or "passage"; unset for other uses, and when
   there is none. Knows the words of NVIDIA, Cohere and Google. */
struct str embed_purpose(struct str input_type);

#endif
