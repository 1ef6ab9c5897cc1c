/*
 * Gemini: parts that are neither calls nor results: text, thinking, media, executed code.
 */
#include "dialect/gemini_generate.h"

/* --- media -------------------------------------------------------------------------------------- */

static bool kind_of(struct str type, enum chat_part_kind *kind)
{
    if (str_starts(type, "image/"))
        *kind = CHAT_IMAGE;
    else if (str_starts(type, "audio/"))
        *kind = CHAT_AUDIO;
    else if (str_starts(type, "text/") || str_starts(type, "application/"))
        *kind = CHAT_DOCUMENT;
    else
        return false;
    return true;
}

/* Bytes may come in the URL alphabet (the Python SDK); all others know only the standard one. */
static struct str standard_alphabet(struct arena *arena, struct str data)
{
    if (!data.n || (!memchr(data.p, '-', data.n) && !memchr(data.p, '_', data.n)))
        return data;
    char *copy = arena_cstr(arena, data);
    for (size_t i = 0; copy && i < data.n; i++)
        copy[i] = copy[i] == '-' ? '+' : copy[i] == '_' ? '/' : copy[i];
    return (struct str){copy, copy ? data.n : 0};
}

static status read_str(struct decode *d, const struct jspan *object, const char *name,
                       struct str *out)
{
    const struct jspan *value = gemini_get(object, name);
    return jspan_none(value) ? OK : decode_text(d, value, out);
}

/* A part of the kind that its media type tells; NULL and OK when it was noted as unsupported. */
static status add_media(struct decode *d, const struct jspan *object, struct chat_part ***at,
                        struct chat_part **out)
{
    struct str type = STR_NONE, name = STR_NONE;
    enum chat_part_kind kind;

    if (!jspan_is(object, JSPAN_OBJECT))
        return decode_wrong_type(d, object, "an object");
    status s = read_str(d, object, "mimeType", &type);
    if (!s)
        s = read_str(d, object, "displayName", &name);
    if (s)
        return s;
    if (!type.n)
        return decode_invalid(d, object, "mimeType", "this field is required");
    if (!kind_of(type, &kind))
        return decode_unsupported(d, object, "mimeType", "%.*s cannot be translated",
                                  STR_ARG(type));
    *out = chat_add_part(d->arena, at, kind);
    if (!*out)
        return E_NOMEM;
    (*out)->media_type = type;
    (*out)->name = name;
    return OK;
}

status gemini_decode_inline(struct decode *d, const struct jspan *data, struct chat_part ***at)
{
    struct chat_part *p = NULL;
    status s = add_media(d, data, at, &p);

    if (s || !p)
        return s;
    s = decode_need_str(d, data, "data", &p->data);
    p->data = standard_alphabet(d->arena, p->data);
    return !s && !p->data.p ? E_NOMEM : s;
}

status gemini_decode_file(struct decode *d, const struct jspan *file, struct chat_part ***at)
{
    const struct jspan *uri = gemini_get(file, "fileUri");
    struct chat_part *p = NULL;
    status s = add_media(d, file, at, &p);

    if (s || !p)
        return s;
    if (jspan_none(uri))
        return decode_invalid(d, file, "fileUri", "this field is required");
    s = decode_text(d, uri, &p->url);
    if (!s && !decode_is_address(p->url))
        return decode_invalid(d, uri, NULL, "expected an address");
    return s;
}

/* --- text and thinking --------------------------------------------------------------------------- */

static status add_thinking(struct decode *d, struct str text, struct str shown,
                           struct chat_part ***at)
{
    enum gemini_kept kind;
    struct str value = gemini_unpack_thought(d->arena, shown, &kind);
    bool redacted = kind == GEMINI_REDACTED;
    struct chat_part *p =
        chat_add_part(d->arena, at, redacted ? CHAT_REDACTED_THINKING : CHAT_THINKING);

    if (!p)
        return E_NOMEM;
    if (redacted) {
        p->data = value;
        return OK;
    }
    p->text = text;
    p->signature = kind == GEMINI_SIGNATURE ? value : STR_NONE;
    return OK;
}

static status read_text(struct decode *d, const struct jspan *part, const struct jspan *text,
                        struct chat_part ***at)
{
    struct str said = STR_NONE, shown = STR_NONE;
    enum gemini_kept kind;
    int thought = 0;
    status s = jspan_none(text) ? OK : decode_text(d, text, &said);

    if (!s)
        s = read_str(d, part, "thoughtSignature", &shown);
    if (!s)
        s = decode_bool(d, part, "thought", &thought);
    if (s)
        return s;
    if (thought)
        return said.n || shown.n ? add_thinking(d, said, shown, at) : OK;
    struct str signature = gemini_unpack(d->arena, shown, &kind);
    if (!said.n && !signature.n)
        return OK; /* the end of a stream, replayed */
    struct chat_part *p = decode_add_text(d, at, said);
    if (!p)
        return E_NOMEM;
    p->signature = kind == GEMINI_SIGNATURE ? signature : STR_NONE;
    return OK;
}

/* Code that ran at Google, and what it printed: for other models a text like any other. */
static status read_executed(struct decode *d, const struct jspan *value, const char *member,
                            struct chat_part ***at)
{
    struct str text = STR_NONE;
    status s = decode_str(d, value, member, &text);

    if (s || !text.n)
        return s;
    return decode_add_text(d, at, text) ? OK : E_NOMEM;
}

static status read_code(struct decode *d, const struct jspan *value, struct chat_part ***at)
{
    return read_executed(d, value, "code", at);
}

static status read_output(struct decode *d, const struct jspan *value, struct chat_part ***at)
{
    return read_executed(d, value, "output", at);
}

status gemini_decode_part(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    static const struct {
        const char *name;
        status (*read)(struct decode *d, const struct jspan *value, struct chat_part ***at);
    } rows[] = {{"inlineData", gemini_decode_inline},
                {"fileData", gemini_decode_file},
                {"executableCode", read_code},
                {"codeExecutionResult", read_output}};
    const struct jspan *text = gemini_get(part, "text");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct jspan *value = gemini_get(part, rows[i].name);
        if (!jspan_none(value))
            return rows[i].read(d, value, at);
    }
    if (jspan_none(text) && jspan_none(gemini_get(part, "thoughtSignature")))
        return decode_invalid(d, part, NULL, "expected a text, data, a call or a response");
    return read_text(d, part, text, at);
}
