/*
 * How much thinking a caller of chat completions wants, in the words of several vendors, as the one
 * member that OpenAI has for it. The dialect reads the same words (openai_chat_decode.c); this is for
 * bodies that are not translated.
 */
#include "family/openai_encode.h"

static enum chat_effort of_budget(const struct jspan *tokens)
{
    return jspan_none(tokens) ? CHAT_EFFORT_UNSET : chat_budget_effort(jspan_int(tokens, 0));
}

/* Anthropic's: {"type":"enabled","budget_tokens":N}, {"type":"adaptive"}, {"type":"disabled"} */
static enum chat_effort of_thinking(struct arena *arena, const struct jspan *thinking)
{
    (void)arena;
    if (jspan_says(jspan_get(thinking, "type"), "disabled"))
        return CHAT_EFFORT_NONE;
    return of_budget(jspan_get(thinking, "budget_tokens"));
}

/* OpenRouter's and the Responses API's: {"effort":W}, {"max_tokens":N}, {"enabled":false} */
static enum chat_effort of_reasoning(struct arena *arena, const struct jspan *reasoning)
{
    enum chat_effort effort = chat_effort_parse(jspan_str(arena, jspan_get(reasoning, "effort")));

    if (jspan_is(jspan_get(reasoning, "enabled"), JSPAN_FALSE))
        return CHAT_EFFORT_NONE;
    return effort ? effort : of_budget(jspan_get(reasoning, "max_tokens"));
}

/* Qwen's two. */
static enum chat_effort of_switch(struct arena *arena, const struct jspan *on)
{
    (void)arena;
    return jspan_is(on, JSPAN_FALSE) ? CHAT_EFFORT_NONE : CHAT_EFFORT_UNSET;
}

static enum chat_effort of_tokens(struct arena *arena, const struct jspan *tokens)
{
    (void)arena;
    return of_budget(tokens);
}

/* The first that says anything counts, as in the dialect the last. */
static const struct {
    const char *member;
    enum chat_effort (*read)(struct arena *arena, const struct jspan *value);
} words[] = {
    {"reasoning", of_reasoning},
    {"thinking", of_thinking},
    {"thinking_budget", of_tokens},
    {"enable_thinking", of_switch},
};

status openai_lift_thinking(struct arena *arena, struct jspan *body,
                            const struct family_model *model, struct dropped *dropped)
{
    bool reasons = model->traits & MODEL_REASONING;
    enum chat_effort effort = CHAT_EFFORT_UNSET;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct jspan *value = jspan_get(body, words[i].member);
        enum chat_effort said = jspan_none(value) ? CHAT_EFFORT_NONE : words[i].read(arena, value);
        if (!reasons && said != CHAT_EFFORT_NONE)
            dropped_add_cstr(dropped, words[i].member);
        if (effort == CHAT_EFFORT_UNSET && !jspan_none(value))
            effort = said;
        jspan_remove_key(body, words[i].member);
    }
    jspan_remove_key(body, "include_reasoning"); /* what is thought is not shown here anyway */
    if (!reasons || effort == CHAT_EFFORT_UNSET || !jspan_none(jspan_get(body, "reasoning_effort")))
        return OK;
    struct str word = jspan_quote(arena, str_from(chat_effort_word(effort)));
    return word.p ? jspan_set(arena, body, "reasoning_effort", word) : E_NOMEM;
}
