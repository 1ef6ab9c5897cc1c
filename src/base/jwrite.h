/*
 * Writes JSON text into a buffer, in order, with no tree in between.
 *
 * Commas and colons are put where they belong. Text may hold any bytes: control characters, quotes
 * and backslashes are escaped, everything else goes out as it is. `jwrite_raw` splices JSON text
 * that is valid already, untouched: this is how schemas, arguments and large numbers stay exact.
 */
#ifndef CORELAY_BASE_JWRITE_H
#define CORELAY_BASE_JWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { JWRITE_DEPTH = 64 };

struct jwrite {
    struct buf *out;
    unsigned depth;
    bool comma; /* the next value or key wants a comma in front */
    char closers[JWRITE_DEPTH];
};

/* A writer that appends one value to `out`. */
struct jwrite jwrite_to(struct buf *out);

void jwrite_object(struct jwrite *w);
void jwrite_array(struct jwrite *w);
/* Close the innermost object or array. */
void jwrite_end(struct jwrite *w);
/* Close everything that is open. */
void jwrite_end_all(struct jwrite *w);

void jwrite_key(struct jwrite *w, const char *key);
void jwrite_key_str(struct jwrite *w, struct str key);

void jwrite_str(struct jwrite *w, struct str s);
void jwrite_cstr(struct jwrite *w, const char *z); /* NULL is written as null */
void jwrite_int(struct jwrite *w, int64_t value);
void jwrite_bool(struct jwrite *w, bool value);
void jwrite_null(struct jwrite *w);
void jwrite_raw(struct jwrite *w, struct str json);

/* Member and value in one. */
void jwrite_member_str(struct jwrite *w, const char *key, struct str s);
void jwrite_member_cstr(struct jwrite *w, const char *key, const char *z);
void jwrite_member_int(struct jwrite *w, const char *key, int64_t value);
void jwrite_member_bool(struct jwrite *w, const char *key, bool value);
void jwrite_member_null(struct jwrite *w, const char *key);
void jwrite_member_raw(struct jwrite *w, const char *key, struct str json);
void jwrite_member_object(struct jwrite *w, const char *key);
void jwrite_member_array(struct jwrite *w, const char *key);

/* Only when there is something: an empty `s` (n == 0) writes nothing. */
void jwrite_maybe_str(struct jwrite *w, const char *key, struct str s);
void jwrite_maybe_raw(struct jwrite *w, const char *key, struct str json);

/* The text of `s` as the inside of a JSON string, without the quotes. */
void jwrite_escape(struct buf *out, struct str s);

#endif
