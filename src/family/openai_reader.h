/*
 * Reads chat completions, streamed or whole, for every family that answers in them.
 */
#ifndef CORELAY_FAMILY_OPENAI_READER_H
#define CORELAY_FAMILY_OPENAI_READER_H

#include "family/family.h"

/* The reader's part of the family's vtable (family.h). */
struct family_reader *openai_reader_new(struct arena *arena, const struct family_call *call,
                                        struct chat_sink *sink);
status openai_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame);
status openai_read_whole(struct family_reader *reader, struct arena *scratch, struct str body);
status openai_read_end(struct family_reader *reader);

/* The answer ends here, for this reason: what is open is closed, and choices that have said nothing
   say `refusal` (may be unset). Nothing is read behind it. */
status openai_read_stop(struct family_reader *reader, enum chat_stop stop, struct str refusal);
/* Whatever comes from now on is not part of the answer. */
void openai_read_nothing_more(struct family_reader *reader);

/* The frame as it came, but for: chunks without choices (Azure's prompt_filter_results, on which
   clients stumble; the usage chunk, unless the caller asked for it) and errors, which the caller
   gets from the exchange. */
void openai_relay(struct family_reader *reader, const struct frame *frame, struct buf *out);

/* The same two for servers that end calls of tools with the finish reason "stop": it becomes
   "tool_calls", for which clients look. No byte is changed besides. */
void openai_relay_mended(struct family_reader *reader, const struct frame *frame, struct buf *out);
struct str openai_relay_whole_mended(const struct family_reader *reader, struct arena *arena,
                                     struct str body);

/* The usage object of chat completions and embeddings. */
struct chat_usage openai_usage(const struct jspan *usage);

#endif
