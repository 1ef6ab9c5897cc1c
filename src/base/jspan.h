/*
 * A JSON text as a tree of spans: every value remembers the bytes it was written with.
 *
 * Traffic passes through the gateway, it does not belong to it. A tree of decoded values (cJSON,
 * see base/json.h, which reads our own files) turns 12345678901234567890 into a double, ends a
 * string at \u0000 and refuses half a surrogate pair, so what came in could not be sent on. Here,
 * what nobody edits is rendered with exactly the bytes it came with, and an edit names one value.
 *
 * Nothing is unescaped until it is asked for. Spans borrow the parsed text, which must live as long
 * as the tree; nodes live in the arena. The grammar is RFC 8259, strictly; nesting is limited.
 */
#ifndef CORELAY_BASE_JSPAN_H
#define CORELAY_BASE_JSPAN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum { JSPAN_MAX_DEPTH = 128 };

enum jspan_type {
    JSPAN_NULL,
    JSPAN_FALSE,
    JSPAN_TRUE,
    JSPAN_NUMBER,
    JSPAN_STRING,
    JSPAN_ARRAY,
    JSPAN_OBJECT
};

struct jspan {
    enum jspan_type type;
    bool changed;    /* this container, or a value inside it, was edited */
    struct str text; /* the bytes of the value; those of a string with its quotes */
    struct str key;  /* in an object: the name as written, with its quotes; else empty */
    struct jspan *up, *before, *next;
    struct jspan *child, *last; /* of arrays and objects */
};

struct jspan_error {
    size_t offset;    /* in bytes, from the beginning of the text */
    const char *what; /* "expected a value", ... */
};

/* Parse one JSON value that fills `text` (white space around it is allowed).
   E_SYNTAX and `*err` when it is none, E_LIMIT when it nests too deeply, E_NOMEM. */
status jspan_parse(struct arena *arena, struct str text, struct jspan **out,
                   struct jspan_error *err);

/* The same, but an array that holds nothing but numbers, one at least, has its text and no elements:
   a tree of vectors would be forty times the size of their text. */
status jspan_parse_flat(struct arena *arena, struct str text, struct jspan **out);

/* --- reading: NULL nodes are allowed everywhere and mean "absent" ---------------------------- */

/* The member of that name; of several the last, as most JSON parsers choose. NULL: none. */
struct jspan *jspan_member(const struct jspan *object, struct str name);

/* The same; here, so that the compiler counts the letters of a literal. */
static inline struct jspan *jspan_get(const struct jspan *object, const char *name)
{
    return jspan_member(object, str_from(name));
}

/* The members or elements: for (n = jspan_first(x); n; n = n->next). NULL if `x` has none. */
struct jspan *jspan_first(const struct jspan *container);

static inline bool jspan_is(const struct jspan *n, enum jspan_type type)
{
    return n && n->type == type;
}

/* Absent or null. */
bool jspan_none(const struct jspan *n);
/* Is it a string with just this text? */
bool jspan_says(const struct jspan *n, const char *text);
/* Number of members or elements. */
size_t jspan_count(const struct jspan *container);

/* The unescaped text of a string (borrowed from the source when it holds no escape, else in the
   arena); empty with a NULL pointer when `n` is no string. Half a surrogate pair becomes U+FFFD;
   \u0000 becomes a NUL byte. */
struct str jspan_str(struct arena *arena, const struct jspan *n);
/* The unescaped member name. */
struct str jspan_key(struct arena *arena, const struct jspan *n);

bool jspan_true(const struct jspan *n);
/* An integer (also written as 1.0 or 1e3) within 53 bits; `otherwise` if it is none. */
int64_t jspan_int(const struct jspan *n, int64_t otherwise);
double jspan_double(const struct jspan *n, double otherwise);
/* The text of the value as it is now (rendered when something in it was edited). */
struct str jspan_text(struct arena *arena, const struct jspan *n);

/* --- editing --------------------------------------------------------------------------------- */

/* Put other JSON text in the place of a value. `json` must be valid and outlive the tree. It stays
   opaque: its type is known, its members are not. */
void jspan_replace(struct jspan *n, struct str json);
/* The same for an object or array whose members will be edited further: they are parsed. E_SYNTAX,
   E_LIMIT, E_NOMEM; `n` is as it was then. */
status jspan_expand(struct arena *arena, struct jspan *n, struct str json);
/* Take a member or element out of its container, at once however many stand beside it. */
void jspan_remove(struct jspan *n);
/* Take every member of that name out; was there one? */
bool jspan_remove_key(struct jspan *object, const char *key);
/* Give a member another name (plain ASCII, no escapes needed). E_NOMEM. */
status jspan_rename(struct arena *arena, struct jspan *n, const char *key);
/* Set a member: replaced where it stands, else appended. E_NOMEM. */
status jspan_set(struct arena *arena, struct jspan *object, const char *key, struct str json);
/* Append an element to an array. E_NOMEM. */
status jspan_push(struct arena *arena, struct jspan *array, struct str json);
/* Put an element into an array, right behind `before`. E_NOMEM. */
status jspan_insert(struct arena *arena, struct jspan *before, struct str json);
/* Move a value (with all below it) from wherever it stands to the end of an array. */
void jspan_move(struct jspan *n, struct jspan *array);

/* Append the text of the whole value. */
void jspan_render(const struct jspan *n, struct buf *out);

/* `s` as a JSON string in the arena; the pointer is NULL when out of memory. */
struct str jspan_quote(struct arena *arena, struct str s);

#endif
