/*
 * Responses: the options of a request. Items are in openai_responses_input.c, tools in
 * openai_responses_tools.c.
 *
 * Wire: OpenAI API reference, "Create a model response".
 */
#include "dialect/openai_responses.h"

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

/* They come first whatever `input` holds. */
static status read_instructions(struct decode *d, const struct jspan *value)
{
    struct chat_message **end = &d->out->messages;
    struct chat_message *m = chat_add_message(d->arena, &end, CHAT_SYSTEM);

    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    return openai_responses_decode_content(d, value, &at);
}

static status read_max_tokens(struct decode *d, const struct jspan *value)
{
    return decode_whole(d, value, 1, &d->out->max_tokens);
}

static status read_temperature(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->temperature);
}

static status read_top_p(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->top_p);
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

static status read_service_tier(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->service_tier);
}

/* --- reasoning, text ------------------------------------------------------------------------- */

/* How much of a summary: there is one kind of it behind every other API. */
static status read_summary(struct decode *d, const struct jspan *value)
{
    if (jspan_none(value))
        return OK;
    if (!jspan_says(value, "auto") && !jspan_says(value, "concise") &&
        !jspan_says(value, "detailed"))
        return decode_invalid(d, value, NULL, "expected auto, concise or detailed");
    if (!jspan_says(value, "auto"))
        decode_drop(d, "reasoning", STR("summary"));
    d->out->show_thinking = 1;
    return OK;
}

static status read_reasoning(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"effort", "summary", "generate_summary", NULL};
    const struct jspan *effort = jspan_get(value, "effort");
    struct chat_request *r = d->out;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    decode_undeclared(d, value, "reasoning", known);
    status s = jspan_none(effort) ? OK : decode_effort(d, effort, &r->effort);
    if (!s)
        s = read_summary(d, jspan_get(value, "generate_summary"));
    if (!s)
        s = read_summary(d, jspan_get(value, "summary"));
    if (s || r->effort == CHAT_EFFORT_UNSET)
        return s;
    r->thinking = r->effort == CHAT_EFFORT_NONE ? CHAT_THINKING_OFF : CHAT_THINKING_EFFORT;
    return OK;
}

static status read_schema(struct decode *d, const struct jspan *format)
{
    const struct jspan *schema = jspan_get(format, "schema");
    struct chat_request *r = d->out;

    if (!jspan_none(schema) && !jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    r->format = CHAT_FORMAT_SCHEMA;
    r->format_schema = jspan_none(schema) ? STR("{}") : jspan_text(d->arena, schema);
    status s = decode_str(d, format, "name", &r->format_name);
    if (!s)
        s = decode_str(d, format, "description", &r->format_description);
    return s ? s : decode_bool(d, format, "strict", &r->format_strict);
}

static status read_format(struct decode *d, const struct jspan *format)
{
    const struct jspan *type = jspan_get(format, "type");

    if (jspan_none(format) || jspan_says(type, "text"))
        return OK;
    if (!jspan_is(format, JSPAN_OBJECT))
        return decode_wrong_type(d, format, "an object");
    if (jspan_says(type, "json_schema"))
        return read_schema(d, format);
    if (!jspan_says(type, "json_object"))
        return decode_invalid(d, format, "type", "expected text, json_object or json_schema");
    d->out->format = CHAT_FORMAT_JSON;
    return OK;
}

static status read_text(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"format", "verbosity", NULL};

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    decode_undeclared(d, value, "text", known);
    status s = decode_str(d, value, "verbosity", &d->out->verbosity);
    return s ? s : read_format(d, jspan_get(value, "format"));
}

/* --- what is kept elsewhere, or nowhere ------------------------------------------------------ */

static status read_previous(struct decode *d, const struct jspan *value)
{
    struct str id;
    status s = decode_text(d, value, &id);

    if (s)
        return s;
    chat_error_field(d->err, d->arena, CHAT_ERROR_INVALID, "previous_response_id",
                     "Previous response with id '%.*s' not found.", STR_ARG(id));
    return E_SYNTAX;
}

static status read_stored(struct decode *d, const struct jspan *value)
{
    return decode_unsupported(d, value, NULL, "nothing is stored for this model");
}

static status read_background(struct decode *d, const struct jspan *value)
{
    if (!jspan_true(value))
        return OK;
    return decode_unsupported(d, value, NULL, "this model answers while the caller waits");
}

static status read_store(struct decode *d, const struct jspan *value)
{
    int on = 0;
    status s = decode_flag(d, value, &on);

    if (on)
        decode_drop(d, NULL, STR("store"));
    return s;
}

