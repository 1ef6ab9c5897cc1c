/*
 * Private to the bedrock-converse family (AWS, "Amazon Bedrock API Reference", Converse and
 * ConverseStream).
 */
#ifndef CORELAY_FAMILY_BEDROCK_CONVERSE_H
#define CORELAY_FAMILY_BEDROCK_CONVERSE_H

#include "family/family.h"

/* bedrock_converse_encode.c */
status converse_encode(struct arena *arena, const struct chat_request *request,
                       const struct family_call *call, struct buf *out, struct dropped *dropped,
                       struct chat_error *err);

/* bedrock_converse_read.c */
struct family_reader *converse_reader(struct arena *arena, const struct family_call *call,
                                      struct chat_sink *sink);
status converse_read_frame(struct family_reader *reader, struct arena *scratch,
                           const struct frame *frame);
status converse_read_whole(struct family_reader *reader, struct arena *scratch, struct str body);
status converse_read_end(struct family_reader *reader);

#endif
