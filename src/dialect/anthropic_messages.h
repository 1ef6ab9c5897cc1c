/*
 * The pieces of the messages dialect, for each other only; the face of it is the constant
 * dialect_anthropic_messages in dialect/dialect.h.
 */
#ifndef CORELAY_DIALECT_ANTHROPIC_MESSAGES_H
#define CORELAY_DIALECT_ANTHROPIC_MESSAGES_H

#include "base/jwrite.h"
#include "dialect/decode.h"
#include "dialect/dialect.h"

/* The member that asks for a conversation kept by the server. */
#define ANTHROPIC_THREAD "thread"

status anthropic_messages_decode(struct arena *arena, const struct jspan *body,
                                 struct chat_request *out, struct dropped *dropped,
                                 struct chat_error *err);
/* The member `system`: a message in front of all others. */
status anthropic_messages_decode_system(struct decode *d, const struct jspan *value);
/* The member `messages`. */
status anthropic_messages_decode_turns(struct decode *d, const struct jspan *list);
/* The blocks of a message or of a tool result, a string or a list: appended to `*at`. */
status anthropic_messages_decode_content(struct decode *d, const struct jspan *content,
                                         struct chat_part ***at);
status anthropic_messages_decode_tools(struct decode *d, const struct jspan *list);
status anthropic_messages_decode_choice(struct decode *d, const struct jspan *value);

/* One block each; they append at most one part or, for a document made of blocks, several. */
status anthropic_messages_decode_image(struct decode *d, const struct jspan *block,
                                       struct chat_part ***at);
status anthropic_messages_decode_document(struct decode *d, const struct jspan *block,
                                          struct chat_part ***at);
status anthropic_messages_decode_search_result(struct decode *d, const struct jspan *block,
                                               struct chat_part ***at);

struct chat_sink *anthropic_messages_stream(struct arena *arena, const struct dialect_reply *reply,
                                            struct buf *out);
status anthropic_messages_render(struct arena *arena, const struct dialect_reply *reply,
                                 const struct chat_answer *answer, struct buf *out);
void anthropic_messages_error(const struct chat_error *err, struct str request_id, struct buf *out);
void anthropic_messages_stream_error(const struct chat_error *err, struct str request_id,
                                     struct buf *out);

/* What stream and whole answer write alike. */
struct anthropic_messages_seen {
    bool call, refusal; /* kinds of blocks the answer holds */
};

/* "stop_reason" and "stop_sequence". */
void anthropic_messages_write_stop(struct jwrite *w, enum chat_stop stop, struct str sequence,
                                   struct anthropic_messages_seen seen);
/* "usage", whose input_tokens exclude what was read from or written to the cache. */
void anthropic_messages_write_usage(struct jwrite *w, const struct chat_usage *usage);
/* One citation, as an object. */
void anthropic_messages_write_citation(struct jwrite *w, const struct chat_citation *citation);
/* The `id` of a tool_use block; one is made of the answer's id and `number` when there is none. */
void anthropic_messages_write_call_id(struct jwrite *w, const struct dialect_reply *reply,
                                      unsigned number, struct str id, struct str signature);

#endif
