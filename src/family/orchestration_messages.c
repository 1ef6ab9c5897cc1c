/*
 * The conversation in the service's words, and how callers' text stays text.
 *
 * Messages in "template" are templates: {{?name}} is replaced there, or refused if nobody gave a value
 * (SAP/ai-sdk-js#1967; several clients, 2025 to 2026). Those in "messages_history" are not
 * looked at. The service wants at least one message in the template as soon as there are tools or a
 * format, and appends the template to the history. So all messages but the last go into the history;
 * of the last one, every text becomes a placeholder of ours whose value is the text. Values are put in
 * once and not looked at again (measured by another client, 2026-09-08).
 */
#include "family/openai_encode.h"
#include "family/orchestration.h"

struct writer {
    struct arena *arena;
    const struct orchestration_plan *plan;
    struct dropped *dropped;
    struct chat_error *err;
    struct jwrite json, *w; /* w: of json */
    status failed;
};

/* --- parts ----------------------------------------------------------------------------------- */

static void unsupported(struct writer *m, const char *what)
{
    m->failed = E_SYNTAX;
    chat_error_field(m->err, m->arena, CHAT_ERROR_UNSUPPORTED, "messages",
                     "SAP's orchestration service does not take %s.", what);
}

static void write_cache(struct writer *m, const struct chat_cache *cache)
{
    struct str ttl = cache->ttl.n ? cache->ttl : m->plan->model->cache_ttl;

    if (!cache->set || !m->plan->breakpoints)
        return;
    jwrite_member_object(m->w, "cache_control");
    jwrite_member_cstr(m->w, "type", "ephemeral");
    if (m->plan->model->traits & MODEL_CACHE_TTL)
        jwrite_maybe_str(m->w, "ttl", ttl);
    jwrite_end(m->w);
}

static void write_text(struct writer *m, struct str text, const struct chat_cache *cache)
{
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "text");
    jwrite_member_str(m->w, "text", text);
    write_cache(m, cache);
    jwrite_end(m->w);
}

/* Letters, digits and what types are made of: nothing that a template could be. */
static struct str safe_type(struct str type, const char *otherwise)
{
    for (size_t i = 0; i < type.n; i++)
        if (type.p[i] == '{' || type.p[i] == '}' || type.p[i] == ',')
            return str_from(otherwise);
    return type.n ? type : str_from(otherwise);
}

/* The text without braces, `with` in place of each. */
static struct str without_braces(struct writer *m, struct str text, const char *open,
                                 const char *close)
{
    struct buf out = {0};

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '{')
            buf_add_cstr(&out, open);
        else if (text.p[i] == '}')
            buf_add_cstr(&out, close);
        else
            buf_add_char(&out, text.p[i]);
    }
    struct str copy = out.failed ? STR_NONE : arena_str(m->arena, buf_str(&out));
    buf_free(&out);
    if (!copy.p)
        m->failed = E_NOMEM;
    return copy;
}

static void write_image(struct writer *m, const struct chat_part *p)
{
    struct str type = safe_type(p->media_type, "image/png");
    bool detailed =
        str_is(p->detail, "low") || str_is(p->detail, "high") || str_is(p->detail, "auto");

    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "image_url");
    jwrite_member_object(m->w, "image_url");
    jwrite_member_str(m->w, "url",
                      p->url.n ? without_braces(m, p->url, "%7B", "%7D")
                               : arena_printf(m->arena, "data:%.*s;base64,%.*s", STR_ARG(type),
                                              STR_ARG(p->data)));
    if (detailed)
        jwrite_member_str(m->w, "detail", p->detail);
    jwrite_end(m->w);
    write_cache(m, &p->cache);
    jwrite_end(m->w);
}

static void write_document(struct writer *m, const struct chat_part *p)
{
    struct str type = safe_type(p->media_type, "application/pdf");

    if (p->text.n) {
        write_text(m, p->text, &p->cache);
        return;
    }
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "file");
    jwrite_member_object(m->w, "file");
    jwrite_member_str(m->w, "file_data",
                      p->url.n ? without_braces(m, p->url, "%7B", "%7D")
                               : arena_printf(m->arena, "data:%.*s;base64,%.*s", STR_ARG(type),
                                              STR_ARG(p->data)));
    if (p->name.n)
        jwrite_member_str(m->w, "filename", without_braces(m, p->name, "_", "_"));
    jwrite_end(m->w);
    write_cache(m, &p->cache);
    jwrite_end(m->w);
}

