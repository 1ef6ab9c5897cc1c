/* Steps on max_tokens, thinking, and what does not go with thinking. */
#include "family/bedrock_invoke.h"

enum { DEFAULT_MAX_TOKENS = 4096, MIN_BUDGET = 1024 };

static status set_int(struct invoke_edit *e, struct jspan *object, const char *key, int64_t value)
{
    struct str text = arena_printf(e->arena, "%lld", (long long)value);
    return text.p ? jspan_set(e->arena, object, key, text) : E_NOMEM;
}

static bool trait(const struct invoke_edit *e, unsigned traits)
{
    return (e->call->model->traits & traits) == traits;
}

static void drop(struct invoke_edit *e, const char *key)
{
    if (jspan_remove_key(e->body, key))
        dropped_add_cstr(e->dropped, key);
}

status invoke_max_tokens(struct invoke_edit *e)
{
    const struct jspan *wanted = jspan_get(e->body, "max_tokens");
    int64_t limit = e->call->model->max_output;

    if (jspan_none(wanted))
        return set_int(e, e->body, "max_tokens", limit > 0 ? limit : DEFAULT_MAX_TOKENS);
    if (limit > 0 && jspan_int(wanted, 0) > limit) {
        dropped_add_cstr(e->dropped, "max_tokens");
        return set_int(e, e->body, "max_tokens", limit);
    }
    return OK;
}

/* --- thinking that is not Claude's --------------------------------------------------------------- */

static bool is_unsigned(const struct jspan *block)
{
    const struct jspan *signature = jspan_get(block, "signature");

    return block_is(block, "thinking") && (jspan_none(signature) || jspan_says(signature, "") ||
                                           str_starts(signature->text, "\"" CHAT_MARK));
}

static void drop_unsigned_in(struct invoke_edit *e, struct jspan *message)
{
    struct jspan *blocks = jspan_get(message, "content");
    bool any = false;

    for (struct jspan *b = jspan_first(blocks), *next; b; b = next) {
        next = b->next;
        if (!is_unsigned(b))
            continue;
        dropped_add_cstr(e->dropped, "messages.thinking");
        jspan_remove(b);
        any = true;
    }
    if (any && !jspan_first(blocks))
        jspan_remove(message);
}

status invoke_drop_unsigned(struct invoke_edit *e)
{
    struct jspan *messages = jspan_get(e->body, "messages");

    for (struct jspan *m = jspan_first(messages), *next; m; m = next) {
        next = m->next;
        drop_unsigned_in(e, m);
    }
    return OK;
}

/* --- the kind of thinking the model has ------------------------------------------------------ */

static enum chat_effort effort_of(const struct invoke_edit *e)
{
    const struct jspan *word = jspan_get(jspan_get(e->body, "output_config"), "effort");
    return chat_effort_parse(jspan_str(e->arena, word));
}

status invoke_fit_effort(struct invoke_edit *e)
{
    struct jspan *config = jspan_get(e->body, "output_config");
    enum chat_effort asked = effort_of(e);
    enum chat_effort fit = asked ? model_fit_effort(e->call->model, 0, asked) : CHAT_EFFORT_UNSET;

    if (!fit || fit == asked || !trait(e, MODEL_ADAPTIVE))
        return OK;
    dropped_add_cstr(e->dropped, "output_config.effort");
    struct str word = jspan_quote(e->arena, str_from(chat_effort_word(fit)));
    return word.p ? jspan_set(e->arena, config, "effort", word) : E_NOMEM;
}

/* The caller leaves it to the model how much to think; this one wants a number. */
static status adaptive_to_budget(struct invoke_edit *e, struct jspan *thinking)
{
    enum chat_effort effort = effort_of(e);
    int64_t budget = chat_effort_budget(effort > CHAT_EFFORT_NONE ? effort : CHAT_EFFORT_MEDIUM);

    jspan_remove_key(jspan_get(e->body, "output_config"), "effort"); /* it is in the budget now */
    jspan_replace(jspan_get(thinking, "type"), STR("\"enabled\""));
    return set_int(e, thinking, "budget_tokens", budget);
}

