/*
 * A borrowed run of bytes: pointer and length, not terminated, never freed through this type.
 *
 * Text from the network may hold NUL, so lengths travel with it. Whoever hands out a `struct str`
 * says how long the bytes behind it live; most often that is "as long as the arena".
 */
#ifndef CORELAY_BASE_STR_H
#define CORELAY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *z)
{
    return str_eq(a, str_from(z));
}

static inline struct str str_slice(struct str s, size_t from, size_t to)
{
    /* C does not define NULL + 0, and an empty string may have no bytes at all. */
    return (struct str){s.p ? s.p + from : NULL, to - from};
}

bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);

/* Equal but for ASCII case. */
bool str_case_eq(struct str a, struct str b);

/* Where `needle` begins in `s`, or `s.n` if it does not occur. */
size_t str_find(struct str s, const char *needle);

/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);

/* Cut `*rest` at the first `sep`: returns what stands before it and leaves in `*rest` what stands
   after it (nothing, with a NULL pointer, when there was no `sep`). */
struct str str_cut(struct str *rest, char sep);

/* Length of the UTF-8 sequence that `s` begins with, 0 if it is none (RFC 3629: no overlong forms,
   no surrogates, nothing above U+10FFFF). */
size_t str_utf8(struct str s);

/* A decimal number of at most 18 digits that fills the whole of `s`. */
bool str_to_long(struct str s, long *out);

/* Does `s` match `pattern`, where `*` stands for any run of bytes? */
bool str_glob(struct str s, const char *pattern);

#endif
