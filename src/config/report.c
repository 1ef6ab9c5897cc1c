/* Reports of a reading: where, what, and what was expected. */
#include <stdio.h>

#include "config/reading.h"

static void add_place(struct buf *out, const struct place *at)
{
    if (!at)
        return;
    add_place(out, at->up);
    if (!at->key)
        buf_printf(out, "[%zu]", at->index);
    else
        buf_printf(out, "%s%s", at->up ? "." : "", at->key);
}

/* Names come from a file: none of them may end a line early. */
static void tame(struct buf *b, size_t from)
{
    for (size_t i = from; i < b->n; i++)
        if ((unsigned char)b->p[i] < ' ' || b->p[i] == 0x7f)
            b->p[i] = '?';
}

__attribute__((format(printf, 4, 0))) static void report(struct reading *r, const char *prefix,
                                                         const struct place *at, const char *format,
                                                         va_list args)
{
    char what[1024];
    size_t from = r->problems->n;

    vsnprintf(what, sizeof what, format, args);
    buf_printf(r->problems, "%s%s: ", prefix, r->file);
    add_place(r->problems, at);
    buf_printf(r->problems, "%s%s", at ? ": " : "", what);
    tame(r->problems, from);
    buf_add_char(r->problems, '\n');
}

void reading_error(struct reading *r, const struct place *at, const char *format, ...)
{
    va_list args;

    r->failed = true;
    va_start(args, format);
    report(r, "", at, format, args);
    va_end(args);
}

void reading_warning(struct reading *r, const struct place *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(r, "warning: ", at, format, args);
    va_end(args);
}

const char *reading_where(struct reading *r, const struct place *at)
{
    struct buf b = {0};

    buf_printf(&b, "%s%s", r->file, at ? ": " : "");
    add_place(&b, at);
    tame(&b, 0);
    const char *text = b.failed ? NULL : arena_cstr(r->config->arena, buf_str(&b));
    buf_free(&b);
    if (!text)
        r->no_memory = true;
    return text ? text : r->file;
}

void *reading_alloc(struct reading *r, size_t size)
{
    void *p = arena_alloc(r->config->arena, size);

    if (!p)
        r->no_memory = true;
    return p;
}

const char *reading_copy(struct reading *r, const char *text)
{
    const char *copy = arena_cstr(r->config->arena, str_from(text));

    if (!copy)
        r->no_memory = true;
    return copy;
}

const char *reading_path(struct reading *r, const char *path)
{
    const char *file = r->config->file;
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (*path == '/' || !slash)
        return reading_copy(r, path);
    const char *whole =
        arena_printf(r->config->arena, "%.*s/%s", (int)(slash - file), file, path).p;
    if (!whole)
        r->no_memory = true;
    return whole;
}

void reading_remember_file(struct reading *r, const char *path)
{
    struct config_file *file = reading_alloc(r, sizeof *file);

    if (!file)
        return;
    file->path = reading_copy(r, path);
    file->next = r->config->files;
    r->config->files = file;
}
