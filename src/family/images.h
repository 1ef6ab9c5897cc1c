/*
 * Images for models that see none. Some would answer with an error that names neither, some would
 * go on without it: so such a request is refused before it is sent.
 */
#ifndef CORELAY_FAMILY_IMAGES_H
#define CORELAY_FAMILY_IMAGES_H

#include "base/jspan.h"
#include "base/status.h"
#include "chat/error.h"
#include "chat/request.h"
#include "family/model.h"

/* OK unless the model has MODEL_NO_IMAGES and the request an image, also in a tool's result: then
   E_SYNTAX, and in `*err` a 400 that names the field. */
status images_check(struct arena *arena, const struct chat_request *request,
                    const struct family_model *model, struct chat_error *err);

/* The same for a body of the caller's own, in chat completions or Responses; OK for other wires,
   which no model without images speaks. */
status images_check_body(struct arena *arena, const struct jspan *body, enum chat_wire wire,
                         const struct family_model *model, struct chat_error *err);

#endif