static void write_part(struct writer *m, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
        write_text(m, p->text, &p->cache);
        break;
    case CHAT_IMAGE:
        write_image(m, p);
        break;
    case CHAT_DOCUMENT:
        write_document(m, p);
        break;
    case CHAT_AUDIO:
        unsupported(m, "audio");
        break;
    default:
        break;
    }
}

static size_t count_kind(const struct chat_part *parts, enum chat_part_kind kind)
{
    size_t n = 0;
    for (; parts; parts = parts->next)
        n += parts->kind == kind;
    return n;
}

static bool any_breakpoint(const struct writer *m, const struct chat_part *parts)
{
    bool any = false;

    for (; parts; parts = parts->next)
        any = any || (parts->cache.set && parts->kind == CHAT_TEXT);
    return any && m->plan->breakpoints;
}

/* Text parts: a string where one will do. An empty list would be refused. */
static void write_texts(struct writer *m, const struct chat_part *parts)
{
    if (count_kind(parts, CHAT_TEXT) <= 1 && !any_breakpoint(m, parts)) {
        jwrite_str(m->w, chat_parts_text(m->arena, parts, "\n\n"));
        return;
    }
    jwrite_array(m->w);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_TEXT)
            write_text(m, p->text, &p->cache);
    jwrite_end(m->w);
}

/* --- messages -------------------------------------------------------------------------------- */

static struct str call_id(struct writer *m, struct str id)
{
    static const struct openai_style other;
    static const struct openai_style mistral = {.id_length = 9};
    bool nine = str_starts(m->plan->model->name, "mistralai--");

    return openai_call_id(m->arena, nine ? &mistral : &other, id);
}

static void write_system(struct writer *m, const struct chat_part *parts)
{
    struct str more = m->plan->format.instruction;

    if (!parts && !more.n)
        return;
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "role", "system");
    jwrite_key(m->w, "content");
    if (!more.n) {
        write_texts(m, parts);
    } else {
        jwrite_array(m->w);
        for (const struct chat_part *p = parts; p; p = p->next)
            write_text(m, p->text, &p->cache);
        write_text(m, more, &(struct chat_cache){0});
        jwrite_end(m->w);
    }
    jwrite_end(m->w);
}

static bool is_text(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || (p->kind == CHAT_DOCUMENT && p->text.n);
}

/* A tool message is one string: lists are refused for Claude ("Tool message content must be a string
   for Anthropic harmonization"; SAP/ai-sdk-js#2047, 2026-07). */
static struct str result_text(struct writer *m, const struct chat_part *result)
{
    struct buf text = {0};
    bool first = true;

    if (result->error)
        buf_add_cstr(&text, "Error: ");
    for (const struct chat_part *p = result->content; p; p = p->next) {
        if (!is_text(p))
            continue;
        if (!first)
            buf_add_char(&text, '\n');
        buf_add_str(&text, p->text);
        first = false;
    }
    struct str copy = text.failed ? STR_NONE : arena_str(m->arena, buf_str(&text));
    buf_free(&text);
    if (!copy.p)
        m->failed = E_NOMEM;
    return copy;
}

static void write_result(struct writer *m, const struct chat_part *result)
{
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "role", "tool");
    jwrite_member_str(m->w, "tool_call_id", call_id(m, result->id));
    jwrite_member_str(m->w, "content", result_text(m, result));
    jwrite_end(m->w);
}

/* Images of results have no place in a tool message: they stand in the user's, behind a word of what
   they are. */
static void write_moved(struct writer *m, const struct chat_part *result)
{
    static const struct chat_cache no_cache;
    bool said = false;

    for (const struct chat_part *p = result->content; p; p = p->next) {
        if (is_text(p))
            continue;
        if (!said)
            write_text(m,
                       arena_printf(m->arena, "From the result of tool call %.*s:",
                                    STR_ARG(call_id(m, result->id))),
                       &no_cache);
        said = true;
        write_part(m, p);
    }
}

