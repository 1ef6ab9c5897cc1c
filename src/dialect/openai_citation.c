/* Both forms have the same members. */
#include "dialect/openai_citation.h"

#include "base/log.h"

bool openai_citation_fits(const struct chat_citation *citation, bool *told)
{
    if (str_starts(citation->url, "https://") || str_starts(citation->url, "http://"))
        return true;
    if (told && !*told)
        log_info("citations of documents are left out: the caller's API has none");
    if (told)
        *told = true;
    return false;
}

static void write_members(struct jwrite *w, const struct chat_citation *c, size_t before)
{
    jwrite_member_int(w, "start_index", (int64_t)(before + c->begin.chars));
    jwrite_member_int(w, "end_index", (int64_t)(before + c->end.chars));
    jwrite_member_str(w, "url", c->url);
    jwrite_member_str(w, "title", c->title);
}

void openai_citation_write_nested(struct jwrite *w, const struct chat_citation *citation,
                                  size_t before)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "url_citation");
    jwrite_member_object(w, "url_citation");
    write_members(w, citation, before);
    jwrite_end(w);
    jwrite_end(w);
}

void openai_citation_write_flat(struct jwrite *w, const struct chat_citation *citation)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "url_citation");
    write_members(w, citation, 0);
    jwrite_end(w);
}
