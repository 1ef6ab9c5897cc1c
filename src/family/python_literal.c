/* The literal parser: recursive descent that writes JSON as it reads, with no tree in between. */
#include "family/python_literal.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/jspan.h"
#include "base/jwrite.h"

struct literal {
    const char *p, *end;
    struct buf *out;
    unsigned depth;
};

static status put_value(struct literal *in);

static void skip_space(struct literal *in)
{
    while (in->p < in->end && memchr(" \t\r\n\f\v", *in->p, 6))
        in->p++;
}

/* Skip white space; then: is this the next character? */
static bool next_is(struct literal *in, char c)
{
    skip_space(in);
    return in->p < in->end && *in->p == c;
}

static bool take(struct literal *in, char c)
{
    if (!next_is(in, c))
        return false;
    in->p++;
    return true;
}

/* --- strings --------------------------------------------------------------------------------- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : 16;
}

static void put_character(struct buf *out, unsigned c)
{
    char utf8[4];
    size_t n = 0;

    if (c < 0x80) {
        utf8[n++] = (char)c;
    } else if (c < 0x800) {
        utf8[n++] = (char)(0xc0 | c >> 6);
    } else if (c >= 0xd800 && c < 0xe000) { /* JSON takes a half only as an escape */
        buf_printf(out, "\\u%04x", c);
        return;
    } else if (c < 0x10000) {
        utf8[n++] = (char)(0xe0 | c >> 12);
        utf8[n++] = (char)(0x80 | (c >> 6 & 63));
    } else {
        utf8[n++] = (char)(0xf0 | c >> 18);
        utf8[n++] = (char)(0x80 | (c >> 12 & 63));
        utf8[n++] = (char)(0x80 | (c >> 6 & 63));
    }
    if (c >= 0x80)
        utf8[n++] = (char)(0x80 | (c & 63));
    jwrite_escape(out, (struct str){utf8, n});
}

/* Exactly `count` hexadecimal digits. */
static status put_hex(struct literal *in, int count)
{
    unsigned value = 0;

    for (int i = 0; i < count; i++) {
        int digit = in->p < in->end ? digit_value(*in->p++) : 16;
        if (digit > 15)
            return E_SYNTAX;
        value = value << 4 | (unsigned)digit;
    }
    if (value > 0x10ffff)
        return E_SYNTAX;
    put_character(in->out, value);
    return OK;
}

/* Up to three octal digits. */
static void put_octal(struct literal *in)
{
    unsigned value = 0;

    for (int i = 0; i < 3 && in->p < in->end && *in->p >= '0' && *in->p <= '7'; i++)
        value = value << 3 | (unsigned)(*in->p++ - '0');
    put_character(in->out, value);
}

/* The character behind the backslash, for the escapes of one letter; 0 for any other. "\/" is
   JSON's alone. */
static char simple_escape(char c)
{
    static const char letters[] = "\\'\"/nrtabfv", meanings[] = "\\'\"/\n\r\t\a\b\f\v";
    const char *at = strchr(letters, c);

    return c && at ? meanings[at - letters] : '\0';
}

static status put_escape(struct literal *in, bool bytes)
{
    char c = in->p < in->end ? *in->p : '\0';
    char meaning = simple_escape(c);

    if (in->p == in->end)
        return E_SYNTAX;
    if (c >= '0' && c <= '7') {
        put_octal(in);
        return OK;
    }
    in->p++;
    if (c == '\n') /* a continued line */
        return OK;
    if (meaning)
        put_character(in->out, (unsigned char)meaning);
    else if (c == 'x')
        return put_hex(in, 2);
    else if (c == 'u' && !bytes)
        return put_hex(in, 4);
    else if (c == 'U' && !bytes)
        return put_hex(in, 8);
    else { /* no escape at all: Python keeps the backslash */
        jwrite_escape(in->out, STR("\\"));
        in->p--;
    }
    return OK;
}

/* A string from its opening to its closing quote. */
static status put_string(struct literal *in, bool bytes)
{
    char quote = *in->p++;

    buf_add_char(in->out, '"');
    while (in->p < in->end && *in->p != quote) {
        const char *from = in->p;
        status s = OK;

        if (*from == '\n' || *from == '\r')
            return E_SYNTAX;
        if (*from == '\\') {
            in->p++;
            s = put_escape(in, bytes);
        } else {
            while (in->p < in->end && *in->p != quote && !memchr("\\\n\r", *in->p, 3))
                in->p++;
            jwrite_escape(in->out, (struct str){from, (size_t)(in->p - from)});
        }
        if (s)
            return s;
    }
    if (in->p == in->end)
        return E_SYNTAX;
    in->p++;
    buf_add_char(in->out, '"');
    return OK;
}

static bool at_quote(const char *p, const char *end)
{
    return p < end && (*p == '\'' || *p == '"');
}

