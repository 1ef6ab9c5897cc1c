/*
 * Private to the bedrock-invoke family: one body on its way to /invoke, and the steps that edit it.
 *
 * A step is a quirk that no row of a rewrite table can say. Each does one thing, leaves a body
 * alone that does not need it, and is listed with its reason in bedrock_invoke_prepare.c.
 */
#ifndef CORELAY_FAMILY_BEDROCK_INVOKE_H
#define CORELAY_FAMILY_BEDROCK_INVOKE_H

#include "family/family.h"

struct invoke_edit {
    struct arena *arena;
    struct jspan *body;
    const struct family_call *call;
    struct dropped *dropped;
    struct chat_error *err;
};

/* --- on blocks (bedrock_invoke_messages.c) --------------------------------------------------- */

bool block_is(const struct jspan *block, const char *type);
/* The blocks of a message, system prompt or tool result; text that stands alone becomes one block.
   NULL when it is neither text nor a list, or out of memory. */
struct jspan *block_list(struct arena *arena, struct jspan *content);
/* The last message; NULL: none. */
struct jspan *invoke_last_message(const struct jspan *body);

/* --- steps; each returns E_SYNTAX with the edit's error set to refuse the request, or E_NOMEM  */

/* bedrock_invoke_messages.c */
status invoke_refuse_addresses(struct invoke_edit *e);
status invoke_drop_empty_text(struct invoke_edit *e);
status invoke_drop_web_citations(struct invoke_edit *e);
status invoke_refuse_prefill(struct invoke_edit *e);
status invoke_refuse_thread(struct invoke_edit *e);
status invoke_tell_system(struct invoke_edit *e);
status invoke_lift_system(struct invoke_edit *e);
status invoke_merge_roles(struct invoke_edit *e);
status invoke_results_first(struct invoke_edit *e);
status invoke_shape_results(struct invoke_edit *e);

/* bedrock_invoke_tools.c */
status invoke_drop_server_tools(struct invoke_edit *e);
status invoke_stub_tools(struct invoke_edit *e);

/* bedrock_invoke_cache.c */
status invoke_place_cache(struct invoke_edit *e);
status invoke_limit_cache(struct invoke_edit *e);

/* bedrock_invoke_thinking.c */
status invoke_drop_unsigned(struct invoke_edit *e);
status invoke_max_tokens(struct invoke_edit *e);
status invoke_fit_effort(struct invoke_edit *e);
status invoke_fit_thinking(struct invoke_edit *e);
status invoke_clamp_budget(struct invoke_edit *e);
status invoke_thinking_or_rest(struct invoke_edit *e);
status invoke_thinking_sampling(struct invoke_edit *e);
status invoke_one_sampling(struct invoke_edit *e);

/* Anthropic events and whole messages (bedrock_invoke_read.c). */
struct family_reader *invoke_reader(struct arena *arena, const struct family_call *call,
                                    struct chat_sink *sink);
status invoke_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame);
status invoke_read_whole(struct family_reader *reader, struct arena *scratch, struct str body);
status invoke_read_end(struct family_reader *reader);
void invoke_relay(struct family_reader *reader, const struct frame *frame, struct buf *out);

/* bedrock_invoke_prepare.c */
status invoke_prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                      struct dropped *dropped, struct chat_error *err);

#endif
