/* Supports name places of the answer, and chunks by their number; chunks are the sources. */
#include "family/vertex_gemini_grounding.h"

void gemini_grounding_open(struct gemini_grounding *g)
{
    g->said = (struct chat_length){0, 0};
}

void gemini_grounding_say(struct gemini_grounding *g, struct str text)
{
    g->said = chat_length_sum(g->said, chat_length_of(text));
}

status gemini_grounding_keep(struct gemini_grounding *g, struct arena *arena, struct arena *scratch,
                             const struct jspan *candidate)
{
    const struct jspan *metadata = jspan_get(candidate, "groundingMetadata");

    if (!jspan_count(jspan_get(metadata, "groundingChunks")))
        return OK;
    struct str text = jspan_text(scratch, metadata);
    if (str_eq(text, g->metadata))
        return OK;
    g->metadata = arena_str(arena, text);
    return g->metadata.p ? OK : E_NOMEM;
}

/* Where a support's segment lies. What cannot be a place is the whole block. */
static void place(const struct gemini_grounding *g, const struct jspan *segment,
                  struct chat_citation *c)
{
    bool ascii = g->said.chars == g->said.bytes;
    int64_t begin = jspan_int(jspan_get(segment, "startIndex"), 0);
    int64_t end = jspan_int(jspan_get(segment, "endIndex"), 0);

    c->begin = (struct chat_length){0, 0};
    c->end = g->said;
    if (!ascii || begin < 0 || end <= begin || (uint64_t)end > g->said.bytes)
        return;
    c->begin = (struct chat_length){(size_t)begin, (size_t)begin};
    c->end = (struct chat_length){(size_t)end, (size_t)end};
}

/* One source: {"web":{"uri","title"}} or {"retrievedContext":{"uri","title","text"}}. */
static struct chat_citation source_of(struct arena *arena, const struct jspan *chunk)
{
    const struct jspan *web = jspan_get(chunk, "web"), *from = web;

    if (!web)
        from = jspan_get(chunk, "retrievedContext");
    return (struct chat_citation){.source = web ? CHAT_SOURCE_WEB : CHAT_SOURCE_DOCUMENT,
                                  .url = jspan_str(arena, jspan_get(from, "uri")),
                                  .title = jspan_str(arena, jspan_get(from, "title")),
                                  .cited = jspan_str(arena, jspan_get(from, "text")),
                                  .number = -1,
                                  .from = -1,
                                  .to = -1};
}

static status tell(struct chat_sink *sink, struct chat_event *event, const struct chat_citation *c)
{
    if (!c->url.n && !c->title.n) /* a kind of source that is not known here */
        return OK;
    event->kind = CHAT_EVENT_CITATION;
    event->citation = c;
    return chat_push(sink, event);
}

static const struct jspan *chunk_at(const struct jspan *chunks, int64_t number)
{
    const struct jspan *n = jspan_first(chunks);

    while (n && number > 0) {
        n = n->next;
        number--;
    }
    return number ? NULL : n;
}

static status tell_support(const struct gemini_grounding *g, struct arena *arena,
                           const struct jspan *chunks, const struct jspan *support,
                           struct chat_sink *sink, struct chat_event *event)
{
    const struct jspan *n = jspan_first(jspan_get(support, "groundingChunkIndices"));
    status s = OK;

    for (; n && !s; n = n->next) {
        struct chat_citation c = source_of(arena, chunk_at(chunks, jspan_int(n, 0)));
        place(g, jspan_get(support, "segment"), &c);
        s = tell(sink, event, &c);
    }
    return s;
}

status gemini_grounding_tell(struct gemini_grounding *g, struct arena *arena,
                             struct chat_sink *sink, struct chat_event event)
{
    struct jspan *metadata;
    status s = OK;

    if (!g->metadata.n || jspan_parse(arena, g->metadata, &metadata, NULL))
        return OK;
    const struct jspan *chunks = jspan_get(metadata, "groundingChunks");
    const struct jspan *support = jspan_first(jspan_get(metadata, "groundingSupports"));
    const struct jspan *chunk = support ? NULL : jspan_first(chunks);

    g->metadata = STR_NONE;
    for (int i = 0; support && i < GROUNDED_PLACES && !s; support = support->next, i++)
        s = tell_support(g, arena, chunks, support, sink, &event);
    for (; chunk && !s; chunk = chunk->next) { /* sources of no place in particular */
        struct chat_citation c = source_of(arena, chunk);
        c.end = g->said;
        s = tell(sink, &event, &c);
    }
    return s;
}