static void count_content(const struct chat_part *parts, size_t *all, size_t *texts)
{
    *all = *texts = 0;
    for (const struct chat_part *p = parts; p; p = p->next) {
        *all += p->kind <= CHAT_AUDIO;
        *texts += p->kind == CHAT_TEXT;
        for (const struct chat_part *c = p->content; c && p->kind == CHAT_TOOL_RESULT; c = c->next)
            *all += !is_text(c);
    }
}

static void write_user(struct writer *m, const struct chat_part *parts)
{
    size_t all, texts;

    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_TOOL_RESULT)
            write_result(m, p);
    count_content(parts, &all, &texts);
    if (!all)
        return;
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "role", "user");
    jwrite_key(m->w, "content");
    if (all == texts) {
        write_texts(m, parts);
    } else {
        jwrite_array(m->w);
        for (const struct chat_part *p = parts; p; p = p->next) {
            if (p->kind == CHAT_TOOL_RESULT)
                write_moved(m, p);
            else
                write_part(m, p);
        }
        jwrite_end(m->w);
    }
    jwrite_end(m->w);
}

/* Signed thinking goes back to the models that sign (the turns hold no other). */
static void write_thinking(struct writer *m, const struct chat_part *parts)
{
    if (count_kind(parts, CHAT_REDACTED_THINKING))
        dropped_add_cstr(m->dropped, "redacted_thinking");
    if (!m->plan->claude || !count_kind(parts, CHAT_THINKING))
        return;
    jwrite_member_array(m->w, "reasoning_content");
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != CHAT_THINKING)
            continue;
        jwrite_object(m->w);
        jwrite_member_str(m->w, "content", p->text);
        jwrite_member_str(m->w, "signature", p->signature);
        jwrite_end(m->w);
    }
    jwrite_end(m->w);
}

static void write_assistant(struct writer *m, const struct chat_part *parts)
{
    size_t texts = count_kind(parts, CHAT_TEXT), calls = count_kind(parts, CHAT_TOOL_CALL);

    if (texts + calls + count_kind(parts, CHAT_REFUSAL) == 0)
        return;
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "role", "assistant");
    jwrite_key(m->w, "content");
    write_texts(m, parts); /* "" beside calls alone: null and [] are refused */
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_REFUSAL) {
            jwrite_member_str(m->w, "refusal", p->text);
            break;
        }
    if (calls) {
        jwrite_member_array(m->w, "tool_calls");
        for (const struct chat_part *p = parts; p; p = p->next)
            if (p->kind == CHAT_TOOL_CALL)
                openai_write_call(m->w, call_id(m, p->id), p);
        jwrite_end(m->w);
    }
    write_thinking(m, parts);
    jwrite_end(m->w);
}

static status write_all(struct writer *m, struct jspan **out)
{
    const struct bedrock_turns *turns = &m->plan->turns;
    struct buf text = {0};

    m->json = jwrite_to(&text);
    jwrite_array(m->w);
    write_system(m, turns->system);
    for (const struct chat_message *t = turns->messages; t && !m->failed; t = t->next) {
        if (t->role == CHAT_ASSISTANT)
            write_assistant(m, t->parts);
        else
            write_user(m, t->parts);
    }
    jwrite_end_all(m->w);
    struct str copy = text.failed ? STR_NONE : arena_str(m->arena, buf_str(&text));
    buf_free(&text);
    if (m->failed)
        return m->failed;
    return copy.p ? jspan_parse(m->arena, copy, out, NULL) : E_NOMEM;
}

/* --- the last message ------------------------------------------------------------------------ */

/* Exchange one text for a placeholder; the text becomes its value. */
static status hide(struct arena *arena, struct jspan *text, struct jwrite *values, unsigned *count)
{
    struct str name = arena_printf(arena, "corelay_%u", ++*count);
    struct str mark = arena_printf(arena, "\"{{?%.*s}}\"", STR_ARG(name));

    if (!name.p || !mark.p)
        return E_NOMEM;
    jwrite_key_str(values, name);
    jwrite_raw(values, text->text);
    jspan_replace(text, mark);
    return OK;
}

