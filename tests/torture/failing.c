/* The allocator's stand-ins. */
#include "failing.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static uint64_t count, chosen;
static bool counting;

void failing_begin(uint64_t number)
{
    count = 0;
    chosen = number;
    counting = true;
}

uint64_t failing_end(void)
{
    counting = false;
    return count;
}

static bool fails(void)
{
    return counting && ++count == chosen;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = fails() ? NULL : __real_malloc(n);

    return copy ? memcpy(copy, s, n) : NULL;
}
