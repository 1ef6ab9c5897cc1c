/*
 * Messages: tools and the choice among them.
 *
 * Tools with a type of their own (web_search_20250305, bash_20250124) are described inside the
 * vendor's service; AI Core has none of them. They are dropped and declared.
 */
#include "dialect/anthropic_messages.h"

#include <ctype.h>

/* "web_search_20250305" without its date. */
static struct str undated(struct str type)
{
    size_t n = type.n;

    while (n > 0 && isdigit((unsigned char)type.p[n - 1]))
        n--;
    if (n > 1 && n < type.n && type.p[n - 1] == '_')
        return str_slice(type, 0, n - 1);
    return type;
}

static status read_custom(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    static const char *const known[] = {"type",          "name",   "description", "input_schema",
                                        "cache_control", "strict", NULL};
    const struct jspan *schema = jspan_get(value, "input_schema");

    decode_undeclared(d, value, "tools", known);
    if (!jspan_none(schema) && !jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    if (!jspan_none(schema))
        tool->schema = jspan_text(d->arena, schema);
    tool->strict = -1;
    status s = decode_need_str(d, value, "name", &tool->name);
    if (!s)
        s = decode_str(d, value, "description", &tool->description);
    if (!s)
        s = decode_bool(d, value, "strict", &tool->strict);
    return s ? s : decode_cache(d, value, &tool->cache);
}

static status read_tool(struct decode *d, const struct jspan *value, struct chat_tool ***end)
{
    const struct jspan *type = jspan_get(value, "type");

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (!jspan_none(type) && !jspan_is(type, JSPAN_STRING))
        return decode_wrong_type(d, type, "a string");
    if (!jspan_none(type) && !jspan_says(type, "custom")) {
        decode_drop(d, "tools", undated(jspan_str(d->arena, type)));
        d->tools_lost = true;
        return OK;
    }
    struct chat_tool *tool = ARENA_NEW(d->arena, struct chat_tool);
    if (!tool)
        return E_NOMEM;
    **end = tool;
    *end = &tool->next;
    return read_custom(d, value, tool);
}

status anthropic_messages_decode_tools(struct decode *d, const struct jspan *list)
{
    struct chat_tool **end = &d->out->tools;
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = read_tool(d, n, &end);
    return s;
}

static status choose_one(struct decode *d, const struct jspan *value)
{
    struct chat_request *r = d->out;
    struct str name;
    status s = decode_need_str(d, value, "name", &name);

    if (s)
        return s;
    if (decode_has_tool(r, name)) {
        r->choice = CHAT_CHOICE_ONE;
        r->choice_name = name;
        return OK;
    }
    if (!d->tools_lost)
        return decode_invalid(d, value, "name", "no tool has the name '%.*s'", STR_ARG(name));
    r->choice = CHAT_CHOICE_AUTO;
    decode_drop(d, "tool_choice", name);
    return OK;
}

status anthropic_messages_decode_choice(struct decode *d, const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");
    struct chat_request *r = d->out;
    int alone = 0;
    status s = OK;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_says(type, "auto"))
        r->choice = CHAT_CHOICE_AUTO;
    else if (jspan_says(type, "any"))
        r->choice = CHAT_CHOICE_REQUIRED;
    else if (jspan_says(type, "none"))
        r->choice = CHAT_CHOICE_NONE;
    else if (jspan_says(type, "tool"))
        s = choose_one(d, value);
    else
        return decode_invalid(d, value, "type", "expected auto, any, tool or none");
    if (!s)
        s = decode_bool(d, value, "disable_parallel_tool_use", &alone);
    if (alone)
        r->parallel_calls = 0;
    if (!r->tools)
        r->choice = CHAT_CHOICE_UNSET; /* nothing is left to choose from */
    return s;
}
