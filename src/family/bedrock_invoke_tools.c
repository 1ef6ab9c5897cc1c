/* Steps on the tools. */
#include "family/bedrock_invoke.h"

/* --- tools that only the vendor's own service can run ---------------------------------------- */

/* A forced choice of a tool that is gone becomes a free one. */
static void repair_choice(struct invoke_edit *e, const struct jspan *gone)
{
    struct jspan *choice = jspan_get(e->body, "tool_choice");
    const struct jspan *wanted = jspan_get(choice, "name"), *name = jspan_get(gone, "name");

    if (!block_is(choice, "tool") || !wanted || !name || !str_eq(wanted->text, name->text))
        return;
    jspan_replace(jspan_get(choice, "type"), STR("\"auto\""));
    jspan_remove_key(choice, "name");
    dropped_add_cstr(e->dropped, "tool_choice");
}

static bool is_server_tool(const struct jspan *tool)
{
    const struct jspan *type = jspan_get(tool, "type");
    return jspan_is(type, JSPAN_STRING) && !jspan_says(type, "custom");
}

static status declare_tool(struct invoke_edit *e, const struct jspan *tool)
{
    struct str type = jspan_str(e->arena, jspan_get(tool, "type"));
    struct str field = arena_printf(e->arena, "tools.%.*s", STR_ARG(type));

    if (!field.p)
        return E_NOMEM;
    dropped_add(e->dropped, field);
    return OK;
}

status invoke_drop_server_tools(struct invoke_edit *e)
{
    struct jspan *tools = jspan_get(e->body, "tools");

    for (struct jspan *t = jspan_first(tools), *next; t; t = next) {
        next = t->next;
        if (!is_server_tool(t))
            continue;
        status s = declare_tool(e, t);
        if (s)
            return s;
        repair_choice(e, t);
        jspan_remove(t);
    }
    if (!jspan_first(tools)) {
        jspan_remove_key(e->body, "tools");
        jspan_remove_key(e->body, "tool_choice");
    }
    return OK;
}

/* --- tools that the history speaks of -------------------------------------------------------- */

struct known {
    struct str name; /* as written, with quotes */
    struct known *next;
};

static bool is_known(const struct known *known, struct str name)
{
    for (; known; known = known->next)
        if (str_eq(known->name, name))
            return true;
    return false;
}

/* Append a tool that takes anything for each name that is new among these blocks. */
static status add_stubs(struct invoke_edit *e, const struct jspan *blocks, struct known **known,
                        struct buf *out)
{
    for (const struct jspan *b = jspan_first(blocks); b; b = b->next) {
        const struct jspan *name = jspan_get(b, "name");
        if (!block_is(b, "tool_use") || !jspan_is(name, JSPAN_STRING) ||
            is_known(*known, name->text))
            continue;
        struct known *k = ARENA_NEW(e->arena, struct known);
        if (!k)
            return E_NOMEM;
        *k = (struct known){name->text, *known};
        buf_add_cstr(out, *known ? "," : "");
        *known = k;
        buf_add_cstr(out, "{\"name\":");
        buf_add_str(out, name->text);
        buf_add_cstr(out, ",\"input_schema\":{\"type\":\"object\"}}");
    }
    return OK;
}

status invoke_stub_tools(struct invoke_edit *e)
{
    struct known *known = NULL;
    struct buf out = {0};
    status s = OK;

    if (jspan_first(jspan_get(e->body, "tools")))
        return OK;
    buf_add_char(&out, '[');
    for (struct jspan *m = jspan_first(jspan_get(e->body, "messages")); m && !s; m = m->next)
        s = add_stubs(e, jspan_get(m, "content"), &known, &out);
    buf_add_char(&out, ']');
    struct str tools = buf_copy(&out, e->arena);
    buf_free(&out);
    if (s || !known)
        return s;
    if (!tools.p)
        return E_NOMEM;
    s = jspan_set(e->arena, e->body, "tools", tools);
    /* The caller offers no tool, so it must not be sent a call. */
    return s ? s : jspan_set(e->arena, e->body, "tool_choice", STR("{\"type\":\"none\"}"));
}
