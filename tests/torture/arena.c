/* An arena whose every piece is an allocation of its own, so that each of them can fail, and so that
   AddressSanitizer sees a step over its end. Stands in front of base/arena.c. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct piece {
    struct piece *next;
    max_align_t bytes[];
};

struct arena {
    struct piece *pieces;
    size_t used, ceiling;
    bool failed;
};

struct arena *arena_new(size_t ceiling)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena)
        arena->ceiling = ceiling ? ceiling : SIZE_MAX;
    return arena;
}

static void free_pieces(struct arena *arena)
{
    for (struct piece *p = arena->pieces, *next; p; p = next) {
        next = p->next;
        free(p);
    }
}

void arena_free(struct arena *arena)
{
    if (arena)
        free_pieces(arena);
    free(arena);
}

void arena_hold_secrets(struct arena *arena)
{
    (void)arena;
}

void arena_allow(struct arena *arena, size_t more)
{
    arena->ceiling = more < SIZE_MAX - arena->ceiling ? arena->ceiling + more : SIZE_MAX;
}

void arena_reset(struct arena *arena)
{
    free_pieces(arena);
    *arena = (struct arena){.ceiling = arena->ceiling};
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct piece *p = NULL;

    if (size <= SIZE_MAX / 2 && size <= arena->ceiling - arena->used)
        p = calloc(1, sizeof *p + (size ? size : 1));
    arena->failed |= !p;
    if (!p)
        return NULL;
    p->next = arena->pieces;
    arena->pieces = p;
    arena->used += size;
    return p->bytes;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? NULL : arena_alloc(arena, count * size);
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = s.n < SIZE_MAX ? arena_alloc(arena, s.n + 1) : NULL;

    if (copy && s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_cstr(arena, s);

    return (struct str){copy, copy ? s.n : 0};
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return (struct str){text, text ? (size_t)n : 0};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct str s = arena_vprintf(arena, format, args);
    va_end(args);
    return s;
}

void arena_fail(struct arena *arena)
{
    arena->failed = true;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
