/*
 * Citations: those that come back with what was said, at each of which the service looks, and those
 * that the emulated model gives: for each source that it has to cite, the first words of it.
 */
#include "claude_messages.h"

#include <string.h>

#include "bedrock.h"
#include "json.h"
#include "wire.h"

static const char *const kinds[] = {
    "char_location",          "content_block_location",     "page_location",
    "search_result_location", "web_search_result_location", NULL};

static bool citation_good(struct claude_reading *r, const cJSON *citation, const char *place)
{
    const char *type = json_str(citation, "type");

    if (!type || !word_in(type, kinds))
        return bedrock_bad(
            r->x,
            "%s.text.citations: Input tag '%s' found using 'type' does not match any "
            "of the expected tags",
            place, type ? type : "null");
    if (!json_str(citation, "cited_text"))
        return bedrock_bad(r->x, "%s.text.citations.%s.cited_text: Field required", place, type);
    if (strcmp(type, "web_search_result_location") != 0)
        return true;
    const char *index = json_str(citation, "encrypted_index");
    if (!index || !*index)
        return bedrock_bad(r->x, "%s.text.citations: Invalid `encrypted_index`", place);
    return true;
}

bool claude_citations_good(struct claude_reading *r, const cJSON *block, const char *place)
{
    const cJSON *citations = json_get(block, "citations"), *c;

    if (!citations || cJSON_IsNull(citations))
        return true;
    if (!cJSON_IsArray(citations))
        return bedrock_bad(r->x, "%s.text.citations: Input should be a valid array", place);
    cJSON_ArrayForEach(c, citations)
    {
        if (!citation_good(r, c, place))
            return false;
    }
    return true;
}

/* --- sources of the request ---------------------------------------------------------------------- */

bool claude_wants_citations(const cJSON *block)
{
    return json_true(json_get(block, "citations"), "enabled");
}

bool claude_read_search_result(struct claude_reading *r, const cJSON *block, const char *place)
{
    static const char *const known[] = {"type",      "source",        "title", "content",
                                        "citations", "cache_control", NULL};
    static const char *const needed[] = {"source", "title", NULL};
    const cJSON *content = json_get(block, "content"), *part;
    struct buf text = {&r->x->pool, NULL, 0, 0};
    size_t i;

    if (!claude_members_good(r, block, known, place))
        return false;
    for (i = 0; needed[i]; i++)
        if (!json_str(block, needed[i]))
            return bedrock_bad(r->x, "%s.search_result.%s: Field required", place, needed[i]);
    if (!cJSON_IsArray(content) || !content->child)
        return bedrock_bad(r->x, "%s.search_result.content: Field required", place);
    cJSON_ArrayForEach(part, content)
    {
        const char *type = json_str(part, "type");
        if (!type || strcmp(type, "text"))
            return bedrock_bad(r->x, "%s.search_result.content: Input should be 'text'", place);
        if (!claude_text_good(r, part, place))
            return false;
        buf_text(&text, json_str(part, "text"));
    }
    convo_see(r->c, "search result %s", json_str(block, "source"));
    convo_source(r->c, CITE_SEARCH_RESULT, json_str(block, "title"), json_str(block, "source"),
                 buf_str(&text), claude_wants_citations(block));
    return claude_mark_good(r, block, place);
}

bool claude_sources_good(struct claude_reading *r)
{
    size_t i;

    for (i = 0; i < r->c->citable_count && r->c->uncited; i++)
        if (r->c->citables[i].kind != CITE_SEARCH_RESULT)
            return bedrock_bad(r->x, "messages: citations must be enabled on all documents of the "
                                     "request or on none");
    return true;
}

/* --- citations of the answer ----------------------------------------------------------------------- */

static size_t words_of(const struct citable *s)
{
    enum { CITED_BYTES = 40 };
    size_t len = strlen(s->text);

    return len < CITED_BYTES ? len : utf8_prefix(s->text, len, CITED_BYTES);
}

/* In characters, as the service counts. */
static int chars_of(const char *text, size_t bytes)
{
    int n = 0;

    while (bytes--)
        n += (text[bytes] & 0xc0) != 0x80;
    return n;
}

void claude_citation_write(struct buf *out, const struct citable *s)
{
    size_t len = words_of(s);

    buf_text(out, "{\"cited_text\":");
    buf_quote(out, s->text, len);
    switch (s->kind) {
    case CITE_SEARCH_RESULT:
        buf_json(out,
                 ",'type':'search_result_location','source':%q,'title':%q,"
                 "'search_result_index':%d,'start_block_index':0,'end_block_index':1}",
                 s->source, s->title, s->number);
        return;
    case CITE_CHARS:
        buf_json(out, ",'type':'char_location','start_char_index':0,'end_char_index':%d",
                 chars_of(s->text, len));
        break;
    case CITE_PAGES:
        buf_json(out, ",'type':'page_location','start_page_number':1,'end_page_number':2");
        break;
    case CITE_BLOCKS:
        buf_json(out, ",'type':'content_block_location','start_block_index':0,'end_block_index':1");
        break;
    }
    buf_json(out, ",'document_index':%d,'document_title':%q}", s->number, s->title);
}

void converse_citation_write(struct buf *out, const struct citable *s)
{
    static const char *const places[] = {"documentChar", "documentPage", "documentChunk"};
    size_t len = words_of(s);
    int start = s->kind == CITE_PAGES;

    buf_json(out, "{'title':%q,'sourceContent':[{'text':", s->title ? s->title : "");
    buf_quote(out, s->text, len);
    buf_json(out, "}],'location':{%q:{'documentIndex':%d,'start':%d,'end':%d}}}", places[s->kind],
             s->number, start, s->kind == CITE_CHARS ? chars_of(s->text, len) : start + 1);
}
