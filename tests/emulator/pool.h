/*
 * Memory of one request: everything allocated from a pool dies with it. Each piece is an
 * allocation of its own, so that a sanitizer sees every overrun. Running out of memory ends
 * the program: this is a test service.
 */
#ifndef EMULATOR_POOL_H
#define EMULATOR_POOL_H

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct pool_piece;
struct pool_tree;

struct pool {
    struct pool_piece *pieces;
    struct pool_tree *trees;
};

/* Zeroed memory, owned by the pool. */
void *pool_alloc(struct pool *pool, size_t size);

/* Resize; old may be NULL. New bytes are not zeroed. */
void *pool_grow(struct pool *pool, void *old, size_t size);

/* A NUL-terminated copy of len bytes. */
char *pool_copy(struct pool *pool, const char *text, size_t len);

char *pool_printf(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The tree now belongs to the pool; returns it. NULL is fine. */
cJSON *pool_keep(struct pool *pool, cJSON *tree);

void pool_free(struct pool *pool);

/* Growing bytes, always NUL-terminated once something was added. */
struct buf {
    struct pool *pool;
    char *at;
    size_t len, cap;
};

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);

/* The text as a JSON string, with its quotes. */
void buf_quote(struct buf *buf, const char *text, size_t len);

/*
 * JSON by template: ' in the template stands for a double quote. %s raw text, %q quoted JSON
 * string (null for NULL), %d int, %u unsigned, %l long long, %f double, %b true or false,
 * %% percent.
 */
void buf_json(struct buf *buf, const char *format, ...);
void buf_vjson(struct buf *buf, const char *format, va_list args);

/* The text so far, "" when empty. */
const char *buf_str(const struct buf *buf);

#endif
