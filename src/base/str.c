/* Operations on borrowed text. No allocation anywhere. */
#include "base/str.h"

#include <ctype.h>
#include <strings.h>

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool str_ends(struct str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

bool str_case_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

size_t str_find(struct str s, const char *needle)
{
    if (s.n == 0)
        return s.n;
    const char *at = memmem(s.p, s.n, needle, strlen(needle));
    return at ? (size_t)(at - s.p) : s.n;
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_cut(struct str *rest, char sep)
{
    struct str head = *rest;
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

    if (!at) {
        *rest = STR_NONE;
        return head;
    }
    head.n = (size_t)(at - head.p);
    rest->n -= head.n + 1;
    rest->p = at + 1;
    return head;
}

size_t str_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

bool str_to_long(struct str s, long *out)
{
    long value = 0;
    size_t i = 0;
    bool negative = s.n > 1 && s.p[0] == '-';

    if (negative)
        i = 1;
    if (s.n == 0 || s.n - i > 18)
        return false;
    for (; i < s.n; i++) {
        if (!isdigit((unsigned char)s.p[i]))
            return false;
        value = value * 10 + (s.p[i] - '0');
    }
    *out = negative ? -value : value;
    return true;
}

bool str_glob(struct str s, const char *pattern)
{
    size_t i = 0, mark = 0;
    const char *star = NULL;

    while (i < s.n) {
        if (*pattern == '*') {
            star = pattern++;
            mark = i;
        } else if (*pattern && *pattern == s.p[i]) { /* NUL in `s` is not the pattern's end */
            pattern++;
            i++;
        } else if (star) {
            pattern = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
