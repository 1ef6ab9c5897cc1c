/*
 * The estimate walks over the text as byte-pair tokenizers cut it before they look anything up:
 * words, groups of digits, runs of spaces, punctuation. What each costs is an average.
 */
#include "chat/estimate.h"

#include <ctype.h>

enum {
    MESSAGE_TOKENS = 4,  /* role and separators */
    TOOL_TOKENS = 12,    /* framing of a tool definition */
    IMAGE_TOKENS = 1600, /* the largest that Claude charges for one image */
    DOCUMENT_BYTES = 12, /* base64 bytes of a PDF per token, roughly */
    LONG_WORD = 6,       /* letters that an average word's token covers */
    CENTI = 100,
    TOKEN_BYTES = 8, /* of text per token, at most; longer ones are rare */
    /* Margins: for the errors of the walk, and for Claude because its present tokenizers, which are
       not published, make more tokens of a text than the published one. */
    OTHER_PERCENT = 120,
    CLAUDE_PERCENT = 135
};

/* In hundredths of a token. */
struct costs {
    int word;   /* the first letters, with the space in front */
    int camel;  /* a word that begins within another: `camelCase` */
    int letter; /* each beyond LONG_WORD */
    int accent, cyrillic,
        other; /* on top, for letters of two bytes; Greek, Arabic... are `other` */
    int indic, cjk, hangul, rare; /* for characters of three bytes and of four */
    int digits;                   /* each group of three */
    int newline, indent;
    int glued; /* punctuation that goes with the word behind it: ".com" */
    int punct; /* any other, and ... */
    int more;  /* ... what follows it at once */
};

/* Fitted by least squares to two published vocabularies, see doc/token-estimate.md; `indic` and
   `rare` by hand. */
static const struct costs o200k = {.word = 83,
                                   .camel = 112,
                                   .letter = 23,
                                   .accent = 158,
                                   .cyrillic = 8,
                                   .other = 17,
                                   .indic = 45,
                                   .cjk = 75,
                                   .hangul = 74,
                                   .rare = 150,
                                   .digits = 127,
                                   .newline = 119,
                                   .indent = 18,
                                   .glued = 66,
                                   .punct = 102,
                                   .more = 6};
static const struct costs claude = {.word = 91,
                                    .camel = 133,
                                    .letter = 29,
                                    .accent = 300,
                                    .cyrillic = 32,
                                    .other = 89,
                                    .indic = 165,
                                    .cjk = 97,
                                    .hangul = 134,
                                    .rare = 250,
                                    .digits = 115,
                                    .newline = 103,
                                    .indent = 0,
                                    .glued = 117,
                                    .punct = 91,
                                    .more = 7};

struct walk {
    const struct costs *costs;
    struct str rest;
    int64_t sum;
    bool in_word; /* the character before belonged to one */
};

static unsigned char peek(const struct walk *w, size_t at)
{
    return at < w->rest.n ? (unsigned char)w->rest.p[at] : 0;
}

static void skip(struct walk *w, size_t n)
{
    w->rest = str_slice(w->rest, n < w->rest.n ? n : w->rest.n, w->rest.n);
}

/* Letters of one or two bytes make words; those of more stand alone. */
static bool is_letter(unsigned char c)
{
    return isalpha(c) || (c >= 0xc3 && c < 0xe0);
}

static int letter_cost(const struct costs *costs, unsigned char c)
{
    if (c < 0x80)
        return 0;
    return c < 0xce ? costs->accent : c >= 0xd0 && c < 0xd4 ? costs->cyrillic : costs->other;
}

static void walk_word(struct walk *w)
{
    size_t letters = 0;
    bool lower = false; /* the letter before: a capital behind it begins another word */

    w->sum += w->in_word ? w->costs->camel : w->costs->word;
    for (unsigned char c; is_letter(c = peek(w, 0)) && !(lower && isupper(c)); letters++) {
        w->sum += letter_cost(w->costs, c);
        lower = !isupper(c);
        skip(w, c < 0x80 ? 1 : 2);
    }
    if (letters > LONG_WORD)
        w->sum += (int64_t)(letters - LONG_WORD) * w->costs->letter;
}

