/* Responses: what is said about stored ones. */
#include "dialect/openai_responses_stored.h"

#include "base/jwrite.h"
#include "dialect/call_id.h"

enum { PAGE_DEFAULT = 20, PAGE_MOST = 100 };

/* --- items as text ------------------------------------------------------------------------------- */

static struct str one_message(struct arena *arena, const struct jspan *text)
{
    struct buf out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_array(&w);
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "message");
    jwrite_member_cstr(&w, "role", "user");
    jwrite_member_raw(&w, "content", text->text);
    jwrite_end_all(&w);
    struct str copy = out.failed ? STR_NONE : arena_str(arena, buf_str(&out));
    buf_free(&out);
    return copy;
}

struct str openai_responses_items(struct arena *arena, const struct jspan *input)
{
    if (jspan_none(input))
        return STR("[]");
    return jspan_is(input, JSPAN_STRING) ? one_message(arena, input) : jspan_text(arena, input);
}

void openai_responses_join(struct buf *out, struct str array)
{
    struct str inside = str_trim(array);

    if (inside.n < 2)
        return;
    inside = str_trim(str_slice(inside, 1, inside.n - 1));
    if (!inside.n)
        return;
    if (out->n && out->p[out->n - 1] != '[')
        buf_add_char(out, ',');
    buf_add_str(out, inside);
}

/* Ids of items are PREFIX_ANSWER_PLACE, and may have a signature packed around them. */
struct str openai_responses_maker(struct arena *arena, struct str item_id)
{
    struct str id, signature;

    call_id_unpack(arena, item_id, &id, &signature);
    str_cut(&id, '_');
    size_t end = id.n;
    while (end && id.p[end - 1] != '_')
        end--;
    if (end < 2)
        return STR_NONE;
    return arena_printf(arena, "resp_%.*s", (int)(end - 1), id.p);
}

void openai_responses_deleted(struct str id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "id", id);
    jwrite_member_cstr(&w, "object", "response.deleted");
    jwrite_member_bool(&w, "deleted", true);
    jwrite_end(&w);
}

/* --- the list of input items --------------------------------------------------------------------- */

/* An item's id: its own, or one of its place among all. */
static struct str id_of(struct arena *arena, struct str response_id, const struct jspan *item,
                        size_t place)
{
    struct str id = jspan_str(arena, jspan_get(item, "id")), name = response_id;
    const struct jspan *type = jspan_get(item, "type");

    if (id.n)
        return id;
    str_cut(&name, '_');
    bool message = jspan_none(type) || jspan_says(type, "message");
    return arena_printf(arena, "%s_%.*s_in%zu", message ? "msg" : "item",
                        STR_ARG(name.n ? name : response_id), place);
}

static void write_content(struct jwrite *w, struct arena *arena, const struct jspan *item)
{
    const struct jspan *content = jspan_get(item, "content");
    bool assistant = jspan_says(jspan_get(item, "role"), "assistant");

    jwrite_key(w, "content");
    if (!jspan_is(content, JSPAN_STRING)) {
        jwrite_raw(w, content ? jspan_text(arena, content) : STR("[]"));
        return;
    }
    jwrite_array(w);
    jwrite_object(w);
    jwrite_member_cstr(w, "type", assistant ? "output_text" : "input_text");
    jwrite_member_raw(w, "text", content->text);
    if (assistant)
        jwrite_member_raw(w, "annotations", STR("[]"));
    jwrite_end(w);
    jwrite_end(w);
}

/* As it was sent, with what the API adds. */
static void write_item(struct jwrite *w, struct arena *arena, struct str id,
                       const struct jspan *item)
{
    const struct jspan *role = jspan_get(item, "role");

    jwrite_object(w);
    jwrite_member_str(w, "id", id);
    if (jspan_none(jspan_get(item, "type")))
        jwrite_member_cstr(w, "type", "message");
    if (role && jspan_none(jspan_get(item, "status")))
        jwrite_member_cstr(w, "status", "completed");
    for (const struct jspan *n = jspan_first(item); n; n = n->next) {
        struct str key = jspan_key(arena, n);
        if (str_is(key, "id") || (role && str_is(key, "content")) || jspan_none(n))
            continue;
        jwrite_key_str(w, key);
        jwrite_raw(w, jspan_text(arena, n));
    }
    if (role)
        write_content(w, arena, item);
    jwrite_end(w);
}

struct entry {
    const struct jspan *item;
    struct str id;
};

/* All items, in the order that was asked for; NULL when out of memory. */
static struct entry *entries_of(struct arena *arena, struct str response_id,
                                const struct jspan *array, bool ascending, size_t *count)
{
    size_t place = 0;

    *count = jspan_count(array);
    struct entry *all = ARENA_ARRAY(arena, struct entry, *count + 1);
    if (!all)
        return NULL;
    for (const struct jspan *n = jspan_first(array); n; n = n->next, place++) {
        struct entry *e = &all[ascending ? place : *count - 1 - place];
        *e = (struct entry){n, id_of(arena, response_id, n, place)};
        if (!e->id.p)
            return NULL;
    }
    return all;
}

/* Where the item of that id stands, `otherwise` if nowhere. */
static size_t find(const struct entry *all, size_t count, struct str id, size_t otherwise)
{
    for (size_t i = 0; i < count && id.n; i++)
        if (str_eq(all[i].id, id))
            return i;
    return otherwise;
}

static void write_page(struct jwrite *w, struct arena *arena, const struct entry *from,
                       const struct entry *to, bool more)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "object", "list");
    jwrite_member_array(w, "data");
    for (const struct entry *e = from; e < to; e++)
        write_item(w, arena, e->id, e->item);
    jwrite_end(w);
    jwrite_key(w, "first_id");
    if (from < to)
        jwrite_str(w, from->id);
    else
        jwrite_null(w);
    jwrite_key(w, "last_id");
    if (from < to)
        jwrite_str(w, to[-1].id);
    else
        jwrite_null(w);
    jwrite_member_bool(w, "has_more", more);
    jwrite_end(w);
}

status openai_responses_list(struct arena *arena, struct str response_id, struct str array,
                             const struct openai_responses_page *page, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    struct jspan *tree;
    size_t count;
    status s = jspan_parse(arena, array, &tree, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    if (!jspan_is(tree, JSPAN_ARRAY))
        return E_SYNTAX;
    struct entry *all = entries_of(arena, response_id, tree, page->ascending, &count);
    if (!all)
        return E_NOMEM;
    size_t limit = page->limit > 0 ? (size_t)page->limit : PAGE_DEFAULT;
    if (limit > PAGE_MOST)
        limit = PAGE_MOST;
    size_t from = find(all, count, page->after, SIZE_MAX) + 1;
    size_t to = find(all, count, page->before, count);
    if (from > to)
        from = to;
    bool more = to - from > limit;
    if (more)
        to = from + limit;
    write_page(&w, arena, all + from, all + to, more);
    return out->failed ? E_NOMEM : OK;
}
