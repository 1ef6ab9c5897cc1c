/*
 * What Azure OpenAI refuses on chat completions, taken out of a body on its way up.
 */
#ifndef CORELAY_FAMILY_AZURE_PREPARE_H
#define CORELAY_FAMILY_AZURE_PREPARE_H

#include "family/family.h"

/* As family.prepare. */
status azure_prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                     struct dropped *dropped, struct chat_error *err);

/* Ask for the usage chunk of a stream, which our own accounting needs; without a stream the member
   is refused, so it goes. For all families with chat completions. E_NOMEM. */
status openai_force_usage(struct arena *arena, struct jspan *body, bool stream);

#endif
