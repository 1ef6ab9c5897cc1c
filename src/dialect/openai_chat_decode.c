/*
 * Chat completions: the options of a request. Messages are in openai_chat_messages.c, tools in
 * openai_chat_tools.c.
 *
 * Wire: OpenAI API reference, "Create chat completion", and what clients send beyond it
 * (OpenRouter's `reasoning`, Anthropic's `thinking`, Qwen's `enable_thinking`, vLLM's `top_k`).
 */
#include "dialect/openai_chat.h"

/* It may be missing: some paths name the model, and whoever knows the path checks. */
static status read_model(struct decode *d, const struct jspan *value)
{
    status s = decode_text(d, value, &d->out->model);
    if (s)
        return s;
    return d->out->model.n ? OK : decode_invalid(d, value, NULL, "must not be empty");
}

static status read_stream(struct decode *d, const struct jspan *value)
{
    int on = 0;
    status s = decode_flag(d, value, &on);
    d->out->stream = on;
    return s;
}

static status read_stream_options(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"include_usage", "include_obfuscation", NULL};
    int on = 0;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    status s = decode_bool(d, value, "include_usage", &on);
    d->out->include_usage = on;
    decode_undeclared(d, value, "stream_options", known);
    return s;
}

static status read_max_tokens(struct decode *d, const struct jspan *value)
{
    return decode_whole(d, value, 1, &d->out->max_tokens);
}

static status read_stop(struct decode *d, const struct jspan *value)
{
    if (!jspan_is(value, JSPAN_STRING))
        return decode_stops(d, value);
    d->out->stops = ARENA_NEW(d->arena, struct chat_stop_sequence);
    return d->out->stops ? decode_text(d, value, &d->out->stops->text) : E_NOMEM;
}

static status read_temperature(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->temperature);
}

static status read_top_p(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->top_p);
}

static status read_top_k(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->top_k);
}

static status read_frequency_penalty(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->frequency_penalty);
}

static status read_presence_penalty(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->presence_penalty);
}

static status read_seed(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->seed);
}

static status read_logit_bias(struct decode *d, const struct jspan *value)
{
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_first(value))
        d->out->logit_bias = jspan_text(d->arena, value);
    return OK;
}

static status read_n(struct decode *d, const struct jspan *value)
{
    status s = decode_whole(d, value, 1, &d->out->n);
    if (!s && d->out->n > 128)
        return decode_invalid(d, value, NULL, "must be at most 128");
    return s;
}

static status read_logprobs(struct decode *d, const struct jspan *value)
{
    return decode_flag(d, value, &d->out->logprobs);
}

static status read_top_logprobs(struct decode *d, const struct jspan *value)
{
    return decode_whole(d, value, 0, &d->out->top_logprobs);
}

static status read_parallel(struct decode *d, const struct jspan *value)
{
    return decode_flag(d, value, &d->out->parallel_calls);
}

static status read_user(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->user);
}

static status read_cache_key(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->prompt_cache_key);
}

static status read_verbosity(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->verbosity);
}

static status read_service_tier(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->service_tier);
}

/* --- response_format ------------------------------------------------------------------------- */

static status read_json_schema(struct decode *d, const struct jspan *format)
{
    const struct jspan *outer = jspan_get(format, "json_schema");
    const struct jspan *schema = jspan_get(outer, "schema");
    struct chat_request *r = d->out;

    if (!outer)
        return decode_invalid(d, format, "json_schema", "this field is required");
    if (!jspan_is(outer, JSPAN_OBJECT))
        return decode_wrong_type(d, outer, "an object");
    if (!jspan_none(schema) && !jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    r->format = CHAT_FORMAT_SCHEMA;
    if (!jspan_none(schema) && jspan_first(schema)) /* else any JSON will do */
        r->format_schema = jspan_text(d->arena, schema);
    status s = decode_str(d, outer, "name", &r->format_name);
    if (!s)
        s = decode_str(d, outer, "description", &r->format_description);
    return s ? s : decode_bool(d, outer, "strict", &r->format_strict);
}

static status read_format(struct decode *d, const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_says(type, "json_schema"))
        return read_json_schema(d, value);
    if (jspan_says(type, "json_object")) {
        d->out->format = CHAT_FORMAT_JSON;
        return OK;
    }
    if (jspan_says(type, "text"))
        return OK;
    return decode_invalid(d, value, "type", "expected text, json_object or json_schema");
}

/* --- thinking, in the words of several vendors ----------------------------------------------- */

static void set_effort(struct chat_request *r, enum chat_effort effort)
{
    r->effort = effort;
    r->thinking = effort == CHAT_EFFORT_NONE ? CHAT_THINKING_OFF : CHAT_THINKING_EFFORT;
}

