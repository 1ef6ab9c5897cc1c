/* Any bytes as a document: what parses renders to itself, can be read, and stays JSON through edits
   that the bytes choose. */
#include <stdint.h>
#include <stdlib.h>

#include "base/jspan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct jspan *root, struct str text)
{
    struct buf out = {0};

    jspan_render(root, &out);
    if (!out.failed && !str_eq(buf_str(&out), text))
        abort();
    buf_free(&out);
}

/* Decoded text is UTF-8, unless it is broken off for want of memory. */
static void check_text(struct str text)
{
    while (text.n) {
        size_t n = str_utf8(text);
        if (n == 0)
            abort();
        text = str_slice(text, n, text.n);
    }
}

static void read_all(struct arena *arena, const struct jspan *n, unsigned depth)
{
    if (depth > JSPAN_MAX_DEPTH)
        abort();
    check_text(jspan_str(arena, n));
    check_text(jspan_key(arena, n));
    jspan_int(n, 0);
    jspan_says(n, "text");
    for (const struct jspan *c = jspan_first(n); c; c = c->next) {
        if (c->up != n || (!c->next && n->last != c))
            abort();
        read_all(arena, c, depth + 1);
    }
}

/* The node that some bits name: a way down from the root. */
static struct jspan *node_at(struct jspan *n, uint8_t way)
{
    for (; n->child && way; way >>= 2) {
        n = n->child;
        for (unsigned skip = way & 3; skip && n->next; skip--)
            n = n->next;
    }
    return n;
}

static void edit(struct arena *arena, struct jspan *root, uint8_t what, uint8_t way)
{
    struct jspan *n = node_at(root, way);
    bool opaque = n->child == NULL; /* it may hold text that was put in whole */

    switch (what & 3) {
    case 0:
        jspan_replace(n, STR("{\"new\" : [1]}"));
        break;
    case 1:
        if (n->up)
            jspan_remove(n);
        break;
    case 2:
        if (jspan_is(n->up, JSPAN_OBJECT))
            jspan_rename(arena, n, "renamed\"");
        break;
    default:
        if (n->type == JSPAN_OBJECT && !opaque)
            jspan_set(arena, n, "set", STR("null"));
        else if (n->type == JSPAN_ARRAY && !opaque)
            jspan_push(arena, n, STR("1.0"));
    }
}

static void check_edits(struct arena *arena, struct jspan *root, const uint8_t *data, size_t size)
{
    struct buf out = {0};
    struct jspan *again;

    for (size_t i = 0; i + 1 < size && i < 16; i += 2)
        edit(arena, root, data[i], data[i + 1]);
    jspan_render(root, &out);
    if (!out.failed && jspan_parse(arena, buf_str(&out), &again, NULL) == E_SYNTAX)
        abort();
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str text = {(const char *)data, size};
    struct jspan *root;
    struct jspan_error err = {0};

    if (!arena)
        return 0;
    status s = jspan_parse(arena, text, &root, &err);
    if (s == E_SYNTAX && (!err.what || err.offset > size))
        abort();
    if (s == OK) {
        check_same(root, root->text);
        read_all(arena, root, 0);
        check_edits(arena, root, data, size);
    }
    arena_free(arena);
    return 0;
}
