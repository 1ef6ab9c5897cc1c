/*
 * Chat completions: messages.
 *
 * A `tool` message becomes a result part of a user message; several in a row share one. What
 * clients replay of an earlier answer beyond the API's own fields is understood too:
 * `reasoning_content` (unsigned), `reasoning_details` (OpenRouter's), `thinking_blocks` with their signatures (LiteLLM's convention,
 * see openai_chat_stream.c), `extra_content.google.thought_signature` (Google's), and ids that
 * carry a signature (call_id.h).
 */
#include "dialect/openai_chat.h"

#include "dialect/call_id.h"

struct walk {
    struct decode *d;
    struct chat_message **end;
    struct chat_part **results; /* end of the message before, when it holds only tool results */
    unsigned legacy_calls;      /* `function_call`s seen: their ids are made of it */
};

static struct str signature_of(struct arena *arena, const struct jspan *holder)
{
    const struct jspan *google = jspan_get(jspan_get(holder, "extra_content"), "google");
    return jspan_str(arena, jspan_get(google, "thought_signature"));
}

/* `content`, a string or parts; null and absent are the caller's to judge. */
static status read_content(struct decode *d, const struct jspan *content, struct chat_part ***at)
{
    struct str text;

    if (jspan_is(content, JSPAN_ARRAY))
        return openai_chat_decode_parts(d, content, at);
    if (!jspan_is(content, JSPAN_STRING))
        return decode_wrong_type(d, content, "a string or an array of parts");
    status s = decode_text(d, content, &text);
    if (s)
        return s;
    return decode_add_text(d, at, text) ? OK : E_NOMEM;
}

static struct chat_part *last_of(struct chat_part *parts)
{
    while (parts && parts->next)
        parts = parts->next;
    return parts;
}

static status cache_of_message(struct decode *d, const struct jspan *value, struct chat_message *m)
{
    struct chat_part *last = last_of(m->parts);
    return last ? decode_cache(d, value, &last->cache) : OK;
}

static status read_plain(struct walk *w, const struct jspan *value, enum chat_role role)
{
    const struct jspan *content = jspan_get(value, "content");
    struct chat_message *m = chat_add_message(w->d->arena, &w->end, role);

    if (!m)
        return E_NOMEM;
    if (jspan_none(content))
        return decode_invalid(w->d, value, "content", "this field is required");
    struct chat_part **at = &m->parts;
    status s = read_content(w->d, content, &at);
    if (!s)
        s = decode_str(w->d, value, "name", &m->name);
    return s ? s : cache_of_message(w->d, value, m);
}

/* --- assistant ------------------------------------------------------------------------------- */

static status add_call(struct decode *d, struct chat_part ***at, struct str shown_id,
                       struct str name, struct str arguments, struct str signature)
{
    struct chat_part *call = chat_add_part(d->arena, at, CHAT_TOOL_CALL);

    if (!call)
        return E_NOMEM;
    call_id_unpack(d->arena, shown_id, &call->id, &call->signature);
    call->name = name;
    call->arguments = arguments.n ? arguments : STR("{}");
    if (signature.n)
        call->signature = signature;
    return decode_note_call(d, call);
}

/* Arguments are a string that holds JSON; some clients send the object itself. */
static status read_arguments(struct decode *d, const struct jspan *function, struct str *out)
{
    const struct jspan *value = jspan_get(function, "arguments");

    *out = STR_NONE;
    if (jspan_is(value, JSPAN_OBJECT)) {
        *out = jspan_text(d->arena, value);
        return OK;
    }
    return decode_str(d, function, "arguments", out);
}

/* A freeform call of an earlier turn: its text stands as the one argument of a function. */
static status read_custom_call(struct decode *d, const struct jspan *call, struct str id,
                               struct chat_part ***at)
{
    const struct jspan *custom = jspan_get(call, "custom");
    struct str name;

    if (!jspan_is(custom, JSPAN_OBJECT))
        return decode_invalid(d, call, "custom", "expected an object");
    status s = decode_need_str(d, custom, "name", &name);
    if (s)
        return s;
    const struct jspan *input = jspan_get(custom, "input");
    struct str quoted = jspan_is(input, JSPAN_STRING) ? input->text : STR("\"\"");
    struct str json = arena_printf(d->arena, "{\"input\":%.*s}", STR_ARG(quoted));
    return json.p ? add_call(d, at, id, name, json, STR_NONE) : E_NOMEM;
}

