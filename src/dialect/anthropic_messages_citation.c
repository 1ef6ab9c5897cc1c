/*
 * Messages: citations, in whole answers and in citations_delta alike.
 *
 * Words of the web have an `encrypted_index` there, by which the vendor finds them again. We have
 * none, and a client wants to see a string, so it is empty; where such a citation comes back, it is
 * left out (family/bedrock_invoke_messages.c).
 *
 * Wire: Anthropic, "Citations"; "Search results"; "Web search tool".
 */
#include "dialect/anthropic_messages.h"

static void write_title(struct jwrite *w, const char *key, struct str title)
{
    if (title.n)
        jwrite_member_str(w, key, title);
    else
        jwrite_member_null(w, key);
}

static void write_place(struct jwrite *w, const struct chat_citation *c, const char *from,
                        const char *to)
{
    jwrite_member_int(w, from, c->from < 0 ? 0 : c->from);
    jwrite_member_int(w, to, c->to < 0 ? 0 : c->to);
}

static void write_document(struct jwrite *w, const struct chat_citation *c)
{
    static const struct {
        const char *type, *from, *to;
    } words[] = {
        [CHAT_IN_CHARS] = {"char_location", "start_char_index", "end_char_index"},
        [CHAT_IN_PAGES] = {"page_location", "start_page_number", "end_page_number"},
        [CHAT_IN_BLOCKS] = {"content_block_location", "start_block_index", "end_block_index"},
    };

    jwrite_member_cstr(w, "type", words[c->unit].type);
    jwrite_member_int(w, "document_index", c->number < 0 ? 0 : c->number);
    write_title(w, "document_title", c->title);
    write_place(w, c, words[c->unit].from, words[c->unit].to);
}

static void write_search_result(struct jwrite *w, const struct chat_citation *c)
{
    jwrite_member_cstr(w, "type", "search_result_location");
    jwrite_member_int(w, "search_result_index", c->number < 0 ? 0 : c->number);
    jwrite_member_str(w, "source", c->url);
    write_title(w, "title", c->title);
    write_place(w, c, "start_block_index", "end_block_index");
}

static void write_web(struct jwrite *w, const struct chat_citation *c)
{
    jwrite_member_cstr(w, "type", "web_search_result_location");
    jwrite_member_str(w, "url", c->url);
    write_title(w, "title", c->title);
    jwrite_member_cstr(w, "encrypted_index", "");
}

void anthropic_messages_write_citation(struct jwrite *w, const struct chat_citation *c)
{
    jwrite_object(w);
    switch (c->source) {
    case CHAT_SOURCE_WEB:
        write_web(w, c);
        break;
    case CHAT_SOURCE_SEARCH_RESULT:
        write_search_result(w, c);
        break;
    case CHAT_SOURCE_DOCUMENT:
        write_document(w, c);
        break;
    }
    jwrite_member_str(w, "cited_text", c->cited);
    jwrite_end(w);
}
