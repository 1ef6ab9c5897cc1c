/*
 * A growing byte buffer with a ceiling.
 *
 * Writers append without asking; the first failure sticks (`failed`), later appends do nothing, and
 * whoever finishes the buffer looks once. A buffer owns its bytes: `buf_free` gives them back.
 */
#ifndef CORELAY_BASE_BUF_H
#define CORELAY_BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap;
    size_t ceiling; /* 0: none */
    bool failed;    /* out of memory, or the ceiling was reached */
};

void buf_free(struct buf *b);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);

bool buf_grow(struct buf *b, size_t more); /* for buf_reserve, where there is too little */

/* Room for `more` further bytes; false (and `failed`) when it cannot be had. */
static inline bool buf_reserve(struct buf *b, size_t more)
{
    return (!b->failed && more <= b->cap - b->n) || buf_grow(b, more);
}

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *z);
static inline void buf_add_char(struct buf *b, char c)
{
    if (buf_reserve(b, 1))
        b->p[b->n++] = c;
}
void buf_add_int(struct buf *b, int64_t value); /* decimal */
/* Needs room for one byte more than it adds. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drop the first `n` bytes. */
void buf_shift(struct buf *b, size_t n);

/* The content, borrowed until the next change. */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

/* The content as a copy in the arena; unset, and the arena has failed (arena_failed), when the buffer
   had. */
struct str buf_copy(const struct buf *b, struct arena *arena);

/* Free an arena that helped to write: where it could not be had (NULL) or ran out of memory, the
   content may lack a part, so the buffer fails. */
void buf_end_scratch(struct buf *b, struct arena *scratch);

#endif
