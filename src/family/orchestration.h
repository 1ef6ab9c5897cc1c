/*
 * SAP's orchestration service: one deployment for all models, behind one harmonised API
 * (/v2/completion, /v2/embeddings), with modules around the model: masking, filters, grounding,
 * translation, templates.
 *
 * Wire: orchestration API specification 0.110, "CompletionPostRequest" and "EmbeddingsPostRequest".
 * It refuses members that it does not know. What a caller writes must never be taken for a template:
 * see orchestration_messages.c.
 */
#ifndef CORELAY_FAMILY_ORCHESTRATION_H
#define CORELAY_FAMILY_ORCHESTRATION_H

#include "base/jwrite.h"
#include "family/bedrock_plan.h"
#include "family/family.h"
#include "family/orchestration_profile.h"

extern const struct family family_orchestration;
extern const struct family_embed orchestration_embed;

/* --- for orchestration*.c only --------------------------------------------------------------- */

/* The conversation as the service wants it, each value as JSON text. */
struct orchestration_prompt {
    struct str history;      /* array of messages, may be empty */
    struct str last;         /* array of the one message that is the template; unset: the profile's
                                template ends the conversation */
    struct str placeholders; /* object: the texts that the template's placeholders stand for */
    bool asks;               /* the user's words came last: template and grounding apply */
};

/* What has been settled about a request before it is written. */
struct orchestration_plan {
    const struct chat_request *request;
    const struct family_model *model;
    const struct orchestration_profile *profile; /* never NULL */
    struct bedrock_turns turns;
    struct bedrock_thinking thinking; /* Claude */
    struct bedrock_format format;     /* likewise */
    int64_t max_tokens;               /* -1: the model's own */
    bool claude, openai, gemini;
    bool breakpoints; /* the model has explicit caching (specification: Claude and Nova) */
};

/* E_SYNTAX with `*err`: a part that has no place there. */
status orchestration_write_prompt(struct arena *arena, const struct orchestration_plan *plan,
                                  struct orchestration_prompt *out, struct dropped *dropped,
                                  struct chat_error *err);

/* "params": what the model is asked to heed, by the names that it takes. E_SYNTAX with `*err` for
   what would change the meaning if it was left out. */
status orchestration_write_params(struct arena *arena, const struct orchestration_plan *plan,
                                  struct jwrite *w, struct dropped *dropped,
                                  struct chat_error *err);

/* "name" and, where SAP's name has one behind a colon, "version". */
void orchestration_write_model(struct jwrite *w, const struct family_model *model);

/* The reader's part of the family's vtable. */
struct family_reader *orchestration_reader_new(struct arena *arena, const struct family_call *call,
                                               struct chat_sink *sink);
status orchestration_read_frame(struct family_reader *reader, struct arena *scratch,
                                const struct frame *frame);
status orchestration_read_whole(struct family_reader *reader, struct arena *scratch,
                                struct str body);
status orchestration_read_end(struct family_reader *reader);
status orchestration_read_refused(struct family_reader *reader, const struct chat_error *err);

#endif
