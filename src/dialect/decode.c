/* Reading members of a caller's JSON, with a precise complaint. */
#include "dialect/decode.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    MAX_DECLARED = 64,   /* unknown fields named one by one */
    MAX_PATH_STEPS = 64, /* deeper ones lose their outermost steps */
    NAME_BYTES = 128
};

/* --- where: the path of a value, in the caller's words --------------------------------------- */

static size_t position(const struct jspan *n)
{
    size_t i = 0;
    for (const struct jspan *c = n->up->child; c && c != n; c = c->next)
        i++;
    return i;
}

static void add_step(struct arena *arena, struct buf *path, const struct jspan *n)
{
    if (!n->key.n) {
        buf_printf(path, "[%zu]", position(n));
        return;
    }
    if (path->n)
        buf_add_char(path, '.');
    buf_add_str(path, jspan_key(arena, n));
}

static void add_path(struct arena *arena, struct buf *path, const struct jspan *n)
{
    const struct jspan *steps[MAX_PATH_STEPS];
    size_t count = 0;

    for (; n && n->up && count < MAX_PATH_STEPS; n = n->up)
        steps[count++] = n;
    while (count)
        add_step(arena, path, steps[--count]);
}

static struct str path_of(struct arena *arena, const struct jspan *at, const char *member)
{
    struct buf path = {0};

    add_path(arena, &path, at);
    if (member) {
        if (path.n)
            buf_add_char(&path, '.');
        buf_add_cstr(&path, member);
    }
    struct str copy = buf_copy(&path, arena);
    buf_free(&path);
    return copy;
}

/* --- complaints ------------------------------------------------------------------------------ */

static void complain(struct decode *d, enum chat_error_kind kind, struct str path,
                     const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void complain(struct decode *d, enum chat_error_kind kind, struct str path,
                     const char *format, va_list args)
{
    struct str text = arena_vprintf(d->arena, format, args);

    if (path.n)
        chat_error_set(d->err, d->arena, kind, "%.*s: %.*s", STR_ARG(path), STR_ARG(text));
    else
        chat_error_set(d->err, d->arena, kind, "%.*s", STR_ARG(text));
    d->err->param = path;
}

status decode_invalid(struct decode *d, const struct jspan *at, const char *member,
                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(d, CHAT_ERROR_INVALID, path_of(d->arena, at, member), format, args);
    va_end(args);
    return E_SYNTAX;
}

status decode_unsupported(struct decode *d, const struct jspan *at, const char *member,
                          const char *format, ...)
{
    va_list args;

    if (d->err->kind != CHAT_ERROR_NONE)
        return OK;
    va_start(args, format);
    complain(d, CHAT_ERROR_UNSUPPORTED, path_of(d->arena, at, member), format, args);
    va_end(args);
    return OK;
}

static const char *type_word(const struct jspan *value)
{
    static const char *const words[] = {
        [JSPAN_NULL] = "null",       [JSPAN_FALSE] = "a boolean", [JSPAN_TRUE] = "a boolean",
        [JSPAN_NUMBER] = "a number", [JSPAN_STRING] = "a string", [JSPAN_ARRAY] = "an array",
        [JSPAN_OBJECT] = "an object"};

    return words[value->type];
}

status decode_wrong_type(struct decode *d, const struct jspan *value, const char *expected)
{
    return decode_invalid(d, value, NULL, "expected %s, but got %s", expected, type_word(value));
}

/* --- what is left out ------------------------------------------------------------------------ */

void decode_drop(struct decode *d, const char *prefix, struct str name)
{
    char text[NAME_BYTES];

    if (d->declared > MAX_DECLARED)
        return;
    d->declared++;
    if (d->declared > MAX_DECLARED) {
        dropped_add_cstr(d->dropped, "...");
        return;
    }
    int n = snprintf(text, sizeof text, "%s%s%.*s", prefix ? prefix : "", prefix ? "." : "",
                     STR_ARG(name));
    if (n > 0)
        dropped_add_cstr(d->dropped, text);
}

static bool named(const char *const *known, struct str name)
{
    for (; *known; known++)
        if (str_is(name, *known))
            return true;
    return false;
}

void decode_undeclared(struct decode *d, const struct jspan *object, const char *prefix,
                       const char *const *known)
{
    for (const struct jspan *n = jspan_first(object); n; n = n->next) {
        struct str name = jspan_key(d->arena, n);
        if (!jspan_none(n) && !named(known, name))
            decode_drop(d, prefix, name);
    }
}

status decode_ignore(struct decode *d, const struct jspan *value)
{
    (void)d;
    (void)value;
    return OK;
}

static bool has_row(const struct decode_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(name, fields[i].name))
            return true;
    return false;
}

