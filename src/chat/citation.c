/* Copies of citations, and lengths of text. */
#include "chat/citation.h"

static bool copy_str(struct arena *arena, struct str *s)
{
    if (s->n)
        *s = arena_str(arena, *s);
    return s->p || !s->n;
}

status chat_citation_keep(struct arena *arena, struct chat_citation ***end,
                          const struct chat_citation *citation)
{
    struct chat_citation *copy = ARENA_NEW(arena, struct chat_citation);

    if (!copy)
        return E_NOMEM;
    *copy = *citation;
    copy->next = NULL;
    if (!copy_str(arena, &copy->url) || !copy_str(arena, &copy->title) ||
        !copy_str(arena, &copy->cited))
        return E_NOMEM;
    **end = copy;
    *end = &copy->next;
    return OK;
}

struct chat_length chat_length_of(struct str text)
{
    struct chat_length length = {.bytes = text.n};

    for (size_t i = 0; i < text.n; i++)
        length.chars += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return length;
}

struct chat_length chat_length_sum(struct chat_length a, struct chat_length b)
{
    return (struct chat_length){a.bytes + b.bytes, a.chars + b.chars};
}
