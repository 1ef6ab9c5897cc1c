/*
 * Messages: the options of a request. Turns are in anthropic_messages_turns.c, blocks that hold
 * files in anthropic_messages_files.c, tools in anthropic_messages_tools.c.
 *
 * `max_tokens` is required by the API's own description, but may be missing here: count_tokens has
 * none, and families know their models' limits.
 *
 * Wire: Anthropic API reference, "Create a Message".
 */
#include "dialect/anthropic_messages.h"

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

static status read_top_k(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->top_k);
}

static status read_service_tier(struct decode *d, const struct jspan *value)
{
    return decode_text(d, value, &d->out->service_tier);
}

static status read_metadata(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"user_id", NULL};

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    decode_undeclared(d, value, "metadata", known);
    return decode_str(d, value, "user_id", &d->out->user);
}

static status read_format(struct decode *d, const struct jspan *format)
{
    const struct jspan *schema = jspan_get(format, "schema");

    if (!jspan_is(format, JSPAN_OBJECT))
        return decode_wrong_type(d, format, "an object");
    if (!jspan_says(jspan_get(format, "type"), "json_schema"))
        return decode_invalid(d, format, "type", "expected json_schema");
    if (!jspan_is(schema, JSPAN_OBJECT))
        return decode_invalid(d, format, "schema", "expected an object");
    d->out->format = CHAT_FORMAT_SCHEMA;
    d->out->format_schema = jspan_text(d->arena, schema);
    return decode_str(d, format, "name", &d->out->format_name);
}

static status read_output_config(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {"effort", "format", NULL};
    const struct jspan *effort = jspan_get(value, "effort"), *format = jspan_get(value, "format");
    status s = OK;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    decode_undeclared(d, value, "output_config", known);
    if (!jspan_none(effort))
        s = decode_effort(d, effort, &d->out->effort);
    if (!s && !jspan_none(format))
        s = read_format(d, format);
    return s;
}

static status join_betas(struct decode *d, const struct jspan *list, struct buf *joined)
{
    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        struct str flag;
        status s = decode_text(d, n, &flag);
        if (s)
            return s;
        if (joined->n)
            buf_add_char(joined, ',');
        buf_add_str(joined, flag);
    }
    return joined->failed ? E_NOMEM : OK;
}

/* The SDKs move this member into the anthropic-beta header; raw callers leave it in the body. */
static status read_betas(struct decode *d, const struct jspan *value)
{
    struct buf joined = {0};

    if (!jspan_is(value, JSPAN_ARRAY))
        return decode_wrong_type(d, value, "an array of strings");
    status s = join_betas(d, value, &joined);
    if (!s && (joined.n || joined.failed)) {
        d->out->betas = buf_copy(&joined, d->arena);
        s = d->out->betas.p ? OK : E_NOMEM;
    }
    buf_free(&joined);
    return s;
}

/* At top level: a breakpoint behind the last block of the request. */
static status read_cache(struct decode *d, const struct jspan *value)
{
    struct chat_message *m = d->out->messages;
    struct chat_part *p = NULL;

    for (; m; m = m->next)
        for (struct chat_part *q = m->parts; q; q = q->next)
            p = q;
    return p && !p->cache.set ? decode_cache(d, value->up, &p->cache) : OK;
}

/* A conversation that the server keeps (beta message-threads-2026-08-12): the request has the newest
   messages only. Taken for the whole of it, it would lose the rest in silence. */
static status read_thread(struct decode *d, const struct jspan *value)
{
    if (jspan_is(value, JSPAN_NULL))
        return OK;
    return decode_invalid(d, value->up, ANTHROPIC_THREAD,
                          "conversations are not kept here; send the whole history");
}

/* In the order of reading: tools before the choice among them, messages before the breakpoint. */
static const struct decode_field fields[] = {
    {"model", read_model},
    {ANTHROPIC_THREAD, read_thread},
    {"stream", read_stream},
    {"max_tokens", read_max_tokens},
    {"system", anthropic_messages_decode_system},
    {"messages", anthropic_messages_decode_turns},
    {"tools", anthropic_messages_decode_tools},
    {"tool_choice", anthropic_messages_decode_choice},
    {"temperature", read_temperature},
    {"top_p", read_top_p},
    {"top_k", read_top_k},
    {"stop_sequences", decode_stops},
    {"thinking", decode_thinking},
    {"output_format", read_format}, /* before output_config.format took its place */
    {"output_config", read_output_config},
    {"metadata", read_metadata},
    {"service_tier", read_service_tier},
    {"betas", read_betas},
    {"cache_control", read_cache},
    {"anthropic_version", decode_ignore}, /* callers who are used to Bedrock */
};

status anthropic_messages_decode(struct arena *arena, const struct jspan *body,
                                 struct chat_request *out, struct dropped *dropped,
                                 struct chat_error *err)
{
    struct decode d = decode_begin(arena, out, dropped, err);

    return decode_body(&d, body, "messages", fields, sizeof fields / sizeof *fields);
}