/* The caller names a number; this model decides itself, within an effort (high if none is said). */
static status budget_to_adaptive(struct invoke_edit *e, struct jspan *thinking)
{
    int64_t budget = jspan_int(jspan_get(thinking, "budget_tokens"), 0);
    enum chat_effort effort = chat_budget_effort(budget);

    jspan_replace(jspan_get(thinking, "type"), STR("\"adaptive\""));
    jspan_remove_key(thinking, "budget_tokens");
    if (budget <= 0 || effort >= CHAT_EFFORT_HIGH || jspan_get(e->body, "output_config"))
        return OK;
    struct str config = arena_printf(e->arena, "{\"effort\":\"%s\"}", chat_effort_word(effort));
    status s = config.p ? jspan_set(e->arena, e->body, "output_config", STR("{}")) : E_NOMEM;
    return s ? s : jspan_expand(e->arena, jspan_get(e->body, "output_config"), config);
}

status invoke_fit_thinking(struct invoke_edit *e)
{
    struct jspan *thinking = jspan_get(e->body, "thinking");
    bool adaptive = block_is(thinking, "adaptive"), enabled = block_is(thinking, "enabled");

    if ((adaptive || enabled) && !trait(e, MODEL_THINKING) && !trait(e, MODEL_ADAPTIVE)) {
        drop(e, "thinking");
        return OK;
    }
    if (adaptive && !trait(e, MODEL_ADAPTIVE))
        return adaptive_to_budget(e, thinking);
    if (enabled && trait(e, MODEL_ADAPTIVE_ONLY))
        return budget_to_adaptive(e, thinking);
    return OK;
}

status invoke_clamp_budget(struct invoke_edit *e)
{
    struct jspan *thinking = jspan_get(e->body, "thinking");
    int64_t max_tokens = jspan_int(jspan_get(e->body, "max_tokens"), 0);

    if (!block_is(thinking, "enabled"))
        return OK;
    if (max_tokens <= MIN_BUDGET) {
        drop(e, "thinking");
        return OK;
    }
    int64_t budget = jspan_int(jspan_get(thinking, "budget_tokens"), MIN_BUDGET);
    int64_t fit = budget < MIN_BUDGET ? MIN_BUDGET : budget;
    if (fit >= max_tokens)
        fit = max_tokens - 1;
    return fit == budget && jspan_get(thinking, "budget_tokens")
               ? OK
               : set_int(e, thinking, "budget_tokens", fit);
}

/* --- what does not go with thinking ---------------------------------------------------------- */

static bool thinks(const struct invoke_edit *e)
{
    const struct jspan *thinking = jspan_get(e->body, "thinking");
    return block_is(thinking, "enabled") || block_is(thinking, "adaptive");
}

static bool choice_is_forced(const struct invoke_edit *e)
{
    const struct jspan *choice = jspan_get(e->body, "tool_choice");
    return block_is(choice, "any") || block_is(choice, "tool");
}

static bool is_prefill(const struct invoke_edit *e)
{
    return jspan_says(jspan_get(invoke_last_message(e->body), "role"), "assistant");
}

/* Does the request go on behind calls that were made without thinking? Results lead the last
   message then, and the message before it does not begin with thinking. */
static bool continues_without_thinking(const struct invoke_edit *e)
{
    const struct jspan *messages = jspan_get(e->body, "messages"), *before = NULL;
    const struct jspan *last = invoke_last_message(e->body);

    if (!block_is(jspan_first(jspan_get(last, "content")), "tool_result"))
        return false;
    for (const struct jspan *m = jspan_first(messages); m != last; m = m->next)
        before = m;
    const struct jspan *first = jspan_first(jspan_get(before, "content"));
    return !block_is(first, "thinking") && !block_is(first, "redacted_thinking");
}

status invoke_thinking_or_rest(struct invoke_edit *e)
{
    bool budget = block_is(jspan_get(e->body, "thinking"), "enabled");

    if (thinks(e) &&
        (choice_is_forced(e) || is_prefill(e) || (budget && continues_without_thinking(e))))
        drop(e, "thinking");
    return OK;
}

status invoke_thinking_sampling(struct invoke_edit *e)
{
    const struct jspan *top_p = jspan_get(e->body, "top_p");

    if (!thinks(e))
        return OK;
    if (jspan_double(jspan_get(e->body, "temperature"), 1) != 1)
        drop(e, "temperature");
    drop(e, "top_k");
    if (top_p && !(jspan_double(top_p, 0) >= 0.95))
        drop(e, "top_p");
    return OK;
}

status invoke_one_sampling(struct invoke_edit *e)
{
    if (trait(e, MODEL_ONE_SAMPLING) && !jspan_none(jspan_get(e->body, "temperature")))
        drop(e, "top_p");
    return OK;
}
