/*
 * Gemini: tools and the choice among them.
 *
 * Tools that run at Google (googleSearch, codeExecution, urlContext and the like) are nothing that
 * another vendor's model has. They are dropped and declared.
 */
#include "dialect/gemini_generate.h"

/* --- functions ---------------------------------------------------------------------------------- */

static status read_schema(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    const struct jspan *schema = gemini_get(value, "parametersJsonSchema");
    const struct jspan *googles = gemini_get(value, "parameters");

    if (jspan_none(schema))
        return jspan_none(googles) ? OK : gemini_decode_schema(d, googles, &tool->schema);
    if (!jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    tool->schema = jspan_text(d->arena, schema);
    return tool->schema.p ? OK : E_NOMEM;
}

static status read_name(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    status s = decode_need_str(d, value, "name", &tool->name);
    return s ? s : decode_str(d, value, "description", &tool->description);
}

/* What a function answers, and whether it blocks, is not told to models of other vendors. */
static void declare_rest(struct decode *d, const struct jspan *value)
{
    static const char *const known[] = {
        "name", "description", "parameters", "parametersJsonSchema", "parameters_json_schema",
        NULL};

    decode_undeclared(d, value, "functionDeclarations", known);
}

static status read_function(struct decode *d, const struct jspan *value, struct chat_tool ***end)
{
    struct chat_tool *tool = ARENA_NEW(d->arena, struct chat_tool);

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (!tool)
        return E_NOMEM;
    tool->strict = -1;
    **end = tool;
    *end = &tool->next;
    declare_rest(d, value);
    status s = read_name(d, value, tool);
    return s ? s : read_schema(d, value, tool);
}

static status read_tool(struct decode *d, const struct jspan *value, struct chat_tool ***end)
{
    const struct jspan *list = gemini_get(value, "functionDeclarations");
    status s = OK;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    for (const struct jspan *n = gemini_first(list); n && !s; n = gemini_next(list, n))
        s = read_function(d, n, end);
    for (const struct jspan *n = jspan_first(value); n; n = n->next) {
        if (n == list || jspan_none(n))
            continue;
        decode_drop(d, "tools", jspan_key(d->arena, n));
        d->tools_lost = true;
    }
    return s;
}

status gemini_decode_tools(struct decode *d, const struct jspan *value)
{
    struct chat_tool **end = &d->out->tools;
    status s = OK;

    for (const struct jspan *n = gemini_first(value); n && !s; n = gemini_next(value, n))
        s = read_tool(d, n, &end);
    return s;
}

/* --- choice ------------------------------------------------------------------------------------- */

static bool is_allowed(const struct decode *d, const struct jspan *names, struct str name)
{
    for (const struct jspan *n = jspan_first(names); n; n = n->next)
        if (str_eq(jspan_str(d->arena, n), name))
            return true;
    return false;
}

/* One name is a choice that all vendors have; of several, the other tools are not offered, which
   comes to the same. */
static status allow(struct decode *d, const struct jspan *names)
{
    struct chat_tool **at = &d->out->tools;

    if (!jspan_is(names, JSPAN_ARRAY))
        return decode_wrong_type(d, names, "an array of strings");
    while (*at) {
        if (is_allowed(d, names, (*at)->name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    if (!d->out->tools)
        return decode_invalid(d, names, NULL, "no tool has one of these names");
    return OK;
}

static status choose(struct decode *d, const struct jspan *names)
{
    struct chat_request *r = d->out;
    struct str first = jspan_str(d->arena, jspan_first(names));

    r->choice = CHAT_CHOICE_REQUIRED;
    if (!jspan_count(names))
        return OK;
    if (jspan_count(names) > 1 || !decode_has_tool(r, first))
        return allow(d, names);
    r->choice = CHAT_CHOICE_ONE;
    r->choice_name = first;
    return OK;
}

static status read_calling(struct decode *d, const struct jspan *value)
{
    const struct jspan *mode = gemini_get(value, "mode");
    const struct jspan *names = gemini_get(value, "allowedFunctionNames");
    struct chat_request *r = d->out;

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (!r->tools)
        return OK; /* nothing to choose from */
    if (jspan_says(mode, "ANY"))
        return choose(d, names);
    if (jspan_says(mode, "NONE")) {
        r->choice = CHAT_CHOICE_NONE;
        return OK;
    }
    bool validated = jspan_says(mode, "VALIDATED");
    if (!jspan_none(mode) && !validated && !jspan_says(mode, "AUTO") &&
        !jspan_says(mode, "MODE_UNSPECIFIED"))
        return decode_invalid(d, mode, NULL, "expected AUTO, ANY, NONE or VALIDATED");
    r->choice = CHAT_CHOICE_AUTO;
    if (validated)
        decode_drop(d, "functionCallingConfig", STR("VALIDATED"));
    return jspan_count(names) ? allow(d, names) : OK;
}

status gemini_decode_choice(struct decode *d, const struct jspan *value)
{
    static const struct decode_field members[] = {{"functionCallingConfig", read_calling},
                                                  {"retrievalConfig", NULL}};

    return gemini_fields(d, value, "toolConfig", members, sizeof members / sizeof *members);
}