status decode_fields(struct decode *d, const struct jspan *object,
                     const struct decode_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct jspan *value = jspan_get(object, fields[i].name);
        status s = OK;

        if (jspan_none(value))
            continue;
        if (fields[i].read)
            s = fields[i].read(d, value);
        else
            decode_drop(d, NULL, str_from(fields[i].name));
        if (s)
            return s;
    }
    for (const struct jspan *n = jspan_first(object); n; n = n->next) {
        struct str name = jspan_key(d->arena, n);
        if (!jspan_none(n) && !has_row(fields, count, name))
            decode_drop(d, NULL, name);
    }
    return OK;
}

struct decode decode_begin(struct arena *arena, struct chat_request *out, struct dropped *dropped,
                           struct chat_error *err)
{
    chat_request_init(out);
    *err = (struct chat_error){0};
    return (struct decode){.arena = arena, .out = out, .dropped = dropped, .err = err};
}

status decode_body(struct decode *d, const struct jspan *body, const char *needed,
                   const struct decode_field *fields, size_t count)
{
    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(d, NULL, NULL, "the body must be a JSON object");
    if (jspan_none(jspan_get(body, needed)))
        return decode_invalid(d, body, needed, "this field is required");
    status s = decode_fields(d, body, fields, count);
    return s || d->err->kind == CHAT_ERROR_NONE ? s : E_SYNTAX;
}

/* --- values ---------------------------------------------------------------------------------- */

status decode_text(struct decode *d, const struct jspan *value, struct str *out)
{
    if (!jspan_is(value, JSPAN_STRING))
        return decode_wrong_type(d, value, "a string");
    *out = jspan_str(d->arena, value);
    return out->p ? OK : E_NOMEM;
}

status decode_number(struct decode *d, const struct jspan *value, struct str *out)
{
    if (!jspan_is(value, JSPAN_NUMBER))
        return decode_wrong_type(d, value, "a number");
    *out = value->text;
    return OK;
}

status decode_whole(struct decode *d, const struct jspan *value, int64_t least, int64_t *out)
{
    int64_t number = jspan_int(value, INT64_MIN);

    if (!jspan_is(value, JSPAN_NUMBER))
        return decode_wrong_type(d, value, "an integer");
    if (number == INT64_MIN)
        return decode_invalid(d, value, NULL, "expected an integer");
    if (number < least)
        return decode_invalid(d, value, NULL, "must be at least %lld", (long long)least);
    *out = number;
    return OK;
}

status decode_flag(struct decode *d, const struct jspan *value, int *out)
{
    if (!jspan_is(value, JSPAN_TRUE) && !jspan_is(value, JSPAN_FALSE))
        return decode_wrong_type(d, value, "a boolean");
    *out = jspan_true(value);
    return OK;
}

status decode_str(struct decode *d, const struct jspan *object, const char *name, struct str *out)
{
    const struct jspan *value = jspan_get(object, name);
    return jspan_none(value) ? OK : decode_text(d, value, out);
}

status decode_bool(struct decode *d, const struct jspan *object, const char *name, int *out)
{
    const struct jspan *value = jspan_get(object, name);
    return jspan_none(value) ? OK : decode_flag(d, value, out);
}

status decode_int(struct decode *d, const struct jspan *object, const char *name, int64_t least,
                  int64_t *out)
{
    const struct jspan *value = jspan_get(object, name);
    return jspan_none(value) ? OK : decode_whole(d, value, least, out);
}

status decode_need_str(struct decode *d, const struct jspan *object, const char *name,
                       struct str *out)
{
    const struct jspan *value = jspan_get(object, name);

    if (!value)
        return decode_invalid(d, object, name, "this field is required");
    status s = decode_text(d, value, out);
    if (s)
        return s;
    return out->n ? OK : decode_invalid(d, value, NULL, "must not be empty");
}

static status add_stop(struct decode *d, struct chat_stop_sequence ***end,
                       const struct jspan *value)
{
    struct chat_stop_sequence *stop = ARENA_NEW(d->arena, struct chat_stop_sequence);

    if (!stop)
        return E_NOMEM;
    **end = stop;
    *end = &stop->next;
    return decode_text(d, value, &stop->text);
}

status decode_stops(struct decode *d, const struct jspan *list)
{
    struct chat_stop_sequence **end = &d->out->stops;
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array of strings");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = add_stop(d, &end, n);
    return s;
}

