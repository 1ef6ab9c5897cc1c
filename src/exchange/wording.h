/*
 * What families say of a translated request, in the caller's words: they name fields as the hub does
 * ("messages", "stop"), and callers know only those of their own API ("contents",
 * "generationConfig.stopSequences").
 */
#ifndef CORELAY_EXCHANGE_WORDING_H
#define CORELAY_EXCHANGE_WORDING_H

#include "chat/dropped.h"
#include "dialect/dialect.h"

/* Rename the fields in `dropped` and, if it is set, in `err`, by the words of the caller's API; NULL:
   they are the hub's. Where the caller's list is another one than the hub's, a place in it
   ("messages[2]") is left out. */
void wording_apply(struct arena *arena, const struct dialect_word *words, struct dropped *dropped,
                   struct chat_error *err);

/* Let a refusal of what was asked name the model that was asked. */
void wording_name_model(struct arena *arena, struct str model, struct chat_error *err);

#endif
