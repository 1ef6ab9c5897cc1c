/*
 * Paths that stay below a deployment's own.
 *
 * Servers differ in what they decode and how often, and in what they do about dots and slashes. So
 * nothing is mended here: what could mean two things is refused.
 */
#include "exchange/pass_path.h"

#include "base/buf.h"
#include "base/crypto.h"

enum { SEGMENT_BYTES = 2048, DECODINGS_MAX = 4 };

static bool is_plain(struct str s, const char *never)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr(never, c))
            return false;
    }
    return true;
}

/* "", ".", "..", and "..;x", which some servers take for "..". */
static bool is_dots(struct str s)
{
    s = str_cut(&s, ';');
    return s.n == 0 || str_is(s, ".") || str_is(s, "..");
}

/* Undo one round of percent-encoding in place: how many escapes were undone. What is none stays as it is,
   and sets `*broken`. */
static int decode_once(char *text, size_t *n, bool *broken)
{
    size_t out = 0;
    int undone = 0;
    uint8_t byte;

    *broken = false;
    for (size_t i = 0; i < *n; i++) {
        bool escape = text[i] == '%';
        if (!escape || *n - i < 3 || !crypto_unhex((struct str){text + i + 1, 2}, &byte, 1)) {
            *broken |= escape;
            text[out++] = text[i];
            continue;
        }
        text[out++] = (char)byte;
        i += 2;
        undone++;
    }
    *n = out;
    return undone;
}

static bool harmless(const char *text, size_t n)
{
    struct str s = {text, n};

    for (size_t i = 0; i < n; i++)
        if (text[i] == '/' || text[i] == '\\' || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return !is_dots(s);
}

/* Is it harmless as it is, and each time it is decoded? A broken escape is refused only at first: behind
   that it is text, in which others decode what is none. */
static bool segment_good(struct str segment)
{
    char text[SEGMENT_BYTES];
    size_t n = segment.n;
    bool broken;

    if (n > sizeof text)
        return false;
    memcpy(text, segment.p, n);
    for (int round = 0; round < DECODINGS_MAX; round++) {
        if (!harmless(text, n))
            return false;
        int undone = decode_once(text, &n, &broken);
        if (broken && round == 0)
            return false;
        if (undone == 0)
            return true;
    }
    return false;
}

bool pass_path_good(struct str path)
{
    if (!path.n)
        return true;
    if (path.p[0] != '/' || !is_plain(path, "\\?#\"<>^`{|}"))
        return false;
    path = str_slice(path, 1, path.n);
    while (path.n) { /* a slash at the very end is allowed */
        if (!segment_good(str_cut(&path, '/')))
            return false;
    }
    return true;
}

status pass_query(struct arena *arena, struct str query, struct str *out)
{
    struct buf text = {0};

    if (!is_plain(query, "#"))
        return E_SYNTAX;
    while (query.n) {
        struct str pair = str_cut(&query, '&'), value = pair;
        if (!pair.n || str_is(str_cut(&value, '='), "key"))
            continue;
        buf_add_char(&text, text.n ? '&' : '?');
        buf_add_str(&text, pair);
    }
    *out = text.n ? arena_str(arena, buf_str(&text)) : STR("");
    bool failed = text.failed || !out->p;
    buf_free(&text);
    return failed ? E_NOMEM : OK;
}
