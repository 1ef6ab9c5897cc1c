/*
 * Memory that is born with one piece of work and dies with it.
 *
 * Everything that belongs to a request is taken from the request's arena, so that no decoder,
 * encoder or table ever has to free anything. An arena is not thread-safe: it belongs to whoever
 * works on its request at the moment.
 */
#ifndef CORELAY_BASE_ARENA_H
#define CORELAY_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* A new arena that will hand out at most `ceiling` bytes in all (0: no ceiling).
   NULL when out of memory. */
struct arena *arena_new(size_t ceiling);

/* Give everything back. NULL is allowed. */
void arena_free(struct arena *arena);

/* It holds secrets: its memory is overwritten before it is given back. */
void arena_hold_secrets(struct arena *arena);

/* Let it hand out `more` bytes beyond its ceiling, if it has one. */
void arena_allow(struct arena *arena, size_t more);

/* Forget all that was handed out, keep some memory for what comes: for scratch that is used in a
   loop. */
void arena_reset(struct arena *arena);

/* `size` zeroed bytes, aligned for anything; NULL when out of memory or at the ceiling. */
void *arena_alloc(struct arena *arena, size_t size);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc_array((arena), (count), sizeof(type)))
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* Copies; each is NUL-terminated behind its length. The pointer is NULL when out of memory. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);

/* Formatted text. The pointer is NULL when out of memory. */
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Has it ever refused? Then what was built in it may lack a part, though nobody noticed: whoever is
   about to send that asks here first. */
bool arena_failed(const struct arena *arena);
/* Say so of an arena whose content lacks a part for want of other memory. */
void arena_fail(struct arena *arena);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

#endif
