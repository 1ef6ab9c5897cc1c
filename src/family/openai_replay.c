/*
 * Members of an assistant's message that are known on the way out only: the SDK's own, those of
 * other models' answers, and answer-only ones. Clients that push a whole answer into their history
 * send them back.
 */
#include "family/openai_encode.h"
#include "family/rewrite.h"

static const struct rewrite rows[] = {
    {"messages[].reasoning_content", REWRITE_REMOVE, NULL, 0, 0, true,
     "400 extra member; what a model thought is of no use to this one; public reports"},
    {"messages[].reasoning", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"messages[].reasoning_details", REWRITE_REMOVE, NULL, 0, 0, true, "OpenRouter's, the same"},
    {"messages[].thinking_blocks", REWRITE_REMOVE, NULL, 0, 0, true, "our extension"},
    {"messages[].tool_calls[].extra_content", REWRITE_REMOVE, NULL, 0, 0, true, "our extension"},
    {"messages[].annotations", REWRITE_REMOVE, NULL, 0, 0, true,
     "part of an answer; openai-node 7 replays it, 2026-11"},
    {"messages[].parsed", REWRITE_REMOVE, NULL, 0, 0, true, "openai-node 7 adds it, 2026-11"},
    {"messages[].tool_calls[].function.parsed_arguments", REWRITE_REMOVE, NULL, 0, 0, true,
     "openai-node 7 adds it, 2026-11"},
    {"messages[].tool_calls[].index", REWRITE_REMOVE, NULL, 0, 0, true,
     "readers of streams leave it in"},
};

static status fit_id(struct arena *arena, const struct openai_style *style, struct jspan *id)
{
    struct str text = jspan_str(arena, id);

    if (!jspan_is(id, JSPAN_STRING))
        return OK;
    struct str fit = openai_call_id(arena, style, text);
    if (!fit.p)
        return E_NOMEM;
    if (str_eq(fit, text))
        return OK;
    struct str json = jspan_quote(arena, fit);
    if (!json.p)
        return E_NOMEM;
    jspan_replace(id, json);
    return OK;
}

static status fit_calls(struct arena *arena, const struct openai_style *style,
                        struct jspan *message)
{
    status s = fit_id(arena, style, jspan_get(message, "tool_call_id"));

    for (struct jspan *c = jspan_first(jspan_get(message, "tool_calls")); c && !s; c = c->next)
        s = fit_id(arena, style, jspan_get(c, "id"));
    return s;
}

status openai_fit_replayed(struct arena *arena, struct jspan *body,
                           const struct openai_style *style, const struct family_model *model,
                           struct dropped *dropped)
{
    status s = rewrite_apply(arena, rows, sizeof rows / sizeof *rows, body, model, dropped);

    for (struct jspan *m = jspan_first(jspan_get(body, "messages")); m && !s; m = m->next)
        s = fit_calls(arena, style, m);
    return s;
}