static status read_call(struct decode *d, const struct jspan *call, struct chat_part ***at)
{
    const struct jspan *function = jspan_get(call, "function");
    struct str id, name, arguments;

    if (!jspan_is(call, JSPAN_OBJECT))
        return decode_wrong_type(d, call, "an object");
    status s = decode_need_str(d, call, "id", &id);
    if (s)
        return s;
    if (jspan_says(jspan_get(call, "type"), "custom"))
        return read_custom_call(d, call, id, at);
    if (!function)
        return decode_invalid(d, call, "function", "this field is required");
    if (!jspan_is(function, JSPAN_OBJECT))
        return decode_wrong_type(d, function, "an object");
    s = decode_need_str(d, function, "name", &name);
    if (!s)
        s = read_arguments(d, function, &arguments);
    return s ? s : add_call(d, at, id, name, arguments, signature_of(d->arena, call));
}

static status read_calls(struct decode *d, const struct jspan *message, struct chat_part ***at)
{
    const struct jspan *calls = jspan_get(message, "tool_calls");
    status s = OK;

    if (jspan_none(calls))
        return OK;
    if (!jspan_is(calls, JSPAN_ARRAY))
        return decode_wrong_type(d, calls, "an array");
    for (const struct jspan *n = jspan_first(calls); n && !s; n = n->next)
        s = read_call(d, n, at);
    return s;
}

/* The form before `tool_calls`: one call, without an id. The number of the call makes one. */
static status read_legacy_call(struct walk *w, const struct jspan *message, struct chat_part ***at)
{
    const struct jspan *call = jspan_get(message, "function_call");
    struct str name, arguments;

    if (jspan_none(call))
        return OK;
    if (!jspan_is(call, JSPAN_OBJECT))
        return decode_wrong_type(w->d, call, "an object");
    status s = decode_need_str(w->d, call, "name", &name);
    if (!s)
        s = read_arguments(w->d, call, &arguments);
    if (s)
        return s;
    struct str id = arena_printf(w->d->arena, "call_function_%u", ++w->legacy_calls);
    return id.p ? add_call(w->d, at, id, name, arguments, STR_NONE) : E_NOMEM;
}

static status read_thinking_block(struct decode *d, const struct jspan *block,
                                  struct chat_part ***at)
{
    bool redacted = jspan_says(jspan_get(block, "type"), "redacted_thinking");
    struct chat_part *p =
        chat_add_part(d->arena, at, redacted ? CHAT_REDACTED_THINKING : CHAT_THINKING);

    if (!p)
        return E_NOMEM;
    if (!jspan_is(block, JSPAN_OBJECT))
        return decode_wrong_type(d, block, "an object");
    if (redacted)
        return decode_str(d, block, "data", &p->data);
    status s = decode_str(d, block, "thinking", &p->text);
    return s ? s : decode_str(d, block, "signature", &p->signature);
}

static status add_unsigned(struct decode *d, const struct jspan *text, struct chat_part ***at)
{
    struct chat_part *p;

    if (!jspan_is(text, JSPAN_STRING) || text->text.n == 2)
        return OK;
    p = chat_add_part(d->arena, at, CHAT_THINKING);
    return p ? decode_text(d, text, &p->text) : E_NOMEM;
}

/* OpenRouter's: {"type":"reasoning.text","text","signature"}, {"type":"reasoning.summary","summary"},
   {"type":"reasoning.encrypted","data"}, each with the `format` of its maker. What is opaque is
   taken of Claude's alone: nobody else here could read what others made. */
static status read_detail(struct decode *d, const struct jspan *detail, struct chat_part ***at)
{
    bool claude = str_starts(jspan_str(d->arena, jspan_get(detail, "format")), "anthropic-claude");
    bool encrypted = jspan_says(jspan_get(detail, "type"), "reasoning.encrypted");

    if (!jspan_is(detail, JSPAN_OBJECT))
        return decode_wrong_type(d, detail, "an object");
    if (encrypted && !claude)
        return OK;
    struct chat_part *p =
        chat_add_part(d->arena, at, encrypted ? CHAT_REDACTED_THINKING : CHAT_THINKING);
    if (!p)
        return E_NOMEM;
    if (encrypted)
        return decode_str(d, detail, "data", &p->data);
    status s = decode_str(d, detail, "summary", &p->text);
    if (!s)
        s = decode_str(d, detail, "text", &p->text);
    return s || !claude ? s : decode_str(d, detail, "signature", &p->signature);
}

/* `thinking_blocks` hold all that `reasoning_content` holds, and the signatures. */
static status read_reasoning(struct decode *d, const struct jspan *message, struct chat_part ***at)
{
    const struct jspan *blocks = jspan_get(message, "thinking_blocks");
    const struct jspan *details = jspan_get(message, "reasoning_details");
    const struct jspan *text = jspan_get(message, "reasoning_content");
    bool blockless = !jspan_is(blocks, JSPAN_ARRAY) || !jspan_first(blocks);
    status s = OK;

    if (blockless && jspan_is(details, JSPAN_ARRAY) && jspan_first(details)) {
        for (const struct jspan *n = jspan_first(details); n && !s; n = n->next)
            s = read_detail(d, n, at);
        return s;
    }
    if (blockless)
        return add_unsigned(d, jspan_none(text) ? jspan_get(message, "reasoning") : text, at);
    for (const struct jspan *n = jspan_first(blocks); n && !s; n = n->next)
        s = read_thinking_block(d, n, at);
    return s;
}

