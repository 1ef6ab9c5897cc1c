/*
 * The hub's request as an Anthropic Messages body (Anthropic, "Messages API"). What a particular
 * upstream refuses of it is that family's business.
 */
#ifndef CORELAY_FAMILY_ANTHROPIC_WIRE_H
#define CORELAY_FAMILY_ANTHROPIC_WIRE_H

#include "base/buf.h"
#include "base/status.h"
#include "chat/dropped.h"
#include "chat/error.h"
#include "chat/request.h"
#include "family/model.h"

/* Append the body to `out`. E_SYNTAX with `*err` when the API cannot do what was asked, E_NOMEM. */
status anthropic_wire_encode(struct arena *arena, const struct chat_request *request,
                             const struct family_model *model, struct buf *out,
                             struct dropped *dropped, struct chat_error *err);

#endif
