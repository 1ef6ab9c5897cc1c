/*
 * Where does an object or array end? Looks at one byte after the other, so that a value that comes
 * in pieces is looked at once. Both kinds of quotes count, since Python literals use both and JSON
 * has no single quote outside of strings.
 */
#ifndef CORELAY_FAMILY_JSON_SCAN_H
#define CORELAY_FAMILY_JSON_SCAN_H

#include <stdbool.h>

#include "base/str.h"

struct json_scan {
    unsigned depth;
    char quote; /* the one that ends the string we are in; 0 outside */
    bool escaped;
    bool complete; /* the last outermost bracket was closed */
};

/* True when `c` closes the outermost bracket. */
static inline bool json_scan_byte(struct json_scan *s, char c)
{
    if (s->quote) {
        if (s->escaped)
            s->escaped = false;
        else if (c == '\\')
            s->escaped = true;
        else if (c == s->quote)
            s->quote = 0;
        return false;
    }
    if (c == '"' || c == '\'') {
        s->quote = c;
    } else if (c == '{' || c == '[') {
        s->depth++;
        s->complete = false;
    } else if ((c == '}' || c == ']') && s->depth > 0) {
        s->complete = --s->depth == 0;
        return s->complete;
    }
    return false;
}

static inline void json_scan_text(struct json_scan *s, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        json_scan_byte(s, text.p[i]);
}

#endif