static status read_refusal(struct decode *d, const struct jspan *message, struct chat_part ***at)
{
    const struct jspan *refusal = jspan_get(message, "refusal");
    struct chat_part *p;

    if (jspan_none(refusal))
        return OK;
    p = chat_add_part(d->arena, at, CHAT_REFUSAL);
    return p ? decode_text(d, refusal, &p->text) : E_NOMEM;
}

static status read_assistant_text(struct decode *d, const struct jspan *message,
                                  struct chat_part ***at)
{
    const struct jspan *content = jspan_get(message, "content");
    struct chat_part **first = *at;
    bool empty = jspan_none(content) || jspan_says(content, "");

    status s = empty ? OK : read_content(d, content, at);
    if (!s && *first && (*first)->kind == CHAT_TEXT)
        (*first)->signature = signature_of(d->arena, message);
    return s;
}

static status read_assistant(struct walk *w, const struct jspan *value)
{
    struct decode *d = w->d;
    struct chat_message *m = chat_add_message(d->arena, &w->end, CHAT_ASSISTANT);

    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    status s = read_reasoning(d, value, &at);
    if (!s)
        s = read_assistant_text(d, value, &at);
    if (!s)
        s = read_refusal(d, value, &at);
    if (!s)
        s = read_calls(d, value, &at);
    if (!s)
        s = read_legacy_call(w, value, &at);
    if (!s)
        s = decode_str(d, value, "name", &m->name);
    if (!jspan_none(jspan_get(value, "audio")))
        decode_drop(d, "messages", STR("audio"));
    return s ? s : cache_of_message(d, value, m);
}

/* --- tool results ---------------------------------------------------------------------------- */

static status add_result(struct walk *w, const struct jspan *value, struct str id, struct str name)
{
    const struct jspan *content = jspan_get(value, "content");

    if (!w->results) {
        struct chat_message *m = chat_add_message(w->d->arena, &w->end, CHAT_USER);
        if (!m)
            return E_NOMEM;
        w->results = &m->parts;
    }
    struct chat_part *result = chat_add_part(w->d->arena, &w->results, CHAT_TOOL_RESULT);
    if (!result)
        return E_NOMEM;
    result->id = id;
    result->name = name;
    struct chat_part **inside = &result->content;
    status s = jspan_none(content) ? OK : read_content(w->d, content, &inside);
    return s ? s : decode_cache(w->d, value, &result->cache);
}

static status read_tool(struct walk *w, const struct jspan *value)
{
    struct str shown, id, signature;
    status s = decode_need_str(w->d, value, "tool_call_id", &shown);

    if (s)
        return s;
    call_id_unpack(w->d->arena, shown, &id, &signature);
    return add_result(w, value, id, decode_call_name(w->d, id));
}

/* Answers the newest `function_call`, which has the newest made id. */
static status read_function(struct walk *w, const struct jspan *value)
{
    struct str name;
    status s = decode_need_str(w->d, value, "name", &name);

    if (s)
        return s;
    if (!w->legacy_calls)
        return decode_invalid(w->d, value, "role", "no function_call stands before this result");
    struct str id = arena_printf(w->d->arena, "call_function_%u", w->legacy_calls);
    return id.p ? add_result(w, value, id, name) : E_NOMEM;
}

/* --- any message ----------------------------------------------------------------------------- */

static status read_message(struct walk *w, const struct jspan *value)
{
    const struct jspan *role = jspan_get(value, "role");

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(w->d, value, "an object");
    if (jspan_says(role, "tool"))
        return read_tool(w, value);
    if (jspan_says(role, "function"))
        return read_function(w, value);
    w->results = NULL;
    if (jspan_says(role, "user"))
        return read_plain(w, value, CHAT_USER);
    if (jspan_says(role, "assistant"))
        return read_assistant(w, value);
    if (jspan_says(role, "system"))
        return read_plain(w, value, CHAT_SYSTEM);
    if (jspan_says(role, "developer"))
        return read_plain(w, value, CHAT_DEVELOPER);
    return decode_invalid(w->d, value, "role",
                          "expected system, developer, user, assistant, tool or function");
}

status openai_chat_decode_messages(struct decode *d, const struct jspan *messages)
{
    struct walk w = {.d = d, .end = &d->out->messages};
    status s = OK;

    if (!jspan_is(messages, JSPAN_ARRAY))
        return decode_wrong_type(d, messages, "an array");
    if (!jspan_first(messages))
        return decode_invalid(d, messages, NULL, "must hold at least one message");
    for (const struct jspan *n = jspan_first(messages); n && !s; n = n->next)
        s = read_message(&w, n);
    return s;
}
