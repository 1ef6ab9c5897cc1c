/*
 * Which conversation a request belongs to, so that all of it goes to the same target and finds its
 * prompt cache there.
 *
 * Clients say it in a header or in the body. Of those that do not, a conversation is known by how it
 * begins: instructions, tools, and everything up to the first words of the user. Cache breakpoints
 * wander from turn to turn, so they are no part of it. What has neither instructions nor tools has
 * no beginning worth a cache.
 */
#include "base/hash.h"
#include "exchange/life.h"

/* Headers by which clients name their session, the most specific first (as CGI spells them). */
static const char *const session_headers[] = {
    "X_SESSION_AFFINITY", "X_SESSION_ID", "X_CLAUDE_CODE_SESSION_ID", "SESSION_ID", "THREAD_ID"};

static const char *const opening_members[] = {
    "system", "instructions", "systemInstruction", "system_instruction", "tools", "functions"};

static const char *const turn_members[] = {"messages", "input", "contents"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static struct str session_of(const struct exchange *x)
{
    struct str s = STR_NONE;

    for (size_t i = 0; !s.n && i < COUNT(session_headers); i++)
        s = x->request.header(x->arg, session_headers[i]);
    if (!s.n)
        s = jspan_str(x->arena, jspan_get(x->body, "prompt_cache_key"));
    if (s.n)
        return s;
    /* Claude Code's: "user_..._account_..._session_..."; others name just the user */
    s = jspan_str(x->arena, jspan_get(jspan_get(x->body, "metadata"), "user_id"));
    return str_find(s, "session") < s.n ? s : STR_NONE;
}

static uint64_t add_value(uint64_t h, const struct jspan *n)
{
    if (str_is(n->key, "\"cache_control\""))
        return h;
    h = hash_add(h, n->key);
    if (!jspan_is(n, JSPAN_ARRAY) && !jspan_is(n, JSPAN_OBJECT))
        return hash_add(h, n->text);
    for (const struct jspan *c = jspan_first(n); c; c = c->next)
        h = add_value(h, c);
    return h;
}

static bool instructs(const struct jspan *turn)
{
    const struct jspan *role = jspan_get(turn, "role");
    return jspan_says(role, "system") || jspan_says(role, "developer");
}

/* The turns up to the first that is not ours to give instructions in. */
static uint64_t add_turns(uint64_t h, const struct jspan *turns, bool *instructed)
{
    for (const struct jspan *t = jspan_first(turns); t; t = t->next) {
        h = add_value(h, t);
        if (!instructs(t))
            break;
        *instructed = true;
    }
    return h;
}

/* 0 when nothing is there that a cache could be about. */
static uint64_t opening_of(const struct exchange *x, uint64_t h)
{
    bool found = false;

    for (size_t i = 0; i < COUNT(opening_members); i++) {
        const struct jspan *n = jspan_get(x->body, opening_members[i]);
        if (jspan_none(n))
            continue;
        found = true;
        h = add_value(h, n);
    }
    for (size_t i = 0; i < COUNT(turn_members); i++)
        h = add_turns(h, jspan_get(x->body, turn_members[i]), &found);
    return found ? hash_end(h) : 0;
}

uint64_t conversation_caller(const struct exchange *x)
{
    return x->key ? hash_end(hash_add(HASH_BEGIN, str_from(x->key->name))) : 0;
}

uint64_t conversation_find(const struct exchange *x)
{
    uint64_t h = HASH_BEGIN ^ conversation_caller(x);

    if (x->work)
        return 0; /* each call stands alone */
    struct str session = session_of(x);
    return session.n ? hash_end(hash_add(h, session)) : opening_of(x, h);
}