static bool at_bytes(const struct literal *in)
{
    return in->p < in->end && (*in->p == 'b' || *in->p == 'B') && at_quote(in->p + 1, in->end);
}

/* --- words and numbers ----------------------------------------------------------------------- */

static const struct {
    struct str word, json;
} words[] = {
    {{"True", 4}, {"true", 4}},      {{"False", 5}, {"false", 5}}, {{"None", 4}, {"null", 4}},
    {{"true", 4}, {"true", 4}},      {{"false", 5}, {"false", 5}}, {{"null", 4}, {"null", 4}},
    {{"nan", 3}, {"null", 4}},       {{"inf", 3}, {"null", 4}},    {{"-inf", 4}, {"null", 4}},
    {{"-nan", 4}, {"null", 4}},      {{"NaN", 3}, {"null", 4}},    {{"Infinity", 8}, {"null", 4}},
    {{"-Infinity", 9}, {"null", 4}},
};

static size_t count_digits(struct str s, size_t from)
{
    size_t n = 0;
    while (from + n < s.n && isdigit((unsigned char)s.p[from + n]))
        n++;
    return n;
}

/* Is `s` a number that is written alike in JSON? */
static bool is_number(struct str s)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0;
    size_t digits = count_digits(s, i);

    if (digits == 0 || (digits > 1 && s.p[i] == '0'))
        return false;
    i += digits;
    if (i < s.n && s.p[i] == '.') {
        digits = count_digits(s, i + 1);
        i += 1 + digits;
        if (digits == 0)
            return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i += i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-') ? 2 : 1;
        digits = count_digits(s, i);
        i += digits;
        if (digits == 0)
            return false;
    }
    return i == s.n;
}

/* The run of characters that words and numbers are made of. */
static struct str take_token(struct literal *in)
{
    const char *from = in->p;
    while (in->p < in->end && (isalnum((unsigned char)*in->p) || memchr("+-._", *in->p, 4)))
        in->p++;
    return (struct str){from, (size_t)(in->p - from)};
}

static status put_token(struct literal *in)
{
    struct str token = take_token(in);

    if (is_number(token)) {
        buf_add_str(in->out, token);
        return OK;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(token, words[i].word)) {
            buf_add_str(in->out, words[i].json);
            return OK;
        }
    return E_SYNTAX;
}

/* --- containers ------------------------------------------------------------------------------ */

/* A string, number or word. */
static status put_scalar(struct literal *in)
{
    bool bytes = at_bytes(in);

    if (bytes)
        in->p++;
    return at_quote(in->p, in->end) ? put_string(in, bytes) : put_token(in);
}

static status put_key(struct literal *in)
{
    skip_space(in);
    if (at_bytes(in) || at_quote(in->p, in->end))
        return put_scalar(in);
    buf_add_char(in->out, '"');
    status s = put_token(in);
    buf_add_char(in->out, '"');
    return s;
}

static status put_member(struct literal *in)
{
    status s = put_key(in);

    if (s)
        return s;
    if (!take(in, ':'))
        return E_SYNTAX;
    buf_add_char(in->out, ':');
    return put_value(in);
}

static status put_container(struct literal *in, char closer, status (*put_one)(struct literal *in))
{
    bool more = true;

    in->p++;
    buf_add_char(in->out, closer == '}' ? '{' : '[');
    for (unsigned count = 0; more && !next_is(in, closer); count++) {
        if (count)
            buf_add_char(in->out, ',');
        status s = put_one(in);
        if (s)
            return s;
        more = take(in, ',');
    }
    buf_add_char(in->out, closer == '}' ? '}' : ']');
    return take(in, closer) ? OK : E_SYNTAX;
}

static status put_value(struct literal *in)
{
    status s;

    skip_space(in);
    if (in->p == in->end || in->depth == JSPAN_MAX_DEPTH)
        return E_SYNTAX;
    in->depth++;
    switch (*in->p) {
    case '{':
        s = put_container(in, '}', put_member);
        break;
    case '[':
        s = put_container(in, ']', put_value);
        break;
    case '(':
        s = put_container(in, ')', put_value);
        break;
    default:
        s = put_scalar(in);
    }
    in->depth--;
    return s;
}

status python_literal_to_json(struct arena *scratch, struct str literal, struct str *json)
{
    struct buf out = {0};
    const char *p = literal.p ? literal.p : ""; /* arithmetic on NULL is undefined */
    struct literal in = {.p = p, .end = p + literal.n, .out = &out};
    status s = put_value(&in);

    if (!s) {
        skip_space(&in);
        s = in.p < in.end ? E_SYNTAX : out.failed ? E_NOMEM : OK;
    }
    if (!s || out.failed) {
        *json = buf_copy(&out, scratch);
        s = json->p ? OK : E_NOMEM;
    }
    buf_free(&out);
    return s;
}
