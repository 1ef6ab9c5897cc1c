/*
 * The parser of span trees: RFC 8259, strict, iterative.
 *
 * It works on the caller's bytes without copying. Depth is limited, so that the recursion of
 * whoever walks the tree is limited too. Invalid UTF-8 is refused here, once, for everybody behind
 * it.
 */
#include <ctype.h>
#include <string.h>

#include "base/json_plain.h"
#include "base/jspan.h"

enum { SPANS_AT_A_TIME = 8 };

struct parser {
    struct arena *arena;
    const char *p, *end;
    const char *start;
    struct jspan_error *err;
    bool flat;           /* arrays of numbers are leaves */
    unsigned left;       /* so many nodes are to be had at */
    struct jspan *spare; /* this place */
};

static status fail_at(struct parser *in, const char *what)
{
    in->err->offset = (size_t)(in->p - in->start);
    in->err->what = what;
    return E_SYNTAX;
}

static void skip_space(struct parser *in)
{
    while (in->p < in->end && (*in->p == ' ' || *in->p == '\n' || *in->p == '\r' || *in->p == '\t'))
        in->p++;
}

static status scan_escape(struct parser *in)
{
    in->p++;
    if (in->p >= in->end)
        return fail_at(in, "unterminated string");
    if (*in->p != 'u') {
        if (!memchr("\"\\/bfnrt", *in->p, 8))
            return fail_at(in, "unknown escape in a string");
        in->p++;
        return OK;
    }
    in->p++;
    for (int i = 0; i < 4; i++, in->p++)
        if (in->p >= in->end || !isxdigit((unsigned char)*in->p))
            return fail_at(in, "\\u wants four hexadecimal digits");
    return OK;
}

/* A string from its opening quote to its closing quote. */
static status scan_string(struct parser *in, struct str *out)
{
    const char *from = in->p++;

    in->p = json_plain_end(in->p, in->end);
    while (in->p < in->end) {
        unsigned char c = (unsigned char)*in->p;
        if (c == '"') {
            in->p++;
            *out = (struct str){from, (size_t)(in->p - from)};
            return OK;
        }
        if (c == '\\') {
            status s = scan_escape(in);
            if (s)
                return s;
            in->p = json_plain_end(in->p, in->end);
        } else if (c < 0x20) {
            return fail_at(in, "control character in a string");
        } else if (c < 0x80) {
            in->p = json_plain_end(in->p + 1, in->end);
        } else {
            size_t n = str_utf8((struct str){in->p, (size_t)(in->end - in->p)});
            if (n == 0)
                return fail_at(in, "invalid UTF-8 in a string");
            in->p = json_plain_end(in->p + n, in->end);
        }
    }
    return fail_at(in, "unterminated string");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9'; /* isdigit asks the locale */
}

static bool scan_digits(struct parser *in)
{
    const char *p = in->p;

    while (p < in->end && is_digit(*p))
        p++;
    bool some = p > in->p;
    in->p = p;
    return some;
}

static status scan_number(struct parser *in)
{
    if (*in->p == '-')
        in->p++;
    if (in->p < in->end && *in->p == '0')
        in->p++;
    else if (!scan_digits(in))
        return fail_at(in, "expected a digit");
    if (in->p < in->end && *in->p == '.') {
        in->p++;
        if (!scan_digits(in))
            return fail_at(in, "expected a digit behind the decimal point");
    }
    if (in->p < in->end && (*in->p == 'e' || *in->p == 'E')) {
        in->p++;
        if (in->p < in->end && (*in->p == '+' || *in->p == '-'))
            in->p++;
        if (!scan_digits(in))
            return fail_at(in, "expected a digit in the exponent");
    }
    return OK;
}

static status scan_word(struct parser *in, struct jspan *n)
{
    static const struct {
        struct str word;
        enum jspan_type type;
    } words[] = {{{"null", 4}, JSPAN_NULL}, {{"true", 4}, JSPAN_TRUE}, {{"false", 5}, JSPAN_FALSE}};

    for (size_t i = 0; i < 3; i++) {
        struct str w = words[i].word;
        if ((size_t)(in->end - in->p) >= w.n && memcmp(in->p, w.p, w.n) == 0) {
            n->type = words[i].type;
            in->p += w.n;
            return OK;
        }
    }
    return fail_at(in, "expected a value");
}

/* The rest of an array that holds nothing but numbers, one at least. False, and nothing read, for
   any other array. */
static bool scan_numbers(struct parser *in)
{
    const char *from = in->p;

    for (;;) {
        skip_space(in);
        if (in->p >= in->end || !(*in->p == '-' || is_digit(*in->p)) || scan_number(in))
            break;
        skip_space(in);
        if (in->p < in->end && *in->p == ']') {
            in->p++;
            return true;
        }
        if (in->p >= in->end || *in->p++ != ',')
            break;
    }
    in->p = from;
    return false;
}

