/*
 * Errors as SAP AI Core and the models behind it report them, one parser for all.
 */
#ifndef CORELAY_FAMILY_UPSTREAM_ERROR_H
#define CORELAY_FAMILY_UPSTREAM_ERROR_H

#include "base/arena.h"
#include "base/jspan.h"
#include "chat/error.h"

/* An HTTP answer with status >= 400. Never fails: text that is no JSON is used as it is (its first
   part). 401 and 403 become UPSTREAM_AUTH with a text that tells nothing of our credentials. */
void upstream_error_parse(struct arena *arena, int http_status, struct str body,
                          struct chat_error *out);

/* Does this JSON value, found in a stream or in the body of a 200, report an error in any known
   form ({"error":..}, {"type":"error"..}, {"message":"ThrottlingException: .."}, an AWS exception
   member..)? If so true and `*out`. */
bool upstream_error_in(struct arena *arena, const struct jspan *value, struct chat_error *out);

#endif
