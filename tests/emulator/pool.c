/* Pools and growing buffers. See pool.h. */
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_piece {
    struct pool_piece *next, *prev;
    max_align_t bytes[];
};

struct pool_tree {
    struct pool_tree *next;
    cJSON *tree;
};

static void *must(void *memory)
{
    if (!memory) {
        fputs("emulator: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static void piece_link(struct pool *pool, struct pool_piece *piece)
{
    piece->prev = NULL;
    piece->next = pool->pieces;
    if (piece->next)
        piece->next->prev = piece;
    pool->pieces = piece;
}

static void piece_unlink(struct pool *pool, struct pool_piece *piece)
{
    if (piece->prev)
        piece->prev->next = piece->next;
    else
        pool->pieces = piece->next;
    if (piece->next)
        piece->next->prev = piece->prev;
}

void *pool_alloc(struct pool *pool, size_t size)
{
    struct pool_piece *piece = must(calloc(1, sizeof *piece + size));

    piece_link(pool, piece);
    return piece->bytes;
}

void *pool_grow(struct pool *pool, void *old, size_t size)
{
    struct pool_piece *piece;

    if (!old)
        return pool_alloc(pool, size);
    piece = (struct pool_piece *)((char *)old - offsetof(struct pool_piece, bytes));
    piece_unlink(pool, piece);
    piece = must(realloc(piece, sizeof *piece + size));
    piece_link(pool, piece);
    return piece->bytes;
}

char *pool_copy(struct pool *pool, const char *text, size_t len)
{
    char *copy = pool_alloc(pool, len + 1);

    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *pool_printf(struct pool *pool, const char *format, ...)
{
    char *text, *copy;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    must(len < 0 ? NULL : text);
    copy = pool_copy(pool, text, (size_t)len);
    free(text);
    return copy;
}

cJSON *pool_keep(struct pool *pool, cJSON *tree)
{
    struct pool_tree *kept;

    if (!tree)
        return NULL;
    kept = pool_alloc(pool, sizeof *kept);
    kept->tree = tree;
    kept->next = pool->trees;
    pool->trees = kept;
    return tree;
}

void pool_free(struct pool *pool)
{
    struct pool_tree *kept;
    struct pool_piece *piece;

    for (kept = pool->trees; kept; kept = kept->next)
        cJSON_Delete(kept->tree);
    while ((piece = pool->pieces)) {
        pool->pieces = piece->next;
        free(piece);
    }
    pool->trees = NULL;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (buf->len + len + 1 > buf->cap) {
        buf->cap = buf->cap ? buf->cap * 2 : 256;
        if (buf->cap < buf->len + len + 1)
            buf->cap = buf->len + len + 1;
        buf->at = pool_grow(buf->pool, buf->at, buf->cap);
    }
    if (len)
        memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void buf_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

const char *buf_str(const struct buf *buf)
{
    return buf->at ? buf->at : "";
}

static void quote_escaped(struct buf *buf, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = strchr(from, c);
    char hex[8];

    if (found && c) {
        buf_char(buf, '\\');
        buf_char(buf, to[found - from]);
        return;
    }
    snprintf(hex, sizeof hex, "\\u%04x", c);
    buf_text(buf, hex);
}

void buf_quote(struct buf *buf, const char *text, size_t len)
{
    size_t i, start = 0;

    buf_char(buf, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, text + start, i - start);
        quote_escaped(buf, c);
        start = i + 1;
    }
    buf_add(buf, text + start, len - start);
    buf_char(buf, '"');
}

__attribute__((format(printf, 2, 3))) static void json_number(struct buf *buf, const char *format,
                                                              ...)
{
    char text[48];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_text(buf, text);
}

static void json_quoted_or_null(struct buf *buf, const char *text)
{
    if (text)
        buf_quote(buf, text, strlen(text));
    else
        buf_text(buf, "null");
}

void buf_vjson(struct buf *buf, const char *format, va_list args)
{
    for (; *format; format++) {
        if (*format == '\'') {
            buf_char(buf, '"');
            continue;
        }
        if (*format != '%') {
            buf_char(buf, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            buf_text(buf, va_arg(args, const char *));
            break;
        case 'q':
            json_quoted_or_null(buf, va_arg(args, const char *));
            break;
        case 'd':
            json_number(buf, "%d", va_arg(args, int));
            break;
        case 'u':
            json_number(buf, "%u", va_arg(args, unsigned));
            break;
        case 'l':
            json_number(buf, "%lld", va_arg(args, long long));
            break;
        case 'f':
            json_number(buf, "%.8g", va_arg(args, double));
            break;
        case 'b':
            buf_text(buf, va_arg(args, int) ? "true" : "false");
            break;
        default:
            buf_char(buf, *format);
            break;
        }
    }
}

void buf_json(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vjson(buf, format, args);
    va_end(args);
}
