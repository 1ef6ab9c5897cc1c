/* The JSON writer. */
#include "base/jwrite.h"

#include "base/json_plain.h"

struct jwrite jwrite_to(struct buf *out)
{
    return (struct jwrite){.out = out};
}

static void begin_value(struct jwrite *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void open_container(struct jwrite *w, char opener, char closer)
{
    begin_value(w);
    if (w->depth == JWRITE_DEPTH) {
        w->out->failed = true;
        return;
    }
    buf_add_char(w->out, opener);
    w->closers[w->depth++] = closer;
    w->comma = false;
}

void jwrite_object(struct jwrite *w)
{
    open_container(w, '{', '}');
}

void jwrite_array(struct jwrite *w)
{
    open_container(w, '[', ']');
}

void jwrite_end(struct jwrite *w)
{
    if (w->depth == 0)
        return;
    buf_add_char(w->out, w->closers[--w->depth]);
    w->comma = true;
}

void jwrite_end_all(struct jwrite *w)
{
    while (w->depth)
        jwrite_end(w);
}

void jwrite_key_str(struct jwrite *w, struct str key)
{
    jwrite_str(w, key);
    buf_add_char(w->out, ':');
    w->comma = false;
}

void jwrite_key(struct jwrite *w, const char *key)
{
    jwrite_key_str(w, str_from(key));
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void escape_char(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '"':
        buf_add(out, "\\\"", 2);
        return;
    case '\\':
        buf_add(out, "\\\\", 2);
        return;
    case '\n':
        buf_add(out, "\\n", 2);
        return;
    case '\r':
        buf_add(out, "\\r", 2);
        return;
    case '\t':
        buf_add(out, "\\t", 2);
        return;
    default:
        buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void jwrite_escape(struct buf *out, struct str s)
{
    if (!s.n) /* it may be no address at all then */
        return;
    const char *from = s.p, *end = s.p + s.n;
    for (const char *p = json_plain_end(from, end); p < end;) {
        unsigned char c = (unsigned char)*p++;
        if (!plain(c)) {
            buf_add(out, from, (size_t)(p - 1 - from));
            escape_char(out, c);
            from = p;
        }
        if (c < 0x80)
            p = json_plain_end(p, end);
    }
    buf_add(out, from, (size_t)(end - from));
}

void jwrite_str(struct jwrite *w, struct str s)
{
    begin_value(w);
    buf_add_char(w->out, '"');
    if (s.n)
        jwrite_escape(w->out, s);
    buf_add_char(w->out, '"');
}

void jwrite_cstr(struct jwrite *w, const char *z)
{
    if (z)
        jwrite_str(w, str_from(z));
    else
        jwrite_null(w);
}

void jwrite_int(struct jwrite *w, int64_t value)
{
    begin_value(w);
    buf_add_int(w->out, value);
}

void jwrite_bool(struct jwrite *w, bool value)
{
    jwrite_raw(w, value ? STR("true") : STR("false"));
}

void jwrite_null(struct jwrite *w)
{
    jwrite_raw(w, STR("null"));
}

void jwrite_raw(struct jwrite *w, struct str json)
{
    begin_value(w);
    buf_add_str(w->out, json);
}

void jwrite_member_str(struct jwrite *w, const char *key, struct str s)
{
    jwrite_key(w, key);
    jwrite_str(w, s);
}

void jwrite_member_cstr(struct jwrite *w, const char *key, const char *z)
{
    jwrite_key(w, key);
    jwrite_cstr(w, z);
}

void jwrite_member_int(struct jwrite *w, const char *key, int64_t value)
{
    jwrite_key(w, key);
    jwrite_int(w, value);
}

void jwrite_member_bool(struct jwrite *w, const char *key, bool value)
{
    jwrite_key(w, key);
    jwrite_bool(w, value);
}

void jwrite_member_null(struct jwrite *w, const char *key)
{
    jwrite_key(w, key);
    jwrite_null(w);
}

void jwrite_member_raw(struct jwrite *w, const char *key, struct str json)
{
    jwrite_key(w, key);
    jwrite_raw(w, json);
}

void jwrite_member_object(struct jwrite *w, const char *key)
{
    jwrite_key(w, key);
    jwrite_object(w);
}

void jwrite_member_array(struct jwrite *w, const char *key)
{
    jwrite_key(w, key);
    jwrite_array(w);
}

void jwrite_maybe_str(struct jwrite *w, const char *key, struct str s)
{
    if (s.n)
        jwrite_member_str(w, key, s);
}

void jwrite_maybe_raw(struct jwrite *w, const char *key, struct str json)
{
    if (json.n)
        jwrite_member_raw(w, key, json);
}
