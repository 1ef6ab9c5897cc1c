/*
 * Private to the bedrock-converse family (AWS, "Amazon Bedrock API Reference", Converse and
 * ConverseStream).
 */
#ifndef CORELAY_FAMILY_BEDROCK_CONVERSE_H
#define CORELAY_FAMILY_BEDROCK_CONVERSE_H

#include "family/bedrock_reader.h"
#include "family/family.h"

/* bedrock_converse_encode.c */
status converse_encode(struct arena *arena, const struct chat_request *request,
                       const struct family_call *call, struct buf *out, struct dropped *dropped,
                       struct chat_error *err);

/* bedrock_converse_citation.c: a citation of the text block that is open; kinds that are not known are
   passed over. A whole citationsContent block, which stays open. */
status converse_cite(struct bedrock_reader *r, struct arena *scratch, const struct jspan *citation);
status converse_read_cited(struct bedrock_reader *r, struct arena *scratch,
                           const struct jspan *block);

/* bedrock_converse_read.c */
struct family_reader *converse_reader(struct arena *arena, const struct family_call *call,
                                      struct chat_sink *sink);
status converse_read_frame(struct family_reader *reader, struct arena *scratch,
                           const struct frame *frame);
status converse_read_whole(struct family_reader *reader, struct arena *scratch, struct str body);
status converse_read_end(struct family_reader *reader);

#endif
