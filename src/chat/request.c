/* Helpers on the hub's request that more than one dialect or family needs. */
#include "chat/request.h"

#include "base/buf.h"

void chat_request_init(struct chat_request *r)
{
    *r = (struct chat_request){.parallel_calls = -1,
                               .max_tokens = -1,
                               .n = -1,
                               .logprobs = -1,
                               .top_logprobs = -1,
                               .show_thinking = -1,
                               .format_strict = -1};
}

struct chat_message *chat_add_message(struct arena *arena, struct chat_message ***at,
                                      enum chat_role role)
{
    struct chat_message *m = ARENA_NEW(arena, struct chat_message);
    if (m) {
        m->role = role;
        **at = m;
        *at = &m->next;
    }
    return m;
}

struct chat_part *chat_add_part(struct arena *arena, struct chat_part ***at,
                                enum chat_part_kind kind)
{
    struct chat_part *p = ARENA_NEW(arena, struct chat_part);
    if (p) {
        p->kind = kind;
        **at = p;
        *at = &p->next;
    }
    return p;
}

static bool same_side(enum chat_role a, enum chat_role b)
{
    bool a_system = a <= CHAT_DEVELOPER, b_system = b <= CHAT_DEVELOPER;
    return a == b || (a_system && b_system);
}

/* Stable: results first, everything else behind them. */
static struct chat_part *results_first(struct chat_part *parts)
{
    struct chat_part *results = NULL, *others = NULL;
    struct chat_part **r = &results, **o = &others;

    for (struct chat_part *p = parts; p; p = p->next) {
        struct chat_part ***at = p->kind == CHAT_TOOL_RESULT ? &r : &o;
        **at = p;
        *at = &p->next;
    }
    *o = NULL;
    *r = others;
    return results;
}

void chat_merge_roles(struct chat_message *messages)
{
    for (struct chat_message *m = messages; m; m = m->next) {
        while (m->next && same_side(m->role, m->next->role)) {
            struct chat_part **end = &m->parts;
            while (*end)
                end = &(*end)->next;
            *end = m->next->parts;
            m->next = m->next->next;
        }
        if (m->role == CHAT_USER)
            m->parts = results_first(m->parts);
    }
}

bool chat_has_part(const struct chat_message *messages, enum chat_part_kind kind)
{
    for (const struct chat_message *m = messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == kind)
                return true;
    return false;
}

bool chat_has_cache(const struct chat_request *r)
{
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        if (t->cache.set)
            return true;
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->cache.set)
                return true;
    return false;
}

static bool any_cited(const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->cite || (p->kind == CHAT_TOOL_RESULT && any_cited(p->content)))
            return true;
    return false;
}

bool chat_wants_citations(const struct chat_request *r)
{
    for (const struct chat_message *m = r->messages; m; m = m->next)
        if (any_cited(m->parts))
            return true;
    return false;
}

size_t chat_message_place(const struct chat_request *request, const struct chat_message *message)
{
    size_t place = 0;

    for (const struct chat_message *m = request->messages; m && m != message; m = m->next)
        place++;
    return place - (place > 0 && request->system_apart);
}

struct str chat_call_name(const struct chat_message *messages, struct str id)
{
    for (const struct chat_message *m = messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == CHAT_TOOL_CALL && str_eq(p->id, id))
                return p->name;
    return STR_NONE;
}

struct str chat_parts_text(struct arena *arena, const struct chat_part *parts,
                           const char *separator)
{
    struct buf text = {0};
    bool first = true;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != CHAT_TEXT)
            continue;
        if (!first)
            buf_add_cstr(&text, separator);
        buf_add_str(&text, p->text);
        first = false;
    }
    struct str copy = buf_copy(&text, arena);
    buf_free(&text);
    return copy;
}

/* One row per effort. The budgets are ours: no vendor publishes an equivalence. */
static const struct {
    const char *word;
    int64_t budget;
} efforts[] = {
    [CHAT_EFFORT_UNSET] = {NULL, 0},           [CHAT_EFFORT_NONE] = {"none", 0},
    [CHAT_EFFORT_MINIMAL] = {"minimal", 1024}, [CHAT_EFFORT_LOW] = {"low", 2048},
    [CHAT_EFFORT_MEDIUM] = {"medium", 8192},   [CHAT_EFFORT_HIGH] = {"high", 24576},
    [CHAT_EFFORT_XHIGH] = {"xhigh", 32768},    [CHAT_EFFORT_MAX] = {"max", 49152},
};

const char *chat_effort_word(enum chat_effort effort)
{
    return efforts[effort].word;
}

enum chat_effort chat_effort_parse(struct str word)
{
    for (int i = CHAT_EFFORT_NONE; i <= CHAT_EFFORT_MAX; i++)
        if (str_is(word, efforts[i].word))
            return (enum chat_effort)i;
    return CHAT_EFFORT_UNSET;
}

int64_t chat_effort_budget(enum chat_effort effort)
{
    return efforts[effort].budget;
}

enum chat_effort chat_budget_effort(int64_t budget)
{
    if (budget <= 0)
        return CHAT_EFFORT_NONE;
    for (int i = CHAT_EFFORT_LOW; i < CHAT_EFFORT_HIGH; i++)
        if (budget <= efforts[i].budget)
            return (enum chat_effort)i;
    return CHAT_EFFORT_HIGH;
}

enum chat_effort chat_wanted_effort(const struct chat_request *r)
{
    switch (r->thinking) {
    case CHAT_THINKING_OFF:
        return CHAT_EFFORT_NONE;
    case CHAT_THINKING_BUDGET:
        return chat_budget_effort(r->thinking_budget);
    default:
        return r->effort;
    }
}
