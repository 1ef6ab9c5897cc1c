/* Reader and editor of span trees; the parser is in jspan_parse.c. */
#include "base/jspan.h"

#include <math.h>
#include <stdlib.h>

#include "base/jwrite.h"

/* --- escapes --------------------------------------------------------------------------------- */

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        value = value << 4 | (c <= '9' ? c - (unsigned)'0' : (c | 32u) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* One \u escape at `p` (behind the "\u"), perhaps a pair; returns how many source bytes it took. */
static size_t unescape_unit(const char *p, const char *end, unsigned *out)
{
    unsigned c = hex4(p);

    *out = c;
    if (c < 0xd800 || c > 0xdfff)
        return 4;
    if (c < 0xdc00 && end - p >= 10 && p[4] == '\\' && p[5] == 'u') {
        unsigned low = hex4(p + 6);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *out = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            return 10;
        }
    }
    *out = 0xfffd; /* half a pair: no text can hold it */
    return 4;
}

static char plain_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* One character, or one byte of it, at `*p`: `out` gets what it means; how much that is. */
static size_t unescape_one(const char **p, const char *end, char out[4])
{
    const char *from = *p;
    unsigned c;

    if (*from != '\\') {
        out[0] = *from;
        *p += 1;
        return 1;
    }
    if (from[1] != 'u') {
        out[0] = plain_escape(from[1]);
        *p += 2;
        return 1;
    }
    *p += 2 + unescape_unit(from + 2, end, &c);
    return put_utf8(out, c);
}

/* Does a quoted text that is longer than `s` mean it? Then there are escapes in it: PHP writes every
   slash as "\/". */
static bool escaped_is(struct str quoted, struct str s)
{
    const char *p = quoted.p + 1, *end = quoted.p + quoted.n - 1;
    char piece[4];

    while (p < end) {
        size_t n = unescape_one(&p, end, piece);
        if (n > s.n || memcmp(piece, s.p, n) != 0)
            return false;
        s = str_slice(s, n, s.n);
    }
    return s.n == 0;
}

/* Asked of every member that is passed by: length and first letter tell most of them apart. */
static inline bool quoted_is(struct str quoted, struct str s)
{
    const char *text = quoted.p + 1;
    bool alike = *text == (s.n ? *s.p : '"');

    if (quoted.n == s.n + 2) /* an escape is never as short as what it means */
        return alike && memcmp(text, s.p, s.n) == 0 && !memchr(text, '\\', s.n);
    return quoted.n > s.n + 2 && (alike || *text == '\\') && escaped_is(quoted, s);
}

/* --- reading --------------------------------------------------------------------------------- */

struct jspan *jspan_member(const struct jspan *object, struct str name)
{
    struct jspan *found = NULL;

    if (!jspan_is(object, JSPAN_OBJECT))
        return NULL;
    for (struct jspan *n = object->child; n; n = n->next)
        if (quoted_is(n->key, name))
            found = n;
    return found;
}

struct jspan *jspan_first(const struct jspan *container)
{
    return container ? container->child : NULL;
}

bool jspan_none(const struct jspan *n)
{
    return !n || n->type == JSPAN_NULL;
}

bool jspan_says(const struct jspan *n, const char *text)
{
    return jspan_is(n, JSPAN_STRING) && quoted_is(n->text, str_from(text));
}

size_t jspan_count(const struct jspan *container)
{
    size_t count = 0;
    for (const struct jspan *n = jspan_first(container); n; n = n->next)
        count++;
    return count;
}

static struct str unescape(struct arena *arena, struct str quoted)
{
    struct str in = str_slice(quoted, 1, quoted.n - 1);

    if (in.n == 0 || !memchr(in.p, '\\', in.n))
        return in;
    char *out = arena_alloc(arena, in.n + 1); /* an escape is never shorter than its text */
    if (!out)
        return STR_NONE;
    size_t n = 0;
    for (const char *p = in.p, *end = in.p + in.n; p < end;) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        memcpy(out + n, p, plain);
        n += plain;
        p += plain;
        if (escape)
            n += unescape_one(&p, end, out + n);
    }
    return (struct str){out, n};
}

struct str jspan_str(struct arena *arena, const struct jspan *n)
{
    return jspan_is(n, JSPAN_STRING) ? unescape(arena, n->text) : STR_NONE;
}

struct str jspan_key(struct arena *arena, const struct jspan *n)
{
    return n && n->key.n ? unescape(arena, n->key) : STR_NONE;
}

bool jspan_true(const struct jspan *n)
{
    return jspan_is(n, JSPAN_TRUE);
}

double jspan_double(const struct jspan *n, double otherwise)
{
    char copy[64];

    if (!jspan_is(n, JSPAN_NUMBER) || n->text.n >= sizeof copy)
        return otherwise;
    memcpy(copy, n->text.p, n->text.n);
    copy[n->text.n] = '\0';
    return strtod(copy, NULL);
}

int64_t jspan_int(const struct jspan *n, int64_t otherwise)
{
    const double limit = 9007199254740992.0;
    double value;
    long whole;

    if (jspan_is(n, JSPAN_NUMBER) && n->text.n <= 15 && str_to_long(n->text, &whole))
        return whole; /* as nearly all are written */
    value = jspan_double(n, NAN);
    if (!(value >= -limit && value <= limit) || value != floor(value))
        return otherwise;
    return (int64_t)value;
}

