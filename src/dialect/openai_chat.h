/*
 * The pieces of the chat completions dialect, for each other and for OpenAI's other API (its errors
 * and calls are the same); the face of it is the constant dialect_openai_chat in dialect/dialect.h.
 */
#ifndef CORELAY_DIALECT_OPENAI_CHAT_H
#define CORELAY_DIALECT_OPENAI_CHAT_H

#include "base/jwrite.h"
#include "dialect/decode.h"
#include "dialect/dialect.h"

status openai_chat_decode(struct arena *arena, const struct jspan *body, struct chat_request *out,
                          struct dropped *dropped, struct chat_error *err);
/* Any member of the body, found by the name that `value` has there. */
status openai_chat_decode_option(struct decode *d, const struct jspan *value);
/* The member `messages`. */
status openai_chat_decode_messages(struct decode *d, const struct jspan *messages);
/* `content` of a message that is an array: appended to `*at`. */
status openai_chat_decode_parts(struct decode *d, const struct jspan *list, struct chat_part ***at);
/* `tools`, `tool_choice` and their forerunners `functions`, `function_call`. */
status openai_chat_decode_tools(struct decode *d, const struct jspan *list);
status openai_chat_decode_functions(struct decode *d, const struct jspan *list);
status openai_chat_decode_choice(struct decode *d, const struct jspan *value);
status openai_chat_decode_function_call(struct decode *d, const struct jspan *value);

struct chat_sink *openai_chat_stream(struct arena *arena, const struct dialect_reply *reply,
                                     struct buf *out);
status openai_chat_render(struct arena *arena, const struct dialect_reply *reply,
                          const struct chat_answer *answer, struct buf *out);
void openai_chat_error(const struct chat_error *err, struct str request_id, struct buf *out);
void openai_chat_stream_error(const struct chat_error *err, struct str request_id, struct buf *out);

/* OpenAI's code for an error, NULL where it has none; and the member "message". */
const char *openai_chat_error_code(enum chat_error_kind kind);
void openai_chat_write_message(struct jwrite *w, const struct chat_error *err);

/* What stream and whole answer write alike. */
const char *openai_chat_finish(const struct chat_request *request, enum chat_stop stop,
                               bool has_calls);
void openai_chat_write_usage(struct jwrite *w, const struct chat_usage *usage);
/* The id of a call as member `key`; one is made of the answer's id and `number` when the family gave
   none. */
void openai_chat_write_call_id(struct jwrite *w, const char *key, const struct dialect_reply *reply,
                               unsigned choice, unsigned number, struct str id,
                               struct str signature);
/* "extra_content":{"google":{"thought_signature":..}}, Google's own place for it in this API;
   nothing for an empty signature. */
void openai_chat_write_signature(struct jwrite *w, struct str signature);

#endif