status decode_effort(struct decode *d, const struct jspan *value, enum chat_effort *out)
{
    struct str word;
    status s = decode_text(d, value, &word);

    if (s)
        return s;
    *out = chat_effort_parse(word);
    if (*out == CHAT_EFFORT_UNSET)
        return decode_invalid(d, value, NULL,
                              "expected none, minimal, low, medium, high, xhigh or max");
    return OK;
}

static status thinking_display(struct decode *d, const struct jspan *value)
{
    const struct jspan *display = jspan_get(value, "display");

    if (jspan_says(display, "omitted"))
        d->out->show_thinking = 0;
    else if (!jspan_none(display))
        d->out->show_thinking = 1;
    return OK;
}

status decode_thinking(struct decode *d, const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");
    struct chat_request *r = d->out;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_says(type, "disabled")) {
        r->thinking = CHAT_THINKING_OFF;
        return OK;
    }
    if (jspan_says(type, "adaptive") || jspan_says(type, "auto")) {
        r->thinking = CHAT_THINKING_ADAPTIVE;
        return thinking_display(d, value);
    }
    if (!jspan_says(type, "enabled"))
        return decode_invalid(d, value, "type", "expected enabled, adaptive or disabled");
    r->thinking = CHAT_THINKING_BUDGET;
    if (jspan_none(jspan_get(value, "budget_tokens")))
        return decode_invalid(d, value, "budget_tokens", "this field is required");
    status s = decode_int(d, value, "budget_tokens", 1, &r->thinking_budget);
    return s ? s : thinking_display(d, value);
}

status decode_cache(struct decode *d, const struct jspan *object, struct chat_cache *out)
{
    const struct jspan *cache = jspan_get(object, "cache_control");

    if (jspan_none(cache))
        return OK;
    if (!jspan_is(cache, JSPAN_OBJECT))
        return decode_wrong_type(d, cache, "an object");
    if (!jspan_says(jspan_get(cache, "type"), "ephemeral"))
        return decode_invalid(d, cache, "type", "expected ephemeral");
    out->set = true;
    return decode_str(d, cache, "ttl", &out->ttl);
}

bool decode_data_url(struct str url, struct str *media_type, struct str *data)
{
    struct str rest = url;

    if (url.n < 5 || !str_case_eq(str_slice(url, 0, 5), STR("data:")))
        return false;
    struct str head = str_cut(&rest, ',');
    if (!rest.p || !str_ends(head, ";base64"))
        return false;
    head = str_slice(head, 5, head.n - strlen(";base64"));
    *media_type = str_cut(&head, ';'); /* without parameters such as charset */
    *data = rest;
    return true;
}

bool decode_is_address(struct str url)
{
    return str_starts(url, "https://") || str_starts(url, "http://") || str_starts(url, "gs://");
}

struct chat_part *decode_add_text(struct decode *d, struct chat_part ***at, struct str text)
{
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_TEXT);
    if (p)
        p->text = text;
    return p;
}

/* FNV-1a, begun differently in every request so that nobody can prepare a body that fills one
   bucket. */
size_t decode_bucket(const struct decode *d, struct str id)
{
    uint32_t hash = 2166136261u ^ (uint32_t)((uintptr_t)d->arena >> 4);

    for (size_t i = 0; i < id.n; i++)
        hash = (hash ^ (unsigned char)id.p[i]) * 16777619u;
    return (hash ^ hash >> 16) % DECODE_CALL_BUCKETS;
}

status decode_note_call(struct decode *d, const struct chat_part *call)
{
    struct decode_call *c = ARENA_NEW(d->arena, struct decode_call);
    size_t bucket = decode_bucket(d, call->id);

    if (!d->calls)
        d->calls = ARENA_ARRAY(d->arena, struct decode_call *, DECODE_CALL_BUCKETS);
    if (!c || !d->calls)
        return E_NOMEM;
    c->part = call;
    c->next = d->calls[bucket];
    d->calls[bucket] = c;
    return OK;
}

struct str decode_call_name(const struct decode *d, struct str id)
{
    const struct decode_call *c = d->calls ? d->calls[decode_bucket(d, id)] : NULL;

    while (c && !str_eq(c->part->id, id))
        c = c->next;
    return c ? c->part->name : STR_NONE;
}

bool decode_has_tool(const struct chat_request *request, struct str name)
{
    for (const struct chat_tool *t = request->tools; t; t = t->next)
        if (str_eq(t->name, name))
            return true;
    return false;
}
