/* The growing buffer: doubles until its ceiling. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/held.h"

void buf_free(struct buf *b)
{
    held_take(b->cap);
    free(b->p);
    b->p = NULL;
    b->n = b->cap = 0;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

bool buf_grow(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more > SIZE_MAX / 4 || (b->ceiling && more > b->ceiling - b->n)) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->n < more)
        cap *= 2;
    if (b->ceiling && cap > b->ceiling)
        cap = b->ceiling;
    char *p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    held_add(cap - b->cap);
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_cstr(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

void buf_add_int(struct buf *b, int64_t value)
{
    char digits[20], *p = digits + sizeof digits; /* "-9223372036854775808" */
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) { /* vsnprintf wants room for its NUL */
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_shift(struct buf *b, size_t n)
{
    b->n -= n;
    if (n && b->n) /* a large frame that comes in pieces would be moved with each */
        memmove(b->p, b->p + n, b->n);
}

struct str buf_copy(const struct buf *b, struct arena *arena)
{
    if (!b->failed)
        return arena_str(arena, buf_str(b));
    arena_fail(arena);
    return STR_NONE;
}

void buf_end_scratch(struct buf *b, struct arena *scratch)
{
    b->failed = b->failed || !scratch || arena_failed(scratch);
    arena_free(scratch);
}
