/*
 * The hub's request as OpenAI chat completions, for every family that speaks it. What single models
 * refuse of it is not known here: prepare takes it out.
 */
#ifndef CORELAY_FAMILY_OPENAI_ENCODE_H
#define CORELAY_FAMILY_OPENAI_ENCODE_H

#include "base/jwrite.h"
#include "family/family.h"

/* How a server's chat completions differ from OpenAI's. */
struct openai_style {
    bool plain;       /* text content is one string, not a list; no developer role */
    bool with_model;  /* the body names the model */
    bool no_tools;    /* has no tools: forcing one is an error */
    size_t id_length; /* exact length of tool call ids; 0: up to 40 */
};

/* As family.encode. */
status openai_encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, const struct openai_style *style,
                     struct buf *out, struct dropped *dropped, struct chat_error *err);

/* The messages alone, as a JSON array. E_SYNTAX with `*err` for parts that have no place in it. */
status openai_write_messages(struct arena *arena, const struct chat_request *request,
                             const struct openai_style *style, struct jwrite *w,
                             struct chat_error *err);

/* "tool_choice", if it is set. The tool that must be called is named in an object "function", in the
   Responses API (`flat`) without one. */
void openai_write_choice(struct jwrite *w, const struct chat_request *request, bool flat);

/* An element of "tool_calls". */
void openai_write_call(struct jwrite *w, struct str id, const struct chat_part *call);

/* A call's id as this server takes it: the same for the same id, always. */
struct str openai_call_id(struct arena *arena, const struct openai_style *style, struct str id);

/* An end user's id or a cache key as upstream takes it: up to 64 bytes (OpenAI, "Create chat
   completion", safety_identifier), a longer one by its SHA-256. The pointer is NULL when out of
   memory. */
struct str openai_opaque_id(struct arena *arena, struct str id);

/* What the caller says of thinking in other vendors' words (`thinking`, `reasoning`,
   `thinking_budget`, `enable_thinking`) as `reasoning_effort`, unless that is there; declared as
   dropped where the model does not reason. E_NOMEM. */
status openai_lift_thinking(struct arena *arena, struct jspan *body,
                            const struct family_model *model, struct dropped *dropped);

/* Make messages that clients replay fit for this server: members that only answers have are taken out,
   call ids are made as long as it takes them. E_NOMEM. */
status openai_fit_replayed(struct arena *arena, struct jspan *body,
                           const struct openai_style *style, const struct family_model *model,
                           struct dropped *dropped);

#endif
