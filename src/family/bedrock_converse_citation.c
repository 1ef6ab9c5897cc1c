/*
 * Citations as Converse tells them: in a block of their own around the text (citationsContent), in
 * streams as deltas behind the text.
 *
 * Wire: Amazon Bedrock API reference, "Citation", "CitationLocation" and "CitationsDelta".
 */
#include "family/bedrock_converse.h"

/* Where the cited words stand: one of these members is there. */
static const struct {
    const char *member, *number;
    enum chat_source source;
    enum chat_source_unit unit;
} places[] = {
    {"documentChar", "documentIndex", CHAT_SOURCE_DOCUMENT, CHAT_IN_CHARS},
    {"documentPage", "documentIndex", CHAT_SOURCE_DOCUMENT, CHAT_IN_PAGES},
    {"documentChunk", "documentIndex", CHAT_SOURCE_DOCUMENT, CHAT_IN_BLOCKS},
    {"searchResultLocation", "searchResultIndex", CHAT_SOURCE_SEARCH_RESULT, CHAT_IN_BLOCKS},
    {"web", "", CHAT_SOURCE_WEB, CHAT_IN_CHARS},
};

/* The words of the source, in one piece. */
static struct str cited_words(struct arena *scratch, const struct jspan *content)
{
    struct buf text = {0};

    for (const struct jspan *n = jspan_first(content); n; n = n->next)
        buf_add_str(&text, jspan_str(scratch, jspan_get(n, "text")));
    if (text.failed)
        arena_fail(scratch);
    struct str copy = text.n ? arena_str(scratch, buf_str(&text)) : STR_NONE;
    buf_free(&text);
    return copy;
}

status converse_cite(struct bedrock_reader *r, struct arena *scratch, const struct jspan *citation)
{
    const struct jspan *location = jspan_get(citation, "location"), *place = NULL;
    size_t i = 0, n = sizeof places / sizeof *places;

    while (i < n && !jspan_is(place = jspan_get(location, places[i].member), JSPAN_OBJECT))
        i++;
    if (i == n)
        return OK;
    const struct jspan *url = places[i].source == CHAT_SOURCE_WEB ? jspan_get(place, "url")
                                                                  : jspan_get(citation, "source");
    struct chat_citation c = {.source = places[i].source,
                              .unit = places[i].unit,
                              .url = jspan_str(scratch, url),
                              .title = jspan_str(scratch, jspan_get(citation, "title")),
                              .cited = cited_words(scratch, jspan_get(citation, "sourceContent")),
                              .number = jspan_int(jspan_get(place, places[i].number), -1),
                              .from = jspan_int(jspan_get(place, "start"), -1),
                              .to = jspan_int(jspan_get(place, "end"), -1)};
    return bedrock_cite(r, &c);
}

status converse_read_cited(struct bedrock_reader *r, struct arena *scratch,
                           const struct jspan *block)
{
    const struct jspan *n = jspan_first(jspan_get(block, "content"));
    status s = bedrock_open(r, CHAT_BLOCK_TEXT, STR_NONE, STR_NONE, STR_NONE);

    for (; n && !s; n = n->next)
        s = bedrock_delta(r, jspan_str(scratch, jspan_get(n, "text")));
    for (n = jspan_first(jspan_get(block, "citations")); n && !s; n = n->next)
        s = converse_cite(r, scratch, n);
    return s;
}
