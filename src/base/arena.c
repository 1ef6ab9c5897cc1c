/* Bump allocation in chained chunks; a large request gets a chunk of its own. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/crypto.h"
#include "base/held.h"

enum {
    CHUNK_BYTES = 4096,           /* the first one; later ones grow with the arena */
    CHUNK_MAX_BYTES = 256 * 1024, /* so large that the C library gives it back when it is freed */
    TRIM_BYTES = 8 * 1024 * 1024, /* freeing more than that is worth giving back what lies idle */
    ALIGN = _Alignof(max_align_t)
};

struct chunk {
    struct chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

struct arena {
    struct chunk *chunks; /* the newest first; only that one is filled further */
    size_t used, ceiling;
    bool failed, secret;
};

struct arena *arena_new(size_t ceiling)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->ceiling = ceiling ? ceiling : SIZE_MAX;
    return arena;
}

void arena_hold_secrets(struct arena *arena)
{
    arena->secret = true;
}

static void chunk_free(const struct arena *arena, struct chunk *c)
{
    if (arena->secret)
        crypto_wipe(c->bytes, c->used);
    held_take(c->size);
    free(c);
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    bool large = arena->used > TRIM_BYTES;
    for (struct chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        chunk_free(arena, c);
    }
    free(arena);
#ifdef __GLIBC__
    if (large)
        malloc_trim(0);
#else
    (void)large;
#endif
}

void arena_allow(struct arena *arena, size_t more)
{
    arena->ceiling = more < SIZE_MAX - arena->ceiling ? arena->ceiling + more : SIZE_MAX;
}

/* With the address sanitizer nothing is kept, so that it sees who holds on to scratch. */
void arena_reset(struct arena *arena)
{
    struct chunk *kept = arena->chunks;

    arena->failed = false;
#ifdef __SANITIZE_ADDRESS__
    kept = NULL;
#endif
    if (kept && kept->size > CHUNK_MAX_BYTES)
        kept = NULL;
    for (struct chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        if (c != kept)
            chunk_free(arena, c);
    }
    arena->chunks = kept;
    arena->used = 0;
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
}

static size_t chunk_room(const struct arena *arena)
{
    size_t room = arena->used / 2;

    if (room < CHUNK_BYTES)
        room = CHUNK_BYTES;
    if (room > CHUNK_MAX_BYTES)
        room = CHUNK_MAX_BYTES;
    return room - sizeof(struct chunk);
}

static struct chunk *chunk_new(struct arena *arena, size_t size)
{
    size_t room = chunk_room(arena);

    if (size > room / 4)
        room = size;
    struct chunk *c = malloc(sizeof *c + room);
    if (!c)
        return NULL;
    held_add(room);
    c->used = 0;
    c->size = room;
    if (room == size && arena->chunks) { /* a large one: keep filling the chunk in front */
        c->next = arena->chunks->next;
        arena->chunks->next = c;
    } else {
        c->next = arena->chunks;
        arena->chunks = c;
    }
    return c;
}

static void *refuse(struct arena *arena)
{
    arena->failed = true;
    return NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return refuse(arena);
    size = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (size > arena->ceiling - arena->used)
        return refuse(arena);

    struct chunk *c = arena->chunks;
    if (!c || c->size - c->used < size)
        c = chunk_new(arena, size);
    if (!c)
        return refuse(arena);
    void *p = (char *)c->bytes + c->used;
    c->used += size;
    arena->used += size;
    return memset(p, 0, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return refuse(arena);
    return arena_alloc(arena, count * size);
}

void arena_fail(struct arena *arena)
{
    arena->failed = true;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_cstr(arena, s);
    return (struct str){copy, copy ? s.n : 0};
}

char *arena_cstr(struct arena *arena, struct str s)
{
    if (s.n == SIZE_MAX)
        return refuse(arena);
    char *copy = arena_alloc(arena, s.n + 1);
    if (copy && s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str s = arena_vprintf(arena, format, args);
    va_end(args);
    return s;
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

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
