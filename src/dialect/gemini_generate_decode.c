/*
 * Gemini: the members of a request. Its options are in gemini_generate_options.c, contents in
 * gemini_generate_contents.c, tools in gemini_generate_tools.c.
 *
 * Wire: Google AI for Developers, "generateContent", "streamGenerateContent", "countTokens"; as all
 * of Google's JSON APIs these take member names in camelCase and in snake_case.
 */
#include "dialect/gemini_generate.h"

enum { FIRST_TEXT_BYTES = 256, TEXT_MAX_BYTES = 64 * 1024 * 1024 };

/* --- members ------------------------------------------------------------------------------------ */

/* "systemInstruction" is also "system_instruction". */
static bool same_name(struct str written, const char *name)
{
    size_t i = 0;

    for (; *name; name++) {
        bool capital = *name >= 'A' && *name <= 'Z';
        if (capital && i < written.n && written.p[i] == '_') {
            i++;
            if (i == written.n || written.p[i] != *name - 'A' + 'a')
                return false;
        } else if (i == written.n || written.p[i] != *name) {
            return false;
        }
        i++;
    }
    return i == written.n;
}

const struct jspan *gemini_get(const struct jspan *object, const char *name)
{
    const struct jspan *found = NULL;

    if (!jspan_is(object, JSPAN_OBJECT))
        return NULL;
    for (const struct jspan *n = jspan_first(object); n; n = n->next)
        if (same_name(str_slice(n->key, 1, n->key.n - 1), name))
            found = n;
    return found;
}

static bool has_row(const struct decode_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(name, fields[i].name))
            return true;
    return false;
}

status gemini_fields(struct decode *d, const struct jspan *object, const char *prefix,
                     const struct decode_field *fields, size_t count)
{
    if (!jspan_is(object, JSPAN_OBJECT))
        return decode_wrong_type(d, object, "an object");
    for (size_t i = 0; i < count; i++) {
        const struct jspan *value = gemini_get(object, fields[i].name);
        status s = jspan_none(value) || !fields[i].read ? OK : fields[i].read(d, value);
        if (s)
            return s;
        if (!jspan_none(value) && !fields[i].read)
            decode_drop(d, prefix, str_from(fields[i].name));
    }
    for (const struct jspan *n = jspan_first(object); n; n = n->next) {
        struct str name = jspan_key(d->arena, n);
        if (!jspan_none(n) && !has_row(fields, count, name))
            decode_drop(d, prefix, name);
    }
    return OK;
}

const struct jspan *gemini_first(const struct jspan *value)
{
    return jspan_is(value, JSPAN_ARRAY) ? jspan_first(value) : value;
}

const struct jspan *gemini_next(const struct jspan *value, const struct jspan *n)
{
    return n == value ? NULL : n->next;
}

status gemini_text_add(struct arena *arena, struct gemini_text *text, struct str piece)
{
    if (piece.n > TEXT_MAX_BYTES - text->n)
        return E_LIMIT;
    if (piece.n > text->cap - text->n) {
        size_t cap = text->cap ? text->cap : FIRST_TEXT_BYTES;
        while (cap - text->n < piece.n)
            cap *= 2;
        char *p = arena_alloc(arena, cap);
        if (!p)
            return E_NOMEM;
        if (text->n)
            memcpy(p, text->p, text->n);
        text->p = p;
        text->cap = cap;
    }
    if (piece.n)
        memcpy(text->p + text->n, piece.p, piece.n);
    text->n += piece.n;
    return OK;
}

/* --- the request -------------------------------------------------------------------------------- */

/* What was said before is kept at Google: without it the request means something else. */
static status read_cached(struct decode *d, const struct jspan *value)
{
    return decode_unsupported(d, value, NULL, "there is no cached content here");
}

/* In the order of reading: tools before the choice among them, the system message in front. The path
   names the model. */
static const struct decode_field members[] = {
    {"model", decode_ignore},
    {"systemInstruction", gemini_decode_system},
    {"contents", gemini_decode_contents},
    {"tools", gemini_decode_tools},
    {"toolConfig", gemini_decode_choice},
    {"generationConfig", gemini_decode_options},
    {"cachedContent", read_cached},
    {"safetySettings", NULL},
    {"labels", NULL},
};

status gemini_generate_decode(struct arena *arena, const struct jspan *body,
                              struct chat_request *out, struct dropped *dropped,
                              struct chat_error *err)
{
    struct decode d = {.arena = arena, .out = out, .dropped = dropped, .err = err};
    const struct jspan *wrapped = gemini_get(body, "generateContentRequest"); /* countTokens */

    chat_request_init(out);
    out->cached_unasked = true;
    out->show_thinking = 0; /* unless includeThoughts says otherwise */
    *err = (struct chat_error){0};
    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&d, NULL, NULL, "the body must be a JSON object");
    if (!jspan_none(wrapped))
        body = wrapped;
    if (jspan_none(gemini_get(body, "contents")))
        return decode_invalid(&d, body, "contents", "this field is required");
    status s = gemini_fields(&d, body, NULL, members, sizeof members / sizeof *members);
    if (s)
        return s;
    return err->kind == CHAT_ERROR_NONE ? OK : E_SYNTAX;
}
