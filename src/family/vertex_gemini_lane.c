/*
 * Steps on a caller's own Gemini request that no table of members can say: Google's public API takes
 * contents in looser forms than Vertex AI does (roles left out, single objects for lists, pieces of
 * one turn behind each other, as SDKs replay streams).
 */
#include "family/vertex_gemini.h"

static bool is_model(const struct jspan *content)
{
    return jspan_says(jspan_get(content, "role"), "model");
}

/* A single object stands for a list of one. */
static status make_list(struct arena *arena, struct jspan *n)
{
    if (!jspan_is(n, JSPAN_OBJECT))
        return OK;
    struct str text = jspan_text(arena, n);
    struct str list = arena_printf(arena, "[%.*s]", STR_ARG(text));
    return text.p && list.p ? jspan_expand(arena, n, list) : E_NOMEM;
}

static status fit_role(struct arena *arena, struct jspan *content)
{
    const struct jspan *role = jspan_get(content, "role");

    if (!jspan_is(content, JSPAN_OBJECT) || (!jspan_none(role) && !jspan_says(role, "")))
        return OK;
    return jspan_set(arena, content, "role", STR("\"user\""));
}

/* A signature of ours goes back to the dialect that made it; here it would be a corrupted one. */
static void drop_packets(struct jspan *content)
{
    for (struct jspan *p = jspan_first(jspan_get(content, "parts")); p; p = p->next) {
        struct jspan *signature = jspan_get(p, "thoughtSignature");
        if (!jspan_is(signature, JSPAN_STRING) ||
            !str_starts(signature->text, "\"" CHAT_GEMINI_PACKET))
            continue;
        if (jspan_get(p, "functionCall"))
            jspan_replace(signature, STR("\"" GEMINI_NO_SIGNATURE "\""));
        else
            jspan_remove(signature);
    }
}

static void move_parts(struct jspan *from, struct jspan *to)
{
    struct jspan *next;

    for (struct jspan *p = jspan_first(from); p; p = next) {
        next = p->next;
        jspan_move(p, to);
    }
}

/* Roles have to alternate. */
static status merge_turns(struct arena *arena, struct jspan *contents)
{
    struct jspan *before = NULL, *next;

    for (struct jspan *c = jspan_first(contents); c; c = next) {
        next = c->next;
        status s = make_list(arena, jspan_get(c, "parts"));
        if (!s)
            s = fit_role(arena, c);
        if (s)
            return s;
        drop_packets(c);
        struct jspan *to = jspan_get(before, "parts"), *from = jspan_get(c, "parts");
        if (before && is_model(before) == is_model(c) && jspan_is(to, JSPAN_ARRAY) &&
            jspan_is(from, JSPAN_ARRAY)) {
            move_parts(from, to);
            jspan_remove(c);
        } else {
            before = c;
        }
    }
    return OK;
}

static status fit_system(struct arena *arena, struct jspan *system)
{
    if (!jspan_is(system, JSPAN_STRING))
        return OK;
    struct str object = arena_printf(arena, "{\"parts\":[{\"text\":%.*s}]}", STR_ARG(system->text));
    if (!object.p)
        return E_NOMEM;
    jspan_replace(system, object);
    return OK;
}

status gemini_fit_lane(struct arena *arena, struct jspan *body)
{
    status s = fit_system(arena, jspan_get(body, "systemInstruction"));

    if (!s)
        s = fit_system(arena, jspan_get(body, "system_instruction"));
    if (!s)
        s = make_list(arena, jspan_get(body, "contents"));
    return s ? s : merge_turns(arena, jspan_get(body, "contents"));
}
