/*
 * The pieces of the Azure Responses family, for each other only; the face of it is the constant
 * family_azure_responses in family/family.h.
 */
#ifndef CORELAY_FAMILY_AZURE_RESPONSES_H
#define CORELAY_FAMILY_AZURE_RESPONSES_H

#include "family/family.h"

enum { RESPONSES_CALL_ID_BYTES = 64 }; /* longer ids are refused */

/* The parts of the family's vtable (family.h). */
bool azure_responses_lane_fits(const struct jspan *body);
status azure_responses_encode(struct arena *arena, const struct chat_request *request,
                              const struct family_call *call, struct buf *out,
                              struct dropped *dropped, struct chat_error *err);
status azure_responses_prepare(struct arena *arena, struct jspan *body,
                               const struct family_call *call, struct dropped *dropped,
                               struct chat_error *err);
struct family_reader *azure_responses_reader(struct arena *arena, const struct family_call *call,
                                             struct chat_sink *sink);
status azure_responses_read_frame(struct family_reader *reader, struct arena *scratch,
                                  const struct frame *frame);
status azure_responses_read_whole(struct family_reader *reader, struct arena *scratch,
                                  struct str body);
status azure_responses_read_end(struct family_reader *reader);
void azure_responses_relay(struct family_reader *reader, const struct frame *frame,
                           struct buf *out);
bool azure_responses_relay_error(const struct family_reader *reader, const struct chat_error *err,
                                 struct buf *out);

/* A call's id as this API takes it: the same for the same id, always. NULL pointer: no memory. */
struct str azure_responses_call_id(struct arena *arena, struct str id);

#endif
