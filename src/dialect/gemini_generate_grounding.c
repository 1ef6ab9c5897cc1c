/*
 * Gemini: citations as groundingMetadata of a candidate. Each citation is a chunk of its own with one
 * support. Places are bytes of all text of the answer joined, since that is what Google's clients
 * show; a stream tells them with its last chunk, as the vendor's service does.
 *
 * Wire: Google AI for Developers, "GroundingMetadata".
 */
#include "dialect/gemini_generate.h"

void gemini_sources_say(struct gemini_sources *sources, struct str text)
{
    sources->said += text.n;
}

void gemini_sources_open(struct gemini_sources *sources)
{
    sources->before = sources->said;
}

status gemini_sources_add(struct arena *arena, struct gemini_sources *sources,
                          const struct chat_citation *citation)
{
    struct chat_citation moved = *citation;

    moved.begin.bytes += sources->before;
    moved.end.bytes += sources->before;
    if (!sources->end)
        sources->end = &sources->first;
    return chat_citation_keep(arena, &sources->end, &moved);
}

static void write_chunk(struct jwrite *w, const struct chat_citation *c)
{
    bool web = c->source == CHAT_SOURCE_WEB;

    jwrite_object(w);
    jwrite_member_object(w, web ? "web" : "retrievedContext");
    jwrite_maybe_str(w, "uri", c->url);
    jwrite_maybe_str(w, "title", c->title);
    if (!web)
        jwrite_maybe_str(w, "text", c->cited);
    jwrite_end(w);
    jwrite_end(w);
}

static void write_support(struct jwrite *w, const struct chat_citation *c, int64_t chunk)
{
    jwrite_object(w);
    jwrite_member_object(w, "segment");
    jwrite_member_int(w, "startIndex", (int64_t)c->begin.bytes);
    jwrite_member_int(w, "endIndex", (int64_t)c->end.bytes);
    jwrite_end(w);
    jwrite_member_array(w, "groundingChunkIndices");
    jwrite_int(w, chunk);
    jwrite_end(w);
    jwrite_end(w);
}

void gemini_write_grounding(struct jwrite *w, const struct gemini_sources *sources)
{
    int64_t chunk = 0;

    if (!sources->first)
        return;
    jwrite_member_object(w, "groundingMetadata");
    jwrite_member_array(w, "groundingChunks");
    for (const struct chat_citation *c = sources->first; c; c = c->next)
        write_chunk(w, c);
    jwrite_end(w);
    jwrite_member_array(w, "groundingSupports");
    for (const struct chat_citation *c = sources->first; c; c = c->next)
        write_support(w, c, chunk++);
    jwrite_end(w);
    jwrite_end(w);
}
