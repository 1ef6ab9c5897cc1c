/*
 * Google's Schema object as JSON Schema.
 *
 * It is a subset of OpenAPI 3.0: types are words in capitals, `nullable` stands beside them, limits
 * may be strings (they are 64 bit integers in the API's own definition), and `propertyOrdering` has
 * no equal. Everything else is JSON Schema already and stays as it is.
 *
 * Wire: Google AI for Developers, "Caching", section "Schema".
 */
#include "dialect/gemini_generate.h"

#include <ctype.h>

static status fit(struct arena *arena, struct jspan *node);

static status lower_type(struct arena *arena, struct jspan *type)
{
    char *text;

    if (!jspan_is(type, JSPAN_STRING))
        return OK;
    text = arena_cstr(arena, type->text);
    if (!text)
        return E_NOMEM;
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    jspan_replace(type, (struct str){text, type->text.n});
    return OK;
}

/* "nullable" beside a type is a second type; null must be one of the values then. */
static status fit_nullable(struct arena *arena, struct jspan *node)
{
    bool nullable = jspan_true(gemini_get(node, "nullable"));
    struct jspan *type = jspan_get(node, "type"), *values = jspan_get(node, "enum");

    jspan_remove_key(node, "nullable");
    if (!nullable || !jspan_is(type, JSPAN_STRING))
        return OK;
    struct str types = arena_printf(arena, "[%.*s,\"null\"]", STR_ARG(type->text));
    if (!types.p)
        return E_NOMEM;
    jspan_replace(type, types);
    return jspan_is(values, JSPAN_ARRAY) ? jspan_push(arena, values, STR("null")) : OK;
}

static bool is_unspecified(const struct jspan *node)
{
    return jspan_says(jspan_get(node, "type"), "TYPE_UNSPECIFIED");
}

/* Names in snake_case, and what JSON Schema calls otherwise or not at all. */
static status fit_names(struct arena *arena, struct jspan *node)
{
    static const char *const names[] = {"anyOf",         "minItems",    "maxItems",
                                        "minLength",     "maxLength",   "minProperties",
                                        "maxProperties", "prefixItems", NULL};
    status s = OK;

    for (size_t i = 0; names[i] && !s; i++) {
        struct jspan *n = (struct jspan *)(uintptr_t)gemini_get(node, names[i]);
        if (n && !jspan_get(node, names[i]))
            s = jspan_rename(arena, n, names[i]);
    }
    jspan_remove_key(node, "propertyOrdering");
    jspan_remove_key(node, "property_ordering");
    if (is_unspecified(node))
        jspan_remove_key(node, "type");
    return s;
}

static status fit_limits(struct arena *arena, struct jspan *node)
{
    static const char *const limits[] = {"minItems",  "maxItems",      "minLength",
                                         "maxLength", "minProperties", "maxProperties"};
    long value;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct jspan *n = jspan_get(node, limits[i]);
        if (!jspan_is(n, JSPAN_STRING) || !str_to_long(jspan_str(arena, n), &value))
            continue;
        struct str number = arena_printf(arena, "%ld", value);
        if (!number.p)
            return E_NOMEM;
        jspan_replace(n, number);
    }
    return OK;
}

static status fit_all(struct arena *arena, struct jspan *container)
{
    status s = OK;

    for (struct jspan *n = jspan_first(container); n && !s; n = n->next)
        s = fit(arena, n);
    return s;
}

/* The tree's depth is limited by the parser. */
static status fit(struct arena *arena, struct jspan *node)
{
    status s;

    if (!jspan_is(node, JSPAN_OBJECT))
        return OK;
    s = fit_names(arena, node);
    if (!s)
        s = lower_type(arena, jspan_get(node, "type"));
    if (!s)
        s = fit_nullable(arena, node);
    if (!s)
        s = fit_limits(arena, node);
    if (!s)
        s = fit_all(arena, jspan_get(node, "properties"));
    if (!s)
        s = fit_all(arena, jspan_get(node, "anyOf"));
    if (!s)
        s = fit_all(arena, jspan_get(node, "prefixItems"));
    return s ? s : fit(arena, jspan_get(node, "items"));
}

status gemini_decode_schema(struct decode *d, const struct jspan *value, struct str *out)
{
    struct jspan *copy; /* the caller's own tree may still go up the lane */
    status s;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    s = jspan_parse(d->arena, jspan_text(d->arena, value), &copy, NULL);
    if (!s)
        s = fit(d->arena, copy);
    if (s)
        return s;
    *out = jspan_text(d->arena, copy);
    return out->p ? OK : E_NOMEM;
}