static status read_enable_thinking(struct decode *d, const struct jspan *value)
{
    int on = 0;
    status s = decode_flag(d, value, &on);
    d->out->thinking = on ? CHAT_THINKING_ADAPTIVE : CHAT_THINKING_OFF;
    return s;
}

static status read_thinking_budget(struct decode *d, const struct jspan *value)
{
    status s = decode_whole(d, value, 0, &d->out->thinking_budget);
    if (!s && d->out->thinking != CHAT_THINKING_OFF)
        d->out->thinking = d->out->thinking_budget ? CHAT_THINKING_BUDGET : CHAT_THINKING_OFF;
    return s;
}

static status read_include_reasoning(struct decode *d, const struct jspan *value)
{
    return decode_flag(d, value, &d->out->show_thinking);
}

/* {"effort":..}, {"max_tokens":..}, {"enabled":..}, {"exclude":..}, singly or together. */
static status read_reasoning(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"effort", "max_tokens", "enabled", "exclude", NULL};
    const struct jspan *effort = jspan_get(value, "effort");
    const struct jspan *budget = jspan_get(value, "max_tokens");
    enum chat_effort word = CHAT_EFFORT_MEDIUM;
    int enabled = -1, exclude = 0;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    decode_undeclared(d, value, "reasoning", known);
    status s = decode_bool(d, value, "enabled", &enabled);
    if (!s)
        s = decode_bool(d, value, "exclude", &exclude);
    if (!s && !jspan_none(effort))
        s = decode_effort(d, effort, &word);
    if (s)
        return s;
    if (exclude)
        d->out->show_thinking = 0;
    if (enabled == 0)
        d->out->thinking = CHAT_THINKING_OFF;
    else if (!jspan_none(effort) || enabled == 1)
        set_effort(d->out, word);
    if (enabled == 0 || jspan_none(budget))
        return OK;
    return read_thinking_budget(d, budget);
}

static status read_effort(struct decode *d, const struct jspan *value)
{
    enum chat_effort effort;
    status s = decode_effort(d, value, &effort);
    if (!s)
        set_effort(d->out, effort);
    return s;
}

/* --- what cannot be carried ------------------------------------------------------------------ */

/* Asking for spoken answers changes what comes back: that cannot be left out in silence. */
static status read_modalities(struct decode *d, const struct jspan *value)
{
    for (const struct jspan *n = jspan_first(value); n; n = n->next)
        if (!jspan_says(n, "text"))
            return decode_unsupported(d, n, NULL, "only text can be answered");
    return OK;
}

static status read_store(struct decode *d, const struct jspan *value)
{
    if (jspan_true(value))
        decode_drop(d, NULL, STR("store"));
    return OK;
}

/* In the order of reading: of two members that say the same, the later row wins. */
static const struct decode_field fields[] = {
    {"model", read_model},
    {"stream", read_stream},
    {"stream_options", read_stream_options},
    {"functions", openai_chat_decode_functions},
    {"tools", openai_chat_decode_tools},
    {"function_call", openai_chat_decode_function_call},
    {"tool_choice", openai_chat_decode_choice},
    {"parallel_tool_calls", read_parallel},
    {"messages", openai_chat_decode_messages},
    {"max_tokens", read_max_tokens},
    {"max_completion_tokens", read_max_tokens},
    {"stop", read_stop},
    {"temperature", read_temperature},
    {"top_p", read_top_p},
    {"top_k", read_top_k},
    {"frequency_penalty", read_frequency_penalty},
    {"presence_penalty", read_presence_penalty},
    {"seed", read_seed},
    {"logit_bias", read_logit_bias},
    {"n", read_n},
    {"logprobs", read_logprobs},
    {"top_logprobs", read_top_logprobs},
    {"response_format", read_format},
    {"enable_thinking", read_enable_thinking},
    {"thinking_budget", read_thinking_budget},
    {"thinking", decode_thinking},
    {"include_reasoning", read_include_reasoning},
    {"reasoning", read_reasoning},
    {"reasoning_effort", read_effort},
    {"safety_identifier", read_user},
    {"user", read_user},
    {"prompt_cache_key", read_cache_key},
    {"verbosity", read_verbosity},
    {"service_tier", read_service_tier},
    {"modalities", read_modalities},
    {"audio", decode_ignore}, /* means nothing but beside modalities */
    {"store", read_store},
};

status openai_chat_decode_option(struct decode *d, const struct jspan *value)
{
    struct str name = jspan_key(d->arena, value);

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (str_is(name, fields[i].name))
            return fields[i].read(d, value);
    decode_drop(d, NULL, name);
    return OK;
}

status openai_chat_decode(struct arena *arena, const struct jspan *body, struct chat_request *out,
                          struct dropped *dropped, struct chat_error *err)
{
    struct decode d = decode_begin(arena, out, dropped, err);

    out->cached_unasked = true;
    return decode_body(&d, body, "messages", fields, sizeof fields / sizeof *fields);
}
