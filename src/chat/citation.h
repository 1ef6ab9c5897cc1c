/*
 * A source of what was said: the web, a document of the request, or a search result of it.
 *
 * Families tell citations as events of the text block they belong to (chat/event.h); each dialect
 * writes those that it has a word for.
 */
#ifndef CORELAY_CHAT_CITATION_H
#define CORELAY_CHAT_CITATION_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* A length of text, counted in both ways that APIs count: OpenAI in characters (code points),
   Gemini in bytes of UTF-8. */
struct chat_length {
    size_t bytes, chars;
};

enum chat_source {
    CHAT_SOURCE_WEB,
    CHAT_SOURCE_SEARCH_RESULT, /* that the request held; its `url` may be any name */
    CHAT_SOURCE_DOCUMENT
};

/* What `from` and `to` count in a document. */
enum chat_source_unit { CHAT_IN_CHARS, CHAT_IN_PAGES, CHAT_IN_BLOCKS };

struct chat_citation {
    enum chat_source source;
    enum chat_source_unit unit;
    struct str url, title, cited;  /* cited: words of the source; each may be unset */
    int64_t number;                /* of the document or search result in the request; -1 unknown */
    int64_t from, to;              /* the cited words in it; -1 unknown */
    struct chat_length begin, end; /* in the block's text: what the source is given for */
    struct chat_citation *next;    /* in a list that chat_citation_keep made */
};

/* Append a copy in `arena` at `*end`, the end of a list. E_NOMEM. */
status chat_citation_keep(struct arena *arena, struct chat_citation ***end,
                          const struct chat_citation *citation);

struct chat_length chat_length_of(struct str text);
struct chat_length chat_length_sum(struct chat_length a, struct chat_length b);

#endif
