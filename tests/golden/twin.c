/* Random requests, written twice. */
#include "twin.h"

enum { DEPTH = 4 };

/* --- random ---------------------------------------------------------------------------------- */

static uint64_t state;

void twin_seed(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15u | 1;
}

unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % n);
}

bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* --- writing twice --------------------------------------------------------------------------- */

void put_str(struct twin *t, struct str s)
{
    buf_add_str(&t->sent, s);
    if (!t->gone)
        buf_add_str(&t->arrives, s);
}

void put(struct twin *t, const char *s)
{
    put_str(t, str_from(s));
}

void put_other(struct twin *t, const char *sent, const char *arrives)
{
    buf_add_cstr(&t->sent, sent);
    if (!t->gone)
        buf_add_cstr(&t->arrives, arrives);
}

void gap(struct twin *t)
{
    static const char *const gaps[] = {"", "", "", " ", "\n", "\t ", "\r\n  "};
    const char *s = gaps[below(sizeof gaps / sizeof *gaps)];

    buf_add_cstr(&t->sent, s);
    if (!t->gone && !t->tidy)
        buf_add_cstr(&t->arrives, s);
}

struct list open_list(struct twin *t, const char *ends, bool tidy)
{
    struct list l = {.outer_tidy = t->tidy, .end = ends + 1};

    buf_add(&t->sent, ends, 1);
    if (!t->gone)
        buf_add(&t->arrives, ends, 1);
    t->tidy = tidy;
    return l;
}

void close_list(struct twin *t, const struct list *l)
{
    gap(t);
    put(t, l->end);
    t->tidy = l->outer_tidy;
}

void next_element(struct twin *t, struct list *l)
{
    if (l->any_sent)
        buf_add_char(&t->sent, ',');
    if (l->any_arrives && !t->gone)
        buf_add_char(&t->arrives, ',');
    l->any_sent = true;
    l->any_arrives |= !t->gone;
    gap(t);
}

void next_member(struct twin *t, struct list *l, const char *key)
{
    next_element(t, l);
    put(t, "\"");
    put(t, key);
    put(t, "\"");
    gap(t);
    put(t, ":");
    gap(t);
}

/* --- values that are nobody's business ------------------------------------------------------- */

void put_string(struct twin *t)
{
    static const char *const pieces[] = {
        "a",
        "the word",
        "\\u0000",
        "\\ud800",
        "\\ud83e\\udd8a",
        "\\/",
        "/",
        "\\\\",
        "\\\"",
        "\\n",
        "\\u00E9",
        "\xc3\xa9",
        "\xf0\x9f\xa6\x8a",
        "{}",
        "cache_control",
        ",\\\"model\\\":",
        "\\b\\f\\r\\t",
        "data: ",
        "\xe2\x80\xa8",
        "\x7f",
    };

    put(t, "\"x"); /* never blank: blank text is named by a rewrite */
    for (unsigned n = below(6); n; n--)
        put(t, pieces[below(sizeof pieces / sizeof *pieces)]);
    put(t, "\"");
}

static void put_number(struct twin *t)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "-0.0",
        "1",
        "1.0",
        "1e3",
        "1E+03",
        "12345678901234567890",
        "9007199254740993",
        "1.0000000000000000000001",
        "1e-400",
        "1.0e+0400",
        "0.1e1",
        "-12.50",
    };
    put(t, numbers[below(sizeof numbers / sizeof *numbers)]);
}

static void put_deep(struct twin *t, unsigned depth);

static void put_deep_container(struct twin *t, unsigned depth)
{
    static const char *const keys[] = {
        "",
        "a",
        "dup",
        "dup",
        "cache_control",
        "scope",
        "model",
        "\\u006dodel",
        "stream",
        "type",
        "index",
        "max_tokens",
        "k\\u0000",
        "\\ud800",
        "defer_loading",
        "reasoning_content",
    };
    bool object = one_in(2);
    struct list l = open_list(t, object ? "{}" : "[]", false);

    for (unsigned n = below(5); n; n--) {
        if (object)
            next_member(t, &l, keys[below(sizeof keys / sizeof *keys)]);
        else
            next_element(t, &l);
        put_deep(t, depth - 1);
    }
    close_list(t, &l);
}

static void put_deep(struct twin *t, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};

    switch (below(depth ? 6 : 3)) {
    case 0:
        put(t, words[below(3)]);
        break;
    case 1:
        put_number(t);
        break;
    case 2:
        put_string(t);
        break;
    default:
        put_deep_container(t, depth);
    }
}

void put_container(struct twin *t)
{
    put_deep_container(t, DEPTH);
}

void put_value(struct twin *t)
{
    put_deep(t, DEPTH);
}

/* --- the parts of requests ------------------------------------------------------------------- */

void free_member(struct twin *t, struct list *l, const char *key)
{
    next_member(t, l, key);
    put_value(t);
}

void word_member(struct twin *t, struct list *l, const char *key, const char *json)
{
    next_member(t, l, key);
    put(t, json);
}

void text_member(struct twin *t, struct list *l, const char *key)
{
    next_member(t, l, key);
    put_string(t);
}

void lost_member(struct twin *t, struct list *l, const char *key)
{
    t->gone++;
    free_member(t, l, key);
    t->gone--;
}

struct touch plan(unsigned least, unsigned most)
{
    struct touch p = {.count = least + below(most - least + 1)};

    for (unsigned i = 0; i < p.count; i++) {
        p.element[i] = one_in(4);
        p.any |= p.element[i];
    }
    return p;
}

void plan_only_if(struct touch *p, bool allowed)
{
    p->any &= allowed;
    for (unsigned i = 0; i < 4; i++)
        p->element[i] &= allowed;
}

static const char *any_of(const char *const *words)
{
    unsigned count = 0;

    while (words[count])
        count++;
    return words[below(count)];
}

void some_members(struct twin *t, struct list *l, unsigned most, const char *const *kept,
                  const char *const *lost)
{
    for (unsigned n = below(most + 1); n; n--) {
        free_member(t, l, any_of(kept));
        if (one_in(2))
            lost_member(t, l, any_of(lost));
    }
}
