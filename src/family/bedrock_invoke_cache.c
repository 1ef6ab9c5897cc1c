/* Steps on prompt cache breakpoints. */
#include "family/bedrock_invoke.h"

enum { MAX_BREAKPOINTS = 4 };

/* --- automatic caching ----------------------------------------------------------------------- */

/* Bedrock: "thinking.cache_control: Extra inputs are not permitted". */
static bool takes_no_breakpoint(const struct jspan *block)
{
    return block_is(block, "thinking") || block_is(block, "redacted_thinking");
}

/* The last block that may carry a breakpoint. */
static struct jspan *last_cacheable(struct invoke_edit *e)
{
    struct jspan *message = invoke_last_message(e->body), *found = NULL;
    struct jspan *blocks = block_list(e->arena, jspan_get(message, "content"));

    for (struct jspan *b = jspan_first(blocks); b; b = b->next)
        if (!takes_no_breakpoint(b))
            found = b;
    return found;
}

status invoke_place_cache(struct invoke_edit *e)
{
    struct jspan *wish = jspan_get(e->body, "cache_control");
    status s = OK;

    if (!wish)
        return OK;
    struct jspan *block = jspan_is(wish, JSPAN_OBJECT) ? last_cacheable(e) : NULL;
    if (block && jspan_none(jspan_get(block, "cache_control"))) {
        s = jspan_set(e->arena, block, "cache_control", STR("{}"));
        if (!s)
            s = jspan_expand(e->arena, jspan_get(block, "cache_control"), wish->text);
    }
    jspan_remove_key(e->body, "cache_control");
    return s;
}

/* --- breakpoints ----------------------------------------------------------------------------- */

struct breakpoint {
    struct jspan *control;
    struct breakpoint *next;
};

struct breakpoints {
    struct breakpoint *first, **end;
    size_t count;
};

static status collect(struct invoke_edit *e, struct jspan *blocks, struct breakpoints *out)
{
    for (struct jspan *b = jspan_first(blocks); b; b = b->next) {
        if (takes_no_breakpoint(b) && jspan_remove_key(b, "cache_control"))
            dropped_add_cstr(e->dropped, "cache_control");
        struct jspan *control = jspan_get(b, "cache_control");
        if (jspan_is(control, JSPAN_OBJECT)) {
            struct breakpoint *p = ARENA_NEW(e->arena, struct breakpoint);
            if (!p)
                return E_NOMEM;
            p->control = control;
            *out->end = p;
            out->end = &p->next;
            out->count++;
        }
        if (block_is(b, "tool_result")) {
            status s = collect(e, jspan_get(b, "content"), out);
            if (s)
                return s;
        }
    }
    return OK;
}

/* Take out the earliest breakpoints of the list until `excess` is gone. */
static void remove_earliest(struct invoke_edit *e, const struct breakpoints *list, size_t *excess)
{
    for (struct breakpoint *p = list->first; p && *excess; p = p->next, --*excess) {
        jspan_remove(p->control);
        dropped_add_cstr(e->dropped, "cache_control");
    }
}

/* `*shorter`: a breakpoint in front of this one lasts five minutes, and none behind may last
 * longer. */
static status fit_ttl(struct invoke_edit *e, struct jspan *control, bool *shorter)
{
    bool has_ttl = e->call->model->traits & MODEL_CACHE_TTL;
    struct str wish = has_ttl && !*shorter ? e->call->model->cache_ttl : STR_NONE;
    const struct jspan *ttl = jspan_get(control, "ttl");

    if (!ttl && wish.n) {
        struct str quoted = jspan_quote(e->arena, wish);
        *shorter = !str_is(wish, "1h");
        return quoted.p ? jspan_set(e->arena, control, "ttl", quoted) : E_NOMEM;
    }
    bool hour = jspan_says(ttl, "1h");
    if (ttl && (!has_ttl || (hour && *shorter))) {
        if (!jspan_says(ttl, "5m")) /* five minutes is what it gets anyway */
            dropped_add_cstr(e->dropped, "cache_control.ttl");
        jspan_remove_key(control, "ttl");
    }
    *shorter = *shorter || !hour;
    return OK;
}

status invoke_limit_cache(struct invoke_edit *e)
{
    struct breakpoints tools = {.end = &tools.first}, system = {.end = &system.first},
                       messages = {.end = &messages.first};
    struct breakpoints *lists[] = {&messages, &system, &tools}; /* in the order of sacrifice */
    bool shorter = false;
    status s = collect(e, jspan_get(e->body, "tools"), &tools);

    if (!s)
        s = collect(e, jspan_get(e->body, "system"), &system);
    for (struct jspan *m = jspan_first(jspan_get(e->body, "messages")); m && !s; m = m->next)
        s = collect(e, jspan_get(m, "content"), &messages);
    for (size_t i = 3; i-- > 0;)
        for (struct breakpoint *p = lists[i]->first; p && !s; p = p->next)
            s = fit_ttl(e, p->control, &shorter);
    if (s)
        return s;
    size_t all = tools.count + system.count + messages.count;
    size_t excess = all > MAX_BREAKPOINTS ? all - MAX_BREAKPOINTS : 0;
    for (size_t i = 0; i < 3; i++)
        remove_earliest(e, lists[i], &excess);
    return OK;
}
