/*
 * Chat completions: tools and the choice among them.
 */
#include "dialect/openai_chat.h"

enum { MAX_ALLOWED = 128 }; /* the API's own limit for tools */

static struct chat_tool **end_of(struct chat_tool **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

/* {"name":..,"description":..,"parameters":..,"strict":..} */
static status read_function(struct decode *d, const struct jspan *function, struct chat_tool *tool)
{
    const struct jspan *schema = jspan_get(function, "parameters");

    if (!jspan_is(function, JSPAN_OBJECT))
        return decode_wrong_type(d, function, "an object");
    if (!jspan_none(schema) && !jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    if (!jspan_none(schema))
        tool->schema = jspan_text(d->arena, schema);
    status s = decode_need_str(d, function, "name", &tool->name);
    if (!s)
        s = decode_str(d, function, "description", &tool->description);
    if (!s)
        s = decode_bool(d, function, "strict", &tool->strict);
    return s ? s : decode_cache(d, function, &tool->cache);
}

static struct chat_tool *new_tool(struct decode *d)
{
    struct chat_tool *tool = ARENA_NEW(d->arena, struct chat_tool);
    if (tool)
        tool->strict = -1;
    return tool;
}

static status read_tool(struct decode *d, const struct jspan *value, struct chat_tool ***end)
{
    struct str type;
    status s;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    s = decode_need_str(d, value, "type", &type);
    if (s)
        return s;
    if (!str_is(type, "function")) {
        decode_drop(d, "tools", type);
        d->tools_lost = true;
        return OK;
    }
    if (!jspan_get(value, "function"))
        return decode_invalid(d, value, "function", "this field is required");
    struct chat_tool *tool = new_tool(d);
    if (!tool)
        return E_NOMEM;
    s = read_function(d, jspan_get(value, "function"), tool);
    **end = tool;
    *end = &tool->next;
    return s ? s : decode_cache(d, value, &tool->cache);
}

status openai_chat_decode_tools(struct decode *d, const struct jspan *list)
{
    struct chat_tool **end = end_of(&d->out->tools);
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array");
    d->out->legacy_calls = false;
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = read_tool(d, n, &end);
    return s;
}

status openai_chat_decode_functions(struct decode *d, const struct jspan *list)
{
    struct chat_tool **end = end_of(&d->out->tools);
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next) {
        struct chat_tool *tool = new_tool(d);
        if (!tool)
            return E_NOMEM;
        s = read_function(d, n, tool);
        *end = tool;
        end = &tool->next;
    }
    d->out->legacy_calls = true;
    d->out->parallel_calls = 0; /* the old form has room for one call */
    return s;
}

/* --- the choice ------------------------------------------------------------------------------ */

static status choose_one(struct decode *d, const struct jspan *holder)
{
    struct chat_request *r = d->out;
    struct str name;

    if (!jspan_is(holder, JSPAN_OBJECT))
        return decode_wrong_type(d, holder, "an object");
    status s = decode_need_str(d, holder, "name", &name);
    if (s)
        return s;
    if (!decode_has_tool(r, name))
        return decode_invalid(d, holder, "name", "no tool has the name '%.*s'", STR_ARG(name));
    r->choice = CHAT_CHOICE_ONE;
    r->choice_name = name;
    return OK;
}

static bool allowed(const struct jspan *list, struct arena *arena, struct str name)
{
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (str_eq(jspan_str(arena, jspan_get(jspan_get(n, "function"), "name")), name))
            return true;
    return false;
}

/* The hub knows no subset of tools: the others are taken away instead. The model then does not see
   them, and a prompt cache that holds the whole list is missed; hence the declaration. */
static status choose_among(struct decode *d, const struct jspan *value)
{
    const struct jspan *inner = jspan_get(value, "allowed_tools");
    const struct jspan *list = jspan_get(inner, "tools");
    struct chat_tool **at = &d->out->tools;

    if (!jspan_is(inner, JSPAN_OBJECT))
        return decode_invalid(d, value, "allowed_tools", "expected an object");
    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_invalid(d, inner, "tools", "expected an array");
    if (jspan_count(list) > MAX_ALLOWED)
        return decode_invalid(d, list, NULL, "must hold at most %d tools", MAX_ALLOWED);
    while (*at) {
        if (allowed(list, d->arena, (*at)->name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    bool must = jspan_says(jspan_get(inner, "mode"), "required");
    d->out->choice = must ? CHAT_CHOICE_REQUIRED : CHAT_CHOICE_AUTO;
    decode_drop(d, "tool_choice", STR("allowed_tools"));
    return OK;
}

static status choose_word(struct decode *d, const struct jspan *value)
{
    if (jspan_says(value, "auto"))
        d->out->choice = CHAT_CHOICE_AUTO;
    else if (jspan_says(value, "none"))
        d->out->choice = CHAT_CHOICE_NONE;
    else if (jspan_says(value, "required") || jspan_says(value, "any"))
        d->out->choice = CHAT_CHOICE_REQUIRED;
    else
        return decode_invalid(d, value, NULL, "expected none, auto, required or an object");
    return OK;
}

static status choose(struct decode *d, const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");

    if (jspan_is(value, JSPAN_STRING))
        return choose_word(d, value);
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "a string or an object");
    if (jspan_says(type, "allowed_tools"))
        return choose_among(d, value);
    if (jspan_says(type, "function") && jspan_get(value, "function"))
        return choose_one(d, jspan_get(value, "function"));
    if (jspan_says(type, "function"))
        return decode_invalid(d, value, "function", "this field is required");
    if (jspan_is(type, JSPAN_STRING) && d->tools_lost) { /* "custom": dropped with its tool */
        decode_drop(d, "tool_choice", jspan_str(d->arena, type));
        d->out->choice = CHAT_CHOICE_AUTO;
        return OK;
    }
    return decode_invalid(d, value, "type", "expected function or allowed_tools");
}

status openai_chat_decode_choice(struct decode *d, const struct jspan *value)
{
    status s = choose(d, value);
    if (!s && !d->out->tools)
        d->out->choice = CHAT_CHOICE_UNSET; /* nothing is left to choose from */
    return s;
}

status openai_chat_decode_function_call(struct decode *d, const struct jspan *value)
{
    if (jspan_is(value, JSPAN_STRING))
        return choose_word(d, value);
    return choose_one(d, value);
}