struct str jspan_text(struct arena *arena, const struct jspan *n)
{
    if (!n)
        return STR_NONE;
    if (!n->changed)
        return n->text;
    struct buf out = {0};
    jspan_render(n, &out);
    struct str copy = buf_copy(&out, arena);
    buf_free(&out);
    return copy;
}

/* --- editing --------------------------------------------------------------------------------- */

static void mark_changed(struct jspan *n)
{
    for (; n && !n->changed; n = n->up)
        n->changed = true;
}

static enum jspan_type type_of(struct str json)
{
    switch (json.n ? json.p[0] : 'n') {
    case '{':
        return JSPAN_OBJECT;
    case '[':
        return JSPAN_ARRAY;
    case '"':
        return JSPAN_STRING;
    case 't':
        return JSPAN_TRUE;
    case 'f':
        return JSPAN_FALSE;
    case 'n':
        return JSPAN_NULL;
    default:
        return JSPAN_NUMBER;
    }
}

void jspan_replace(struct jspan *n, struct str json)
{
    n->type = type_of(json);
    n->text = json;
    n->child = n->last = NULL;
    n->changed = false;
    mark_changed(n->up);
}

status jspan_expand(struct arena *arena, struct jspan *n, struct str json)
{
    struct jspan *parsed;
    status s = jspan_parse(arena, json, &parsed, NULL);

    if (s)
        return s;
    jspan_replace(n, parsed->text);
    n->child = parsed->child;
    n->last = parsed->last;
    for (struct jspan *c = n->child; c; c = c->next)
        c->up = n;
    return OK;
}

static void append_node(struct jspan *container, struct jspan *n)
{
    n->up = container;
    n->before = container->last;
    n->next = NULL;
    if (container->last)
        container->last->next = n;
    else
        container->child = n;
    container->last = n;
    mark_changed(container);
}

void jspan_remove(struct jspan *n)
{
    struct jspan *up = n->up;

    if (!up)
        return;
    if (n->before)
        n->before->next = n->next;
    else
        up->child = n->next;
    if (n->next)
        n->next->before = n->before;
    else
        up->last = n->before;
    n->up = n->before = n->next = NULL;
    mark_changed(up);
}

bool jspan_remove_key(struct jspan *object, const char *key)
{
    bool found = false;

    if (!jspan_is(object, JSPAN_OBJECT))
        return false;
    for (struct jspan *n = object->child, *next; n; n = next) {
        next = n->next;
        if (!quoted_is(n->key, str_from(key)))
            continue;
        jspan_remove(n);
        found = true;
    }
    return found;
}

status jspan_rename(struct arena *arena, struct jspan *n, const char *key)
{
    struct str quoted = jspan_quote(arena, str_from(key));

    if (!quoted.p)
        return E_NOMEM;
    n->key = quoted;
    mark_changed(n->up);
    return OK;
}

static struct jspan *new_node(struct arena *arena, struct str json)
{
    struct jspan *n = ARENA_NEW(arena, struct jspan);
    if (n) {
        n->type = type_of(json);
        n->text = json;
    }
    return n;
}

status jspan_set(struct arena *arena, struct jspan *object, const char *key, struct str json)
{
    struct jspan *n = jspan_get(object, key);

    if (n) {
        jspan_replace(n, json);
        return OK;
    }
    n = new_node(arena, json);
    if (!n || jspan_rename(arena, n, key))
        return E_NOMEM;
    append_node(object, n);
    return OK;
}

status jspan_push(struct arena *arena, struct jspan *array, struct str json)
{
    struct jspan *n = new_node(arena, json);

    if (!n)
        return E_NOMEM;
    append_node(array, n);
    return OK;
}

status jspan_insert(struct arena *arena, struct jspan *before, struct str json)
{
    struct jspan *n = new_node(arena, json), *array = before->up;

    if (!n)
        return E_NOMEM;
    if (!before->next) {
        append_node(array, n);
        return OK;
    }
    n->up = array;
    n->before = before;
    n->next = before->next;
    n->next->before = before->next = n;
    mark_changed(array);
    return OK;
}

void jspan_move(struct jspan *n, struct jspan *array)
{
    jspan_remove(n);
    n->key = STR_NONE;
    append_node(array, n);
}

void jspan_render(const struct jspan *n, struct buf *out)
{
    if (!n->changed) {
        buf_add_str(out, n->text);
        return;
    }
    bool object = n->type == JSPAN_OBJECT;
    buf_add_char(out, object ? '{' : '[');
    for (const struct jspan *c = n->child; c; c = c->next) {
        if (c != n->child)
            buf_add_char(out, ',');
        if (object) {
            buf_add_str(out, c->key);
            buf_add_char(out, ':');
        }
        jspan_render(c, out);
    }
    buf_add_char(out, object ? '}' : ']');
}

struct str jspan_quote(struct arena *arena, struct str s)
{
    struct buf out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_str(&w, s);
    struct str quoted = buf_copy(&out, arena);
    buf_free(&out);
    return quoted;
}