static status read_truncation(struct decode *d, const struct jspan *value)
{
    if (jspan_says(value, "disabled"))
        return OK;
    if (!jspan_says(value, "auto"))
        return decode_invalid(d, value, NULL, "expected auto or disabled");
    decode_drop(d, NULL, STR("truncation"));
    return OK;
}

/* encrypted_content comes unasked, the rest belongs to tools that are not there. */
static status read_include(struct decode *d, const struct jspan *value)
{
    if (!jspan_is(value, JSPAN_ARRAY))
        return decode_wrong_type(d, value, "an array of strings");
    for (const struct jspan *n = jspan_first(value); n; n = n->next)
        if (jspan_says(n, "message.output_text.logprobs"))
            d->out->logprobs = 1;
    return OK;
}

/* In the order of reading: items need the tools, the choice needs those that items bring. */
static const struct decode_field fields[] = {
    {"model", read_model},
    {"stream", read_stream},
    {"stream_options", decode_ignore}, /* how to pad the stream */
    {"previous_response_id", read_previous},
    {"conversation", read_stored},
    {"prompt", read_stored},
    {"background", read_background},
    {"tools", openai_responses_decode_tools},
    {"instructions", read_instructions},
    {"input", openai_responses_decode_input},
    {"tool_choice", openai_responses_decode_choice},
    {"parallel_tool_calls", read_parallel},
    {"max_output_tokens", read_max_tokens},
    {"max_tool_calls", NULL},
    {"temperature", read_temperature},
    {"top_p", read_top_p},
    {"top_logprobs", read_top_logprobs},
    {"reasoning", read_reasoning},
    {"text", read_text},
    {"include", read_include},
    {"store", read_store},
    {"truncation", read_truncation},
    {"prompt_cache_key", read_cache_key},
    {"prompt_cache_retention", NULL},
    {"safety_identifier", read_user},
    {"user", read_user},
    {"service_tier", read_service_tier},
    {"metadata", decode_ignore},        /* is told back */
    {"client_metadata", decode_ignore}, /* Codex's own figures */
};

/* --- what the answer repeats ----------------------------------------------------------------- */

/* `otherwise` NULL: not a word of it unless the caller said it. */
static const struct {
    const char *name, *otherwise;
} echoed[] = {
    {"background", "false"},
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"max_tool_calls", NULL},
    {"metadata", "{}"},
    {"parallel_tool_calls", "true"},
    {"prompt_cache_key", NULL},
    {"reasoning", "{\"effort\":null,\"summary\":null}"},
    {"safety_identifier", NULL},
    {"service_tier", NULL},
    {"temperature", "null"},
    {"text", "{\"format\":{\"type\":\"text\"}}"},
    {"tool_choice", "\"auto\""},
    {"tools", "[]"},
    {"top_logprobs", NULL},
    {"top_p", "null"},
    {"truncation", "\"disabled\""},
    {"user", NULL},
};

static status make_echo(struct decode *d, const struct jspan *body)
{
    struct buf text = {0};

    for (size_t i = 0; i < sizeof echoed / sizeof *echoed; i++) {
        const struct jspan *value = jspan_get(body, echoed[i].name);
        if (jspan_none(value) && !echoed[i].otherwise)
            continue;
        buf_printf(&text, "%s\"%s\":", text.n ? "," : "", echoed[i].name);
        if (jspan_none(value))
            buf_add_cstr(&text, echoed[i].otherwise);
        else
            buf_add_str(&text, value->text);
    }
    openai_responses_one_line(&text, 0);
    d->out->echo = buf_copy(&text, d->arena);
    buf_free(&text);
    return d->out->echo.p ? OK : E_NOMEM;
}

status openai_responses_decode(struct arena *arena, const struct jspan *body,
                               struct chat_request *out, struct dropped *dropped,
                               struct chat_error *err)
{
    struct decode d = {.arena = arena, .out = out, .dropped = dropped, .err = err};

    chat_request_init(out);
    out->cached_unasked = true;
    *err = (struct chat_error){0};
    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&d, NULL, NULL, "the body must be a JSON object");
    if (jspan_none(jspan_get(body, "input")) && jspan_none(jspan_get(body, "previous_response_id")))
        return decode_invalid(&d, body, "input", "this field is required");
    status s = decode_fields(&d, body, fields, sizeof fields / sizeof *fields);
    if (!s)
        s = make_echo(&d, body);
    if (s)
        return s;
    return err->kind == CHAT_ERROR_NONE ? OK : E_SYNTAX;
}
