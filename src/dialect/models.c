/*
 * The list of models in the shapes of OpenAI, Anthropic and Google.
 *
 * Beyond their own fields the first two carry the token limits, where known: under OpenRouter's name for
 * OpenAI's shape, under Anthropic's own names (Models API, 2026) for the other.
 */
#include "dialect/models.h"

#include "base/clock.h"
#include "base/jwrite.h"

enum { DEFAULT_LIMIT = 20, GEMINI_PAGE = 50, MAX_LIMIT = 1000 };

/* --- OpenAI ---------------------------------------------------------------------------------- */

static void write_openai(struct jwrite *w, const struct models_entry *m)
{
    jwrite_object(w);
    jwrite_member_str(w, "id", m->id);
    jwrite_member_cstr(w, "object", "model");
    jwrite_member_int(w, "created", m->created);
    jwrite_member_str(w, "owned_by", m->owned_by.n ? m->owned_by : STR("sap-ai-core"));
    if (m->context_length > 0)
        jwrite_member_int(w, "context_length", m->context_length);
    if (m->max_output > 0)
        jwrite_member_int(w, "max_output_tokens", m->max_output);
    jwrite_end(w);
}

void models_openai_list(const struct models_entry *entries, size_t count, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_cstr(&w, "object", "list");
    jwrite_member_array(&w, "data");
    for (size_t i = 0; i < count; i++)
        write_openai(&w, &entries[i]);
    jwrite_end_all(&w);
}

void models_openai_one(const struct models_entry *entry, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    write_openai(&w, entry);
}

/* --- Anthropic ------------------------------------------------------------------------------- */

static void write_anthropic(struct jwrite *w, const struct models_entry *m)
{
    char created[CLOCK_TEXT_BYTES];

    clock_render(m->created * 1000, created);
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "model");
    jwrite_member_str(w, "id", m->id);
    jwrite_member_str(w, "display_name", m->display_name.n ? m->display_name : m->id);
    jwrite_member_cstr(w, "created_at", created);
    if (m->context_length > 0)
        jwrite_member_int(w, "max_input_tokens", m->context_length);
    if (m->max_output > 0)
        jwrite_member_int(w, "max_tokens", m->max_output);
    jwrite_end(w);
}

static size_t position(const struct models_entry *entries, size_t count, struct str id)
{
    size_t i = 0;
    while (i < count && !str_eq(entries[i].id, id))
        i++;
    return i;
}

struct page {
    size_t from, to;
    bool more; /* further entries in the direction of paging */
};

/* An id that is not in the list ends it: there is nothing behind or before it. */
static struct page pick_page(const struct models_entry *entries, size_t count, size_t limit,
                             struct str after, struct str before)
{
    struct page p = {0, count, false};

    if (before.n) {
        p.to = position(entries, count, before);
        if (p.to == count)
            return (struct page){0, 0, false};
        p.from = p.to > limit ? p.to - limit : 0;
        p.more = p.from > 0;
        return p;
    }
    if (after.n)
        p.from = position(entries, count, after) + 1;
    if (p.from > count)
        p.from = count;
    if (count - p.from > limit)
        p.to = p.from + limit;
    p.more = p.to < count;
    return p;
}

static void write_edge(struct jwrite *w, const char *key, const struct models_entry *entry)
{
    if (entry)
        jwrite_member_str(w, key, entry->id);
    else
        jwrite_member_null(w, key);
}

void models_anthropic_list(const struct models_entry *entries, size_t count, int64_t limit,
                           struct str after, struct str before, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    size_t most = limit <= 0 ? DEFAULT_LIMIT : limit > MAX_LIMIT ? MAX_LIMIT : (size_t)limit;
    struct page p = pick_page(entries, count, most, after, before);
    bool empty = p.from == p.to;

    jwrite_object(&w);
    jwrite_member_array(&w, "data");
    for (size_t i = p.from; i < p.to; i++)
        write_anthropic(&w, &entries[i]);
    jwrite_end(&w);
    jwrite_member_bool(&w, "has_more", p.more);
    write_edge(&w, "first_id", empty ? NULL : &entries[p.from]);
    write_edge(&w, "last_id", empty ? NULL : &entries[p.to - 1]);
    jwrite_end_all(&w);
}

void models_anthropic_one(const struct models_entry *entry, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    write_anthropic(&w, entry);
}

/* --- Gemini ---------------------------------------------------------------------------------- */

static void write_methods(struct jwrite *w, const struct models_entry *m)
{
    jwrite_member_array(w, "supportedGenerationMethods");
    if (m->embeds) {
        jwrite_cstr(w, "embedContent");
        jwrite_cstr(w, "batchEmbedContents");
    } else {
        jwrite_cstr(w, "generateContent");
        jwrite_cstr(w, "streamGenerateContent");
        jwrite_cstr(w, "countTokens");
    }
    jwrite_end(w);
}

static void write_gemini(struct jwrite *w, const struct models_entry *m)
{
    jwrite_object(w);
    jwrite_key(w, "name");
    jwrite_raw(w, STR("\"models/"));
    jwrite_escape(w->out, m->id);
    buf_add_char(w->out, '"');
    jwrite_member_str(w, "baseModelId", m->id);
    jwrite_member_cstr(w, "version", "001");
    jwrite_member_str(w, "displayName", m->display_name.n ? m->display_name : m->id);
    if (m->context_length > 0)
        jwrite_member_int(w, "inputTokenLimit", m->context_length);
    if (m->max_output > 0)
        jwrite_member_int(w, "outputTokenLimit", m->max_output);
    write_methods(w, m);
    jwrite_end(w);
}

/* A page's token is the name of the model that it begins with. */
void models_gemini_list(const struct models_entry *entries, size_t count, int64_t size,
                        struct str token, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    size_t most = size <= 0 ? GEMINI_PAGE : size > MAX_LIMIT ? MAX_LIMIT : (size_t)size;
    size_t from = token.n ? position(entries, count, token) : 0;
    size_t to = count - from > most ? from + most : count;

    jwrite_object(&w);
    jwrite_member_array(&w, "models");
    for (size_t i = from; i < to; i++)
        write_gemini(&w, &entries[i]);
    jwrite_end(&w);
    if (to < count)
        jwrite_member_str(&w, "nextPageToken", entries[to].id);
    jwrite_end_all(&w);
}

void models_gemini_one(const struct models_entry *entry, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    write_gemini(&w, entry);
}