static status hide_texts(struct arena *arena, struct jspan *message, struct jwrite *values)
{
    struct jspan *content = jspan_get(message, "content");
    unsigned count = 0;
    status s = OK;

    jspan_remove_key(message, "reasoning_content"); /* of a prefill: no model wants it there */
    if (jspan_is(content, JSPAN_STRING))
        return hide(arena, content, values, &count);
    for (struct jspan *p = jspan_first(content); p && !s; p = p->next)
        if (jspan_get(p, "text"))
            s = hide(arena, jspan_get(p, "text"), values, &count);
    return s;
}

/* The words of a message as one JSON string: the value of the profile's own placeholder. */
static struct str words_of(struct arena *arena, const struct jspan *message)
{
    const struct jspan *content = jspan_get(message, "content");
    struct buf words = {0};

    if (jspan_is(content, JSPAN_STRING))
        return content->text;
    for (const struct jspan *p = jspan_first(content); p; p = p->next) {
        struct str text = jspan_str(arena, jspan_get(p, "text"));
        if (text.n && words.n)
            buf_add_cstr(&words, "\n\n");
        buf_add_str(&words, text);
    }
    struct str quoted = words.failed ? STR_NONE : jspan_quote(arena, buf_str(&words));
    buf_free(&words);
    return quoted;
}

static bool only_words(const struct jspan *message)
{
    bool only = true;

    for (const struct jspan *p = jspan_first(jspan_get(message, "content")); p; p = p->next)
        only = only && jspan_get(p, "text");
    return only;
}

/* Take the last message out of the history and give what takes its place. */
static status split(struct arena *arena, const struct orchestration_profile *profile,
                    struct jspan *messages, struct orchestration_prompt *out)
{
    bool templated = profile->prompt_template.n || profile->template_ref.n;
    struct jspan *last = messages->last;
    struct buf values = {0};
    struct jwrite w = jwrite_to(&values);
    status s = OK;

    jwrite_object(&w);
    out->asks =
        jspan_says(jspan_get(last, "role"), "user") && (!profile->question || only_words(last));
    if (templated && out->asks && profile->question) {
        jwrite_member_raw(&w, profile->question, words_of(arena, last));
        jspan_remove(last);
    } else if (!templated || !out->asks) {
        s = hide_texts(arena, last, &w);
        struct str message = s ? STR_NONE : jspan_text(arena, last);
        out->last = arena_printf(arena, "[%.*s]", STR_ARG(message));
        jspan_remove(last);
    }
    jwrite_end_all(&w);
    out->history = jspan_text(arena, messages);
    out->placeholders = values.failed ? STR_NONE : arena_str(arena, buf_str(&values));
    buf_free(&values);
    if (s)
        return s;
    return out->history.p && out->placeholders.p ? OK : E_NOMEM;
}

/* Arguments of a call in the template would be read as one, and no model can answer to it. */
static status refuse_open_call(struct arena *arena, struct chat_error *err)
{
    chat_error_field(err, arena, CHAT_ERROR_INVALID, "messages",
                     "messages: the last one calls a tool; its result is missing.");
    return E_SYNTAX;
}

status orchestration_write_prompt(struct arena *arena, const struct orchestration_plan *plan,
                                  struct orchestration_prompt *out, struct dropped *dropped,
                                  struct chat_error *err)
{
    struct writer m = {.arena = arena, .plan = plan, .dropped = dropped, .err = err};
    struct jspan *messages;

    m.w = &m.json;
    status s = write_all(&m, &messages);
    *out = (struct orchestration_prompt){.asks = false};
    if (s)
        return s;
    if (!messages->last) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, "messages",
                         "messages: there is nothing to answer.");
        return E_SYNTAX;
    }
    if (jspan_get(messages->last, "tool_calls"))
        return refuse_open_call(arena, err);
    return split(arena, plan->profile, messages, out);
}