/* A scalar, an array of numbers that is to be flat, or the opening bracket of a container. */
static status scan_value(struct parser *in, struct jspan *n)
{
    const char *from = in->p;
    status s = OK;

    if (in->p >= in->end)
        return fail_at(in, "the text ends where a value should be");
    switch (*in->p) {
    case '{':
        n->type = JSPAN_OBJECT;
        in->p++;
        break;
    case '[':
        n->type = JSPAN_ARRAY;
        in->p++;
        if (in->flat)
            scan_numbers(in);
        break;
    case '"':
        n->type = JSPAN_STRING;
        return scan_string(in, &n->text);
    default:
        if (*in->p == '-' || is_digit(*in->p)) {
            n->type = JSPAN_NUMBER;
            s = scan_number(in);
        } else {
            s = scan_word(in, n);
        }
    }
    n->text = (struct str){from, (size_t)(in->p - from)};
    return s;
}

static status scan_key(struct parser *in, struct jspan *n)
{
    if (in->p >= in->end || *in->p != '"')
        return fail_at(in, "expected a member name in quotes");
    status s = scan_string(in, &n->key);
    if (s)
        return s;
    skip_space(in);
    if (in->p >= in->end || *in->p != ':')
        return fail_at(in, "expected a colon");
    in->p++;
    skip_space(in);
    return OK;
}

static struct jspan *new_span(struct parser *in)
{
    if (!in->left) {
        in->spare = ARENA_ARRAY(in->arena, struct jspan, SPANS_AT_A_TIME);
        if (!in->spare)
            return NULL;
        in->left = SPANS_AT_A_TIME;
    }
    in->left--;
    return in->spare++;
}

static void link_child(struct jspan *up, struct jspan *n)
{
    n->up = up;
    n->before = up->last;
    if (up->last)
        up->last->next = n;
    else
        up->child = n;
    up->last = n;
}

/* Behind a value: close what ends here. Leaves in `*open` the container that goes on (NULL when the
   outermost value is complete) and in `*more` whether an element must follow. */
static status close_containers(struct parser *in, struct jspan **open, unsigned *depth, bool *more)
{
    *more = false;
    while (*open) {
        struct jspan *c = *open;
        char closer = c->type == JSPAN_OBJECT ? '}' : ']';
        skip_space(in);
        if (in->p >= in->end)
            return fail_at(in, "the text ends inside an object or array");
        if (*in->p == ',' && c->child) {
            in->p++;
            *more = true;
            return OK;
        }
        if (*in->p != closer) {
            if (c->child)
                return fail_at(in, "expected a comma or the end of the object or array");
            *more = true; /* just opened */
            return OK;
        }
        in->p++;
        c->text.n = (size_t)(in->p - c->text.p);
        *open = c->up;
        --*depth;
    }
    return OK;
}

/* Was only the bracket read? */
static bool is_open(const struct jspan *n)
{
    return n->type >= JSPAN_ARRAY && n->text.n == 1;
}

static status parse(struct parser *in, struct jspan **out)
{
    struct jspan *open = NULL, *root = NULL;
    unsigned depth = 0;
    bool more = true;

    while (more) {
        struct jspan *n = new_span(in);
        if (!n)
            return E_NOMEM;
        skip_space(in);
        status s = jspan_is(open, JSPAN_OBJECT) ? scan_key(in, n) : OK;
        if (!s)
            s = scan_value(in, n);
        if (s)
            return s;
        if (open)
            link_child(open, n);
        else
            root = n;
        if (is_open(n)) {
            if (++depth > JSPAN_MAX_DEPTH) {
                fail_at(in, "nested too deeply");
                return E_LIMIT;
            }
            open = n;
        }
        s = close_containers(in, &open, &depth, &more);
        if (s)
            return s;
    }
    skip_space(in);
    if (in->p < in->end)
        return fail_at(in, "something follows the value");
    *out = root;
    return OK;
}

static status parse_text(struct arena *arena, struct str text, bool flat, struct jspan **out,
                         struct jspan_error *err)
{
    struct jspan_error unused;
    const char *p = text.p ? text.p : ""; /* arithmetic on NULL is undefined */
    struct parser in = {arena, p, p + text.n, p, err ? err : &unused, flat, 0, NULL};

    return parse(&in, out);
}

status jspan_parse(struct arena *arena, struct str text, struct jspan **out,
                   struct jspan_error *err)
{
    return parse_text(arena, text, false, out, err);
}

status jspan_parse_flat(struct arena *arena, struct str text, struct jspan **out)
{
    return parse_text(arena, text, true, out, NULL);
}
