/*
 * The pieces of the Responses dialect, for each other only; the face of it is the constant
 * dialect_openai_responses in dialect/dialect.h.
 */
#ifndef CORELAY_DIALECT_OPENAI_RESPONSES_H
#define CORELAY_DIALECT_OPENAI_RESPONSES_H

#include "base/jwrite.h"
#include "dialect/decode.h"
#include "dialect/dialect.h"

/* --- requests -------------------------------------------------------------------------------- */

status openai_responses_decode(struct arena *arena, const struct jspan *body,
                               struct chat_request *out, struct dropped *dropped,
                               struct chat_error *err);
/* `tools`, appended to what is there; and `tool_choice`, when all tools are known. */
status openai_responses_decode_tools(struct decode *d, const struct jspan *list);
status openai_responses_decode_choice(struct decode *d, const struct jspan *value);
/* The hub's name of a tool that the caller calls `name` in namespace `space`; the pointer is NULL
   when out of memory. */
struct str openai_responses_tool_name(struct decode *d, struct str space, struct str name);
/* `input`, behind the messages that are there. */
status openai_responses_decode_input(struct decode *d, const struct jspan *value);
/* Content, a string or parts, as parts appended to `*at`. */
status openai_responses_decode_content(struct decode *d, const struct jspan *content,
                                       struct chat_part ***at);

/* --- reasoning ------------------------------------------------------------------------------- */

/*
 * What a reasoning item must bring back for the model to go on thinking stands in its
 * `encrypted_content`, which clients replay untouched. OpenAI's own is passed on as it came. For
 * every other family it is
 *
 *     crly_ BASE64URL( {"v":1,"model":M,"text":T,"signature":S} )      or, for redacted thinking,
 *     crly_ BASE64URL( {"v":1,"model":M,"redacted":D} )
 *
 * with M the model as the caller named it. It is not secret: the caller may see the thinking
 * anyway, and a family checks its own signatures. Signatures come back byte for byte, but only for
 * the same model: another one would refuse them.
 */

/* Append the text for a block of thinking; nothing that needs a JSON escape. */
void openai_responses_pack(struct buf *out, struct str model, const struct chat_answer_block *b);
/* Does the block have something to bring back? */
bool openai_responses_has_pack(const struct chat_answer_block *b);
/* Fill a THINKING part whose text is the item's summary; it may become REDACTED_THINKING. False:
   what was packed is of no use to this model. */
bool openai_responses_unpack(struct arena *arena, struct str packed, struct str model,
                             struct chat_part *out);

/* --- answers --------------------------------------------------------------------------------- */

struct chat_sink *openai_responses_stream(struct arena *arena, const struct dialect_reply *reply,
                                          struct buf *out);
status openai_responses_render(struct arena *arena, const struct dialect_reply *reply,
                               const struct chat_answer *answer, struct buf *out);

/* The response object, at any moment of its life. */
struct openai_responses_view {
    const struct dialect_reply *reply;
    const struct chat_answer_block *blocks; /* the output so far: `count` of them */
    unsigned count;
    const char *status;             /* "in_progress", "completed", "incomplete", "failed" */
    const char *incomplete;         /* the reason, NULL: there is none */
    const struct chat_error *error; /* NULL: none */
    const struct chat_usage *usage; /* NULL: not known (yet) */
};

void openai_responses_write(struct jwrite *w, const struct openai_responses_view *view);
/* How an answer ends: sets status, incomplete and error. */
void openai_responses_end(struct openai_responses_view *view, enum chat_stop stop);

/* An item as it begins (without content), whole, or cut off with the answer. */
enum openai_responses_item { ITEM_IN_PROGRESS, ITEM_COMPLETED, ITEM_INCOMPLETE };

/* The item of a block at that position in the output. */
void openai_responses_write_item(struct jwrite *w, const struct dialect_reply *reply,
                                 const struct chat_answer_block *b, unsigned position,
                                 enum openai_responses_item how);
/* Its id, as member `key`. */
void openai_responses_write_item_id(struct jwrite *w, const char *key,
                                    const struct dialect_reply *reply,
                                    const struct chat_answer_block *b, unsigned position);
/* The one content part of a message's item; with its text or still without. */
void openai_responses_write_part(struct jwrite *w, const struct chat_answer_block *b, bool whole);
/* The text of a free-form call, as a JSON string. */
void openai_responses_write_input(struct jwrite *w, struct str arguments);
/* The tool that was called, as the caller gave it; a function of its own name when unknown. */
struct chat_tool openai_responses_tool(const struct dialect_reply *reply, struct str name);
/* Did the caller ask to see thinking? */
bool openai_responses_shows_thinking(const struct dialect_reply *reply);

/* Others' JSON text may be spread over lines, which a frame cannot be: join those behind `from`. */
void openai_responses_one_line(struct buf *json, size_t from);

/* {"code":..,"message":..} in the words of response.error. */
void openai_responses_write_error(struct jwrite *w, const struct chat_error *err);

#endif