static void walk_foreign(struct walk *w)
{
    unsigned char c = peek(w, 0);

    if (c < 0xe0)
        w->sum += w->costs->punct; /* Latin-1 signs; or broken UTF-8 */
    else if (c < 0xe2)
        w->sum += w->costs->indic;
    else if (c < 0xf0)
        w->sum += c >= 0xea && c <= 0xed ? w->costs->hangul : w->costs->cjk;
    else
        w->sum += w->costs->rare;
    skip(w, c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4);
}

static size_t run(const struct walk *w, int (*is)(int))
{
    size_t n = 0;
    for (unsigned char c; (c = peek(w, n)) < 0x80 && is(c); n++)
        ;
    return n;
}

static void walk_space(struct walk *w)
{
    size_t n = run(w, isspace), spaces = 0;
    bool newline = memchr(w->rest.p, '\n', n) != NULL;

    while (spaces < n && w->rest.p[n - 1 - spaces] == ' ')
        spaces++;
    if (newline)
        w->sum += w->costs->newline;
    if (newline ? spaces > 1 : n > 1) /* a single one belongs to the word behind it */
        w->sum += w->costs->indent;
    skip(w, n);
}

static void walk_punctuation(struct walk *w)
{
    size_t n = run(w, ispunct);

    if (n == 0)
        n = 1; /* a control character */
    if (n == 1 && isalpha(peek(w, 1)))
        w->sum += w->costs->glued;
    else
        w->sum += w->costs->punct + (int64_t)(n - 1) * w->costs->more;
    skip(w, n);
}

static int64_t walk_text(const struct costs *costs, struct str text)
{
    struct walk w = {.costs = costs, .rest = text};

    while (w.rest.n) {
        unsigned char c = peek(&w, 0);
        bool word = is_letter(c);
        if (word) {
            walk_word(&w);
        } else if (c >= 0x80) {
            walk_foreign(&w);
        } else if (isdigit(c)) {
            size_t n = run(&w, isdigit);
            w.sum += (int64_t)((n + 2) / 3) * costs->digits;
            skip(&w, n);
        } else if (isspace(c)) {
            walk_space(&w);
        } else {
            walk_punctuation(&w);
        }
        w.in_word = word;
    }
    return (w.sum + CENTI - 1) / CENTI;
}

static bool is_claude(struct str model)
{
    return str_find(model, "claude") < model.n;
}

int64_t chat_estimate_text(struct str text, struct str model)
{
    return walk_text(is_claude(model) ? &claude : &o200k, text);
}

static int64_t estimate_parts(const struct costs *costs, const struct chat_part *parts)
{
    int64_t tokens = 0;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind == CHAT_IMAGE)
            tokens += IMAGE_TOKENS;
        else if (p->kind == CHAT_DOCUMENT || p->kind == CHAT_AUDIO)
            tokens += (int64_t)p->data.n / DOCUMENT_BYTES;
        tokens += walk_text(costs, p->text) + walk_text(costs, p->name) +
                  walk_text(costs, p->arguments) + estimate_parts(costs, p->content);
    }
    return tokens;
}

int64_t chat_estimate_tokens(const struct chat_request *r, struct str model)
{
    const struct costs *costs = is_claude(model) ? &claude : &o200k;
    int64_t tokens = MESSAGE_TOKENS;

    for (const struct chat_message *m = r->messages; m; m = m->next)
        tokens += MESSAGE_TOKENS + estimate_parts(costs, m->parts);
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        tokens += TOOL_TOKENS + walk_text(costs, t->name) + walk_text(costs, t->description) +
                  walk_text(costs, t->schema);
    return tokens * (is_claude(model) ? CLAUDE_PERCENT : OTHER_PERCENT) / 100;
}

static size_t count_bytes(const struct chat_part *parts)
{
    size_t bytes = 0;

    for (const struct chat_part *p = parts; p; p = p->next)
        bytes += p->text.n + p->arguments.n + count_bytes(p->content);
    return bytes;
}

bool chat_estimate_reaches(const struct chat_request *r, struct str model, int64_t tokens)
{
    size_t bytes = 0;

    for (const struct chat_tool *t = r->tools; t; t = t->next)
        bytes += t->description.n + t->schema.n;
    for (const struct chat_message *m = r->messages; m; m = m->next)
        bytes += count_bytes(m->parts);
    return (int64_t)(bytes / TOKEN_BYTES) >= tokens || chat_estimate_tokens(r, model) >= tokens;
}
