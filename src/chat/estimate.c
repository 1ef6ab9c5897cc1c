/*
 * The estimate walks over the text as byte-pair tokenizers see it: words, numbers, runs of spaces,
 * punctuation, and everything that is not ASCII. The figures were fitted to the o200k vocabulary.
 */
#include "chat/estimate.h"

#include <ctype.h>

enum {
    MESSAGE_TOKENS = 4,  /* role and separators */
    TOOL_TOKENS = 12,    /* framing of a tool definition */
    IMAGE_TOKENS = 1600, /* the largest that Claude charges for one image */
    DOCUMENT_BYTES = 12, /* base64 bytes of a PDF per token, roughly */
    CENTI = 100
};

/* In hundredths of a token. */
static int64_t word_cost(size_t length)
{
    if (length <= 7)
        return 105;
    return 105 + (int64_t)(length - 7) * 22;
}

static int64_t number_cost(size_t length)
{
    return (int64_t)(length + 2) / 3 * CENTI;
}

static size_t run(struct str s, size_t from, int (*is)(int))
{
    size_t i = from;
    while (i < s.n && (unsigned char)s.p[i] < 0x80 && is((unsigned char)s.p[i]))
        i++;
    return i - from;
}

/* Letters beyond ASCII: European ones make part of a word, the others about a token each. */
static int64_t foreign_cost(struct str s, size_t *at)
{
    unsigned char c = (unsigned char)s.p[*at];
    size_t length = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    *at += length;
    return length == 2 ? 50 : length == 3 ? 80 : 200;
}

int64_t chat_estimate_text(struct str text)
{
    int64_t cost = 0;

    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        size_t n;
        if (c >= 0x80) {
            cost += foreign_cost(text, &i);
        } else if ((n = run(text, i, isalpha)) > 0) {
            cost += word_cost(n);
            i += n;
        } else if ((n = run(text, i, isdigit)) > 0) {
            cost += number_cost(n);
            i += n;
        } else if ((n = run(text, i, isspace)) > 0) {
            cost += n > 1 ? 70 : c == ' ' ? 0 : 50; /* one space belongs to the word behind it */
            i += n;
        } else {
            n = run(text, i, ispunct);
            cost += (int64_t)(n ? n : 1) * 65; /* pairs such as ": and }, are one token */
            i += n ? n : 1;
        }
    }
    return (cost + CENTI - 1) / CENTI;
}

static int64_t estimate_parts(const struct chat_part *parts)
{
    int64_t tokens = 0;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind == CHAT_IMAGE)
            tokens += IMAGE_TOKENS;
        else if (p->kind == CHAT_DOCUMENT || p->kind == CHAT_AUDIO)
            tokens += (int64_t)p->data.n / DOCUMENT_BYTES;
        tokens += chat_estimate_text(p->text) + chat_estimate_text(p->name) +
                  chat_estimate_text(p->arguments) + estimate_parts(p->content);
    }
    return tokens;
}

/* In per cent of the o200k count, with a margin for the errors of the walk: Claude's tokenizer makes
   15 to 20 % more tokens of the same text. */
static int64_t margin(struct str model)
{
    if (str_find(model, "claude") < model.n)
        return 135;
    return 115;
}

int64_t chat_estimate_tokens(const struct chat_request *r, struct str model)
{
    int64_t tokens = MESSAGE_TOKENS;

    for (const struct chat_message *m = r->messages; m; m = m->next)
        tokens += MESSAGE_TOKENS + estimate_parts(m->parts);
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        tokens += TOOL_TOKENS + chat_estimate_text(t->name) + chat_estimate_text(t->description) +
                  chat_estimate_text(t->schema);
    return tokens * margin(model) / CENTI;
}
